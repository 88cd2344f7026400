package auth

import (
	"errors"
	"maps"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// routeAmbient lets one authenticator verify the cookie of a request without
// another credential. Two cookies of two authenticators do not count, because
// nobody knows which of the two callers the user wants to be.
func (m *Middleware) routeAmbient(r *http.Request, have *detected, found *finding) error {
	value, times := m.from.ambient(r)
	switch {
	case have.ambients > 1 || have.ambients == 1 && times > 0:
		p := ambiguousCookies()
		p.Challenges = m.challenges.anonymous
		return m.lenient(p, found)
	case have.ambients == 0 && times == 0:
		if m.optional {
			return nil
		}
		p := required()
		p.Challenges = m.challenges.anonymous
		return p
	}
	if err := m.crossSite.Check(r); err != nil {
		return err
	}
	if times > 0 {
		return m.lenient(m.askCookie(value, times, r, found), found)
	}
	return m.lenient(m.ask(have.ambient, r, found), found)
}

// askCookie lets one authenticator verify the token in the cookie of a
// TokenFrom.
func (m *Middleware) askCookie(value string, times int, r *http.Request, found *finding) error {
	if times > 1 {
		return m.badToken("malformed", errCookieTwice)
	}
	inner := finding{scheme: bearer}
	if err := m.route(asBearer(r, value), &inner); err != nil {
		return err
	}
	found.principal, found.keeper = inner.principal, inner.keeper
	return nil
}

// lenient returns the refusal of a cookie. With Optional, a bad cookie counts
// as no credential, so that public pages and the login still answer. Then
// found.bad says what is wrong with the cookie. During an outage the request is
// refused, because without the caller the user would seem to be logged out.
func (m *Middleware) lenient(err error, found *finding) error {
	var bad *bulwark.Problem
	if err == nil || !m.optional || !errors.As(err, &bad) || bad == nil || bad.Status != http.StatusUnauthorized {
		return err
	}
	found.bad = bad
	return nil
}

// asBearer returns r as the authenticators see it: with the token in the
// Authorization header. It is the same request, so that what they find out is
// shared.
func asBearer(r *http.Request, token string) *http.Request {
	_, scope := bulwark.Enter(r)
	header := maps.Clone(r.Header)
	header["Authorization"] = []string{bearer + " " + token}
	return scope.WithHeader(r, header)
}
