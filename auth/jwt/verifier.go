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
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/claims"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/issuer"
	"github.com/bulwark-go/bulwark/auth/internal/revocation"
	"github.com/bulwark-go/bulwark/auth/internal/terms"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// A Verifier verifies the tokens of one issuer. It is an [auth.Authenticator]
// for the schemes Bearer and DPoP of the Authorization header. It is safe for
// concurrent use. Make it with [New].
type Verifier struct {
	issuer        string
	audience      []string
	audienceClaim claims.Path
	require       []claim
	keys          source
	rules         jose.Rules
	skew          time.Duration
	maxLifetime   time.Duration
	completion    claims.Completion
	method        string
	maxBytes      int
	binding       confirmation.Rules
	revocations   revocation.Checker
	cache         *cache.Cache[*verified]
	headers       headers
	tenants       *tenants    // of a template, or nil
	id            uint64      // among those that share a cache
	closed        atomic.Bool // has let go of the keys
}

// The interfaces by which [auth.New] knows a Verifier.
var (
	_ auth.Authenticator = (*Verifier)(nil)
	_ auth.Issuer        = (*Verifier)(nil)
	_ auth.Reviewer      = (*Verifier)(nil)
	_ terms.Party        = (*Verifier)(nil)
	_ bulwark.Shutdowner = (*Verifier)(nil)
)

// Issuer returns the issuer whose tokens v verifies.
func (v *Verifier) Issuer() string {
	if v == nil {
		return ""
	}
	return v.issuer
}

// Terms tells [auth.New] whether the opaque tokens of the issuer may be
// accepted beside its signed tokens.
func (v *Verifier) Terms() terms.Terms {
	if v.made() != nil {
		return terms.Terms{}
	}
	return terms.Terms{
		Kind: terms.Signed, Revocations: v.revocations.Store(), DPoP: v.binding.Prover,
		MutualTLS: v.binding.MutualTLS, Unbound: v.binding.Unbound, Clients: v.completion.Names.Clients(), MaxTokenBytes: v.maxBytes,
	}
}

// Review asks [Config.Revocations] again, for the streams of a caller. Without
// Revocations there is nothing to ask: a token is good until it expires. During
// [Config.InsecureOnOutage] the token counts as good.
func (v *Verifier) Review(p *bulwark.Principal) (name string, again func(context.Context) error) {
	if v.made() != nil {
		return "", nil
	}
	return v.revocations.Review(p)
}

// Detect returns [auth.Explicit] for a Bearer token of three segments whose iss
// is exactly the issuer of v, and [auth.None] for any other. With [Config.DPoP]
// the scheme may also be DPoP. Detect does not look into a token that is longer
// than [Config.MaxTokenBytes].
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

// Authenticate verifies the token of r. If the token is bound to a client, r
// must come from this client.
func (v *Verifier) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := v.made(); err != nil {
		return nil, err
	}
	token, scheme, ok := v.binding.Credentials(r)
	if !ok {
		return nil, v.named(auth.Invalid("malformed", errNoToken))
	}
	known, err := v.verify(r.Context(), token)
	if err != nil {
		return nil, v.named(err)
	}
	if err := v.binding.Check(r, scheme, token, known.bound); err != nil {
		return nil, v.named(err)
	}
	return known.principal, nil
}

// named makes the event of a refusal name the Method of v.
func (v *Verifier) named(err error) error { return attempt.Mark(err, v.method) }

// made returns an error for a Verifier that was made without New.
func (v *Verifier) made() error {
	if v == nil || v.keys == nil {
		return fault.Unmade("jwt", "New")
	}
	return nil
}

// Challenges offers the accepted schemes, the preferred scheme first: Bearer
// (RFC 6750 section 3), and DPoP with the algorithms of proofs (RFC 9449
// section 7.1).
func (v *Verifier) Challenges() []bulwark.Challenge {
	if v.made() != nil {
		return []bulwark.Challenge{{Scheme: confirmation.Bearer}}
	}
	return v.binding.Challenges()
}

// Shutdown stops the fetching of keys. It waits for a fetch under way until ctx
// ends. The keys that have been fetched remain. If other verifiers share the
// [KeySource], the fetching goes on for them: the last Shutdown stops it.
func (v *Verifier) Shutdown(ctx context.Context) error {
	if v.made() != nil {
		return nil
	}
	return v.keys.shutdown(ctx, !v.closed.Swap(true))
}

// Refresh loads the keys of v now, and waits until they are there or ctx ends.
// An operator calls it after the issuer has replaced its keys, or has withdrawn
// a key. The keys are asked for after the call. Calls at the same time share
// one fetch. There is at most one such fetch each second, so that a call may
// wait for its turn. The Cooldown and the pause after a failure do not hold for
// it. Verifiers with the same [KeySource] share the keys.
//
// If the keys cannot be loaded, the earlier keys remain, and the error is one
// of [auth.Unavailable] that says what went wrong. Keys that never change
// ([StaticKeys], [SecretKeys] and [Signer.Keys]) are not loaded: Refresh
// returns nil.
func (v *Verifier) Refresh(ctx context.Context) error {
	if err := v.made(); err != nil {
		return err
	}
	return v.keys.refresh(ctx)
}

// Verify verifies a token outside a request. It returns the caller that the
// token names, or an error for [bulwark.Deny]:
//
//   - a bad token is an error of [auth.Invalid];
//   - if the keys cannot be fetched, or the Revocations do not answer, the
//     error is one of [auth.Unavailable].
//
// A token that is bound to a client is refused, because there is no request
// that proves the binding. The context bounds how long Verify waits: for the
// first keys, for a fetch because of a new kid, and for Revocations.
func (v *Verifier) Verify(ctx context.Context, token string) (*bulwark.Principal, error) {
	if err := v.made(); err != nil {
		return nil, err
	}
	known, err := v.verify(ctx, token)
	if err != nil {
		return nil, v.named(err)
	}
	if err := confirmation.CheckNone(known.bound); err != nil {
		return nil, v.named(err)
	}
	return known.principal, nil
}

// verify returns the caller of the token, and what its request must prove. It
// checks again what may have changed since the token was cached: its time, its
// key, and whether it has been revoked.
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
		known.of = v.id
		v.cache.Put(digest, known, known.bytes)
	}
	if err := v.revocations.Check(ctx, known.principal); err != nil {
		return nil, err
	}
	return known, nil
}

// remembered returns the cached result of the token, or nil.
func (v *Verifier) remembered(ctx context.Context, digest [sha256.Size]byte, now time.Time) (*verified, error) {
	hit := v.cache.Get(digest)
	if hit == nil || hit.of != v.id || !hit.live(now) {
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

// verifyAnew does the whole work, the cheap checks first: a bad token should
// not cost the check of a signature.
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
	if err := v.checkKey(signer, said.set.Issuer); err != nil {
		return nil, err
	}
	if err := v.checkTimes(&said.set, time.Now()); err != nil { // it may have waited for keys
		return nil, err
	}
	if !known {
		v.headers.put(segment, head)
	}
	principal, err := v.completion.Complete(said.set.Principal(said.set.Issuer, v.method, said.grants, parts.Payload), parts.Payload)
	if err != nil {
		return nil, err
	}
	return newVerified(principal, said.set.Bound, signer.Thumbprint, len(parts.Payload)+v.completion.Weight(principal), now), nil
}

// verifySignature returns the key that has signed the token. For a kid that no
// key has, the keys are fetched again, within the Cooldown. A bad signature
// never causes a fetch: otherwise anybody could make this service fetch.
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
