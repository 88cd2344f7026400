package jwt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// Verifier verifies the tokens of one issuer. It is an [auth.Authenticator] for
// "Authorization: Bearer" and "DPoP", and safe for concurrent use. Make it with
// [New].
type Verifier struct {
	issuer        string
	audience      []string
	audienceClaim claims.Path
	require       []claim
	keys          source
	rules         jose.Rules
	skew          time.Duration
	maxLifetime   time.Duration
	names         claims.Names
	method        string
	maxBytes      int
	binding       confirmation.Rules
	revocations   revocation.Checker
	cache         *cache.Cache[*verified]
	headers       headers
	closed        atomic.Bool // has let go of the keys
}

// What Verifiers are to [auth.New].
var (
	_ auth.Authenticator = (*Verifier)(nil)
	_ auth.Issuer        = (*Verifier)(nil)
	_ bulwark.Shutdowner = (*Verifier)(nil)
)

// Issuer returns the issuer whose tokens v verifies.
func (v *Verifier) Issuer() string {
	if v == nil {
		return ""
	}
	return v.issuer
}

// Detect claims a Bearer token of three segments whose iss is exactly the
// verifier's, and with [Config.DPoP] one under the scheme DPoP. It looks into
// no token that is longer than MaxTokenBytes. A long token is decoded once for
// all verifiers of a request.
func (v *Verifier) Detect(r *http.Request) auth.Presence {
	if v.made() != nil {
		return auth.None
	}
	token, _, ok := v.binding.Credentials(r)
	if !ok || !issuer.IsFrom(r, token, v.issuer, v.maxBytes) {
		return auth.None
	}
	return auth.Explicit
}

// Authenticate verifies the token of r, and that r comes from the client that
// it is bound to where it is bound.
func (v *Verifier) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := v.made(); err != nil {
		return nil, err
	}
	token, scheme, ok := v.binding.Credentials(r)
	if !ok {
		return nil, auth.Invalid("malformed", errNoToken)
	}
	known, err := v.verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	if err := v.binding.Check(r, scheme, token, known.bound); err != nil {
		return nil, err
	}
	return known.principal, nil
}

// made returns an error for a Verifier that no New has made.
func (v *Verifier) made() error {
	if v == nil || v.keys == nil {
		return fault.Unmade("jwt", "New")
	}
	return nil
}

// Challenges offers the schemes, the one to prefer first: Bearer (RFC 6750
// section 3), or DPoP with the algorithms of proofs (RFC 9449 section 7.1).
func (v *Verifier) Challenges() []bulwark.Challenge {
	if v.made() != nil {
		return []bulwark.Challenge{{Scheme: confirmation.Bearer}}
	}
	return v.binding.Challenges()
}

// Shutdown stops fetching keys and waits for a fetch under way until ctx ends.
// Keys that are there remain. Where other verifiers share the [KeySource], it
// goes on for them, and the last one stops it.
func (v *Verifier) Shutdown(ctx context.Context) error {
	if v.made() != nil {
		return nil
	}
	return v.keys.shutdown(ctx, !v.closed.Swap(true))
}

// Verify returns the caller that the token names, or an error for
// [bulwark.Deny]: what [auth.Invalid] makes of a bad token, and
// [auth.Unavailable] where the keys cannot be had or the Revocations not be
// asked. A token that is bound to a client is refused: there is no request that
// proves it. The context bounds how long Verify may wait: for keys that have
// never been fetched, for a look for a new kid, and for Revocations.
func (v *Verifier) Verify(ctx context.Context, token string) (*bulwark.Principal, error) {
	if err := v.made(); err != nil {
		return nil, err
	}
	known, err := v.verify(ctx, token)
	if err != nil {
		return nil, err
	}
	if err := confirmation.CheckNone(known.bound); err != nil {
		return nil, err
	}
	return known.principal, nil
}

