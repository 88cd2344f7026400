package bulwark_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/headers"
)

// A health check asks by the address of the service, which is not one of its
// names. It is named, or stands outside the stack.
func ExampleEdge_probes() {
	stack := bulwark.Must(bulwark.Chain(bulwark.Edge{
		Hosts:       []string{"api.example.com"},
		HealthPaths: []string{"/ready"},
		HealthHosts: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}))
	root := http.NewServeMux()
	root.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	root.Handle("/", stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))

	for _, path := range []string{"/health", "/ready", "/documents"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "10.1.2.3:8080"
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /health 200
	// /ready 200
	// /documents 421
}

func ExampleChain() {
	stack, err := bulwark.Chain(
		audit.Config{},
		bulwark.Edge{Hosts: []string{"api.example.com"}},
		headers.Config{},
		cors.Config{Origins: []string{"https://app.example.com"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello", bulwark.ClientIP(r))
	}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/", nil))
	fmt.Println(w.Code, w.Header().Get("X-Content-Type-Options"))
	fmt.Print(w.Body)
	// Output:
	// 200 nosniff
	// hello 192.0.2.1
}

// All mistakes of all layers are told at once.
func ExampleChain_incorrect() {
	_, err := bulwark.Chain(
		bulwark.Edge{BaseURL: "api.example.com"},
		auth.Config{},
		cors.Config{Origins: []string{"https://app.example.com/"}},
		nil,
	)
	fmt.Println(err)
	// Output:
	// edge.Hosts: is empty; name the hosts under which the service answers
	// edge.BaseURL: must be an http or https URL such as https://api.example.com
	// auth.Authenticators: is empty; name at least one, such as a *jwt.Verifier
	// cors.Origins[0]: https://app.example.com/: must not end with a slash
	// bulwark.Chain[3]: is nil; remove it or give it a Config
}

func ExampleDeny() {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{
			Status: http.StatusConflict,
			Code:   "documents.changed",
			Detail: "The document has changed meanwhile; read it again.",
			Log:    bulwark.ProblemLog{Reason: "version"}, // the client does not see this
		})
	})
	w := httptest.NewRecorder()
	bulwark.Must(bulwark.Chain(quiet)).Wrap(handler).ServeHTTP(w, httptest.NewRequest("PUT", "/documents/7", nil))
	fmt.Println(w.Code, w.Header().Get("Content-Type"), w.Header().Get("Cache-Control"))
	// Output: 409 application/problem+json no-store
}

// quiet keeps the events of an example out of its output.
var quiet = bulwark.LayerFunc(func(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, scope := bulwark.Enter(r)
		r, _ = scope.Record(r, discard{}, "", "")
		next.ServeHTTP(w, r)
	})
})

// tenant is what the layer below finds out, for whoever is inside it.
var tenant bulwark.Slot[string]

// A layer of one's own enters the scope of the request, keeps what it has found
// in a slot, and refuses through the one door.
func ExampleSlot() {
	tenants := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, scope := bulwark.Enter(r)
			name := r.Header.Get("X-Tenant")
			if name == "" {
				bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusBadRequest, Code: "tenants.missing",
					Detail: "Name the tenant in X-Tenant."})
				return
			}
			tenant.Set(scope, name)
			next.ServeHTTP(w, r)
		})
	})
	handler := bulwark.Must(bulwark.Chain(quiet, tenants)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		name, _ := tenant.Get(scope)
		fmt.Fprintln(w, "tenant", name)
	}))
	for _, name := range []string{"", "blue"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Tenant", name)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 400
	// 200
}
