package authz_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// guide is the role table of a document service: users keep their own,
// moderators see everything, admins do everything.
func guide() authz.PolicyConfig {
	return authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}, "user": {"create", "read"}},
		Roles: authz.Roles{
			"user":      {Grants: []string{"document:create:own", "read:own", "update:own"}},
			"moderator": {Inherits: []string{"user"}, Grants: []string{"read:all", "document:delete:own"}},
			"admin":     {Grants: []string{"*"}},
		},
	}
}

func mustPolicy(tb testing.TB, c authz.PolicyConfig) *authz.Policy {
	tb.Helper()
	p, err := authz.NewPolicy(c)
	if err != nil {
		tb.Fatalf("NewPolicy: %v", err)
	}
	return p
}

func TestGuideMatrix(t *testing.T) {
	p := mustPolicy(t, guide())
	want := map[string]map[string]string{
		"user":      {"create": "own", "read": "own", "update": "own", "delete": ""},
		"moderator": {"create": "own", "read": "own all", "update": "own", "delete": "own"},
		"admin":     {"create": "own all", "read": "own all", "update": "own all", "delete": "own all"},
		"stranger":  {"create": "", "read": "", "update": "", "delete": ""},
		"User":      {"create": "", "read": "", "update": "", "delete": ""},
		"*":         {"create": "", "read": "", "update": "", "delete": ""},
	}
	for role, actions := range want {
		for action, granted := range actions {
			for _, reach := range []string{"own", "all"} {
				d := p.Decide(authz.Query{Principal: as("alice", role), Resource: "document", Action: action, Reach: reach})
				if expect := slices.Contains(strings.Fields(granted), reach); d.Allowed != expect {
					t.Errorf("%s document:%s:%s = %v, want %v", role, action, reach, d.Allowed, expect)
				}
				if d.Allowed && (d.Role != role || d.Reason != "granted") || !d.Allowed && (d.Role != "" || d.Reason != "not_granted") {
					t.Errorf("%s document:%s:%s says %q by %q", role, action, reach, d.Reason, d.Role)
				}
			}
		}
	}
}

func TestDecideRefusesWhatItCannotKnow(t *testing.T) {
	p := mustPolicy(t, guide())
	for _, test := range []struct {
		name   string
		policy *authz.Policy
		query  authz.Query
		reason string
	}{
		{"nobody", p, authz.Query{Resource: "document", Action: "read", Reach: "own"}, "anonymous"},
		{"no_subject", p, authz.Query{Principal: &bulwark.Principal{Issuer: accounts, Roles: []string{"admin"}}, Resource: "document", Action: "read", Reach: "own"}, "anonymous"},
		{"no_issuer", p, authz.Query{Principal: &bulwark.Principal{Subject: "root", Roles: []string{"admin"}}, Resource: "document", Action: "read", Reach: "own"}, "anonymous"},
		{"no_reach", p, authz.Query{Principal: as("root", "admin"), Resource: "document", Action: "read"}, "unknown_permission"},
		{"star_reach", p, authz.Query{Principal: as("root", "admin"), Resource: "document", Action: "read", Reach: "*"}, "unknown_permission"},
		{"unknown_resource", p, authz.Query{Principal: as("root", "admin"), Resource: "secret", Action: "read", Reach: "all"}, "unknown_permission"},
		{"star_resource", p, authz.Query{Principal: as("root", "admin"), Resource: "*", Action: "read", Reach: "all"}, "unknown_permission"},
		{"unknown_action", p, authz.Query{Principal: as("root", "admin"), Resource: "document", Action: "burn", Reach: "all"}, "unknown_permission"},
		{"zero_policy", new(authz.Policy), authz.Query{Principal: as("root", "admin"), Resource: "document", Action: "read", Reach: "all"}, "not_granted"},
		{"nil_policy", nil, authz.Query{Principal: as("root", "admin"), Resource: "document", Action: "read", Reach: "all"}, "not_granted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if d := test.policy.Decide(test.query); d.Allowed || d.Reason != test.reason {
				t.Errorf("Decide = %+v, want a denial for %s", d, test.reason)
			}
			if text := test.policy.Explain(test.query); !strings.HasPrefix(text, "deny") {
				t.Errorf("Explain = %q", text)
			}
		})
	}
}

