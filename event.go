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

// An Event is one security event. Give it to [Report] with a Name, and with the
// facts that the request does not hold, such as a Reason:
//
//	bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password"})
//
// Report fills in the other fields from the request, and makes every text safe
// to log. Report keeps the fields that are set.
//
// If Level is nil, the level is the level of the name (see [EventName.Level]).
// Two kinds of refusals are INFO if they are reported for a request, because
// they happen in ordinary use:
//
//   - [InputValidationFail] with the status 404, 409, 410, 412 or 423.
//   - [AuthzFail] with the status 401, if the request has no credential.
//
// Both are still events, because many of them show that somebody probes for
// objects or routes.
//
// A request has a credential if at least one of these is true:
//
//   - A caller has been identified.
//   - A bad credential or a failed login has been reported.
//   - A header field brings a credential: Authorization, Proxy-Authorization,
//     or a field that is named after a token or an API key.
//   - The request has a Cookie. This rule applies only until an authentication
//     layer has read the cookies and found nobody.
//   - A query parameter is named access_token, token, api_key, password or
//     similar.
//
// The body of a login is not examined. The handler of a login reports
// [AuthnLoginFail].
type Event struct {
	Name     EventName    // what happened
	Level    slog.Leveler // nil: by Name and Status; once reported, a slog.Level
	Time     time.Time    // UTC
	ClientIP netip.Addr   // see [ClientIP]
	Issuer   string       // of the caller
	UserID   string       // Subject of the caller; empty if anonymous
	// AssumedIssuer and AssumedID are the identity that the caller acts under
	// inside [WithPrincipal]. The caller's own identity is in Issuer and
	// UserID.
	AssumedIssuer, AssumedID string

	Method string // a method of RFC 9110 or 5789, or "_OTHER"
	Path   string // as the outermost layer saw it; at most 256 bytes
	Route  string // the pattern that matched
	Status int    // of the refusal; 0 if the event is not a refusal
	// RequestID is the id in X-Request-Id and in the instance of a problem.
	RequestID string
	TraceID   string // W3C trace context, 32 hexadecimal digits
	SpanID    string // W3C trace context, 16 hexadecimal digits
	Reason    string // why: the code of the problem, or a more exact word
	Rule      string // the configured rule, limit or policy
	Count     int    // number of occurrences in this record; 0 means one
	// Attrs are more attributes. An attribute without a key is left out.
	// Strings are cut at 256 bytes.
	Attrs [4]slog.Attr

	// escaped tells which texts have their escapes already, by a hash of each:
	// the fields of marks, then the values and the keys of Attrs.
	escaped [marks]uint32
}

const (
	texts = 12
	marks = texts + 2*4
)

// Sanitize sets Level and Time if they are not set. It also escapes and
// shortens every text that may come from outside. [Report] calls Sanitize. Call
// it in a recorder that receives events from elsewhere. A second call changes
// only texts that have been modified since the first one.
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
	if len(text) <= limit && logtext.Plain(text) { // nearly always, and every text is looked at twice
		return text
	}
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

// AppendAttrs appends the event to attrs in the standard shape of a log record.
// The first attributes are always type, event, timestamp, ip, userId, path and
// method. All other attributes follow if they are known.
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
