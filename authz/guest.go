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

// ServeHTTP does what a route of a Mux does, as far as it can be done here.
func (g *guest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, s := bulwark.Enter(r)
	if s.Route() == "" && r.Pattern != "" {
		s.SetRoute(r.Pattern)
	}
	values, ok := g.path.safe(r)
	if !ok {
		bulwark.Deny(w, r, errPathValue())
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
// are values. Then it checks the values that are known, and returns those that
// the router keeps to itself, by the place of their names.
func (p *guestPath) safe(r *http.Request) (values []string, ok bool) {
	if !isPath(r.URL) || hidesSlash(r.URL) || strings.Contains(r.URL.Path, "//") || unsafeTail(r.URL.Path) {
		return nil, false
	}
	for _, w := range p.parsed(r.Pattern).wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return nil, false
		}
	}
	if p.value == nil {
		return nil, true
	}
	values = make([]string, len(p.names))
	for i, name := range p.names {
		if values[i] = p.value(r, name); unsafeValue(values[i], false) {
			return nil, false
		}
	}
	return values, true
}

// set returns a request that has the values, and r itself where there are none.
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
