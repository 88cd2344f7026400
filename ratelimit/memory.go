package ratelimit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark"
)

const (
	minKeys     = ways
	maxKeys     = 1 << 27
	defaultKeys = 1 << 20
	keysReason  = "must be 8 to 134217728; leave it out for 1048576"
	copyReason  = "is a copy of a store that limits use already; give each limit the address of that one store"
)

// A MemoryStore keeps the state of limits within the process, in tables that
// never grow. The zero MemoryStore is ready to use: the first limit that is
// made with it, or the first call, allocates what its rates need. Several
// limits may share a store by its address; see Config.Store. A store that a
// limit uses must not be copied.
//
// A key of a [GCRA] takes 16 bytes and a key of a [FixedWindow] takes 24 bytes.
// A [SlidingLog] takes 16 bytes for each request of the last window. There is a
// table for each of the three, with room for Max of them.
//
// The store does not keep the keys, but 64-bit hashes of them with a seed of
// this process. A key whose quota is whole again needs no room. If there is no
// room for a new key, the store forgets the key that has used the least.
// Therefore the keys of a flood displace each other. They do not displace a
// caller that has used up a quota, or a caller that was there before.
//
// Time is monotonic: setting the clock changes nothing, except for the windows
// of a calendar. A MemoryStore is safe for concurrent use. It does not need a
// lock to count a key of a GCRA that it already has. It never waits, and
// ignores contexts.
type MemoryStore struct {
	// Max is how many keys are kept at once, rounded up to a power of two. A
	// change after the first limit was made has no effect. At least 8. At most
	// 134,217,728. A sliding log has room for at least 256 requests. Default:
	// 1,048,576, which is 16 MiB, and 24 MiB more for fixed windows, and 16 MiB
	// more for sliding logs.
	Max int

	self  atomic.Pointer[MemoryStore] // tells a copy, as in strings.Builder
	table atomic.Pointer[table]

	mu    sync.Mutex        // also what go vet tells a copy by
	names map[string]string // of windows, and of the limits that have them
}

var _ Store = (*MemoryStore)(nil)

// Debit takes from all cells or from none; see [Store]. An error is a
// [*bulwark.ConfigError].
func (s *MemoryStore) Debit(_ context.Context, cells []Cell) (ok bool, err error) {
	t, err := s.ready(cells)
	if err != nil {
		return false, err
	}
	var room [4]debit
	debits := room[:]
	if len(cells) > len(room) {
		debits = make([]debit, len(cells))
	}
	debits = debits[:len(cells)]
	for i := range cells {
		c, d := &cells[i], &debits[i]
		d.cost, d.debt = c.Cost, c.Debt
		d.of(&c.Policy, t.hash(t.name(c.Policy.Name), c.Key))
		if len(c.Policy.Ends) > 0 && !t.holds(c.Policy.Ends) {
			return false, wrongCell("Policy.Ends", "do not hold now; name ends in the past and in the future")
		}
	}
	ok = t.debit(debits)
	for i := range cells {
		d := &debits[i]
		cells[i].Taken, cells[i].Standing = d.requests(), d.standing()
	}
	return ok, nil
}

// Refund gives back what Debit has taken from the cells, once; see [Store].
func (s *MemoryStore) Refund(_ context.Context, cells []Cell) error {
	t, err := s.ready(cells)
	if err != nil {
		return err
	}
	now := t.now()
	for i := range cells {
		c := &cells[i]
		d := [1]debit{{until: c.Standing.Mark, taken: min(c.Taken, c.Cost)}}
		d[0].of(&c.Policy, t.hash(t.name(c.Policy.Name), c.Key))
		if d[0].policy == nil {
			d[0].taken = d[0].amount(d[0].taken)
		}
		t.giveBack(d[:], now)
		c.Taken = 0
	}
	return nil
}

// Reset makes the quota of each cell whole; see [Store].
func (s *MemoryStore) Reset(_ context.Context, cells []Cell) error {
	t, err := s.ready(cells)
	if err != nil {
		return err
	}
	for i := range cells {
		var d debit
		d.of(&cells[i].Policy, t.hash(t.name(cells[i].Policy.Name), cells[i].Key))
		t.reset(&d, t.now())
	}
	return nil
}

// Evictions returns how many keys the store has forgotten before their quota
// was whole again. While the number grows, the store is too small for the
// traffic.
func (s *MemoryStore) Evictions() uint64 {
	if t := s.table.Load(); t != nil {
		return t.evictions.Load()
	}
	return 0
}

// ready returns the table for cells that can be counted.
func (s *MemoryStore) ready(cells []Cell) (*table, error) {
	if field, value, reason := s.fault(); reason != "" {
		return nil, &bulwark.ConfigError{Field: "ratelimit.Memory" + field, Value: value, Reason: reason}
	}
	for i := range cells {
		if err := cells[i].fault(); err != nil {
			return nil, err
		}
	}
	if t := s.table.Load(); t != nil {
		return t, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made(), nil
}

// fault says which field of a Config is wrong for this store, with its value
// and why, or nothing.
func (s *MemoryStore) fault() (field, value, reason string) {
	if s == nil {
		return "Store", "", "is a nil *MemoryStore; leave Store out, or write &ratelimit.MemoryStore{}"
	}
	if self := s.self.Load(); self != nil && self != s {
		return "Store", "", copyReason
	}
	if s.Max != 0 && (s.Max < minKeys || s.Max > maxKeys) {
		return "Store.Max", fmt.Sprint(s.Max), keysReason
	}
	return "", "", ""
}

// made returns the table, which it allocates the first time. The lock is held.
func (s *MemoryStore) made() *table {
	t := s.table.Load()
	if t == nil {
		keys := s.Max
		if keys == 0 {
			keys = defaultKeys
		}
		t = newTable(keys)
		s.self.Store(s)
		s.table.Store(t)
		s.names = map[string]string{}
	}
	return t
}

// open claims the names of one limit and of its windows, and returns the table.
// It reports false if a name is taken. The limit keeps the table, so that a
// request does not come through here.
func (s *MemoryStore) open(names map[string]bool, limit string) (t *table, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t = s.made()
	for name := range names {
		if _, taken := s.names[name]; taken {
			return nil, false
		}
	}
	for name := range names {
		s.names[name] = limit
	}
	return t, true
}

// maxNames bounds how many names of windows the rates of callers may take. Any
// further ones are looked up only.
const maxNames = 10_000

// share claims the names of the windows of one more rate of a limit. It reports
// false if another limit has one of the names.
func (s *MemoryStore) share(spans []span, limit string) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range spans {
		if owner, taken := s.names[spans[i].narrow.Name]; taken && owner != limit {
			return false
		}
	}
	for i := range spans {
		if len(s.names) < maxNames {
			s.names[spans[i].narrow.Name] = limit
		}
	}
	return true
}
