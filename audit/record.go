package audit

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/logtext"
)

// otherName is the name of an event whose own name is not well formed.
const otherName bulwark.EventName = "_OTHER"

// wellNamed reports whether name is 1 to 64 lower case letters, digits and
// underscores: names are keys of counters and alerts.
func wellNamed(name bulwark.EventName) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// maxText is the bound that bulwark.Report sets to every text.
const maxText = 256

// unfinished reports whether e may not have been through Describe: its defaults
// are open, a text is too long, or a value belongs to somebody who may still
// change it. Characters are looked at later, when the record is written.
func unfinished(e *bulwark.Event) bool {
	if e.Time.IsZero() || e.Level == nil {
		return true
	}
	longest := max(len(e.Issuer), len(e.UserID), len(e.AssumedIssuer), len(e.AssumedID), len(e.Method), len(e.Path), len(e.Route),
		len(e.RequestID), len(e.TraceID), len(e.SpanID), len(e.Reason), len(e.Rule))
	for i := range e.Attrs {
		attr := &e.Attrs[i]
		switch attr.Value.Kind() {
		case slog.KindString:
			longest = max(longest, len(attr.Key), len(attr.Value.String()))
		case slog.KindAny, slog.KindGroup, slog.KindLogValuer:
			if attr.Key != "" {
				return true
			}
		}
	}
	return longest > maxText
}

// levelOf is the level of an event that may not have been through Describe.
func levelOf(e *bulwark.Event) slog.Level {
	if level, ok := e.Level.(slog.Level); ok {
		return level
	}
	return e.Name.Level()
}

// safe fills in the defaults of an event and makes its texts safe.
func safe(e bulwark.Event) bulwark.Event {
	e.Sanitize()
	return e
}

// safeText makes one text safe to log, at most 256 bytes.
func safeText(text string) string {
	return safe(bulwark.Event{Rule: text, Time: time.Unix(0, 0)}).Rule
}

// safeAgain is safeText for what was made of text that is safe already.
func safeAgain(text string) string { return logtext.Again(text, maxText) }

// attrRoom is enough for every attribute of a record.
const attrRoom = 32

// securityRecord returns the record of an event. The room for its attributes is
// the caller's, and the query names what the URLs in them show.
func securityRecord(e *entry, room []slog.Attr, query []string) slog.Record {
	safely := shown(e.event, query)
	renameAttrs(&safely)
	attrs := safely.AppendAttrs(room[:0])
	if e.counted != nil {
		attrs = e.counted.appendAttrs(attrs, query)
	}
	record := slog.NewRecord(safely.Time, levelOf(&safely), "security event", 0)
	record.AddAttrs(attrs...)
	return record
}

// shown is safe, with what must not be shown cut out of the path, and of the
// URLs in attributes. An error of an HTTP client has the URL in it.
func shown(e bulwark.Event, query []string) bulwark.Event {
	e = safe(e)
	e.Path = shownPath(e.Path, query)
	for i := range e.Attrs {
		if value := e.Attrs[i].Value; value.Kind() == slog.KindString && strings.ContainsAny(value.String(), "/%") {
			e.Attrs[i].Value = slog.StringValue(safeAgain(showURLs(value.String(), false, query, 0)))
		}
	}
	return e
}

// shownPath is the safe path of a record, with what must not be shown cut out.
func shownPath(path string, query []string) string {
	if !strings.ContainsAny(path, ";&?@") {
		return path
	}
	if shown := showRequestPath(path, query); shown != path {
		return safeAgain(shown)
	}
	return path
}

// accessRecord returns the record of a request.
func accessRecord(e *entry, room []slog.Attr, query []string) slog.Record {
	safely := safe(e.event)
	safely.Path = shownPath(safely.Path, query)
	attrs := safely.AppendAttrs(room[:0])
	// An event's first two attributes are its type and its name.
	attrs[1] = slog.String("type", "access")
	attrs = append(attrs[1:],
		slog.Int64("bytes", e.access.bytes),
		slog.Float64("durationMs", math.Round(float64(e.access.took)/1e3)/1e3))
	for _, mark := range [...]struct {
		key string
		set bool
	}{{"panicked", e.access.panicked}, {"cutOff", e.access.cutOff}, {"cancelled", e.access.cancelled}} {
		if mark.set {
			attrs = append(attrs, slog.Bool(mark.key, true))
		}
	}
	if e.access.query != "" {
		attrs = append(attrs, slog.String("query", e.access.query))
	}
	if len(e.access.headers) > 0 {
		attrs = append(attrs, slog.Attr{Key: "headers", Value: slog.GroupValue(e.access.headers...)})
	}
	record := slog.NewRecord(safely.Time, slog.LevelInfo, "request", 0)
	record.AddAttrs(attrs...)
	return record
}

// renameAttrs keeps the keys of a record unique. Parsers of JSON disagree about
// which of two members counts, so that a second "ip" could hide the first.
func renameAttrs(e *bulwark.Event) {
	for i := range e.Attrs {
		key := e.Attrs[i].Key
		if key == "" {
			continue
		}
		if reserved(key) || key == "count" && e.Count > 1 {
			key = "attr_" + key
		}
		for taken(e.Attrs[:i], key) {
			key += "_"
		}
		e.Attrs[i].Key = key
	}
}

func taken(before []slog.Attr, key string) bool {
	for _, attr := range before {
		if attr.Key == key {
			return true
		}
	}
	return false
}

// reserved reports the keys that this package, slog and zap set themselves.
func reserved(key string) bool {
	switch key {
	case slog.TimeKey, slog.LevelKey, slog.MessageKey, slog.SourceKey,
		"type", "event", "timestamp", "ip", "userId", "path", "method", "issuer", "assumedUserId", "assumedIssuer", "route", "reason", "rule",
		"requestId", "traceId", "spanId", "status", "severity",
		"ts", "logger", "caller", "stacktrace", "function", "message":
		return true
	}
	return false
}

// occurrences is how many events a record stands for.
func occurrences(e *entry) uint64 { return uint64(max(e.event.Count, 1)) }

// background is what a sink gets: a request's context would be cancelled by
// then.
func background() context.Context { return context.Background() }
