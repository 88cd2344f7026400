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

// A sheet is an object that an engine shares.
type sheet struct {
	ID    string `json:"id" authz:"read=*,write=*"`
	Owner string `json:"owner" authz:"read=*,write=*"`
	Kind  string `json:"kind" authz:"read=*,write=*"`
	Note  string `json:"note" authz:"read=shared,write=shared"`
}

// sheetRoute serves the sheet 1 of bob, which an engine shares with everybody,
// and no other sheet.
func sheetRoute(t *testing.T, change func(*authz.Resource[*sheet]), h func(http.ResponseWriter, *http.Request, authz.Granted[*sheet])) func(method, body string) *httptest.ResponseRecorder {
	t.Helper()
	policy := mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"sheet": {"read", "update"}}, Reaches: []string{"shared"},
		Roles: authz.Roles{"friend": {Grants: []string{"read:shared", "update:shared", "read:own", "update:own"}}}})
	if err := authz.Fields[sheet](policy); err != nil {
		t.Fatal(err)
	}
	res := authz.Resource[*sheet]{Name: "sheet", Owner: func(s *sheet) (string, string) { return accounts, s.Owner },
		Load:    func(context.Context, *http.Request) (*sheet, error) { return &sheet{"1", "bob", "k", "n"}, nil },
		Engines: map[string]authz.Engine{"shared": sharing("1")}, ID: func(s *sheet) string { return s.ID }}
	if change != nil {
		change(&res)
	}
	mux := authz.NewMux(policy)
	for _, method := range []string{"PUT", "PATCH"} {
		authz.HandleObject(mux, method+" /{id}", res.Can("update"), h)
	}
	return func(method, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/1", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r = r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", "friend")))
		return serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Layer", r.Header.Get("X-Layer"))
			mux.ServeHTTP(w, r)
		}), r)
	}
}

// answered asserts status and body, or the code of a refusal.
func answered(t *testing.T, name string, w *httptest.ResponseRecorder, status int, text string) {
	t.Helper()
	if w.Code != status || !strings.Contains(w.Body.String(), text) {
		t.Errorf("%s: %d %s, want %d %s", name, w.Code, w.Body, status, text)
	}
}

// What an engine has found holds for one object alone.
func TestWriteOfAnotherObjectThanTheEngineFound(t *testing.T) {
	for id, want := range map[string]struct {
		status int
		text   string
	}{"1": {200, `{"id":"1","owner":"bob","kind":"x","note":"y"}`}, "2": {500, "authz.write_leak"}, "": {500, "authz.write_leak"}} {
		send := sheetRoute(t, nil, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
			authz.Write(w, r, g.With(&sheet{id, "bob", "x", "y"}))
		})
		answered(t, id, send("PUT", ""), want.status, want.text)
	}
	// An own object with another id: the reach of the engine does not show it.
	send := sheetRoute(t, nil, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
		authz.Write(w, r, g.With(&sheet{"2", "alice", "x", "y"}))
	})
	answered(t, "own", send("PUT", ""), 200, `{"id":"2","owner":"alice","kind":"x"}`)
}

func TestDecodeOfAnotherObjectThanTheEngineFound(t *testing.T) {
	decode := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
		next, err := authz.Decode(w, r, g)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		authz.Write(w, r, next)
	}
	again := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
		next, err := authz.Decode(w, r, g)
		if err != nil {
			t.Error(err)
		}
		decode(w, r, next)
	}
	moved := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
		g.Value().ID = "2" // a mistake of the handler
		decode(w, r, g)
	}
	properties := func(res *authz.Resource[*sheet]) {
		res.Properties = func(s *sheet) map[string]any { return map[string]any{"kind": s.Kind} }
	}
	for _, test := range []struct {
		name   string
		change func(*authz.Resource[*sheet])
		h      func(http.ResponseWriter, *http.Request, authz.Granted[*sheet])
		body   string
		status int
		text   string
	}{
		{"same", nil, decode, `{"note":"x"}`, 200, `{"id":"1","owner":"bob","kind":"k","note":"x"}`},
		{"another_id", nil, decode, `{"id":"2"}`, 403, "authz.forbidden"},
		{"no_id", nil, decode, `{"id":""}`, 403, "authz.forbidden"},
		{"properties", properties, decode, `{"kind":"x"}`, 403, "authz.forbidden"},
		{"own", nil, decode, `{"id":"2","owner":"alice","note":"x"}`, 200, `{"id":"2","owner":"alice","kind":"k"}`},
		{"own_again", nil, again, `{"id":"2","owner":"alice","note":"x"}`, 403, "authz.field_forbidden"},
		{"moved", nil, moved, `{"kind":"x"}`, 403, "authz.forbidden"},
		{"moved_to_own", nil, moved, `{"owner":"alice","note":"x"}`, 403, "authz.field_forbidden"},
	} {
		answered(t, test.name, sheetRoute(t, test.change, test.h)("PATCH", test.body), test.status, test.text)
	}
}

// The refusal of a grant of another request has no header of that request.
func TestWriteOfAGrantOfAnotherRequestHasNoHeaderOfIt(t *testing.T) {
	var kept authz.Granted[*sheet]
	n := 0
	h := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*sheet]) {
		if n++; n == 1 {
			kept = g
			w.WriteHeader(http.StatusNoContent)
			return
		}
		authz.Write(w, r, kept)
	}
	send := sheetRoute(t, nil, h)
	if w := send("PUT", ""); w.Code != 204 {
		t.Fatal(w.Code)
	}
	w := send("PUT", "")
	answered(t, "kept", w, 500, "authz.wrong_grant")
	if _, has := w.Header()["X-Layer"]; has {
		t.Errorf("header is %v", w.Header())
	}
}

// A crate has a tag of its own with the reach of its owner, beside an interface.
type crate struct {
	Mark string `json:"mark" authz:"read=own"`
	V    any    `json:"v" authz:"read=*"`
	Tail string `json:"tail" authz:"read=own"`
}

type crated struct {
	Text   string `json:"text" authz:"read=own"`
	Public string `json:"public" authz:"read=*"`
}

// The owner of what is around it does not own what an interface holds, also if
// the tags around it name that reach.
func TestWriteIsWithinNoReachInAnInterface(t *testing.T) {
	policy := mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"crate": {"read"}}, Roles: authz.Roles{"user": {Grants: []string{"read:own"}}}})
	for _, err := range []error{authz.Fields[crate](policy), authz.Fields[crated](policy)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	res := authz.Resource[*crate]{Name: "crate", Owner: func(*crate) (string, string) { return accounts, "alice" },
		Load: func(context.Context, *http.Request) (*crate, error) {
			return &crate{"m", []any{crated{"SECRET", "p"}, &crate{"SECRET", 1, "SECRET"}}, "t"}, nil
		}}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /one", res.Can("read"), authz.Write[*crate])
	authz.HandleList(mux, "GET /all", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
		one, _ := res.Load(r.Context(), r)
		authz.WriteList(w, r, reach, []*crate{one, one})
	})
	const want = `{"mark":"m","v":[{"public":"p"},{"v":1}],"tail":"t"}`
	answered(t, "one", get(mux, "/one", as("alice", "user")), 200, want+"\n")
	answered(t, "all", get(mux, "/all", as("alice", "user")), 200, `{"items":[`+want+","+want+"]}")
}
