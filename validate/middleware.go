package validate

import (
	"fmt"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// A Middleware checks requests. Make it with [New]. A Middleware is safe for
// concurrent use. The zero Middleware and the nil Middleware refuse every
// request with 500 "validate.unconfigured".
type Middleware struct {
	ready               bool
	body                *schema.Schema
	query, path, header *parameters
	bindings            map[string]*binding // by the part of the request

	limits    body.Limits
	optional  bool
	open      bool // unknown properties and parameters pass
	pathValue func(*http.Request, string) string
	routed    bool // pathValue is that of net/http
	maxSteps  int
	status    int
	maxErrors int
	maxParams int
	maxItems  int
	maxName   int
}

var _ bulwark.Layer = (*Middleware)(nil)

// Kind returns "validate".
func (m *Middleware) Kind() bulwark.Kind { return bulwark.KindValidate }

// Build returns m.
func (m *Middleware) Build() (bulwark.Layer, error) { return m, nil }

// Wrap returns a handler that checks each request. A request that passes goes
// to next. Any other request is refused through [bulwark.Deny].
func (m *Middleware) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		checked, err := m.check(w, r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, checked)
	})
}

// Check checks a request without answering it, for use outside of a chain. It
// returns the request to pass on. The body of this request yields the checked
// bytes from the start. Its defaults are filled in, and [BodyAs], [QueryAs],
// [PathAs] and [HeaderAs] find its checked values. A refusal is a
// *[bulwark.Problem], or a *[bulwark.ConfigError] if the server has a mistake.
// Both are for [bulwark.Deny].
//
// Check does not apply Config.BodyTimeout, because it has no ResponseWriter to
// set a read deadline with.
func (m *Middleware) Check(r *http.Request) (*http.Request, error) { return m.check(nil, r) }

func (m *Middleware) check(w http.ResponseWriter, r *http.Request) (checked *http.Request, err error) {
	if m == nil || !m.ready {
		return nil, fault.Unmade("validate", "New")
	}
	// A panic while checking is a mistake of this package or of a function in
	// the Config. The request must not reach the handler.
	defer func() {
		if cause := recover(); cause != nil {
			checked, err = nil, broken(fmt.Errorf("checking panicked, perhaps in a function of validate.Config.Formats or in validate.Config.PathValue: %v", cause))
		}
	}()
	v := visit{m: m, w: w, r: r, checked: &checkedValues{m: m}}
	return v.run()
}
