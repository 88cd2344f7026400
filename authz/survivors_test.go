package authz_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

type (
	lid struct {
		Inside vessel `json:"inside" authz:"read=*,write=*"`
		Who    string `json:"who" authz:"read=admin"`
		Shelf  rack   `json:"shelf" authz:"read=*,write=*"`
	}
	// A vessel has a pointer to an embedded struct.
	vessel struct {
		*Contents
		Size int `json:"size"`
	}
	Contents struct {
		Text string `json:"text"`
	}
	// A rack names a reach that nothing around it names.
	rack struct {
		Open   string `json:"open" authz:"read=*,write=*"`
		Locked string `json:"locked" authz:"read=own,write=own"`
	}
)

// decodeLid sends a body to a route that decodes it into the lid of alice.
func decodeLid(t *testing.T, method, body string, old *lid, roles ...string) (next *lid, w *httptest.ResponseRecorder) {
	t.Helper()
	policy := mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"lid": {"read", "update"}},
		Roles: authz.Roles{"user": {Grants: []string{"read:own", "update:own"}}, "admin": {Grants: []string{"read:all", "update:all"}}}})
	if err := authz.Fields[lid](policy); err != nil {
		t.Fatal(err)
	}
	res := authz.Resource[*lid]{Name: "lid", Owner: func(*lid) (string, string) { return accounts, "alice" },
		Load: func(context.Context, *http.Request) (*lid, error) { return old, nil }}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, method+" /{id}", res.Can("update"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*lid]) {
		granted, err := authz.Decode(w, r, g)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next = granted.Value()
		authz.Write(w, r, granted)
	})
	caller := "alice"
	if roles[0] == "admin" {
		caller = "root"
	}
	r := httptest.NewRequest(method, "/1", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return next, serve(mux, r.WithContext(bulwark.WithPrincipal(r.Context(), as(caller, roles...))))
}

// A replacement that leaves a struct out does not write through its embedded
// pointer into the granted object.
func TestDecodeLeavesTheObjectBehindAnEmbeddedPointer(t *testing.T) {
	old := &lid{Inside: vessel{&Contents{"kept"}, 5}}
	_, w := decodeLid(t, "PUT", `{"shelf":{"open":"x"}}`, old, "user")
	if w.Code != 200 || old.Inside.Text != "kept" || old.Inside.Size != 5 {
		t.Errorf("%d %s, and the granted object has %+v", w.Code, w.Body, old.Inside.Contents)
	}
}

// A reach counts that only the tags of an inner struct name.
func TestReachThatOnlyAnInnerTagNames(t *testing.T) {
	_, w := decodeLid(t, "PATCH", `{"shelf":{"locked":"x"}}`, &lid{}, "user")
	answered(t, "owner", w, 200, `"locked":"x"`)
	next, w := decodeLid(t, "PATCH", `{"shelf":{"locked":"x"}}`, &lid{}, "admin")
	answered(t, "another", w, 403, "authz.field_forbidden")
	if next != nil {
		t.Error(next)
	}
}

// A reach belongs to one request, also if the next one has the same principal,
// as a cache of verified tokens returns it.
func TestReachOfAnotherRequestOfTheSameCaller(t *testing.T) {
	var kept authz.Reach
	n := 0
	mux := authz.NewMux(mustPolicy(t, guide()))
	res := documents()
	authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		if n++; n == 1 {
			kept = reach
		}
		if _, err := res.Filter(r, kept, nil); (err == nil) != (n == 1) {
			t.Errorf("request %d: Filter returned %v", n, err)
		}
		authz.WriteList(w, r, kept, []*document{})
	})
	alice := as("alice", "user")
	for _, want := range []int{200, 500} {
		if w := get(mux, "/documents", alice); w.Code != want {
			t.Errorf("answered %d %s, want %d", w.Code, w.Body, want)
		}
	}
}

// An engine that fails does not turn the 403 of a caller who may read the
// object into a 503.
func TestEngineThatShowsTheObjectAfterOneThatFails(t *testing.T) {
	c := sharedPolicy()
	c.Roles["odd"] = authz.Role{Grants: []string{"document:update:own", "document:read:shared", "document:read:team"}}
	mux := authz.NewMux(mustPolicy(t, c))
	ran := false
	authz.HandleObject(mux, "PUT /documents/{id}", sharedDocuments(failing(), allowing()).Can("update"),
		func(http.ResponseWriter, *http.Request, authz.Granted[*document]) { ran = true })
	w := serve(mux, request("PUT", "/documents/2", as("carol", "odd")))
	answered(t, "shown", w, 403, "authz.forbidden")
	if ran {
		t.Error("the handler ran")
	}
}
