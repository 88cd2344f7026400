package authz

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// SlashIn lets the value of one wildcard of a route hold slashes, which a
// client sends as %2F. It is for names that have slashes, such as the groups of
// a hosting service. It is given among the layers of a route:
//
//	mux.Handle("GET /groups/{name}", rule, h, authz.SlashIn("name"))
//
// Then the request for "/groups/a%2Fb" is served, and r.PathValue("name") is
// "a/b". These are still 400 "authz.path_value":
//
//   - an encoded slash in any other part of the path;
//   - an encoded backslash;
//   - in the value: a segment that is empty, "." or "..", also with ";" and
//     more text behind it;
//   - in the value: an octet that is encoded twice, and what is refused in
//     every path value;
//   - a path that another route of the Mux would serve, or redirect, if its
//     encoded slashes were slashes.
//
// The last item keeps the rule of the other route. Without it, the request for
// "/files/private%2Fkey" would pass with the rule of "/files/{name}", although
// "/files/private/{key}" has a rule of its own. A route for the rest of all
// paths, such as "GET /" or a Mount at "/", is such a route for every path. The
// handler must not read r.URL.Path, in which the two slashes cannot be told
// apart.
//
// SlashIn works with [Mux.Handle], [HandleObject], [HandleList] and
// [HandleCreate]. The name must be a wildcard for one segment, and a route
// takes one SlashIn. The pattern must not end in a slash or have a wildcard for
// the rest of the path. A [Mux.Mount] and [Object] refuse SlashIn: the other
// routes of a sub-router, or of another router, are not known there. In a
// [bulwark.Chain] it is an error.
//
// A Mux that is itself mounted under another router, such as chi, does not know
// the routes of that router either, and cannot notice them. There, put every
// route below the same prefix on the Mux. Otherwise "/files/private%2Fkey"
// passes with the rule of the Mux, although the other router has a stricter
// rule for "/files/private/{key}".
func SlashIn(name string) bulwark.Builder { return slashIn{name} }

// slashIn is not a layer: a registration takes it out of the layers.
type slashIn struct{ name string }

// Build returns an error.
func (s slashIn) Build() (bulwark.Layer, error) {
	return nil, &bulwark.ConfigError{Field: "authz.SlashIn", Value: s.name,
		Reason: "is not a layer; give it to Mux.Handle, HandleObject, HandleList or HandleCreate, among the layers of the route"}
}

// slash takes a SlashIn out of the layers of a route.
func (reg *registration) slash(i int, s slashIn) {
	if reg.slashed != "" {
		reg.faults.AddAt("layers", i, s.name, "is a second SlashIn, and only one part of a path may hold slashes; remove one of them")
		return
	}
	reg.slashed, reg.slashedAt = s.name, i
	if s.name == "" {
		reg.slashed = "{}" // which no wildcard is called
	}
}

// slashes notes what is wrong with the SlashIn of a route of this pattern.
func (reg *registration) slashes(p *pathPattern) {
	if reg.slashed == "" {
		return
	}
	wrong := func(reason string) { reg.faults.AddAt("layers", reg.slashedAt, reg.slashed, reason) }
	found := false
	for _, w := range p.wild {
		if w.multi {
			wrong("is a SlashIn on a pattern with {" + w.name + "...}, whose value has slashes already; remove it, or write a wildcard for one segment")
			return
		}
		found = found || w.name == reg.slashed
	}
	switch {
	case p.tail:
		wrong("is a SlashIn on a pattern that ends in a slash, or on a Mount; remove it, or register the routes with Mux.Handle and wildcards")
	case !found:
		wrong("is the name of a SlashIn, and the pattern has no wildcard of this name; write the name of a wildcard")
	}
}

// needsMux notes a SlashIn where the other routes are not known.
func (reg *registration) needsMux() {
	if reg.slashed != "" {
		reg.faults.AddAt("layers", reg.slashedAt, reg.slashed, "is a SlashIn under another router, whose other routes are not known here; register the route on an authz.Mux with HandleObject")
	}
}

