package audit

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// An Answer is how one request ended.
type Answer struct {
	// Event describes the request: ClientIP, Issuer and UserID of the caller,
	// Method, Path, Route, Status and the ids. All texts are safe to log. Name
	// is empty. Status is the status that the client received, and 499 if the
	// client left before that.
	Event bulwark.Event
	// Caller is the caller on record, or nil if nobody was identified. Do not
	// modify it.
	Caller *bulwark.Principal
	// Reported is true if the observers have had an event of this Status.
	Reported bool
	Size     int64         // of the body of the answer, in bytes
	Duration time.Duration // from the audit layer to the handler and back

	CutOff    bool // the client has the status and not the whole answer
	Cancelled bool // the client left before anything of the answer was sent
	Panicked  bool // the handler panicked
}

// account tells the observers how a request ended, and queues its access
// record.
func (m *Middleware) account(x *exchange, how response.How, ending response.Ending) {
	now := time.Now() // once, because it is a tenth of what a record costs
	e := entry{event: bulwark.Event{Status: ending.Status, Time: now.UTC()}}
	x.scope.Describe(x.r, &e.event)
	e.event.Level = slog.LevelInfo
	e.access = accessed{is: true, cutOff: ending.CutOff, cancelled: ending.Cancelled, bytes: x.watch.Bytes(), took: now.Sub(x.begin)}
	// To cut an answer off on purpose is not a failure, unless it is empty.
	e.access.panicked = how == response.Panicked || how == response.Aborted && !ending.CutOff && !ending.Cancelled
	if x.r.Method == http.MethodHead {
		e.access.bytes = 0 // net/http takes the body and sends none
	}
	for _, observer := range m.answerObservers {
		header := x.watch.Header()
		answered(x.r.Context(), observer, Answer{
			Event: e.event, Caller: x.scope.Caller(),
			Reported: x.scope.Reported(header, "", ending.Status) && !x.scope.Reported(header, bulwark.NoEvent, ending.Status),
			Size:     e.access.bytes, Duration: e.access.took,
			CutOff: ending.CutOff, Cancelled: ending.Cancelled, Panicked: e.access.panicked,
		})
	}
	if m.accessLog {
		m.access(x, &e)
	}
}
