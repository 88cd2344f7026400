package bulwark_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

// A TenantConfig describes a layer that admits only requests of known tenants.
type TenantConfig struct {
	// Tenants are the known tenants. Required.
	Tenants []string
}

// Build is newTenants, for a Chain.
func (c TenantConfig) Build() (bulwark.Layer, error) {
	layer, err := newTenants(c)
	if err != nil {
		return nil, err // a nil *tenants in a Layer would not be a nil Layer
	}
	return layer, nil
}

type tenants struct {
	known    []string
	requests atomic.Int64
}

// The compiler checks what Chain looks for by name.
var (
	_ bulwark.Kinded     = (*tenants)(nil)
	_ bulwark.Shutdowner = (*tenants)(nil)
)

func newTenants(c TenantConfig) (*tenants, error) {
	var errs []error
	if len(c.Tenants) == 0 {
		errs = append(errs, &bulwark.ConfigError{Field: "tenants.Tenants", Reason: "is empty; name the known tenants"})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &tenants{known: slices.Clone(c.Tenants)}, nil
}

func (t *tenants) Build() (bulwark.Layer, error) { return t, nil }

func (t *tenants) Kind() bulwark.Kind { return "tenants" }

func (t *tenants) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r) // pass this request on
		name, err := t.check(r)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		t.requests.Add(1)
		tenant.Set(scope, name)
		next.ServeHTTP(w, r)
	})
}

// check decides, and never sees the ResponseWriter.
func (t *tenants) check(r *http.Request) (string, error) {
	name := r.Header.Get("X-Tenant")
	if !slices.Contains(t.known, name) {
		return "", &bulwark.Problem{
			Status: http.StatusForbidden,
			Code:   "tenants.unknown",
			Detail: "The tenant in X-Tenant is not known.",
		}
	}
	return name, nil
}

// Shutdown closes what the layer holds.
func (t *tenants) Shutdown(context.Context) error {
	fmt.Println("requests:", t.requests.Load())
	return nil
}

// tenant keeps what the layer has found out, for Tenant.
var tenant bulwark.Slot[string]

// Tenant returns the tenant of a request, and nothing outside of the layer.
func Tenant(r *http.Request) string {
	_, scope := bulwark.Enter(r)
	name, _ := tenant.Get(scope)
	return name
}

// A layer of your own has a Config, a constructor that returns every mistake,
// and a Wrap that enters the scope of the request.
func ExampleEnter() {
	stack, err := bulwark.Chain(TenantConfig{Tenants: []string{"blue", "green"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("tenant:", Tenant(r))
	}))
	for _, name := range []string{"blue", "red"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Tenant", name)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	if err := stack.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// tenant: blue
	// 200
	// 403
	// requests: 1
}
