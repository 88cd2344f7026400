package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
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
}

// Wrap returns a handler that calls next with the caller settled (see
// [bulwark.Identify]), or refuses the request.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, outer := bulwark.Enter(r)
		principal, scheme, err := m.authenticate(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		r = bulwark.Identify(r, principal)
		_, scope := bulwark.Enter(r)
		scope.SetChallenges(m.challenges.offered(scheme))
		if scope != outer { // of a sub-request, which is over when its handler returns
			defer scope.Release()
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
	principal, _, err := m.authenticate(r)
	return principal, err
}

// authenticate returns the scheme of the Authorization header, too, empty where
// there is none.
func (m *Middleware) authenticate(r *http.Request) (principal *bulwark.Principal, scheme string, err error) {
	if m == nil || len(m.authenticators) == 0 {
		return nil, "", fault.Unmade("auth", "New")
	}
	lines := r.Header["Authorization"]
	if len(lines) > 1 {
		return nil, "", m.badRequest(ambiguous())
	}
	if len(lines) == 1 {
		var ok bool
		if scheme, _, ok = split(lines[0]); !ok {
			return nil, "", m.badRequest(notCredentials())
		}
	}
	principal, err = m.route(r, scheme)
	return principal, scheme, err
}

// route lets the one authenticator decide whose credential r carries, if it
// carries one.
func (m *Middleware) route(r *http.Request, scheme string) (*bulwark.Principal, error) {
	found := m.detect(r)
	if found.explicit < 0 && found.fallback >= 0 {
		found.explicit, found.count = found.fallback, found.fallbacks
	}
	switch {
	case found.count > 1 || found.count == 1 && scheme != "" && !m.owns(found.explicit, r, scheme):
		return nil, m.badRequest(ambiguous())
	case found.count == 1:
		return m.ask(found.explicit, r, scheme)
	case scheme != "":
		return nil, m.unclaimed(r, scheme)
	case found.ambient >= 0:
		return m.askAmbient(found.ambient, r)
	case m.optional:
		return nil, nil
	}
	p := required()
	p.Challenges = m.challenges.bare
	return nil, p
}

// detected holds, by kind of presence, the first authenticator, or -1, and for
// those that must be alone how many.
type detected struct {
	ambient, fallback, explicit int
	fallbacks, count            int
}

func (m *Middleware) detect(r *http.Request) detected {
	found := detected{ambient: -1, fallback: -1, explicit: -1}
	for i, a := range m.authenticators {
		switch a.Detect(r) {
		case Explicit:
			if found.count++; found.count == 1 {
				found.explicit = i
			}
		case Fallback:
			if found.fallbacks++; found.fallbacks == 1 {
				found.fallback = i
			}
		case Ambient:
			if found.ambient < 0 {
				found.ambient = i
			}
		}
	}
	return found
}

// owns reports whether the credential that authenticator i has found is the
// Authorization header, and not one beside it, such as an API key in a field of
// its own: then there are two.
func (m *Middleware) owns(i int, r *http.Request, scheme string) bool {
	for _, at := range m.challenges.of[i] {
		if is(m.challenges.bare[at], scheme) {
			return true
		}
	}
	without := *r
	without.Header = make(http.Header, len(r.Header))
	for name, lines := range r.Header {
		if name != "Authorization" {
			without.Header[name] = lines
		}
	}
	presence := m.authenticators[i].Detect(&without)
	return presence != Explicit && presence != Fallback
}

// ask lets authenticator i decide about a credential that came under the
// scheme, none if it is not in the Authorization header.
func (m *Middleware) ask(i int, r *http.Request, scheme string) (*bulwark.Principal, error) {
	principal, err := m.authenticators[i].Authenticate(r)
	if err != nil {
		return nil, m.challenged(i, scheme, err)
	}
	// Fail closed on an authenticator that breaks its contract: a nil caller
	// would pass as anonymous, one without a name as anybody.
	if principal == nil || principal.Subject == "" || principal.Issuer == "" {
		return nil, errors.New("auth: an authenticator returned no caller, or one without subject or issuer")
	}
	return principal, nil
}

// askAmbient lets authenticator i decide about a cookie. One that is bad counts
// as none, so that public pages and the login still answer; an outage does not:
// it would log the user out.
func (m *Middleware) askAmbient(i int, r *http.Request) (*bulwark.Principal, error) {
	if err := m.crossSite.Check(r); err != nil {
		return nil, err
	}
	principal, err := m.ask(i, r, "")
	if err == nil {
		return principal, nil
	}
	var p *bulwark.Problem
	if !m.optional || !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		return nil, err
	}
	event := bulwark.Event{Name: p.Event, Reason: p.Reason, Rule: p.Rule}
	if event.Name == "" {
		event.Name = bulwark.AuthnTokenInvalid
	}
	if event.Reason == "" {
		event.Reason = p.Code
	}
	n := copy(event.Attrs[:len(event.Attrs)-1], p.Attrs)
	if p.Err != nil {
		event.Attrs[n] = slog.String("error", p.Err.Error())
	}
	bulwark.Report(r, event)
	return nil, nil
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
	reason := "malformed"
	if token, _ := Credentials(r, scheme); compact.HasIssuer(token) {
		reason = "issuer"
	}
	p := Invalid(reason, nil)
	p.Challenges = marked
	return p
}

// challenged fills in the challenges of a 401 that authenticator i has left
// open.
func (m *Middleware) challenged(i int, scheme string, err error) error {
	var p *bulwark.Problem
	if !errors.As(err, &p) || p == nil || p.Status != http.StatusUnauthorized || p.Challenges != nil {
		return err
	}
	filled := *p // an error may be shared between requests
	filled.Challenges = m.challenges.refused(i, scheme, errorCode(p))
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
	p.Header = http.Header{"Www-Authenticate": m.challenges.request}
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
