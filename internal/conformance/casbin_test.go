package conformance_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/casbin/casbin/v2"
)

// notExpressed are the tests of model_test.go that have no PolicyConfig, and
// why.
var notExpressed = map[string]string{
	"TestRBACModelWithDeny":                  "A policy has no deny rules. A grant only adds, so that no order and no priority has to be known.",
	"TestRBACModelWithOnlyDeny":              "A policy has no deny rules, and what no role grants is denied.",
	"TestRBACModelWithPattern":               "Names are declared, and are not patterns. Patterns of paths belong to the routes.",
	"TestRBACModelWithDifferentTypesOfRoles": "A role of a caller has no time in the policy. The authenticator says which roles a caller has now.",
	"TestRBACModelWithCustomRoleManager":     "The links between roles come from code, and not from the policy.",
	"TestKeyMatchModel":                      "Names are declared, and are not patterns. Patterns of paths belong to the routes.",
	"TestKeyMatch2Model":                     "Names are declared, and are not patterns. Patterns of paths belong to the routes.",
	"TestKeyMatchCustomModel":                "Names are declared, and are not patterns. Patterns of paths belong to the routes.",
	"TestIPMatchModel":                       "A network is not a subject of a policy.",
	"TestGlobMatchModel":                     "Names are declared, and are not patterns. Patterns of paths belong to the routes.",
	"TestPriorityModel":                      "A policy has no deny rules and therefore no priorities.",
	"TestPriorityModelIndeterminate":         "A policy has no deny rules and therefore no priorities.",
	"TestDomainMatchModel":                   "Domains are not patterns.",
	"TestAllMatchModel":                      "Names and domains are not patterns.",
	"TestTemporalRolesModel":                 "A role of a caller has no time in the policy. The authenticator says which roles a caller has now.",
	"TestTemporalRolesModelWithDomain":       "A role of a caller has no time in the policy. The authenticator says which roles a caller has now.",
	"TestReBACModel":                         "Relationships to single objects belong to Resource.Owner, Resource.Reaches or an Engine.",
}

// A shape is the form of the requests of a model.
type shape struct {
	subject, domain, object bool
	root                    bool // may do everything
}

func shapeOf(t testing.TB, model string) shape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(casbinDir(t), model))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, words, _ := strings.Cut(line, "=")
		if strings.TrimSpace(name) == "r" {
			return shape{strings.Contains(words, "sub"), strings.Contains(words, "dom"), strings.Contains(words, "obj"), strings.Contains(string(text), `r.sub == "root"`)}
		}
	}
	t.Fatalf("%s has no request", model)
	return shape{}
}

// A question is a request in our words.
type question struct{ role, resource, action string }

// everybody and everything stand for what a model leaves out.
const everybody, everything = "everybody", "everything"

// question reads a request, or a rule, of the shape. A domain becomes a part of
// the role: the caller has the roles that it has in the domain of the request.
func (s shape) question(words []string) question {
	q := question{everybody, everything, words[len(words)-1]}
	if s.subject {
		q.role = words[0]
	}
	if s.domain {
		q.role += "@" + words[1]
	}
	if s.object {
		q.resource = words[len(words)-2]
	}
	return q
}

// config says in our model what the rules say. The questions declare words that
// no rule has.
func (s shape) config(r rules, questions []question) authz.PolicyConfig {
	c := authz.PolicyConfig{Resources: map[string][]string{}, Roles: authz.Roles{everybody: {}}}
	declare := func(q question) {
		if !slices.Contains(c.Resources[q.resource], q.action) {
			c.Resources[q.resource] = append(c.Resources[q.resource], q.action)
		}
		c.Roles[q.role] = c.Roles[q.role]
	}
	grant := func(role, text string) {
		if was := c.Roles[role]; !slices.Contains(was.Grants, text) {
			was.Grants = append(was.Grants, text)
			c.Roles[role] = was
		}
	}
	for _, q := range questions {
		declare(q)
	}
	for _, line := range r["p"] {
		q := s.question(line)
		for _, resource := range r.members(q.resource) {
			declare(question{q.role, resource, q.action})
			grant(q.role, resource+":"+q.action+":all")
		}
	}
	for _, line := range r["g"] {
		role, parent := line[0], line[1]
		if s.domain {
			role, parent = role+"@"+line[2], parent+"@"+line[2]
		}
		was := c.Roles[role]
		was.Inherits = append(was.Inherits, parent)
		c.Roles[role], c.Roles[parent] = was, c.Roles[parent]
	}
	if s.root {
		grant("root", "*")
	}
	return c
}

