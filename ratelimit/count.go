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
	// Failures counts only requests that fail, such as wrong passwords. Each is
	// counted before the handler runs and given back afterwards if it
	// succeeded, so that many guesses at once cannot all pass before the first
	// is counted. A request succeeded where Config.Success says so. A status of
	// 500 and above does not count, because it is our own failure. A request
	// that is still running counts, so the rate also bounds how many run at
	// once.
	//
	// An answer that the limit does not see counts, because nobody can say that
	// it was a success. That is a panic, a hijacked connection, a request that
	// the client has cancelled, and an answer of which nothing was written when
	// the handler returned: another framework writes it later, or to a writer
	// of its own. The first of each kind is an event "ratelimit.unseen". So a
	// handler behind such a limit writes its status, 200 or 204 too. See
	// docs/routers.md for gin and echo.
	Failures
)

// watch runs next, and gives back what the limits on failures were charged
// unless the request has failed.
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

// failed reports whether a request whose handler has returned counts. How one
// went of which nothing was seen is not known, and the client could choose that
// it is not.
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

// cancelled reports whether the client has gone. A stream that ended with its
// caller's credential was no failure.
func cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) != response.ErrExpired
}
