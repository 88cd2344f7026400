package authz_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/authz"
)

// guardedBatch serves GET /documents/{id} and, with the batch, POST
// /tenants/{id}/batch.
func guardedBatch(t *testing.T, batch func(guard http.Handler) http.HandlerFunc, get http.HandlerFunc) http.Handler {
	t.Helper()
	var guard http.Handler
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tenants/{id}/batch", func(w http.ResponseWriter, r *http.Request) { batch(guard)(w, r) })
	mux.HandleFunc("GET /documents/{id}", get)
	public := authz.Public("test")
	guard = bulwark.Must(authz.Guard(mux, mustPolicy(t, guide()), map[string]authz.Rule{
		"POST /tenants/{id}/batch": public, "GET /documents/{id}": public,
	}))
	return guard
}

func partOf(r *http.Request, path string) *http.Request {
	r = r.WithContext(r.Context())
	u := *r.URL
	u.Path = path
	r.URL, r.Method = &u, "GET"
	return r
}

// A part of a batch that is a shallow copy has path values of its own: Guard
// sets them where http.ServeMux would, never in what the copies share.
func TestPathValuesOfAPartStayThere(t *testing.T) {
	h := guardedBatch(t, func(guard http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			guard.ServeHTTP(httptest.NewRecorder(), partOf(r, "/documents/secret"))
			if got := r.PathValue("id"); got != "acme" {
				t.Errorf("the tenant of the batch is %q after a part", got)
			}
		}
	}, func(w http.ResponseWriter, r *http.Request) {})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/tenants/acme/batch", nil))
}

// The handler of a part reads the id that was checked, and not the id of the
// part beside it.
func TestPathValuesOfParallelParts(t *testing.T) {
	meet := make(chan bool)
	h := guardedBatch(t, func(guard http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var all sync.WaitGroup
			all.Go(func() { guard.ServeHTTP(httptest.NewRecorder(), partOf(r, "/documents/one")) })
			<-meet
			guard.ServeHTTP(httptest.NewRecorder(), partOf(r, "/documents/two"))
			meet <- true
			all.Wait()
		}
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/documents/two" {
			return
		}
		meet <- true
		<-meet
		if got := r.PathValue("id"); got != "one" {
			t.Errorf("the part of document one reads the id %q", got)
		}
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/tenants/acme/batch", nil))
}

// Copies that are routed at once write into no shared map, which would end the
// process. Run with -race.
func TestPathValuesOfPartsAtOnce(t *testing.T) {
	h := guardedBatch(t, func(guard http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for range 500 {
						guard.ServeHTTP(httptest.NewRecorder(), partOf(r, "/documents/one"))
					}
				})
			}
			all.Wait()
		}
	}, func(w http.ResponseWriter, r *http.Request) {})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/tenants/acme/batch", nil))
}

// bob is an authenticator who takes everybody for bob.
type bob struct{}

func (bob) Detect(*http.Request) auth.Presence                     { return auth.Explicit }
func (bob) Authenticate(*http.Request) (*bulwark.Principal, error) { return as("bob", "user"), nil }
func (bob) Challenges() []bulwark.Challenge                        { return []bulwark.Challenge{{Scheme: "Bob"}} }

// An auth layer among the layers of a route would change the caller after the
// rule and the grant were decided for another.
func TestAuthInsideARuleIsRefused(t *testing.T) {
	m := authz.NewMux(mustPolicy(t, guide()))
	defer func() {
		err, _ := recover().(error)
		if err == nil || !strings.Contains(err.Error(), "authz.Mux(GET /documents/{id}).layers[0]: auth: would change the caller") {
			t.Errorf("registered with %v", err)
		}
	}()
	authz.HandleObject(m, "GET /documents/{id}", documents().Can("read"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*document]) {
		p, _ := bulwark.PrincipalFrom(r.Context())
		t.Errorf("a grant of %s's, and the handler runs as %s", g.Value().OwnerID, p.Subject)
	}, auth.Config{Authenticators: []auth.Authenticator{bob{}}})
	get(m, "/documents/1", as("alice", "user"))
}
