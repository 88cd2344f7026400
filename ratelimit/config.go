package ratelimit

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config describes one limit. Name and Rate are required. Key is required
// too, except for a limit that is only used through [Middleware.Take].
type Config struct {
	// Name identifies the limit: in header fields, problems, events and
	// metrics. It is unique within a Store. It has 1 to 64 letters, digits,
	// "-", "_" and ".". Required.
	Name string
	// Key says whose requests are counted together. A Middleware without a Key
	// answers only to Take: its Build is an error, and each request to what it
	// wraps is refused. Default: none.
	Key Key
	// Rate is the default rate. It may be left out where Tiers have a
	// "default". Required otherwise. Each process counts for itself where the
	// Store is a MemoryStore: three processes behind a balancer allow up to
	// three times the Rate together.
	Rate Rate
	// Tiers are rates for callers of a tier. They need a Key with ByPrincipal.
	// A tier that is not listed has the default rate. Default: none.
	Tiers Tiers
	// Anonymous is the rate for callers that auth has found to be nobody,
	// counted by address. It needs a Key with ByPrincipal. Let it be
	// "unlimited" only where a limit by address stands outside. Default: Rate.
	Anonymous Rate
	// Count says which requests count. Default: [Requests], which is all of
	// them.
	Count Count
	// Success says whether a request has succeeded, where Count is Failures. It
	// is not asked about panics, hijacked connections, cancelled requests and
	// statuses of 500 and above. Default: status < 400.
	Success func(r *http.Request, status int) bool
	// Cost says how many requests a request is worth. A cost below 1 would be a
	// refund, and a cost above the burst of the caller's rate would never pass.
	// Both are refused with 400. Default: 1.
	Cost func(r *http.Request) int
	// AuthOutside says that the layer which finds the principal stands around
	// the chain that this limit is part of, or is a layer that does not say
	// what it is. Without it, [bulwark.Chain] refuses a limit by principal
	// where the chain has no auth layer. It needs a Key with ByPrincipal.
	// Default: false.
	AuthOutside bool
	// Headers chooses the syntax of the header fields. Default: [Draft].
	Headers Headers
	// DryRun counts and reports, and neither refuses nor sends header fields.
	// What exceeds the limit is reported once for each key and window, with a
	// count. Default: false.
	DryRun bool
	// MaxKeys is how many keys are kept at once, 16 bytes each, all allocated
	// by New and rounded up to a power of two. An IPv6 client takes two.
	// Default: 1,048,576, which is 16 MiB. At least 8, at most 134,217,728.
	MaxKeys int
	// Store is a store that several limits share, in which each has a name of
	// its own. A [MemoryStore] checks that; where one is too small, limits of
	// short windows give way to those of long windows. A MemoryStore counts
	// what one process has seen: for a limit that holds for several processes
	// together, give all of them a Store that they share. Default: a
	// MemoryStore of the limit's own for MaxKeys.
	Store Store
}

// Build is New, for a Chain. Without a Key it is an error.
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

const keyMissing = "is missing; say whose requests are counted together, such as ratelimit.ByIP"

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
		m.store = c.Store
		return nil
	}
	table, ok := memory.open(c.Name)
	if !ok {
		faults := c.faults()
		faults.Add("Name", c.Name, "is taken by another limit on the same Store; each needs a name of its own")
		return faults.Err()
	}
	m.table, m.nameHash = table, table.name(c.Name)
	return nil
}

// compile checks everything but whether the name is free.
func compile(c Config) (*Middleware, error) {
	m := &Middleware{
		name: c.Name, count: c.Count, success: c.Success, cost: c.Cost,
		headers: c.Headers, dryRun: c.DryRun, authOutside: c.AuthOutside, tiers: map[string]*quota{}, unseen: new(unseen),
	}
	faults := c.faults()
	c.check(faults)
	if c.Key != nil {
		m.parts = slices.Clone(c.Key.parts())
		m.byPrincipal, m.byIP = m.reads(ByPrincipal), m.reads(ByIP)
		if reason := partsFault(m.parts); reason != "" {
			faults.Add("Key", "", reason)
		}
	}
	if !m.byPrincipal && len(c.Tiers) > 0 {
		faults.Add("Tiers", "", "need a Key with ByPrincipal: only a principal has a tier")
	}
	if c.Key != nil && !m.byPrincipal && c.AuthOutside {
		faults.Add("AuthOutside", "true", "needs a Key with ByPrincipal: no other key needs an auth layer")
	}
	if !m.byPrincipal && c.Anonymous != "" {
		faults.Add("Anonymous", string(c.Anonymous), "needs a Key with ByPrincipal: others do not tell who is anonymous")
	}
	m.compileRates(c, faults)
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

// check checks the fields that stand for themselves.
func (c Config) check(faults *fault.List) {
	if !isName(c.Name) {
		faults.Add("Name", c.Name, `must be 1 to 64 letters, digits, "-", "_" and "."`)
	}
	if c.Count != Requests && c.Count != Failures {
		faults.Add("Count", fmt.Sprint(int(c.Count)), "must be Requests or Failures")
	}
	if c.Success != nil && c.Count != Failures {
		faults.Add("Success", "", "is asked only where Count is Failures")
	}
	if c.Headers < Draft || c.Headers > NoHeaders {
		faults.Add("Headers", fmt.Sprint(int(c.Headers)), "must be Draft, Triple, Legacy or NoHeaders")
	}
	switch {
	case c.Store != nil && c.MaxKeys != 0:
		faults.Add("MaxKeys", fmt.Sprint(c.MaxKeys), "sizes a store of its own; leave it out where there is a Store")
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

// compileRates compiles Rate, Tiers and Anonymous.
func (m *Middleware) compileRates(c Config, faults *fault.List) {
	compile := func(field string, rate Rate) *quota {
		q, reason := rate.parse()
		if reason != "" {
			faults.Add(field, string(rate), reason)
			return nil
		}
		if !q.unlimited {
			q.named(c.Name)
		}
		return &q
	}
	rate, field := c.Rate, "Rate"
	if def, ok := c.Tiers["default"]; ok && rate == "" {
		rate, field = def, "Tiers[default]"
	} else if ok && rate != def {
		faults.Add("Rate", string(rate), `differs from Tiers["default"], which says the same thing; leave one of them out`)
	}
	m.rate = compile(field, rate)
	for _, tier := range slices.Sorted(maps.Keys(c.Tiers)) {
		if tier == "" {
			faults.Add("Tiers", "", "name an empty tier; callers without a tier have the default rate")
			continue
		}
		if field := "Tiers[" + tier + "]"; tier != "default" {
			m.tiers[tier] = compile(field, c.Tiers[tier])
		} else {
			m.tiers[tier] = m.rate
		}
	}
	m.anonymous = m.rate
	if c.Anonymous != "" {
		m.anonymous = compile("Anonymous", c.Anonymous)
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
