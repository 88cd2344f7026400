package apikey

import (
	"context"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A MemoryStore keeps keys in memory, for one process: the keys are gone when
// the process ends. The zero value is ready. A MemoryStore is a [Store], is
// safe for concurrent use, and must not be copied. It never waits, so that
// contexts make no difference.
type MemoryStore struct {
	// Max bounds the keys held, at about 1 KiB each. A key for which there is
	// no room is refused: no key is ever evicted, but revoked and expired keys
	// make room. Default: 100,000.
	Max int

	mu   sync.RWMutex
	keys map[string]*Record
}

// Get implements [Store].
func (m *MemoryStore) Get(_ context.Context, id string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	rec, ok := m.keys[id]
	if !ok {
		return Record{}, auth.ErrNotFound
	}
	return *rec, nil
}

// Create implements [Store].
func (m *MemoryStore) Create(_ context.Context, rec Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.keys[rec.ID]; taken {
		return auth.ErrConflict
	}
	if len(m.keys) >= m.limit() && !m.sweep(time.Now()) {
		return auth.ErrFull
	}
	if m.keys == nil {
		m.keys = make(map[string]*Record)
	}
	rec = rec.clone()
	rec.Version = 1
	m.keys[rec.ID] = &rec
	return nil
}

// Update implements [Store].
func (m *MemoryStore) Update(_ context.Context, rec Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.keys[rec.ID]
	switch {
	case !ok:
		return auth.ErrNotFound
	case old.Version != rec.Version:
		return auth.ErrConflict
	}
	rec = rec.clone()
	rec.Version++
	rec.LastUsed, rec.StaleReported = old.LastUsed, old.StaleReported
	m.keys[rec.ID] = &rec
	return nil
}

// Mark implements [Store].
func (m *MemoryStore) Mark(_ context.Context, id string, mark Mark, at time.Time, every time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, ok := m.keys[id]
	if !ok {
		return false, auth.ErrNotFound
	}
	last := &rec.LastUsed
	if mark == Stale {
		last = &rec.StaleReported
	}
	if at.Sub(*last) < every {
		return false, nil
	}
	*last = at
	return true, nil
}

func (m *MemoryStore) limit() int {
	if m.Max > 0 {
		return m.Max
	}
	return 100_000
}

// sweep drops the keys that nobody can use again, and reports whether there is
// room. A key that was dropped is refused as an unknown key.
func (m *MemoryStore) sweep(now time.Time) bool {
	for id, rec := range m.keys {
		if rec.ended(now) {
			delete(m.keys, id)
		}
	}
	return len(m.keys) < m.limit()
}
