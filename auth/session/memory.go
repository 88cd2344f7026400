package session

import (
	"container/heap"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A MemoryStore is a [Store] in memory, for one process. When the process ends,
// all sessions end. The zero value is ready. A MemoryStore is safe for
// concurrent use and must not be copied. It never waits and ignores contexts.
type MemoryStore struct {
	// Max bounds the number of sessions, at less than 1 KiB each. If the store
	// is full, a login is refused, because the store never evicts a session of
	// another caller. Default: 100,000.
	Max int

	mu     sync.RWMutex
	byID   map[string]*held
	byName map[name][]*held
	expiry expiryHeap
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
	case len(m.byID)-len(leaving) >= m.limit():
		return nil, auth.ErrFull
	}
	var ended []string
	for _, old := range leaving {
		ended = append(ended, old.ID)
		m.remove(old)
	}
	s.Version, s.RefreshedAt, s.ReadAt = 1, now, time.Time{}
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
	s.RefreshedAt, s.ReadAt = h.RefreshedAt, time.Time{}
	if s.Generation != h.Generation {
		s.RefreshedAt = time.Now()
	}
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
func (m *MemoryStore) List(_ context.Context, f Filter) ([]Session, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []Session
	for _, h := range m.byName[nameOf(f)] {
		if f.Matches(h.Session) {
			all = append(all, h.Session)
		}
	}
	return all, nil
}

// Sweep implements [Store]. A login also sweeps.
func (m *MemoryStore) Sweep(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetExpired(time.Now())
	return nil
}

func (m *MemoryStore) limit() int {
	if m.Max > 0 {
		return m.Max
	}
	return 100_000
}

// A name finds sessions other than by their id.
type name struct {
	kind        nameKind
	issuer, key string
}

type nameKind byte

const (
	byCaller nameKind = iota
	byProviderSubject
	byProviderSession
)

func callerOf(s Session) name { return name{byCaller, s.Issuer, s.Subject} }

// namesOf returns the names of a session.
func namesOf(s Session) []name {
	names := []name{callerOf(s)}
	if p := s.Provider; p.Subject != "" {
		names = append(names, name{byProviderSubject, p.Issuer, p.Subject})
	}
	if p := s.Provider; p.SessionID != "" {
		names = append(names, name{byProviderSession, p.Issuer, p.SessionID})
	}
	return names
}

// nameOf returns a name of all sessions that the filter matches: the name with
// the fewest sessions.
func nameOf(f Filter) name {
	switch {
	case f.Provider.SessionID != "":
		return name{byProviderSession, f.Provider.Issuer, f.Provider.SessionID}
	case f.Subject != "":
		return name{byCaller, f.Issuer, f.Subject}
	}
	return name{byProviderSubject, f.Provider.Issuer, f.Provider.Subject}
}

func (m *MemoryStore) add(h *held) {
	if m.byID == nil {
		m.byID, m.byName = make(map[string]*held), make(map[name][]*held)
	}
	m.byID[h.ID] = h
	for _, n := range namesOf(h.Session) {
		m.byName[n] = append(m.byName[n], h)
	}
	heap.Push(&m.expiry, h)
}

func (m *MemoryStore) remove(h *held) {
	delete(m.byID, h.ID)
	heap.Remove(&m.expiry, h.index)
	for _, n := range namesOf(h.Session) {
		left := slices.DeleteFunc(m.byName[n], func(other *held) bool { return other == h })
		if len(left) == 0 {
			delete(m.byName, n)
			continue
		}
		m.byName[n] = left
	}
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
