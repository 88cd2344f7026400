package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/sqlstore"
)

// outage fails the test unless err is an error that the packages of auth take
// for an outage: neither an answer, nor nil.
func outage(t *testing.T, what string, err error) {
	t.Helper()
	for _, answer := range []error{nil, auth.ErrNotFound, auth.ErrConflict, auth.ErrFull, session.ErrLoggedOut} {
		if errors.Is(err, answer) {
			t.Errorf("%s: %v, want an outage", what, err)
			return
		}
	}
	if !strings.Contains(err.Error(), "is not as this service has written it") {
		t.Errorf("%s: %v", what, err)
	}
	for _, secret := range []string{"alice", "mallory", "victim", issuer, string(config().Secrets[0])} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds %q: %v", what, secret, err)
		}
	}
}

// Each column of a row that grants something is changed, by somebody who can
// write to the database and has no Secret.
func TestChangedSessionsOpenNothing(t *testing.T) {
	for _, edit := range []string{
		"version = version + 1", "generation = generation + 1", "expires = expires + 1", "body = CAST(body || x'00' AS BLOB)",
		"body = CAST(x'02' || substr(body, 2) AS BLOB)", "body = x''", "mac = zeroblob(32)", "mac = substr(mac, 1, 16)", "mac = x''",
		"issuer = zeroblob(16)", "subject = zeroblob(16)", "provider_issuer = NULL", "provider_subject = NULL", "provider_session = NULL",
		"id = x'6d616c6c6f7279'", "id = CAST(id || x'00' AS BLOB)",
	} {
		t.Run(strings.ReplaceAll(edit, " ", ""), func(t *testing.T) {
			s, db := open(t, config())
			sessions := s.Sessions()
			_, err := sessions.Create(t.Context(), login("victim", "alice"), 5, nil)
			must(t, err)
			change(t, db, "UPDATE bulwark_sessions SET "+edit)
			_, err = sessions.Get(t.Context(), "victim")
			outage(t, "Get", err)
			_, err = sessions.List(t.Context(), session.Filter{})
			outage(t, "List", err)
		})
	}
}

// A row is copied over another, or to another id.
func TestCopiedSessionsOpenNothing(t *testing.T) {
	for name, edit := range map[string]string{
		"over-another": "UPDATE bulwark_sessions SET (issuer, subject, provider_issuer, provider_subject, provider_session, version, generation, expires, body, mac) = " +
			"(SELECT issuer, subject, provider_issuer, provider_subject, provider_session, version, generation, expires, body, mac FROM bulwark_sessions WHERE id = x'61') WHERE id = x'62'",
		"with-its-id": "UPDATE bulwark_sessions SET (id, issuer, subject, provider_issuer, provider_subject, provider_session, version, generation, expires, body, mac) = " +
			"(SELECT id, issuer, subject, provider_issuer, provider_subject, provider_session, version, generation, expires, body, mac FROM bulwark_sessions WHERE id = x'61') WHERE id = x'62'",
		"body-only": "UPDATE bulwark_sessions SET body = (SELECT body FROM bulwark_sessions WHERE id = x'61') WHERE id = x'62'",
	} {
		t.Run(name, func(t *testing.T) {
			s, db := open(t, config())
			sessions := s.Sessions()
			for _, id := range []string{"a", "b"} {
				_, err := sessions.Create(t.Context(), login(id, id), 5, nil)
				must(t, err)
			}
			change(t, db, edit)
			if _, err := sessions.Get(t.Context(), "a"); err != nil {
				t.Errorf("the session that was copied: %v", err)
			}
			_, err := sessions.Get(t.Context(), "b")
			outage(t, "Get", err)
		})
	}
}

