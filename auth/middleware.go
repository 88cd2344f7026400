package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
)

// Middleware finds out who calls. Make it with [New]. A zero or nil Middleware
// refuses every request with 500 "auth.unconfigured". A Middleware is safe for
// concurrent use.
type Middleware struct {
	authenticators []Authenticator
	optional       bool
	crossSite      *CrossSite
	challenges     challenges
	causes         causes
	fields         []string  // that carry credentials besides Authorization
	kinds          []int     // of the authenticators
	keepers        []*keeper // of the authenticators; nil is not a Reviewer
	from           TokenFrom // with the Header in canonical form
}

// Wrap returns a handler that finds out who calls and then calls next, or
// refuses the request. The handler next reads the caller with
// [bulwark.PrincipalFrom].
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r) // authenticators share what they find out
		found, err := m.authenticate(r)
		if err != nil {
			bulwark.Deny(w, unidentified(r, err), err)
			return
		}
		if found.protocol != "" {
			w, r = withoutToken(w, r, found.protocol)
		}
		principal := found.principal
		r, scope := bulwark.Identify(r, principal)
		defer scope.Cancel(nil)
		scope.SetChallenges(m.challenges.offered(&found))
		if found.bad != nil {
			// Inside the scope of this request, because the event explains the
			// 401 that may follow for this request and for no other.
			report(r, found.bad)
		}
		if principal != nil && (found.keeper != nil || !principal.ExpiresAt.IsZero()) {
			if err := found.keeper.admit(r, principal); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			var watch *response.Writer
			w, watch = response.Of(w)
			watch.EndAt(streamEnd(principal.ExpiresAt, time.Now()), scope)
			if found.keeper != nil {
				watch.KeepBy(found.keeper)
			}
			defer watch.Release()
		}
		next.ServeHTTP(w, r)
	})
}

// lateGrace is how long a stream may last if its credential was accepted after
// its end, because clocks differ.
const lateGrace = time.Minute

// streamEnd is the end of a stream that begins now: the expiry of the
// credential, or zero if it does not expire. Clocks differ, so a verifier may
// accept a credential shortly after its expiry. If such a stream ended at once,
// the client would try again and again with the same credential.
func streamEnd(expires, now time.Time) time.Time {
	if expires.IsZero() || now.Before(expires) {
		return expires
	}
	return now.Add(lateGrace)
}

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Kind returns "auth".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindAuth }

// Authenticate returns the caller of r. With [Config.Optional], it returns nil
// for a request without credentials. An error is the refusal of r: pass it to
// [bulwark.Deny]. Authenticate does not put the caller into the context of r.
// If Optional is set, Authenticate reports a bad cookie and returns nil.
//
// At most one authenticator verifies a credential, and its answer is final. No
// other authenticator gets a credential that was refused.
func (m *Middleware) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	r, _ = bulwark.Enter(r)
	found, err := m.authenticate(r)
	if found.bad != nil {
		report(r, found.bad)
	}
	return found.principal, err
}

// A finding is the result for the credentials of a request.
type finding struct {
	principal *bulwark.Principal // nil is nobody
	bad       *bulwark.Problem   // of a cookie that counts as no credential
	scheme    string             // of the Authorization header
	keeper    *keeper            // of the streams of the principal, or nil
	protocol  string             // the token among the protocols of a WebSocket
}

// authenticate returns the result for the credentials of r, or the refusal of
// r.
func (m *Middleware) authenticate(r *http.Request) (found finding, err error) {
	if m == nil || len(m.authenticators) == 0 {
		return finding{}, fault.Unmade("auth", "New")
	}
	lines, sent := r.Header["Authorization"], m.from.sent(r)
	switch count := len(lines) + m.further(r) + sent.count; {
	case count > 1:
		return finding{}, m.badRequest(ambiguous(m.causes.ambiguous))
	case len(lines) == 1:
		var ok bool
		if found.scheme, _, ok = split(lines[0]); !ok {
			return finding{}, m.badRequest(notCredentials(m.causes.header))
		}
	case sent.count == 1:
		if sent.token == "" {
			return finding{}, m.badToken("malformed", errNoProtocol)
		}
		if !sent.protocol { // a proxy may have set it for the sake of a cookie
			if err := m.crossSite.Check(r); err != nil {
				return finding{}, err
			}
		}
		r, found.scheme = asBearer(r, sent.token), bearer
		if sent.protocol {
			found.protocol = sent.token
		}
	}
	err = m.route(r, &found)
	return found, err
}

// unclaimed refuses credentials that no authenticator reads. Such a request
// never passes as anonymous, because its client expects to be identified.
func (m *Middleware) unclaimed(r *http.Request, scheme string) error {
	marked, ours := m.challenges.unclaimed(scheme)
	if !ours {
		p := unknownScheme(m.causes.scheme)
		p.Challenges = m.challenges.bare
		return p
	}
	token, _ := Credentials(r, scheme)
	p := Invalid(m.unread(token))
	p.Challenges = marked
	return p
}

// badToken refuses a bad Bearer token that no authenticator has seen.
func (m *Middleware) badToken(reason string, cause error) error {
	p := Invalid(reason, cause)
	p.Challenges, _ = m.challenges.unclaimed(bearer)
	return p
}

// unread says why no authenticator reads the token.
func (m *Middleware) unread(token string) (reason string, cause error) {
	issuer, named := compact.Issuer(token, mostUnclaimed)
	switch {
	case named && m.causes.issuers.has(issuer):
		return "malformed", errPassedOver
	case named:
		return "issuer", m.causes.issuer
	case len(token) > mostUnclaimed:
		return "malformed", errTooLong
	case strings.Count(token, ".") != 2:
		return "malformed", errOpaque
	case strings.HasSuffix(token, "."):
		return "malformed", errUnsigned
	}
	return "malformed", errNoIssuer
}

// mostUnclaimed bounds the tokens, in bytes, whose iss is read although no
// authenticator reads the token. Packages jwt and introspection have the same
// bound by default.
const mostUnclaimed = 8 << 10

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

// errorCode is the error parameter of the challenge for a refused credential.
// It is an error of RFC 6750 section 3.1. After a bad proof of possession it is
// an error of RFC 9449 sections 7.1 and 9.
func errorCode(p *bulwark.Problem) string {
	switch p.Code {
	case "auth.invalid_dpop_proof", "auth.use_dpop_nonce":
		return strings.TrimPrefix(p.Code, "auth.")
	}
	return "invalid_token"
}

// badRequest adds the challenges to a 400, because RFC 6750 section 3 also
// requires them there.
func (m *Middleware) badRequest(p *bulwark.Problem) *bulwark.Problem {
	header := p.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header["Www-Authenticate"] = m.challenges.request
	p.Header = header
	return p
}

// Shutdown calls Shutdown of each authenticator that is a [bulwark.Shutdowner].
// Then keys are no longer refreshed. It waits for running work until ctx ends,
// and joins the errors.
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
