package sqlstore_test

import (
	"crypto/sha256"
	"database/sql"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
)

const issuer = "https://login.example.com"

// login is a session of which every field is set.
func login(id, subject string) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, Kind: "cookie", AuthTime: now, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		Provider: session.Provider{Issuer: "idp", Subject: subject, SessionID: "sid-" + id}, StoreKey: "k", Hash: sha256.Sum256([]byte(id)),
		Factors: map[string]time.Time{"pwd": now}}
}

func key(id, subject string) apikey.Record {
	now := time.Now()
	return apikey.Record{ID: id, Family: "acme_live", Issuer: issuer, Subject: subject, Tier: "premium", Roles: []string{"user"}, CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Secrets: []apikey.Secret{{Hash: sha256.Sum256([]byte(id)), Pepper: 1, CreatedAt: now}}}
}

func token(id string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: issuer, Subject: "alice", TokenID: id, SessionID: "s", IssuedAt: time.Now()}
}

func revocation(id string) auth.Revocation {
	return auth.Revocation{Issuer: issuer, TokenID: id, Expires: time.Now().Add(time.Hour)}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// change runs SQL that the store has not written, and wants rows to be changed.
func change(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	result, err := db.ExecContext(t.Context(), statement, args...)
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n < 1 {
		t.Fatalf("%s: %d rows, %v", statement, n, err)
	}
}