// A service with another Secret, or with another Prefix, has written the row.
func TestPlantedRowsOpenNothing(t *testing.T) {
	for name, other := range map[string]func(*sqlstore.Config){
		"another-secret": func(c *sqlstore.Config) { c.Secrets = [][]byte{bytes.Repeat([]byte("x"), 32)} },
		"another-prefix": func(c *sqlstore.Config) { c.Prefix = "staging_" },
	} {
		t.Run(name, func(t *testing.T) {
			s, db := open(t, config())
			c := config()
			other(&c)
			must(t, sqlstore.Migrate(t.Context(), db, c))
			stranger, err := sqlstore.New(t.Context(), db, c)
			must(t, err)
			_, err = stranger.Sessions().Create(t.Context(), login("victim", "alice"), 5, nil)
			must(t, err, stranger.Keys().Create(t.Context(), key("victim", "alice")), stranger.Revocations().Revoke(t.Context(), revocation("victim")))
			if c.Prefix != "" {
				for _, table := range []string{"sessions", "keys", "revocations"} {
					change(t, db, fmt.Sprintf("INSERT INTO bulwark_%[1]s SELECT * FROM staging_%[1]s", table))
				}
			}
			_, err = s.Sessions().Get(t.Context(), "victim")
			outage(t, "Get of a session", err)
			_, err = s.Keys().Get(t.Context(), "victim")
			outage(t, "Get of a key", err)
			_, err = s.Keys().List(t.Context(), apikey.Filter{})
			outage(t, "List of keys", err)
			_, err = s.Revocations().Revoked(t.Context(), token("victim"))
			outage(t, "Revoked", err)
		})
	}
}

// A changed row of a key is never "not found": then the legacy lookup would be
// asked for a key that was revoked.
func TestChangedKeysOpenNothing(t *testing.T) {
	for _, edit := range []string{
		"version = version + 1", "expires = expires + 1", "made_at = made_at + 1", "made_at = NULL", "family = zeroblob(16)", "owner = zeroblob(16)", "tier = NULL",
		"body = substr(body, 1, length(body) - 1)", "mac = zeroblob(32)", "id = x'6d616c6c6f7279'",
	} {
		t.Run(strings.ReplaceAll(edit, " ", ""), func(t *testing.T) {
			s, db := open(t, config())
			must(t, s.Keys().Create(t.Context(), key("victim", "alice")))
			change(t, db, "UPDATE bulwark_keys SET "+edit)
			_, err := s.Keys().Get(t.Context(), "victim")
			outage(t, "Get", err)
			_, err = s.Keys().List(t.Context(), apikey.Filter{})
			outage(t, "List", err)
		})
	}
}

// The row of a key is copied over another, with its id or without it.
func TestCopiedKeysOpenNothing(t *testing.T) {
	for name, columns := range map[string]string{
		"with-its-id":    "id, version, family, owner, tier, made_at, expires, body, mac",
		"without-its-id": "version, family, owner, tier, made_at, expires, body, mac",
		"body-only":      "body",
	} {
		t.Run(name, func(t *testing.T) {
			s, db := open(t, config())
			admin := key("a", "alice")
			admin.Roles = []string{"admin"}
			must(t, s.Keys().Create(t.Context(), admin), s.Keys().Create(t.Context(), key("b", "alice")))
			change(t, db, fmt.Sprintf("UPDATE bulwark_keys SET (%[1]s) = (SELECT %[1]s FROM bulwark_keys WHERE id = x'61') WHERE id = x'62'", columns))
			if rec, err := s.Keys().Get(t.Context(), "a"); err != nil || rec.Roles[0] != "admin" {
				t.Errorf("the key that was copied: %v, %v", rec.Roles, err)
			}
			_, err := s.Keys().Get(t.Context(), "b")
			outage(t, "Get", err)
		})
	}
}

