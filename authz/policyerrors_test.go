package authz_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// changed is the guide's policy with the reach tenant and a change.
func changed(change func(c *authz.PolicyConfig)) authz.PolicyConfig {
	c := guide()
	c.Reaches = []string{"tenant"}
	change(&c)
	return c
}

// userGrants is the guide's policy, in which user has these grants.
func userGrants(grants ...string) authz.PolicyConfig {
	return changed(func(c *authz.PolicyConfig) { c.Roles["user"] = authz.Role{Grants: grants} })
}

// inheriting is the guide's policy with roles that inherit: "a b c" is a role a
// that inherits b and c.
func inheriting(roles ...string) authz.PolicyConfig {
	return changed(func(c *authz.PolicyConfig) {
		for _, role := range roles {
			names := strings.Fields(role)
			c.Roles[names[0]] = authz.Role{Inherits: names[1:]}
		}
	})
}

// ring is n roles, each of which inherits the next.
func ring(n int) (roles []string) {
	for i := range n {
		roles = append(roles, fmt.Sprintf("r%02d r%02d", i, (i+1)%n))
	}
	return roles
}

func role(name string) authz.PolicyConfig {
	return changed(func(c *authz.PolicyConfig) { c.Roles[name] = authz.Role{Grants: []string{"read"}} })
}

func resource(name string, actions ...string) authz.PolicyConfig {
	return changed(func(c *authz.PolicyConfig) { c.Resources[name] = actions })
}

func customReaches(names ...string) authz.PolicyConfig {
	return changed(func(c *authz.PolicyConfig) { c.Reaches = names })
}

func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprint("n", i))
	}
	return names
}

// mistakes are policies with one mistake each, and some with several.
var mistakes = []struct {
	name   string
	config authz.PolicyConfig
}{
	{"no_resources", changed(func(c *authz.PolicyConfig) { c.Resources, c.Roles = nil, authz.Roles{"admin": {Grants: []string{"*"}}} })},
	{"no_resources_and_a_grant", authz.PolicyConfig{Roles: authz.Roles{"user": {Grants: []string{"document:read:own"}}}}},
	{"no_roles", changed(func(c *authz.PolicyConfig) { c.Roles = nil })},
	{"nothing", authz.PolicyConfig{}},
	{"resource_without_actions", resource("file")},
	{"resource_empty", resource("", "read")},
	{"resource_colon", resource("a:b", "read")},
	{"resource_star", resource("*", "read")},
	{"resource_line", resource("a]: is fine\nauthz.Roles[b", "read")},
	{"resource_long", resource(strings.Repeat("r", 65), "read")},
	{"action_star", resource("file", "re*d")},
	{"action_empty", resource("file", "")},
	{"action_long", resource("file", strings.Repeat("r", 65))},
	{"action_duplicate", resource("file", "read", "read")},
	{"actions_too_many", resource("file", numbered(4097)...)},
	{"reach_all", customReaches("all")},
	{"reach_own", customReaches("own")},
	{"reach_taken", customReaches("issuer", "subject")},
	{"reach_duplicate", customReaches("team", "team")},
	{"reach_empty", customReaches("")},
	{"reach_star", customReaches("*")},
	{"reaches_too_many", customReaches(numbered(25)...)},
	{"role_empty", role("")},
	{"role_star", role("*")},
	{"role_line", role("a\nauthz.Roles[b]: c")},
	{"role_space_at_the_end", role("admin ")},
	{"role_that_turns_the_line", role("\u202enimda")},
	{"role_with_a_hidden_space", role("admin\u200b")},
	{"role_not_in_utf8", role("a\xff")},
	{"role_long", role(strings.Repeat("r", 129))},
	{"roles_too_many", changed(func(c *authz.PolicyConfig) {
		for _, name := range numbered(4097) {
			c.Roles[name] = authz.Role{}
		}
	})},
	{"parent_typo", inheriting("x moderater")},
	{"parent_case", inheriting("x Admin")},
	{"parent_far", inheriting("x z")},
	{"parent_far_from_many", inheriting(append(numbered(12), "x zzzz")...)},
	{"parent_of_two_words", changed(func(c *authz.PolicyConfig) {
		c.Roles["data admin"] = authz.Role{Inherits: []string{"data user", "data\nadmin"}}
	})},
	{"parent_duplicate", inheriting("x user user")},
	{"parent_star", inheriting("x *")},
	{"cycle_of_one", inheriting(ring(1)...)},
	{"cycle_of_two", inheriting(ring(2)...)},
	{"cycle_of_three", inheriting(ring(3)...)},
	{"cycle_of_forty", inheriting(ring(40)...)},
	{"cycle_below", inheriting("a b", "b c d", "c b", "d user")},
	{"two_cycles", inheriting("a b", "b a", "x y", "y x")},
	{"two_cycles_through_one_role", inheriting("a b c", "b a", "c a")},
	{"grant_empty", userGrants("")},
	{"grant_of_one_segment", userGrants("read")},
	{"grant_of_four_segments", userGrants("document:read:own:now")},
	{"grant_of_two_stars", userGrants("**")},
	{"grant_with_spaces", userGrants(" *", "document : read : own")},
	{"grant_of_nothing", userGrants(":", "::")},
	{"grant_of_a_line", userGrants("document:read:own\nadmin:*:all")},
	{"reach_missing", userGrants("document:read")},
	{"reach_missing_with_a_typo", userGrants("documnet:read")},
	{"reach_missing_of_every_action", userGrants("document:*")},
	{"reach_missing_of_every_resource", userGrants("*:read")},
	{"reach_missing_at_the_end", userGrants("document:read:", "read:")},
	{"reach_star_in_a_grant", userGrants("document:read:*", "read:*")},
	{"reach_typo", userGrants("document:read:onw")},
	{"reach_case", userGrants("document:read:OWN")},
	{"reach_of_ours_typo", userGrants("document:read:tennant")},
	{"reach_far", userGrants("document:read:department")},
	{"resource_typo", userGrants("documents:read:own")},
	{"resource_case", userGrants("Document:read:own")},
	{"resource_far", userGrants("invoice:read:own")},
	{"action_typo", userGrants("document:raed:own")},
	{"action_typo_on_every_resource", userGrants("udpate:own")},
	{"action_far", userGrants("document:incinerate:own")},
	{"action_of_another_resource", userGrants("user:delete:own")},
	{"star_in_a_part_of_a_resource", userGrants("doc*:read:own")},
	{"star_in_a_part_of_an_action", userGrants("document:re*:own", "re*:own")},
	{"grant_duplicate", userGrants("document:read:own", "document:read:own")},
	{"grant_duplicate_in_other_words", userGrants("read:own", "*:read:own")},
	{"grant_duplicate_of_everything", userGrants("*", "*:*:all", "*:all")},
	{"everything_at_once", authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "read"}, "a b": {"read"}, "file": nil},
		Reaches:   []string{"own", "te nant"},
		Roles: authz.Roles{
			"a":      {Inherits: []string{"b", "c"}, Grants: []string{"x", "document:red:own"}},
			"b":      {Inherits: []string{"a"}, Grants: []string{"document:read"}},
			"c\x00d": {Grants: []string{"document:read:tenant"}},
		},
	}},
}

