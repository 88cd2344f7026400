package audit

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
)

// shownHeader is a header of the allow-list.
type shownHeader struct{ canonical, key string }

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
	e.event.Severity = slog.LevelInfo
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

const (
	// redacted stands for what a log must not show.
	redacted = "[redacted]"
	// shownBytes is enough for any text that is cut at 256 bytes afterwards.
	shownBytes = 1024
	// shownParams bounds how many parameters of a query are looked at.
	shownParams = 64
)

// showQuery returns the query with the parameters in allowed as they came, still
// percent-encoded, and one [redacted] for all others. Names are redacted, too:
// some clients send a bare token where a name belongs. So is a pair with a
// semicolon: some servers read several parameters there, and net/url none.
func showQuery(raw string, allowed []string) string {
	var b strings.Builder
	hidden := false
	for range shownParams {
		if raw == "" || b.Len() > shownBytes {
			break
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		escaped, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escaped)
		if err != nil || strings.Contains(pair, ";") || !slices.Contains(allowed, name) {
			hidden = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value[:min(len(value), shownBytes)])
	}
	if hidden || raw != "" {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(redacted)
	}
	return b.String()
}

// joined returns the lines of a header as one (RFC 9110 section 5.3), bounded.
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	var b strings.Builder
	for i, line := range lines {
		if b.Len() > shownBytes {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(line[:min(len(line), shownBytes)])
	}
	return b.String()
}
