package session

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A MemoryStore keeps sessions in memory, for one process: the sessions end
// with the process. The zero value is ready. A MemoryStore is a [Store], is
// safe for concurrent use, and must not be copied. It never waits, so that
// contexts make no difference.
type MemoryStore struct {
	// Max bounds the sessions held, at less than 1 KiB each. A login that finds
	// no room is refused: no session is ever evicted for another caller.
	// Default: 100,000.
	Max int

	mu      sync.RWMutex
	byID    map[string]*held
	callers map[caller][]*held
	expiry  expiryHeap
}

type caller struct{ issuer, subject string }

type held struct {
	Session
	index int // in the heap
}

// Create implements [Store].
func (m *MemoryStore) Create(_ context.Context, s Session, limit int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetExpired(time.Now())
	mine := slices.Clone(m.callers[caller{s.Issuer, s.Subject}])
	surplus := max(0, len(mine)-max(limit, 1)+1)
	switch {
	case m.byID[s.ID] != nil:
		return nil, auth.ErrConflict
	case len(m.byID)-surplus >= m.limit():
		return nil, auth.ErrFull
	}
	slices.SortFunc(mine, func(a, b *held) int { return a.RefreshedAt.Compare(b.RefreshedAt) })
	var ended []string
	for _, old := range mine[:surplus] {
		ended = append(ended, old.ID)
		m.remove(old)
	}
	s.Version = 1
	m.add(&held{Session: s})
	return ended, nil
}

// Get implements [Store].
func (m *MemoryStore) Get(_ context.Context, id string) (Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if h := m.byID[id]; h != nil {
		return h.Session, nil
	}
	return Session{}, auth.ErrNotFound
}

// Update implements [Store].
func (m *MemoryStore) Update(_ context.Context, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.byID[s.ID]
	switch {
	case h == nil:
		return auth.ErrNotFound
	case h.Version != s.Version:
		return auth.ErrConflict
	}
	s.Version++
	h.Session = s
	heap.Fix(&m.expiry, h.index)
	return nil
}

// Delete implements [Store].
func (m *MemoryStore) Delete(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.byID[id]
	if h == nil {
		return false, nil
	}
	m.remove(h)
	return true, nil
}

// List implements [Store].
func (m *MemoryStore) List(_ context.Context, issuer, subject string) ([]Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []Session
	for _, h := range m.callers[caller{issuer, subject}] {
		all = append(all, h.Session)
	}
	return all, nil
}

func (m *MemoryStore) limit() int {
	if m.Max > 0 {
		return m.Max
	}
	return 100_000
}

func (m *MemoryStore) add(h *held) {
	if m.byID == nil {
		m.byID, m.callers = make(map[string]*held), make(map[caller][]*held)
	}
	m.byID[h.ID] = h
	key := caller{h.Issuer, h.Subject}
	m.callers[key] = append(m.callers[key], h)
	heap.Push(&m.expiry, h)
}

func (m *MemoryStore) remove(h *held) {
	delete(m.byID, h.ID)
	heap.Remove(&m.expiry, h.index)
	key := caller{h.Issuer, h.Subject}
	left := slices.DeleteFunc(m.callers[key], func(other *held) bool { return other == h })
	if len(left) == 0 {
		delete(m.callers, key)
		return
	}
	m.callers[key] = left
}

func (m *MemoryStore) forgetExpired(now time.Time) {
	for len(m.expiry) > 0 && !now.Before(m.expiry[0].ExpiresAt) {
		m.remove(m.expiry[0])
	}
}

// expiryHeap has the session that expires first at its head.
type expiryHeap []*held

func (e expiryHeap) Len() int           { return len(e) }
func (e expiryHeap) Less(i, j int) bool { return e[i].ExpiresAt.Before(e[j].ExpiresAt) }
func (e expiryHeap) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

func (e *expiryHeap) Push(x any) {
	h := x.(*held)
	h.index = len(*e)
	*e = append(*e, h)
}

func (e *expiryHeap) Pop() any {
	last := len(*e) - 1
	h := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return h
}