// Each mistake has a message that says where it is and what to change. The
// messages stand in a file, to be read.
func TestPolicyErrors(t *testing.T) {
	var b strings.Builder
	for _, test := range mistakes {
		p, err := authz.NewPolicy(test.config)
		if p != nil || err == nil {
			t.Errorf("%s: NewPolicy = %v, %v; want an error", test.name, p, err)
			continue
		}
		writeErrors(t, &b, test.name, "authz.", err)
	}
	matchesGolden(t, "policy_errors.golden", b.String())
}

// writeErrors writes each of joined errors on a line. Each is a ConfigError
// whose path begins with prefix, and has no line of its own.
func writeErrors(t *testing.T, b *strings.Builder, name, prefix string, err error) {
	t.Helper()
	fmt.Fprintf(b, "%s\n", name)
	for _, err := range errorsOf(err) {
		var fault *bulwark.ConfigError
		if !errors.As(err, &fault) || !strings.HasPrefix(fault.Field, prefix) {
			t.Errorf("%s: %v is not a ConfigError of %s", name, err, prefix)
		}
		text := err.Error()
		if strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == '\u202e' || c == '\u200b' || c == '\ufffd' }) {
			t.Errorf("%s: %q is not one line", name, text)
		}
		if len(text) > 1000 {
			t.Errorf("%s: the message has %d bytes", name, len(text))
		}
		fmt.Fprintf(b, "\t%s\n", text)
	}
}

func errorsOf(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.Concat(joined.Unwrap()) // none of them is joined
	}
	return []error{err}
}

// A grant beside a wider grant is not a mistake: the wider grant may be removed
// one day, and the narrower one is to stay.
func TestNarrowerGrantsBesideWiderOnes(t *testing.T) {
	for _, grants := range [][]string{{"*", "document:read:own"}, {"document:read:own", "document:read:all"}, {"read:all", "document:read:all"}, {"document:*:own", "document:read:own"}} {
		if _, err := authz.NewPolicy(userGrants(grants...)); err != nil {
			t.Errorf("%q: %v", grants, err)
		}
	}
}

