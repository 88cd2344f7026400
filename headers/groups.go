package headers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark"
)

// bounds limit what is kept of a window: for all clients together, and for one
// client.
type bounds struct{ all, client int }

// groups counts violations in windows of time. A window begins with a request
// and ends by a timer, which reports the counts. Between windows groups holds
// no timer and no memory. Everything in it is bounded, and one client cannot
// use up a bound for the others.
type groups struct {
	window   time.Duration
	requests bounds
	kinds    bounds
	reserve  bounds // kinds of our own pages, beyond kinds

	mu      sync.Mutex
	current *window // nil between windows
}

// window is what happened since it began.
type window struct {
	used    use
	clients map[netip.Prefix]*use // as many as requests that were read at most
	kinds   map[violationKind]*group
	surplus group // of kinds beyond the bounds
	unread  group // of requests beyond the bounds, and of reports not read
}

// use is how much of each bound has been used.
type use struct{ requests, kinds, reserve int }

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
	w := g.begin()
	if w.used.requests >= g.requests.all {
		w.unread.add(r, 1)
		return false
	}
	client := w.client(r)
	if client.requests >= g.requests.client {
		w.unread.add(r, 1)
		return false
	}
	w.used.requests++
	client.requests++
	return true
}

// skip counts reports of a request that are not read.
func (g *groups) skip(r *http.Request, reports int) {
	if reports == 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.begin().unread.add(r, reports)
}

// count reports the first violation of a kind, and counts the others. A
// violation on a page of the service itself is also reported when there is no
// room for other kinds.
func (g *groups) count(r *http.Request, v violation, ours bool) {
	if g.firstOf(r, v, ours) {
		bulwark.Report(r, v.event(0))
	}
}

func (g *groups) firstOf(r *http.Request, v violation, ours bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.begin() // the window of the request may have ended while its body came in
	if known, ok := w.kinds[v.kind()]; ok {
		known.add(r, 1)
		return false
	}
	client := w.client(r)
	switch {
	case w.used.kinds < g.kinds.all && client.kinds < g.kinds.client:
		w.used.kinds++
		client.kinds++
	case ours && w.used.reserve < g.reserve.all && client.reserve < g.reserve.client:
		w.used.reserve++
		client.reserve++
	default:
		w.surplus.add(r, 1)
		return false
	}
	w.kinds[v.kind()] = &group{first: v}
	return true
}

// begin opens a window unless one is open.
func (g *groups) begin() *window {
	if g.current == nil {
		g.current = &window{clients: map[netip.Prefix]*use{}, kinds: map[violationKind]*group{}}
		time.AfterFunc(g.window, g.end)
	}
	return g.current
}

// client returns what the network of a client has used. Only requests that are
// read call it, so the number of networks is bounded by the number of such
// requests.
func (w *window) client(r *http.Request) *use {
	network := networkOf(bulwark.ClientIP(r))
	used, ok := w.clients[network]
	if !ok {
		used = new(use)
		w.clients[network] = used
	}
	return used
}

// networkOf returns the addresses that one client can choose from: an IPv4
// address, or the /48 that a site is given (RFC 6177 section 2). All clients of
// unknown address are one network.
func networkOf(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 48
	}
	network, _ := addr.Prefix(bits)
	return network
}

// add counts more, and keeps what is needed to report it later.
func (g *group) add(r *http.Request, n int) {
	g.count += n
	if g.request == nil {
		g.request = remember(r)
	}
}

// tell reports a number of which nothing more is known, with the bound that
// was exceeded.
func (g *group) tell(reason, bound string) {
	if g.count > 0 {
		e := bulwark.Event{Name: bulwark.MaliciousCSPViolation, Reason: reason, Count: g.count}
		e.Attrs[0] = slog.String("error", bound)
		bulwark.Report(g.request, e)
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
	w := g.current
	g.current = nil
	g.mu.Unlock()
	for _, group := range w.kinds {
		if group.count > 0 {
			bulwark.Report(group.request, group.first.event(group.count))
		}
	}
	w.surplus.tell("headers.csp_violations_ungrouped",
		"more kinds of violations in a Window than headers.Reports.MaxGroups, or than MaxClientGroups of one client")
	w.unread.tell("headers.csp_reports_unread",
		"more requests in a Window than headers.Reports.MaxRequests, or than MaxClientRequests of one client, or reports that could not be read")
}
