package auth

import (
	"errors"
	"slices"
	"strings"
)

// causes are the texts for the log that depend on the Config, made at New. Each
// says what the Config wants, and repeats nothing that a client has sent.
type causes struct {
	ambiguous, header, scheme, issuer error
}

// The texts for the log that do not depend on the Config.
var (
	errRequired     = errors.New("the request has no credential; auth.Config.Optional lets it pass as anonymous")
	errUnread       = errors.New("none of auth.Config.Authenticators reads the token; a signed token needs an iss, and an opaque token an introspection.Introspector")
	errTwoFallbacks = errors.New("two of auth.Config.Authenticators accept any opaque token; leave one of them")
)

func newCauses(m *Middleware) causes {
	var schemes, issuers []string
	for _, c := range m.challenges.bare {
		schemes = addNew(schemes, c.Scheme)
	}
	for _, a := range m.authenticators {
		if named, ok := a.(Issuer); ok {
			issuers = addNew(issuers, named.Issuer())
		}
	}
	fields := append([]string{"Authorization"}, m.fields...)
	offered := shown(schemes)
	return causes{
		ambiguous: errors.New("more than one credential in the fields that auth.Config.Authenticators read: " + shown(fields)),
		header: errors.New("the Authorization header is not a scheme, a space and credentials; the schemes of " +
			"auth.Config.Authenticators are " + offered),
		scheme: errors.New("none of auth.Config.Authenticators offers this scheme; theirs are " + offered),
		issuer: errors.New("the iss is not the Issuer of any of auth.Config.Authenticators; theirs are " + shown(issuers)),
	}
}

func addNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// mostShown bounds the configured values in a text, in bytes: the log keeps 256
// bytes of an attribute.
const mostShown = 150

// shown lists configured values, as many as there is room for.
func shown(list []string) string {
	text := strings.Join(list, ", ")
	if len(text) > mostShown {
		return text[:mostShown] + "…"
	}
	return text
}