// Rules that a policy does not fit are refused at registration, with everything
// that is wrong with the route.
func TestRuleErrors(t *testing.T) {
	rules := []struct {
		name string
		rule authz.Rule
	}{
		{"zero", authz.Rule{}},
		{"public_without_a_reason", authz.Public(" ")},
		{"public_with_a_scope", authz.Public("probe").Scopes("a")},
		{"no_role", authz.RequireRole()},
		{"role_typo", authz.RequireRole("admni")},
		{"role_far", authz.RequireRole("operator")},
		{"role_of_two_lines", authz.RequireRole("ad\nmin: every object")},
		{"no_permission", authz.Require()},
		{"permission_typo", authz.Require("document:raed:own")},
		{"permission_without_reach", authz.Require("document:read")},
		{"permission_with_star", authz.Require("document:*:own", "*")},
		{"permission_of_two_lines", authz.Require("document:read:own\nuser:read:all")},
		{"reach_typo", authz.Require("document:read:tenent")},
		{"parts", authz.All()},
		{"public_inside", authz.Any(authz.Public("probe"), authz.RequireRole("admin"))},
		{"scope_with_space", authz.Authenticated().Scopes("a b")},
		{"step_up", authz.Authenticated().StepUp("", 0)},
		{"step_up_twice", authz.Authenticated().StepUp("urn:mfa", 0).StepUp("", time.Minute)},
		{"step_up_unprintable", authz.Authenticated().StepUp("urn:mfa urn:\x00\u202epwd", 0)},
		{"step_up_long", authz.Authenticated().StepUp(strings.Repeat("x", 257), 0)},
		{"too_many_rules", authz.Any(slices.Repeat([]authz.Rule{authz.RequireRole("user")}, 1001)...)},
		{"too_many_rules_inside", authz.All(authz.Any(slices.Repeat([]authz.Rule{authz.RequireRole("user")}, 1000)...))},
		{"too_deep", nested(33)},
		{"doubled", doubled(40)},
		{"everything_at_once", authz.All(authz.RequireRole("admni").Scopes(), authz.Require("x", "user:read:al"), authz.Rule{})},
	}
	policy := mustPolicy(t, userGrants("read:own"))
	var b strings.Builder
	for _, test := range rules {
		layer, err := authz.New(authz.Config{Policy: policy, Rule: test.rule})
		if layer != nil || err == nil {
			t.Errorf("%s: New = %v, %v; want an error", test.name, layer, err)
			continue
		}
		writeErrors(t, &b, test.name, "authz.Rule", err)
		if got := refusalOf(func() { authz.NewMux(policy).Handle("GET /x", test.rule, ok()) }); len(errorsOf(got)) != len(errorsOf(err)) {
			t.Errorf("%s: on a Mux %v", test.name, got)
		}
	}
	for _, test := range []struct {
		name   string
		access authz.Access[*document]
	}{
		{"object_zero", authz.Access[*document]{}},
		{"object_resource_typo", authz.Resource[*document]{Name: "documnet", Owner: documents().Owner, Load: load}.Can("read")},
		{"object_action_typo", documents().Can("raed")},
		{"object_action_star", documents().Can("*")},
		{"object_of_two_lines", authz.Resource[*document]{Name: "document\nx", Owner: documents().Owner, Load: load}.Can("re\u202ead")},
		{"object_long", authz.Resource[*document]{Name: strings.Repeat("x", 1<<20), Owner: documents().Owner, Load: load}.Can(strings.Repeat("y", 1<<20))},
		{"object_reaches_of_two_lines", unreached()},
		{"object_without_functions", authz.Resource[*document]{Name: "document"}.Can("read")},
	} {
		err := refusalOf(func() {
			authz.HandleObject(authz.NewMux(policy), "GET /documents/{id}", test.access, func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
		})
		if err == nil {
			t.Errorf("%s: is accepted", test.name)
			continue
		}
		writeErrors(t, &b, test.name, "authz.Mux(GET /documents/{id})", err)
	}
	matchesGolden(t, "rule_errors.golden", b.String())
}

// nested is a rule that is so deep in others.
func nested(depth int) authz.Rule {
	rule := authz.RequireRole("user")
	for range depth {
		rule = authz.All(rule)
	}
	return rule
}

// doubled is a rule that holds a rule twice, which does the same, and so on.
func doubled(depth int) authz.Rule {
	rule := authz.RequireRole("user")
	for range depth {
		rule = authz.Any(rule, rule)
	}
	return rule
}

// unreached is an access whose reaches have names that look like other lines.
func unreached() authz.Access[*document] {
	res := documents()
	res.Reaches = map[string]func(*bulwark.Principal, *document) bool{"ten\nant": func(*bulwark.Principal, *document) bool { return true }}
	res.Engines, res.ID = map[string]authz.Engine{"sha\u202ered": nil}, func(d *document) string { return d.ID }
	return res.Can("read")
}

// A rule at the bounds is served as any other.
func TestRulesAtTheirBounds(t *testing.T) {
	policy := mustPolicy(t, guide())
	for name, rule := range map[string]authz.Rule{
		"many": authz.Any(slices.Repeat([]authz.Rule{authz.RequireRole("user")}, 1000)...), "deep": nested(32), "doubled": doubled(8),
		"acr": authz.RequireRole("user").StepUp("x"+strings.Repeat("y", 255), 0),
	} {
		mux := authz.NewMux(policy)
		mux.Handle("GET /x", rule, ok())
		unauthenticated.check(t, mux, request("GET", "/x", nil))
		alice := as("alice", "user")
		alice.ACR = "x" + strings.Repeat("y", 255)
		if w := get(mux, "/x", alice); w.Code != 200 {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// refusalOf returns the error that a registration panics with.
func refusalOf(register func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	register()
	return nil
}

// A policy that the routes do not fit is refused as a whole, and nothing
// changes.
func TestReplaceErrors(t *testing.T) {
	policy := mustPolicy(t, guide())
	mux := authz.NewMux(policy)
	mux.Handle("GET /users", authz.RequireRole("moderator"), ok())
	mux.Handle("POST /users", authz.Require("user:create:all"), ok())
	authz.HandleObject(mux, "GET /documents/{id}", documents().Can("read"), func(http.ResponseWriter, *http.Request, authz.Granted[*document]) {})
	var b strings.Builder
	for _, test := range []struct {
		name   string
		policy *authz.Policy
		change func(c *authz.PolicyConfig)
	}{
		{"role_of_a_route_removed", policy, func(c *authz.PolicyConfig) { delete(c.Roles, "moderator") }},
		{"action_of_two_routes_removed", policy, func(c *authz.PolicyConfig) {
			c.Resources = map[string][]string{"document": {"create", "update", "delete"}, "user": {"read"}}
			c.Roles["user"] = authz.Role{Grants: []string{"update:own"}}
			c.Roles["moderator"] = authz.Role{}
		}},
		{"resource_renamed", policy, func(c *authz.PolicyConfig) {
			c.Resources["documents"] = c.Resources["document"]
			delete(c.Resources, "document")
			c.Roles = authz.Roles{"moderator": {Grants: []string{"read:all"}}}
		}},
		{"wrong_by_itself", policy, func(c *authz.PolicyConfig) { c.Roles["user"] = authz.Role{Grants: []string{"read"}} }},
		{"reach_without_a_predicate", policy, func(c *authz.PolicyConfig) {
			c.Reaches = []string{"tenant"}
			c.Roles["user"] = authz.Role{Grants: []string{"document:read:tenant"}}
		}},
		{"zero_policy", new(authz.Policy), func(*authz.PolicyConfig) {}},
		{"nil_policy", nil, func(*authz.PolicyConfig) {}},
	} {
		c := guide()
		test.change(&c)
		before := answers(policy, mux)
		err := test.policy.Replace(c)
		if err == nil {
			t.Errorf("%s: is accepted", test.name)
			continue
		}
		writeErrors(t, &b, test.name, "authz.", err)
		if after := answers(policy, mux); after != before {
			t.Errorf("%s: a Replace that failed changed\n%sto\n%s", test.name, before, after)
		}
	}
	matchesGolden(t, "replace_errors.golden", b.String())
}

// answers are all decisions of the guide's policy and the answers of the routes.
func answers(p *authz.Policy, mux *authz.Mux) string {
	var b strings.Builder
	for _, role := range []string{"user", "moderator", "admin", "x"} {
		for _, action := range guide().Resources["document"] {
			for _, reach := range []string{"own", "all", "tenant"} {
				q := authz.Query{Principal: as("alice", role), Resource: "document", Action: action, Reach: reach}
				fmt.Fprintf(&b, "%+v %s", p.Decide(q), p.Explain(q))
			}
		}
		for _, path := range []string{"/users", "/documents/1", "/documents/2"} {
			fmt.Fprintln(&b, role, path, get(mux, path, as("alice", role)).Code)
		}
	}
	return b.String()
}
