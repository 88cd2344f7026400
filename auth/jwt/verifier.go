package jwt

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// Verifier verifies the tokens of one issuer. It is an [auth.Authenticator] for
// "Authorization: Bearer", and safe for concurrent use. Make it with [New].
type Verifier struct {
	issuer      string
	audience    []string
	keys        source
	rules       jose.Rules
	skew        time.Duration
	maxLifetime time.Duration
	roles, tier claimPath
	method      string
	maxBytes    int
	cache       *cache
	headers     headers
}

// Issuer returns the issuer whose tokens v verifies.
func (v *Verifier) Issuer() string { return v.issuer }

// Detect claims a Bearer token of three segments whose iss is exactly the
// verifier's.
func (v *Verifier) Detect(r *http.Request) auth.Presence {
	token, ok := auth.Credentials(r, "Bearer")
	if !ok || !compact.IsFrom(token, v.issuer) {
		return auth.None
	}
	return auth.Explicit
}

// Authenticate verifies the Bearer token of r.
func (v *Verifier) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	token, ok := auth.Credentials(r, "Bearer")
	if !ok {
		return nil, auth.Invalid("malformed", errors.New("no Bearer token"))
	}
	return v.Verify(r.Context(), token)
}

// Challenge offers Bearer (RFC 6750 section 3).
func (v *Verifier) Challenge() bulwark.Challenge { return bulwark.Challenge{Scheme: "Bearer"} }

// Shutdown stops fetching keys and waits for a fetch under way until ctx ends.
// Keys that are there remain.
func (v *Verifier) Shutdown(ctx context.Context) error {
	if v == nil || v.keys == nil {
		return nil
	}
	return v.keys.shutdown(ctx)
}

// Verify returns the caller that the token names, or an error for
// [bulwark.Deny]: what [auth.Invalid] makes of a bad token, and
// [auth.Unavailable] where the keys cannot be had. The context bounds how long it
// may wait for keys that have never been fetched.
func (v *Verifier) Verify(ctx context.Context, token string) (*bulwark.Principal, error) {
	if v == nil || v.keys == nil {
		return nil, &bulwark.ConfigError{Field: "jwt", Reason: "the Verifier was made without New"}
	}
	if len(token) > v.maxBytes {
		return nil, auth.Invalid("malformed", compact.ErrTooLong)
	}
	now := time.Now()
	digest := sha256.Sum256(compact.Bytes(token))
	if hit := v.cache.get(digest); hit != nil && hit.live(now) {
		set, _, err := v.keys.current(ctx)
		if err != nil {
			return nil, err
		}
		if set.Holds(hit.thumbprint) {
			return hit.principal, nil
		}
	}
	return v.verify(ctx, token, digest, now)
}

// verify does the whole work, the cheap checks first: who sends nonsense should
// not cost a signature.
func (v *Verifier) verify(ctx context.Context, token string, digest [sha256.Size]byte, now time.Time) (*bulwark.Principal, error) {
	parts, err := compact.Parse(token, v.maxBytes)
	if err != nil {
		return nil, auth.Invalid("malformed", err)
	}
	segment := token[:strings.IndexByte(token, '.')]
	head, known := v.headers.get(segment)
	if !known {
		if head, err = v.rules.ReadHeader(parts.Header); err != nil {
			return nil, invalid(err)
		}
	}
	claims, err := v.readClaims(parts.Payload, now)
	if err != nil {
		return nil, err
	}
	signer, err := v.verifySignature(ctx, head, parts)
	if err != nil {
		return nil, err
	}
	if !known {
		v.headers.put(segment, head)
	}
	principal := v.principal(claims, parts.Payload)
	v.cache.put(digest, principal, signer.Thumbprint, len(parts.Payload), now)
	return principal, nil
}

// verifySignature returns the key that has signed the token. A kid that is not
// among the keys is looked for at the issuer, at most so often; a bad signature
// is not, or anybody could make us fetch.
func (v *Verifier) verifySignature(ctx context.Context, head jose.Header, parts compact.Token) (*jose.Key, error) {
	set, waited, err := v.keys.current(ctx)
	if err != nil {
		return nil, err
	}
	candidates, err := set.Candidates(head)
	if jose.UnknownKey(err) {
		renewed, failed := v.keys.renewed(ctx, set, waited)
		if failed != nil {
			return nil, failed
		}
		if renewed != nil {
			candidates, err = renewed.Candidates(head)
		}
	}
	if err != nil {
		return nil, invalid(err)
	}
	signer, err := head.Verify(parts, candidates)
	if err != nil {
		return nil, invalid(err)
	}
	return signer, nil
}
