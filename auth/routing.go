package auth

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// route lets one authenticator verify the credential of r, if r has one.
func (m *Middleware) route(r *http.Request, scheme string) (principal *bulwark.Principal, bad *bulwark.Problem, err error) {
	found := m.detect(r)
	switch {
	case found.fallbacks > 1 && found.explicit == found.fallback:
		return nil, nil, m.badRequest(ambiguous(errTwoFallbacks))
	case found.count > 1 || found.count == 1 && scheme != "" && !m.owns(found.explicit, r, scheme):
		return nil, nil, m.badRequest(ambiguous(m.causes.ambiguous))
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

// detected is what the authenticators have found in a request. An authenticator
// is an index into Middleware.authenticators, or -1.
type detected struct {
	// ambient, fallback, kindred and likely are the first authenticators that
	// report this Presence.
	ambient, fallback, kindred, likely int
	// explicit is the authenticator to ask: the first that reports Explicit, or
	// else likely, or else kindred, or else fallback.
	explicit int
	// fallbacks is the number of authenticators that report Fallback.
	fallbacks int
	// count is the number of credentials, as far as they exclude each other.
	// Two or more refuse the request.
	count int
	// kinds are the kinds of the authenticators that report Kindred or Likely.
	kinds kindSet
}

func (m *Middleware) detect(r *http.Request) detected {
	found := detected{ambient: -1, fallback: -1, kindred: -1, likely: -1, explicit: -1}
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
		case Likely:
			found.kinds = found.kinds.with(m.kinds[i])
			if found.likely < 0 {
				found.likely = i
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
		// A Kindred credential of the same kind is the Explicit credential. A
		// Kindred credential of another kind is another credential.
		found.count += found.kinds.without(m.kinds[found.explicit]).len()
	case found.likely >= 0:
		found.explicit, found.count = found.likely, found.kinds.len()
	case found.kindred >= 0:
		found.explicit, found.count = found.kindred, found.kinds.len()
	case found.fallback >= 0:
		found.explicit, found.count = found.fallback, found.fallbacks
	}
	return found
}

// owns reports whether the credential that authenticator i has found is the
// Authorization header. If the credential is in another field, such as an API
// key, the request has two credentials.
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
	return presence < Fallback
}

// ask lets authenticator i verify a credential that came under the scheme. The
// scheme is empty if the credential is not in the Authorization header.
func (m *Middleware) ask(i int, r *http.Request, scheme string) (*bulwark.Principal, error) {
	principal, err := m.authenticators[i].Authenticate(r)
	if err != nil {
		return nil, m.challenged(i, scheme, err)
	}
	// Fail closed if an authenticator breaks its contract. A nil caller would
	// pass as anonymous, and a caller without a name as anybody.
	if principal == nil || principal.Subject == "" || principal.Issuer == "" {
		return nil, errors.New("auth: an Authenticator returned no error and no caller, or a caller without Subject or Issuer")
	}
	return principal, nil
}

// askAmbient lets authenticator i verify a cookie. With Optional, a bad cookie
// counts as no credential, so that public pages and the login still answer.
// Then bad says what is wrong with the cookie. During an outage the request is
// refused, because without the caller the user would seem to be logged out.
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

// report reports a bad cookie that counts as no credential.
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