// members returns the resources of a group of resources, and the group itself.
func (r rules) members(group string) []string {
	all := []string{group}
	for _, line := range r["g2"] {
		if line[1] == group {
			all = append(all, r.members(line[0])...)
		}
	}
	return all
}

// run holds every assertion of a test against a Policy and against Casbin.
func (c *casbinTest) run(t *testing.T) {
	form, r := shapeOf(t, c.model), readRules(t, c.policy)
	var questions []question
	for _, s := range c.steps {
		if strings.HasPrefix(s.call, "test") {
			questions = append(questions, form.question(texts(s.args[:len(s.args)-1])))
		}
	}
	policy, err := authz.NewPolicy(form.config(r, questions))
	if err != nil {
		t.Fatal(err)
	}
	enforcer := newEnforcer(t, c.model, c.policy)
	for _, s := range c.steps {
		if !strings.HasPrefix(s.call, "test") {
			r.apply(s)
			if err := errors.Join(policy.Replace(form.config(r, questions)), manage(enforcer, s)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		words, want := s.args[:len(s.args)-1], s.args[len(s.args)-1].(bool)
		ours := decide(policy, form.question(texts(words)))
		theirs, err := enforcer.Enforce(words...)
		if ours != want || theirs != want || err != nil {
			t.Errorf("%s: %v by the test, %v by the policy, %v by Casbin (%v)", words, want, ours, theirs, err)
		}
	}
}

func decide(policy *authz.Policy, q question) bool {
	caller := &bulwark.Principal{Issuer: issuer, Subject: "x", Roles: []string{q.role}}
	return policy.Decide(authz.Query{Principal: caller, Resource: q.resource, Action: q.action, Reach: "all"}).Allowed
}

func texts(args []any) (texts []string) {
	for _, arg := range args {
		texts = append(texts, arg.(string))
	}
	return texts
}

func newEnforcer(t testing.TB, files ...any) *casbin.Enforcer {
	t.Helper()
	var paths []any
	for _, file := range files {
		if file != "" {
			paths = append(paths, filepath.Join(casbinDir(t), file.(string)))
		}
	}
	enforcer, err := casbin.NewEnforcer(paths...)
	if err != nil {
		t.Fatal(err)
	}
	enforcer.EnableAutoSave(false) // the files belong to the module
	return enforcer
}

// manage makes the call on an enforcer.
func manage(e *casbin.Enforcer, s step) error {
	call := map[string]func(...any) (bool, error){
		"AddPolicy": e.AddPolicy, "RemovePolicy": e.RemovePolicy, "AddGroupingPolicy": e.AddGroupingPolicy, "RemoveGroupingPolicy": e.RemoveGroupingPolicy,
		"RemoveFilteredPolicy": func(args ...any) (bool, error) {
			return e.RemoveFilteredPolicy(args[0].(int), texts(args[1:])...)
		},
	}[s.call]
	done, err := call(s.args...)
	if err == nil && !done {
		err = errors.New(s.call + " did nothing")
	}
	return err
}

// casbinTable writes one row for each test.
func casbinTable(t testing.TB, doc *bytes.Buffer) {
	doc.WriteString("\n## Casbin\n\n" + strings.ReplaceAll(casbinIntro, "@", "`") + "\n")
	row(doc, "test", "assertions", "expressed", "why not")
	doc.WriteString("|---|---:|---:|---|\n")
	all, expressed := 0, 0
	for _, c := range casbinTests(t) {
		n := c.assertions()
		reason, excluded := notExpressed[c.name]
		all += n
		if excluded {
			n = 0
		}
		expressed += n
		row(doc, c.name, fmt.Sprint(c.assertions()), fmt.Sprint(n), reason)
	}
	row(doc, "all", fmt.Sprint(all), fmt.Sprint(expressed), "")
}

const casbinIntro = `The tests in @model_test.go@ of the module @github.com/casbin/casbin/v2@ assert what RBAC models allow. Each model that a
@PolicyConfig@ of package authz can express is expressed, and @Policy.Decide@ is held against every assertion. Casbin decides the same requests
beside it. A subject of Casbin becomes a role. A group of resources becomes one grant for each resource. A domain becomes a part of the name of the
role, so that a caller has the roles of the domain of the request.

For the policies in @examples/rbac*@ and @examples/basic*@, both also decide every request that the words of the policy can make.
`

// Every test of model_test.go is expressed in our model, or has a reason why it
// is not.
func TestCasbinModels(t *testing.T) {
	expressed := 0
	for _, c := range casbinTests(t) {
		reason, excluded := notExpressed[c.name]
		if excluded {
			if reason == "" {
				t.Errorf("%s is not expressed, without a reason", c.name)
			}
			continue
		}
		if c.unread != "" {
			t.Errorf("%s has a statement that this test does not read: %s", c.name, c.unread)
			continue
		}
		expressed += c.assertions()
		t.Run(c.name, c.run)
	}
	for name := range notExpressed {
		if !slices.ContainsFunc(casbinTests(t), func(c *casbinTest) bool { return c.name == name }) {
			t.Errorf("%s is not a test of Casbin", name)
		}
	}
	if expressed < 100 {
		t.Errorf("%d assertions are expressed", expressed)
	}
}

// Every request that the words of a policy can make has the same answer from
// both.
func TestCasbinAgrees(t *testing.T) {
	for _, pair := range [][2]string{
		{"basic_model", "basic_policy"}, {"basic_with_root_model", "basic_policy"}, {"basic_without_users_model", "basic_without_users_policy"},
		{"basic_without_resources_model", "basic_without_resources_policy"}, {"rbac_model", "rbac_policy"}, {"rbac_model", "rbac_with_hierarchy_policy"},
		{"rbac_with_resource_roles_model", "rbac_with_resource_roles_policy"}, {"rbac_with_domains_model", "rbac_with_domains_policy"},
		{"rbac_with_domains_model", "rbac_with_domains_policy2"}, {"rbac_with_domains_model", "rbac_with_hierarchy_with_domains_policy"},
	} {
		t.Run(pair[0]+"/"+pair[1], func(t *testing.T) {
			model, file := "examples/"+pair[0]+".conf", "examples/"+pair[1]+".csv"
			form, r := shapeOf(t, model), readRules(t, file)
			requests := form.requests(r)
			var questions []question
			for _, words := range requests {
				questions = append(questions, form.question(words))
			}
			policy, err := authz.NewPolicy(form.config(r, questions))
			if err != nil {
				t.Fatal(err)
			}
			enforcer, allowed := newEnforcer(t, model, file), 0
			for i, words := range requests {
				request := make([]any, len(words))
				for j, word := range words {
					request[j] = word
				}
				theirs, err := enforcer.Enforce(request...)
				if ours := decide(policy, questions[i]); ours != theirs || err != nil {
					t.Errorf("%s: %v by the policy, %v by Casbin (%v)", words, ours, theirs, err)
				}
				if theirs {
					allowed++
				}
			}
			if allowed == 0 || allowed == len(requests) {
				t.Errorf("%d of %d requests are allowed", allowed, len(requests))
			}
		})
	}
}

// requests are all combinations of the words of the rules, and of words that no
// rule has.
func (s shape) requests(r rules) [][]string {
	subjects, domains, objects, actions := []string{"root", "nobody"}, []string{"nowhere"}, []string{"nothing"}, []string{"nothing"}
	add := func(list *[]string, words ...string) {
		for _, word := range words {
			if !slices.Contains(*list, word) {
				*list = append(*list, word)
			}
		}
	}
	for _, line := range r["p"] {
		add(&actions, line[len(line)-1])
		if s.object {
			add(&objects, line[len(line)-2])
		}
		if s.subject {
			add(&subjects, line[0])
		}
		if s.domain {
			add(&domains, line[1])
		}
	}
	for _, line := range r["g"] {
		add(&subjects, line[:2]...)
	}
	for _, line := range r["g2"] {
		add(&objects, line[:2]...)
	}
	requests := [][]string{nil}
	for _, part := range []struct {
		has   bool
		words []string
	}{{s.subject, subjects}, {s.domain, domains}, {s.object, objects}, {true, actions}} {
		if !part.has {
			continue
		}
		var longer [][]string
		for _, request := range requests {
			for _, word := range part.words {
				longer = append(longer, append(slices.Clone(request), word))
			}
		}
		requests = longer
	}
	return requests
}
