package authz

import "slices"

// An audience is who may read, or write, a property.
type audience struct {
	everybody bool    // to whom the object was granted
	reaches   reaches // one of these
	roles     []bool  // or one of these, by number
}

// admits reports whether a caller with these roles belongs to the audience of
// an object that is within these of the caller's reaches.
func (a *audience) admits(within reaches, h *held) bool {
	return a.everybody || a.reaches&within != 0 || a.admitsRole(h)
}

func (a *audience) admitsRole(h *held) bool { return a.roles != nil && h.any(a.roles) }

// empty reports whether nobody belongs to the audience.
func (a *audience) empty() bool {
	return !a.everybody && a.reaches == 0 && a.roles == nil
}

func (a *audience) equal(b *audience) bool {
	return a.everybody == b.everybody && a.reaches == b.reaches && slices.Equal(a.roles, b.roles)
}

// readers are the different audiences of all properties that somebody may read.
// Most tags of a policy say one of a few things, so that what a caller may read
// is known from a few bits.
type readers []audience

// everybody returns the readers of what has no tag. Its number is 0.
func everybody() readers { return readers{{everybody: true}} }

// number returns the number of an audience, which it adds if it is new.
func (all *readers) number(a audience) int {
	for i := range *all {
		if (*all)[i].equal(&a) {
			return i
		}
	}
	// Earlier tables read the old ones meanwhile.
	*all = append(slices.Clip(*all), a)
	return len(*all) - 1
}

// A sight says for each audience of a table whether one caller belongs to it.
// Its parts are computed at different times: what the roles say once for a
// request, and what the reaches say for each object.
type sight struct {
	all     readers
	byRole  []uint64
	within  reaches // the reaches that seen is for
	seen    []uint64
	wanted  reaches // which could show more than the roles do
	started bool
}

// start computes what the roles of the caller say.
func (s *sight) start(all readers, h *held) {
	words := (len(all) + 63) / 64
	s.all, s.wanted, s.started = all, 0, false
	s.byRole = append(s.byRole[:0], make([]uint64, words)...)
	s.seen = append(s.seen[:0], make([]uint64, words)...)
	for i := range all {
		if a := &all[i]; a.everybody || a.admitsRole(h) {
			s.byRole[i/64] |= 1 << (i % 64)
		} else {
			s.wanted |= a.reaches
		}
	}
}

// turn makes s that of an object within these reaches. Objects of a list mostly
// are within the same reaches.
func (s *sight) turn(within reaches) {
	if s.started && within == s.within {
		return
	}
	s.started, s.within = true, within
	copy(s.seen, s.byRole)
	for i := range s.all {
		if s.all[i].reaches&within != 0 {
			s.seen[i/64] |= 1 << (i % 64)
		}
	}
}

// has reports whether the caller belongs to the audience of that number.
func (s *sight) has(number int) bool {
	return s.seen[number>>6]>>(number&63)&1 != 0
}
