package sqlstore

import (
	"context"
	"database/sql"
	"errors"
)

// Reseal writes the MAC of each row again that is under a former key of
// Config.Secrets, and returns the number of these rows. All else stays as it
// is. When Reseal has returned nil, the former keys can be removed from the
// Secrets of all processes, if each of them writes under the newest key.
//
// Reseal reads all sessions, API keys, revocations and marks, in pages of 500
// rows, and may take minutes. It ends with ctx. The calls of requests go on
// meanwhile, because each row is a change of its own. A row that another call
// changes at the same moment is left out, because that call writes its MAC. A
// row that the service has not written is left as it is. Reseal then goes on
// with the others, and returns an error that names the first of these rows.
func (s *Store) Reseal(ctx context.Context) (rows int, err error) {
	s = s.made()
	var bad error
	for _, r := range []resealing{
		{"sessions", &s.sql.sessionSeals, &s.sql.sessionReseal, s.formerSession},
		{"keys", &s.sql.keySeals, &s.sql.keyReseal, s.formerKey},
		{"marks", &s.sql.markSeals, &s.sql.markReseal, func(rows *sql.Rows) ([]any, []byte, error) { return s.formerMark(rows, "marks") }},
		{"revocations", &s.sql.revokeSeals, &s.sql.revokeReseal, func(rows *sql.Rows) ([]any, []byte, error) { return s.formerMark(rows, "revocations") }},
	} {
		n, first, err := s.reseal(ctx, r)
		rows, bad = rows+n, errors.Join(bad, first)
		if err != nil {
			return rows, err
		}
	}
	return rows, bad
}

// A resealing is of one table. former reads a row, and returns the arguments
// that write its MAC again, or none if the MAC is under the newest key. It
// returns the digest of the row too, if the row can be read.
type resealing struct {
	table       string
	page, write *statement
	former      func(rows *sql.Rows) (args []any, digest []byte, err error)
}

// reseal returns the number of the rows that were written, and the error of the
// first row that is not good. err is an outage.
func (s *Store) reseal(ctx context.Context, r resealing) (written int, bad, err error) {
	for after, read := []byte{}, batch; read == batch; {
		var all [][]any
		last := after
		err := s.call(ctx, "read the MACs of "+r.table, func(ctx context.Context, in seat) error {
			all, read, last = nil, 0, after
			return in.each(ctx, func(rows *sql.Rows) error {
				args, digest, err := r.former(rows)
				if digest == nil {
					return err
				}
				if err != nil && bad == nil {
					bad = errors.Join(errors.New("sqlstore: reseal"), err)
				}
				if read, last = read+1, digest; args != nil {
					all = append(all, args)
				}
				return nil
			}, r.page, after, batch)
		})
		if err != nil {
			return written, bad, err
		}
		after = last
		for _, args := range all {
			err := s.call(ctx, "write a MAC of "+r.table, func(ctx context.Context, in seat) error {
				changed, err := in.exec(ctx, r.write, args...)
				written += int(changed)
				return err
			})
			if err != nil {
				return written, bad, err
			}
		}
	}
	return written, bad, nil
}

func (s *Store) formerSession(rows *sql.Rows) ([]any, []byte, error) {
	var row sessionRow
	var d []byte
	err := rows.Scan(&d, &row.id, &row.version, &row.generation, &row.issuer, &row.subject, &row.provider[0], &row.provider[1], &row.provider[2],
		&row.expires, &row.body, &row.mac)
	if err != nil {
		return nil, nil, err
	}
	row.digest = digestOf("session", string(row.id))
	return s.formerRow("sessions", d, row.digest, row.version, row.granted(), row.mac)
}

func (s *Store) formerKey(rows *sql.Rows) ([]any, []byte, error) {
	var row keyRow
	var d []byte
	err := rows.Scan(&d, &row.id, &row.version, &row.family, &row.owner, &row.tier, &row.madeAt, &row.expires, &row.body, &row.mac)
	if err != nil {
		return nil, nil, err
	}
	row.digest = digestOf("key", string(row.id))
	return s.formerRow("keys", d, row.digest, row.version, row.granted(), row.mac)
}

func (s *Store) formerRow(table string, held []byte, d digest, version int64, granted, mac []byte) ([]any, []byte, error) {
	if string(held) != string(d[:]) {
		return nil, held, badRow(table, d)
	}
	if err := s.seal.check(table, d, granted, mac, len(d)); err != nil {
		return nil, held, err
	}
	if now := s.seal.mac(granted); string(now) != string(mac) {
		return []any{held, version, mac, now}, held, nil
	}
	return nil, held, nil
}

func (s *Store) formerMark(rows *sql.Rows, table string) ([]any, []byte, error) {
	m := mark{table: table}
	var d, untilMAC, expiresMAC []byte
	if err := rows.Scan(&d, &m.until, &m.expires, &untilMAC, &expiresMAC); err != nil {
		return nil, nil, err
	}
	copy(m.digest[:], d)
	until, expires := m.granted("until", m.until), m.granted("expires", m.expires)
	err := errors.Join(s.seal.check(table, m.digest, until, untilMAC, half), s.seal.check(table, m.digest, expires, expiresMAC, half))
	if err != nil {
		return nil, d, err
	}
	nowUntil, nowExpires := s.seal.mac(until)[:half], s.seal.mac(expires)[:half]
	if string(nowUntil) == string(untilMAC) && string(nowExpires) == string(expiresMAC) {
		return nil, d, nil
	}
	return []any{d, m.until, m.expires, nowUntil, nowExpires}, d, nil
}
