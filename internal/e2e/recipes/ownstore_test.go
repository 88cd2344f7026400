package recipes

import (
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"time"

	_ "modernc.org/sqlite"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

const storeSchema = `
CREATE TABLE IF NOT EXISTS sessions (
	id               BLOB PRIMARY KEY,
	version          INTEGER NOT NULL,
	issuer           BLOB NOT NULL,
	subject          BLOB NOT NULL,
	kind             TEXT NOT NULL,
	provider_issuer  BLOB NOT NULL,
	provider_subject BLOB NOT NULL,
	provider_session BLOB NOT NULL,
	auth_time        INTEGER NOT NULL, -- all times in microseconds since 1970
	acr              BLOB NOT NULL,
	factors          TEXT NOT NULL, -- a JSON object of methods and times
	client_ip        TEXT NOT NULL,
	user_agent       BLOB NOT NULL,
	created_at       INTEGER NOT NULL,
	refreshed_at     INTEGER NOT NULL,
	used_at          INTEGER NOT NULL,
	expires_at       INTEGER NOT NULL,
	store_key        TEXT NOT NULL,
	hash             BLOB NOT NULL,
	seal             BLOB NOT NULL,
	generation       INTEGER NOT NULL,
	shown            INTEGER NOT NULL,
	grace_used       INTEGER NOT NULL,
	grace_run        INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_caller ON sessions (issuer, subject);
CREATE INDEX IF NOT EXISTS sessions_login ON sessions (provider_issuer, provider_subject);
CREATE INDEX IF NOT EXISTS sessions_provider ON sessions (provider_issuer, provider_session);
CREATE INDEX IF NOT EXISTS sessions_expiry ON sessions (expires_at);

CREATE TABLE IF NOT EXISTS logouts (
	issuer     BLOB NOT NULL, -- the identity provider
	kind       TEXT NOT NULL, -- session or subject
	id         BLOB NOT NULL,
	auth_until INTEGER NOT NULL, -- for a subject
	expires    INTEGER NOT NULL,
	PRIMARY KEY (issuer, kind, id)
) STRICT;
CREATE INDEX IF NOT EXISTS logouts_expiry ON logouts (expires);

CREATE TABLE IF NOT EXISTS revocations (
	issuer       BLOB NOT NULL,
	kind         TEXT NOT NULL, -- token, session or subject
	id           BLOB NOT NULL,
	issued_until INTEGER NOT NULL, -- for a subject
	expires      INTEGER NOT NULL,
	PRIMARY KEY (issuer, kind, id)
) STRICT;
CREATE INDEX IF NOT EXISTS revocations_expiry ON revocations (expires);
`

// dbNow is the time of the database, which all processes share.
const dbNow = `CAST(unixepoch('subsec') * 1000000 AS INTEGER)`

func openDatabase(ctx context.Context, file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // SQLite has one writer: a queue is fairer than retries
	if _, err := db.ExecContext(ctx, storeSchema); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// storePatience bounds each call. The context of the request may end it earlier.
const storePatience = 2 * time.Second

// A SessionStore is a session.Store in a database.
type SessionStore struct{ DB *sql.DB }

var _ session.Store = (*SessionStore)(nil)

// Create deletes the replaced sessions and those above the limit, and stores s,
// in one transaction.
func (st *SessionStore) Create(ctx context.Context, s session.Session, limit int, replaces []string) (ended []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	tx, err := st.DB.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	var taken bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sessions WHERE id = ?)`, []byte(s.ID)).Scan(&taken); err != nil {
		return nil, err
	}
	if taken {
		return nil, auth.ErrConflict
	}
	var loggedOut bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM logouts WHERE issuer = ? AND expires > `+dbNow+` AND (
		kind = 'session' AND id = ? OR kind = 'subject' AND id = ? AND auth_until >= ?))`,
		[]byte(s.Provider.Issuer), []byte(s.Provider.SessionID), []byte(s.Provider.Subject), s.AuthTime.UnixMicro()).Scan(&loggedOut)
	if err != nil {
		return nil, err
	}
	if loggedOut {
		return nil, session.ErrLoggedOut
	}
	for _, id := range replaces {
		ids, err := deletedIDs(ctx, tx, `DELETE FROM sessions WHERE id = ? AND issuer = ? AND subject = ? RETURNING id`,
			[]byte(id), []byte(s.Issuer), []byte(s.Subject))
		if err != nil {
			return nil, err
		}
		ended = append(ended, ids...)
	}
	ids, err := deletedIDs(ctx, tx, `DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE issuer = ? AND subject = ? ORDER BY refreshed_at DESC LIMIT -1 OFFSET ?) RETURNING id`,
		[]byte(s.Issuer), []byte(s.Subject), max(limit, 1)-1)
	if err != nil {
		return nil, err
	}
	ended = append(ended, ids...)
	_, err = tx.ExecContext(ctx, `INSERT INTO sessions VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, `+dbNow+`, `+dbNow+`, ?, ?, ?, ?, ?, ?, ?, ?)`,
		[]byte(s.ID), []byte(s.Issuer), []byte(s.Subject), s.Kind,
		[]byte(s.Provider.Issuer), []byte(s.Provider.Subject), []byte(s.Provider.SessionID),
		s.AuthTime.UnixMicro(), []byte(s.ACR), factorsText(s.Factors), addressText(s.ClientIP), []byte(s.UserAgent), s.CreatedAt.UnixMicro(),
		s.ExpiresAt.UnixMicro(), s.StoreKey, s.Hash[:], s.Seal[:], s.Generation, s.Shown, s.GraceUsed, s.GraceRun)
	if err != nil {
		return nil, err
	}
	return ended, tx.Commit()
}

