package session

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/expiring"
)

// A MemoryStore is a [Store] in memory, for one process. When the process ends,
// all sessions end. The zero value is ready. A MemoryStore is safe for
// concurrent use and must not be copied. It never waits and ignores contexts.
type MemoryStore struct {
	// Max bounds the number of sessions, at about 1 KiB each. It also bounds
	// the number of marks that RevokeProvider leaves, at about 250 bytes each.
	// If the store is full, a login is refused, because the store never evicts
	// a session of another caller. Default: 100,000.
	Max int

	mu     sync.RWMutex
	byID   map[string]*held
	byName map[name][]*held
	expiry expiryHeap
	marks  expiring.Map[time.Time] // of logouts at a provider: the time until
}

type held struct {
	Session
	index int // in the heap
}

// Create implements [Store].
func (m *MemoryStore) Create(_ context.Context, s Session, limit int, replaces []string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.forgetExpired(now)
	leaving := m.leaving(s, max(limit, 1), replaces)
	switch {
	case m.byID[s.ID] != nil:
		return nil, auth.ErrConflict
	case m.loggedOut(s):
		return nil, ErrLoggedOut
	case len(m.byID)-len(leaving) >= m.limit():
		return nil, auth.ErrFull
	}
	var ended []string
	for _, old := range leaving {
		ended = append(ended, old.ID)
		m.remove(old)
	}
	s.Factors = maps.Clone(s.Factors)
	s.Version, s.RefreshedAt, s.UsedAt, s.ReadAt = 1, now, now, time.Time{}
	m.add(&held{Session: s})
	return ended, nil
}

// leaving returns the sessions that end when s is created: the sessions that s
// replaces, and then the sessions above the limit.
func (m *MemoryStore) leaving(s Session, limit int, replaces []string) []*held {
	mine := slices.Clone(m.byName[callerOf(s)])
	slices.SortStableFunc(mine, func(a, b *held) int {
		one, two := slices.Contains(replaces, a.ID), slices.Contains(replaces, b.ID)
		switch {
		case one == two:
			return a.RefreshedAt.Compare(b.RefreshedAt)
		case one:
			return -1
		}
		return 1
	})
	replaced := 0
	for replaced < len(mine) && slices.Contains(replaces, mine[replaced].ID) {
		replaced++
	}
	return mine[:max(replaced, len(mine)-limit+1, 0)]
}

// Get implements [Store].
func (m *MemoryStore) Get(_ context.Context, id string) (Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if h := m.byID[id]; h != nil {
		found := h.Session
		found.ReadAt = time.Now()
		return found, nil
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
	s.Factors = maps.Clone(s.Factors)
	s.RefreshedAt, s.UsedAt, s.ReadAt = h.RefreshedAt, h.UsedAt, time.Time{}
	if s.Generation != h.Generation {
		s.RefreshedAt = time.Now()
	}
	h.Session = s
	heap.Fix(&m.expiry, h.index)
	return nil
}

// Touch implements [Store].
func (m *MemoryStore) Touch(_ context.Context, id string, every time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.byID[id]
	if h == nil {
		return auth.ErrNotFound
	}
	if now := time.Now(); now.Sub(h.UsedAt) >= every {
		h.UsedAt = now
	}
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

// List implements [Store]. It copies one page only. It is one step: a page that
// is not full is the last page.
func (m *MemoryStore) List(_ context.Context, f Filter) ([]Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	found := m.matching(f)
	slices.SortFunc(found, func(a, b *held) int { return strings.Compare(a.ID, b.ID) })
	limit := f.Limit
	if limit < 1 {
		limit = maxPage
	}
	now := time.Now()
	all := make([]Session, min(len(found), limit))
	for i := range all {
		all[i] = found[i].Session
		all[i].ReadAt = now
	}
	return all, nil
}

// matching returns the sessions that the filter matches. The lock is held.
func (m *MemoryStore) matching(f Filter) (found []*held) {
	add := func(h *held) {
		if h.ID > f.After && f.Matches(h.Session) {
			found = append(found, h)
		}
	}
	if n, ok := nameOf(f); ok {
		for _, h := range m.byName[n] {
			add(h)
		}
		return found
	}
	for _, h := range m.byID {
		add(h)
	}
	return found
}

// RevokeProvider implements [Store].
func (m *MemoryStore) RevokeProvider(_ context.Context, p Provider, until, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.forgetMarks(now); !now.Before(expires) {
		return nil
	}
	mark := m.marks.Hold(markOf(p), expiring.Ending(now, expires), m.marks.Len() < m.limit())
	switch {
	case mark == nil:
		return auth.ErrFull
	case until.After(mark.Value):
		mark.Value = until
	}
	return nil
}

// markOf is the key of the mark for a login at a provider.
func markOf(p Provider) expiring.Digest {
	if p.SessionID != "" {
		return expiring.DigestOf("sid", p.Issuer, p.SessionID)
	}
	return expiring.DigestOf("sub", p.Issuer, p.Subject)
}

// loggedOut reports whether there is a mark for the login of s.
func (m *MemoryStore) loggedOut(s Session) bool {
	if m.marks.Find("sid", s.Provider.Issuer, s.Provider.SessionID) != nil {
		return true
	}
	mark := m.marks.Find("sub", s.Provider.Issuer, s.Provider.Subject)
	return mark != nil && !s.AuthTime.After(mark.Value)
}

// Sweep implements [Store]. A login also sweeps.
func (m *MemoryStore) Sweep(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.forgetExpired(now)
	m.forgetMarks(now)
	return nil
}

// forgetMarks drops the marks that have ended.
func (m *MemoryStore) forgetMarks(now time.Time) {
	for before := -1; m.marks.Len() != before; {
		before = m.marks.Len()
		m.marks.Forget(now, nil)
	}
}

func (m *MemoryStore) limit() int { return expiring.Limit(m.Max, 100_000) }
