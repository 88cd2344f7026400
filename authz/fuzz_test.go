package authz_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/authz"
)

// ambiguous is a policy whose resources, actions and reaches have the same
// names, as far as that is allowed.
func ambiguous() authz.PolicyConfig {
	return authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "write"}, "read": {"own", "tenant"}, "own": {"read", "all"}},
		Reaches:   []string{"tenant", "read"},
	}
}

// grammar is the grammar of permissions: an expression for each of the forms,
// made from the declared words.
func grammar(c authz.PolicyConfig) []*regexp.Regexp {
	reach := "(?:own|all|" + strings.Join(c.Reaches, "|") + ")"
	forms := []*regexp.Regexp{regexp.MustCompile(`\A\*\z`)}
	var every []string
	for resource, actions := range c.Resources {
		every = append(every, actions...)
		forms = append(forms, regexp.MustCompile(`\A`+regexp.QuoteMeta(resource)+`:(?:\*|`+strings.Join(actions, "|")+`):`+reach+`\z`))
	}
	return append(forms, regexp.MustCompile(`\A(?:\*:)?(?:\*|`+strings.Join(every, "|")+`):`+reach+`\z`))
}

// FuzzGrant holds NewPolicy against the grammar, and what a grant gives against
// the naive evaluator.
func FuzzGrant(f *testing.F) {
	for _, seed := range []string{"*", "read:own", "document:read:own", "document:*:all", "*:*:own", "document:read", "read:*", "::", "a:b:c:d", "document:read:tenant\x00",
		" *", "\xff:own", "own:own", "own:read:all", "read:read", "read:read:read", "read:tenant:read", "*:own", "*:tenant:read", "**:read:own", "document:read:own\n"} {
		f.Add(seed)
	}
	forms := grammar(ambiguous())
	f.Fuzz(func(t *testing.T, grant string) {
		c := ambiguous()
		c.Roles = authz.Roles{"user": {Grants: []string{grant}}}
		p, err := authz.NewPolicy(c)
		valid := slices.ContainsFunc(forms, func(form *regexp.Regexp) bool { return form.MatchString(grant) })
		if valid != (err == nil) {
			t.Fatalf("%q: valid is %v by the grammar, and NewPolicy says %v", grant, valid, err)
		}
		if err != nil {
			writeErrors(t, new(strings.Builder), "grant", "authz.Roles[user].Grants[0]", err)
			return
		}
		granted := 0
		for resource, actions := range c.Resources {
			for _, action := range actions {
				for _, reach := range append(c.Reaches, "own", "all") {
					q := authz.Query{Principal: as("x", "user"), Resource: resource, Action: action, Reach: reach}
					got, want := p.Decide(q), naive{c}.decide(q)
					if !sameDecision(got, want) {
						t.Fatalf("%q: %+v, naively %+v", grant, got, want)
					}
					if got.Allowed {
						granted++
					}
				}
			}
		}
		if granted == 0 {
			t.Fatalf("%q is accepted and grants nothing", grant)
		}
	})
}

// FuzzRoleName declares a role with any name and inherits from it. A name that
// is accepted prints, and the role does what it is granted.
func FuzzRoleName(f *testing.F) {
	for _, name := range append(slices.Clone(evil), "user", "data admin", "us\u00e9r", " user", "user ", "\u3000x", "e\u0301", strings.Repeat("\u00e9", 65)) {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c := guide()
		c.Roles = authz.Roles{name: {Grants: []string{"document:read:own"}}, "below": {Inherits: []string{name}}}
		if name == "below" {
			return
		}
		p, err := authz.NewPolicy(c)
		valid := name != "" && name != "*" && len(name) <= 128 && utf8.ValidString(name) && strings.TrimSpace(name) == name && !strings.ContainsRune(name, unicode.ReplacementChar)
		for _, c := range name {
			valid = valid && (c == ' ' || unicode.In(c, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S))
		}
		if valid != (err == nil) {
			t.Fatalf("%q: valid is %v, and NewPolicy says %v", name, valid, err)
		}
		if err != nil {
			writeErrors(t, new(strings.Builder), "role", "authz.Roles[", err)
			return
		}
		for _, role := range []string{name, "below"} {
			q := authz.Query{Principal: as("x", role), Resource: "document", Action: "read", Reach: "own"}
			if d := p.Decide(q); !d.Allowed || d.Role != role {
				t.Fatalf("%q as %q: %+v", name, role, d)
			}
			mustBeTrue(t, p, c, q, p.Explain(q))
			if q.Reach = "all"; p.Decide(q).Allowed {
				t.Fatalf("%q as %q may read everything", name, role)
			}
			mustBeTrue(t, p, c, q, p.Explain(q))
		}
	})
}
