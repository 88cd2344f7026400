package session

import (
	"container/heap"
	"slices"
	"time"
)

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
// the fewest sessions. It returns false if the filter has no such name.
func nameOf(f Filter) (name, bool) {
	p := f.Provider
	switch {
	case p.Issuer != "" && p.SessionID != "":
		return name{byProviderSession, p.Issuer, p.SessionID}, true
	case f.Issuer != "" && f.Subject != "":
		return name{byCaller, f.Issuer, f.Subject}, true
	case p.Issuer != "" && p.Subject != "":
		return name{byProviderSubject, p.Issuer, p.Subject}, true
	}
	return name{}, false
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
