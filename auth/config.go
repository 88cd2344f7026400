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
	// Authenticators are the kinds of credentials that the service accepts.
	// Required. At least 1, at most 64.
	//
	// If several authenticators find an ambient credential, such as a cookie,
	// the first of them is asked. Use at most one authenticator for opaque
	// tokens, such as an introspection.Introspector, because an opaque token
	// does not say whose it is. A jwt.Verifier and an
	// introspection.Introspector may have the same Issuer, if their
	// Revocations, DPoP, MutualTLS, InsecureUnbound and MaxTokenBytes are also
	// the same: the Verifier then gets the tokens that have two dots and the
	// iss, the Introspector all others. Any other two authenticators with one
	// Issuer are an error. Shutdown of the Middleware shuts the authenticators
	// down, so an authenticator belongs to one Middleware.
	Authenticators []Authenticator
	// Optional lets a request without credentials pass as anonymous. Use it if
	// each route decides who may call it. A bad credential is refused, except
	// for a bad cookie, which counts as no credential. New logs once that
	// Optional is set. Default: false.
	Optional bool
	// Realm is the first parameter of every challenge (RFC 9110 section 11.5).
	// It is printable ASCII. Default: no realm.
	Realm string
	// ResourceMetadata is the URL of the document that [MetadataHandler]
	// serves, such as
	// "https://api.example.com/.well-known/oauth-protected-resource". Bearer
	// and DPoP challenges carry it (RFC 9728 section 5.1). Default: no URL.
	ResourceMetadata string
	// TrustedOrigins are origins, besides the service's own, whose pages may
	// send requests with a cookie. Write "https://app.example.com", without a
	// path or a trailing slash. An origin that CORS allows with credentials
	// must also be listed here. See [CrossSite]. Default: only the service's
	// own origin.
	TrustedOrigins []string
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
	if err := found.Err(); err != nil {
		return nil, err
	}
	m.challenges = newChallenges(m.authenticators, c.Realm, c.ResourceMetadata)
	m.fields, m.kinds = furtherFields(m.authenticators), kindsOf(m.authenticators)
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
