package sqlstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// A full store of revocations refuses a further one, keeps those that it has,
// and lets a revocation that is there last longer.
func TestFullRevocations(t *testing.T) {
	c := config()
	c.MaxRevocations = 100
	s, _ := open(t, c)
	store := s.Revocations()
	for i := range 100 {
		must(t, store.Revoke(t.Context(), revocation(fmt.Sprint(i))))
	}
	for range 3 {
		if err := store.Revoke(t.Context(), revocation("one more")); !errors.Is(err, auth.ErrFull) {
			t.Fatalf("revocation 101 of 100: %v, want ErrFull", err)
		}
	}
	must(t, store.Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: "7"}))
	for id, want := range map[string]bool{"0": true, "7": true, "99": true, "one more": false} {
		if revoked, err := store.Revoked(t.Context(), token(id)); err != nil || revoked != want {
			t.Errorf("%s: revoked %t, %v, want %t", id, revoked, err, want)
		}
	}
}

func TestFullMarks(t *testing.T) {
	c := config()
	c.MaxRevocations = 20
	s, _ := open(t, c)
	end := func(i int) error {
		return s.Sessions().RevokeProvider(t.Context(), session.Provider{Issuer: "idp", SessionID: fmt.Sprint(i)}, time.Now(), time.Now().Add(time.Hour))
	}
	for i := range 20 {
		must(t, end(i))
	}
	if err := end(20); !errors.Is(err, auth.ErrFull) {
		t.Errorf("mark 21 of 20: %v, want ErrFull", err)
	}
	must(t, end(3))
}

// One client cannot fill the store: it is refused at half, and others are not.
func TestOneClientDoesNotFillTheReplays(t *testing.T) {
	c := config()
	c.MaxReplays = 200
	s, _ := open(t, c)
	store := s.Replays()
	until := time.Now().Add(time.Hour)
	used := 0
	for ; used < 200; used++ {
		first, err := store.Use(t.Context(), "mallory", fmt.Sprint(used), until)
		if errors.Is(err, auth.ErrFull) {
			break
		}
		if err != nil || !first {
			t.Fatal(first, err)
		}
	}
	if used < 100 || used > 100+200/16 {
		t.Errorf("one client holds %d of 200", used)
	}
	for i := range 20 {
		if first, err := store.Use(t.Context(), fmt.Sprint("client-", i), "x", until); err != nil || !first {
			t.Errorf("another client: first %t, %v", first, err)
		}
	}
	if first, err := store.Use(t.Context(), "mallory", "0", until); first {
		t.Errorf("a used proof in a full store: first %t, %v", first, err)
	}
}

// A bound above the sample is estimated, and is kept within a few percent.
func TestALargeBoundIsEstimated(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 40,000 rows")
	}
	c := config()
	c.MaxRevocations = 40_000
	s, db := open(t, c)
	// Rows that the store has not written count all the same.
	change(t, db, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 36000)
		INSERT INTO bulwark_revocations SELECT randomblob(32), 0, 1 << 62, x'', x'' FROM n`)
	must(t, s.Revocations().Revoke(t.Context(), revocation("room for some")))
	change(t, db, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
		INSERT INTO bulwark_revocations SELECT randomblob(32), 0, 1 << 62, x'', x'' FROM n`)
	for i := range 4000/16 + 200 { // what passes without counting, and more
		if err := s.Revocations().Revoke(t.Context(), revocation(fmt.Sprint(i))); errors.Is(err, auth.ErrFull) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("a store with 44,000 of 40,000 is not full")
}

// What has expired before it comes takes no room.
func TestExpiredMarksTakeNoRoom(t *testing.T) {
	s, db := open(t, config())
	past := time.Now().Add(-time.Second)
	must(t, s.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: "late", Expires: past}),
		s.Sessions().RevokeProvider(t.Context(), session.Provider{Issuer: "idp", SessionID: "late"}, past, past),
		s.Keys().RevokeOwner(t.Context(), issuer, "alice", past, past))
	_, err := s.Replays().Use(t.Context(), "c", "late", past)
	must(t, err)
	for _, table := range []string{"revocations", "marks", "replays"} {
		var n int
		must(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM bulwark_"+table).Scan(&n))
		if n != 0 {
			t.Errorf("%s has %d rows", table, n)
		}
	}
}

// What a customer owes at the end of a window is used in the next one, also if
// Sweep has run in between.
func TestSweepKeepsWhatIsOwed(t *testing.T) {
	s, _ := open(t, config())
	cell := ratelimit.Cell{Key: []byte("customer"), Cost: 5, Debt: true,
		Policy: ratelimit.Policy{Name: "api-day", Algorithm: ratelimit.FixedWindow, Limit: 3, Burst: 3, Window: 24 * time.Hour}}
	look := func(after time.Duration, want int64) {
		t.Helper()
		must(t, s.StepClock(after), s.Sweep(t.Context()))
		cells := []ratelimit.Cell{cell}
		cells[0].Cost, cells[0].Debt = 0, false
		if _, err := s.Quotas().Debit(t.Context(), cells); err != nil || cells[0].Standing.Remaining != want {
			t.Errorf("%d of 3 remain, %v, want %d", cells[0].Standing.Remaining, err, want)
		}
	}
	ok, err := s.Quotas().Debit(t.Context(), []ratelimit.Cell{cell})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	look(0, 0)
	look(25*time.Hour, 1) // 2 are owed
	look(24*time.Hour, 3)
}
