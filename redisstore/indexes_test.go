package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/redisstore"
)

// pass lets everything under a Prefix end, as if its time had come: Redis has
// expired the rows, and the ends in sorted sets have passed.
func pass(t *testing.T, client redisstore.Client, prefix string) {
	t.Helper()
	for _, key := range keysOf(t, client, "{"+prefix+":*") {
		switch _, rest, _ := strings.Cut(key, "}"); {
		case strings.HasPrefix(rest, "row:"):
			raw(t, client, key, "DEL", key)
		case rest == "ends" || rest == "marks" || rest == "uses":
			for _, member := range members(t, client, key) {
				raw(t, client, key, "ZADD", key, "1", member)
			}
		}
	}
}

// Rows that Redis has expired leave entries in indexes. They are in no List,
// and Sweep takes them.
func TestSweepForgetsWhatRedisHasExpired(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	sessions, keys, ctx := store.Sessions(), store.Keys(), t.Context()
	const n = 700 // more than one step of a sweep
	hour := time.Now().Add(time.Hour)
	add := func(id, subject string) {
		t.Helper()
		_, err := sessions.Create(ctx, loginOf(id, subject), 1000, nil)
		first, used := store.Replays().Use(ctx, "client", id, hour)
		if err := errors.Join(err, used, keys.Create(ctx, keyOf(id, subject)),
			sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", Subject: id}, time.Now(), hour),
			keys.RevokeOwner(ctx, issuer, id, time.Now(), hour),
			store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: id, Expires: hour}),
			store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: id, IssuedUntil: time.Now(), Expires: hour})); err != nil || !first {
			t.Fatal(first, err)
		}
	}
	for i := range n {
		add(fmt.Sprint("old-", i), fmt.Sprint("user-", i%7))
	}
	pass(t, client, prefix)
	add("young", "user-0") // behind them in the order of ids
	all, err := sessions.List(ctx, session.Filter{})
	if err != nil || len(all) != 1 {
		t.Errorf("List has %d sessions, %v, want 1", len(all), err)
	}
	of, err := keys.List(ctx, apikey.Filter{Owner: &bulwark.Principal{Issuer: issuer, Subject: "user-0"}})
	if err != nil || len(of) != 1 {
		t.Errorf("List has %d keys, %v, want 1", len(of), err)
	}
	if left := len(members(t, client, "{"+prefix+":s}ids")); left < n-16 {
		t.Errorf("%d entries before the Sweep, want those of %d rows", left, n)
	}
	if err := store.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	if rows := whole(t, client, prefix, false); rows != 2 {
		t.Errorf("%d rows after the Sweep", rows)
	}
	for tag, want := range map[string]int{":r}": 2, ":s}": 1, ":k}": 1} {
		ends := len(members(t, client, "{"+prefix+tag+"marks"))
		seconds := raw(t, client, "{"+prefix+tag, "HLEN", "{"+prefix+tag+"until")
		if ends != want || seconds != int64(1) {
			t.Errorf("%s has %d marks and %v second times after the Sweep, want %d and 1", tag, ends, seconds, want)
		}
	}
}

// A mark whose time has passed counts no longer, also before it is swept.
func TestMarksThatHaveEnded(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	sessions, keys, ctx, hour := store.Sessions(), store.Keys(), t.Context(), time.Now().Add(time.Hour)
	s, k := loginOf("a", "alice"), keyOf("a", "alice")
	p := &bulwark.Principal{Issuer: issuer, TokenID: "t", Subject: "alice", IssuedAt: time.Now().Add(-time.Hour)}
	for _, err := range []error{
		sessions.RevokeProvider(ctx, s.Provider, hour, hour),
		sessions.RevokeProvider(ctx, session.Provider{Issuer: s.Provider.Issuer, Subject: s.Provider.Subject}, hour, hour),
		keys.RevokeOwner(ctx, issuer, "alice", hour, hour),
		store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t", Expires: hour}),
		store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: time.Now(), Expires: hour}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	pass(t, client, prefix)
	if _, err := sessions.Create(ctx, s, 5, nil); err != nil {
		t.Errorf("Create after the mark of the login: %v", err)
	}
	if err := keys.Create(ctx, k); err != nil {
		t.Fatal(err)
	}
	if rec, err := keys.Get(ctx, "a"); err != nil || !rec.RevokedAt.IsZero() {
		t.Errorf("a key after the mark of its owner is revoked at %v, %v", rec.RevokedAt, err)
	}
	if revoked, err := store.Revocations().Revoked(ctx, p); err != nil || revoked {
		t.Errorf("revoked %t, %v", revoked, err)
	}
	// A mark that is set anew has its own second time, not that of before.
	earlier := time.Now().Add(-2 * time.Hour)
	if err := store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: earlier, Expires: hour}); err != nil {
		t.Fatal(err)
	}
	if revoked, err := store.Revocations().Revoked(ctx, p); err != nil || revoked {
		t.Errorf("a credential that is younger than the new mark: revoked %t, %v", revoked, err)
	}
}

