package audit

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says what is recorded, and where the records go. The zero Config
// writes security events to [slog.Default].
type Config struct {
	// Logger takes the records. Its level does not filter them, because a
	// security record is not debug output. Default: the logger that
	// [slog.Default] returns when a record is written.
	Logger *slog.Logger
	// Sinks take the records instead of Logger. For zap, use zaplog.New. Each
	// sink has queues and a goroutine of its own, so that a sink that hangs or
	// fails does not disturb the others. One goroutine at a time calls Handle,
	// without the context of the request, and even if Enabled reports false.
	// Default: none, so that Logger is used. At most 8.
	Sinks []slog.Handler

	// AccessLog adds a record of type "access" for each request: method, path,
	// route, status, bytes, duration in milliseconds, caller. The status is the
	// status that the client received. Three attributes mark an answer that did
	// not end well:
	//
	//   - "cutOff": true, if the answer was cut off after its header.
	//   - "cancelled": true, if the client left before anything of the answer
	//     was sent. The status is 499, unless the handler has written another.
	//   - "panicked": true, if the handler panicked. The status is 500, unless
	//     the header was sent before.
	//
	// Default: false.
	AccessLog bool
	// AccessQuery names the query parameters that the access record shows, such
	// as "limit". All other parameters are [redacted], including their names.
	// The rule applies to every URL in a record: in a header of AccessHeaders,
	// in the value of a shown parameter, and in the attributes of an event. In
	// the path of a record, the parameters of a segment and user information
	// are [redacted], such as "/cb;[redacted]". A name that sounds like a
	// credential is an error, such as "access_token" and "code". Default: none.
	// At most 16.
	AccessQuery []string
	// AccessHeaders names the request headers that the access record shows,
	// such as "User-Agent". Each name is given once; upper and lower case are
	// the same. In a URL in a header these parts are [redacted]: the user
	// information, the parameters of the path, the fragment, and the query
	// parameters that AccessQuery does not name. A header that carries
	// credentials is an error, such as "Authorization" and "Cookie". Default:
	// none. At most 16.
	AccessHeaders []string

	// Trace returns the ids of the span in a context, as 32 and 16 lower case
	// hexadecimal digits, or two empty strings. It is called for each request
	// and each event, so that a record names the span in which it was made.
	// With OpenTelemetry:
	//
	//	Trace: func(ctx context.Context) (traceID, spanID string) {
	//		span := trace.SpanContextFromContext(ctx)
	//		return span.TraceID().String(), span.SpanID().String()
	//	},
	//
	// If it returns malformed ids, zeros or nothing, the record has the ids of
	// the traceparent that the client sent. Default: nil, which uses the
	// traceparent alone.
	Trace func(context.Context) (traceID, spanID string)

	// Observers see every event, one by one, before it is counted or dropped.
	// They are for counters and detectors. They run on the goroutine that
	// reports the event, so their Record must not block. If an observer panics,
	// the event and the answer go on without it. An observer may also be an
	// [AnswerObserver] or a [Watcher]. Default: none. At most 8.
	Observers []bulwark.Recorder

	// MaxOneByOne is how many events are written one by one in a minute. It is
	// a limit for each name and address prefix (see MaxPrefixes) of anonymous
	// callers. For a known caller it is the limit of rate limit events and of
	// events of level ERROR. One record has the count of the rest of the
	// minute. Default: 20. At least 1, at most 10,000.
	MaxOneByOne int
	// MaxPerCaller is how many other events of a known caller are written one
	// by one, for each name and minute. Default: 100, or MaxOneByOne if that is
	// more. At least 1, at most 10,000.
	MaxPerCaller int
	// MaxPrefixes is how many pairs of name and address prefix are told apart
	// in a minute. It is also the limit for pairs of name and known caller. An
	// address prefix is the IPv4 address or the IPv6 /64. After 16 prefixes of
	// one site, which is the IPv4 /24 or the IPv6 /48, the site is counted as
	// one. When all pairs are taken, the networks with the most entries are
	// counted as one each. Callers beyond the limit are counted by their
	// address. A pair takes about 300 bytes, and at most 4 kB more if there is
	// something to count. Default: 1,024. At least 16, at most 65,536.
	MaxPrefixes int
	// MaxSecurityQueue is how many security events can wait for one sink. Half
	// of the queue is for events of level ERROR and above. A sys_unavailable
	// event of a request is not among these, because a client may cause it at
	// will. When a quarter of the queue is taken, no known caller and no site
	// can have more than an eighth of it. An event takes about 750 bytes.
	// Default: 1,024. At least 16, at most 65,536.
	MaxSecurityQueue int
	// MaxAccessQueue is how many access records can wait for one sink. A record
	// takes about 750 bytes. Default: 1,024. At least 16, at most 65,536.
	MaxAccessQueue int
}

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// New checks the Config and returns the layer. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	faults := fault.In("audit")
	m := &Middleware{
		accessLog: c.AccessLog,
		query:     slices.Clone(c.AccessQuery),
		observers: slices.Clone(c.Observers),
		trace:     c.Trace,
	}
	if c.Logger != nil && len(c.Sinks) > 0 {
		faults.Add("Logger", "", "is set beside Sinks; put Logger.Handler() into Sinks")
	}
	if len(c.Sinks) > maxSinks {
		faults.Add("Sinks", strconv.Itoa(len(c.Sinks)), "has more than 8; write a handler that calls several")
	}
	for i, sink := range c.Sinks {
		if fault.IsNil(sink) {
			faults.AddAt("Sinks", i, "", "is nil; remove it, or write a handler")
		}
	}
	if len(c.Observers) > maxSinks {
		faults.Add("Observers", strconv.Itoa(len(c.Observers)), "has more than 8; write a recorder that calls several")
	}
	for i, observer := range c.Observers {
		checkObserver(i, observer, faults)
	}
	checkShown(c, "AccessQuery", c.AccessQuery, faults)
	checkShown(c, "AccessHeaders", c.AccessHeaders, faults)
	for i, name := range c.AccessHeaders {
		// A key must not occur twice in a record.
		if slices.ContainsFunc(c.AccessHeaders[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			faults.AddAt("AccessHeaders", i, name, "is in the list twice, because case does not matter; remove one")
		}
		m.headers = append(m.headers, newShownHeader(name))
	}
	oneByOne := faults.Number("MaxOneByOne", c.MaxOneByOne, 1, 10_000, 20)
	perCaller := faults.Number("MaxPerCaller", c.MaxPerCaller, 1, 10_000, max(100, oneByOne))
	prefixes := faults.Number("MaxPrefixes", c.MaxPrefixes, 16, 1<<16, 1024)
	security := faults.Number("MaxSecurityQueue", c.MaxSecurityQueue, 16, 1<<16, 1024)
	access := faults.Number("MaxAccessQueue", c.MaxAccessQueue, 16, 1<<16, 1024)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	to := func(field string, sink slog.Handler) {
		m.deliveries = append(m.deliveries, newDelivery("audit.Config."+field, sink, m.query, security, access))
	}
	for i, sink := range c.Sinks {
		to("Sinks["+strconv.Itoa(i)+"]", sink)
	}
	switch {
	case c.Logger != nil:
		to("Logger", c.Logger.Handler())
	case len(c.Sinks) == 0:
		to("Logger", nil) // slog.Default, looked up for each record
	}
	m.folder = newFolder(oneByOne, perCaller, prefixes, m.deliver)
	m.watch()
	return m, nil
}

const (
	maxSinks = 8
	maxShown = 16
)
