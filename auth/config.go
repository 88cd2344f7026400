package auth

import (
	"fmt"
	"log/slog"
	"net/url"
	"reflect"
	"slices"
	"strconv"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Config says which credentials a service accepts.
type Config struct {
	// Authenticators are the kinds of credentials, at least one and at most 64.
	// Of several that find an ambient credential the first is asked. At most
	// one may be for tokens that say nothing, such as an
	// introspection.Introspector: of two nobody could tell whose token it is.
	// Shutdown of the Middleware shuts them down: an authenticator belongs to
	// one Middleware.
	Authenticators []Authenticator
	// Optional lets a request without credentials pass as anonymous, for
	// services where each route says who may call it. Bad credentials are
	// refused all the same, except for a cookie, which counts as none. That it
	// is set is logged once, by New.
	Optional bool
	// Realm is put first into every challenge (RFC 9110 section 11.5).
	// Printable ASCII. Default: no realm.
	Realm string
	// ResourceMetadata is the URL of the document that [MetadataHandler]
	// serves, such as
	// "https://api.example.com/.well-known/oauth-protected-resource". Bearer
	// and DPoP challenges carry it (RFC 9728 section 5.1). Optional.
	ResourceMetadata string
	// TrustedOrigins are the origins whose pages may send requests with a
	// cookie, besides the service's own: "https://app.example.com", without
	// path or trailing slash. What CORS allows with credentials must be listed
	// here too. See [CrossSite].
	TrustedOrigins []string
}

// New returns the layer that c describes. The error joins a
// *[bulwark.ConfigError] for everything that is wrong.
func New(c Config) (*Middleware, error) {
	found := fault.In("auth")
	m := &Middleware{authenticators: slices.Clone(c.Authenticators), optional: c.Optional}
	checkAuthenticators(m.authenticators, found)
	if !printable(c.Realm) {
		found.Add("Realm", c.Realm, "must be printable ASCII")
	}
	if reason := metadataFault(c.ResourceMetadata); reason != "" {
		found.Add("ResourceMetadata", address.WithoutUser(c.ResourceMetadata), reason)
	}
	m.crossSite = newCrossSite(c.TrustedOrigins, found)
	if err := found.Err(); err != nil {
		return nil, err
	}
	m.challenges = newChallenges(m.authenticators, c.Realm, c.ResourceMetadata)
	m.fields, m.kinds = furtherFields(m.authenticators), kindsOf(m.authenticators)
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

// checkAuthenticators notes what is wrong with the list.
func checkAuthenticators(all []Authenticator, found *fault.List) {
	if len(all) == 0 {
		found.Add("Authenticators", "", "is empty; name at least one, such as a *jwt.Verifier")
	}
	if len(all) > maxAuthenticators {
		found.Add("Authenticators", strconv.Itoa(len(all)), "must be at most 64")
	}
	issuers, claims := map[string]int{}, map[string]int{}
	for i, a := range all {
		wrong := func(value, reason string) { found.AddAt("Authenticators", i, value, reason) }
		if fault.IsNil(a) {
			wrong("", "is nil; check the error of its New")
			continue
		}
		for _, may := range []ability{issuing, carrying, claiming, closing} {
			if reason := may.fault(a); reason != "" {
				wrong(reflect.TypeOf(a).String(), reason)
			}
		}
		if named, ok := a.(Issuer); ok {
			issuer := named.Issuer()
			first, taken := issuers[issuer]
			switch {
			case issuer == "":
				wrong("", "has no issuer: it was made without its New; check the error of that")
				continue
			case taken:
				wrong(issuer, fmt.Sprintf("has the issuer of Authenticators[%d]; callers of the two could not be told apart", first))
				continue
			}
			issuers[issuer] = i
		}
		if claimant, ok := a.(Claimant); ok {
			claim := claimant.Claim()
			if first, taken := claims[claim]; taken {
				wrong(claim, fmt.Sprintf("has the claim of Authenticators[%d] and would never be asked; leave one of them out", first))
			} else {
				claims[claim] = i
			}
		}
		if len(a.Challenges()) == 0 {
			wrong(reflect.TypeOf(a).String(), "has no Challenges; name the scheme that a 401 offers for its credentials")
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
		return "must be an absolute https URL"
	}
	if u.Fragment != "" || u.User != nil {
		return "must have neither fragment nor user"
	}
	return ""
}
