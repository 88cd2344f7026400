package authz_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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

func TestNewPolicyErrors(t *testing.T) {
	with := func(change func(c *authz.PolicyConfig)) authz.PolicyConfig {
		c := guide()
		c.Reaches = []string{"tenant"}
		change(&c)
		return c
	}
	grants := func(grants ...string) authz.PolicyConfig {
		return with(func(c *authz.PolicyConfig) { c.Roles["user"] = authz.Role{Grants: grants} })
	}
	for _, test := range []struct {
		name   string
		config authz.PolicyConfig
		field  string
		reason string
	}{
		{"no_resources", with(func(c *authz.PolicyConfig) { c.Resources = nil }), "authz.Resources", "is empty"},
		{"no_roles", with(func(c *authz.PolicyConfig) { c.Roles = nil }), "authz.Roles", "is empty"},
		{"no_actions", with(func(c *authz.PolicyConfig) { c.Resources["x"] = nil }), "authz.Resources[x]", "has no actions"},
		{"bad_resource", with(func(c *authz.PolicyConfig) { c.Resources["a:b"] = []string{"read"} }), "authz.Resources[a:b]", "is not a valid name"},
		{"bad_action", with(func(c *authz.PolicyConfig) { c.Resources["x"] = []string{"re*d"} }), "authz.Resources[x][0]", "is not a valid name"},
		{"long_action", with(func(c *authz.PolicyConfig) { c.Resources["x"] = []string{strings.Repeat("r", 65)} }), "authz.Resources[x][0]", "is not a valid name"},
		{"duplicate_action", with(func(c *authz.PolicyConfig) { c.Resources["x"] = []string{"read", "read"} }), "authz.Resources[x][1]", "is a duplicate"},
		{"reach_all", with(func(c *authz.PolicyConfig) { c.Reaches = []string{"all"} }), "authz.Reaches[0]", "always exists"},
		{"reach_taken", with(func(c *authz.PolicyConfig) { c.Reaches = []string{"issuer"} }), "authz.Reaches[0]", "choose another name"},
		{"reach_duplicate", with(func(c *authz.PolicyConfig) { c.Reaches = []string{"team", "team"} }), "authz.Reaches[1]", "is a duplicate"},
		{"reach_name", with(func(c *authz.PolicyConfig) { c.Reaches = []string{""} }), "authz.Reaches[0]", "is not a valid name"},
		{"reaches_many", with(func(c *authz.PolicyConfig) {
			for i := range 30 {
				c.Reaches = append(c.Reaches, fmt.Sprint("r", i))
			}
		}), "authz.Reaches", "at most 24"},
		{"role_empty", with(func(c *authz.PolicyConfig) { c.Roles[""] = authz.Role{} }), "authz.Roles[]", "is not a valid name of a role"},
		{"role_star", with(func(c *authz.PolicyConfig) { c.Roles["*"] = authz.Role{} }), "authz.Roles[*]", `and "*" in its Grants`},
		{"role_control", with(func(c *authz.PolicyConfig) { c.Roles["a\nb"] = authz.Role{} }), "authz.Roles[a\nb]", "is not a valid name of a role"},
		{"parent_unknown", with(func(c *authz.PolicyConfig) { c.Roles["x"] = authz.Role{Inherits: []string{"moderater"}} }), "authz.Roles[x].Inherits[0]", "did you mean moderator?"},
		{"parent_twice", with(func(c *authz.PolicyConfig) { c.Roles["x"] = authz.Role{Inherits: []string{"user", "user"}} }), "authz.Roles[x].Inherits[1]", "is a duplicate"},
		{"cycle_self", with(func(c *authz.PolicyConfig) { c.Roles["x"] = authz.Role{Inherits: []string{"x"}} }), "authz.Roles[x].Inherits", "x inherits x"},
		{"cycle_long", with(func(c *authz.PolicyConfig) {
			c.Roles["x"], c.Roles["y"], c.Roles["z"] = authz.Role{Inherits: []string{"y"}}, authz.Role{Inherits: []string{"z"}}, authz.Role{Inherits: []string{"x"}}
		}), "authz.Roles[z].Inherits", "x inherits y inherits z inherits x"},
		{"no_segments", grants(""), "authz.Roles[user].Grants[0]", "is not a permission"},
		{"one_segment", grants("read"), "authz.Roles[user].Grants[0]", "is not a permission"},
		{"four_segments", grants("document:read:own:x"), "authz.Roles[user].Grants[0]", "is not a permission"},
		{"double_star", grants("**"), "authz.Roles[user].Grants[0]", "is not a permission"},
		{"missing_reach", grants("document:read"), "authz.Roles[user].Grants[0]", "write document:read:own or document:read:all"},
		{"star_reach", grants("document:read:*"), "authz.Roles[user].Grants[0]", "write all"},
		{"empty_reach", grants("document:read:"), "authz.Roles[user].Grants[0]", "undeclared reach"},
		{"typo_reach", grants("document:read:onw"), "authz.Roles[user].Grants[0]", "did you mean own?"},
		{"typo_custom_reach", grants("document:read:tennant"), "authz.Roles[user].Grants[0]", "did you mean tenant?"},
		{"typo_resource", grants("documents:read:own"), "authz.Roles[user].Grants[0]", "did you mean document?"},
		{"typo_action", grants("document:raed:own"), "authz.Roles[user].Grants[0]", "did you mean read?"},
		{"typo_action_short", grants("udpate:own"), "authz.Roles[user].Grants[0]", "did you mean update?"},
		{"nothing_near", grants("document:incinerate:own"), "authz.Roles[user].Grants[0]", "there are: create, delete, read, update"},
		{"other_resources_action", grants("user:delete:own"), "authz.Roles[user].Grants[0]", "undeclared action"},
		{"part_star", grants("doc*:read:own"), "authz.Roles[user].Grants[0]", "undeclared resource"},
		{"case", grants("Document:read:own"), "authz.Roles[user].Grants[0]", "did you mean document?"},
		{"space", grants(" *"), "authz.Roles[user].Grants[0]", "is not a permission"},
		{"duplicate_grant", grants("document:read:own", "document:read:own"), "authz.Roles[user].Grants[1]", "is a duplicate"},
		{"duplicate_in_other_words", grants("read:own", "*:read:own"), "authz.Roles[user].Grants[1]", "is a duplicate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := authz.NewPolicy(test.config)
			if p != nil || err == nil {
				t.Fatalf("NewPolicy = %v, %v; want an error", p, err)
			}
			if !hasFault(err, test.field, test.reason) {
				t.Errorf("no error about %s that says %q in:\n%v", test.field, test.reason, err)
			}
		})
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

func TestNewPolicyReportsEverythingAtOnce(t *testing.T) {
	_, err := authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "read"}},
		Reaches:   []string{"own"},
		Roles:     authz.Roles{"a": {Inherits: []string{"b", "c"}, Grants: []string{"x", "document:red:own"}}, "b": {Inherits: []string{"a"}}},
	})
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 6 {
		t.Errorf("want 6 errors, got:\n%v", err)
	}
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

