package apikey

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A MemoryStore is a [Store] in memory, for one process. When the process ends,
// the keys are lost. The zero value is ready. A MemoryStore is safe for
// concurrent use and must not be copied. It never waits and ignores contexts.
type MemoryStore struct {
	// Max bounds the number of keys, at about 1 KiB each. It also bounds the
	// number of marks that RevokeOwner leaves, at about 200 bytes each. Expired
	// keys make room. If the store is full, a further key is refused, because
	// the store never evicts a key. Default: 100,000.
	Max int

	mu     sync.RWMutex
	keys   map[string]*Record
	owners map[owner]time.Time // the keys of the owner until then are revoked
}

type owner struct{ issuer, subject string }

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
	rec = m.marked(rec.clone())
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
	rec = m.marked(rec.clone())
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

// List implements [Store].
func (m *MemoryStore) List(_ context.Context, f Filter) ([]Record, error) {
	all := m.matching(f)
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(a.ID, b.ID) })
	limit := f.Limit
	if limit < 1 {
		limit = maxPage
	}
	return slices.Clip(all[:min(len(all), limit)]), nil
}

func (m *MemoryStore) matching(f Filter) (all []Record) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for id, rec := range m.keys {
		if id > f.After && f.Matches(*rec) {
			all = append(all, *rec)
		}
	}
	return all
}

// RevokeOwner implements [Store].
func (m *MemoryStore) RevokeOwner(_ context.Context, issuer, subject string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	whose := owner{issuer, subject}
	last, has := m.owners[whose]
	switch {
	case has && !until.After(last):
		return nil
	case !has && len(m.owners) >= m.limit():
		return auth.ErrFull
	}
	if m.owners == nil {
		m.owners = make(map[owner]time.Time)
	}
	m.owners[whose] = until
	return nil
}

// marked returns rec. If its owner has a mark, rec is revoked.
func (m *MemoryStore) marked(rec Record) Record {
	until, has := m.owners[owner{rec.Issuer, rec.Subject}]
	if has && rec.RevokedAt.IsZero() && !rec.CreatedAt.After(until) {
		rec.RevokedAt = until
	}
	return rec
}

// Sweep implements [Store]. A Create that finds no room also sweeps.
func (m *MemoryStore) Sweep(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(time.Now())
	return nil
}

func (m *MemoryStore) limit() int {
	if m.Max > 0 {
		return m.Max
	}
	return 100_000
}

// sweep drops the keys that have expired, and reports whether there is room.
// The service refuses a dropped key as an unknown key.
func (m *MemoryStore) sweep(now time.Time) bool {
	for id, rec := range m.keys {
		if !now.Before(rec.ExpiresAt) {
			delete(m.keys, id)
		}
	}
	return len(m.keys) < m.limit()
}
