package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/sqlstore"
)

// Sweep deletes what has expired from every table, over several batches, and
// nothing else.
func TestSweep(t *testing.T) {
	s, db := open(t, config())
	const expired, live = 1203, 7
	for table, columns := range map[string]string{
		"sessions":    "(digest, id, version, generation, issuer, subject, refreshed_at, used_at, body, mac, expires) SELECT randomblob(32), randomblob(8), 1, 1, x'', x'', 0, 0, x'', x'',",
		"keys":        "(digest, id, version, family, owner, body, mac, expires) SELECT randomblob(32), randomblob(8), 1, x'', x'', x'', x'',",
		"marks":       "(digest, until, until_mac, expires_mac, expires) SELECT randomblob(32), 0, x'', x'',",
		"revocations": "(digest, until, until_mac, expires_mac, expires) SELECT randomblob(32), 0, x'', x'',",
		"replays":     "(digest, client, expires) SELECT randomblob(32), x'',",
		"quotas":      "(digest, ends, used, expires) SELECT randomblob(32), 0, 0,",
	} {
		change(t, db, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO bulwark_%s %s CASE WHEN i <= %d THEN ?1 - i ELSE ?1 + 3600000000 END FROM n`, expired+live, table, columns, expired), time.Now().UnixMicro())
	}
	must(t, s.Sweep(t.Context()))
	for _, table := range []string{"sessions", "keys", "marks", "revocations", "replays", "quotas"} {
		var n int
		must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM bulwark_"+table).Scan(&n))
		if n != live {
			t.Errorf("%s: %d rows after Sweep, want %d", table, n, live)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Sweep(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep with a context that is over: %v", err)
	}
}

// A Store that New has not made, and a Store after Close, answer nothing.
func TestWithoutNew(t *testing.T) {
	closed, _ := open(t, config())
	must(t, closed.Close())
	for name, s := range map[string]*sqlstore.Store{"zero": {}, "closed": closed} {
		_, get := s.Sessions().Get(t.Context(), "a")
		_, create := s.Sessions().Create(t.Context(), login("a", "alice"), 5, nil)
		_, key := s.Keys().Get(t.Context(), "a")
		_, revoked := s.Revocations().Revoked(t.Context(), token("a"))
		_, used := s.Replays().Use(t.Context(), "a", "b", time.Now().Add(time.Hour))
		_, reseal := s.Reseal(t.Context())
		_, debit := s.Quotas().Debit(t.Context(), nil)
		for what, err := range map[string]error{"Get": get, "Create": create, "Get of a key": key, "Revoked": revoked, "Use": used,
			"Revoke": s.Revocations().Revoke(t.Context(), revocation("a")), "Sweep": s.Sweep(t.Context()), "Reseal": reseal} {
			if err == nil {
				t.Errorf("%s: %s returns no error", name, what)
			}
		}
		if name == "zero" && debit == nil {
			t.Error("Debit of a zero Store returns no error")
		}
	}
}
