package audit

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// An exchange is one request on its way through.
type exchange struct {
	audit    *Middleware
	came     *http.Request // as the server or the layer outside handed it in
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
	how := response.Returned
	if !x.returned {
		panicked, how = recover(), response.Panicked
		if panicked == http.ErrAbortHandler { // how a handler cuts an answer off on purpose
			how = response.Aborted
		}
	}
	ending := x.watch.Ending(x.came, how)
	status := ending.Status
	// An audit layer further in may have reported this very answer.
	told := x.watch.Told() == status
	switch {
	case told:
	case how == response.Panicked:
		// The value of the panic is for the log of the server alone, because it
		// may hold anything. The address with its port is in both records.
		e := bulwark.Event{Name: bulwark.SysUnavailable, Status: status, Reason: "audit.panic"}
		e.Attrs[0] = slog.String("remoteAddr", x.came.RemoteAddr)
		e.Attrs[1] = slog.String("error", "the handler panicked, or ended its goroutine; after a panic the ErrorLog of the server has the value and the stack, with the same remoteAddr, unless a layer outside recovered")
		bulwark.Report(x.r, e)
		x.watch.Tell(status)
	default:
		name := unreported(status)
		if name == "" {
			break
		}
		if !x.scope.Reported(x.watch.Header(), "", status) {
			e := bulwark.Event{Name: name, Status: status, Reason: "audit.unreported"}
			e.Attrs[0] = slog.String("error", "the handler wrote the status itself; a refusal by bulwark.Deny has its reason in the log")
			bulwark.Report(x.r, e)
		}
		x.watch.Tell(status)
	}
	if x.audit.accounts() {
		x.audit.account(x, how, ending)
	}
	if panicked != nil {
		panic(panicked)
	}
}

// unreported returns the event of a refusal that nobody reported. It is empty
// if the status needs no report.
func unreported(status int) bulwark.EventName {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return bulwark.AuthzFail
	case http.StatusTooManyRequests:
		return bulwark.ExcessRateLimitExceeded
	}
	return ""
}
