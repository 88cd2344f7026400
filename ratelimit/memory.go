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
	keysReason  = "must be 8 to 134217728, or 0 for 1048576"
	copyReason  = "is a copy of a store that limits use already; share that store by its address"
)

// A MemoryStore keeps the state of limits within the process, 16 bytes a key,
// in a table that never grows. The zero MemoryStore is ready: the first limit
// that is made with it, or the first call, allocates the table. Several limits
// may share a store by its address, see Config.Store. A store that a limit uses
// must not be copied.
//
// Keys are kept as 64-bit hashes with a seed of this process. The store does
// not keep the keys themselves. A key whose quota is whole again needs no room.
// When there is no room for a new key, the key that has consumed the least
// gives way. A flood of fresh keys therefore displaces itself. It displaces
// neither a caller that has used up a quota nor a caller that was there before.
//
// Time is monotonic: setting the clock changes nothing. A MemoryStore is safe
// for concurrent use. A key that it has already is counted without a lock. It
// waits for nothing, and does not look at contexts.
type MemoryStore struct {
	// Max is how many keys are kept at once, 16 bytes each, rounded up to a
	// power of two. It counts when the first limit is made. Default: 1,048,576,
	// which is 16 MiB. At least 8, at most 134,217,728.
	Max int

	self  atomic.Pointer[MemoryStore] // tells a copy, as in strings.Builder
	table atomic.Pointer[table]

	mu    sync.Mutex // also what go vet tells a copy by
	names map[string]bool
}

var _ Store = (*MemoryStore)(nil)

// Debit takes from all cells or from none. See [Store]. Its errors are
// [*bulwark.ConfigError] values.
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
		d.gcra, d.hash, d.cost, d.debt = newGCRA(&c.Policy), t.hash(t.name(c.Policy.Name), c.Key), c.Cost, c.Debt
	}
	ok = t.debit(debits)
	for i := range cells {
		d := &debits[i]
		cells[i].Taken, cells[i].Standing = d.taken/d.unit, d.standing()
	}
	return ok, nil
}

// Refund gives back what Debit has taken from the cells, once. See [Store].
func (s *MemoryStore) Refund(_ context.Context, cells []Cell) error {
	t, err := s.ready(cells)
	if err != nil {
		return err
	}
	now := t.now()
	for i := range cells {
		c := &cells[i]
		g := newGCRA(&c.Policy)
		t.shorten(t.hash(t.name(c.Policy.Name), c.Key), now, g.amount(min(c.Taken, c.Cost)), c.Standing.Mark)
		c.Taken = 0
	}
	return nil
}

// Reset makes the quota of each of the cells whole. See [Store].
func (s *MemoryStore) Reset(_ context.Context, cells []Cell) error {
	t, err := s.ready(cells)
	if err != nil {
		return err
	}
	for i := range cells {
		t.free(t.hash(t.name(cells[i].Policy.Name), cells[i].Key), t.now())
	}
	return nil
}

// Evictions counts the keys that had to give way before their quota was whole
// again. While it grows, the store is too small for the traffic.
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
		return "Store", "", "is a nil *MemoryStore; leave it out, or give it the address of one"
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
		s.names = map[string]bool{}
	}
	return t
}

// open claims a name for one limit and returns the table. It reports false
// where the name is taken. The limit keeps the table, so that a request does
// not come through here.
func (s *MemoryStore) open(name string) (t *table, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t = s.made()
	if s.names[name] {
		return nil, false
	}
	s.names[name] = true
	return t, true
}
