package ratelimit

import (
	"fmt"
	"sync"
	"sync/atomic"
)

const (
	minKeys     = ways
	maxKeys     = 1 << 27
	defaultKeys = 1 << 20
	keysReason  = "must be 8 to 134217728, or 0 for 1048576"
)

// A MemoryStore keeps the state of limits within the process, 16 bytes a key,
// in a table that never grows. The zero MemoryStore is ready: the first limit
// that is made with it allocates the table. Several limits may share a store by
// its address, see Config.Store. A store that a limit uses must not be copied.
//
// Keys are kept as 64-bit hashes with a seed of this process. The store does
// not keep the keys themselves. A key whose quota is whole again needs no room.
// When there is no room for a new key, the key that has consumed the least
// gives way. A flood of fresh keys therefore displaces itself. It displaces
// neither a caller that has used up a quota nor a caller that was there before.
//
// Time is monotonic: setting the clock changes nothing. A MemoryStore is safe
// for concurrent use. A key that it has already is counted without a lock.
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

// Evictions counts the keys that had to give way before their quota was whole
// again. While it grows, the store is too small for the traffic.
func (s *MemoryStore) Evictions() uint64 {
	if t := s.table.Load(); t != nil {
		return t.evictions.Load()
	}
	return 0
}

// fault says which field of a Config is wrong for this store, with its value
// and why, or nothing.
func (s *MemoryStore) fault() (field, value, reason string) {
	if self := s.self.Load(); self != nil && self != s {
		return "Store", "", "is a copy of a store that limits use already; share that store by its address"
	}
	if s.Max != 0 && (s.Max < minKeys || s.Max > maxKeys) {
		return "Store.Max", fmt.Sprint(s.Max), keysReason
	}
	return "", "", ""
}

// open claims a name for one limit and returns the table, which it allocates
// for the first. It reports false where the name is taken. The limit keeps the
// table, so that a request does not come through here.
func (s *MemoryStore) open(name string) (t *table, id uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names[name] {
		return nil, 0, false
	}
	if t = s.table.Load(); t == nil {
		keys := s.Max
		if keys == 0 {
			keys = defaultKeys
		}
		t = newTable(keys)
		s.self.Store(s)
		s.table.Store(t)
		s.names = map[string]bool{}
	}
	s.names[name] = true
	return t, uint32(len(s.names)), true
}
