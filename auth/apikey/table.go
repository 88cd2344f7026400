package apikey

import (
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A table is what a store in memory holds. It does not lock. The methods that
// return a change prepare it, and apply makes it. So a [FileStore] can write
// the change to its file in between. The zero value is ready.
type table struct {
	keys   map[string]*Record
	owners map[owner]ownerMark
}

type owner struct{ issuer, subject string }

// An ownerMark revokes the keys of an owner that were made until then.
type ownerMark struct{ until, expires time.Time }

// A change is one step of a table.
type change struct {
	put    *Record // stored in place of the record with its ID
	drop   []string
	whose  owner // has the mark, unless it expires at the zero time
	mark   ownerMark
	forget []owner
}

// empty reports whether the change does nothing.
func (c change) empty() bool {
	return c.put == nil && len(c.drop) == 0 && c.mark.expires.IsZero() && len(c.forget) == 0
}

func (t *table) apply(c change) {
	for _, id := range c.drop {
		delete(t.keys, id)
	}
	for _, whose := range c.forget {
		delete(t.owners, whose)
	}
	if c.put != nil {
		if t.keys == nil {
			t.keys = make(map[string]*Record)
		}
		if old := t.keys[c.put.ID]; old != nil {
			c.put.LastUsed, c.put.StaleReported = old.LastUsed, old.StaleReported
		}
		t.keys[c.put.ID] = c.put
	}
	if !c.mark.expires.IsZero() {
		if t.owners == nil {
			t.owners = make(map[owner]ownerMark)
		}
		t.owners[c.whose] = c.mark
	}
}

func (t *table) get(id string) (Record, error) {
	rec, ok := t.keys[id]
	if !ok {
		return Record{}, auth.ErrNotFound
	}
	return *rec, nil
}

// create prepares a Create. Expired records make room.
func (t *table) create(rec Record, limit int, now time.Time) (c change, err error) {
	if _, taken := t.keys[rec.ID]; taken {
		return c, auth.ErrConflict
	}
	if len(t.keys) >= limit {
		if c = t.sweep(now); len(t.keys)-len(c.drop) >= limit {
			return change{}, auth.ErrFull
		}
	}
	rec = t.marked(rec.clone())
	rec.Version = 1
	c.put = &rec
	return c, nil
}

// update prepares an Update.
func (t *table) update(rec Record) (change, error) {
	old, ok := t.keys[rec.ID]
	switch {
	case !ok:
		return change{}, auth.ErrNotFound
	case old.Version != rec.Version:
		return change{}, auth.ErrConflict
	}
	rec = t.marked(rec.clone())
	rec.Version++
	return change{put: &rec}, nil
}

// setMark is Mark.
func (t *table) setMark(id string, mark Mark, at time.Time, every time.Duration) (bool, error) {
	rec, ok := t.keys[id]
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

// matching returns copies of the records that the filter matches, without
// order.
func (t *table) matching(f Filter) (all []Record) {
	for id, rec := range t.keys {
		if id > f.After && f.Matches(*rec) {
			all = append(all, *rec)
		}
	}
	return all
}

// page returns the first records of a list, in the order of their ids.
func page(all []Record, limit int) []Record {
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(a.ID, b.ID) })
	if limit < 1 {
		limit = maxPage
	}
	return slices.Clip(all[:min(len(all), limit)])
}

// revokeOwner prepares a mark. Expired marks make room.
func (t *table) revokeOwner(whose owner, until, expires time.Time, limit int, now time.Time) (c change, err error) {
	last, has := t.owners[whose]
	if has {
		if last.until.After(until) {
			until = last.until
		}
		if last.expires.After(expires) {
			expires = last.expires
		}
	} else if len(t.owners) >= limit {
		if c = t.sweep(now); len(t.owners)-len(c.forget) >= limit {
			return change{}, auth.ErrFull
		}
	}
	c.whose, c.mark = whose, ownerMark{until, expires}
	return c, nil
}

// marked returns rec. If its owner has a mark, rec is revoked.
func (t *table) marked(rec Record) Record {
	mark, has := t.owners[owner{rec.Issuer, rec.Subject}]
	if has && rec.RevokedAt.IsZero() && !rec.CreatedAt.After(mark.until) {
		rec.RevokedAt = mark.until
	}
	return rec
}

// sweep prepares to drop the keys and the marks that have expired. The service
// refuses a dropped key as an unknown key.
func (t *table) sweep(now time.Time) (c change) {
	for id, rec := range t.keys {
		if rec.forgettable(now) {
			c.drop = append(c.drop, id)
		}
	}
	for whose, mark := range t.owners {
		if !now.Before(mark.expires) {
			c.forget = append(c.forget, whose)
		}
	}
	return c
}
