package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/logtext"
	"github.com/bulwark-go/bulwark/internal/response"
)

// Middleware settles who calls. Make it with [New]; a zero or nil Middleware
// refuses every request with 500 "auth.unconfigured". It is safe for concurrent
// use.
type Middleware struct {
	authenticators []Authenticator
	optional       bool
	crossSite      *CrossSite
	challenges     challenges
	fields         []string // that carry credentials besides Authorization
	kinds          []int    // of the authenticators
}

// Wrap returns a handler that calls next with the caller settled (see
// [bulwark.Identify]), or refuses the request.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r) // what one authenticator finds out others need not
		found, err := m.authenticate(r)
		if err != nil {
			bulwark.Deny(w, unidentified(r, err), err)
			return
		}
		principal := found.principal
		r, scope := bulwark.Identify(r, principal)
		defer scope.Cancel(nil)
		scope.SetChallenges(m.challenges.offered(found.scheme))
		if found.bad != nil {
			// Inside the scope of this request: it explains the 401 that may
			// follow here, and no other request's.
			report(r, found.bad)
		}
		if principal != nil && !principal.ExpiresAt.IsZero() {
			var watch *response.Writer
			w, watch = response.Of(w)
			watch.EndAt(streamEnd(principal.ExpiresAt, time.Now()), scope)
			defer watch.Release()
		}
		next.ServeHTTP(w, r)
	})
}

// lateGrace is how long a stream may go on whose credential was accepted after
// its end, because clocks differ.
const lateGrace = time.Minute

// streamEnd is when a stream of a caller ends that begins now: when the
// credential expires. One that was accepted although it had expired is within
// what clocks may differ; ended at once, the client would come again and again
// with it.
func streamEnd(expires, now time.Time) time.Time {
	if now.Before(expires) {
		return expires
	}
	return now.Add(lateGrace)
}

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Kind returns "auth".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindAuth }

// Authenticate returns the caller of r, nil for an anonymous one where
// [Config.Optional] is set, or the error that refuses r, for [bulwark.Deny]. It
// settles nothing; a bad cookie that counts as none is reported.
//
// Exactly one authenticator is asked and its answer is final: a credential that
// one refuses is never offered to the next.
func (m *Middleware) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	r, _ = bulwark.Enter(r)
	found, err := m.authenticate(r)
	if found.bad != nil {
		report(r, found.bad)
	}
	return found.principal, err
}

// A finding is what the credentials of a request came to.
type finding struct {
	principal *bulwark.Principal // nil is nobody
	bad       *bulwark.Problem   // of a cookie that counts as none
	scheme    string             // of the Authorization header
}

// authenticate returns what the credentials of r came to, or the refusal of r.
func (m *Middleware) authenticate(r *http.Request) (found finding, err error) {
	if m == nil || len(m.authenticators) == 0 {
		return finding{}, fault.Unmade("auth", "New")
	}
	lines := r.Header["Authorization"]
	if len(lines)+m.further(r) > 1 {
		return finding{}, m.badRequest(ambiguous())
	}
	if len(lines) == 1 {
		var ok bool
		if found.scheme, _, ok = split(lines[0]); !ok {
			return finding{}, m.badRequest(notCredentials())
		}
	}
	found.principal, found.bad, err = m.route(r, found.scheme)
	return found, err
}

// unclaimed refuses credentials that nobody reads. They never pass as
// anonymous: who sends them expects to be somebody.
func (m *Middleware) unclaimed(r *http.Request, scheme string) error {
	marked, ours := m.challenges.unclaimed(scheme)
	if !ours {
		p := unknownScheme()
		p.Challenges = m.challenges.bare
		return p
	}
	p := Invalid("malformed", errors.New("the token is not one that an authenticator reads"))
	token, _ := Credentials(r, scheme)
	if named, ok := compact.Issuer(token, mostUnclaimed); ok {
		p = Invalid("issuer", fmt.Errorf("the iss is %q, which no authenticator has as its Issuer", logtext.Clip(named, maxIssuerShown)))
	}
	p.Challenges = marked
	return p
}

const (
	// mostUnclaimed bounds the tokens that are looked into when nobody reads
	// them: as much as those of packages jwt and introspection may have at
	// first.
	mostUnclaimed  = 8 << 10
	maxIssuerShown = 96 // bytes, in the log
)

// challenged fills in the challenges of a 401 or 400 that authenticator i has
// left open.
func (m *Middleware) challenged(i int, scheme string, err error) error {
	var p *bulwark.Problem
	if !errors.As(err, &p) || p == nil || p.Challenges != nil {
		return err
	}
	filled := *p // an error may be shared between requests
	switch p.Status {
	case http.StatusUnauthorized:
		filled.Challenges = m.challenges.refused(i, scheme, errorCode(p))
	case http.StatusBadRequest:
		if p.Header.Get("WWW-Authenticate") != "" {
			return err
		}
		m.badRequest(&filled)
	default:
		return err
	}
	return &filled
}

// errorCode is the error parameter of the challenge for a refused credential:
// of RFC 6750 section 3.1, or for a proof of possession of RFC 9449 sections
// 7.1 and 9.
func errorCode(p *bulwark.Problem) string {
	switch p.Code {
	case "auth.invalid_dpop_proof", "auth.use_dpop_nonce":
		return strings.TrimPrefix(p.Code, "auth.")
	}
	return "invalid_token"
}

// badRequest adds the challenges to a 400, where RFC 6750 section 3 wants them
// too.
func (m *Middleware) badRequest(p *bulwark.Problem) *bulwark.Problem {
	header := p.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header["Www-Authenticate"] = m.challenges.request
	p.Header = header
	return p
}

// Shutdown closes what the authenticators hold: it stops the refresh of keys
// and waits for what is under way until ctx ends.
func (m *Middleware) Shutdown(ctx context.Context) error {
	if m == nil {
		return nil
	}
	var errs []error
	for _, a := range m.authenticators {
		if closer, ok := a.(bulwark.Shutdowner); ok {
			errs = append(errs, closer.Shutdown(ctx))
		}
	}
	return errors.Join(errs...)
}
