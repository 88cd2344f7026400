package authz_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// overlapping is a policy of n actions and n roles. The roles inherit a grant
// for each action, and have as many different sets of wider grants beside it.
func overlapping(n int) authz.PolicyConfig {
	c := authz.PolicyConfig{Resources: map[string][]string{}, Reaches: numbered(11), Roles: authz.Roles{}}
	var base authz.Role
	for i := range n {
		resource := fmt.Sprintf("r%d", i)
		c.Resources[resource] = []string{"read"}
		base.Grants = append(base.Grants, resource+":read:own")
	}
	c.Roles["base"] = base
	for i := range n {
		role := authz.Role{Inherits: []string{"base"}}
		for bit, reach := range c.Reaches {
			if i>>bit&1 == 1 {
				role.Grants = append(role.Grants, "read:"+reach)
			}
		}
		c.Roles[fmt.Sprintf("role%d", i)] = role
	}
	return c
}

// The sets of grants that cover an action take no more memory than is said. Of
// 1,000 roles and actions they took 900 MiB.
func TestPolicyHasBoundedMemory(t *testing.T) {
	if _, err := authz.NewPolicy(overlapping(1000)); !hasFault(err, "authz.Roles", "overlap in too many ways") {
		t.Errorf("1,000 roles and actions: %v", err)
	}
	policy := mustPolicy(t, overlapping(64))
	if !race.Enabled { // the detector is slow, and Replace compiles with the same code
		if err := policy.Replace(overlapping(1000)); !hasFault(err, "authz.Roles", "overlap in too many ways") {
			t.Errorf("Replace: %v", err)
		}
	}
	q := authz.Query{Principal: as("alice", "role63"), Resource: "r0", Action: "read", Reach: "own"}
	if d := policy.Decide(q); !d.Allowed || len(d.Grants) != 1 {
		t.Errorf("64 roles and actions: %+v", d)
	}
}

// A configuration with thousands of mistakes is refused at once. Each mistake
// is told, and the first have a hint.
func TestPolicyErrorsAreFoundFast(t *testing.T) {
	c := guide()
	actions := 200_000
	if race.Enabled {
		actions /= 20
	}
	for i := range actions {
		c.Resources["document"] = append(c.Resources["document"], fmt.Sprintf("action%d", i))
	}
	if _, err := authz.NewPolicy(c); !hasFault(err, "authz.Resources", "write at most 4096 over all resources") {
		t.Errorf("many actions: %v", err)
	}
	long := strings.Repeat("x", 110)
	c = authz.PolicyConfig{Resources: guide().Resources, Roles: authz.Roles{}}
	roles := 4000
	if race.Enabled {
		roles /= 5
	}
	for i := range roles {
		c.Roles[fmt.Sprintf("%s%04d", long, i)] = authz.Role{Inherits: []string{fmt.Sprintf("%sx%04d", long, i)}, Grants: []string{fmt.Sprintf("document:raed%d:own", i)}}
	}
	_, err := authz.NewPolicy(c)
	faults := strings.Split(fmt.Sprint(err), "\n")
	if len(faults) != 2*roles {
		t.Fatalf("%d mistakes", len(faults))
	}
	if !strings.Contains(faults[0], "did you mean") || strings.Contains(faults[len(faults)-1], "did you mean") {
		t.Errorf("the hints are not at the beginning: %s\n%s", faults[0], faults[len(faults)-1])
	}
}

// Roles that all inherit from each other have cycles without number. The first
// are told.
func TestManyCyclesAreToldShortly(t *testing.T) {
	names := numbered(100)
	c := authz.PolicyConfig{Resources: guide().Resources, Roles: authz.Roles{}}
	for _, name := range names {
		c.Roles[name] = authz.Role{Inherits: names}
	}
	_, err := authz.NewPolicy(c)
	if faults := errorsOf(err); len(faults) != 65 || !hasFault(err, "authz.Roles", "has 4986 cycles more") {
		t.Errorf("%d mistakes: %v", len(faults), faults[len(faults)-1])
	}
}

// Roles that inherit from all others, of many actions, would take minutes.
func TestPolicyHasBoundedWork(t *testing.T) {
	c := authz.PolicyConfig{Resources: map[string][]string{"document": numbered(4000)}, Roles: authz.Roles{}}
	var before []string
	for i := range 380 {
		name := fmt.Sprintf("role%d", i)
		c.Roles[name] = authz.Role{Inherits: slices.Clone(before)}
		before = append(before, name)
	}
	if _, err := authz.NewPolicy(c); !hasFault(err, "authz.Roles", "has 72010 Inherits, which is too many for the 4000 actions") {
		t.Errorf("NewPolicy: %.300s", fmt.Sprint(err))
	}
	c.Resources["document"] = c.Resources["document"][:10]
	mustPolicy(t, c)
}

// A search for grants that ends without a line is not begun. A caller may have
// thousands of roles, each with a long way to a grant that does not count.
func TestExplainSearchIsBounded(t *testing.T) {
	c := guide()
	roles := []string{"admin"}
	for i := range 500 {
		role := authz.Role{Grants: []string{"document:read:own"}}
		if i > 0 {
			role = authz.Role{Inherits: roles[len(roles)-1:]}
		}
		roles = append(roles, fmt.Sprintf("chain%d", i))
		c.Roles[roles[len(roles)-1]] = role
	}
	policy := mustPolicy(t, c)
	q := authz.Query{Principal: as("alice", roles...), Resource: "document", Action: "read", Reach: "all"}
	want := "allow document:read:all to \"alice\" of \"" + accounts + "\"\n  role admin grants *: every object\n"
	if got := policy.Explain(q); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if n := testing.AllocsPerRun(1, func() { policy.Explain(q) }); n > 200 {
		t.Errorf("%v allocations for one line", n)
	}
}
