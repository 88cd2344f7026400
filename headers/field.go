package headers

import (
	"math/bits"
	"net/http"
	"slices"
	"strings"
)

// field is one of the headers that this package sets.
type field int

const (
	cacheControl field = iota
	securityPolicy
	policyReportOnly
	embedderPolicy
	embedderReportOnly
	openerPolicy
	openerReportOnly
	resourcePolicy
	agentCluster
	permissionsPolicy
	permissionsReportOnly
	referrerPolicy
	reportingEndpoints
	transportSecurity
	contentTypeOptions
	dnsPrefetchControl
	downloadOptions
	frameOptions
	crossDomainPolicies
	xssProtection
	fields
)

// mask is a set of fields.
type mask uint32

func (m mask) has(f field) bool { return m&(1<<f) != 0 }

// first returns the first field of a set that is not empty.
func (m mask) first() field { return field(bits.TrailingZeros32(uint32(m))) }

// lists are the headers whose lines browsers read as one list.
const lists = mask(1<<cacheControl | 1<<securityPolicy | 1<<policyReportOnly | 1<<permissionsPolicy | 1<<permissionsReportOnly |
	1<<referrerPolicy | 1<<reportingEndpoints)

// names are the headers in canonical form. This is the one place where they are
// spelled.
var names = [fields]string{
	cacheControl:          "Cache-Control",
	securityPolicy:        "Content-Security-Policy",
	policyReportOnly:      "Content-Security-Policy-Report-Only",
	embedderPolicy:        "Cross-Origin-Embedder-Policy",
	embedderReportOnly:    "Cross-Origin-Embedder-Policy-Report-Only",
	openerPolicy:          "Cross-Origin-Opener-Policy",
	openerReportOnly:      "Cross-Origin-Opener-Policy-Report-Only",
	resourcePolicy:        "Cross-Origin-Resource-Policy",
	agentCluster:          "Origin-Agent-Cluster",
	permissionsPolicy:     "Permissions-Policy",
	permissionsReportOnly: "Permissions-Policy-Report-Only",
	referrerPolicy:        "Referrer-Policy",
	reportingEndpoints:    "Reporting-Endpoints",
	transportSecurity:     "Strict-Transport-Security",
	contentTypeOptions:    "X-Content-Type-Options",
	dnsPrefetchControl:    "X-Dns-Prefetch-Control",
	downloadOptions:       "X-Download-Options",
	frameOptions:          "X-Frame-Options",
	crossDomainPolicies:   "X-Permitted-Cross-Domain-Policies",
	xssProtection:         "X-Xss-Protection",
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
		return "is the same as no header; name the header in InsecureOmit to send none"
	}
	return "must be one of " + strings.Join(good, ", ")
}

// embedderFault checks a Cross-Origin-Embedder-Policy (HTML, 7.1.4).
func embedderFault(value string) string {
	value, _ = cutReportTo(value)
	return oneOf(value, "require-corp", "credentialless")
}

// openerFault checks a Cross-Origin-Opener-Policy (HTML, 7.1.3).
func openerFault(value string) string {
	value, _ = cutReportTo(value)
	return oneOf(value, "same-origin", "same-origin-allow-popups", "noopener-allow-popups")
}

// cutReportTo cuts the parameter report-to off a policy, such as
// same-origin; report-to="csp". A parameter that is another, or is not a name
// in double quotes, stays where it is.
func cutReportTo(value string) (policy, endpoint string) {
	policy, parameter, ok := strings.Cut(value, ";")
	if !ok {
		return value, ""
	}
	name, ok := strings.CutPrefix(strings.TrimLeft(parameter, " "), `report-to="`)
	name, closed := strings.CutSuffix(name, `"`)
	if !ok || !closed || !isFeature(name) {
		return value, ""
	}
	return policy, name
}

// clusterFault checks Origin-Agent-Cluster (HTML, 7.1.5).
func clusterFault(value string) string { return oneOf(value, "?1", "?0") }

// prefetchFault checks X-DNS-Prefetch-Control.
func prefetchFault(value string) string { return oneOf(value, "off", "on") }

// downloadFault checks X-Download-Options.
func downloadFault(value string) string { return oneOf(value, "noopen") }

// crossDomainFault checks X-Permitted-Cross-Domain-Policies.
func crossDomainFault(value string) string {
	if value == "all" {
		return "makes every policy file of the service valid; write none or master-only"
	}
	return oneOf(value, "none", "master-only", "by-content-type", "by-ftp-filename")
}

// xssFault checks X-XSS-Protection. The filters of old browsers can be made to
// remove scripts of the page itself, and so reveal what the page holds.
func xssFault(value string) string {
	if strings.HasPrefix(value, "1") {
		return "switches on a filter that attackers can use against the page; write 0"
	}
	return oneOf(value, "0")
}

// resourceFault checks a Cross-Origin-Resource-Policy (Fetch, 3.7).
func resourceFault(value string) string {
	return oneOf(value, "same-origin", "same-site", "cross-origin")
}

// frameFault checks X-Frame-Options (RFC 7034 section 2.1). Browsers do not
// support ALLOW-FROM. A browser that gets it lets every site frame the page.
func frameFault(value string) string {
	if strings.HasPrefix(strings.ToUpper(value), "ALLOW-FROM") {
		return "is not supported by any browser; use CSP.FrameAncestors"
	}
	return oneOf(value, "DENY", "SAMEORIGIN")
}

// referrerFault checks a Referrer-Policy: a list of which the last known token
// is used.
func referrerFault(value string) string {
	for policy := range strings.SplitSeq(value, ",") {
		switch policy = strings.Trim(policy, " "); policy {
		case "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin":
		case "unsafe-url", "no-referrer-when-downgrade":
			return "shows the full URL to other sites; use strict-origin-when-cross-origin"
		default:
			return "is not a referrer policy; write for example no-referrer or same-origin"
		}
	}
	return ""
}
