package ratelimit

import (
	"context"
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/response"
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
	dry         *notices // of a dry run
}

// Build returns m, which is an error without a Key.
func (m *Middleware) Build() (bulwark.Layer, error) {
	if err := m.unready(); err != nil {
		return nil, err
	}
	return m, nil
}

// Kind is "ratelimit.principal" for a limit that needs a principal, and else "ratelimit".
func (m *Middleware) Kind() bulwark.Kind {
	if m != nil && m.byPrincipal {
		return bulwark.KindPrincipalLimit
	}
	return bulwark.KindRateLimit
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

// Wrap returns a handler that counts each request and passes it on to next while
// its caller is within the rate. Otherwise the answer is 429 "ratelimit.exceeded".
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

// serve runs next and gives back what it was charged unless it failed.
func (m *Middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler, debits [2]debit) {
	w, watched := response.Of(w)
	returned := false
	defer func() {
		if returned && !m.failed(r, watched) {
			giveBack(m.table, &debits)
		}
	}()
	next.ServeHTTP(w, r)
	returned = true
}

// failed reports whether a request whose handler has returned counts.
func (m *Middleware) failed(r *http.Request, watched *response.Writer) bool {
	status := watched.Final(false)
	switch {
	case watched.Hijacked(), status == http.StatusSwitchingProtocols, cancelled(r.Context()):
		return true // how it went is not known, and the client could choose that it is not
	case status >= 500:
		return false
	case m.success != nil:
		return !m.success(r, status)
	}
	return status >= 400
}

// cancelled reports whether the client has gone. A stream that ended with its
// caller's credential was no failure.
func cancelled(ctx context.Context) bool {
	return ctx.Err() != nil && context.Cause(ctx) != response.ErrExpired
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
