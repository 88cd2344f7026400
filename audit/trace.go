package audit

import (
	"context"
	"net/http"
)

// traceOf returns the trace ids of a request, or empty strings. The span of the
// service itself comes before the ids that the client sends.
func (m *Middleware) traceOf(r *http.Request) (traceID, spanID string) {
	if m.trace != nil {
		if traceID, spanID = m.span(r.Context()); traceID != "" {
			return traceID, spanID
		}
	}
	return traceparent(r.Header["Traceparent"])
}

// span returns the ids that Config.Trace returns for a context, or empty
// strings if they are not ids. A tracer that panics must not end the request.
func (m *Middleware) span(ctx context.Context) (traceID, spanID string) {
	defer func() {
		if recover() != nil {
			traceID, spanID = "", ""
		}
	}()
	traceID, spanID = m.trace(ctx)
	if len(traceID) != 32 || len(spanID) != 16 || !lowerHex(traceID) || !lowerHex(spanID) || zeros(traceID) || zeros(spanID) {
		return "", ""
	}
	return traceID, spanID
}

// traceparent returns the ids of a header. More than one line counts as none
// (W3C Trace Context section 3.2), because the right line cannot be known.
func traceparent(lines []string) (traceID, spanID string) {
	if len(lines) != 1 {
		return "", ""
	}
	traceID, spanID, _ = parseTraceparent(lines[0])
	return traceID, spanID
}

// maxTraceparent bounds a traceparent of a version to come. The ids are parts
// of the header's value and keep it in memory as long as the record waits.
const maxTraceparent = 256

// parseTraceparent returns trace-id and parent-id of a traceparent (W3C Trace
// Context section 3.2.2): version 00, which is exactly 55 characters, or a
// later one, which begins in the same way (section 4.1).
func parseTraceparent(line string) (traceID, spanID string, ok bool) {
	const size = 55
	if len(line) < size || len(line) > maxTraceparent || line[2] != '-' || line[35] != '-' || line[52] != '-' {
		return "", "", false
	}
	version, traceID, spanID, flags := line[:2], line[3:35], line[36:52], line[53:size]
	switch {
	case !lowerHex(version) || !lowerHex(traceID) || !lowerHex(spanID) || !lowerHex(flags):
		return "", "", false
	case version == "ff", version == "00" && len(line) != size, len(line) > size && line[size] != '-':
		return "", "", false
	case zeros(traceID) || zeros(spanID): // section 3.2.2.3 and 3.2.2.4: invalid
		return "", "", false
	}
	return traceID, spanID, true
}

func lowerHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func zeros(text string) bool {
	for i := range len(text) {
		if text[i] != '0' {
			return false
		}
	}
	return true
}