// Relations of roles as they are asserted of RBAC engines everywhere: direct
// grants, one role, roles of roles, several parents.
func TestInheritance(t *testing.T) {
	p := mustPolicy(t, authz.PolicyConfig{
		Resources: map[string][]string{"data1": {"read", "write"}, "data2": {"read", "write"}},
		Roles: authz.Roles{
			"data1_admin": {Grants: []string{"data1:read:all", "data1:write:all"}},
			"data2_admin": {Grants: []string{"data2:read:all", "data2:write:all"}},
			"admin":       {Inherits: []string{"data1_admin", "data2_admin"}},
			"owner":       {Inherits: []string{"admin"}},
			"alice":       {Inherits: []string{"data2_admin"}, Grants: []string{"data1:read:all"}},
			"bob":         {Grants: []string{"data2:write:all"}},
			"carol":       {Inherits: []string{"owner", "bob"}},
		},
	})
	for role, want := range map[string]string{
		"alice": "data1:read data2:read data2:write", "bob": "data2:write", "data1_admin": "data1:read data1:write",
		"admin": "data1:read data1:write data2:read data2:write", "owner": "data1:read data1:write data2:read data2:write",
		"carol": "data1:read data1:write data2:read data2:write",
	} {
		for _, resource := range []string{"data1", "data2"} {
			for _, action := range []string{"read", "write"} {
				got := p.Decide(authz.Query{Principal: as("x", role), Resource: resource, Action: action, Reach: "all"}).Allowed
				if expect := slices.Contains(strings.Fields(want), resource+":"+action); got != expect {
					t.Errorf("%s %s:%s = %v, want %v", role, resource, action, got, expect)
				}
			}
		}
	}
}

// hasFault looks for a ConfigError among joined errors.
func hasFault(err error, field, reason string) bool {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		return slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return hasFault(err, field, reason) })
	}
	var fault *bulwark.ConfigError
	return errors.As(err, &fault) && fault.Field == field && strings.Contains(fault.Reason, reason)
}

func TestNewPolicyCopiesItsConfig(t *testing.T) {
	c := guide()
	p := mustPolicy(t, c)
	c.Roles["user"].Grants[1] = "read:all"
	c.Resources["document"][1] = "burn"
	if p.Decide(authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "all"}).Allowed {
		t.Error("a later change of the config grants something")
	}
}

func TestWildcardGrants(t *testing.T) {
	c := guide()
	c.Reaches = []string{"tenant"}
	c.Roles = authz.Roles{
		"every_action": {Grants: []string{"document:*:own"}}, "every_resource": {Grants: []string{"*:read:all"}},
		"short": {Grants: []string{"read:tenant"}}, "both": {Grants: []string{"*:*:own"}}, "verb": {Grants: []string{"*:own"}},
	}
	p := mustPolicy(t, c)
	for _, test := range []struct {
		role, resource, action, reach string
		want                          bool
	}{
		{"every_action", "document", "delete", "own", true}, {"every_action", "document", "delete", "all", false},
		{"every_action", "user", "read", "own", false}, {"every_resource", "user", "read", "tenant", true},
		{"every_resource", "user", "read", "own", true}, {"every_resource", "user", "create", "own", false},
		{"short", "user", "read", "tenant", true}, {"short", "user", "read", "own", false}, {"short", "user", "read", "all", false},
		{"both", "user", "create", "own", true}, {"both", "user", "create", "tenant", false}, {"verb", "user", "create", "own", true},
	} {
		got := p.Decide(authz.Query{Principal: as("a", test.role), Resource: test.resource, Action: test.action, Reach: test.reach}).Allowed
		if got != test.want {
			t.Errorf("%s %s:%s:%s = %v", test.role, test.resource, test.action, test.reach, got)
		}
	}
}

func TestReplace(t *testing.T) {
	p := mustPolicy(t, guide())
	mux := authz.NewMux(p)
	mux.Handle("GET /users", authz.RequireRole("moderator"), ok())
	mux.Handle("POST /users", authz.Require("user:create:all"), ok())
	q := authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "all"}

	broken := guide()
	delete(broken.Roles, "moderator")
	broken.Resources["user"] = []string{"read"}
	err := p.Replace(broken)
	if !hasFault(err, "authz.Policy(GET /users)", "moderator is not a role of the policy") || !hasFault(err, "authz.Policy(POST /users)", "undeclared action") {
		t.Errorf("Replace with a policy that breaks two routes: %v", err)
	}
	wrong := guide()
	wrong.Roles["user"] = authz.Role{Grants: []string{"read"}}
	if err := p.Replace(wrong); !hasFault(err, "authz.Roles[user].Grants[0]", "is not a permission") {
		t.Errorf("Replace with a wrong policy: %v", err)
	}
	if p.Decide(q).Allowed {
		t.Error("a Replace that failed changed the policy")
	}

	wider := guide()
	wider.Roles["user"] = authz.Role{Grants: []string{"read:all"}}
	wider.Roles["moderator"] = authz.Role{Grants: []string{"user:read:own"}}
	wider.Roles["aaa"] = authz.Role{Inherits: []string{"moderator"}} // moves all role numbers
	if err := p.Replace(wider); err != nil {
		t.Fatal(err)
	}
	if !p.Decide(q).Allowed {
		t.Error("Replace changed nothing")
	}
	if got := get(mux, "/users", as("x", "aaa")).Code; got != 200 {
		t.Errorf("the rule of a route was not compiled again: %d", got)
	}
	if got := get(mux, "/users", as("x", "admin")).Code; got != 403 {
		t.Errorf("a grant of * passes RequireRole: %d", got)
	}
	if err := new(authz.Policy).Replace(guide()); err == nil {
		t.Error("Replace on a zero Policy made one")
	}
	if err := (*authz.Policy)(nil).Replace(guide()); err == nil {
		t.Error("Replace on a nil Policy did something")
	}
}

