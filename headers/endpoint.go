package headers

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
)

// endpoints returns the value of Reporting-Endpoints (Reporting API, 3.2).
func (c *Config) endpoints(faults *fault.List) string {
	var members []string
	for _, name := range slices.Sorted(maps.Keys(c.Endpoints)) {
		target := c.Endpoints[name]
		path := fmt.Sprintf("Endpoints[%q]", name)
		if !isFeature(name) { // a key of RFC 8941, and a token of report-to
			faults.Add(path, "", "needs a name of lower case letters, digits and hyphens that begins with a letter")
		}
		if reason := endpointFault(target); reason != "" {
			faults.Add(path, withoutUser(target), reason)
		}
		members = append(members, name+`="`+target+`"`)
	}
	return strings.Join(members, ", ")
}

// unknownEndpoint returns a name that a header reports to and that is not a
// name in Endpoints. Without Endpoints it returns nothing, because other code
// may send them, such as an outer proxy.
func (c *Config) unknownEndpoint(f field, value string) string {
	var named []string
	switch f {
	case embedderPolicy, embedderReportOnly, openerPolicy, openerReportOnly:
		if _, name := cutReportTo(value); name != "" {
			named = []string{name}
		}
	case permissionsPolicy, permissionsReportOnly:
		named = endpointsOf(value)
	}
	for _, name := range named {
		if _, ok := c.Endpoints[name]; !ok && len(c.Endpoints) > 0 {
			return name
		}
	}
	return ""
}

// withoutUser hides the user of a URL, which may be a password: errors are
// logged.
func withoutUser(target string) string {
	at := strings.LastIndexByte(target, '@')
	if at < 0 {
		return target
	}
	scheme, _, ok := strings.Cut(target[:at], "://")
	if !ok {
		return "…" + target[at:]
	}
	return scheme + "://…" + target[at:]
}

func endpointFault(target string) string {
	u, err := url.Parse(target)
	if err != nil || strings.ContainsAny(target, "\"\\;, '<>") {
		return "is not a URL that can stand in a header; write for example https://reports.example.com/csp or /reports/csp"
	}
	for _, c := range []byte(target) {
		if c <= ' ' || c >= 0x7f {
			return "is not a URL that can stand in a header; write for example https://reports.example.com/csp or /reports/csp"
		}
	}
	switch {
	case u.Scheme == "https" && u.Host != "" && u.User == nil && u.Fragment == "":
		return ""
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//") && u.Fragment == "":
		return ""
	}
	return "must be an https URL without user and fragment, or a path that begins with a slash"
}
