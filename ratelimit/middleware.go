package ratelimit

import (
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Middleware is one limit, made by [New]. It is safe for concurrent use. The
// zero and the nil Middleware refuse every request with 500
// "ratelimit.unconfigured".
type Middleware struct {
	name        string
	table       *table        // of a MemoryStore
	store       Store         // any other
	counts      Store         // the one of both
	algorithms  []Algorithm   // that a PartialStore knows, or nil
	minWindow   time.Duration // of a PartialStore, or 0
	parts       []part
	byPrincipal bool
	byIP        bool
	calendar    *time.Location
	rate        *quota
	anonymous   *quota
	tiers       map[string]*quota
	count       Count
	success     func(*http.Request, int) bool
	cost        func(*http.Request) int
	headers     Headers
	dryRun      bool
	authOutside bool
	dry         *notices // of a dry run
	unseen      *unseen  // where Count is Failures
	recorder    bulwark.Recorder
	own         *ownRates // nil without RateFor
	exempt      []netip.Prefix
	exempted    atomic.Uint64
}

// Build returns m, for a [bulwark.Chain]. It is an error if m has no Key, or
// was made without New.
func (m *Middleware) Build() (bulwark.Layer, error) {
	if err := m.unready(); err != nil {
		return nil, err
	}
	return m, nil
}

// Kind is "ratelimit.principal" for a limit that needs a principal, and
// "ratelimit" for any other limit.
func (m *Middleware) Kind() bulwark.Kind {
	if m != nil && m.byPrincipal {
		return bulwark.KindPrincipalLimit
	}
	return bulwark.KindRateLimit
}

// AuthOutside returns Config.AuthOutside, for the order check of
// [bulwark.Chain].
func (m *Middleware) AuthOutside() bool { return m != nil && m.authOutside }

// LimitName returns Config.Name. [bulwark.Chain] and a Mux of package authz
// refuse two limits that have one name and are not the same Middleware.
func (m *Middleware) LimitName() string {
	if m == nil {
		return ""
	}
	return m.name
}

func (m *Middleware) reads(kind builtin) bool {
	for _, p := range m.parts {
		if p.kind == kind {
			return true
		}
	}
	return false
}

// made reports whether New has made m.
func (m *Middleware) made() bool { return m != nil && (m.table != nil || m.store != nil) }

// unready says why m cannot count requests.
func (m *Middleware) unready() error {
	if !m.made() {
		return fault.Unmade("ratelimit", "New")
	}
	if len(m.parts) == 0 {
		return &bulwark.ConfigError{Field: "ratelimit(" + m.name + ").Key", Reason: keyMissing}
	}
	return nil
}

// Wrap returns a handler that counts each request. It passes the request on to
// next if the request is within the rate. Otherwise it answers 429
// "ratelimit.exceeded".
//
// If next is the result of another limit's Wrap, the two limits decide
// together: both count the request or neither does. If several limits refuse,
// the answer has the longest Retry-After of them. Another layer between two
// limits separates them. A limit outside auth, for example, has counted a
// request that a limit inside auth refuses.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if err := m.unready(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
	}
	return m.guarded(next)
}

// reportDry reports what would have been refused.
func (m *Middleware) reportDry(r *http.Request, c *charge) {
	if count, first := m.dry.note(m.dry.hash(c), m.dry.now(), c.quota.spans[c.tight].window()); first {
		e := bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.dry_run", Rule: m.name, Count: count}
		e.Attrs[0] = errorAttr(errDryRun)
		bulwark.Report(r, e)
	}
}

// reportFault reports what would have been refused because it is not known
// whose quota a request uses, or how that quota stands.
func (m *Middleware) reportFault(r *http.Request, err error) {
	e := bulwark.Event{Name: bulwark.SysUnavailable, Reason: "ratelimit.unconfigured", Rule: m.name}
	if p := (*bulwark.Problem)(nil); errors.As(err, &p) {
		e.Reason, err = p.Code, p.Err
		if p.Status < http.StatusInternalServerError {
			e.Name = bulwark.InputValidationFail
		}
	}
	e.Attrs[0] = errorAttr(err)
	bulwark.Report(r, e)
}
