package session

import (
	"context"
	"net/http"
	"sync/atomic"
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
	registry
	signer         *jwt.Signer
	audience       string
	cookie         *jwt.Verifier // of the access token in the cookie
	bearer         *jwt.Verifier // of the access token in the Authorization header
	lookup         func(context.Context, string) (*bulwark.Principal, error)
	askTimeout     time.Duration // of lookup
	accessLifetime time.Duration
	lifetime       time.Duration
	sample         time.Duration // how often the use of a session is written
	restUntil      atomic.Int64  // no use is written before, in nanoseconds since 1970
	grace          time.Duration
	lostAnswer     time.Duration
	maxSessions    int
	maxRefreshes   int
	refreshCookie  string // the name of the cookie
	bodyTimeout    time.Duration
	clear          string // the value of Clear-Site-Data, or empty
	sameSite       http.SameSite
	guard          *auth.CrossSite
	recorder       bulwark.Recorder // of calls outside a request
}

// made returns an error for Sessions that were made without New.
func (s *Sessions) made() error {
	if s == nil || s.store == nil {
		return fault.Unmade("session", "New")
	}
	return nil
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
	if _, count := oneCookie(r, s.accessCookie); count > 0 {
		return auth.Ambient
	}
	return auth.None
}

// Authenticate returns the caller whose access token r carries: the token in
// the Authorization header if it is ours, else the token in the cookie. The
// session of the token must be alive, so Authenticate asks the store each time.
// If the store does not answer, the error is 503. Authenticate does not set or
// clear a cookie.
//
// Authenticate also tells the store that the session is in use, at most once a
// minute for each session. See [Config.Idle]. For a POST, [auth.Middleware]
// does so when the handler has returned, because a refresh is not a use.
func (s *Sessions) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	if err := s.made(); err != nil {
		return nil, err
	}
	p, held, err := s.check(r)
	if err != nil {
		return nil, attempt.Mark(err, authMethod)
	}
	if err := s.witness(r.Context(), held, p); err != nil {
		return nil, attempt.Mark(err, authMethod)
	}
	if err := s.used(r, held); err != nil {
		return nil, attempt.Mark(err, authMethod)
	}
	return withFactors(p, held), nil
}

// check is Authenticate without any effect.
func (s *Sessions) check(r *http.Request) (*bulwark.Principal, Session, error) {
	p, kind, err := s.verify(r)
	if err != nil {
		return nil, Session{}, s.causes.own(err)
	}
	// The verifier allows clocks to differ. This service has signed the token
	// itself, so the end of the token is exact.
	if !time.Now().Before(p.ExpiresAt) {
		return nil, Session{}, auth.Invalid("expired", s.causes.access)
	}
	held, err := s.live(r.Context(), p)
	if err == nil && kind == cookieKind && held.Kind != cookieKind {
		err = auth.Invalid("session", errKind)
	}
	return p, held, err
}

// verify checks the signature and claims of the one access token in r. The kind
// is the place of the token.
func (s *Sessions) verify(r *http.Request) (p *bulwark.Principal, kind string, err error) {
	if s.bearer.Detect(r) == auth.Explicit {
		p, err = s.bearer.Authenticate(r)
		return p, bodyKind, err
	}
	token, count := oneCookie(r, s.accessCookie)
	if count > 1 {
		return nil, "", auth.Invalid("malformed", errTwice)
	}
	p, err = s.cookie.Verify(r.Context(), token)
	return p, cookieKind, err
}

// refusing is a handler that refuses everything.
func refusing(err error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
}

// posted makes a handler for POST.
func (s *Sessions) posted(serve http.HandlerFunc) http.Handler {
	if err := s.made(); err != nil {
		return refusing(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		if r.Method != http.MethodPost {
			bulwark.Deny(w, r, notPosted())
			return
		}
		serve(w, r)
	})
}

// guarded makes a handler for POST that other sites cannot use.
func (s *Sessions) guarded(serve http.HandlerFunc) http.Handler {
	return s.posted(func(w http.ResponseWriter, r *http.Request) {
		if err := s.guard.Check(r); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		serve(w, r)
	})
}
