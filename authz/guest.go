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
	if !g.path.safe(r) {
		bulwark.Deny(w, r, errPathValue())
		return
	}
	g.next.ServeHTTP(w, r)
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
// are values. Then it checks the values that are known.
func (p *guestPath) safe(r *http.Request) bool {
	if hidesSlash(r.URL) || strings.Contains(r.URL.Path, "//") || unsafeValue(r.URL.Path, true) {
		return false
	}
	for _, w := range p.parsed(r.Pattern).wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return false
		}
	}
	if p.value == nil {
		return true
	}
	for _, name := range p.names {
		value := p.value(r, name)
		if unsafeValue(value, false) {
			return false
		}
		r.SetPathValue(name, value)
	}
	return true
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
