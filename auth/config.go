package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Config says which credentials a service accepts.
type Config struct {
	// Authenticators are the kinds of credentials that the service accepts.
	// Required. At least 1, at most 64.
	//
	// If several authenticators find an ambient credential, such as a cookie,
	// the request has no credential: with Optional it passes as anonymous with
	// an event, and otherwise it gets 401. So put two applications of one host,
	// each with its own cookie, behind two Configs around their own routes.
	//
	// Use at most one authenticator for opaque tokens, such as an
	// introspection.Introspector, because an opaque token does not say whose it
	// is. A jwt.Verifier and an introspection.Introspector may have the same
	// Issuer, if their Revocations, DPoP, MutualTLS, InsecureUnbound and
	// MaxTokenBytes are also the same, and ClientClaim is set in both or in
	// neither: the Verifier then gets the tokens that have two dots and the
	// iss, the Introspector all others. Any other two authenticators with one
	// Issuer are an error. Shutdown of the Middleware shuts the authenticators
	// down, so an authenticator belongs to one Middleware.
	Authenticators []Authenticator
	// TokenFrom names places of tokens besides the Authorization header.
	// Default: no other place.
	TokenFrom TokenFrom
	// Optional lets a request without credentials pass as anonymous. Use it if
	// each route decides who may call it. A bad credential is refused, except
	// for a bad cookie or client certificate, which counts as no credential.
	// New logs once that Optional is set. Default: false.
	Optional bool
	// Realm is the first parameter of every challenge (RFC 9110 section 11.5).
	// It is printable ASCII. Default: no realm.
	Realm string
	// ResourceMetadata is the URL of the document that [MetadataHandler]
	// serves, such as
	// "https://api.example.com/.well-known/oauth-protected-resource". Bearer
	// and DPoP challenges carry it (RFC 9728 section 5.1). Default: no URL.
	ResourceMetadata string
	// Scopes are the scopes that a client should ask its issuer for, such as
	// "documents:read". The Bearer and DPoP challenges of a 401 to a request
	// without credentials name them in this order (RFC 6750 section 3). They do
	// not decide anything: package authz does. Default: no scopes. At most 64,
	// and 1024 bytes together.
	Scopes []string
	// TrustedOrigins are origins, besides the service's own, whose pages may
	// send requests with a cookie, or with the Header of TokenFrom. Write
	// "https://app.example.com", without a path or a trailing slash. An origin
	// that CORS allows with credentials must also be listed here. See
	// [CrossSite]. Default: only the service's own origin.
	TrustedOrigins []string
	// ReviewEvery is how often the Middleware looks again whether the
	// credential of an open stream is still good, if its authenticator is a
	// [Reviewer]. It looks once for all streams of one session or token. At
	// most 32 looks are under way, and each has 2 seconds. After a revocation,
	// a stream ends within this time and 2 seconds. Default: 30 seconds. At
	// least 1 second. At most 5 minutes.
	ReviewEvery time.Duration
	// ReviewOutage is how long a stream stays open while there is no answer
	// whether its credential is still good. The time is counted from the first
	// look without an answer, and the stream ends at the first look after it.
	// An attacker who can make the store fail can keep a stream for this time.
	// Default: 2 minutes, or ReviewEvery if this is longer. At least
	// ReviewEvery. At most 10 minutes.
	ReviewOutage time.Duration
	// MaxStreams bounds the open streams of callers whose authenticator is a
	// [Reviewer]. A further stream is refused with 503. Each stream needs about
	// 1 KiB besides its connection. Default: 10000. At most 1000000.
	MaxStreams int
	// MaxCallerStreams bounds how many of these streams one caller has open, so
	// that one caller cannot shut out all others. A further stream of this
	// caller is refused with 429. Raise it if one caller acts for many users,
	// such as a gateway. Default: a tenth of MaxStreams, or 100 if this is
	// more, but not more than MaxStreams. At most MaxStreams.
	MaxCallerStreams int
}

