package headers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/token"
)

// field is one of the headers that this package sets.
type field int

const (
	cacheControl field = iota
	securityPolicy
	policyReportOnly
	embedderPolicy
	openerPolicy
	resourcePolicy
	permissionsPolicy
	referrerPolicy
	reportingEndpoints
	transportSecurity
	contentTypeOptions
	frameOptions
	fields
)

// names are the headers in canonical form. This is the one place where they are
// spelled.
var names = [fields]string{
	cacheControl:       "Cache-Control",
	securityPolicy:     "Content-Security-Policy",
	policyReportOnly:   "Content-Security-Policy-Report-Only",
	embedderPolicy:     "Cross-Origin-Embedder-Policy",
	openerPolicy:       "Cross-Origin-Opener-Policy",
	resourcePolicy:     "Cross-Origin-Resource-Policy",
	permissionsPolicy:  "Permissions-Policy",
	referrerPolicy:     "Referrer-Policy",
	reportingEndpoints: "Reporting-Endpoints",
	transportSecurity:  "Strict-Transport-Security",
	contentTypeOptions: "X-Content-Type-Options",
	frameOptions:       "X-Frame-Options",
}

// fieldNamed finds a field by its name in any case.
func fieldNamed(name string) (field, bool) {
	i := slices.Index(names[:], http.CanonicalHeaderKey(name))
	return field(i), i >= 0
}

// oneOf checks a header that takes one of a few values.
func oneOf(value string, good ...string) string {
	if slices.Contains(good, value) {
		return ""
	}
	if value == "unsafe-none" {
		return "is the same as no header; leave it out with InsecureOmit"
	}
	return "must be one of " + strings.Join(good, ", ")
}

// embedderFault checks a Cross-Origin-Embedder-Policy (HTML, 7.1.4).
func embedderFault(value string) string { return oneOf(value, "require-corp", "credentialless") }

// openerFault checks a Cross-Origin-Opener-Policy (HTML, 7.1.3).
func openerFault(value string) string {
	return oneOf(value, "same-origin", "same-origin-allow-popups", "noopener-allow-popups")
}

// resourceFault checks a Cross-Origin-Resource-Policy (Fetch, 3.7).
func resourceFault(value string) string {
	return oneOf(value, "same-origin", "same-site", "cross-origin")
}

// frameFault checks X-Frame-Options (RFC 7034 section 2.1). ALLOW-FROM is not
// supported by any browser, and a browser that meets it allows everybody.
func frameFault(value string) string {
	if strings.HasPrefix(strings.ToUpper(value), "ALLOW-FROM") {
		return "is supported by no browser; use frame-ancestors of the CSP"
	}
	return oneOf(value, "DENY", "SAMEORIGIN")
}

// referrerFault checks a Referrer-Policy: a list whose last known token counts.
func referrerFault(value string) string {
	for policy := range strings.SplitSeq(value, ",") {
		switch policy = strings.Trim(policy, " "); policy {
		case "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin":
		case "unsafe-url", "no-referrer-when-downgrade":
			return "tells other sites the full URL; use strict-origin-when-cross-origin"
		default:
			return "is no referrer policy"
		}
	}
	return ""
}

// cacheFault checks the syntax of a Cache-Control (RFC 9111 section 5.2).
func cacheFault(value string) string {
	for directive := range strings.SplitSeq(value, ",") {
		name, argument, has := strings.Cut(strings.Trim(directive, " "), "=")
		if len(argument) >= 2 && argument[0] == '"' && argument[len(argument)-1] == '"' {
			argument = argument[1 : len(argument)-1]
		}
		if !token.Is(name) || has && !token.Is(argument) {
			return "is no list of cache directives, such as private, max-age=60"
		}
	}
	return ""
}

// permissionsFault checks a Permissions-Policy: a dictionary of features and
// their allow-lists (Permissions Policy, 5.2; RFC 8941 section 3.2).
func permissionsFault(value string) string {
	for _, c := range []byte(value) {
		if c < ' ' || c >= 0x7f {
			return "has a control character or a character that is not ASCII"
		}
	}
	seen := map[string]bool{}
	for member := range strings.SplitSeq(value, ",") {
		feature, list, ok := strings.Cut(strings.Trim(member, " "), "=")
		if !ok || !isFeature(feature) {
			return "must be features with allow-lists, such as camera=(), geolocation=(self)"
		}
		if seen[feature] {
			return "names " + feature + " twice"
		}
		seen[feature] = true
		if list == "*" {
			continue
		}
		inner, opened := strings.CutPrefix(list, "(")
		inner, closed := strings.CutSuffix(inner, ")")
		if !opened || !closed {
			return "has an allow-list for " + feature + " that is neither * nor in parentheses"
		}
		for item := range strings.SplitSeq(inner, " ") { // no other white space (RFC 8941 section 3.1.1)
			if item == "" || item == "self" || item == "src" || item == "*" {
				continue
			}
			quoted := len(item) > 2 && item[0] == '"' && item[len(item)-1] == '"'
			if !quoted || hostSourceFault(item[1:len(item)-1]) != "" {
				return "has an item for " + feature + " that is neither self nor an origin in double quotes"
			}
		}
	}
	return ""
}

func isFeature(name string) bool {
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && (c == '-' || '0' <= c && c <= '9'):
		default:
			return false
		}
	}
	return name != ""
}
