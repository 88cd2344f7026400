package ratelimit

import (
	"fmt"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// Concurrency describes a limit on how many requests run at once. A rate limits
// what one client asks for. Concurrency limits what the service takes on, from
// all clients together: a service that takes on more than it can do answers
// everybody too late.
//
//	ratelimit.Concurrency{Name: "service", Max: 100, HealthPaths: []string{"/health"}}
//
// A request above Max waits in a short queue. A request that finds no place in
// the queue, or waits there for MaxWait, is refused with 503
// "ratelimit.overloaded" and a Retry-After. Such a request has cost almost
// nothing, so the service can go on doing as much as it can do.
// docs/overload.md shows both with a load of up to four times the capacity.
//
// # The queue
//
// The request that came first is let in first. If requests have waited for Max
// for all of MaxWait, this is turned around: the request that came last is let
// in first, and a request that finds the queue full takes the place of the
// oldest. In such an overload all requests of a queue in order would be let in
// late, when their clients are about to give up. A request whose client leaves
// leaves the queue at once.
//
// # Keys
//
// With a Key and MaxPerKey, one caller cannot take all of Max: a caller has at
// most MaxPerKey requests that run, and as many that wait. A further request is
// refused with 429 "ratelimit.concurrent", because it is the caller that asks
// for too much, and not the service that is overloaded. A request that waits
// only for others of its key gives way when the queue is full. An IPv6 client
// is counted as [ByIP] counts it: the /48 around its network has 16 times as
// many.
//
// # Where it stands
//
// Concurrency stands where limits stand. Without a Key, or by address, it
// stands outside auth, so that an overload does not reach the stores of auth.
// Put a limit by address outside: its refusals need no place. With a Key by
// principal it stands inside auth. Two limits with a Concurrency between them
// do not decide together: the outer one has counted what Concurrency refuses.
// One request needs two places if it meets one Concurrency twice, so use each
// of them in one place of a chain.
//
// # Streams
//
// A request has its place until its handler returns. So a stream, such as
// server-sent events, has it as long as the stream lasts. Give streams a
// Concurrency of their own, with a Max for connections, and put the others
// around the other routes. A handler that takes the connection over, for a
// WebSocket, has the place until it returns, or only until then; see
// ReleaseUpgrades.
//
// The zero Concurrency is an error, because Name and Max are required.
type Concurrency struct {
	// Name identifies the limit in problems and events, as the Name of a Config
	// does. It has 1 to 64 letters, digits, "-", "_" and ".". Required.
	Name string
	// Max is how many requests run at once. Set it to a little more than the
	// number with which the service does the most in a second, such as the size
	// of its pool of database connections. Required. At least 1, at most
	// 1,000,000.
	Max int
	// Key says whose requests are counted together for MaxPerKey, as the Key of
	// a Config does. Default: none, so that only Max counts.
	Key Key
	// MaxPerKey is how many requests of one key run at once. Required with a
	// Key, and an error without a Key. At least 1, at most Max.
	MaxPerKey int
	// MaxQueue is how many requests wait at once. Default: Max, so that a full
	// queue is done in about the time of one request. At least 1, at most
	// 1,000,000.
	MaxQueue int
	// MaxWait is how long a request waits. Default: 500 milliseconds. At least
	// 1 millisecond, at most 30 seconds.
	MaxWait time.Duration
	// RetryAfter is when a refused client may come again. Each answer says a
	// time of its own, between RetryAfter and twice RetryAfter, so that the
	// clients do not come back at once. Default: 5 seconds. At least 1 second,
	// at most 1 hour.
	RetryAfter time.Duration
	// HealthPaths are the paths of health checks, such as "/health". A GET or
	// HEAD for exactly such a path passes without a place, because an
	// orchestrator that sees no answer would restart a service that is only
	// busy. The path is compared in its escaped form. Such a handler should do
	// next to nothing, because nothing limits it here. Default: none.
	HealthPaths []string
	// Timeout is how long a request may run, after it was let in. Then its
	// context ends, with [context.DeadlineExceeded] as its Err and a 503
	// "ratelimit.timeout" for [bulwark.Deny] as its [context.Cause]. A body
	// that is still being sent is cut off 1 second later, and an answer 5
	// seconds later, with the deadlines of [net/http.ResponseController]. The
	// handler is not interrupted, and keeps its place until it returns.
	// Default: none. At least 10 milliseconds, at most 1 hour.
	Timeout time.Duration
	// ReleaseUpgrades gives the place back when the handler takes the
	// connection over, as for a WebSocket. Such connections are then not
	// limited here. It has an effect only on HTTP/1.1. Default: false, the
	// request has its place until the handler returns.
	ReleaseUpgrades bool
	// AuthOutside tells [bulwark.Chain] that an auth layer stands outside, and
	// that Chain cannot see it; see Config.AuthOutside. Default: false.
	AuthOutside bool
}

// Build is NewConcurrency, for a Chain.
func (c Concurrency) Build() (bulwark.Layer, error) {
	l, err := NewConcurrency(c)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// NewConcurrency checks c and makes its limit. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func NewConcurrency(c Concurrency) (*ConcurrencyLimit, error) {
	path := "ratelimit.Concurrency"
	if isName(c.Name) {
		path += "(" + c.Name + ")"
	}
	faults := fault.In(path)
	if !isName(c.Name) {
		faults.Add("Name", c.Name, `must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write for example "service"`)
	}
	const most = 1_000_000
	if c.Max < 1 || c.Max > most {
		faults.Add("Max", fmt.Sprint(c.Max), "must be 1 to 1000000: how many requests the service can work on at once, such as 100")
		c.Max = 1
	}
	l := &ConcurrencyLimit{
		name: c.Name, healthPaths: slices.Clone(c.HealthPaths), releaseUpgrades: c.ReleaseUpgrades, seed: maphash.MakeSeed(),
		retryAfter: faults.Span("RetryAfter", c.RetryAfter, time.Second, time.Hour, 5*time.Second),
		timeout:    faults.Span("Timeout", c.Timeout, 10*time.Millisecond, time.Hour, 0),
		gate: &gate{
			max: c.Max, perKey: c.MaxPerKey, keys: map[uint64]load{},
			maxQueue: faults.Number("MaxQueue", c.MaxQueue, 1, most, c.Max),
			maxWait:  faults.Span("MaxWait", c.MaxWait, time.Millisecond, 30*time.Second, 500*time.Millisecond),
		},
	}
	l.callers, l.timedOut = c.callers(faults), lateFor(c.Name, l.retryAfter)
	for i, path := range c.HealthPaths {
		if u, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") || u.EscapedPath() != path {
			faults.AddAt("HealthPaths", i, path, "is not the escaped path of a URL, such as /health")
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// callers returns what finds the keys of requests, or nil without a Key.
func (c Concurrency) callers(faults *fault.List) *Middleware {
	if c.Key == nil {
		if c.MaxPerKey != 0 {
			faults.Add("MaxPerKey", fmt.Sprint(c.MaxPerKey), "needs a Key; set Key to ratelimit.ByIP or ratelimit.ByPrincipal, or leave MaxPerKey out")
		}
		if c.AuthOutside {
			faults.Add("AuthOutside", "true", "needs a Key with ByPrincipal, because no other Key needs an auth layer; leave AuthOutside out")
		}
		return nil
	}
	if c.MaxPerKey < 1 || c.MaxPerKey > c.Max {
		faults.Add("MaxPerKey", fmt.Sprint(c.MaxPerKey), "must be 1 to Max: how many requests of one key run at once, such as 10")
	}
	m := &Middleware{name: c.Name, parts: slices.Clone(c.Key.parts()), rate: &quota{}, anonymous: &quota{}, authOutside: c.AuthOutside}
	m.byPrincipal, m.byIP = m.reads(ByPrincipal), m.reads(ByIP)
	if reason := partsFault(m.parts); reason != "" {
		faults.Add("Key", "", reason)
	}
	if c.AuthOutside && !m.byPrincipal {
		faults.Add("AuthOutside", "true", "needs a Key with ByPrincipal, because no other Key needs an auth layer; leave AuthOutside out")
	}
	return m
}