// randomPolicy makes a policy of random grants and an acyclic hierarchy.
func randomPolicy(rng *rand.Rand) authz.PolicyConfig {
	c := authz.PolicyConfig{Resources: map[string][]string{"a": {"read", "write"}, "b": {"read", "burn"}}, Reaches: []string{"team"}, Roles: authz.Roles{}}
	for i := range 5 {
		var r authz.Role
		for j := range i {
			if rng.IntN(3) == 0 {
				r.Inherits = append(r.Inherits, fmt.Sprint("r", j))
			}
		}
		for _, grant := range allGrants {
			if rng.IntN(6) == 0 {
				r.Grants = append(r.Grants, grant)
			}
		}
		c.Roles[fmt.Sprint("r", i)] = r
	}
	return c
}

var allGrants = []string{"*", "a:read:own", "a:read:team", "a:*:all", "*:read:own", "b:burn:team", "b:*:own", "*:write:all", "b:read:all"}

// access is every question that the random policies can be asked.
func access(p *authz.Policy) map[string]bool {
	all := map[string]bool{}
	for i := range 5 {
		for _, permission := range []string{"a:read", "a:write", "b:read", "b:burn"} {
			resource, action, _ := strings.Cut(permission, ":")
			for _, reach := range []string{"own", "team", "all"} {
				role := fmt.Sprint("r", i)
				all[role+" "+permission+":"+reach] = p.Decide(authz.Query{Principal: as("x", role), Resource: resource, Action: action, Reach: reach}).Allowed
			}
		}
	}
	return all
}