// A revocation that was changed revokes all the same, or is an outage. Its
// credential is never accepted.
func TestChangedRevocationsAdmitNobody(t *testing.T) {
	for _, edit := range []string{"until = until - 1", "expires = 1", "expires = expires + 1", "until_mac = x''", "expires_mac = zeroblob(16)",
		"until_mac = expires_mac", "(until, expires) = (expires, until)", "(until_mac, expires_mac) = (expires_mac, until_mac)",
		"(until, expires, until_mac, expires_mac) = (expires, until, expires_mac, until_mac)"} {
		t.Run(strings.ReplaceAll(edit, " ", ""), func(t *testing.T) {
			s, db := open(t, config())
			now := time.Now()
			must(t, s.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: now, Expires: now.Add(time.Hour)}))
			change(t, db, "UPDATE bulwark_revocations SET "+edit)
			p := token("t")
			p.IssuedAt = now.Add(-time.Minute)
			_, err := s.Revocations().Revoked(t.Context(), p)
			outage(t, "Revoked", err)

			must(t, s.Sessions().RevokeProvider(t.Context(), session.Provider{Issuer: "idp", Subject: "alice"}, now, now.Add(time.Hour)),
				s.Keys().RevokeOwner(t.Context(), issuer, "alice", now, now.Add(time.Hour)))
			change(t, db, "UPDATE bulwark_marks SET "+edit)
			old := login("new", "alice")
			old.AuthTime = now.Add(-time.Minute)
			_, err = s.Sessions().Create(t.Context(), old, 5, nil)
			outage(t, "Create of a session", err)
			rec := key("new", "alice")
			rec.CreatedAt = now.Add(-time.Minute)
			outage(t, "Create of a key", s.Keys().Create(t.Context(), rec))
		})
	}
}

// A row under an older Secret is good while the Secret is in the Config.
func TestSecretsAreRotated(t *testing.T) {
	old, both := config(), config()
	both.Secrets = [][]byte{bytes.Repeat([]byte("n"), 32), old.Secrets[0]}
	s, db := open(t, old)
	_, err := s.Sessions().Create(t.Context(), login("victim", "alice"), 5, nil)
	must(t, err, s.Keys().Create(t.Context(), key("victim", "alice")), s.Revocations().Revoke(t.Context(), revocation("victim")))

	s, err = sqlstore.New(t.Context(), db, both)
	must(t, err)
	held, err := s.Sessions().Get(t.Context(), "victim")
	must(t, err)
	_, err = s.Keys().Get(t.Context(), "victim")
	must(t, err)
	if revoked, err := s.Revocations().Revoked(t.Context(), token("victim")); err != nil || !revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
	must(t, s.Sessions().Update(t.Context(), held)) // under the new Secret

	only := config()
	only.Secrets = both.Secrets[:1]
	s, err = sqlstore.New(t.Context(), db, only)
	must(t, err)
	if _, err := s.Sessions().Get(t.Context(), "victim"); err != nil {
		t.Errorf("a session that was updated: %v", err)
	}
	_, err = s.Keys().Get(t.Context(), "victim")
	outage(t, "Get of a key without its Secret", err)
	_, err = s.Revocations().Revoked(t.Context(), token("victim"))
	outage(t, "Revoked without the Secret", err)
}

