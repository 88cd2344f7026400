package authz

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// A guest is a handler, behind its rule, under a router that is not ours.
type guest struct {
	path guestPath
	next http.Handler
}

// ServeHTTP does what a route of a Mux does, as far as that is possible here.
func (g *guest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, s := bulwark.Enter(r)
	if s.Route() == "" && r.Pattern != "" {
		s.SetRoute(r.Pattern)
	}
	values, err := g.path.safe(r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	g.next.ServeHTTP(w, g.path.set(r, values))
}

// A guestPath checks paths that another router has matched.
type guestPath struct {
	owner string                             // of value: "Resource" or "Config"
	value func(*http.Request, string) string // optional
	names []string                           // for value
	last  atomic.Pointer[guestPattern]
}

// init makes p check the values of an owner. Without names it asks for "id".
func (p *guestPath) init(owner string, value func(*http.Request, string) string, names []string) {
	p.owner, p.value, p.names = owner, value, slices.Clone(names)
	if len(p.names) == 0 {
		p.names = []string{"id"}
	}
}

// guestPattern is the pattern that the router names, taken apart.
type guestPattern struct {
	text string
	pathPattern
}

// safe checks the whole path, because it is not known here which parts of it
// are values. Then it checks the values that are known, and returns the values
// that the router keeps to itself, in the order of their names. The error is a
// 400 that says what is unsafe, or a 500 for a name without a value.
func (p *guestPath) safe(r *http.Request) (values []string, err error) {
	switch {
	case !isPath(r.URL):
		return nil, pathValue(errNoPath)
	case hidesSlash(r.URL):
		return nil, pathValue(errHiddenSlash)
	case strings.Contains(r.URL.Path, "//"), unsafeTail(r.URL.Path):
		return nil, pathValue(errGuestPath)
	}
	for _, w := range p.parsed(r.Pattern).wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return nil, pathValue(errWildcard)
		}
	}
	if p.value == nil {
		return nil, nil
	}
	values = make([]string, len(p.names))
	for i, name := range p.names {
		if values[i] = p.value(r, name); values[i] == "" {
			return nil, p.withoutValue(name)
		}
		if unsafeValue(values[i], false) {
			return nil, pathValue(errOwnValue)
		}
	}
	return values, nil
}

// withoutValue is the answer if the router has no value for a name. Load would
// look for an object without a name.
func (p *guestPath) withoutValue(name string) error {
	return &bulwark.ConfigError{Field: "authz." + p.owner + ".PathNames", Value: name,
		Reason: p.owner + ".PathValue returned nothing for this name; write the names of the wildcards of the route in PathNames, " +
			`which is "id" by default`}
}

// set returns a request that has the values, and r itself without values.
func (p *guestPath) set(r *http.Request, values []string) *http.Request {
	if len(values) == 0 {
		return r
	}
	r = unshared(r)
	for i, value := range values {
		r.SetPathValue(p.names[i], value)
	}
	return r
}

// unrouted reports whether r comes without path values, as far as that is
// known: it has no value "id", and its pattern does not say where the path
// values are.
func (p *guestPath) unrouted(r *http.Request) bool {
	if p.value != nil || r.PathValue("id") != "" {
		return false
	}
	parsed := p.parsed(r.Pattern)
	return r.Pattern == "" || parsed.tail && len(parsed.wild) == 0
}

// parsed takes a pattern apart and remembers the last one: a route has one.
func (p *guestPath) parsed(pattern string) *guestPattern {
	if last := p.last.Load(); last != nil && last.text == pattern {
		return last
	}
	parsed := &guestPattern{text: pattern}
	if pattern != "" {
		parsed.pathPattern = parsePattern(pattern)
	}
	p.last.Store(parsed)
	return parsed
}
