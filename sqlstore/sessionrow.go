package sqlstore

import (
	"bytes"
	"database/sql"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/auth/session"
)

// A sessionRow is a session as the database keeps it.
type sessionRow struct {
	digest              digest
	id                  []byte
	version, generation int64
	issuer, subject     []byte    // for filters
	provider            [3][]byte // for filters; nil is NULL
	expires             int64
	body, mac           []byte
}

func digestOfSession(id string) []byte {
	d := digestOf("session", id)
	return d[:]
}

// sessionRow returns the row of a session, with its MAC.
func (s *Store) sessionRow(of *session.Session) *sessionRow {
	p := of.Provider
	row := &sessionRow{
		digest: digestOf("session", of.ID), id: []byte(of.ID), version: int64(of.Version), generation: int64(of.Generation),
		issuer: always("issuer", of.Issuer), subject: always("subject", of.Subject),
		provider: [3][]byte{filterOf("provider issuer", p.Issuer), filterOf("provider subject", p.Subject), filterOf("provider session", p.SessionID)},
		expires:  micros(of.ExpiresAt), body: sessionBody(of),
	}
	row.mac = s.seal.mac(row.granted())
	return row
}

// granted is what the MAC covers: all that the row grants, and everything that
// finds or hides it.
func (row *sessionRow) granted() []byte {
	b := appendText(make([]byte, 0, 256+len(row.body)), "session")
	b = append(b, row.digest[:]...)
	b = appendInt(appendInt(appendInt(b, row.version), row.generation), row.expires)
	for _, filter := range [...][]byte{row.issuer, row.subject, row.provider[0], row.provider[1], row.provider[2], row.body} {
		b = appendText(b, filter)
	}
	return b
}

func sessionBody(s *session.Session) []byte {
	w := newWriter()
	for _, text := range [...]string{s.Issuer, s.Subject, s.Kind, s.Provider.Issuer, s.Provider.Subject, s.Provider.SessionID, s.ACR, s.UserAgent, s.StoreKey} {
		w.text(text)
	}
	w.time(s.AuthTime)
	w.time(s.CreatedAt)
	address := ""
	if s.ClientIP.IsValid() {
		address = s.ClientIP.String()
	}
	w.text(address)
	list(w, slices.Sorted(maps.Keys(s.Factors)), func(factor string) {
		w.text(factor)
		w.time(s.Factors[factor])
	})
	w.fixed(s.Hash[:])
	w.fixed(s.Seal[:])
	w.number(s.GraceRun)
	w.number(bit(s.Shown) | bit(s.GraceUsed)<<1)
	return w.out
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// scanSession reads a row and checks its MAC.
func (s *Store) scanSession(rows *sql.Rows) (found session.Session, err error) {
	var row sessionRow
	var digest []byte
	var refreshed, used, read int64
	err = rows.Scan(&digest, &row.id, &row.version, &row.generation, &row.issuer, &row.subject, &row.provider[0], &row.provider[1], &row.provider[2],
		&refreshed, &used, &row.expires, &row.body, &row.mac, &read)
	if err != nil {
		return found, err
	}
	s.compare(read, s.here().UnixMicro())
	row.digest = digestOf("session", string(row.id))
	if !bytes.Equal(digest, row.digest[:]) {
		return found, badRow("sessions", row.digest)
	}
	if err := s.seal.check("sessions", row.digest, row.granted(), row.mac, len(row.digest)); err != nil {
		return found, err
	}
	found = session.Session{ID: string(row.id), Version: uint64(row.version), Generation: int(row.generation),
		RefreshedAt: timeOf(refreshed), UsedAt: timeOf(used), ReadAt: timeOf(read), ExpiresAt: timeOf(row.expires)}
	return found, readSession(&found, row.body)
}

func readSession(s *session.Session, body []byte) error {
	r := newReader(body)
	for _, text := range [...]*string{&s.Issuer, &s.Subject, &s.Kind, &s.Provider.Issuer, &s.Provider.Subject, &s.Provider.SessionID, &s.ACR, &s.UserAgent, &s.StoreKey} {
		*text = r.text()
	}
	s.AuthTime, s.CreatedAt = r.time(), r.time()
	address := r.text()
	type factor struct {
		name string
		at   time.Time
	}
	for _, f := range readList(r, func() factor { return factor{r.text(), r.time()} }) {
		if s.Factors == nil {
			s.Factors = make(map[string]time.Time)
		}
		s.Factors[f.name] = f.at
	}
	s.Hash, s.Seal = r.sum(), r.sum()
	s.GraceRun = r.number()
	marks := r.number()
	s.Shown, s.GraceUsed = marks&1 != 0, marks&2 != 0
	if err := r.end(); err != nil || address == "" {
		return err
	}
	var err error
	s.ClientIP, err = netip.ParseAddr(address)
	return err
}