// verify returns what the token has come to: the caller, and what the request
// must prove that carries it. What may have changed since it was remembered is
// asked anew: its time, its key, and whether it has been revoked.
func (v *Verifier) verify(ctx context.Context, token string) (*verified, error) {
	if len(token) > v.maxBytes {
		return nil, auth.Invalid("malformed", fmt.Errorf("%w; jwt.Config.MaxTokenBytes is %d", compact.ErrTooLong, v.maxBytes))
	}
	now := time.Now()
	digest := sha256.Sum256(compact.Bytes(token))
	known, err := v.remembered(ctx, digest, now)
	if err != nil {
		return nil, err
	}
	if known == nil {
		if known, err = v.verifyAnew(ctx, token, now); err != nil {
			return nil, err
		}
		v.cache.Put(digest, known, known.bytes)
	}
	if err := v.revocations.Check(ctx, known.principal); err != nil {
		return nil, err
	}
	return known, nil
}

// remembered returns what the token came to a short while ago, or nil.
func (v *Verifier) remembered(ctx context.Context, digest [sha256.Size]byte, now time.Time) (*verified, error) {
	hit := v.cache.Get(digest)
	if hit == nil || !hit.live(now) {
		return nil, nil
	}
	set, _, err := v.keys.current(ctx, jose.Header{})
	if err != nil {
		return nil, err
	}
	if !set.Holds(hit.thumbprint) {
		return nil, nil
	}
	return hit, nil
}

// verifyAnew does the whole work, the cheap checks first: who sends nonsense
// should not cost a signature.
func (v *Verifier) verifyAnew(ctx context.Context, token string, now time.Time) (*verified, error) {
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
	said, err := v.readClaims(parts.Payload, now)
	if err != nil {
		return nil, err
	}
	signer, err := v.verifySignature(ctx, head, parts)
	if err != nil {
		return nil, err
	}
	if err := v.checkTimes(&said.set, time.Now()); err != nil { // it may have waited for keys
		return nil, err
	}
	if !known {
		v.headers.put(segment, head)
	}
	principal := said.set.Principal(v.issuer, v.method, said.grants, parts.Payload)
	return newVerified(principal, said.set.Bound, signer.Thumbprint, len(parts.Payload), now), nil
}

// verifySignature returns the key that has signed the token. A kid that is not
// among the keys is looked for at the issuer, at most so often; a bad signature
// is not, or anybody could make us fetch.
func (v *Verifier) verifySignature(ctx context.Context, head jose.Header, parts compact.Token) (*jose.Key, error) {
	set, waited, err := v.keys.current(ctx, head)
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

// What the log says of a refusal that needs no more words.
var (
	errNoToken   = errors.New("there is no Bearer or DPoP token")
	errSignature = errors.New("no key of jwt.Config.Keys with the kid and the alg of the token has made the signature")
)

// invalid is the refusal of a token for a fault of its form, key or signature.
// The log names the field of the Config that would accept the token.
func invalid(err error) *bulwark.Problem {
	var bad *jose.Fault
	if !errors.As(err, &bad) {
		return auth.Invalid("malformed", err)
	}
	var typ *jose.TypeError
	var alg *jose.AlgorithmError
	switch {
	case errors.As(err, &typ) && typ.Plain():
		return auth.Invalid(bad.Reason, fmt.Errorf("%w; set jwt.Config.InsecurePlainType to accept this typ also", typ))
	case errors.As(err, &typ):
		return auth.Invalid(bad.Reason, fmt.Errorf("%w; jwt.Config.Types names the accepted ones", typ))
	case errors.As(err, &alg):
		return auth.Invalid(bad.Reason, fmt.Errorf("%w; jwt.Config.Algorithms names the accepted ones, "+
			"and jwt.Config.Keys must fit: SecretKeys for HS256, public keys for RS256 and ES256", alg))
	case bad.Reason == "signature":
		return auth.Invalid(bad.Reason, errSignature)
	case bad.Reason == "malformed":
		return auth.Invalid(bad.Reason, bad.Err)
	}
	return auth.Invalid(bad.Reason, fmt.Errorf("%w; jwt.Config.Keys must hold the key that signed the token, "+
		"and looks for a new one at most once each RemoteConfig.Cooldown", bad.Err))
}
