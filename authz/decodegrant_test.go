package authz_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A caller cannot move an object out of the reach of the grant.
func TestDecodeHoldsTheReach(t *testing.T) {
	type thing struct {
		OwnerID string `json:"owner_id" authz:"read=*,write=*"`
		Title   string `json:"title" authz:"read=*,write=*"`
	}
	policy := mustPolicy(t, guide())
	if err := authz.Fields[*thing](policy); err != nil {
		t.Fatal(err)
	}
	things := authz.Resource[thing]{Name: "document",
		Load:  func(context.Context, *http.Request) (thing, error) { return thing{OwnerID: "alice"}, nil },
		Owner: func(d thing) (string, string) { return accounts, d.OwnerID }}
	mux := authz.NewMux(policy)
	finish := func(w http.ResponseWriter, r *http.Request, d authz.Granted[thing]) {
		next, err := authz.Decode(w, r, d)
		if err == nil {
			_, err = next.For(r.Context(), d.Action())
		}
		if err != nil {
			bulwark.Deny(w, r, err)
		}
	}
	authz.HandleObject(mux, "PUT /documents/{id}", things.Can("update"), finish)
	authz.HandleObject(mux, "PATCH /documents/{id}", things.Can("update"), finish)
	authz.HandleCreate(mux, "POST /documents/{id}", things.Can("create"), func(w http.ResponseWriter, r *http.Request, check func(thing) (authz.Granted[thing], error)) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		g, err := check(thing{OwnerID: caller.Subject})
		if err != nil {
			t.Error(err)
		}
		finish(w, r, g)
	})
	foreign := &bulwark.Principal{Issuer: "https://elsewhere.example", Subject: "alice", Roles: []string{"user"}}
	for name, test := range map[string]struct {
		method, body string
		caller       *bulwark.Principal
		status       int
	}{
		"keeps":           {"PUT", `{"owner_id":"alice","title":"x"}`, as("alice", "user"), 200},
		"gives_away":      {"PUT", `{"owner_id":"mallory"}`, as("alice", "user"), 403},
		"abandons":        {"PUT", `{"title":"x"}`, as("alice", "user"), 403},
		"patch_keeps":     {"PATCH", `{"title":"x"}`, as("alice", "user"), 200},
		"patch_gives":     {"PATCH", `{"owner_id":"mallory"}`, as("alice", "user"), 403},
		"patch_abandons":  {"PATCH", `{"owner_id":null}`, as("alice", "user"), 403},
		"admin_gives":     {"PATCH", `{"owner_id":"mallory"}`, as("root", "admin"), 200},
		"creates_own":     {"POST", `{"owner_id":"alice"}`, as("alice", "user"), 200},
		"creates_others":  {"POST", `{"owner_id":"mallory"}`, as("alice", "user"), 403},
		"admin_creates":   {"POST", `{"owner_id":"mallory"}`, as("root", "admin"), 200},
		"other_issuer":    {"PUT", `{"owner_id":"alice"}`, foreign, 404},
		"creates_foreign": {"POST", `{"owner_id":"bob"}`, as("alice", "user", "moderator"), 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := bodied(test.method, test.body, test.caller)
			r.URL.Path = "/documents/1"
			var rec bulwarktest.Recorder
			w := serve(rec.Wrap(mux), r)
			if w.Code != test.status {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			events := rec.Take()
			if test.status != 403 {
				return
			}
			if !strings.Contains(w.Body.String(), `"code":"authz.forbidden"`) || strings.Contains(w.Body.String(), "mallory") {
				t.Errorf("answered %s", w.Body)
			}
			if len(events) != 1 || events[0].Name != bulwark.AuthzFail || events[0].Reason != "authz.not_within_reach" {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

// Without a grant that holds for this request, nothing is decoded.
func TestDecodeNeedsTheGrant(t *testing.T) {
	policy := paperPolicy(t)
	mux := authz.NewMux(policy)
	var kept authz.Granted[*paper]
	type plain struct{ Title string }
	authz.HandleObject(mux, "PUT /papers/{id}", papers().Can("update"), func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper]) {
		if kept.Caller() == nil {
			kept = g
			return
		}
		for name, wrong := range map[string]authz.Granted[*paper]{"zero": {}, "shown": g.With(g.Value()), "other_request": kept, "shown_nil": g.With(nil)} {
			next, err := authz.Decode(w, r, wrong)
			if codeOf(err) != "authz.wrong_grant" || next.Value() != nil || next.Action() != "" {
				t.Errorf("%s: %v", name, err)
			}
			if why := errors.Unwrap(err); why == nil || !strings.HasPrefix(why.Error(), "authz.Decode was ") {
				t.Errorf("%s: the log says %v", name, why)
			}
		}
		if _, err := authz.Decode(w, r, authz.Granted[*plain]{}); codeOf(err) != "authz.wrong_grant" {
			t.Error(err)
		}
		assumed := r.WithContext(bulwark.WithPrincipal(r.Context(), as("root", "admin")))
		if _, err := authz.Decode(w, assumed, g); codeOf(err) != "authz.wrong_grant" {
			t.Errorf("the grant of alice decodes for root: %v", err)
		}
		if _, err := authz.Decode(w, r, g); err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	alice := as("alice", "user")
	for range 2 {
		r, _ := bulwark.Enter(httptest.NewRequest("PUT", "/papers/1", strings.NewReader(`{"title":"x"}`)))
		r.Header.Set("Content-Type", "application/json")
		r, _ = bulwark.Identify(r, alice)
		serve(mux, r)
	}

	res := authz.Resource[*plain]{Name: "paper", Policy: policy, Owner: func(*plain) (string, string) { return accounts, "alice" }}
	r := bodied("PUT", `{"Title":"x"}`, alice)
	g, err := res.Check(r, "update", &plain{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = authz.Decode(nil, r, g)
	var config *bulwark.ConfigError
	if !errors.As(err, &config) || config.Field != "authz.Decode" || !strings.Contains(config.Error(), "plain: is not registered; call authz.Fields") {
		t.Errorf("an unregistered type: %v", err)
	}
}

// Check grants as HandleObject does, and its resource may have limits too.
func TestDecodeAfterCheck(t *testing.T) {
	res := papers()
	res.Policy = paperPolicy(t)
	alice := as("alice", "user")
	r := bodied("PATCH", `{"title":"x"}`, alice)
	g, err := res.Check(r, "update", stored())
	if err != nil {
		t.Fatal(err)
	}
	next, err := authz.Decode(nil, r, g)
	if err != nil || next.Value().Title != "x" {
		t.Fatal(next.Value(), err)
	}
	// The body can be read again, and the new grant is as good as the first.
	again, err := authz.Decode(nil, r, next)
	if err != nil || again.Value().Title != "x" || again.Value() == next.Value() {
		t.Error(again.Value(), err)
	}
	res.MaxBodyBytes = -1
	if g, err = res.Check(r, "update", stored()); err != nil {
		t.Fatal(err)
	}
	var config *bulwark.ConfigError
	if _, err = authz.Decode(nil, r, g); !errors.As(err, &config) || config.Field != "authz.Resource(paper).MaxBodyBytes" {
		t.Errorf("a wrong limit: %v", err)
	}
}
