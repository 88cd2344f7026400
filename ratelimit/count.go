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
	// is counted. A request succeeded where Config.Success says so. A panic, a
	// hijacked connection and a request that the client has cancelled count. A
	// status of 500 and above does not count, because it is our own failure. A
	// request that is still running counts, so the rate also bounds how many
	// run at once.
	Failures
)

// serve runs next and gives back what it was charged unless it failed.
func (m *Middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler, debits [2]debit) {
	w, watched := response.Of(w)
	returned := false
	defer func() {
		if returned && !m.failed(r, watched) {
			giveBack(m.table, &debits)
		}
	}()
	next.ServeHTTP(w, r)
	returned = true
}

// failed reports whether a request whose handler has returned counts.
func (m *Middleware) failed(r *http.Request, watched *response.Writer) bool {
	status := watched.Final(false)
	switch {
	case watched.Hijacked(), status == http.StatusSwitchingProtocols, cancelled(r.Context()):
		return true // how it went is not known, and the client could choose that it is not
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