// Reseal writes each row under the newest Secret, so that the former one can go.
// It changes nothing else, makes no row good that was not, and names such a row.
func TestReseal(t *testing.T) {
	old, both, only := config(), config(), config()
	both.Secrets = [][]byte{bytes.Repeat([]byte("n"), 32), old.Secrets[0]}
	only.Secrets = both.Secrets[:1]
	s, db := open(t, old)
	const n = 503 // more than a page
	for i := range n {
		rec := key(fmt.Sprint("k", i), "alice")
		rec.Adopted = i%2 == 0
		forever := revocation(fmt.Sprint("t", i))
		forever.Expires = time.Time{}
		must(t, s.Keys().Create(t.Context(), rec), s.Revocations().Revoke(t.Context(), forever))
	}
	_, err := s.Sessions().Create(t.Context(), login("s", "alice"), 5, nil)
	must(t, err, s.Keys().RevokeOwner(t.Context(), issuer, "bob", time.Now(), time.Now().Add(time.Hour)),
		s.Sessions().RevokeProvider(t.Context(), session.Provider{Issuer: "idp", Subject: "bob"}, time.Now(), time.Now().Add(time.Hour)))
	before, err := s.Keys().Get(t.Context(), "k7")
	must(t, err)
	change(t, db, "INSERT INTO bulwark_keys SELECT zeroblob(32), id, version, family, owner, tier, made_at, expires, used_at, stale_at, body, mac FROM bulwark_keys WHERE id = ?", []byte("k3"))
	change(t, db, "UPDATE bulwark_keys SET expires = expires + 1 WHERE id = ?", []byte("k5"))

	s, err = sqlstore.New(t.Context(), db, both)
	must(t, err)
	rows, err := s.Reseal(t.Context())
	if rows != 2*n-1+3 || err == nil || !strings.Contains(err.Error(), "keys is not as this service has written it") {
		t.Errorf("Reseal writes %d rows, want %d, and returns %v, want the name of a row that was changed", rows, 2*n-1+3, err)
	}
	change(t, db, "DELETE FROM bulwark_keys WHERE digest = zeroblob(32) OR id = ?", []byte("k5"))
	if rows, err := s.Reseal(t.Context()); rows != 0 || err != nil {
		t.Errorf("Reseal again: %d rows, %v", rows, err)
	}

	s, err = sqlstore.New(t.Context(), db, only)
	must(t, err)
	_, err = s.Sessions().Get(t.Context(), "s")
	must(t, err)
	after, err := s.Keys().Get(t.Context(), "k7")
	must(t, err)
	if after.Version != before.Version {
		t.Errorf("the Version grows from %d to %d", before.Version, after.Version)
	}
	for i := range n {
		if revoked, err := s.Revocations().Revoked(t.Context(), token(fmt.Sprint("t", i))); err != nil || !revoked {
			t.Fatalf("revoked %t, %v", revoked, err)
		}
	}
	gone := login("other", "bob")
	gone.AuthTime = time.Now().Add(-time.Minute)
	if _, err := s.Sessions().Create(t.Context(), gone, 5, nil); !errors.Is(err, session.ErrLoggedOut) {
		t.Errorf("a login that has ended at its provider: %v", err)
	}
	rec := key("new", "bob")
	rec.CreatedAt = time.Now().Add(-time.Minute)
	must(t, s.Keys().Create(t.Context(), rec))
	if held, err := s.Keys().Get(t.Context(), "new"); err != nil || held.RevokedAt.IsZero() {
		t.Errorf("a key of an owner whose keys are revoked: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reseal(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Reseal after its context: %v", err)
	}
}

// The time between two marks is never shorter than asked for.
func TestMarksAreApart(t *testing.T) {
	s, _ := open(t, config())
	must(t, s.Keys().Create(t.Context(), key("a", "alice")))
	at := time.Now().Truncate(time.Microsecond)
	for i, test := range []struct {
		at   time.Time
		want bool
	}{{at, true}, {at.Add(time.Microsecond), false}, {at.Add(2 * time.Microsecond), true}} {
		if set, err := s.Keys().Mark(t.Context(), "a", apikey.Used, test.at, 1500*time.Nanosecond); err != nil || set != test.want {
			t.Errorf("Mark %d: set %t, %v, want %t", i, set, err, test.want)
		}
	}
}

// A record that is made again never has a Version that it has had before.
func TestVersionsAreNotRepeated(t *testing.T) {
	s, _ := open(t, config())
	sessions := s.Sessions()
	made := func() session.Session {
		_, err := sessions.Create(t.Context(), login("a", "alice"), 5, nil)
		must(t, err)
		held, err := sessions.Get(t.Context(), "a")
		must(t, err)
		return held
	}
	first := made()
	_, err := sessions.Delete(t.Context(), "a")
	must(t, err)
	second := made()
	if err := sessions.Update(t.Context(), first); !errors.Is(err, auth.ErrConflict) {
		t.Errorf("Update of a session that was deleted and made again: %v", err)
	}
	if first.Version == second.Version {
		t.Error("the Version is repeated")
	}
}
