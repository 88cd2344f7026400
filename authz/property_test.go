package authz_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// naive decides from the words of a policy, as one reads them.
type naive struct{ authz.PolicyConfig }

func (n naive) decide(q authz.Query) authz.Decision {
	switch {
	case q.Principal == nil || q.Principal.Issuer == "" || q.Principal.Subject == "":
		return authz.Decision{Reason: "anonymous"}
	case !slices.Contains(n.Resources[q.Resource], q.Action) || !n.hasReach(q.Reach):
		return authz.Decision{Reason: "unknown_permission"}
	}
	for _, role := range q.Principal.Roles {
		if grants := n.matching(role, q); len(grants) > 0 {
			slices.Sort(grants)
			return authz.Decision{Allowed: true, Reason: "granted", Role: role, Grants: slices.Compact(grants)}
		}
	}
	return authz.Decision{Reason: "not_granted"}
}

func (n naive) hasReach(reach string) bool {
	return reach == "own" || reach == "all" || slices.Contains(n.Reaches, reach)
}

func (n naive) matching(role string, q authz.Query) (grants []string) {
	for _, grant := range n.Roles[role].Grants {
		if matches(grant, q) {
			grants = append(grants, grant)
		}
	}
	for _, parent := range n.Roles[role].Inherits {
		grants = append(grants, n.matching(parent, q)...)
	}
	return grants
}

func matches(grant string, q authz.Query) bool {
	if grant == "*" {
		return true
	}
	rest, reach := cutLast(grant)
	resource, action := "*", rest
	if strings.Contains(rest, ":") {
		resource, action, _ = strings.Cut(rest, ":")
	}
	return (resource == "*" || resource == q.Resource) && (action == "*" || action == q.Action) && (reach == "all" || reach == q.Reach)
}

func cutLast(text string) (before, after string) {
	i := strings.LastIndexByte(text, ':')
	return text[:i], text[i+1:]
}

// A world is what random policies are made of.
type world struct {
	resources map[string][]string
	reaches   []string
	roles     []string
	grants    []string // every permission that the declarations allow
	declared  []authz.Query
	queries   []authz.Query // declared ones, and a few others
	families  [][]string    // names of roles
}

// randomWorld declares up to size resources, actions on each, and roles, and up
// to 2 reaches. A few queries name what is not declared.
func randomWorld(rng *rand.Rand, size int) *world {
	w := &world{resources: map[string][]string{}}
	actions := map[string]bool{"*": true}
	for i := range 1 + rng.IntN(size) {
		for j := range 1 + rng.IntN(size) {
			action := string("rwd"[(j+i)%3])
			w.resources[string("xyz"[i])] = append(w.resources[string("xyz"[i])], action)
			actions[action] = true
		}
	}
	w.reaches = []string{"t", "u"}[:rng.IntN(3)]
	w.roles = []string{"a", "b b", "c", "d", "\u00e9"}[:1+rng.IntN(size+1)]
	reaches := append([]string{"own", "all"}, w.reaches...)
	w.grants = append(w.grants, "*")
	for _, reach := range reaches {
		for _, action := range slices.Sorted(maps.Keys(actions)) {
			w.grants = append(w.grants, action+":"+reach)
		}
		for _, resource := range slices.Sorted(maps.Keys(w.resources)) {
			for _, action := range append([]string{"*"}, w.resources[resource]...) {
				w.grants = append(w.grants, resource+":"+action+":"+reach)
			}
		}
	}
	for _, resource := range slices.Sorted(maps.Keys(w.resources)) {
		for _, action := range w.resources[resource] {
			for _, reach := range reaches {
				q := authz.Query{Resource: resource, Action: action, Reach: reach}
				w.declared = append(w.declared, q)
				w.queries = append(w.queries, q, q, q, q)
			}
		}
	}
	for _, words := range []string{"X:r:own", "*:r:own", ":r:own", "x:R:own", "x:*:all", "x::own", "x:r:v", "x:r:*", "x:r:"} {
		parts := strings.Split(words, ":")
		w.queries = append(w.queries, authz.Query{Resource: parts[0], Action: parts[1], Reach: parts[2]})
	}
	return w
}

