package authz_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// A Decision names the grants of its role that match, inherited ones included,
// as the policy writes them.
func TestDecisionGrants(t *testing.T) {
	p := mustPolicy(t, rich())
	for _, test := range []struct {
		name, query string
		roles       []string
		role        string
		grants      []string
	}{
		{"direct", "document:create:own", []string{"user"}, "user", []string{"document:create:own"}},
		{"short_form", "document:read:own", []string{"user"}, "user", []string{"read:own"}},
		{"inherited", "document:update:own", []string{"moderator"}, "moderator", []string{"document:update:own"}},
		{"own_and_inherited", "document:read:own", []string{"moderator"}, "moderator", []string{"document:read:all", "read:own"}},
		{"wider_only", "document:read:all", []string{"moderator"}, "moderator", []string{"document:read:all"}},
		{"two_steps", "document:update:own", []string{"data admin"}, "data admin", []string{"document:update:own"}},
		{"diamond_once", "document:update:own", []string{"top"}, "top", []string{"document:update:own"}},
		{"reach_of_ours", "document:read:tenant", []string{"top"}, "top", []string{"document:read:tenant"}},
		{"everything", "log:read:all", []string{"admin"}, "admin", []string{"*"}},
		{"everything_within", "document:read:tenant", []string{"admin"}, "admin", []string{"*"}},
		{"every_action", "document:delete:own", []string{"editor"}, "editor", []string{"document:*:own"}},
		{"every_resource", "log:read:tenant", []string{"reader"}, "reader", []string{"*:read:all"}},
		{"first_role_that_grants", "document:read:own", []string{"usr", "nothing", "user", "admin"}, "user", []string{"read:own"}},
		{"denied", "document:read:all", []string{"user"}, "", nil},
		{"unknown", "document:raed:all", []string{"admin"}, "", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			parts := strings.Split(test.query, ":")
			q := authz.Query{Principal: as("alice", test.roles...), Resource: parts[0], Action: parts[1], Reach: parts[2]}
			d := p.Decide(q)
			if d.Allowed != (test.role != "") || d.Role != test.role || !slices.Equal(d.Grants, test.grants) {
				t.Errorf("Decide = %+v, want role %q and grants %q", d, test.role, test.grants)
			}
			if d.Allowed && cap(d.Grants) != len(d.Grants) {
				t.Error("an append to Grants writes into the policy")
			}
		})
	}
}

// What somebody does to the grants of a Decision decides nothing.
func TestDecisionGrantsDecideNothing(t *testing.T) {
	p := mustPolicy(t, rich())
	q := authz.Query{Principal: as("alice", "user"), Resource: "document", Action: "read", Reach: "own"}
	p.Decide(q).Grants[0] = "*"
	if !p.Decide(q).Allowed {
		t.Error("the query is denied")
	}
	for _, reach := range []string{"all", "tenant"} {
		q.Reach = reach
		if p.Decide(q).Allowed {
			t.Errorf("a change of Grants grants %s", reach)
		}
	}
}

