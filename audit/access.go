package audit

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// accessed is what an access record has beyond an event.
type accessed struct {
	is       bool
	panicked bool
	bytes    int64
	took     time.Duration
	query    string
	headers  []slog.Attr
}

// access queues the record of one request.
func (m *Middleware) access(x *exchange, status int) {
	e := entry{event: bulwark.Event{Status: status}}
	x.scope.Describe(x.r, &e.event)
	e.event.Level = slog.LevelInfo
	e.access = accessed{is: true, panicked: !x.returned, bytes: x.watch.Bytes(), took: time.Since(x.begin)}
	if x.r.Method == http.MethodHead {
		e.access.bytes = 0 // net/http takes the body and sends none
	}
	if len(m.query) > 0 && x.r.URL.RawQuery != "" {
		e.access.query = safeText(showQuery(x.r.URL.RawQuery, m.query))
	}
	for _, h := range m.headers {
		if values := x.r.Header[h.canonical]; len(values) > 0 {
			e.access.headers = append(e.access.headers, slog.String(h.key, safeText(joined(values))))
		}
	}
	m.deliver(&e)
}
