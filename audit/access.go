package audit

import (
	"log/slog"
	"time"
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

// access queues the access record of one request.
func (m *Middleware) access(x *exchange, e *entry) {
	if len(m.query) > 0 && x.r.URL.RawQuery != "" {
		e.access.query = safeText(showQuery(x.r.URL.RawQuery, m.query, 0))
	}
	for _, h := range m.headers {
		if values := x.r.Header[h.canonical]; len(values) > 0 {
			e.access.headers = append(e.access.headers, slog.String(h.key, safeText(h.show(joined(values), m.query))))
		}
	}
	m.deliver(e)
}
