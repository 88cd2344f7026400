package apikey

import (
	"context"
	"sync"
	"time"
)

// A MemoryStore is a [Store] in memory, for one process. When the process ends,
// the keys are lost. A [FileStore] keeps them. The zero value is ready. A
// MemoryStore is safe for concurrent use and must not be copied. It never waits
// and ignores contexts.
type MemoryStore struct {
	// Max bounds the number of keys, at about 1 KiB each. It also bounds the
	// number of marks that RevokeOwner leaves, at about 200 bytes each. Expired
	// keys and marks make room. If the store is full, a further key is refused,
	// because the store never evicts a key. Default: 100,000.
	Max int

	mu   sync.RWMutex
	held table
}

// Get implements [Store].
func (m *MemoryStore) Get(_ context.Context, id string) (Record, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.held.get(id)
}

// Create implements [Store].
func (m *MemoryStore) Create(_ context.Context, rec Record) error {
	return m.change(func(t *table) (change, error) { return t.create(rec, m.limit(), time.Now()) })
}

// Update implements [Store].
func (m *MemoryStore) Update(_ context.Context, rec Record) error {
	return m.change(func(t *table) (change, error) { return t.update(rec) })
}

// Mark implements [Store].
func (m *MemoryStore) Mark(_ context.Context, id string, mark Mark, at time.Time, every time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.held.setMark(id, mark, at, every)
}

// List implements [Store].
func (m *MemoryStore) List(_ context.Context, f Filter) ([]Record, error) {
	m.mu.RLock()
	all := m.held.matching(f)
	m.mu.RUnlock()
	return page(all, f.Limit), nil
}

// RevokeOwner implements [Store].
func (m *MemoryStore) RevokeOwner(_ context.Context, issuer, subject string, until, expires time.Time) error {
	return m.change(func(t *table) (change, error) {
		return t.revokeOwner(owner{issuer, subject}, until, expires, m.limit(), time.Now())
	})
}

// Sweep implements [Store]. A Create that finds no room also sweeps.
func (m *MemoryStore) Sweep(context.Context) error {
	return m.change(func(t *table) (change, error) { return t.sweep(time.Now()), nil })
}

func (m *MemoryStore) change(prepare func(*table) (change, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, err := prepare(&m.held)
	if err == nil {
		m.held.apply(c)
	}
	return err
}

func (m *MemoryStore) limit() int {
	if m.Max > 0 {
		return m.Max
	}
	return 100_000
}