// safeSlashes is safeValues for a request whose path has an encoded slash or
// backslash, on a route with SlashIn.
func (rt *route) safeSlashes(r *http.Request) error {
	raw := r.URL.EscapedPath()
	if raw != r.URL.RawPath { // a layer has changed one of the two
		return errHiddenSlash
	}
	sent := strings.Split(raw[1:], "/")
	if len(sent) != len(rt.parsed.segments) {
		return errHiddenSlash
	}
	for i, segment := range rt.parsed.segments {
		name, wild := wildcardName(segment)
		if !wild || name != rt.slashed {
			if wild && name != "$" && unsafeValue(unescape(sent[i]), false) {
				return errWildcard // what is written out in a pattern has no slash
			}
			continue
		}
		if unsafeSlashes(unescape(sent[i])) {
			return errSlashes
		}
		sent[i] = decodeSlashes(sent[i])
	}
	decoded := strings.Join(sent, "/")
	if rt.mux.elsewhere(rt, r, "/"+decoded) {
		return errOtherRoute
	}
	return nil
}

// unsafeSlashes reports whether the value of a SlashIn can be read as another
// path.
func unsafeSlashes(v string) bool {
	if strings.HasPrefix(v, "/") || strings.HasSuffix(v, "/") || strings.Contains(v, "//") || unsafeValue(v, true) {
		return true
	}
	for i := 0; i+2 < len(v); i++ {
		if v[i] == '%' && isHex(v[i+1]) && isHex(v[i+2]) {
			return true
		}
	}
	return false
}

// decodeSlashes decodes the slashes of an escaped segment, and nothing else.
func decodeSlashes(segment string) string {
	return strings.NewReplacer("%2F", "/", "%2f", "/").Replace(segment)
}

// elsewhere reports whether another route than rt would serve the request if it
// had that escaped path. A route with SlashIn counts as if its wildcard matched
// several segments.
func (m *Mux) elsewhere(rt *route, r *http.Request, path string) bool {
	probe := *r
	decoded, err := url.PathUnescape(path)
	if err != nil {
		return true
	}
	probe.URL = &url.URL{Path: decoded, RawPath: path}
	if h, pattern := m.mux.Handler(&probe); pattern != "" && h != http.Handler(rt) {
		return true
	}
	m.mu.Lock()
	slashed := m.slashed
	m.mu.Unlock()
	segments := strings.Split(path[1:], "/")
	own := rt.literals(segments)
	for _, other := range slashed {
		if other == rt || !other.serves(r) {
			continue
		}
		if literals := other.literals(segments); literals != nil && !fewer(literals, own) {
			return true
		}
	}
	return false
}

// serves reports whether the route is for the method and the host of r.
func (rt *route) serves(r *http.Request) bool {
	if method := rt.parsed.method; method != r.Method && !(method == http.MethodGet && r.Method == http.MethodHead) {
		return false
	}
	host, _, _ := strings.Cut(rt.parsed.path, "/")
	return host == "" || host == hostname(r.Host)
}

// hostname returns a Host without its port, exactly as ServeMux compares it.
// ServeMux drops the brackets of "[admin.example.com]:443", and keeps the port
// of "admin.example.com:1:2".
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// literals matches the segments of a path, and lets the wildcard of the SlashIn
// match one or more of them. It reports which segments are written out in the
// pattern, or nil if the pattern does not match.
func (rt *route) literals(path []string) []bool {
	more := len(path) - len(rt.parsed.segments)
	if more < 0 {
		return nil
	}
	written := make([]bool, len(path))
	at := 0
	for _, segment := range rt.parsed.segments {
		name, wild := wildcardName(segment)
		switch {
		case wild && name == rt.slashed:
			at += more
		case name == "$":
			if path[at] != "" {
				return nil
			}
			written[at] = true
		case !wild:
			if unescape(path[at]) != unescape(segment) {
				return nil
			}
			written[at] = true
		case path[at] == "":
			return nil
		}
		at++
	}
	return written
}

// fewer reports whether a has a part of what b has, and not all of it: then b
// is the more specific match.
func fewer(a, b []bool) bool {
	less := false
	for i := range a {
		if a[i] && !b[i] {
			return false
		}
		less = less || b[i] && !a[i]
	}
	return less
}

var (
	errSlashes    = errors.New("the value of the wildcard that SlashIn names has an empty segment, a segment of dots, a backslash, a control character, invalid UTF-8 or an octet that is encoded twice, which no setting accepts; take such a name from the query or the body")
	errOtherRoute = errors.New("another route of the Mux would serve the path if its encoded slashes were slashes, and may have a stricter rule; rename the object, or remove SlashIn or the other route")
)
