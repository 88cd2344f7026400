package sqlstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// keys implements [apikey.Store].
type keys struct{ *Store }

// Get implements [apikey.Store]. It is one round trip. A row that somebody has
// changed is an error and not auth.ErrNotFound, or apikey.Config.Legacy would
// be asked for the key.
func (s keys) Get(ctx context.Context, id string) (apikey.Record, error) {
	all, err := s.read(ctx, "read a key", &s.sql.keyGet, digestOfKey(id))
	switch {
	case err != nil:
		return apikey.Record{}, err
	case len(all) == 0:
		return apikey.Record{}, auth.ErrNotFound
	}
	return all[0], nil
}

// Create implements [apikey.Store].
func (s keys) Create(ctx context.Context, rec apikey.Record) error {
	rec.Version = firstVersion()
	return s.together(ctx, "create a key", func(ctx context.Context, in seat) error {
		row, err := s.owned(ctx, in, rec)
		if err != nil {
			return err
		}
		inserted, err := in.exec(ctx, &s.sql.keyInsert, row.digest[:], row.id, row.version, row.family, row.owner, null(row.tier), row.madeAt,
			row.expires, nullTime(rec.LastUsed), nullTime(rec.StaleReported), row.body, row.mac)
		switch {
		case err != nil:
			return err
		case inserted == 0:
			return auth.ErrConflict
		}
		return s.bound(ctx, in, "keys")
	})
}

// Update implements [apikey.Store].
func (s keys) Update(ctx context.Context, rec apikey.Record) error {
	before := int64(rec.Version)
	rec.Version++
	return s.together(ctx, "update a key", func(ctx context.Context, in seat) error {
		row, err := s.owned(ctx, in, rec)
		if err != nil {
			return err
		}
		updated, err := in.exec(ctx, &s.sql.keyUpdate, row.digest[:], before, row.version, row.family, row.owner, null(row.tier), row.madeAt,
			row.expires, row.body, row.mac)
		if err != nil || updated > 0 {
			return err
		}
		return s.has(ctx, in, &s.sql.keyHas, row.digest[:], auth.ErrConflict)
	})
}

// owned returns the row of a record. The record is revoked if its owner has a
// mark. It waits for a RevokeOwner of the owner, which waits for the end of
// this transaction.
func (s keys) owned(ctx context.Context, in seat, rec apikey.Record) (*keyRow, error) {
	if err := s.beside(ctx, in, s.lockOf(markOwner, rec.Issuer, rec.Subject)); err != nil {
		return nil, err
	}
	d := digestOf(markOwner, rec.Issuer, rec.Subject)
	found, err := s.marked(ctx, in, "marks", d[:])
	if err != nil {
		return nil, err
	}
	if m := found[0]; m.live && rec.RevokedAt.IsZero() && micros(rec.CreatedAt) <= m.until {
		rec.RevokedAt = timeOf(m.until)
	}
	return s.keyRow(&rec), nil
}

// Mark implements [apikey.Store].
func (s keys) Mark(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (set bool, err error) {
	st := &s.sql.keyUsed
	if mark == apikey.Stale {
		st = &s.sql.keyStale
	}
	err = s.call(ctx, "mark a key", func(ctx context.Context, in seat) error {
		updated, err := in.exec(ctx, st, digestOfKey(id), micros(at), micros(at)-microsUp(every))
		if set = err == nil && updated > 0; err != nil || set {
			return err
		}
		return s.has(ctx, in, &s.sql.keyHas, digestOfKey(id), nil)
	})
	return set, err
}

// List implements [apikey.Store].
func (s keys) List(ctx context.Context, f apikey.Filter) ([]apikey.Record, error) {
	var args []any
	set := 0
	filter := func(i int, used bool, value func() any) {
		if used {
			set |= 1 << i
			args = append(args, value())
		}
	}
	filter(0, f.Family != "", func() any { return always("family", f.Family) })
	filter(1, f.Owner != nil, func() any { return always("owner", f.Owner.Issuer, f.Owner.Subject) })
	filter(2, f.Tier != "", func() any { return always("tier", f.Tier) })
	filter(3, !f.Stale.IsZero(), func() any { return ceiled(f.Stale) })
	return s.read(ctx, "list keys", &s.sql.keyLists[set], append(args, []byte(f.After), pageOf(f.Limit))...)
}

// RevokeOwner implements [apikey.Store].
func (s keys) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	m := s.markOf("marks", markOwner, issuer, subject, until, expires)
	return s.together(ctx, "revoke the keys of an owner", func(ctx context.Context, in seat) error {
		if err := s.alone(ctx, in, s.lockOf(markOwner, issuer, subject)); err != nil {
			return err
		}
		if err := s.keep(ctx, in, &s.sql.mark, m); err != nil {
			return err
		}
		return s.bound(ctx, in, "marks")
	})
}

// Sweep implements [apikey.Store].
func (s keys) Sweep(ctx context.Context) error { return s.sweep(ctx, "keys", "marks") }

func (s keys) read(ctx context.Context, described string, st *statement, args ...any) (all []apikey.Record, err error) {
	err = s.call(ctx, described, func(ctx context.Context, in seat) error {
		all = nil
		return in.each(ctx, func(rows *sql.Rows) error {
			found, err := s.scanKey(rows)
			if err == nil {
				all = append(all, found)
			}
			return err
		}, st, args...)
	})
	return all, err
}
