package authz_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// rich is a policy with every kind of grant and of inheritance.
func rich() authz.PolicyConfig {
	return authz.PolicyConfig{
		Resources: map[string][]string{"document": {"create", "read", "update", "delete"}, "user": {"create", "read"}, "log": {"read"}},
		Reaches:   []string{"tenant"},
		Roles: authz.Roles{
			"user":       {Grants: []string{"document:create:own", "read:own", "document:update:own"}},
			"colleague":  {Grants: []string{"document:read:tenant"}},
			"left":       {Inherits: []string{"user"}},
			"right":      {Inherits: []string{"user", "colleague"}},
			"top":        {Inherits: []string{"left", "right"}},
			"moderator":  {Inherits: []string{"user"}, Grants: []string{"document:read:all", "document:delete:own"}},
			"reader":     {Grants: []string{"*:read:all"}},
			"editor":     {Grants: []string{"document:*:own"}},
			"admin":      {Grants: []string{"*"}},
			"data admin": {Inherits: []string{"moderator"}, Grants: []string{"user:create:all"}},
			"nothing":    {},
		},
	}
}

// The explanations stand in a file, to be read.
func TestExplain(t *testing.T) {
	policy := mustPolicy(t, rich())
	who := func(issuer, subject string, roles ...string) *bulwark.Principal {
		return &bulwark.Principal{Issuer: issuer, Subject: subject, Roles: roles}
	}
	var b strings.Builder
	for _, test := range []struct {
		name                    string
		caller                  *bulwark.Principal
		resource, action, reach string
	}{
		{"allow_direct", as("alice", "user"), "document", "create", "own"},
		{"allow_inherited", as("alice", "moderator"), "document", "update", "own"},
		{"allow_both_direct_and_inherited", as("alice", "moderator"), "document", "read", "own"},
		{"allow_diamond", as("alice", "top"), "document", "update", "own"},
		{"allow_every_action", as("alice", "editor"), "document", "delete", "own"},
		{"allow_every_resource", as("alice", "reader"), "log", "read", "all"},
		{"allow_everything", as("root", "admin"), "user", "create", "all"},
		{"allow_everything_within_a_reach", as("root", "admin"), "document", "read", "tenant"},
		{"allow_reach_of_ours", as("alice", "colleague"), "document", "read", "tenant"},
		{"allow_by_two_roles", as("alice", "user", "reader"), "document", "read", "own"},
		{"allow_by_a_role_named_twice", as("alice", "user", "user"), "document", "read", "own"},
		{"allow_beside_an_unknown_role", as("alice", "usr", "user"), "document", "read", "own"},
		{"allow_role_of_two_words", as("alice", "data admin"), "document", "delete", "own"},
		{"deny_narrower_direct", as("alice", "user"), "document", "read", "all"},
		{"deny_narrower_inherited", as("alice", "moderator"), "document", "update", "all"},
		{"deny_narrower_diamond", as("alice", "top"), "document", "update", "all"},
		{"deny_narrower_wildcard", as("alice", "editor"), "document", "delete", "all"},
		{"deny_own_for_a_reach_of_ours", as("alice", "user"), "document", "read", "tenant"},
		{"deny_a_reach_of_ours_for_own", as("alice", "colleague"), "document", "read", "own"},
		{"deny_other_roles_do", as("alice", "user"), "document", "delete", "own"},
		{"deny_narrower_every_resource", as("alice", "user"), "log", "read", "tenant"},
		{"deny_role_without_grants", as("alice", "nothing"), "user", "create", "all"},
		{"deny_no_roles", as("alice"), "user", "create", "all"},
		{"deny_unknown_role", as("alice", "usr"), "user", "create", "all"},
		{"deny_unknown_role_far", as("alice", "operations"), "user", "create", "all"},
		{"deny_role_in_another_case", as("alice", "Admin"), "user", "create", "all"},
		{"deny_role_that_looks_like_another", as("alice", "\u0430dmin"), "user", "create", "all"},
		{"deny_role_star", as("alice", "*"), "user", "create", "all"},
		{"deny_anonymous", nil, "document", "read", "own"},
		{"deny_without_issuer", who("", "root", "admin"), "document", "read", "own"},
		{"deny_without_subject", who(accounts, "", "admin"), "document", "read", "own"},
		{"deny_unknown_resource", as("root", "admin"), "documint", "read", "own"},
		{"deny_unknown_resource_far", as("root", "admin"), "invoice", "read", "own"},
		{"deny_unknown_action", as("root", "admin"), "document", "raed", "own"},
		{"deny_action_of_another_resource", as("root", "admin"), "log", "delete", "own"},
		{"deny_unknown_reach", as("root", "admin"), "document", "read", "tennant"},
		{"deny_without_reach", as("root", "admin"), "document", "read", ""},
		{"deny_star_reach", as("root", "admin"), "document", "read", "*"},
		{"deny_empty_query", as("root", "admin"), "", "", ""},
		{"deny_anonymous_unknown", nil, "", "", ""},
	} {
		q := authz.Query{Principal: test.caller, Resource: test.resource, Action: test.action, Reach: test.reach}
		text := policy.Explain(q)
		verdict, _, _ := strings.Cut(test.name, "_")
		if !strings.HasPrefix(text, verdict+" ") || policy.Decide(q).Allowed != (verdict == "allow") {
			t.Errorf("%s: %s", test.name, text)
		}
		mustBeTrue(t, policy, rich(), q, text)
		fmt.Fprintf(&b, "# %s\n%s", test.name, text)
	}
	fmt.Fprintf(&b, "# deny_zero_policy\n%s", new(authz.Policy).Explain(authz.Query{}))
	fmt.Fprintf(&b, "# deny_no_policy_that_grants\n%s", mustPolicy(t, authz.PolicyConfig{Resources: map[string][]string{"log": {"read"}},
		Roles: authz.Roles{"user": {}}}).Explain(authz.Query{Principal: as("alice", "user"), Resource: "log", Action: "read", Reach: "all"}))
	matchesGolden(t, "explain.golden", b.String())
}