// An id that comes back after its row has expired has another caller. What is
// left of the former row must not take the new one along.
func TestAnIDThatComesBack(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	sessions, ctx := store.Sessions(), t.Context()
	if _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); err != nil {
		t.Fatal(err)
	}
	first, _ := sessions.Get(ctx, "a")
	pass(t, client, prefix)
	if _, err := sessions.Create(ctx, loginOf("a", "bob"), 5, nil); err != nil {
		t.Fatal(err)
	}
	second, err := sessions.Get(ctx, "a")
	if err != nil || second.Version <= first.Version {
		t.Errorf("the Version %d comes after %d, %v", second.Version, first.Version, err)
	}
	if err := sessions.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"alice", "bob"} {
		all, err := sessions.List(ctx, session.Filter{Issuer: issuer, Subject: subject})
		if err != nil || len(all) != map[string]int{"alice": 0, "bob": 1}[subject] {
			t.Errorf("%s has %d sessions, %v", subject, len(all), err)
		}
	}
	all, err := sessions.List(ctx, session.Filter{Provider: second.Provider})
	if err != nil || len(all) != 1 {
		t.Errorf("the login at the provider has %d sessions, %v", len(all), err)
	}
	whole(t, client, prefix, false)
}

// A Version does not come back with an ID, so an Update from before a Delete
// changes no later session.
func TestVersionsDoNotComeBack(t *testing.T) {
	store := open(t, redisstore.Rueidis(redisOf(t)))
	sessions, keys, ctx := store.Sessions(), store.Keys(), t.Context()
	var old []session.Session
	for range 20 {
		if _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); err != nil {
			t.Fatal(err)
		}
		held, err := sessions.Get(ctx, "a")
		if err != nil || slices.ContainsFunc(old, func(s session.Session) bool { return s.Version == held.Version }) {
			t.Fatalf("the Version %d comes back: %v", held.Version, err)
		}
		for _, s := range old {
			if err := sessions.Update(ctx, s); !errors.Is(err, auth.ErrConflict) {
				t.Errorf("Update from before a Delete: %v", err)
			}
		}
		old = append(old, held)
		if _, err := sessions.Delete(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := keys.Create(ctx, keyOf("a", "alice")); err != nil {
		t.Fatal(err)
	}
	seen := map[uint64]bool{}
	for range 20 {
		rec, err := keys.Get(ctx, "a")
		if err != nil || seen[rec.Version] {
			t.Fatalf("the Version %d comes back: %v", rec.Version, err)
		}
		seen[rec.Version] = true
		if err := keys.Update(ctx, rec); err != nil {
			t.Fatal(err)
		}
	}
}

// A key of Redis of another type ends a step in its middle. No row is then left
// that an index does not have.
func TestAStepThatFailsInItsMiddle(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	for _, rows := range rowStores(t.Context(), prefix, store) {
		if err := rows.create("a", "alice"); err != nil {
			t.Fatal(err)
		}
		tag, _, _ := strings.Cut(rows.row(""), "row:")
		for _, key := range keysOf(t, client, tag+"by:*") {
			raw(t, client, key, "RENAME", key, key+"-away")
			raw(t, client, key, "SET", key, "junk")
			if err := rows.create("b", "alice"); err == nil || errors.Is(err, auth.ErrFull) {
				t.Errorf("%s Create: %v", rows.name, err)
			}
			if err := rows.get("b"); !errors.Is(err, auth.ErrNotFound) {
				t.Errorf("%s after a Create that failed: %v", rows.name, err)
			}
			raw(t, client, key, "RENAME", key+"-away", key)
			if err := rows.create("b", "alice"); err != nil {
				t.Errorf("%s Create after one that failed: %v", rows.name, err)
			}
			if rows.name == "session" {
				raw(t, client, key, "RENAME", key, key+"-away")
				raw(t, client, key, "SET", key, "junk")
				if gone, err := store.Sessions().Delete(t.Context(), "b"); err == nil {
					t.Errorf("Delete: %t, %v", gone, err)
				}
				if err := rows.get("b"); !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("after a Delete that failed: %v", err)
				}
				raw(t, client, key, "RENAME", key+"-away", key)
			} else {
				raw(t, client, tag, "DEL", rows.row("b"))
			}
			// What is left is found by a sweep when its time has come.
			for _, member := range members(t, client, tag+"ends") {
				if strings.HasSuffix(member, "b") {
					raw(t, client, tag, "ZADD", tag+"ends", "1", member)
				}
			}
			if err := store.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			whole(t, client, prefix, false)
		}
	}
}

