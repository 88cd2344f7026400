package auth

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// route lets the one authenticator decide whose credential r carries, if it
// carries one.
func (m *Middleware) route(r *http.Request, scheme string) (principal *bulwark.Principal, bad *bulwark.Problem, err error) {
	found := m.detect(r)
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
// those that must be alone how many. The explicit one is who is asked: whoever
// is Explicit, else the first that is Kindred, else who is Fallback.
type detected struct {
	ambient, fallback, kindred, explicit int
	fallbacks, count                     int
	kinds                                kindSet // of those that are Kindred
}

func (m *Middleware) detect(r *http.Request) detected {
	found := detected{ambient: -1, fallback: -1, kindred: -1, explicit: -1}
	for i, a := range m.authenticators {
		switch a.Detect(r) {
		case Explicit:
			if found.count++; found.count == 1 {
				found.explicit = i
			}
		case Kindred:
			found.kinds = found.kinds.with(m.kinds[i])
			if found.kindred < 0 {
				found.kindred = i
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
	switch {
	case found.explicit >= 0:
		// The Explicit one has taken what is of its kind. Another kind is
		// another credential.
		found.count += found.kinds.without(m.kinds[found.explicit]).len()
	case found.kindred >= 0:
		found.explicit, found.count = found.kindred, found.kinds.len()
	case found.fallback >= 0:
		found.explicit, found.count = found.fallback, found.fallbacks
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
	return presence != Explicit && presence != Kindred && presence != Fallback
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
		event.Attrs[n] = slog.Any("error", bad.Err)
	}
	bulwark.Report(r, event)
}
