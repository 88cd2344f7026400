package sqlstore

import (
	"bytes"
	"database/sql"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// A keyRow is a record of an API key as the database keeps it.
type keyRow struct {
	digest        digest
	id            []byte
	version       int64
	family, owner []byte // for filters
	tier          []byte // for filters; nil is NULL
	madeAt        sql.NullInt64
	expires       int64
	body, mac     []byte
}

func digestOfKey(id string) []byte {
	d := digestOf("key", id)
	return d[:]
}

// keyRow returns the row of a record, with its MAC.
func (s *Store) keyRow(of *apikey.Record) *keyRow {
	row := &keyRow{
		digest: digestOf("key", of.ID), id: []byte(of.ID), version: int64(of.Version),
		family: always("family", of.Family), owner: always("owner", of.Issuer, of.Subject), tier: filterOf("tier", of.Tier),
		expires: ceiled(of.ExpiresAt), body: keyBody(of),
	}
	if of.Adopted {
		row.expires = never
	}
	if len(of.Secrets) > 0 {
		row.madeAt = sql.NullInt64{Int64: micros(of.Secrets[0].CreatedAt), Valid: true}
	}
	row.mac = s.seal.mac(row.granted())
	return row
}

// granted is what the MAC covers: all that the row grants, and everything that
// finds or hides it.
func (row *keyRow) granted() []byte {
	b := appendText(make([]byte, 0, 256+len(row.body)), "key")
	b = append(b, row.digest[:]...)
	b = appendInt(appendInt(appendInt(b, row.version), row.expires), row.madeAt.Int64)
	for _, filter := range [...][]byte{row.family, row.owner, row.tier, row.body} {
		b = appendText(b, filter)
	}
	return b
}

func keyBody(rec *apikey.Record) []byte {
	w := newWriter()
	for _, text := range [...]string{rec.Family, rec.Name, rec.Issuer, rec.Subject, rec.Tier} {
		w.text(text)
	}
	w.texts(rec.Roles)
	w.texts(rec.Scopes)
	list(w, rec.Networks, func(n netip.Prefix) { w.text(n.String()) })
	list(w, rec.Secrets, func(secret apikey.Secret) {
		w.fixed(secret.Hash[:])
		w.number(secret.Pepper)
		w.time(secret.CreatedAt)
		w.time(secret.NotAfter)
	})
	w.time(rec.CreatedAt)
	w.time(rec.ExpiresAt)
	w.time(rec.RevokedAt)
	w.number(bit(rec.Adopted))
	return w.out
}

// scanKey reads a row and checks its MAC.
func (s *Store) scanKey(rows *sql.Rows) (rec apikey.Record, err error) {
	var row keyRow
	var digest []byte
	var used, stale sql.NullInt64
	var now int64
	err = rows.Scan(&digest, &row.id, &row.version, &row.family, &row.owner, &row.tier, &row.madeAt, &row.expires, &used, &stale, &row.body, &row.mac, &now)
	if err != nil {
		return rec, err
	}
	s.compare(now, s.here().UnixMicro())
	row.digest = digestOf("key", string(row.id))
	if !bytes.Equal(digest, row.digest[:]) {
		return rec, badRow("keys", row.digest)
	}
	if err := s.seal.check("keys", row.digest, row.granted(), row.mac, len(row.digest)); err != nil {
		return rec, err
	}
	rec = apikey.Record{ID: string(row.id), Version: uint64(row.version), LastUsed: timeOrZero(used), StaleReported: timeOrZero(stale)}
	return rec, readKey(&rec, row.body)
}

func readKey(rec *apikey.Record, body []byte) error {
	r := newReader(body)
	for _, text := range [...]*string{&rec.Family, &rec.Name, &rec.Issuer, &rec.Subject, &rec.Tier} {
		*text = r.text()
	}
	rec.Roles, rec.Scopes = r.texts(), r.texts()
	rec.Networks = readList(r, func() netip.Prefix {
		n, err := netip.ParsePrefix(r.text())
		if err != nil && r.err == nil {
			r.err = errBody
		}
		return n
	})
	rec.Secrets = readList(r, func() apikey.Secret {
		return apikey.Secret{Hash: r.sum(), Pepper: r.number(), CreatedAt: r.time(), NotAfter: r.time()}
	})
	rec.CreatedAt, rec.ExpiresAt, rec.RevokedAt = r.time(), r.time(), r.time()
	rec.Adopted = r.number() != 0
	return r.end()
}

// nullTime is NULL for the zero time.
func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return micros(t)
}

func timeOrZero(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return timeOf(n.Int64)
}