// The owner of a key may change, and its index with it.
func TestAKeyMovesToAnotherOwner(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	keys, ctx := store.Keys(), t.Context()
	if err := keys.Create(ctx, keyOf("a", "alice")); err != nil {
		t.Fatal(err)
	}
	rec, _ := keys.Get(ctx, "a")
	rec.Subject = "bob"
	if err := keys.Update(ctx, rec); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]int{"alice": 0, "bob": 1} {
		all, err := keys.List(ctx, apikey.Filter{Owner: &bulwark.Principal{Issuer: issuer, Subject: subject}})
		if err != nil || len(all) != want {
			t.Errorf("%s has %d keys, %v, want %d", subject, len(all), err, want)
		}
	}
	whole(t, client, prefix, false)
	// The caller of a session does not change.
	sessions := store.Sessions()
	if _, err := sessions.Create(ctx, loginOf("a", "alice"), 5, nil); err != nil {
		t.Fatal(err)
	}
	s, _ := sessions.Get(ctx, "a")
	s.Subject = "bob"
	if err := sessions.Update(ctx, s); err == nil || errors.Is(err, auth.ErrConflict) || errors.Is(err, auth.ErrNotFound) {
		t.Errorf("Update with another Subject: %v", err)
	}
	whole(t, client, prefix, false)
}

// Times at the ends of what can be written.
func TestTimesFarAway(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	sessions, keys, ctx := store.Sessions(), store.Keys(), t.Context()
	for i, end := range []time.Time{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		id := fmt.Sprint("a", i)
		s, k := loginOf(id, "alice"), keyOf(id, "alice")
		s.ExpiresAt, s.AuthTime, k.ExpiresAt, k.CreatedAt = end, time.Time{}, end, time.Time{}
		if _, err := sessions.Create(ctx, s, 5, nil); err != nil {
			t.Fatal(err)
		}
		if err := keys.Create(ctx, k); err != nil {
			t.Fatal(err)
		}
		held, err := sessions.Get(ctx, id)
		rec, err2 := keys.Get(ctx, id)
		if err != nil || err2 != nil || !held.ExpiresAt.Equal(end) || !rec.ExpiresAt.Equal(end) || !held.AuthTime.IsZero() || !rec.CreatedAt.IsZero() {
			t.Errorf("%v is %v, %v and %v, %v", end, held.ExpiresAt, err, rec.ExpiresAt, err2)
		}
		if err := store.Revocations().Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: id, Expires: end}); err != nil {
			t.Error(err)
		}
		if revoked, err := store.Revocations().Revoked(ctx, &bulwark.Principal{Issuer: issuer, TokenID: id}); !revoked || err != nil {
			t.Errorf("a revocation until %v: %t, %v", end, revoked, err)
		}
		if ok, err := keys.Mark(ctx, id, apikey.Used, end, time.Hour); !ok || err != nil {
			t.Errorf("Mark at %v: %t, %v", end, ok, err)
		}
		if ok, err := keys.Mark(ctx, id, apikey.Used, end, time.Hour); ok || err != nil {
			t.Errorf("Mark at %v again: %t, %v", end, ok, err)
		}
		if ok, err := keys.Mark(ctx, id, apikey.Stale, time.Now(), 250*365*24*time.Hour); !ok || err != nil {
			t.Errorf("the first Mark is never too early: %t, %v", ok, err)
		}
		if err := sessions.RevokeProvider(ctx, session.Provider{Issuer: "idp", SessionID: id}, time.Time{}, end); err != nil {
			t.Error(err)
		}
	}
	for _, end := range []time.Time{{}, time.Unix(0, 0), time.Now().Add(-time.Hour)} {
		s, k := loginOf("past", "bob"), keyOf("past", "bob")
		s.ExpiresAt, k.ExpiresAt = end, end
		if _, err := sessions.Create(ctx, s, 5, nil); err != nil {
			t.Errorf("a session that has ended at %v: %v", end, err)
		}
		if err := keys.Create(ctx, k); err != nil {
			t.Errorf("a key that has ended at %v: %v", end, err)
		}
	}
	if err := store.Sweep(ctx); err != nil {
		t.Fatal(err)
	}
	whole(t, client, prefix, false)
	if _, err := sessions.Create(ctx, session.Session{ID: "x", Generation: -1}, 5, nil); err == nil {
		t.Error("a negative Generation: nil")
	}
	if _, err := keys.Mark(ctx, "a0", "other", time.Now(), 0); err == nil {
		t.Error("an unknown Mark: nil")
	}
}

