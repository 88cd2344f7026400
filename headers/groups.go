package headers

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// groups counts violations in windows of time. A window begins with a request
// and ends by a timer, which reports what was only counted; between windows it
// holds neither a timer nor memory. Everything in it is bounded.
type groups struct {
	window time.Duration
	max    int // kinds per window
	busy   int // requests per window

	mu       sync.Mutex
	open     bool
	requests int
	kinds    map[violationKind]*group
	surplus  group // of kinds beyond max
	unread   group // of requests beyond busy
}

// group is a kind of violation in the current window.
type group struct {
	first   violation
	request *http.Request // of the first, for its client and recorder
	count   int           // that have not been reported
}

// admit counts a request and reports whether it is to be read.
func (g *groups) admit(r *http.Request) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begin()
	g.requests++
	if g.requests <= g.busy {
		return true
	}
	g.unread.add(r)
	return false
}

// count reports the first violation of a kind, and counts the others.
func (g *groups) count(r *http.Request, v violation) {
	if g.firstOf(r, v) {
		bulwark.Report(r, v.event(0))
	}
}

func (g *groups) firstOf(r *http.Request, v violation) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begin() // the window of the request may have ended while its body came in
	if known, ok := g.kinds[v.kind()]; ok {
		known.add(r)
		return false
	}
	if len(g.kinds) >= g.max {
		g.surplus.add(r)
		return false
	}
	g.kinds[v.kind()] = &group{first: v}
	return true
}

// begin opens a window where none is.
func (g *groups) begin() {
	if g.open {
		return
	}
	g.open = true
	g.kinds = map[violationKind]*group{}
	time.AfterFunc(g.window, g.end)
}

// add counts one more, and keeps what is needed to report it later.
func (g *group) add(r *http.Request) {
	g.count++
	if g.request == nil {
		g.request = remember(r)
	}
}

// tell reports a number of which nothing more is known.
func (g *group) tell(reason string) {
	if g.count > 0 {
		bulwark.Report(g.request, bulwark.Event{Name: bulwark.MaliciousCSPViolation, Reason: reason, Count: g.count})
	}
}

// remember returns what an event takes from a request, without its body, its
// header, and its cancellation.
func remember(r *http.Request) *http.Request {
	bare := &http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path}, Pattern: r.Pattern, RemoteAddr: r.RemoteAddr}
	return bare.WithContext(context.WithoutCancel(r.Context()))
}

// end reports what was counted and closes the window.
func (g *groups) end() {
	g.mu.Lock()
	kinds, surplus, unread := g.kinds, g.surplus, g.unread
	g.open, g.requests, g.kinds, g.surplus, g.unread = false, 0, nil, group{}, group{}
	g.mu.Unlock()
	for _, group := range kinds {
		if group.count > 0 {
			bulwark.Report(group.request, group.first.event(group.count))
		}
	}
	surplus.tell("headers.csp_violations_ungrouped")
	unread.tell("headers.csp_reports_unread")
}
