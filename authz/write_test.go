package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// body returns what a caller sees of a profile, without the newline.
func body(t *testing.T, policy *authz.Policy, caller *bulwark.Principal, p *profile) string {
	t.Helper()
	w := get(profileMux(policy, p, authz.Write[*profile]), "/profiles/1", caller)
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/json" || !strings.HasSuffix(w.Body.String(), "}\n") {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	return strings.TrimSuffix(w.Body.String(), "\n")
}

// profileMux serves one profile through a handler.
func profileMux(policy *authz.Policy, p *profile, h func(http.ResponseWriter, *http.Request, authz.Granted[*profile])) *authz.Mux {
	res := profiles()
	res.Load = func(context.Context, *http.Request) (*profile, error) { copied := *p; return &copied, nil }
	mux := authz.NewMux(policy)
	for _, route := range [][2]string{{"GET", "read"}, {"PUT", "update"}, {"DELETE", "delete"}} {
		authz.HandleObject(mux, route[0]+" /profiles/{id}", res.Can(route[1]), h)
	}
	return mux
}

func profilePolicy(t *testing.T) *authz.Policy {
	policy := mustPolicy(t, fieldsPolicy())
	if err := authz.Fields[profile](policy); err != nil {
		t.Fatal(err)
	}
	return policy
}

// Each caller sees of one object what the tags say.
func TestWriteByCaller(t *testing.T) {
	policy := profilePolicy(t)
	p := &profile{ID: "1", OwnerID: "alice", Tenant: "acme", Email: "a@acme", Role: "boss", Hash: "HASH", Salt: "SALT", Never: "NEVER"}
	for _, test := range []struct {
		name   string
		caller *bulwark.Principal
		want   string
	}{
		{"owner", as("alice", "user"), `{"id":"1","owner_id":"alice","email":"a@acme"}`},
		{"owner_in_tenant", inTenant("acme", "alice", "user"), `{"id":"1","owner_id":"alice","tenant":"acme","email":"a@acme"}`},
		{"moderator", as("bob", "moderator"), `{"id":"1","owner_id":"alice"}`},
		{"admin", as("root", "admin"), `{"id":"1","email":"a@acme"}`},
		{"admin_and_moderator", as("root", "moderator", "admin"), `{"id":"1","owner_id":"alice","email":"a@acme"}`},
		{"auditor", inTenant("other", "carol", "auditor"), `{"id":"1","role":"boss"}`},
		{"auditor_in_tenant", inTenant("acme", "carol", "auditor"), `{"id":"1","tenant":"acme","role":"boss"}`},
		{"unknown_role_beside", as("alice", "user", "heard-of-nowhere"), `{"id":"1","owner_id":"alice","email":"a@acme"}`},
		{"role_named_like_a_reach", as("root", "admin", "own", "*"), `{"id":"1","email":"a@acme"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := body(t, policy, test.caller, p); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			mux := profileMux(policy, p, authz.Write[*profile])
			if w := serve(mux, request("HEAD", "/profiles/1", test.caller)); w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("HEAD: %d %v %q", w.Code, w.Header(), w.Body)
			}
		})
	}
	// Somebody else's alice is a stranger.
	stranger := &bulwark.Principal{Issuer: "https://other.example", Subject: "alice", Roles: []string{"admin"}}
	if got := body(t, policy, stranger, p); got != `{"id":"1","email":"a@acme"}` {
		t.Errorf("alice of another issuer: %s", got)
	}
}

// handling serves a profile of alice's with a handler, inside a layer that sets
// a header field of its own.
func handling(t *testing.T, h func(http.ResponseWriter, *http.Request, authz.Granted[*profile])) http.Handler {
	res := profiles()
	res.Load = func(context.Context, *http.Request) (*profile, error) {
		return &profile{ID: "1", OwnerID: "alice", Email: "SECRET-alice"}, nil
	}
	mux := authz.NewMux(profilePolicy(t))
	inner := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Inner", "layer")
			w.Header().Set("X-Changed", "layer")
			next.ServeHTTP(w, r)
		})
	})
	told := func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
		w.Header().Set("X-Total", "SECRET")
		w.Header().Set("Etag", `"SECRET"`)
		w.Header().Add("X-Changed", "SECRET")
		w.Header()["x-odd"] = []string{"SECRET"}
		h(w, r, g)
	}
	for _, route := range [][2]string{{"GET", "read"}, {"PUT", "update"}, {"DELETE", "delete"}} {
		authz.HandleObject(mux, route[0]+" /plain/{id}", res.Can(route[1]), told)
		authz.HandleObject(mux, route[0]+" /layered/{id}", res.Can(route[1]), told, inner)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "layer")
		mux.ServeHTTP(w, r)
	})
}

// Write decides about the object as it is, and sends nothing of an object that
// the caller may not see.
func TestWriteRefusesALeak(t *testing.T) {
	bobs := func() *profile { return &profile{ID: "2", OwnerID: "bob", Email: "SECRET-bob"} }
	for name, h := range map[string]func(http.ResponseWriter, *http.Request, authz.Granted[*profile]){
		"another_object": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			authz.Write(w, r, g.With(bobs()))
		},
		"given_away": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			changed := *g.Value()
			changed.OwnerID = "bob"
			authz.Write(w, r, g.With(&changed))
		},
		"changed_in_place": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			*g.Value() = *bobs()
			authz.Write(w, r, g)
		},
		"of_nobody": func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
			g.Value().OwnerID = ""
			authz.Write(w, r, g)
		},
	} {
		t.Run(name, func(t *testing.T) {
			handler := handling(t, h)
			leak := want{status: 500, code: "authz.write_leak", event: bulwark.SysUnavailable,
				header: map[string]string{"X-Outer": "layer", "X-Total": "", "Etag": "", "X-Changed": "", "X-Inner": "", "Content-Type": "application/problem+json"}}
			alice := as("alice", "user", "eraser")
			for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
				e := leak.check(t, handler, request(method, "/plain/1", alice))
				if text := wanted(e); !strings.Contains(text, "Resource.Check") || strings.Contains(text, "SECRET") {
					t.Errorf("error %q", text)
				}
			}
			leak.header["X-Inner"], leak.header["X-Changed"] = "layer", "layer"
			w := get(handler, "/layered/1", alice)
			leak.check(t, handler, request("GET", "/layered/1", alice))
			if got := fmt.Sprint(w.Header(), w.Body); strings.Contains(got, "SECRET") {
				t.Errorf("the answer tells of the object: %s", got)
			}
			// A caller who may read every object sees this one too.
			if w := get(handler, "/layered/1", as("root", "admin")); w.Code != 200 && name != "of_nobody" {
				t.Errorf("admin: %d %s", w.Code, w.Body)
			}
		})
	}
}

// A state within the reach of another action than read is shown, without what
// only other callers may read.
func TestWriteOfAnotherAction(t *testing.T) {
	handler := handling(t, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*profile]) {
		clear(w.Header())
		authz.Write(w, r, g.With(&profile{ID: "9", OwnerID: "alice", Email: "e", Role: "SECRET"}))
	})
	w := serve(handler, request("DELETE", "/plain/1", as("alice", "eraser")))
	if w.Code != 200 || w.Body.String() != `{"id":"9","owner_id":"alice","email":"e"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