// Ends are rounded up, never down: to microseconds for marks, to milliseconds
// for rows.
func TestEndsAreRoundedUp(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	end := time.Unix(4102444800, 1) // a nanosecond after the second
	s := loginOf("a", "alice")
	s.ExpiresAt = end
	_, err := store.Sessions().Create(t.Context(), s, 5, nil)
	if err := errors.Join(err, store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, TokenID: "t", Expires: end})); err != nil {
		t.Fatal(err)
	}
	marks := "{" + prefix + ":r}marks"
	if n := raw(t, client, marks, "ZCOUNT", marks, "4102444800000001", "4102444800000001"); n != int64(1) {
		t.Errorf("%v marks end a microsecond after the second, want 1", n)
	}
	until := time.Now().Truncate(time.Microsecond).Add(time.Nanosecond)
	used, err := store.Replays().Use(t.Context(), "c", "p", end)
	if err := errors.Join(err, store.Revocations().Revoke(t.Context(), auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: until}),
		store.Sessions().RevokeProvider(t.Context(), session.Provider{Issuer: "idp", Subject: "alice"}, until, end),
		store.Keys().RevokeOwner(t.Context(), issuer, "alice", until, end)); err != nil || !used {
		t.Fatal(used, err)
	}
	for _, kind := range []string{"s", "k"} {
		marks := "{" + prefix + ":" + kind + "}marks"
		if n := raw(t, client, marks, "ZCOUNT", marks, "4102444800000001", "4102444800000001"); n != int64(1) {
			t.Errorf("%v marks of %s end a microsecond after the second, want 1", n, kind)
		}
	}
	found := int64(0)
	for part := range 16 {
		uses := fmt.Sprintf("{%s:p%d}uses", prefix, part)
		found += raw(t, client, uses, "ZCOUNT", uses, "4102444800000001", "4102444800000001").(int64)
	}
	if found != 1 {
		t.Errorf("%d used proofs end a microsecond after the second, want 1", found)
	}
	seconds := "{" + prefix + ":r}until"
	if all := raw(t, client, seconds, "HVALS", seconds).([]any); len(all) != 1 || all[0] != fmt.Sprint(until.UnixMicro()+1) {
		t.Errorf("IssuedUntil is %v, want %d, rounded up", all, until.UnixMicro()+1)
	}
	row := "{" + prefix + ":s}row:a"
	left := raw(t, client, row, "PTTL", row).(int64)
	if at := time.Now().UnixMilli() + left; at < 4102444800001-1000 || at > 4102444800001+1000 {
		t.Errorf("the row ends at %d", at)
	}
	ends := "{" + prefix + ":s}ends"
	if n := raw(t, client, ends, "ZCOUNT", ends, "4102444800001", "4102444800001"); n != int64(1) {
		t.Errorf("%v rows end a millisecond after the second, want 1", n)
	}
}
