package documents

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/validate"
)

const (
	// heartbeat is how often a stream writes if nothing happens. A write finds
	// out that the client has gone.
	heartbeat = 15 * time.Second
	// writeTimeout is how long one write may take. It is longer than heartbeat,
	// because over HTTP/2 the deadline ends a stream even between two writes.
	writeTimeout = 30 * time.Second
	// pace is the pause after a full batch. It bounds what a flood of events
	// costs: a stream shows at most 1280 events a second.
	pace = 50 * time.Millisecond
)

// eventFilter says which events a client asks for.
type eventFilter struct {
	Kind   string `json:"kind"`
	Caller string `json:"caller"`
}

// nobody is the caller of an event without a caller.
const nobody = "anonymous"

func (f eventFilter) matches(e *bulwark.Event) bool {
	caller := e.UserID
	if caller == "" {
		caller = nobody
	}
	return (f.Kind == "" || f.Kind == kinds[kindOf(e.Name)]) && (f.Caller == "" || f.Caller == caller)
}

// streamEvents sends the security events as they come, as server-sent events.
// It begins with the events that the journal has kept, or after the event that
// Last-Event-ID names. It ends with the session of the caller, and with the
// server.
func (a *App) streamEvents(w http.ResponseWriter, r *http.Request) {
	filter, err := validate.QueryAs[eventFilter](r)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	from := a.journal.open(r.Header.Get("Last-Event-ID"))
	if from == nil {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusServiceUnavailable, Code: "activity.streams_used", RetryAfter: 2 * heartbeat,
			Detail: "As many streams as the server allows are open. Close a page that shows the activity."})
		return
	}
	defer from.close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	s := eventStream{control: http.NewResponseController(w), w: w}
	s.text.WriteString("retry: 3000\n\n")

	caller, _ := bulwark.PrincipalFrom(r.Context())
	_, alive := a.sessions.Review(caller)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		// A session may have ended elsewhere. Nothing is shown after that. The
		// auth layer also ends the stream then, but only within half a minute.
		// To look does not count as a use of the session.
		if alive(r.Context()) != nil {
			return
		}
		found, missed, more := from.next(filter.matches)
		s.add(from, found, missed)
		if s.flush() != nil {
			return
		}
		var next <-chan time.Time
		wake := from.wake
		if more {
			next, wake = time.After(pace), nil
		}
		select {
		case <-next:
		case <-wake:
		case <-beat.C:
			fmt.Fprintf(&s.text, "id: %s\n\n", from.id()) // moves the place to resume at
		case <-transport.Stopping(r.Context()):
			return
		case <-r.Context().Done():
			return
		}
	}
}

// An eventStream writes server-sent events.
type eventStream struct {
	control *http.ResponseController
	w       http.ResponseWriter
	text    bytes.Buffer // not written yet
}

// add adds events. The JSON of a record is one line, so it cannot end its
// event.
func (s *eventStream) add(from *reader, found []kept, missed uint64) {
	if missed > 0 {
		fmt.Fprintf(&s.text, "event: missed\ndata: {\"count\":%d}\n\n", missed)
	}
	for _, one := range found {
		fmt.Fprintf(&s.text, "id: %s\nevent: record\ndata: %s\n\n", from.journal.id(one.number), recordJSON(one.event))
	}
}

// flush sends what was added. A client that reads nothing ends its stream when
// the deadline has passed.
func (s *eventStream) flush() error {
	if s.text.Len() == 0 {
		return nil
	}
	defer s.text.Reset()
	s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.w.Write(s.text.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}
