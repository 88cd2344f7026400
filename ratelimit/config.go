package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config describes one limit. The smallest Config has a Name, a Key and a
// Rate.
type Config struct {
	// Name identifies the limit in header fields, problems, events and metrics.
	// Two limits with one Store need two names. If a rate has several windows,
	// the limit also takes the names of the windows, such as "api-day" for the
	// Name "api". A name has 1 to 64 letters, digits, "-", "_" and ".".
	// Required.
	Name string
	// Key says whose requests are counted together: [ByIP], [ByPrincipal], a
	// [KeyFunc] or a [Join]. Required, unless the limit is only used through
	// [Middleware.Take] and [Middleware.TakeFor]. Without a Key, Build returns
	// an error, and the handler that Wrap returns answers 500.
	Key Key
	// Rate is the rate of a caller whose tier has no rate of its own, such as
	// "100/minute". Required, unless Tiers has the entry "default". With a
	// MemoryStore each process counts for itself: three processes behind a
	// balancer allow up to three times the Rate together.
	Rate Rate
	// Tiers are the rates of callers by their tier, which is
	// [bulwark.Principal.Tier]. A tier without an entry has the Rate. Tiers
	// need a Key with ByPrincipal. A caller takes along what it has used when
	// its tier changes, but for at most two windows of the new rate. Between
	// rates of other algorithms, or of other sets of windows, it takes nothing
	// along. So a caller must not be able to choose its tier for each request,
	// for example with two tokens. Default: every caller has the Rate.
	Tiers Tiers
	// RateFor returns the rate of one caller, for example from a database. An
	// empty Rate means the rate of the caller's tier. RateFor needs a Key with
	// ByPrincipal, and is not asked for [Middleware.Take] and
	// [Middleware.TakeFor]. Default: every caller has the rate of its tier.
	//
	// An answer is used for RateMaxAge. Then it is asked for again, and the old
	// answer is used meanwhile, for at most one more RateMaxAge. The first
	// request of a caller waits for the answer, for at most RateTimeout. There
	// is one call for a caller at once, and at most 16 calls in all.
	//
	// If RateFor returns an error, panics, or takes longer than RateTimeout,
	// the rate of the tier holds. RateFor is asked again after 5 seconds. If
	// RateFor returns a text that is not a Rate, the rate of the tier holds for
	// RateMaxAge. Both are an event sys_unavailable with the reason
	// "ratelimit.rate_unknown", once in RateMaxAge, with a count. What the
	// caller has used is taken along as between Tiers: a caller at 10/day who
	// has the 100/minute of its tier for a moment may have its day back two
	// minutes later. So let the rates have windows of about the same length.
	//
	// The context ends after RateTimeout, and not when the client leaves.
	// RateFor must not modify the principal.
	RateFor func(ctx context.Context, p *bulwark.Principal) (Rate, error)
	// RateMaxAge is how long an answer of RateFor is used. Default: 1 minute.
	// At least 1 second, at most 24 hours.
	RateMaxAge time.Duration
	// RateTimeout is how long a call of RateFor may take. Default: 1 second. At
	// least 10 milliseconds, at most 30 seconds.
	RateTimeout time.Duration
	// MaxRates is for how many callers the answer of RateFor is kept. A new
	// caller then takes the place of a caller that was not there for a while.
	// Default: 10,000. At least 16, at most 1,000,000.
	MaxRates int
	// Anonymous is the rate of a request for which the auth layer has found no
	// caller. Such requests are counted by address. Anonymous needs a Key with
	// ByPrincipal. Write "unlimited" only if a limit by address stands outside.
	// Default: the Rate.
	Anonymous Rate
	// Calendar is the place whose days and months a "day" and a "month" of the
	// rates follow. At midnight there, or on the first of the month, every
	// caller has its whole quota again. Such a window is a [FixedWindow], and
	// takes no burst and no other algorithm. It is as long as the day of the
	// place, which has 23 or 25 hours when the clocks change. "24h" and "720h"
	// do not follow the calendar. Calendar needs a rate with one of the two
	// words, or RateFor. Make it with [time.LoadLocation]. [time.Local] may be
	// another place in each process. A program in an image without time zones
	// imports time/tzdata. Default: a day is 24 hours and a month is 30 days,
	// and both are restored evenly like any other window.
	Calendar *time.Location
	// Count says which requests count: [Requests] counts all of them,
	// [Failures] only those that fail. Default: Requests.
	Count Count
	// Success reports whether a request has succeeded. It needs Count:
	// Failures. It is not called for a panic, a hijacked connection, a
	// cancelled request or a status of 500 and above. Default: a status below
	// 400 is a success.
	Success func(r *http.Request, status int) bool
	// Cost returns how many requests this request counts for. At least 1, at
	// most the burst of the caller's rate; any other cost is refused with 400
	// "ratelimit.cost". Default: each request counts for 1.
	Cost func(r *http.Request) int
	// AuthOutside tells [bulwark.Chain] that an auth layer stands outside the
	// limit, and that Chain cannot see it. The auth layer may stand around the
	// chain, or may be a function. Without AuthOutside, Chain returns an error
	// for a limit by principal if it finds no auth layer. AuthOutside needs a
	// Key with ByPrincipal. Default: false, Chain must find an auth layer.
	AuthOutside bool
	// Headers chooses the syntax of the header fields. Default: [Draft].
	Headers Headers
	// DryRun lets every request pass and sends no header fields. A request that
	// would have been refused is an event. Requests over the limit are reported
	// once for each key and window, with a count. Default: false, the limit
	// refuses.
	DryRun bool
	// MaxKeys is how many keys are kept at once. A key takes 16 bytes. For a
	// fixed window each key takes 24 bytes more. For a sliding log there is
	// room for as many requests as keys, and each takes 16 bytes more. New
	// allocates all of them and rounds the number up to a power of two. An IPv6
	// client takes two keys, and each window of a Rate takes keys of its own.
	// MaxKeys and Store cannot be set together. At least 8. At most
	// 134,217,728. Default: 1,048,576, which is 16 MiB, and 24 MiB more for
	// fixed windows, and 16 MiB more for sliding logs.
	MaxKeys int
	// Store keeps the counts. Several limits may share a Store, each under its
	// own Name. A [MemoryStore] checks the names. No other store can, and two
	// limits of one name use up each other's quota there. If a shared
	// MemoryStore is too small, limits of short windows lose keys before limits
	// of long windows do. To let one limit hold for several processes, give all
	// of them a Store that they share. New returns an error for a Rate that a
	// [PartialStore] cannot count. Default: a MemoryStore for this limit alone,
	// with MaxKeys keys.
	Store Store
	// Exempt are networks for which the limit does not hold, such as the
	// network of the monitoring. A request from such a network takes nothing
	// from a quota, is never refused by this limit, and has no header fields of
	// it. [Middleware.Exempted] counts these requests. [Middleware.Take] and
	// [Middleware.TakeFor] do not know networks.
	//
	// The address is [bulwark.ClientIP], so an exempt network is only as honest
	// as the [bulwark.Edge]. Do not name the network of a proxy that the Edge
	// does not name in TrustedProxies: all clients of the proxy would be
	// exempt. Exempt cannot be set with [Failures]. At most 64. Default: none.
	Exempt []netip.Prefix
	// Recorder receives the events of calls outside a request, such as
	// [Middleware.Reset] in a job. Default: [slog.Default].
	Recorder bulwark.Recorder
}

