package authz

import (
	"slices"

	"github.com/bulwark-go/bulwark"
)

// held are the roles of one caller that the table knows.
type held struct {
	room    [8]*role
	more    []*role
	n       int
	unknown bool // there are others
}

// resolve looks the caller's roles up, once for a whole rule.
func (t *table) resolve(h *held, caller *bulwark.Principal) {
	for _, name := range caller.Roles {
		role := t.roles[name]
		switch {
		case role == nil:
			h.unknown = true
		case h.n < len(h.room):
			h.room[h.n] = role
			h.n++
		default:
			h.more = append(h.more, role)
		}
	}
}

// reaches returns how far the roles reach together.
func (h *held) reaches(number int) (set reaches) {
	if number < 0 {
		return 0
	}
	for _, role := range h.room[:h.n] {
		set |= role.grants[number]
	}
	for _, role := range h.more {
		set |= role.grants[number]
	}
	return set
}

// first returns the first role that fits, or nil.
func (h *held) first(fits func(*role) bool) *role {
	for _, roles := range [...][]*role{h.room[:h.n], h.more} {
		if i := slices.IndexFunc(roles, fits); i >= 0 {
			return roles[i]
		}
	}
	return nil
}

// noRole returns why no role grants anything, if there is no role at all.
func (h *held) noRole() error {
	switch {
	case h.n > 0:
		return nil
	case h.unknown:
		return errNoneKnown
	}
	return errNoRoles
}

func (h *held) any(pass []bool) bool {
	passes := func(r *role) bool { return pass[r.number] }
	return slices.ContainsFunc(h.room[:h.n], passes) || slices.ContainsFunc(h.more, passes)
}
