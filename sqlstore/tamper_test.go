package sqlstore_test

import (
	"bytes"
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

// A revocation that was changed revokes all the same, or is an outage. Its
// credential is never accepted.
func TestChangedRevocationsAdmitNobody(t *testing.T) {
	for _, edit := range []string{"until = until - 1", "expires = 1", "expires = expires + 1", "until_mac = x''", "expires_mac = zeroblob(16)",
		"until_mac = expires_mac", "(until, expires) = (expires, until)", "(until_mac, expires_mac) = (expires_mac, until_mac)"} {
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
