package headers

import "strings"

// permissionsFault checks a Permissions-Policy: a dictionary of features and
// their allow-lists (Permissions Policy, 5.2; RFC 8941 section 3.2).
func permissionsFault(value string) string {
	for _, c := range []byte(value) {
		if c < ' ' || c >= 0x7f {
			return "has a control character or a character that is not ASCII; write for example camera=(), geolocation=(self)"
		}
	}
	seen := map[string]bool{}
	for member := range strings.SplitSeq(value, ",") {
		feature, list, ok := strings.Cut(strings.Trim(member, " "), "=")
		if !ok || !isFeature(feature) {
			return "must be features with allow-lists, such as camera=(), geolocation=(self)"
		}
		if seen[feature] {
			return "names " + feature + " twice; write one list for it"
		}
		seen[feature] = true
		if reason := allowListFault(list); reason != "" {
			return "has an allow-list for " + feature + " " + reason
		}
	}
	return ""
}

// allowListFault checks an allow-list: one item, or items in parentheses, and
// perhaps the name of the endpoint that hears of violations.
func allowListFault(list string) string {
	list, _, ok := cutEndpoint(list)
	if !ok {
		return "with a parameter that is not report-to and the name of an endpoint; write for example camera=();report-to=csp"
	}
	inner, opened := strings.CutPrefix(list, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened && !closed {
		if !isAllowed(list) {
			return "that is not *, self, an origin in double quotes, or a list in parentheses; write for example self"
		}
		return ""
	}
	if !opened || !closed {
		return "whose parentheses do not match; write for example (self)"
	}
	for item := range strings.SplitSeq(inner, " ") { // no other white space (RFC 8941 section 3.1.1)
		if item != "" && !isAllowed(item) {
			return "with an item that is not self or an origin in double quotes; write for example (self \"https://a.example\")"
		}
	}
	return ""
}

// cutEndpoint cuts ;report-to=name off an allow-list, and reports false for
// another parameter. The name is a token or a string.
func cutEndpoint(list string) (rest, endpoint string, ok bool) {
	rest, parameter, has := strings.Cut(list, ";")
	if !has {
		return list, "", true
	}
	name, ok := strings.CutPrefix(strings.TrimLeft(parameter, " "), "report-to=")
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	return rest, name, ok && isFeature(name)
}

// isAllowed reports whether an item can stand in an allow-list.
func isAllowed(item string) bool {
	if item == "self" || item == "src" || item == "*" {
		return true
	}
	quoted := len(item) > 2 && item[0] == '"' && item[len(item)-1] == '"'
	return quoted && hostSourceFault(item[1:len(item)-1]) == ""
}

// endpointsOf returns the names of endpoints in a Permissions-Policy.
func endpointsOf(value string) []string {
	var names []string
	for member := range strings.SplitSeq(value, ",") {
		_, list, _ := strings.Cut(member, "=")
		if _, name, ok := cutEndpoint(strings.TrimRight(list, " ")); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
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
