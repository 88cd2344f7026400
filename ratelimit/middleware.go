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
	id          uint32
	table       *table
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

// unready says why m cannot count requests.
func (m *Middleware) unready() error {
	if m == nil || m.table == nil {
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
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if err := m.unready(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		v, err := m.decide(r, scope)
		if err == nil && !v.quota.unlimited && !m.dryRun {
			m.headers.write(w.Header(), &v)
		}
		if err == nil && v.exceeded && !m.dryRun {
			err = m.refusal(&v)
		}
		if err != nil && !m.dryRun {
			bulwark.Deny(w, r, err)
			return
		}
		if m.dryRun {
			m.reportDry(r, &v, err)
		}
		if m.count == Failures && v.debits[0].amount > 0 {
			m.serve(w, r, next, v.debits)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// reportDry reports what would have been refused.
func (m *Middleware) reportDry(r *http.Request, v *verdict, err error) {
	var problem *bulwark.Problem
	switch {
	case errors.As(err, &problem):
		bulwark.Report(r, bulwark.Event{Name: bulwark.InputValidationFail, Reason: problem.Code, Rule: m.name})
	case err != nil:
		bulwark.Report(r, bulwark.Event{Name: bulwark.SysUnavailable, Reason: "ratelimit.unconfigured", Rule: m.name})
	case v.exceeded:
		if count, first := m.dry.note(v.hash, m.table.now(), v.quota.window); first {
			bulwark.Report(r, bulwark.Event{Name: bulwark.ExcessRateLimitExceeded, Reason: "ratelimit.dry_run", Rule: m.name, Count: count})
		}
	}
}

// decide counts a request, or says why it cannot. It allocates nothing for keys
// of up to 256 bytes.
func (m *Middleware) decide(r *http.Request, scope *bulwark.Scope) (verdict, error) {
	c, err := m.identify(r, scope)
	if err != nil || c.quota.unlimited {
		return verdict{quota: c.quota}, err
	}
	cost := int64(1)
	if m.cost != nil {
		cost = int64(m.cost(r))
	}
	if cost < 1 || cost > c.quota.burst {
		return verdict{}, m.problem(http.StatusBadRequest, "ratelimit.cost", "The request asks for more than the quota allows at once.")
	}
	var room [256]byte
	key, ok := m.appendKey(room[:0], r, &c, narrowBits)
	if !ok {
		return verdict{}, m.unkeyed()
	}
	hash, wideHash := m.table.hash(key), uint64(0)
	if c.addr.Is6() {
		if key, ok = m.appendKey(room[:0], r, &c, wideBits); ok {
			wideHash = m.table.hash(key)
		}
	}
	return m.table.debit(c.quota, cost, hash, wideHash), nil
}
