package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// sized is a policy with about n grants: n roles with one resource each.
func sized(tb testing.TB, n int) *authz.Policy {
	tb.Helper()
	c := authz.PolicyConfig{Resources: map[string][]string{"document": {"create", "read", "update", "delete"}}, Roles: authz.Roles{
		"user":      {Grants: []string{"document:read:own", "document:update:own"}},
		"moderator": {Inherits: []string{"user"}, Grants: []string{"document:read:all"}},
	}}
	for i := range n {
		resource := fmt.Sprintf("resource%d", i)
		c.Resources[resource] = []string{"read"}
		c.Roles[fmt.Sprintf("role%d", i)] = authz.Role{Grants: []string{resource + ":read:all"}}
	}
	p, err := authz.NewPolicy(c)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// scoped puts a scope and a caller around the request, as an outer layer does.
func scoped(r *http.Request, p *bulwark.Principal) *http.Request {
	r, _ = bulwark.Enter(r)
	r, _ = bulwark.Identify(r, p)
	return r
}

type nothing struct{ header http.Header }

func (n nothing) Header() http.Header         { return n.header }
func (n nothing) Write(p []byte) (int, error) { return len(p), nil }
func (n nothing) WriteHeader(int)             {}

type routesUnderTest struct {
	plain, muxed, byHand, muxByHand, object http.Handler
	request                                 *http.Request
}

// underTest builds the same routes plainly and with authz; byHand is what a
// careful handler writes today.
func underTest(tb testing.TB) routesUnderTest {
	doc := &document{ID: "1", OwnerID: "alice"}
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	plain := http.NewServeMux()
	plain.Handle("GET /documents/{id}", spy)
	policy := sized(tb, 30)
	muxed := authz.NewMux(policy)
	muxed.Handle("GET /documents/{id}", authz.Require("document:read:all"), spy)
	check := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := bulwark.PrincipalFrom(r.Context())
		if !ok || r.PathValue("id") == "" || (p.Issuer != accounts || p.Subject != doc.OwnerID) && !p.HasRole("admin") {
			w.WriteHeader(http.StatusNotFound)
		}
	})
	byHand := http.NewServeMux()
	byHand.Handle("GET /documents/{id}", check)
	muxByHand := authz.NewMux(policy)
	muxByHand.Handle("GET /documents/{id}", authz.Authenticated(), check)
	objects := authz.NewMux(policy)
	res := authz.Resource[*document]{Name: "document",
		Load:  func(_ context.Context, r *http.Request) (*document, error) { _ = r.PathValue("id"); return doc, nil },
		Owner: func(d *document) (string, string) { return accounts, d.OwnerID }}
	authz.HandleObject(objects, "GET /documents/{id}", res.Can("update"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	r := scoped(httptest.NewRequest("GET", "/documents/1", nil), &bulwark.Principal{Issuer: accounts, Subject: "alice", Roles: []string{"moderator"}})
	return routesUnderTest{plain, muxed, byHand, muxByHand, objects, r}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{30, 1000} {
		p := sized(t, n)
		q := authz.Query{Principal: &bulwark.Principal{Issuer: "i", Subject: "s", Roles: []string{"moderator"}}, Resource: "document", Action: "update", Reach: "own"}
		if !p.Decide(q).Allowed {
			t.Fatal("the query is not allowed")
		}
		if allocs := testing.AllocsPerRun(100, func() { p.Decide(q) }); allocs != 0 {
			t.Errorf("%d rules: %v allocations, want 0", n, allocs)
		}
	}
}

func TestRoutesAllocateNothingMore(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	under := underTest(t)
	w := nothing{http.Header{}}
	count := func(h http.Handler) float64 {
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(w, under.request) })
	}
	plain := count(under.plain)
	if got := count(under.muxed); got > plain {
		t.Errorf("a route of Mux: %v allocations, ServeMux %v", got, plain)
	}
	if got, by := count(under.object), count(under.byHand); got > by {
		t.Errorf("HandleObject: %v allocations, by hand %v", got, by)
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{30, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := sized(b, n)
			q := authz.Query{Principal: &bulwark.Principal{Issuer: "i", Subject: "s", Roles: []string{"moderator"}}, Resource: "document", Action: "update", Reach: "own"}
			b.ReportAllocs()
			for b.Loop() {
				if !p.Decide(q).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

func BenchmarkRoute(b *testing.B) {
	under := underTest(b)
	for _, bench := range []struct {
		name string
		h    http.Handler
	}{{"ServeMux", under.plain}, {"Mux", under.muxed}, {"ServeMux_by_hand", under.byHand}, {"Mux_by_hand", under.muxByHand}, {"HandleObject", under.object}} {
		b.Run(bench.name, func(b *testing.B) {
			w := nothing{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				bench.h.ServeHTTP(w, under.request)
			}
		})
	}
}
