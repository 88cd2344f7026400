package ratelimit

import (
	"context"
	"net/http"

	"github.com/bulwark-go/bulwark/internal/response"
)

// Count says which requests a limit counts.
type Count int

const (
	// Requests counts every request.
	Requests Count = iota
	// Failures counts only requests that fail, such as wrong passwords.
	//
	// Each request is counted before the handler runs. If the request succeeds,
	// it is given back to the quota afterwards. Therefore guesses that run at
	// once cannot all pass before the first of them is counted. A request that
	// is still running counts, so the rate also bounds how many requests run at
	// once.
	//
	// Config.Success decides what a success is. By default it is a status below
	// 400. A status of 500 and above does not count, because it is a failure of
	// the server.
	//
	// An answer that the limit does not see counts as a failure:
	//
	//   - the handler panicked;
	//   - the handler hijacked the connection;
	//   - the client cancelled the request;
	//   - the handler returned and had written nothing.
	//
	// The last case is usual under a framework that writes the answer later, or
	// to its own writer. The first answer of each kind is an event with the
	// reason "ratelimit.unseen". Therefore a handler behind such a limit has to
	// write its status, even 200 or 204. See docs/routers.md for gin and echo.
	Failures
)

// watch runs next. Unless the request fails, it gives back what the limits on
// failures have counted.
func watch(w http.ResponseWriter, r *http.Request, next http.Handler, charges []charge) {
	w, watched := response.Of(w)
	returned := false
	defer func() {
		for i := range charges {
			c := &charges[i]
			if returned && c.keys > 0 && c.limit.count == Failures && !c.limit.failed(r, watched) {
				c.giveBack(r.Context())
			}
		}
	}()
	next.ServeHTTP(w, r)
	returned = true
}

// failed reports whether a request whose handler has returned counts. An answer
// of which nothing was seen counts, because a client could bring that about on
// purpose.
func (m *Middleware) failed(r *http.Request, watched *response.Writer) bool {
	status := watched.Status()
	switch {
	case watched.Hijacked(), status == http.StatusSwitchingProtocols:
		return m.unseen.tell(r, m.name, takenOver)
	case cancelled(r.Context()):
		return m.unseen.tell(r, m.name, clientGone)
	case status == 0:
		return m.unseen.tell(r, m.name, nothingWritten)
	case status >= 500:
		return false
	case m.success != nil:
		return !m.success(r, status)
	}
	return status >= 400
}

// cancelled reports whether the client has gone. A stream that ended with the
// caller's credential was not a failure.
func cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && !response.Ends(context.Cause(ctx))
}
