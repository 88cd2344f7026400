package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/attempt"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Sessions logs people in and out. As an [auth.Authenticator], it recognizes
// the people who are logged in. Make it with [New]. It is safe for concurrent
// use. Printed, it does not show its keys.
type Sessions struct {
	claim
	signer         *jwt.Signer
	issuer         string
	audience       string
	cookie         *jwt.Verifier // of the access token in the cookie
	bearer         *jwt.Verifier // of the access token in the Authorization header
	store          Store
	keys           []*storeKey // the first makes new sessions
	lookup         func(context.Context, string) (*bulwark.Principal, error)
	accessLifetime time.Duration
	lifetime       time.Duration
	grace          time.Duration
	lostAnswer     time.Duration
	maxSessions    int
	maxRefreshes   int
	clear          string // the value of Clear-Site-Data, or empty
	sameSite       http.SameSite
	guard          *auth.CrossSite
	recorder       bulwark.Recorder // of calls outside a request
	causes         causes
}

// A claim makes Sessions an [auth.Claimant].
type claim struct{}

// Claim names the cookie of the access token. Two Sessions in one layer are an
// error, because each would overwrite the cookies of the other.
func (claim) Claim() string { return "the cookie " + accessCookie }

// The interfaces that [auth.New] looks for.
var (
	_ auth.Authenticator = (*Sessions)(nil)
	_ auth.Claimant      = (*Sessions)(nil)
	_ auth.Issuer        = (*Sessions)(nil)
)

// storeRetry is when to try again after an outage of the store.
const storeRetry = 5 * time.Second

// made returns an error for Sessions that were made without New.
func (s *Sessions) made() error {
	if s == nil || s.store == nil {
		return fault.Unmade("session", "New")
	}
	return nil
}

// Format writes the issuer, for every verb, and never the keys.
func (s *Sessions) Format(f fmt.State, _ rune) {
	io.WriteString(f, "sessions of "+strconv.Quote(s.Issuer()))
}

// Issuer returns the Issuer of all callers.
func (s *Sessions) Issuer() string {
	if s == nil {
		return ""
	}
	return s.issuer
}

// Detect reports a Bearer token of our issuer as Explicit, and the access
// cookie as Ambient.
func (s *Sessions) Detect(r *http.Request) auth.Presence {
	if s.made() != nil {
		return auth.None
	}
	if s.bearer.Detect(r) == auth.Explicit {
		return auth.Explicit
	}
	if _, count := oneCookie(r, accessCookie); count > 0 {
		return auth.Ambient
	}
	return auth.None
}

// Challenges returns the scheme under which a 401 asks for a token.
func (s *Sessions) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Bearer"}} }

// Authenticate returns the caller whose access token r carries: the token in
// the Authorization header if it is ours, else the token in the cookie. The
// session of the token must be alive, so Authenticate asks the store each time.
// If the store does not answer, the error is 503. Authenticate does not set or
// clear a cookie.
func (s *Sessions) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	p, held, err := s.check(r)
	if err != nil {
		return nil, attempt.Mark(err, method)
	}
	if err := s.witness(r.Context(), held, p); err != nil {
		return nil, attempt.Mark(err, method)
	}
	return p, nil
}

// check is Authenticate without any effect.
func (s *Sessions) check(r *http.Request) (*bulwark.Principal, Session, error) {
	p, err := s.verify(r)
	if err != nil {
		return nil, Session{}, s.causes.own(err)
	}
	// The verifier allows clocks to differ. This service has signed the token
	// itself, so the end of the token is exact.
	if !time.Now().Before(p.ExpiresAt) {
		return nil, Session{}, auth.Invalid("expired", s.causes.access)
	}
	held, err := s.live(r.Context(), p)
	return p, held, err
}

// live returns the session of an access token, if it is alive.
func (s *Sessions) live(ctx context.Context, p *bulwark.Principal) (Session, error) {
	held, err := s.store.Get(ctx, p.SessionID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return held, auth.Invalid("revoked", s.causes.ended)
	case err != nil:
		return held, storeAway(err)
	case held.Issuer != p.Issuer || held.Subject != p.Subject:
		return held, auth.Invalid("session", errCaller)
	case s.keyNamed(held.StoreKey) == nil:
		return held, auth.Invalid("session", errStoreKey)
	case !time.Now().Before(held.ExpiresAt):
		return held, auth.Invalid("expired", s.causes.session)
	}
	return held, nil
}

// verify checks the signature and claims of the one access token in r.
func (s *Sessions) verify(r *http.Request) (*bulwark.Principal, error) {
	if s.bearer.Detect(r) == auth.Explicit {
		return s.bearer.Authenticate(r)
	}
	token, count := oneCookie(r, accessCookie)
	if count > 1 {
		return nil, auth.Invalid("malformed", errTwice)
	}
	return s.cookie.Verify(r.Context(), token)
}

// JWKSHandler returns a handler that serves the public keys of the access
// tokens. Other services need it if they accept the access tokens of this
// service.
func (s *Sessions) JWKSHandler() http.Handler {
	if err := s.made(); err != nil {
		return refusing(err)
	}
	return s.signer.JWKSHandler()
}

// refusing is a handler that refuses everything.
func refusing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
}

// guarded makes a handler for POST that other sites cannot use.
func (s *Sessions) guarded(serve http.HandlerFunc) http.Handler {
	if err := s.made(); err != nil {
		return refusing(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		if r.Method != http.MethodPost {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "session.method_not_allowed",
				Detail: "Send a POST request.", Header: http.Header{"Allow": {http.MethodPost}}})
			return
		}
		if err := s.guard.Check(r); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		serve(w, r)
	})
}

// unavailable is the answer if the store cannot make a change.
func unavailable(err error) error {
	if errors.Is(err, auth.ErrFull) {
		return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "session.store_full",
			Detail: "No further session can be kept at the moment.", RetryAfter: time.Minute,
			Err: fmt.Errorf("session.Config.Store has no room (MemoryStore.Max): %w", err)}
	}
	return away("session.Config.Store", err)
}

// away is the answer if the field of the Config cannot be asked.
func away(field string, err error) error {
	return &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "session.unavailable",
		Detail: "Sessions cannot be changed at the moment.", RetryAfter: storeRetry, Err: fmt.Errorf("%s: %w", field, err)}
}

// storeAway is the answer to a request with an access token if the store cannot
// be asked.
func storeAway(err error) error {
	return auth.Unavailable("store_unavailable", fmt.Errorf("session.Config.Store: %w", err), storeRetry)
}
