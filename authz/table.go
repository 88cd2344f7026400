package authz

import (
	"math/bits"
	"reflect"
	"strings"
)

// A table is a compiled policy. It is immutable once published.
type table struct {
	permissions []permission
	numbers     map[string]map[string]int // by resource and action
	actions     map[string][]string       // by resource, sorted
	reachNames  []string                  // bit i is named by entry i
	roles       map[string]*role
	roleNames   []string                   // sorted; a role's number is its place
	checks      []check                    // compiled rules of the routes, by number
	fields      map[reflect.Type]*fieldset // registered structs, and those in them
	readers     readers                    // of their properties
	plans       *plans                     // by which they are written
}

// A permission is an action on a kind of object.
type permission struct{ resource, action string }

func (p permission) String() string { return p.resource + ":" + p.action }

// A role is a compiled role.
type role struct {
	name     string
	number   int
	grants   []reaches // by permission number, inherited ones included
	lineage  []bool    // by role number: itself and all that it inherits from
	inherits []*role   // direct, for Explain
	own      []grant   // direct, for Explain
}

// A reaches is a set of reaches, one bit each.
type reaches uint32

const (
	reachAll reaches = 1 << iota
	reachOwn
	reachCustom // the first declared one; the others follow
)

// maxReaches bounds the declared reaches so that all of them fit the set.
const maxReaches = 24

// every is what "all" implies: all reaches.
const every = ^reaches(0)

// widen adds the reaches that a reach implies: all implies every other.
func widen(reach reaches) reaches {
	if reach&reachAll != 0 {
		return every
	}
	return reach
}

// reachBit returns the reach of that name, or 0 if it is not declared.
func (t *table) reachBit(name string) reaches {
	switch name {
	case "all":
		return reachAll
	case "own":
		return reachOwn
	}
	for i, declared := range t.reachNames[2:] {
		if declared == name {
			return reachCustom << i
		}
	}
	return 0
}

// reachName returns the name of one reach, or "" if it is not declared.
func (t *table) reachName(bit reaches) string {
	if i := bits.TrailingZeros32(uint32(bit)); i < len(t.reachNames) {
		return t.reachNames[i]
	}
	return ""
}

// reachText names a set of reaches; all says everything.
func (t *table) reachText(set reaches) string {
	if set&reachAll != 0 {
		return "all"
	}
	var names []string
	for i, name := range t.reachNames {
		if set&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}