// Build is New, for a Chain. It returns an error if the Config has no Key.
func (c Config) Build() (bulwark.Layer, error) {
	if c.Key == nil {
		faults := c.faults()
		faults.Add("Key", "", keyMissing)
		_, err := compile(c)
		faults.Join(err)
		return nil, faults.Err()
	}
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

const keyMissing = "is missing, and Wrap needs it; say whose requests are counted together, such as ratelimit.ByIP, or call Take, which needs no Key"

// New checks the Config and makes its limit. Every mistake is reported at once,
// each as a [*bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	m, err := compile(c)
	if err != nil {
		return nil, err
	}
	if err := m.open(c); err != nil {
		return nil, err
	}
	if m.dryRun {
		m.dry = newNotices()
		slog.Default().LogAttrs(context.Background(), slog.LevelWarn, "security event", bulwark.Event{
			Name: bulwark.SysMonitorDisabled, Time: time.Now(), Reason: "ratelimit.dry_run", Rule: c.Name,
			Attrs: [4]slog.Attr{errorAttr(errDryRun)},
		}.AppendAttrs(nil)...)
	}
	return m, nil
}

// open gives the limit its store.
func (m *Middleware) open(c Config) error {
	memory, own := c.Store.(*MemoryStore)
	switch {
	case c.Store == nil:
		memory = &MemoryStore{Max: c.MaxKeys}
	case !own:
		m.store, m.counts = c.Store, c.Store
		return nil
	}
	names := map[string]bool{c.Name: true}
	for _, q := range m.quotas() {
		for i := range q.spans {
			names[q.spans[i].narrow.Name] = true
		}
	}
	table, ok := memory.open(names, c.Name)
	if !ok {
		faults := c.faults()
		faults.Add("Name", c.Name, "is the Name of another limit with the same Store; give each limit its own Name, or its own Store")
		return faults.Err()
	}
	m.table, m.counts = table, memory
	for _, q := range m.quotas() {
		m.prepare(q)
	}
	return nil
}

