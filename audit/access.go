package audit

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// accessed is what an access record has beyond an event.
type accessed struct {
	is        bool
	panicked  bool
	cutOff    bool
	cancelled bool
	bytes     int64
	took      time.Duration
	query     string
	headers   []slog.Attr
}

// access queues the record of one request.
func (m *Middleware) access(x *exchange, how response.How, ending response.Ending) {
	e := entry{event: bulwark.Event{Status: ending.Status}}
	x.scope.Describe(x.r, &e.event)
	e.event.Level = slog.LevelInfo
	e.access = accessed{is: true, cutOff: ending.CutOff, cancelled: ending.Cancelled, bytes: x.watch.Bytes(), took: time.Since(x.begin)}
	// To cut an answer off on purpose is not a failure, unless it is empty.
	e.access.panicked = how == response.Panicked || how == response.Aborted && !ending.CutOff && !ending.Cancelled
	if x.r.Method == http.MethodHead {
		e.access.bytes = 0 // net/http takes the body and sends none
	}
	if len(m.query) > 0 && x.r.URL.RawQuery != "" {
		e.access.query = safeText(showQuery(x.r.URL.RawQuery, m.query, 0))
	}
	for _, h := range m.headers {
		if values := x.r.Header[h.canonical]; len(values) > 0 {
			e.access.headers = append(e.access.headers, slog.String(h.key, safeText(h.show(joined(values), m.query))))
		}
	}
	m.deliver(&e)
}
