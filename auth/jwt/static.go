package jwt

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
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

func (s *static) current(context.Context, jose.Header) (*jose.KeySet, bool, error) {
	return s.set, false, nil
}
func (s *static) renewed(context.Context, *jose.KeySet, bool) (*jose.KeySet, error) { return nil, nil }

// StaticKeys are public keys known at start. Each of keys is one of
//
//   - PEM, as string or []byte: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE, of
//     which only the key counts;
//   - a JWK or JWK Set, as string or []byte (RFC 7517);
//   - a *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
//
// A key that is there twice counts once. Several keys may have one kid: those
// that fit the alg of a token are tried, four at most. In a JWK a member that
// is null is one that is not there, and in a set a key that is of no use is
// passed over.
//
// A key without a kid is tried for tokens whose kid names no other key. At most
// four such keys may be for one algorithm, or [New] refuses them: give them
// kids, as JWKs. A token without kid is tried with all keys for its algorithm,
// and refused where those are more than four. Private keys and secrets are an
// error: a verifier has no business with them.
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
		found.Add("", "", "has no keys")
	}
	return newStatic(all, found)
}

// SecretKeys are secrets shared with the issuer, for HS256, HS384 and HS512:
// whoever can verify such a token can make one. Each must have at least 32
// bytes from a random source (RFC 7518 section 3.2); HS384 and HS512 take only
// secrets of 48 and 64 bytes. A passphrase is not such a secret. Neither is a
// key of another kind, public or private: what has the form of one, in PEM,
// DER, base64, JSON or as OpenSSH writes it, is an error (RFC 8725 section
// 3.1). At most four may be for one algorithm.
func SecretKeys(secrets ...[]byte) KeySource {
	found := fault.In("jwt.Keys")
	var all []*jose.Key
	for i, secret := range secrets {
		if len(secret) < jose.MinSecret {
			found.AddAt("", i, "", "is shorter than 32 bytes")
			continue
		}
		if kind := otherKey(secret); kind != "" {
			found.AddAt("", i, "", "is "+kind+" and not a secret; give public keys to StaticKeys")
			continue
		}
		all = append(all, jose.NewSecret(secret))
	}
	if len(secrets) == 0 {
		found.Add("", "", "has no secrets")
	}
	s := newStatic(all, found)
	s.secrets = true
	return s
}

// newStatic returns a source of the keys, with what was found wrong before.
func newStatic(keys []*jose.Key, found *fault.List) *static {
	return &static{set: jose.NewKeySet(keys), err: found.Err()}
}

// useless reports keys with which no token would ever be accepted: none of them
// is for an accepted algorithm, or more of them than a token is tried with are
// without a kid and for the same one.
func (s *static) useless(accepted map[string]*jose.Algorithm) error {
	if s.set == nil {
		return nil
	}
	names := jose.Names(accepted)
	if !slices.ContainsFunc(names, func(name string) bool { return s.set.Fits(accepted[name]) }) {
		return &bulwark.ConfigError{Field: "jwt.Algorithms", Value: strings.Join(names, ","),
			Reason: "has no algorithm that any of the Keys fits, so that every token would be refused"}
	}
	for _, name := range names {
		count := s.set.NamelessFor(accepted[name])
		if count > jose.MaxTries {
			return &bulwark.ConfigError{Field: "jwt.Keys", Value: name,
				Reason: fmt.Sprintf("has %d keys without a kid for this algorithm; at most %d can be tried: give them kids, as JWKs", count, jose.MaxTries)}
		}
	}
	return nil
}