// The sentences of an explanation, and nothing else. A name is plain or quoted.
const (
	quotedName = `("(?:[^"\\]|\\.)*"(?:\(of \d+ bytes\))?)`
	anyName    = `([A-Za-z0-9_.-]+|\*|"(?:[^"\\]|\\[^\n])*"(?:\(of \d+ bytes\))?)`
	anyGrant   = `((?:` + anyName + `:){1,2}` + anyName + `|\*)`
	aChain     = `(` + anyName + `(?: inherits (?:` + anyName + `|\(\d+ more\)))*)`
	aList      = anyName + `(?:, ` + anyName + `)*(?: and \d+ more)?`
	aReach     = `(every object|objects whose owner is the caller|objects within ` + anyName + `)`
	aHint      = `(?:; did you mean ` + anyName + `\?|; there are: ` + aList + `|; none is declared)`
)

var (
	sentenceVerdict = regexp.MustCompile(`^(allow|deny) ` + anyName + `:` + anyName + `:` + anyName + ` to (?:(anonymous)(?:: [a-zA-Z ;,]+)?|` + quotedName + ` of ` + quotedName + `)$`)
	nextInChain     = regexp.MustCompile(`^(?: inherits )?(` + anyName + `|\(\d+ more\))`)
	sentenceGrant   = regexp.MustCompile(`^  (nearest: )?role ` + aChain + ` grants ` + anyGrant + `: ` + aReach + `(?:, not ` + anyName + `)?$`)
	sentenceOther   = regexp.MustCompile(`^  (?:an anonymous caller has no grants|the caller has no roles|no role grants it|and more` +
		`|there is no (?:resource|reach) ` + anyName + aHint + `|there is no action ` + anyName + ` on ` + anyName + aHint +
		`|role ` + anyName + ` is not in the policy` + aHint +
		`|nothing of the caller's grants ` + anyName + `:` + anyName + `; roles that do: ` + aList + `)$`)
)

