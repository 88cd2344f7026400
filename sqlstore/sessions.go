package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// sessions implements [session.Store].
type sessions struct{ *Store }

// Create implements [session.Store]. A caller has one Create at a time, because
// each Create counts the sessions of the caller. A Create and a RevokeProvider
// of its login wait for each other.
func (s sessions) Create(ctx context.Context, made session.Session, limit int, replaces []string) (ended []string, err error) {
	made.Version = firstVersion()
	row := s.sessionRow(&made)
	err = s.together(ctx, "create a session", func(ctx context.Context, in seat) error {
		ended = nil
		if err := s.lockLogin(ctx, in, &made); err != nil {
			return err
		}
		if out, err := s.loggedOut(ctx, in, &made); err != nil {
			return err
		} else if out {
			return session.ErrLoggedOut
		}
		siblings, err := s.siblings(ctx, in, row)
		if err != nil {
			return err
		}
		inserted, err := in.exec(ctx, &s.sql.sessionInsert, row.digest[:], row.id, row.version, row.generation, row.issuer, row.subject,
			null(row.provider[0]), null(row.provider[1]), null(row.provider[2]), row.expires, row.body, row.mac)
		if err != nil {
			return err
		}
		if inserted == 0 {
			return auth.ErrConflict
		}
		for _, id := range leaving(siblings, max(limit, 1), replaces) {
			deleted, err := in.exec(ctx, &s.sql.sessionDelete, digestOfSession(id))
			if err != nil {
				return err
			}
			if deleted > 0 {
				ended = append(ended, id)
			}
		}
		return s.bound(ctx, in, "sessions")
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// firstVersion is the Version of a new record. It is random, so that a record
// that is made again never has the Version of an earlier record.
func firstVersion() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) >> 16
}

// lockLogin waits for other Creates of the caller, and for a RevokeProvider of
// the login.
func (s sessions) lockLogin(ctx context.Context, in seat, made *session.Session) error {
	if s.config.Dialect == SQLite {
		return nil
	}
	caller := s.lockOf("caller", made.Issuer, made.Subject)
	bySession, bySubject := caller, caller // a lock that it has
	if made.Provider.SessionID != "" {
		bySession = s.lockOf(markSession, made.Provider.Issuer, made.Provider.SessionID)
	}
	if made.Provider.Subject != "" {
		bySubject = s.lockOf(markSubject, made.Provider.Issuer, made.Provider.Subject)
	}
	_, err := in.exec(ctx, &s.sql.lockSessions, caller, bySession, bySubject)
	return err
}

// loggedOut reports whether there is a mark for the login.
func (s sessions) loggedOut(ctx context.Context, in seat, made *session.Session) (bool, error) {
	p := made.Provider
	marks, err := s.marked(ctx, in, "marks", subjectOf(markSession, p.Issuer, p.SessionID), subjectOf(markSubject, p.Issuer, p.Subject))
	if err != nil {
		return false, err
	}
	return marks[0].live || marks[1].live && micros(made.AuthTime) <= marks[1].until, nil
}

// siblings returns the ids of the sessions of the same caller. The session that
// was refreshed least recently is the first.
func (s sessions) siblings(ctx context.Context, in seat, row *sessionRow) (ids []string, err error) {
	err = in.each(ctx, func(rows *sql.Rows) error {
		var d, id []byte
		if err := rows.Scan(&d, &id); err != nil {
			return err
		}
		ids = append(ids, string(id))
		return nil
	}, &s.sql.sessionSiblings, row.issuer, row.subject)
	return ids, err
}

// leaving returns the sessions that end: first the replaced sessions, then the
// sessions above the limit.
func leaving(siblings []string, limit int, replaces []string) (ids []string) {
	var staying []string
	for _, id := range siblings {
		if slices.Contains(replaces, id) {
			ids = append(ids, id)
		} else {
			staying = append(staying, id)
		}
	}
	return append(ids, staying[:max(len(staying)-limit+1, 0)]...)
}

// Get implements [session.Store]. It is one round trip.
func (s sessions) Get(ctx context.Context, id string) (found session.Session, err error) {
	all, err := s.read(ctx, "read a session", &s.sql.sessionGet, digestOfSession(id))
	switch {
	case err != nil:
		return session.Session{}, err
	case len(all) == 0:
		return session.Session{}, auth.ErrNotFound
	}
	return all[0], nil
}

// Update implements [session.Store]. It is one round trip, if the Version is
// the current one.
func (s sessions) Update(ctx context.Context, next session.Session) error {
	before := int64(next.Version)
	next.Version++
	row := s.sessionRow(&next)
	return s.call(ctx, "update a session", func(ctx context.Context, in seat) error {
		updated, err := in.exec(ctx, &s.sql.sessionUpdate, row.digest[:], before, row.version, row.generation, row.issuer, row.subject,
			null(row.provider[0]), null(row.provider[1]), null(row.provider[2]), row.expires, row.body, row.mac)
		if err != nil || updated > 0 {
			return err
		}
		return s.has(ctx, in, &s.sql.sessionHas, row.digest[:], auth.ErrConflict)
	})
}

// has returns the given error if there is such a row, or auth.ErrNotFound.
func (s *Store) has(ctx context.Context, in seat, st *statement, digest []byte, there error) error {
	result := auth.ErrNotFound
	err := in.each(ctx, func(*sql.Rows) error { result = there; return nil }, st, digest)
	if err != nil {
		return err
	}
	return result
}

// Touch implements [session.Store].
func (s sessions) Touch(ctx context.Context, id string, every time.Duration) error {
	return s.call(ctx, "touch a session", func(ctx context.Context, in seat) error {
		touched, err := in.exec(ctx, &s.sql.sessionTouch, digestOfSession(id), microsUp(every))
		if err != nil || touched > 0 {
			return err
		}
		return s.has(ctx, in, &s.sql.sessionHas, digestOfSession(id), nil)
	})
}

// Delete implements [session.Store].
func (s sessions) Delete(ctx context.Context, id string) (there bool, err error) {
	err = s.call(ctx, "delete a session", func(ctx context.Context, in seat) error {
		deleted, err := in.exec(ctx, &s.sql.sessionDelete, digestOfSession(id))
		there = err == nil && deleted > 0
		return err
	})
	return there, err
}

// List implements [session.Store].
func (s sessions) List(ctx context.Context, f session.Filter) ([]session.Session, error) {
	var args []any
	set := 0
	for i, filter := range [...][2]string{{f.Issuer, "issuer"}, {f.Subject, "subject"}, {f.Provider.Issuer, "provider issuer"},
		{f.Provider.Subject, "provider subject"}, {f.Provider.SessionID, "provider session"}} {
		if filter[0] != "" {
			set |= 1 << i
			args = append(args, always(filter[1], filter[0]))
		}
	}
	return s.read(ctx, "list sessions", &s.sql.sessionLists[set], append(args, []byte(f.After), pageOf(f.Limit))...)
}

// pageOf is the length of a page.
func pageOf(limit int) int64 {
	if limit < 1 || limit > maxPage {
		return maxPage
	}
	return int64(limit)
}

const maxPage = 1000

// RevokeProvider implements [session.Store].
func (s sessions) RevokeProvider(ctx context.Context, p session.Provider, until, expires time.Time) error {
	kind, id := markSubject, p.Subject
	if p.SessionID != "" {
		kind, id = markSession, p.SessionID
	}
	m := s.markOf("marks", kind, p.Issuer, id, until, expires)
	return s.together(ctx, "revoke a login", func(ctx context.Context, in seat) error {
		if err := s.alone(ctx, in, s.lockOf(kind, p.Issuer, id)); err != nil {
			return err
		}
		if err := s.keep(ctx, in, &s.sql.mark, m); err != nil {
			return err
		}
		return s.bound(ctx, in, "marks")
	})
}

// Sweep implements [session.Store].
func (s sessions) Sweep(ctx context.Context) error { return s.sweep(ctx, "sessions", "marks") }

func (s sessions) read(ctx context.Context, described string, st *statement, args ...any) (all []session.Session, err error) {
	err = s.call(ctx, described, func(ctx context.Context, in seat) error {
		all = nil
		return in.each(ctx, func(rows *sql.Rows) error {
			found, err := s.scanSession(rows)
			if err == nil {
				all = append(all, found)
			}
			return err
		}, st, args...)
	})
	return all, err
}