func TestGrantsAreMonotonous(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	changed := 0
	for range 300 {
		c := randomPolicy(rng)
		before := access(mustPolicy(t, c))
		name := fmt.Sprint("r", rng.IntN(5))
		extra := allGrants[rng.IntN(len(allGrants))]
		r := c.Roles[name]
		if slices.Contains(r.Grants, extra) {
			continue
		}
		c.Roles[name] = authz.Role{Inherits: r.Inherits, Grants: append(slices.Clone(r.Grants), extra)}
		for question, allowed := range access(mustPolicy(t, c)) {
			if before[question] && !allowed {
				t.Fatalf("granting %s to %s takes %s away", extra, name, question)
			}
			if before[question] != allowed {
				changed++
			}
			if allowed && strings.HasSuffix(question, ":all") {
				narrow := strings.TrimSuffix(question, "all")
				if after := access(mustPolicy(t, c)); !after[narrow+"own"] || !after[narrow+"team"] {
					t.Fatalf("%s does not imply the narrower", question)
				}
			}
		}
	}
	if changed == 0 {
		t.Error("no grant ever changed anything: the test proves nothing")
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

func TestExplain(t *testing.T) {
	p := mustPolicy(t, guide())
	for _, test := range []struct {
		name  string
		query authz.Query
		want  []string
	}{
		{"own_grant", authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "own"},
			[]string{"allow document:read:own", "role user grants read:own: objects whose owner is the caller"}},
		{"inherited", authz.Query{Principal: as("a", "moderator"), Resource: "document", Action: "update", Reach: "own"},
			[]string{"allow", "role moderator inherits user grants update:own"}},
		{"everything", authz.Query{Principal: as("a", "admin"), Resource: "document", Action: "delete", Reach: "all"}, []string{"allow", "role admin grants *: every object"}},
		{"narrower", authz.Query{Principal: as("a", "moderator"), Resource: "document", Action: "delete", Reach: "all"},
			[]string{"deny", "nearest: role moderator grants document:delete:own: objects whose owner is the caller, not all"}},
		{"others", authz.Query{Principal: as("a", "user"), Resource: "user", Action: "create", Reach: "all"}, []string{"deny", "roles that do: admin"}},
		{"unknown_role", authz.Query{Principal: as("a", "usr"), Resource: "user", Action: "create", Reach: "all"}, []string{`role "usr" is not in the policy; did you mean user?`}},
		{"no_roles", authz.Query{Principal: as("a"), Resource: "user", Action: "create", Reach: "all"}, []string{"the caller has no roles"}},
		{"typo_action", authz.Query{Principal: as("a", "user"), Resource: "document", Action: "raed", Reach: "all"}, []string{"there is no action raed on document; did you mean read?"}},
		{"typo_resource", authz.Query{Principal: as("a", "user"), Resource: "documint", Action: "read", Reach: "all"}, []string{"there is no resource documint; did you mean document?"}},
		{"typo_reach", authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "onw"}, []string{"there is no reach onw; did you mean own?"}},
		{"nobody", authz.Query{Resource: "document", Action: "read", Reach: "own"}, []string{"deny", "to anonymous"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := p.Explain(test.query)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is missing in:\n%s", want, got)
				}
			}
		})
	}
	lonely := guide()
	lonely.Roles = authz.Roles{"user": {Grants: []string{"document:read:tenant"}}}
	lonely.Reaches = []string{"tenant"}
	p = mustPolicy(t, lonely)
	if got := p.Explain(authz.Query{Principal: as("a", "user"), Resource: "user", Action: "create", Reach: "all"}); !strings.Contains(got, "no role grants it") {
		t.Errorf("Explain = %s", got)
	}
	if got := p.Explain(authz.Query{Principal: as("a", "user"), Resource: "document", Action: "read", Reach: "tenant"}); !strings.Contains(got, "objects within tenant") {
		t.Errorf("Explain = %s", got)
	}
}

func FuzzGrant(f *testing.F) {
	for _, seed := range []string{"*", "read:own", "document:read:own", "document:*:all", "*:*:own", "document:read", "read:*", "::", "a:b:c:d", "document:read:tenant\x00", " *", "\xff:own"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, grant string) {
		c := guide()
		c.Reaches = []string{"tenant"}
		c.Roles = authz.Roles{"user": {Grants: []string{grant}}}
		p, err := authz.NewPolicy(c)
		if err != nil {
			var fault *bulwark.ConfigError
			if !errors.As(err, &fault) {
				t.Fatalf("%q: %v is not a ConfigError", grant, err)
			}
			return
		}
		// What is accepted is made of declared words, and says its reach.
		segments := strings.Split(grant, ":")
		reach := segments[len(segments)-1]
		if grant == "*" {
			reach = "all"
		}
		if !slices.Contains([]string{"own", "all", "tenant"}, reach) {
			t.Fatalf("%q is accepted without a reach", grant)
		}
		granted := 0
		for resource, actions := range c.Resources {
			for _, action := range actions {
				q := authz.Query{Principal: as("x", "user"), Resource: resource, Action: action, Reach: reach}
				if p.Decide(q).Allowed {
					granted++
				}
				if q.Reach = "all"; reach != "all" && p.Decide(q).Allowed {
					t.Fatalf("%q grants all", grant)
				}
			}
		}
		if granted == 0 {
			t.Fatalf("%q is accepted and grants nothing", grant)
		}
	})
}