// mustBeTrue reads an explanation by its sentences and holds each sentence
// against the policy.
func mustBeTrue(t *testing.T, policy *authz.Policy, c authz.PolicyConfig, q authz.Query, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	head := sentenceVerdict.FindStringSubmatch(lines[0])
	if head == nil {
		t.Fatalf("%q is not a verdict", lines[0])
	}
	d := policy.Decide(q)
	if (head[1] == "allow") != d.Allowed || unquoted(head[2]) != clipped(q.Resource) || unquoted(head[3]) != clipped(q.Action) || unquoted(head[4]) != clipped(q.Reach) {
		t.Fatalf("%q is not the verdict %+v of %+v", lines[0], d, q)
	}
	if d.Reason == "anonymous" != (head[5] == "anonymous") || d.Reason != "anonymous" && (unquoted(head[6]) != clipped(q.Principal.Subject) || unquoted(head[7]) != clipped(q.Principal.Issuer)) {
		t.Fatalf("%q is not about %+v", lines[0], q.Principal)
	}
	shown := map[string]bool{}
	for _, line := range lines[1:] {
		for _, c := range line {
			if c < ' ' || c > '~' {
				t.Fatalf("%q has the character %q", line, c)
			}
		}
		if grant := sentenceGrant.FindStringSubmatch(line); grant != nil {
			path := rolesOf(grant[2])
			if first := unquoted(path[0]); !slices.Contains(q.Principal.Roles, first) {
				t.Fatalf("%q: the caller does not have the role %q", line, first)
			}
			last := c.Roles[unquoted(path[len(path)-1])]
			text := unquotedGrant(grant[5])
			if !slices.Contains(last.Grants, text) {
				t.Fatalf("%q: the role does not have the grant %q", line, text)
			}
			for i := range len(path) - 1 {
				if strings.HasPrefix(path[i], "(") || strings.HasPrefix(path[i+1], "(") {
					continue
				}
				if !slices.Contains(c.Roles[unquoted(path[i])].Inherits, unquoted(path[i+1])) {
					t.Fatalf("%q: %s does not inherit %s", line, path[i], path[i+1])
				}
			}
			if (grant[1] == "") != d.Allowed {
				t.Fatalf("%q beside the verdict %v", line, d.Allowed)
			}
			shown[text] = true
			continue
		}
		if !sentenceOther.MatchString(line) {
			t.Fatalf("%q is not a sentence of an explanation", line)
		}
	}
	for _, grant := range d.Grants {
		if !shown[grant] && len(lines) < 24 {
			t.Fatalf("the grant %s decides and is not explained:\n%s", grant, text)
		}
	}
}

// rolesOf takes a chain apart. A name may hold the word that joins the names.
func rolesOf(chain string) (names []string) {
	for chain != "" {
		next := nextInChain.FindStringSubmatch(chain)
		if next == nil {
			return []string{chain} // which is no role
		}
		names, chain = append(names, next[1]), chain[len(next[0]):]
	}
	return names
}

// unquoted reads a name back. A name that was cut has its length behind it.
func unquoted(name string) string {
	quoted, length, cut := strings.Cut(name, `"(of `)
	if cut {
		text, _ := strconv.Unquote(quoted + `"`)
		return text + "(of " + length
	}
	if strings.HasPrefix(name, `"`) {
		name, _ = strconv.Unquote(name)
	}
	return name
}

func clipped(name string) string {
	if len(name) > 128 {
		return name[:64] + fmt.Sprintf("(of %d bytes)", len(name))
	}
	return name
}

// unquotedGrant reads a grant back. No declared name has a colon.
func unquotedGrant(grant string) string {
	parts := strings.Split(grant, ":")
	for i := range parts {
		parts[i] = unquoted(parts[i])
	}
	return strings.Join(parts, ":")
}