// policy returns a random policy of the world. A role inherits from roles
// before it alone.
func (w *world) policy(rng *rand.Rand) authz.PolicyConfig {
	c := authz.PolicyConfig{Resources: w.resources, Reaches: w.reaches, Roles: make(authz.Roles, len(w.roles))}
	w.fill(rng, c.Roles, w.roles)
	return c
}

// fill adds random roles of these names.
func (w *world) fill(rng *rand.Rand, roles authz.Roles, names []string) {
	order := rng.Perm(len(names))
	for i, at := range order {
		var r authz.Role
		for _, before := range order[:i] {
			if rng.IntN(3) == 0 {
				r.Inherits = append(r.Inherits, names[before])
			}
		}
		for range rng.IntN(3) {
			if grant := w.grants[rng.IntN(len(w.grants))]; !sameGrant(r.Grants, grant) && (grant != "*" || rng.IntN(8) == 0) {
				r.Grants = append(r.Grants, grant)
			}
		}
		roles[names[at]] = r
	}
}

// sameGrant reports whether the grants hold a grant, perhaps in other words.
func sameGrant(grants []string, grant string) bool {
	return slices.ContainsFunc(grants, func(other string) bool { return longest(other) == longest(grant) })
}

func longest(grant string) string {
	switch {
	case grant == "*":
		return "*:*:all"
	case strings.Count(grant, ":") == 1:
		return "*:" + grant
	}
	return grant
}

// caller returns somebody with some of the roles, in any order, and now and
// then a role that the policy does not have.
func (w *world) caller(rng *rand.Rand, roles []string) *bulwark.Principal {
	p := as("alice")
	for range rng.IntN(4) {
		p.Roles = append(p.Roles, roles[rng.IntN(len(roles))])
	}
	switch rng.IntN(64) {
	case 0:
		p.Roles = append(p.Roles, "*", "A", "b")
	case 1:
		p.Issuer = ""
	case 2:
		p.Subject = ""
	}
	return p
}

func sameDecision(a, b authz.Decision) bool {
	return a.Allowed == b.Allowed && a.ID == b.ID && a.Reason == b.Reason && a.Role == b.Role && slices.Equal(a.Grants, b.Grants)
}

// families is how many random policies share one call of NewPolicy, each with
// role names of its own. It makes a million of them quick.
const families = 16

// family returns the names of the roles of a family.
func (w *world) family(number int) []string {
	names := make([]string, len(w.roles))
	for i, name := range w.roles {
		names[i] = name + string(rune('A'+number))
	}
	return names
}

// A million random policies decide as the naive evaluator does: 4 queries to
// each policy, each of a random caller, are 4 million decisions.
func TestNaiveEvaluatorAgrees(t *testing.T) {
	policies := 1_000_000
	if testing.Short() || race.Enabled {
		policies = 20_000
	}
	const workers = 4
	var granted, refused, unknown atomic.Int64
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(7, uint64(worker)))
			for i := range policies / families / workers {
				if !agree(t, rng, worlds[i%len(worlds)], map[string]*atomic.Int64{"granted": &granted, "not_granted": &refused, "unknown_permission": &unknown, "anonymous": &unknown}) {
					return
				}
			}
		})
	}
	group.Wait()
	total := granted.Load() + refused.Load() + unknown.Load()
	t.Logf("%d policies, %d queries: %d granted, %d not granted, %d unknown", policies, total, granted.Load(), refused.Load(), unknown.Load())
	if min(granted.Load(), refused.Load(), unknown.Load()) < total/20 {
		t.Error("hardly any query has one of the answers: the test proves little")
	}
}

// agree compares the decisions about a policy of several families, and counts
// them by their reasons.
func agree(t *testing.T, rng *rand.Rand, w *world, reasons map[string]*atomic.Int64) bool {
	c := authz.PolicyConfig{Resources: w.resources, Reaches: w.reaches, Roles: make(authz.Roles, families*len(w.roles))}
	for _, names := range w.families {
		w.fill(rng, c.Roles, names)
	}
	p, err := authz.NewPolicy(c)
	if err != nil {
		t.Errorf("%+v: %v", c, err)
		return false
	}
	counts := map[string]int64{}
	for i := range 4 * families {
		q := w.queries[rng.IntN(len(w.queries))]
		q.Principal = w.caller(rng, w.families[i%families])
		got, want := p.Decide(q), naive{c}.decide(q)
		if !sameDecision(got, want) {
			t.Errorf("%+v\n%+v by %+v: %+v, naively %+v", c, q, q.Principal, got, want)
			return false
		}
		counts[got.Reason]++
	}
	for reason, n := range counts {
		reasons[reason].Add(n)
	}
	return true
}

