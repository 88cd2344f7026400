package auth

import (
	"errors"
	"slices"

	"github.com/bulwark-go/bulwark/auth/internal/list"
)

// causes are the texts for the log that depend on the Config, made at New. Each
// says what the Config wants, and repeats nothing that a client has sent.
type causes struct {
	ambiguous, header, scheme, issuer error
	// issuers are the issuers of the authenticators.
	issuers roster
}

// The texts for the log that do not depend on the Config.
var (
	errRequired     = errors.New("no credential; expected for a client that has not logged in; auth.Config.Optional lets such a request pass as anonymous")
	errNoIssuer     = errors.New("the iss of the token is missing or cannot be read; a signed token needs the iss that is the Issuer of its authenticator (jwt.Config.Issuer)")
	errUnsigned     = errors.New("the token has no signature, like a token with the alg none; its issuer must sign it with one of jwt.Config.Algorithms")
	errOpaque       = errors.New("the text is not a signed token, and none of auth.Config.Authenticators reads an opaque token; an introspection.Introspector does")
	errTooLong      = errors.New("the token is longer than 8192 bytes, and none of auth.Config.Authenticators reads it; jwt.Config.MaxTokenBytes accepts a longer token")
	errPassedOver   = errors.New("the authenticator of the iss does not read the token: the token is too long (jwt.Config.MaxTokenBytes), or its scheme is not accepted (jwt.Config.DPoP)")
	errTwoCookies   = errors.New("more than one of auth.Config.Authenticators and TokenFrom.Cookie found a cookie, or another ambient credential; give each application an auth.Config of its own, around its routes, or let its logout delete the cookie of the other")
	errTwoFallbacks = errors.New("two of auth.Config.Authenticators accept any opaque token; leave one of them")
)

func newCauses(m *Middleware) causes {
	var schemes, issuers []string
	known := roster{exact: map[string]bool{}}
	for _, c := range m.challenges.bare {
		schemes = addNew(schemes, c.Scheme)
	}
	for _, a := range m.authenticators {
		names, _ := issuersOf(a)
		for _, name := range names {
			issuers = addNew(issuers, name)
			known.add(name)
		}
	}
	fields := append([]string{"Authorization"}, m.fields...)
	if m.from.Header != "" {
		fields = append(fields, m.from.Header)
	}
	if m.from.WebSocket {
		fields = append(fields, protocolField)
	}
	offered := list.Text(schemes)
	return causes{
		issuers:   known,
		ambiguous: errors.New("more than one credential in the fields that auth.Config.Authenticators read: " + list.Text(fields)),
		header: errors.New("the Authorization header is not a scheme, a space and credentials; the schemes of " +
			"auth.Config.Authenticators are " + offered),
		scheme: errors.New("none of auth.Config.Authenticators offers this scheme; theirs are " + offered),
		issuer: errors.New("the iss is not the Issuer of any of auth.Config.Authenticators; theirs are " + list.Text(issuers)),
	}
}

func addNew(values []string, text string) []string {
	if slices.Contains(values, text) {
		return values
	}
	return append(values, text)
}
