package authz

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// A match is a set of grants that cover one permission. Roles and permissions
// that have the same set share it. So a role with the grant "*" needs a single
// match, however many permissions there are.
type match struct {
	grants []uint32   // numbers, ascending
	texts  [][]string // by the bit of a reach: the grants that reach so far, sorted
}

// A matcher makes the matches of a table. It numbers the grants in the order of
// their texts. Therefore a match does not depend on the order of the roles or
// of the grants in the configuration.
type matcher struct {
	reaches int // declared ones
	grants  []*grant
	known   map[string]uint32    // matches by their grants
	unions  map[[2]uint32]uint32 // of two matches
	matches []match              // the first is empty
	bytes   int                  // that all of this takes, about
}

// maxMatchBytes bounds the matches. Otherwise their number could be that of the
// actions times that of the roles, each with texts of its own.
const maxMatchBytes = 64 << 20

// full reports whether there is no room for the matches of more roles.
func (m *matcher) full() bool { return m.bytes > maxMatchBytes }

func newMatcher(t *table, grants map[string]*grant) *matcher {
	m := &matcher{reaches: len(t.reachNames), known: map[string]uint32{}, unions: map[[2]uint32]uint32{}}
	m.grants = slices.SortedFunc(maps.Values(grants), func(a, b *grant) int { return strings.Compare(a.text, b.text) })
	for i, g := range m.grants {
		g.number = uint32(i)
	}
	m.intern(nil)
	return m
}

// single returns the match of one grant.
func (m *matcher) single(g *grant) uint32 { return m.intern([]uint32{g.number}) }

// union returns the match of the grants of two matches.
func (m *matcher) union(a, b uint32) uint32 {
	switch {
	case a == b || b == 0:
		return a
	case a == 0:
		return b
	}
	pair := [2]uint32{min(a, b), max(a, b)}
	number, ok := m.unions[pair]
	if !ok {
		both := slices.Concat(m.matches[a].grants, m.matches[b].grants)
		slices.Sort(both)
		number = m.intern(slices.Compact(both))
		m.unions[pair] = number
		m.bytes += 32
	}
	return number
}

func (m *matcher) intern(grants []uint32) uint32 {
	key := make([]byte, 0, 32) // more is rare
	for _, number := range grants {
		key = binary.LittleEndian.AppendUint32(key, number)
	}
	number, ok := m.known[string(key)]
	if !ok {
		number = uint32(len(m.matches))
		m.known[string(key)] = number
		m.matches = append(m.matches, match{grants, m.texts(grants)})
		m.bytes += 128 + 8*len(grants)
	}
	return number
}

// texts lists the grants by reach. Reaches that no grant names have the list of
// the reach all.
func (m *matcher) texts(grants []uint32) [][]string {
	var named reaches
	for _, number := range grants {
		named |= m.grants[number].reach
	}
	lists := make([][]string, m.reaches)
	m.bytes += 24 * len(lists)
	for bit := range lists {
		if bit > 0 && named&(1<<bit) == 0 {
			lists[bit] = lists[0]
			continue
		}
		list := make([]string, 0, len(grants))
		for _, number := range grants {
			if g := m.grants[number]; widen(g.reach)&(1<<bit) != 0 {
				list = append(list, g.text)
			}
		}
		lists[bit] = slices.Clip(list)
		m.bytes += 16 * len(list)
	}
	return lists
}