// worlds are made once, because they cost more than a policy.
var worlds = func() (worlds []*world) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 64 {
		w := randomWorld(rng, 2+i%16/13) // most are small
		for number := range families {
			w.families = append(w.families, w.family(number))
		}
		worlds = append(worlds, w)
	}
	return worlds
}()

// truth is every decision of a policy about the roles of its world, each role
// alone.
func (w *world) truth(t *testing.T, c authz.PolicyConfig) map[string]authz.Decision {
	t.Helper()
	p := mustPolicy(t, c)
	all := map[string]authz.Decision{}
	for role := range c.Roles {
		for _, q := range w.declared {
			q.Principal = as("alice", role)
			all[role+" "+q.Resource+":"+q.Action+":"+q.Reach] = p.Decide(q)
		}
	}
	return all
}

// changedRole returns a copy of c, in which a random role is changed. The
// change returns false if there is nothing to change.
func changedRole(rng *rand.Rand, c authz.PolicyConfig, change func(name string, r *authz.Role) bool) (authz.PolicyConfig, bool) {
	names := slices.Sorted(maps.Keys(c.Roles))
	name := names[rng.IntN(len(names))]
	r := authz.Role{Inherits: slices.Clone(c.Roles[name].Inherits), Grants: slices.Clone(c.Roles[name].Grants)}
	ok := change(name, &r)
	c.Roles = maps.Clone(c.Roles)
	c.Roles[name] = r
	return c, ok
}

// More grants, roles and inheritance never take access away, and fewer never
// give any.
func TestAccessGrowsWithThePolicy(t *testing.T) {
	remove := func(rng *rand.Rand, list *[]string) bool {
		if len(*list) == 0 {
			return false
		}
		i := rng.IntN(len(*list))
		*list = slices.Delete(*list, i, i+1)
		return true
	}
	for name, change := range map[string]struct {
		grows bool
		apply func(rng *rand.Rand, w *world, name string, r *authz.Role) bool
	}{
		"grant_added": {true, func(rng *rand.Rand, w *world, _ string, r *authz.Role) bool {
			grant := w.grants[rng.IntN(len(w.grants))]
			if sameGrant(r.Grants, grant) {
				return false
			}
			r.Grants = append(r.Grants, grant)
			return true
		}},
		"grant_removed": {false, func(rng *rand.Rand, _ *world, _ string, r *authz.Role) bool { return remove(rng, &r.Grants) }},
		"inheritance_added": {true, func(rng *rand.Rand, w *world, name string, r *authz.Role) bool {
			parent := w.roles[rng.IntN(len(w.roles))]
			if parent == name || slices.Contains(r.Inherits, parent) {
				return false
			}
			r.Inherits = append(r.Inherits, parent)
			return true
		}},
		"inheritance_removed": {false, func(rng *rand.Rand, _ *world, _ string, r *authz.Role) bool { return remove(rng, &r.Inherits) }},
	} {
		t.Run(name, func(t *testing.T) {
			rng, moved := rand.New(rand.NewPCG(2, 3)), 0
			for i := range 3000 {
				w := worlds[i%len(worlds)]
				before := w.policy(rng)
				after, ok := changedRole(rng, before, func(name string, r *authz.Role) bool { return change.apply(rng, w, name, r) })
				if _, err := authz.NewPolicy(after); !ok || err != nil { // a cycle
					continue
				}
				less, more := w.truth(t, before), w.truth(t, after)
				if !change.grows {
					less, more = more, less
				}
				for question, d := range less {
					if d.Allowed && !more[question].Allowed {
						t.Fatalf("%s: %s is lost\n%+v\n%+v", name, question, before, after)
					}
					for _, grant := range d.Grants {
						if !slices.Contains(more[question].Grants, grant) {
							t.Fatalf("%s: %s no longer by %s\n%+v\n%+v", name, question, grant, before, after)
						}
					}
					if d.Allowed != more[question].Allowed {
						moved++
					}
				}
			}
			if moved < 100 {
				t.Errorf("%d decisions changed: the test proves little", moved)
			}
		})
	}
}