// Two policies grant read or update, never both and never neither. A caller who
// asks through a rule of both must never pass, and one of either always.
func TestConcurrentReplaceIsNeverHalfSeen(t *testing.T) {
	config := func(action string) authz.PolicyConfig {
		c := guide()
		c.Roles = authz.Roles{"user": {Grants: []string{"document:" + action + ":all"}}}
		if action == "update" { // other numbers for everything
			c.Roles["aaa"] = authz.Role{Grants: []string{"*"}}
			c.Resources["aaa"] = []string{"read"}
		}
		return c
	}
	p := mustPolicy(t, config("read"))
	mux := authz.NewMux(p)
	mux.Handle("GET /both", authz.All(authz.Require("document:read:all"), authz.Require("document:update:all")), ok())
	// With read it is 403 about the object, with update alone 403 about the
	// caller.
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("delete"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {
		t.Error("somebody deletes, which neither policy grants")
	})
	mux.Handle("GET /either", authz.Any(authz.Require("document:read:all"), authz.Require("document:update:all")), ok())
	done := make(chan struct{})
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if err := p.Replace(config([]string{"update", "read"}[i%2])); err != nil {
				t.Error(err)
			}
			if i < 20 { // routes may come while the policy changes
				mux.Handle(fmt.Sprintf("GET /more/%d", i), authz.Require("document:read:all"), ok())
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			for range 1000 {
				if got := get(mux, "/both", as("x", "user")).Code; got != 403 {
					t.Errorf("both: %d", got)
				}
				if got := get(mux, "/either", as("x", "user")).Code; got != 200 {
					t.Errorf("either: %d", got)
				}
				if got := get(mux, "/documents/2", as("x", "user")).Code; got != 403 {
					t.Errorf("object: %d", got)
				}
			}
		})
	}
	readers.Wait()
	close(done)
	writers.Wait()
}

// A policy that changes between the rule and the object, or between the query
// and the list, is not seen by that request: it would be half of each. The
// policies number everything differently.
func TestReplaceWhileARequestIsDecided(t *testing.T) {
	config := func(grant string, more ...string) authz.PolicyConfig {
		c := guide()
		c.Roles = authz.Roles{"user": {Grants: []string{grant}}}
		for _, name := range more {
			c.Roles[name] = authz.Role{}
			c.Resources[name] = []string{"read", "update", "delete"}
		}
		return c
	}
	all, own := config("document:*:all"), config("document:*:own", "aaa", "zzz")
	for _, test := range []struct {
		name                string
		before, after       authz.PolicyConfig
		first, second, list int // for somebody else's document
	}{
		{"narrowed", all, own, 200, 404, 200},
		{"widened", own, all, 404, 200, 500},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := mustPolicy(t, test.before)
			replace := func() {
				if err := p.Replace(test.after); err != nil {
					t.Fatal(err)
				}
			}
			res := documents()
			res.Load = func(ctx context.Context, r *http.Request) (*document, error) {
				replace()
				return load(ctx, r)
			}
			mux := authz.NewMux(p)
			authz.HandleObject(mux, "GET /documents/{id}", res.Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
			authz.HandleList(mux, "GET /documents", res.Can("read"), func(w http.ResponseWriter, r *http.Request, reach authz.Reach) {
				replace()
				authz.WriteList(w, r, reach, []*document{{ID: "2", OwnerID: "mallory"}})
			})
			if w := get(mux, "/documents", as("alice", "user")); w.Code != test.list {
				t.Errorf("list: %d, want %d", w.Code, test.list)
			}
			if err := p.Replace(test.before); err != nil {
				t.Fatal(err)
			}
			for i, want := range []int{test.first, test.second} {
				if w := get(mux, "/documents/2", as("alice", "user")); w.Code != want {
					t.Errorf("request %d: %d, want %d", i, w.Code, want)
				}
			}
		})
	}
}