// evil are names that try to be more than a name.
var evil = []string{
	"admin grants *: every object", "x\nallow document:read:all to \"root\" of \"us\"", "x\n  role admin grants *: every object", "a\r\nb",
	`" of "` + accounts + `"`, `user" inherits "admin`, `\`, `\"`, `"`, "admin, root", "a -> b", "\u2192admin", "user inherits admin", "x (3 more)", "(3 more)",
	"\x1b[2K\x1b[1A\x1b[32mallow", "\u202eadmin\u202c", "\u2066x\u2069", "\u200badmin", "x\u2028allow", "\u0430dmin", "ad\u0301min", "\u05d0\u05d1", "\xff\xfe", "\x00",
	"*", "", " ", "; did you mean admin?", "*: every object", "nearest: role", strings.Repeat("x", 127), strings.Repeat("\u00e9", 64), strings.Repeat("\n", 300),
}

// No name of a role, a caller or a query makes an explanation say what is not
// true.
func TestExplainCannotBeForged(t *testing.T) {
	explained := 0
	for _, name := range evil {
		c := rich()
		c.Roles[name] = authz.Role{Inherits: []string{"user", "data admin"}, Grants: []string{"log:read:own"}}
		c.Roles["under"] = authz.Role{Inherits: []string{name}}
		policy, err := authz.NewPolicy(c)
		if err != nil { // the name is refused, and stays an unknown one
			c = rich()
			policy = mustPolicy(t, c)
		}
		for _, q := range []authz.Query{
			{Principal: as("alice", name), Resource: "document", Action: "read", Reach: "own"},
			{Principal: as("alice", name), Resource: "document", Action: "delete", Reach: "all"},
			{Principal: as("alice", "under", "user"), Resource: "log", Action: "read", Reach: "own"},
			{Principal: as("alice", "under", "user"), Resource: "log", Action: "read", Reach: "tenant"},
			{Principal: as("alice", "nothing", name), Resource: "user", Action: "create", Reach: "own"},
			{Principal: as("alice", "nothing"), Resource: "log", Action: "read", Reach: "own"},
			{Principal: &bulwark.Principal{Issuer: name, Subject: "alice", Roles: []string{"user"}}, Resource: "document", Action: "read", Reach: "own"},
			{Principal: &bulwark.Principal{Issuer: accounts, Subject: name, Roles: []string{"user"}}, Resource: "document", Action: "read", Reach: "own"},
			{Principal: as("alice", "user"), Resource: name, Action: "read", Reach: "own"},
			{Principal: as("alice", "user"), Resource: "document", Action: name, Reach: "own"},
			{Principal: as("alice", "user"), Resource: "document", Action: "read", Reach: name},
			{Resource: name, Action: name, Reach: name},
		} {
			mustBeTrue(t, policy, c, q, policy.Explain(q))
			explained++
		}
	}
	if explained != 12*len(evil) {
		t.Error(explained)
	}
}

// Names that a policy may declare can be of other scripts. They are shown in
// ASCII.
func TestExplainQuotesOtherScripts(t *testing.T) {
	c := authz.PolicyConfig{
		Resources: map[string][]string{"\u05d0\u05d1": {"\u0440ead"}}, Reaches: []string{"\u00e9quipe"},
		Roles: authz.Roles{"us\u00e9r": {Grants: []string{"\u05d0\u05d1:\u0440ead:\u00e9quipe"}}},
	}
	policy := mustPolicy(t, c)
	q := authz.Query{Principal: as("alice", "us\u00e9r"), Resource: "\u05d0\u05d1", Action: "\u0440ead", Reach: "\u00e9quipe"}
	want := `allow "\u05d0\u05d1":"\u0440ead":"\u00e9quipe" to "alice" of "https://accounts.example"` + "\n" +
		`  role "us\u00e9r" grants "\u05d0\u05d1":"\u0440ead":"\u00e9quipe": objects within "\u00e9quipe"` + "\n"
	if got := policy.Explain(q); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	q.Reach = "all"
	mustBeTrue(t, policy, c, q, policy.Explain(q))
}

// An explanation stays short, however many roles a caller has, however many
// ways there are to a grant, and however long the names are.
func TestExplainIsBounded(t *testing.T) {
	wide := strings.Repeat("\u00e9", 64) // 128 bytes, and 384 when quoted
	name := func(i int) string { return fmt.Sprintf("%s%04d", wide[:124], i) }
	c := authz.PolicyConfig{Resources: map[string][]string{wide[:64]: {"read"}}, Reaches: []string{wide[:62]}, Roles: authz.Roles{}}
	grant := wide[:64] + ":read:" + wide[:62]
	for i := range 1000 { // a chain
		r := authz.Role{Grants: []string{grant}}
		if i > 0 {
			r.Inherits = []string{name(i - 1)}
		}
		c.Roles[name(i)] = r
	}
	c.Roles["diamond00"] = authz.Role{Grants: []string{"*"}}
	for i := 1; i <= 20; i++ { // 2^20 ways from diamond20 to diamond00
		l, r, below := fmt.Sprintf("l%02d", i), fmt.Sprintf("r%02d", i), fmt.Sprintf("diamond%02d", i-1)
		c.Roles[l], c.Roles[r] = authz.Role{Inherits: []string{below}}, authz.Role{Inherits: []string{below}}
		c.Roles[fmt.Sprintf("diamond%02d", i)] = authz.Role{Inherits: []string{l, r}}
	}
	policy := mustPolicy(t, c)
	many, all := make([]string, 100_000), make([]string, 0, 1000)
	for i := range many {
		many[i] = fmt.Sprint(strings.Repeat("\x00", 1000), i)
	}
	for i := range 1000 {
		all = append(all, name(999-i))
	}
	long := strings.Repeat("\xff", 1<<20)
	for _, test := range []struct {
		name  string
		query authz.Query
		lines int
	}{
		{"many_unknown_roles", authz.Query{Principal: as(long, many...), Resource: wide[:64], Action: "read", Reach: "all"}, 24},
		{"every_role_granted", authz.Query{Principal: as(long, all...), Resource: wide[:64], Action: "read", Reach: wide[:62]}, 24},
		{"every_role_nearest", authz.Query{Principal: as(long, all...), Resource: wide[:64], Action: "read", Reach: "own"}, 24},
		{"one_role_many_times", authz.Query{Principal: as("a", slices.Repeat([]string{"diamond20"}, 100_000)...), Resource: wide[:64], Action: "read", Reach: "own"}, 2},
		{"long_parts", authz.Query{Principal: as(long, "l01"), Resource: long, Action: long, Reach: long}, 2},
		{"roles_that_do", authz.Query{Principal: as("a"), Resource: wide[:64], Action: "read", Reach: wide[:62]}, 3},
	} {
		got := policy.Explain(test.query)
		if lines := strings.Count(got, "\n"); lines != test.lines || len(got) > 100<<10 {
			t.Errorf("%s: %d lines, want %d; %d bytes", test.name, lines, test.lines, len(got))
		}
		mustBeTrue(t, policy, c, test.query, got)
		if n := testing.AllocsPerRun(1, func() { policy.Explain(test.query) }); n > 5000 {
			t.Errorf("%s: %v allocations, so that the search goes on after the last line", test.name, n)
		}
	}
}

// FuzzExplain explains a query in which everything may be hostile, and reads
// the explanation back.
func FuzzExplain(f *testing.F) {
	for i, name := range evil {
		f.Add(name, evil[(i+1)%len(evil)], evil[(i+2)%len(evil)], "document", "read", "own")
		f.Add("user", "alice", name, name, "read", evil[(i+3)%len(evil)])
	}
	policies := map[bool]*authz.Policy{}
	config := rich()
	policies[false] = mustPolicy(f, config)
	f.Fuzz(func(t *testing.T, role, subject, issuer, resource, action, reach string) {
		caller := &bulwark.Principal{Issuer: issuer, Subject: subject, Roles: []string{role, "moderator"}}
		q := authz.Query{Principal: caller, Resource: resource, Action: action, Reach: reach}
		mustBeTrue(t, policies[false], config, q, policies[false].Explain(q))
		c := authz.PolicyConfig{Resources: map[string][]string{resource: {action, "read"}}, Reaches: []string{reach},
			Roles: authz.Roles{role: {Grants: []string{resource + ":" + action + ":" + reach}}, "moderator": {Inherits: []string{role}}}}
		policy, err := authz.NewPolicy(c)
		if err != nil {
			return
		}
		mustBeTrue(t, policy, c, q, policy.Explain(q))
		q.Reach = "all"
		mustBeTrue(t, policy, c, q, policy.Explain(q))
	})
}
