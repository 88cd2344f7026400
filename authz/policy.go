package authz

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Policy says which roles may do what, made by [NewPolicy]. It holds an
// immutable compiled table. A decision uses a single table: during a
// [Policy.Replace] it is made with the old policy or with the new policy, never
// with a mixture. Decisions are not cached, so that they are never stale. A
// Policy is safe for concurrent use. A nil or zero Policy allows nothing.
type Policy struct {
	table atomic.Pointer[table]
	key   [32]byte // of the object hashes in events

	mu      sync.Mutex // of those who change the policy
	rules   []reliance
	structs []reflect.Type // that Fields has registered

	allowed atomic.Uint64 // decisions, for SampleAllows

	unknownMu sync.Mutex
	unknown   map[string]bool
}

// A reliance is a rule that a route relies on, and where.
type reliance struct {
	where string
	rule  Rule
}

// NewPolicy compiles a policy. It returns every mistake at once, each as a
// *[bulwark.ConfigError]: a malformed permission, a duplicate, a cycle of
// roles, and a resource, action, reach or role that is not declared. For a name
// that is not declared it suggests the nearest declared name.
func NewPolicy(c PolicyConfig) (*Policy, error) {
	t, err := compile(c)
	if err != nil {
		return nil, err
	}
	p := &Policy{unknown: map[string]bool{}}
	rand.Read(p.key[:])
	p.table.Store(t)
	return p, nil
}

// Replace swaps the whole policy atomically. It fails, and changes nothing, if
// c has a mistake. It also fails if the rule of a route, or a tag of a type
// that [Fields] has registered, names something that c does not have. A request
// that is being decided finishes with the policy with which it began.
func (p *Policy) Replace(c PolicyConfig) error {
	if !p.ready() {
		return errUnmade
	}
	t, err := compile(c)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	faults := fault.In("authz.Policy")
	for _, relied := range p.rules {
		compiled, reasons := t.check(relied.rule)
		for _, reason := range reasons {
			faults.Add("("+relied.where+")", relied.rule.String(), reason)
		}
		t.checks = append(t.checks, compiled)
	}
	for _, typ := range p.structs {
		t.compileFields(typ, faults)
	}
	if err := faults.Err(); err != nil {
		return err
	}
	p.table.Store(t)
	return nil
}

// register compiles a rule into the table and returns its number there, or what
// is wrong with it. The number stays valid across Replace.
func (p *Policy) register(where string, rule Rule) (number int, reasons []string) {
	if !p.ready() {
		return 0, rule.zeroFault()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.table.Load()
	compiled, reasons := old.check(rule)
	if len(reasons) > 0 {
		return 0, reasons
	}
	next := *old
	// The tables may share the memory of their checks. Each new check has a
	// place that no older table reads, because every register begins with the
	// latest table. To copy all checks would take n² of n routes.
	next.checks = append(old.checks, compiled)
	p.rules = append(p.rules, reliance{where, rule})
	p.table.Store(&next)
	return len(next.checks) - 1, nil
}

// forget replaces a rule that no route relies on with a rule that fits every
// policy, so that Replace does not ask for it.
func (p *Policy) forget(number int) {
	if !p.ready() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules[number].rule = Authenticated()
}

func (p *Policy) ready() bool { return p != nil && p.table.Load() != nil }

// errUnmade is the cause of the 500 of everything without a policy.
var errUnmade = fault.Unmade("authz.Policy", "NewPolicy")

// maxUnknown bounds the role names that are remembered as reported. Past it
// nothing more is reported: the names come from tokens.
const maxUnknown = 64

// unknownRoles returns those roles of the caller that the policy does not have
// and that have not been returned before.
func (p *Policy) unknownRoles(t *table, caller *bulwark.Principal) []string {
	var fresh []string
	p.unknownMu.Lock()
	defer p.unknownMu.Unlock()
	for _, name := range caller.Roles {
		if t.roles[name] == nil && !p.unknown[name] && len(p.unknown) < maxUnknown && len(name) <= maxRoleName {
			p.unknown[name] = true
			fresh = append(fresh, name)
		}
	}
	return fresh
}

// hash is a pseudonym for an object's id in events. The key is this Policy's
// own and random, so that another process has another pseudonym for the same
// id.
func (p *Policy) hash(resource, id string) string {
	mac := hmac.New(sha256.New, p.key[:])
	mac.Write([]byte(resource))
	mac.Write([]byte{0})
	mac.Write([]byte(id))
	var sum [sha256.Size]byte
	return hex.EncodeToString(mac.Sum(sum[:0])[:8])
}
