package audit

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// An exchange is one request on its way through.
type exchange struct {
	audit    *Middleware
	r        *http.Request
	scope    *bulwark.Scope
	watch    *response.Writer
	begin    time.Time
	returned bool
}

// end records how the request ended. It is deferred, and lets a panic go on. A
// handler that ended its goroutine has neither returned nor panicked.
func (x *exchange) end() {
	var panicked any
	if !x.returned {
		panicked = recover()
	}
	status := x.watch.Final(!x.returned)
	// An audit layer further in may have told of this very answer.
	told := x.watch.Told() == status
	switch {
	case told:
	case !x.returned && panicked != http.ErrAbortHandler:
		// What it panicked with is for the server's own log: it may hold
		// anything.
		bulwark.Report(x.r, bulwark.Event{Name: bulwark.SysUnavailable, Status: status, Reason: "audit.panic"})
		x.watch.Tell(status)
	default:
		name := unreported(status)
		if name == "" {
			break
		}
		if !x.scope.Reported(x.watch.Header(), "", status) {
			bulwark.Report(x.r, bulwark.Event{Name: name, Status: status, Reason: "audit.unreported"})
		}
		x.watch.Tell(status)
	}
	if x.audit.accessLog {
		x.audit.access(x, status)
	}
	if panicked != nil {
		panic(panicked)
	}
}

// unreported is the event of a refusal that nobody reported, and empty where
// the status needs no report.
func unreported(status int) bulwark.EventName {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return bulwark.AuthzFail
	case http.StatusTooManyRequests:
		return bulwark.ExcessRateLimitExceeded
	}
	return ""
}
