package authz

import (
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Middleware is one rule as a layer, made by [New]. It stands inside the
// authentication layer. It is safe for concurrent use. The zero and the nil
// Middleware refuse every request with 500 "authz.unconfigured".
//
// A path that could be read as another path is 400 "authz.path_value", as with
// a [Mux]. Otherwise the router could choose the route of one path, and the
// handler could serve another path. Refused are:
//
//   - an encoded slash and a backslash, under every pattern;
//   - an empty segment, because not every router cleans "//" away as ServeMux
//     does;
//   - everything that [Mux.Mount] refuses in the rest of a path, because the
//     handler may be a router or a proxy.
type Middleware struct {
	gate gate
	path guestPath
}

// Build returns m, for a [bulwark.Chain]. It is an error if m was made without
// New.
func (m *Middleware) Build() (bulwark.Layer, error) {
	if err := m.unmade(); err != nil {
		return nil, err
	}
	return m, nil
}

// Kind is "authz".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindAuthz }

// Wrap returns a handler that passes a request on to next if its path is safe
// and its caller passes the rule. Otherwise the answer is 400, 401 or 403.
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	if err := m.unmade(); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })
	}
	g := &guest{next: &ruled{m.gate, next}}
	g.path.init(m.path.owner, m.path.value, m.path.names)
	return g
}

// Check decides about r as Wrap does, for use outside a chain. It checks the
// path, then the rule. It returns nil, or the refusal for [bulwark.Deny]. It
// does not change r: only Wrap sets path values.
func (m *Middleware) Check(r *http.Request) error {
	if err := m.unmade(); err != nil {
		return err
	}
	if _, err := m.path.safe(r); err != nil {
		return err
	}
	var p pass
	if err := m.gate.admit(r, &p); err != nil {
		return err
	}
	if m.gate.policy.samples(&p) {
		p.sample(r, every, slog.Attr{})
	}
	return nil
}

// unmade says that m protects nothing.
func (m *Middleware) unmade() error {
	if m == nil || m.gate.policy == nil {
		return fault.Unmade("authz", "New")
	}
	return nil
}
