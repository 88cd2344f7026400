package jwt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// static is a source whose keys never change.
type static struct {
	set     *jose.KeySet
	secrets bool
	err     error // what is wrong with the configuration
}

func (s *static) secret() bool                         { return s.secrets }
func (s *static) faults(string) error                  { return s.err }
func (s *static) open()                                {}
func (s *static) shutdown(context.Context, bool) error { return nil }
func (s *static) refresh(context.Context) error        { return nil }
func (s *static) initial() *jose.KeySet                { return s.set }

func (s *static) current(context.Context, jose.Header) (*jose.KeySet, bool, error) {
	return s.set, false, nil
}
func (s *static) renewed(context.Context, *jose.KeySet, bool) (*jose.KeySet, error) { return nil, nil }

// StaticKeys are public keys that are known at start. Each of keys is one of:
//
//   - PEM as string or []byte: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE. Of a
//     certificate only the key is read;
//   - a JWK or JWK Set as string or []byte (RFC 7517);
//   - a *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
//
// Private keys and secrets are an error: a verifier does not need them. A key
// that is given twice counts once. In a JWK a member that is null counts as
// absent. In a JWK Set a key that cannot be used is skipped.
//
// Which keys are tried for a token:
//
//   - the keys that have the kid of the token and fit its alg, at most four;
//   - if no key has the kid: the keys without kid that fit the alg. At most
//     four such keys may be for one algorithm. [New] refuses more: give them
//     kids, as JWKs;
//   - for a token without kid: all keys that fit the alg. The token is refused
//     if these are more than four.
func StaticKeys(keys ...any) KeySource {
	found := fault.In("jwt.Keys")
	var all []*jose.Key
	for i, k := range keys {
		some, err := staticKey(k)
		if err != nil {
			found.AddAt("", i, "", err.Error())
		}
		all = append(all, some...)
	}
	if len(keys) == 0 {
		found.Add("", "", "has no keys; give StaticKeys at least one public key, as PEM, JWK or crypto.PublicKey")
	}
	return newStatic(all, found)
}

// SecretKeys are secrets that are shared with the issuer, for HS256, HS384 and
// HS512. Everybody who can verify such a token can also make one.
//
// Each secret must have at least 32 bytes from a random source, and at least 48
// for HS384 and 64 for HS512 (RFC 7518 section 3.2). A passphrase is not such a
// secret. A public or private key is not such a secret either: a text that
// looks like one (in PEM, DER, base64 or JSON, or as OpenSSH writes it) is an
// error (RFC 8725 section 3.1). At most four secrets may be for one algorithm.
func SecretKeys(secrets ...[]byte) KeySource {
	found := fault.In("jwt.Keys")
	var all []*jose.Key
	for i, secret := range secrets {
		if len(secret) < jose.MinSecret && isBlank(secret) {
			found.AddAt("", i, "", "is empty; is the variable set? Make 32 bytes with crypto/rand, and give them to issuer and service")
			continue
		}
		if len(secret) < jose.MinSecret {
			found.AddAt("", i, "", "is shorter than 32 bytes; make 32 bytes with crypto/rand, and give them to issuer and service")
			continue
		}
		if kind := keyform.Of(secret); kind != "" {
			found.AddAt("", i, "", "is "+kind+" and not a secret; give public keys to StaticKeys, and no private key")
			continue
		}
		all = append(all, jose.NewSecret(secret))
	}
	if len(secrets) == 0 {
		found.Add("", "", "has no secrets; give SecretKeys at least one secret of 32 random bytes")
	}
	s := newStatic(all, found)
	s.secrets = true
	return s
}

// newStatic returns a source of the keys, with what was found wrong before.
func newStatic(keys []*jose.Key, found *fault.List) *static {
	return &static{set: jose.NewKeySet(keys), err: found.Err()}
}

// useless reports keys with which no token would ever be accepted. Either no
// key is for an accepted algorithm. Or too many keys for one algorithm have no
// kid.
func useless(set *jose.KeySet, accepted map[string]*jose.Algorithm) error {
	names := jose.Names(accepted)
	if !slices.ContainsFunc(names, func(name string) bool { return set.Fits(accepted[name]) }) {
		return &bulwark.ConfigError{Field: "jwt.Algorithms", Value: strings.Join(names, ","),
			Reason: "has no algorithm for any of the Keys: every token would be refused; leave Algorithms out to accept all that the Keys allow"}
	}
	for _, name := range names {
		count := set.NamelessFor(accepted[name])
		if count > jose.MaxTries {
			return &bulwark.ConfigError{Field: "jwt.Keys", Value: name,
				Reason: fmt.Sprintf("has %d keys without a kid for this algorithm; at most %d can be tried: give them kids, as JWKs", count, jose.MaxTries)}
		}
	}
	return nil
}
