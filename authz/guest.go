package authz

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// A guest is a handler, behind its rule, under a router that is not ours.
type guest struct {
	next      http.Handler
	pathValue func(*http.Request, string) string
	names     []string // for pathValue
	pattern   atomic.Pointer[guestPattern]
}

// guestPattern is the pattern that the router names, taken apart.
type guestPattern struct {
	text string
	pathPattern
}

// ServeHTTP does what a route of a Mux does, as far as it can be done here.
func (g *guest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, s := bulwark.Enter(r)
	if s.Route() == "" && r.Pattern != "" {
		s.SetRoute(r.Pattern)
	}
	if !g.safePath(r) {
		bulwark.Deny(w, r, errPathValue())
		return
	}
	g.next.ServeHTTP(w, r)
}

// safePath checks the whole path, because it is not known here what of it are
// values, and then those values that are known.
func (g *guest) safePath(r *http.Request) bool {
	if hidesSlash(r.URL) || strings.Contains(r.URL.Path, "//") || unsafeValue(r.URL.Path, true) {
		return false
	}
	parsed := g.parsed(r.Pattern)
	for _, w := range parsed.wild {
		if unsafeValue(r.PathValue(w.name), w.multi) {
			return false
		}
	}
	if g.pathValue != nil {
		for _, name := range g.names {
			value := g.pathValue(r, name)
			if unsafeValue(value, false) {
				return false
			}
			r.SetPathValue(name, value)
		}
	}
	return true
}

// parsed takes a pattern apart and remembers the last one: a route has one.
func (g *guest) parsed(pattern string) *guestPattern {
	if last := g.pattern.Load(); last != nil && last.text == pattern {
		return last
	}
	parsed := &guestPattern{text: pattern}
	if pattern != "" {
		parsed.pathPattern = parsePattern(pattern)
	}
	g.pattern.Store(parsed)
	return parsed
}

func join(reasons []string) string { return strings.Join(reasons, "; ") }