// deletedIDs runs a DELETE that returns ids.
func deletedIDs(ctx context.Context, tx *sql.Tx, query string, args ...any) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, string(id))
	}
	return ids, rows.Err()
}

// Get returns a session with the time of the database in ReadAt.
func (st *SessionStore) Get(ctx context.Context, id string) (session.Session, error) {
	found, err := st.query(ctx, `id = ?`, []byte(id))
	if err != nil {
		return session.Session{}, err
	}
	if len(found) == 0 {
		return session.Session{}, auth.ErrNotFound
	}
	return found[0], nil
}

// Update compares and swaps: it writes only if the version in the database is
// still s.Version. Of two Updates of the same version, only one succeeds.
func (st *SessionStore) Update(ctx context.Context, s session.Session) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	result, err := st.DB.ExecContext(ctx, `UPDATE sessions SET version = version + 1,
		refreshed_at = CASE WHEN generation = ?1 THEN refreshed_at ELSE `+dbNow+` END,
		generation = ?1, kind = ?2, auth_time = ?3, acr = ?4, client_ip = ?5, user_agent = ?6, created_at = ?7,
		expires_at = ?8, store_key = ?9, hash = ?10, shown = ?11, grace_used = ?12, grace_run = ?13, factors = ?14, seal = ?15
		WHERE id = ?16 AND version = ?17`,
		s.Generation, s.Kind, s.AuthTime.UnixMicro(), []byte(s.ACR), addressText(s.ClientIP), []byte(s.UserAgent), s.CreatedAt.UnixMicro(),
		s.ExpiresAt.UnixMicro(), s.StoreKey, s.Hash[:], s.Shown, s.GraceUsed, s.GraceRun, factorsText(s.Factors), s.Seal[:],
		[]byte(s.ID), int64(s.Version))
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	if _, err := st.Get(ctx, s.ID); err != nil {
		return err // auth.ErrNotFound, or an outage
	}
	return auth.ErrConflict
}

// Touch sets used_at, unless it is younger than every.
func (st *SessionStore) Touch(ctx context.Context, id string, every time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	result, err := st.DB.ExecContext(ctx, `UPDATE sessions SET used_at = `+dbNow+` WHERE id = ? AND used_at <= `+dbNow+` - ?`,
		[]byte(id), every.Microseconds())
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	_, err = st.Get(ctx, id)
	return err // nil, auth.ErrNotFound, or an outage
}

// RevokeProvider stores a logout. Of two logouts of the same login, the later
// times count.
func (st *SessionStore) RevokeProvider(ctx context.Context, p session.Provider, until, expires time.Time) error {
	kind, id := "subject", p.Subject
	if p.SessionID != "" {
		kind, id = "session", p.SessionID
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	_, err := st.DB.ExecContext(ctx, `INSERT INTO logouts SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?5 > `+dbNow+`
		ON CONFLICT DO UPDATE SET auth_until = max(auth_until, excluded.auth_until), expires = max(expires, excluded.expires)`,
		[]byte(p.Issuer), kind, []byte(id), until.UnixMicro(), ceilMicro(expires))
	return err
}

// Delete removes a session and reports whether it was there.
func (st *SessionStore) Delete(ctx context.Context, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	result, err := st.DB.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, []byte(id))
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 1, err
}

// List returns a page of the sessions that the filter matches, in the order of
// their ids.
func (st *SessionStore) List(ctx context.Context, f session.Filter) ([]session.Session, error) {
	where, args := []string{"TRUE"}, []any{}
	match := func(condition, value string) {
		if value != "" {
			where, args = append(where, condition), append(args, []byte(value))
		}
	}
	match("issuer = ?", f.Issuer)
	match("subject = ?", f.Subject)
	match("provider_issuer = ?", f.Provider.Issuer)
	match("provider_subject = ?", f.Provider.Subject)
	match("provider_session = ?", f.Provider.SessionID)
	match("id > ?", f.After)
	if f.Limit < 1 {
		f.Limit = 1000
	}
	return st.query(ctx, strings.Join(where, " AND ")+" ORDER BY id LIMIT ?", append(args, f.Limit)...)
}