// A thousand roles on a thousand actions stay small, also when every role has
// the grant "*" or a thousand grants of its own.
func TestDecisionGrantsNeedLittleMemory(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector needs memory of its own")
	}
	const n = 1000
	resources, each := map[string][]string{}, make([]string, n)
	for i := range n {
		resources[fmt.Sprint("r", i)] = []string{"read"}
		each[i] = fmt.Sprintf("r%d:read:all", i)
	}
	for name, grants := range map[string][]string{"star": {"*"}, "star_and_own": {"*", "read:own"}, "each": each} {
		t.Run(name, func(t *testing.T) {
			c := authz.PolicyConfig{Resources: resources, Roles: authz.Roles{}}
			for i := range n {
				r := authz.Role{Grants: grants}
				if i > 0 {
					r.Inherits = []string{fmt.Sprint("role", i-1)}
				}
				c.Roles[fmt.Sprint("role", i)] = r
			}
			before := heap()
			p := mustPolicy(t, c)
			used := heap() - before
			t.Logf("%d KiB", used>>10)
			limit := int64(12 << 20)
			if name == "each" {
				limit += 8 * n * n // what each role has, for Explain
			}
			if used > limit {
				t.Errorf("%d bytes, want at most %d", used, limit)
			}
			d := p.Decide(authz.Query{Principal: as("alice", "role999"), Resource: "r7", Action: "read", Reach: "all"})
			if !d.Allowed || len(d.Grants) != 1 {
				t.Errorf("Decide = %+v", d)
			}
			runtime.KeepAlive(c)
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// mixable are two policies. In the first, user inherits from helper, and in the
// second helper may do everything. The two number roles, actions and reaches
// differently, so that a part of one with a part of the other would grant what
// neither grants.
func mixable() (first, second authz.PolicyConfig) {
	first = authz.PolicyConfig{
		Resources: map[string][]string{"document": {"read", "update", "delete"}},
		Reaches:   []string{"tenant", "team"},
		Roles: authz.Roles{
			"user":   {Inherits: []string{"helper"}, Grants: []string{"document:update:own", "document:read:team"}},
			"helper": {},
		},
	}
	second = authz.PolicyConfig{
		Resources: map[string][]string{"document": {"update", "delete", "read"}, "zzz": {"x", "y"}},
		Reaches:   []string{"team", "tenant"},
		Roles: authz.Roles{
			"aaa":    {Grants: []string{"*"}},
			"helper": {Grants: []string{"*"}},
			"user":   {Grants: []string{"update:own", "document:read:team"}},
		},
	}
	return first, second
}

// No decision mixes two policies. Neither policy lets a user delete, update
// everything, or read its own or the tenant's. Both let a user update its own, by a
// grant of another text.
func TestDecideDuringReplace(t *testing.T) {
	first, second := mixable()
	p := mustPolicy(t, first)
	alice := as("alice", "user")
	queries := []struct {
		authz.Query
		answers []string
	}{
		{authz.Query{Principal: alice, Resource: "document", Action: "read", Reach: "own"}, []string{"not_granted []"}},
		{authz.Query{Principal: alice, Resource: "document", Action: "delete", Reach: "own"}, []string{"not_granted []"}},
		{authz.Query{Principal: alice, Resource: "document", Action: "update", Reach: "all"}, []string{"not_granted []"}},
		{authz.Query{Principal: alice, Resource: "document", Action: "read", Reach: "tenant"}, []string{"not_granted []"}},
		{authz.Query{Principal: alice, Resource: "document", Action: "read", Reach: "team"}, []string{"granted [document:read:team]"}},
		{authz.Query{Principal: alice, Resource: "document", Action: "update", Reach: "own"}, []string{"granted [document:update:own]", "granted [update:own]"}},
		{authz.Query{Principal: alice, Resource: "zzz", Action: "x", Reach: "all"}, []string{"unknown_permission []", "not_granted []"}},
		{authz.Query{Principal: as("bob", "helper"), Resource: "document", Action: "read", Reach: "all"}, []string{"not_granted []", "granted [*]"}},
	}
	explained := map[string]bool{}
	for _, c := range []authz.PolicyConfig{first, second} {
		for _, q := range queries {
			explained[mustPolicy(t, c).Explain(q.Query)] = true
		}
	}
	var readers, writers sync.WaitGroup
	done := make(chan struct{})
	writers.Go(func() {
		broken := first
		broken.Roles = authz.Roles{"user": {Grants: []string{"*", "nothing"}}}
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			if err := p.Replace([]authz.PolicyConfig{second, first}[i%2]); err != nil {
				t.Error(err)
			}
			if p.Replace(broken) == nil {
				t.Error("a wrong policy is accepted")
			}
		}
	})
	for range 4 {
		readers.Go(func() {
			seen := map[string]bool{}
			// A reader goes on until it has seen both policies.
			for n := 0; n < 3000 || !seen["granted [update:own]"] || !seen["granted [document:update:own]"]; n++ {
				for _, q := range queries {
					d := p.Decide(q.Query)
					answer := fmt.Sprint(d.Reason, " ", d.Grants)
					if !slices.Contains(q.answers, answer) {
						t.Errorf("%s:%s:%s = %+v", q.Resource, q.Action, q.Reach, d)
						return
					}
					seen[answer] = true
				}
				if q := queries[len(queries)-1].Query; !explained[p.Explain(q)] {
					t.Errorf("an explanation of neither policy: %s", p.Explain(q))
					return
				}
			}
		})
	}
	readers.Wait()
	close(done)
	writers.Wait()
}

// A role that a caller has twice, or beside thousands of others, is found.
func TestDecideWithManyRoles(t *testing.T) {
	p := mustPolicy(t, rich())
	roles := make([]string, 0, 10_001)
	for i := range 10_000 {
		roles = append(roles, fmt.Sprint("unknown", i))
	}
	q := authz.Query{Principal: &bulwark.Principal{Issuer: accounts, Subject: "alice", Roles: append(roles, "user")}, Resource: "document", Action: "read", Reach: "own"}
	if d := p.Decide(q); !d.Allowed || d.Role != "user" {
		t.Errorf("Decide = %+v", d)
	}
}