// compile checks everything except whether the name is free.
func compile(c Config) (*Middleware, error) {
	m := &Middleware{
		name: c.Name, count: c.Count, success: c.Success, cost: c.Cost,
		headers: c.Headers, dryRun: c.DryRun, authOutside: c.AuthOutside, tiers: map[string]*quota{}, unseen: new(unseen),
		recorder: c.Recorder, exempt: slices.Clone(c.Exempt),
		calendar: c.Calendar,
	}
	if partial, ok := c.Store.(PartialStore); ok {
		m.algorithms, m.minWindow = slices.Clone(partial.Algorithms()), partial.MinWindow()
	}
	faults := c.faults()
	c.check(faults)
	c.checkExempt(faults)
	if c.Key != nil {
		m.parts = slices.Clone(c.Key.parts())
		m.byPrincipal, m.byIP = m.reads(ByPrincipal), m.reads(ByIP)
		if reason := partsFault(m.parts); reason != "" {
			faults.Add("Key", "", reason)
		}
	}
	if !m.byPrincipal && len(c.Tiers) > 0 {
		faults.Add("Tiers", "", "need a Key with ByPrincipal, because only a principal has a tier; set Key to ratelimit.ByPrincipal, or leave Tiers out")
	}
	if c.Key != nil && !m.byPrincipal && c.AuthOutside {
		faults.Add("AuthOutside", "true", "needs a Key with ByPrincipal, because no other Key needs an auth layer; leave AuthOutside out")
	}
	if !m.byPrincipal && c.Anonymous != "" {
		faults.Add("Anonymous", string(c.Anonymous), "needs a Key with ByPrincipal, because no other Key distinguishes anonymous requests; leave Anonymous out, Rate holds for all requests")
	}
	m.compileRates(c, faults)
	m.own = m.newOwnRates(c, faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return m, nil
}

// faults returns an empty list for what is wrong with the Config.
func (c Config) faults() *fault.List {
	if isName(c.Name) {
		return fault.In("ratelimit(" + c.Name + ")")
	}
	return fault.In("ratelimit")
}

// check checks the fields that do not depend on other fields.
func (c Config) check(faults *fault.List) {
	if !isName(c.Name) {
		faults.Add("Name", c.Name, `must have 1 to 64 characters, each a letter of a-z or A-Z, a digit, "-", "_" or "."; write for example "login"`)
	}
	if c.Count != Requests && c.Count != Failures {
		faults.Add("Count", fmt.Sprint(int(c.Count)), "must be ratelimit.Requests or ratelimit.Failures")
	}
	if c.Success != nil && c.Count != Failures {
		faults.Add("Success", "", "is called only if Count is ratelimit.Failures; set Count, or leave Success out")
	}
	if c.Headers < Draft || c.Headers > NoHeaders {
		faults.Add("Headers", fmt.Sprint(int(c.Headers)), "must be ratelimit.Draft, Triple, Legacy or NoHeaders")
	}
	switch {
	case c.Store != nil && c.MaxKeys != 0:
		faults.Add("MaxKeys", fmt.Sprint(c.MaxKeys), "is for a limit without a Store; leave it out, and set the size in the Store, such as MemoryStore.Max")
	case c.Store != nil:
		if memory, ok := c.Store.(*MemoryStore); ok {
			if field, value, reason := memory.fault(); reason != "" {
				faults.Add(field, value, reason)
			}
		}
	case c.MaxKeys != 0 && (c.MaxKeys < minKeys || c.MaxKeys > maxKeys):
		faults.Add("MaxKeys", fmt.Sprint(c.MaxKeys), keysReason)
	}
}

// isName accepts what is safe in a String, a log and a metric's label.
func isName(name string) bool {
	for _, char := range []byte(name) {
		switch {
		case 'a' <= char && char <= 'z', 'A' <= char && char <= 'Z', '0' <= char && char <= '9':
		case char == '-', char == '_', char == '.':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 64
}
