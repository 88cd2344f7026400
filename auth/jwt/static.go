package jwt

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// static is a source whose keys never change.
type static struct {
	set     *jose.KeySet
	secrets bool
	errs    []error
}

func (s *static) secret() bool                   { return s.secrets }
func (s *static) faults(string) []error          { return s.errs }
func (s *static) shutdown(context.Context) error { return nil }

func (s *static) current(context.Context, jose.Header) (*jose.KeySet, bool, error) {
	return s.set, false, nil
}
func (s *static) renewed(context.Context, *jose.KeySet, bool) (*jose.KeySet, error) { return nil, nil }

func (s *static) wrong(i int, reason string) {
	s.errs = append(s.errs, &bulwark.ConfigError{Field: fmt.Sprintf("jwt.Keys[%d]", i), Reason: reason})
}

// StaticKeys are public keys known at start. Each of keys is one of
//
//   - PEM, as string or []byte: PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE, of
//     which only the key counts;
//   - a JWK or JWK Set, as string or []byte (RFC 7517);
//   - a *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
//
// A key without a kid is tried for tokens whose kid names no other key. At most
// four such keys may be for one algorithm, or [New] refuses them: give them
// kids, as JWKs. A token without kid is tried with all keys for its algorithm,
// and refused where those are more than four. Private keys and secrets are an
// error: a verifier has no business with them.
func StaticKeys(keys ...any) KeySource {
	s := &static{}
	var all []*jose.Key
	for i, k := range keys {
		found, err := staticKey(k)
		if err != nil {
			s.wrong(i, err.Error())
		}
		all = append(all, found...)
	}
	if len(keys) == 0 {
		s.errs = append(s.errs, &bulwark.ConfigError{Field: "jwt.Keys", Reason: "has no keys"})
	}
	s.finish(all)
	return s
}

// SecretKeys are secrets shared with the issuer, for HS256, HS384 and HS512:
// whoever can verify such a token can make one. Each must have at least 32
// bytes from a random source (RFC 7518 section 3.2); HS384 and HS512 take only
// secrets of 48 and 64 bytes. A passphrase is no such secret. At most four may
// be for one algorithm.
func SecretKeys(secrets ...[]byte) KeySource {
	s := &static{secrets: true}
	var all []*jose.Key
	for i, secret := range secrets {
		if len(secret) < jose.MinSecret {
			s.wrong(i, "is shorter than 32 bytes")
			continue
		}
		all = append(all, jose.NewSecret(secret))
	}
	if len(secrets) == 0 {
		s.errs = append(s.errs, &bulwark.ConfigError{Field: "jwt.Keys", Reason: "has no secrets"})
	}
	s.finish(all)
	return s
}

func (s *static) finish(keys []*jose.Key) {
	set, err := jose.NewKeySet(keys)
	if err != nil && len(s.errs) == 0 {
		s.errs = append(s.errs, &bulwark.ConfigError{Field: "jwt.Keys", Reason: err.Error()})
	}
	s.set = set
}

// tooMany reports more keys without a kid for one algorithm than a token is
// tried with: none would ever be accepted.
func (s *static) tooMany(accepted map[string]*jose.Algorithm) error {
	if s.set == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(accepted)) {
		count := s.set.NamelessFor(accepted[name])
		if count > jose.MaxTries {
			return &bulwark.ConfigError{Field: "jwt.Keys", Value: name,
				Reason: fmt.Sprintf("has %d keys without a kid for this algorithm; at most %d can be tried: give them kids, as JWKs", count, jose.MaxTries)}
		}
	}
	return nil
}
