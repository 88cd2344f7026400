package audit

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says what is recorded and where it goes. The zero Config writes
// security events to [slog.Default].
type Config struct {
	// Logger takes the records. Its level filters nothing here: a security
	// record is not debug output. Default: whatever [slog.Default] is at the
	// time of writing.
	Logger *slog.Logger
	// Sinks take the records in place of Logger. Each has queues and a
	// goroutine of its own, so that a sink that hangs or fails costs the others
	// nothing. Handle is called by one goroutine at a time, without the context
	// of the request and whatever Enabled says. Default: none. At most 8.
	Sinks []slog.Handler

	// AccessLog adds a record of type "access" for each request: method, path,
	// route, status, bytes, duration in milliseconds, caller. The status is
	// that which the client has seen. An answer that was cut off after that
	// has "cutOff": true. Where the client had gone before anything of the
	// answer was sent, "cancelled" is true, and the status is 499 unless the
	// handler has written another. A handler that panicked before anything was
	// sent is 500 with "panicked": true. Default: false.
	AccessLog bool
	// AccessQuery names the query parameters that the access record shows. All
	// others are [redacted], names included. The rule holds for every URL that
	// a record shows: in a header of AccessHeaders, in the value of such a
	// parameter, and in the attributes of an event. A name that sounds like a
	// credential is an error: "limit" is accepted, "access_token" and "code"
	// are not. Default: none. At most 16.
	AccessQuery []string
	// AccessHeaders names the request headers that the access record shows,
	// each once whatever its case. User information, the parameters of the path
	// and the fragment of a URL in them are [redacted], and so are the
	// parameters of its query that AccessQuery does not name. A header that
	// carries credentials is an error: "User-Agent" is accepted,
	// "Authorization" and "Cookie" are not. Default: none. At most 16.
	AccessHeaders []string

	// Trace returns the ids of the span in a context, as 32 and 16 lower case
	// hexadecimal digits, or nothing. It is asked for each request and each
	// event, so that a record names the span in which it was made, and comes
	// before the traceparent of the client. With OpenTelemetry:
	//
	//	Trace: func(ctx context.Context) (traceID, spanID string) {
	//		span := trace.SpanContextFromContext(ctx)
	//		return span.TraceID().String(), span.SpanID().String()
	//	},
	//
	// Where ids are malformed or all zeros, the traceparent counts. Default:
	// nil, which is the traceparent alone.
	Trace func(context.Context) (traceID, spanID string)

	// Observers see every event, one by one and before any is counted or
	// dropped, on the goroutine that reports it: they are counters and
	// detectors. Their Record must not block. Where it panics, the event and
	// the answer go on without it. Default: none. At most 8.
	Observers []bulwark.Recorder

	// MaxOneByOne is how many events of anonymous callers are written one by
	// one for each name, address prefix (see MaxPrefixes) and minute, and how
	// many of a rate limit or of level ERROR for each known caller. The rest of
	// the minute is one counted record. Default: 20. At most 10,000.
	MaxOneByOne int
	// MaxPerCaller is how many other events of a known caller are written one
	// by one for each name and minute. Default: 100, or MaxOneByOne where that
	// is more. At most 10,000.
	MaxPerCaller int
	// MaxPrefixes is how many pairs of name and address prefix are told apart
	// in a minute, and how many pairs of name and known caller. An address
	// prefix is the IPv4 address or the IPv6 /64. Past 16 of one site, which is
	// the IPv4 /24 or the IPv6 /48, the site is counted as one. When all pairs
	// are taken, the networks with the most entries are counted as one each.
	// Callers beyond the bound are counted by their address. A pair takes about
	// 300 bytes, and at most 4 kB more where there is something to count.
	// Default: 1,024. At least 16, at most 65,536.
	MaxPrefixes int
	// MaxSecurityQueue is how many security events wait for one sink. Half of
	// the queue is for events of level ERROR and above, without the
	// sys_unavailable of requests, which a client may cause at will. When a
	// quarter of the queue is taken, no known caller and no site has more than
	// an eighth of it. An event takes about 750 bytes. Default: 1,024. At least
	// 16, at most 65,536.
	MaxSecurityQueue int
	// MaxAccessQueue is how many access records wait for one sink. A record
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
		faults.Add("Logger", "", "is given beside Sinks; put its Handler into Sinks")
	}
	if len(c.Sinks) > maxSinks {
		faults.Add("Sinks", strconv.Itoa(len(c.Sinks)), "has more than 8; fan out in a handler of your own")
	}
	for i, sink := range c.Sinks {
		if fault.IsNil(sink) {
			faults.AddAt("Sinks", i, "", "is nil; remove it or give it a handler")
		}
	}
	if len(c.Observers) > maxSinks {
		faults.Add("Observers", strconv.Itoa(len(c.Observers)), "has more than 8; fan out in a recorder of your own")
	}
	for i, observer := range c.Observers {
		if fault.IsNil(observer) {
			faults.AddAt("Observers", i, "", "is nil; remove it or give it a recorder")
		}
	}
	checkShown(c, "AccessQuery", c.AccessQuery, faults)
	checkShown(c, "AccessHeaders", c.AccessHeaders, faults)
	for i, name := range c.AccessHeaders {
		// A key must not occur twice in a record.
		if slices.ContainsFunc(c.AccessHeaders[:i], func(other string) bool { return strings.EqualFold(other, name) }) {
			faults.AddAt("AccessHeaders", i, name, "is there already; case does not matter")
		}
		m.headers = append(m.headers, newShownHeader(name))
	}
	bound := func(field string, value, low, high, standard int) int {
		switch {
		case value == 0:
			return standard
		case value < low || value > high:
			faults.Add(field, strconv.Itoa(value), fmt.Sprintf("must be %d to %d, or 0 for %d", low, high, standard))
		}
		return value
	}
	oneByOne := bound("MaxOneByOne", c.MaxOneByOne, 1, 10_000, 20)
	perCaller := bound("MaxPerCaller", c.MaxPerCaller, 1, 10_000, max(100, oneByOne))
	prefixes := bound("MaxPrefixes", c.MaxPrefixes, 16, 1<<16, 1024)
	security := bound("MaxSecurityQueue", c.MaxSecurityQueue, 16, 1<<16, 1024)
	access := bound("MaxAccessQueue", c.MaxAccessQueue, 16, 1<<16, 1024)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	sinks := slices.Clone(c.Sinks)
	switch {
	case c.Logger != nil:
		sinks = []slog.Handler{c.Logger.Handler()}
	case len(sinks) == 0:
		sinks = []slog.Handler{nil} // slog.Default, looked up for each record
	}
	for _, sink := range sinks {
		m.deliveries = append(m.deliveries, newDelivery(sink, m.query, security, access))
	}
	m.folder = newFolder(oneByOne, perCaller, prefixes, m.deliver)
	return m, nil
}

const (
	maxSinks = 8
	maxShown = 16
)