// A caller with more roles may do no less, and a role that the policy does not
// have changes nothing. The order of the roles changes nothing either.
func TestAccessGrowsWithTheRolesOfTheCaller(t *testing.T) {
	rng, moved := rand.New(rand.NewPCG(4, 5)), 0
	for i := range 3000 {
		w := worlds[i%len(worlds)]
		p := mustPolicy(t, w.policy(rng))
		for range 8 {
			q := w.declared[rng.IntN(len(w.declared))]
			ask := func(roles []string) authz.Decision {
				q.Principal = as("alice", roles...)
				return p.Decide(q)
			}
			roles := w.caller(rng, w.roles).Roles
			before, after := ask(roles), ask(append([]string{w.roles[rng.IntN(len(w.roles))]}, roles...))
			if before.Allowed && !after.Allowed {
				t.Fatalf("%+v: another role than %q takes it away", q, roles)
			}
			if before.Allowed != after.Allowed {
				moved++
			}
			if got := ask(append([]string{"*", "", "A", "own"}, roles...)); !sameDecision(got, before) {
				t.Fatalf("%+v: roles that the policy does not have change %+v to %+v", q, before, got)
			}
			rng.Shuffle(len(roles), func(i, j int) { roles[i], roles[j] = roles[j], roles[i] })
			if got := ask(roles); got.Allowed != before.Allowed || got.Reason != before.Reason {
				t.Fatalf("%+v: the order of the roles %q changes %+v to %+v", q, roles, before, got)
			}
		}
	}
	if moved < 100 {
		t.Errorf("%d decisions changed: the test proves little", moved)
	}
}

// Other names for the roles, and another order of everything, change no
// decision.
func TestNamesAndOrderChangeNothing(t *testing.T) {
	rng, allowed := rand.New(rand.NewPCG(6, 7)), 0
	shuffled := func(list []string) []string {
		list = slices.Clone(list)
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return list
	}
	for i := range 2000 {
		w := worlds[i%len(worlds)]
		c := w.policy(rng)
		other := authz.PolicyConfig{Resources: map[string][]string{}, Reaches: shuffled(c.Reaches), Roles: authz.Roles{}}
		for resource, actions := range c.Resources {
			other.Resources[resource] = shuffled(actions)
		}
		names := map[string]string{}
		for i, j := range rng.Perm(len(w.roles)) {
			names[w.roles[i]] = []string{"own", "all", "zz", "allow", "Z z"}[j]
		}
		for name, r := range c.Roles {
			renamed := authz.Role{Grants: shuffled(r.Grants), Inherits: shuffled(r.Inherits)}
			for i, parent := range renamed.Inherits {
				renamed.Inherits[i] = names[parent]
			}
			other.Roles[names[name]] = renamed
		}
		before, after := w.truth(t, c), w.truth(t, other)
		for question, d := range before {
			role, rest := cutRole(question)
			got := after[names[role]+" "+rest]
			if d.Allowed {
				d.Role = names[role]
				allowed++
			}
			if !sameDecision(got, d) {
				t.Fatalf("%s: %+v under other names and in another order, %+v before\n%+v\n%+v", question, got, d, c, other)
			}
		}
	}
	if allowed < 1000 {
		t.Errorf("%d decisions allow: the test proves little", allowed)
	}
}

// cutRole takes a question of truth apart. A role may have a space.
func cutRole(question string) (role, rest string) {
	i := strings.LastIndexByte(question, ' ')
	return question[:i], question[i+1:]
}

// The reach all implies every other reach, and no other reach implies one.
func TestOnlyAllImpliesOtherReaches(t *testing.T) {
	c := authz.PolicyConfig{Resources: map[string][]string{"x": {"r"}}, Reaches: []string{"t", "u"}, Roles: authz.Roles{}}
	reaches := []string{"own", "all", "t", "u"}
	for _, reach := range reaches {
		c.Roles[reach] = authz.Role{Grants: []string{"x:r:" + reach}}
	}
	p := mustPolicy(t, c)
	for _, granted := range reaches {
		for _, asked := range reaches {
			d := p.Decide(authz.Query{Principal: as("alice", granted), Resource: "x", Action: "r", Reach: asked})
			if want := granted == asked || granted == "all"; d.Allowed != want {
				t.Errorf("a grant with the reach %s and a query with %s: %v", granted, asked, d.Allowed)
			}
		}
	}
}