// Sweep deletes the sessions and the logouts that have expired.
func (st *SessionStore) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	_, err := st.DB.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at <= `+dbNow+`; DELETE FROM logouts WHERE expires <= `+dbNow)
	return err
}

func (st *SessionStore) query(ctx context.Context, where string, args ...any) ([]session.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	rows, err := st.DB.QueryContext(ctx, `SELECT *, `+dbNow+` FROM sessions WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []session.Session
	for rows.Next() {
		s, err := scanSession(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

func scanSession(rows *sql.Rows) (s session.Session, err error) {
	var hash, seal []byte
	var address, factors string
	var authTime, created, refreshed, used, expires, read int64
	err = rows.Scan(&s.ID, &s.Version, &s.Issuer, &s.Subject, &s.Kind,
		&s.Provider.Issuer, &s.Provider.Subject, &s.Provider.SessionID,
		&authTime, &s.ACR, &factors, &address, &s.UserAgent, &created, &refreshed, &used,
		&expires, &s.StoreKey, &hash, &seal, &s.Generation, &s.Shown, &s.GraceUsed, &s.GraceRun, &read)
	if err != nil {
		return session.Session{}, err
	}
	s.AuthTime, s.CreatedAt, s.RefreshedAt = time.UnixMicro(authTime), time.UnixMicro(created), time.UnixMicro(refreshed)
	s.UsedAt, s.ExpiresAt, s.ReadAt = time.UnixMicro(used), time.UnixMicro(expires), time.UnixMicro(read)
	copy(s.Hash[:], hash)
	copy(s.Seal[:], seal)
	if address != "" {
		if s.ClientIP, err = netip.ParseAddr(address); err != nil {
			return session.Session{}, err
		}
	}
	s.Factors, err = parseFactors(factors)
	return s, err
}

// factorsText writes the times as microseconds since 1970.
func factorsText(factors map[string]time.Time) string {
	times := make(map[string]int64, len(factors))
	for method, at := range factors {
		times[method] = at.UnixMicro()
	}
	text, _ := json.Marshal(times) // a map of numbers has no error
	return string(text)
}

func parseFactors(text string) (map[string]time.Time, error) {
	var times map[string]int64
	if err := json.Unmarshal([]byte(text), &times); err != nil {
		return nil, err
	}
	factors := make(map[string]time.Time, len(times))
	for method, at := range times {
		factors[method] = time.UnixMicro(at)
	}
	return factors, nil
}

func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// A RevocationStore is an auth.Revocations in a database.
type RevocationStore struct{ DB *sql.DB }

var _ auth.Revocations = (*RevocationStore)(nil)

// Revoke stores r. Of two revocations of the same id, the later times count.
func (st *RevocationStore) Revoke(ctx context.Context, r auth.Revocation) error {
	if err := r.Check(); err != nil {
		return err
	}
	expires := int64(math.MaxInt64) // never
	if !r.Expires.IsZero() {
		expires = ceilMicro(r.Expires)
	}
	kind, id, until := "token", r.TokenID, int64(0)
	switch {
	case r.SessionID != "":
		kind, id = "session", r.SessionID
	case r.Subject != "":
		kind, id, until = "subject", r.Subject, ceilMicro(r.IssuedUntil)
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	_, err := st.DB.ExecContext(ctx, `INSERT INTO revocations SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?5 > `+dbNow+`
		ON CONFLICT DO UPDATE SET issued_until = max(issued_until, excluded.issued_until), expires = max(expires, excluded.expires)`,
		[]byte(r.Issuer), kind, []byte(id), until, expires)
	return err
}

// Revoked looks up the token, its session and its subject in one query.
func (st *RevocationStore) Revoked(ctx context.Context, p *bulwark.Principal) (revoked bool, err error) {
	if p == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	err = st.DB.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM revocations WHERE issuer = ? AND expires > `+dbNow+` AND (
		kind = 'token' AND id = ? OR kind = 'session' AND id = ? OR kind = 'subject' AND id = ? AND issued_until >= ?))`,
		[]byte(p.Issuer), []byte(p.TokenID), []byte(p.SessionID), []byte(p.Subject), p.IssuedAt.UnixMicro()).Scan(&revoked)
	return revoked, err
}

// Sweep deletes the revocations that have expired.
func (st *RevocationStore) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	_, err := st.DB.ExecContext(ctx, `DELETE FROM revocations WHERE expires <= `+dbNow)
	return err
}

// ceilMicro rounds up: a revocation never ends early.
func ceilMicro(t time.Time) int64 { return t.Add(time.Microsecond - 1).UnixMicro() }

// sweepEvery deletes expired rows, until ctx ends.
func sweepEvery(ctx context.Context, every time.Duration, stores ...interface{ Sweep(context.Context) error }) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, store := range stores {
			if err := store.Sweep(ctx); err != nil {
				slog.WarnContext(ctx, "expired rows could not be deleted", "error", err)
			}
		}
	}
}

// ownStoreConfigs returns the Configs with the stores.
func ownStoreConfigs(db *sql.DB, sessions session.Config, tokens jwt.Config) (session.Config, jwt.Config) {
	sessions.Store = &SessionStore{DB: db}
	tokens.Revocations = &RevocationStore{DB: db}
	return sessions, tokens
}
