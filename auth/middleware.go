package auth

import (
	"cmp"
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
		r, _ = bulwark.Enter(r)
		principal, bad, err := m.authenticate(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		r, scope := bulwark.Identify(r, principal)
		defer scope.Cancel(nil)
		scope.SetChallenges(m.challenges.offered(schemeOf(r)))
		if bad != nil {
			// Inside the scope of this request: it explains the 401 that may
			// follow here, and no other request's.
			report(r, bad)
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
	principal, bad, err := m.authenticate(r)
	if bad != nil {
		report(r, bad)
	}
	return principal, err
}

// authenticate returns the caller, and beside an anonymous one what was wrong
// with a cookie that counts as none.
func (m *Middleware) authenticate(r *http.Request) (principal *bulwark.Principal, bad *bulwark.Problem, err error) {
	if m == nil || len(m.authenticators) == 0 {
		return nil, nil, fault.Unmade("auth", "New")
	}
	lines := r.Header["Authorization"]
	if len(lines) > 1 {
		return nil, nil, m.badRequest(ambiguous())
	}
	scheme := schemeOf(r)
	if len(lines) == 1 && scheme == "" {
		return nil, nil, m.badRequest(notCredentials())
	}
	return m.route(r, scheme)
}

// schemeOf returns the scheme of the Authorization header, empty where there is
// none or where the line is not a scheme followed by credentials.
func schemeOf(r *http.Request) string {
	lines := r.Header["Authorization"]
	if len(lines) != 1 {
		return ""
	}
	scheme, _, ok := split(lines[0])
	if !ok {
		return ""
	}
	return scheme
}

// route lets the one authenticator decide whose credential r carries, if it
// carries one.
func (m *Middleware) route(r *http.Request, scheme string) (principal *bulwark.Principal, bad *bulwark.Problem, err error) {
	found := m.detect(r)
	if found.explicit < 0 && found.fallback >= 0 {
		found.explicit, found.count = found.fallback, found.fallbacks
	}
	switch {
	case found.count > 1 || found.count == 1 && scheme != "" && !m.owns(found.explicit, r, scheme):
		return nil, nil, m.badRequest(ambiguous())
	case found.count == 1:
		principal, err = m.ask(found.explicit, r, scheme)
		return principal, nil, err
	case scheme != "":
		return nil, nil, m.unclaimed(r, scheme)
	case found.ambient >= 0:
		return m.askAmbient(found.ambient, r)
	case m.optional:
		return nil, nil, nil
	}
	p := required()
	p.Challenges = m.challenges.bare
	return nil, nil, p
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

// askAmbient lets authenticator i decide about a cookie. A cookie that is bad
// counts as none, so that public pages and the login still answer; what was
// wrong with it is returned beside. An outage is refused: to go on without the
// caller would log the user out.
func (m *Middleware) askAmbient(i int, r *http.Request) (principal *bulwark.Principal, bad *bulwark.Problem, err error) {
	if err := m.crossSite.Check(r); err != nil {
		return nil, nil, err
	}
	principal, err = m.ask(i, r, "")
	if err == nil {
		return principal, nil, nil
	}
	if !m.optional || !errors.As(err, &bad) || bad == nil || bad.Status != http.StatusUnauthorized {
		return nil, nil, err
	}
	return nil, bad, nil
}

// report reports a bad cookie that counts as none.
func report(r *http.Request, bad *bulwark.Problem) {
	event := bulwark.Event{
		Name: cmp.Or(bad.Log.Event, bulwark.AuthnTokenInvalid), Reason: cmp.Or(bad.Log.Reason, bad.Code), Rule: bad.Log.Rule,
	}
	n := copy(event.Attrs[:len(event.Attrs)-1], bad.Log.Attrs)
	if bad.Err != nil {
		event.Attrs[n] = slog.String("error", bad.Err.Error())
	}
	bulwark.Report(r, event)
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
