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
		bulwark.Deny(w, r, pathValue(err))
		return
	}
	g.next.ServeHTTP(w, g.path.set(r, values))
}

// A guestPath checks paths that another router has matched.
type guestPath struct {
	value func(*http.Request, string) string // optional
	names []string                           // for value
	last  atomic.Pointer[guestPattern]
}

// init makes p check values of its own. Without names it asks for "id".
func (p *guestPath) init(value func(*http.Request, string) string, names []string) {
	p.value, p.names = value, slices.Clone(names)
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
// that the router keeps to itself, in the order of their names. The error says
// what is unsafe.
func (p *guestPath) safe(r *http.Request) (values []string, err error) {
	switch {
	case !isPath(r.URL):
		return nil, errNoPath
	case hidesSlash(r.URL):
		return nil, errHiddenSlash
	case strings.Contains(r.URL.Path, "//"), unsafeTail(r.URL.Path):
		return nil, errGuestPath
	}
	for _, w := range p.parsed(r.Pattern).wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return nil, errWildcard
		}
	}
	if p.value == nil {
		return nil, nil
	}
	values = make([]string, len(p.names))
	for i, name := range p.names {
		if values[i] = p.value(r, name); unsafeValue(values[i], false) {
			return nil, errOwnValue
		}
	}
	return values, nil
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