// New returns the layer that c describes. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Middleware, error) {
	found := fault.In("auth")
	m := &Middleware{authenticators: slices.Clone(c.Authenticators), optional: c.Optional}
	checkAuthenticators(m.authenticators, found)
	if !printable(c.Realm) {
		found.Add("Realm", c.Realm, "must be printable ASCII, such as documents")
	}
	if reason := metadataFault(c.ResourceMetadata); reason != "" {
		found.Add("ResourceMetadata", address.WithoutUser(c.ResourceMetadata), reason)
	}
	m.crossSite = newCrossSite(c.TrustedOrigins, found)
	m.keepers = newKeepers(c, m.authenticators, found)
	checkScopes(c.Scopes, found)
	if found.Err() == nil { // the authenticators can be asked
		m.fields = furtherFields(m.authenticators)
	}
	m.from = c.TokenFrom
	m.from.check(m.fields, found)
	m.from.Header = http.CanonicalHeaderKey(m.from.Header)
	if err := found.Err(); err != nil {
		return nil, err
	}
	m.challenges = newChallenges(m.authenticators, c)
	m.kinds = kindsOf(m.authenticators)
	m.causes = newCauses(m)
	if m.optional {
		slog.Default().Info("security layer with Optional: requests without credentials pass as anonymous", "layer", m.Kind())
	}
	return m, nil
}

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// checkAuthenticators notes the mistakes in the list.
func checkAuthenticators(all []Authenticator, found *fault.List) {
	if len(all) == 0 {
		found.Add("Authenticators", "", "is empty; name at least one, such as a *jwt.Verifier")
	}
	if len(all) > maxAuthenticators {
		found.Add("Authenticators", strconv.Itoa(len(all)), "has too many authenticators; at most 64")
	}
	claims := map[string]int{}
	issuers := occupied{all: all}
	for i, a := range all {
		wrong := func(value, reason string) { found.AddAt("Authenticators", i, value, reason) }
		if fault.IsNil(a) {
			wrong("", "is nil; check the error of its New")
			continue
		}
		for _, may := range []ability{issuing, issuingMany, carrying, claiming, reviewing, closing} {
			if reason := may.fault(a); reason != "" {
				wrong(reflect.TypeOf(a).String(), reason)
			}
		}
		if value, reason := issuers.add(i); reason != "" {
			wrong(value, reason)
			continue
		}
		if claimant, ok := a.(Claimant); ok {
			claim := claimant.Claim()
			if first, taken := claims[claim]; taken {
				wrong(claim, fmt.Sprintf("has the same claim as Authenticators[%d] and would never be asked; leave one of them out", first))
			} else {
				claims[claim] = i
			}
		}
		if len(a.Challenges()) == 0 {
			wrong(reflect.TypeOf(a).String(), "returns no Challenges; return the scheme that a 401 offers, such as Bearer")
		}
	}
}

const (
	mostScopes     = 64
	mostScopeBytes = 1024
)

// checkScopes notes the mistakes in the scopes: they must be scope-tokens (RFC
// 6749 section 3.3).
func checkScopes(all []string, found *fault.List) {
	if size := len(strings.Join(all, " ")); len(all) > mostScopes || size > mostScopeBytes {
		found.Add("Scopes", strconv.Itoa(len(all)), "must have at most 64 scopes, and at most 1024 bytes together")
	}
	for i, scope := range all {
		switch {
		case scope == "" || strings.ContainsFunc(scope, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == '\\' }):
			found.AddAt("Scopes", i, "", "must be printable ASCII without a space, a quotation mark or a backslash, such as documents:read")
		case slices.Contains(all[:i], scope):
			found.AddAt("Scopes", i, scope, "is there twice; leave one of them out")
		}
	}
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

// metadataFault says what is wrong with the URL of a metadata document.
func metadataFault(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || !printable(text) {
		return "must be an absolute https URL, such as https://api.example.com/.well-known/oauth-protected-resource"
	}
	if u.Fragment != "" || u.User != nil {
		return "must not have a fragment or a user; write scheme, host and path only"
	}
	return ""
}
