package ratelimit

import (
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Middleware is one limit, made by [New]. It is safe for concurrent use. The
// zero and the nil Middleware refuse every request with 500.
type Middleware struct {
	name        string
	nameHash    uint64
	table       *table // of a MemoryStore
	store       Store  // any other
	parts       []part
	byPrincipal bool
	byIP        bool
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
}

// Build returns m, which is an error without a Key.
func (m *Middleware) Build() (bulwark.Layer, error) {
	if err := m.unready(); err != nil {
		return nil, err
	}
	return m, nil
}

// Kind is "ratelimit.principal" for a limit that needs a principal, and else
// "ratelimit".
func (m *Middleware) Kind() bulwark.Kind {
	if m != nil && m.byPrincipal {
		return bulwark.KindPrincipalLimit
	}
	return bulwark.KindRateLimit
}

// AuthOutside is that of the Config, for the order check of [bulwark.Chain].
func (m *Middleware) AuthOutside() bool { return m != nil && m.authOutside }

// LimitName is the Name of the Config. A mux of package authz refuses two
// limits of one name that are not the same Middleware.
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

// Wrap returns a handler that counts each request and passes it on to next
// while its caller is within the rate. Otherwise the answer is 429
// "ratelimit.exceeded".
//
// Where next is itself what a limit has wrapped, the two decide together: they
// count the request both or neither, and the answer of several that refuse has
// the longest Retry-After. What stands between two limits parts them: a limit
// outside auth has counted a request that a limit inside refuses.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if err := m.unready(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
	}
	return m.guarded(next)
}

// reportDry reports what would have been refused.
func (m *Middleware) reportDry(r *http.Request, c *charge) {
	if count, first := m.dry.note(m.dry.hash(c), m.dry.now(), c.quota.window()); first {
		bulwark.Report(r, bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.dry_run", Rule: m.name, Count: count})
	}
}

// reportFault reports what would have been refused because nobody can say whose
// quota a request uses, or how it stands.
func (m *Middleware) reportFault(r *http.Request, err error) {
	e := bulwark.Event{Name: bulwark.SysUnavailable, Reason: "ratelimit.unconfigured", Rule: m.name}
	if p := (*bulwark.Problem)(nil); errors.As(err, &p) {
		e.Reason = p.Code
		if p.Status < http.StatusInternalServerError {
			e.Name = bulwark.InputValidationFail
		}
	}
	bulwark.Report(r, e)
}
