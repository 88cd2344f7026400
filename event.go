package bulwark

import (
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/logtext"
)

// An Event is one security event. Only Name is for the reporter to choose, and
// whatever the request cannot tell; [Report] fills in the rest from the request
// and makes every text safe to log. Fields that are set already are kept.
//
// An event without a Level has that of its name, see [EventName.Level]. Two
// kinds of refusals are part of an ordinary day, and are INFO when they are
// reported for a request: an [InputValidationFail] with the status 404, 409,
// 410, 412 or 423, and an [AuthzFail] with the status 401 where the request has
// no credential. They are events still, so that somebody who probes for objects
// or routes can be seen.
//
// A request has a credential where a caller has been identified, or a bad
// credential or a failed login has been reported, or a header field brings one:
// Authorization, Proxy-Authorization, any field that is named after a token or
// an API key, and Cookie. Where an authentication layer has found nobody, the
// cookies are not credentials: the layer has read them. A parameter of the
// query that is named access_token, token, api_key, password or the like is one
// too. What stands in the body of a login is not looked at: the handler reports
// [AuthnLoginFail].
type Event struct {
	Name     EventName    // what happened
	Level    slog.Leveler // nil chooses, see above; a slog.Level once reported
	Time     time.Time    // UTC
	ClientIP netip.Addr   // see [ClientIP]
	Issuer   string       // of the caller, beside UserID
	UserID   string       // the caller's Subject, empty for an anonymous one
	// AssumedIssuer and AssumedID are the identity that the caller acts under,
	// inside [WithPrincipal], beside the caller's own.
	AssumedIssuer, AssumedID string

	Method string // a method of RFC 9110 or 5789, or "_OTHER"
	Path   string // as the first layer has seen it; at most 256 bytes
	Route  string // the pattern that matched
	Status int    // of the refusal, 0 where the event is none
	// RequestID is the id in the problem's instance and in X-Request-Id.
	RequestID string
	TraceID   string // W3C trace context, 32 hexadecimal digits
	SpanID    string // and 16
	Reason    string // why: the problem's code, or something more exact
	Rule      string // the configured rule, limit or policy
	Count     int    // how many occurrences this record stands for; 0 is one
	// Attrs are further attributes; those without a key are left out. String
	// values are cut at 256 bytes.
	Attrs [4]slog.Attr

	// escaped tells which texts have their escapes already, by a hash of each:
	// the fields of marks, then the values and the keys of Attrs.
	escaped [marks]uint32
}

const (
	texts = 12
	marks = texts + 2*4
)

// Sanitize fills in Level and Time where they are open, and escapes and
// shortens every text that may come from outside. [Report] does it; it is for
// recorders that take events from elsewhere. What has been escaped once is left
// alone the next time, unless the text has been changed meanwhile.
func (e *Event) Sanitize() {
	e.Level = e.level()
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	for i, text := range [texts]*string{&e.Issuer, &e.UserID, &e.AssumedIssuer, &e.AssumedID, &e.Method, &e.Path, &e.Route,
		&e.RequestID, &e.TraceID, &e.SpanID, &e.Reason, &e.Rule} {
		*text = e.clip(i, *text, maxText)
	}
	for i := range e.Attrs {
		if e.Attrs[i].Key == "" {
			continue
		}
		value := resolve(e.Attrs[i].Value, 4)
		switch value.Kind() {
		case slog.KindString, slog.KindAny, slog.KindGroup:
			value = slog.StringValue(e.clip(texts+i, value.String(), maxText))
		}
		e.Attrs[i] = slog.Attr{Key: e.clip(texts+len(e.Attrs)+i, e.Attrs[i].Key, 64), Value: value}
	}
}

// clip makes the text number i safe, once: another time would double the
// backslashes of its escapes. A text without a backslash has no escapes.
func (e *Event) clip(i int, text string, limit int) string {
	if strings.IndexByte(text, '\\') >= 0 && e.escaped[i] == fingerprint(text) && len(text) <= limit {
		return text
	}
	text = logtext.Clip(text, limit)
	if strings.IndexByte(text, '\\') >= 0 {
		e.escaped[i] = fingerprint(text)
	}
	return text
}

// fingerprint is a hash that nobody outside the process can aim at; never 0.
func fingerprint(text string) uint32 { return uint32(maphash.String(hashSeed, text)) | 1 }

var hashSeed = maphash.MakeSeed()

// level returns the level as it stands now: a Leveler may change its mind, and
// a nil inside it must not take the request with it.
func (e *Event) level() (level slog.Level) {
	switch l := e.Level.(type) {
	case nil:
		return e.Name.Level()
	case slog.Level:
		return l
	}
	level = e.Name.Level()
	defer func() { _ = recover() }()
	return e.Level.Level()
}

// resolve returns value with every LogValuer in it resolved: text of a group
// would otherwise show what the LogValuer hides. An error becomes its text as
// far as a log may see it.
func resolve(value slog.Value, depth int) slog.Value {
	value = value.Resolve()
	if value.Kind() == slog.KindAny {
		if err, ok := value.Any().(error); ok {
			return slog.StringValue(textOf(err))
		}
	}
	if value.Kind() != slog.KindGroup {
		return value
	}
	if depth == 0 {
		return slog.StringValue("[nested too deep]")
	}
	attrs := slices.Clone(value.Group())
	for i := range attrs {
		attrs[i].Value = resolve(attrs[i].Value, depth-1)
	}
	return slog.GroupValue(attrs...)
}

// AppendAttrs appends the event as log attributes in the standard shape: type,
// event, timestamp, ip, userId, path and method always and first, then whatever
// else is known.
func (e Event) AppendAttrs(attrs []slog.Attr) []slog.Attr {
	ip := ""
	if e.ClientIP.IsValid() {
		ip = e.ClientIP.String()
	}
	attrs = append(attrs,
		slog.String("type", "security"),
		slog.String("event", string(e.Name)),
		slog.String("timestamp", e.Time.UTC().Format(time.RFC3339Nano)),
		slog.String("ip", ip),
		slog.String("userId", e.UserID),
		slog.String("path", e.Path),
		slog.String("method", e.Method),
	)
	for _, more := range [...]struct{ key, value string }{
		{"issuer", e.Issuer}, {"assumedUserId", e.AssumedID}, {"assumedIssuer", e.AssumedIssuer}, {"route", e.Route}, {"reason", e.Reason}, {"rule", e.Rule},
		{"requestId", e.RequestID}, {"traceId", e.TraceID}, {"spanId", e.SpanID},
	} {
		if more.value != "" {
			attrs = append(attrs, slog.String(more.key, more.value))
		}
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	if e.Count > 1 {
		attrs = append(attrs, slog.Int("count", e.Count))
	}
	for _, attr := range e.Attrs {
		if attr.Key != "" {
			attrs = append(attrs, attr)
		}
	}
	return attrs
}

// maxText bounds every text in an event, in bytes.
const maxText = 256
