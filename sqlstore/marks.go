package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// A mark says that something has ended: a login at a provider, the keys of an
// owner, or a credential. It ends what was made until a time, and is kept until
// it expires. A mark of a kind with a later time takes the place of one with an
// earlier time. So each of the two times has a MAC of its own.
type mark struct {
	table          string
	digest         digest
	until, expires int64
	live           bool // has not expired: see refuses
}

// The kinds of marks.
const (
	markSession = "provider session"
	markSubject = "provider subject"
	markOwner   = "key owner"
)

func (s *Store) markOf(table, kind, issuer, id string, until, expires time.Time) mark {
	m := mark{table: table, digest: digestOf(kind, issuer, id), until: ceiled(until), expires: never}
	if !expires.IsZero() || table == "marks" {
		m.expires = s.endHere(ceiled(expires))
	}
	return m
}

// subjectOf is the digest of a mark, or nil without an id.
func subjectOf(kind, issuer, id string) []byte {
	if id == "" {
		return nil
	}
	d := digestOf(kind, issuer, id)
	return d[:]
}

// granted is what a MAC covers: the digest and one of the times.
func (m *mark) granted(which string, time int64) []byte {
	b := appendText(appendText(nil, m.table), which)
	return appendInt(append(b, m.digest[:]...), time)
}

// keep writes a mark. It is one round trip.
func (s *Store) keep(ctx context.Context, in seat, st *statement, m mark) error {
	_, err := in.exec(ctx, st, m.digest[:], m.until, m.expires,
		s.seal.mac(m.granted("until", m.until))[:half], s.seal.mac(m.granted("expires", m.expires))[:half], s.here().UnixMicro())
	return err
}

// marked returns the marks with the digests, at most three, in their order. A
// nil digest has none. If somebody has changed one of the marks, it returns an
// error, and nobody gets in.
func (s *Store) marked(ctx context.Context, in seat, table string, digests ...[]byte) (found [3]mark, err error) {
	args := []any{nil, nil, nil}
	for i, d := range digests {
		args[i] = null(d)
	}
	here := s.here().UnixMicro()
	st := &s.sql.markGet
	if table == "revocations" {
		st = &s.sql.revokeGet
	}
	err = in.each(ctx, func(rows *sql.Rows) error {
		m := mark{table: table}
		var d, untilMAC, expiresMAC []byte
		var now int64
		if err := rows.Scan(&d, &m.until, &m.expires, &untilMAC, &expiresMAC, &now); err != nil {
			return err
		}
		s.compare(now, here)
		copy(m.digest[:], d)
		m.live = m.expires > min(now, here)
		if err := s.seal.check(table, m.digest, m.granted("until", m.until), untilMAC, half); err != nil {
			return err
		}
		if err := s.seal.check(table, m.digest, m.granted("expires", m.expires), expiresMAC, half); err != nil {
			return err
		}
		for i, asked := range digests {
			if string(asked) == string(d) {
				found[i] = m
			}
		}
		return nil
	}, st, args...)
	return found, err
}
