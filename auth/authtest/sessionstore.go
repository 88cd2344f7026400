package authtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

// TestSessionStore checks that a store keeps the rules of [session.Store], each
// in a subtest of its own. For each subtest open returns a store that holds
// nothing and has room for 1,500 sessions: a new store, or a shared one under a
// prefix of its own. The rule "full" is checked where the store has room for
// fewer than 2,000 sessions.
//
// The suite takes about three seconds, because one rule waits for a session to
// expire. A store in memory can be tested in a bubble of [testing/synctest],
// where the three seconds pass at once; there are no subtests then.
//
//	func TestStore(t *testing.T) {
//		authtest.TestSessionStore(t, func(t *testing.T) session.Store {
//			return open(t, "prefix:"+t.Name())
//		})
//	}
func TestSessionStore(t *testing.T, open func(t *testing.T) session.Store) {
	t.Helper()
	testRules(t, sessionRules, open)
}

var sessionRules = []rule[session.Store]{
	{"fields", sessionFields},
	{"versions", sessionVersions},
	{"taken", sessionTaken},
	{"deleted", sessionDeleted},
	{"limit", sessionLimit},
	{"callers", sessionCallers},
	{"list", sessionList},
	{"ids", sessionIDs},
	{"expiry", sessionExpiry},
	{"many", sessionMany},
	{"full", sessionFull},
	{"concurrent-updates", sessionUpdatesAtOnce},
	{"concurrent-creates", sessionCreatesAtOnce},
	{"concurrent-deletes", sessionDeletesAtOnce},
	{"cancelled", sessionCancelled},
}

// login is a session that lasts for an hour.
func login(id, subject string) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, AuthTime: now, CreatedAt: now, RefreshedAt: now,
		ExpiresAt: now.Add(time.Hour), Hash: sha256.Sum256([]byte(id))}
}

const noLimit = 5000 // more sessions than any rule makes

func create(t *trial, store session.Store, s session.Session, limit int) ([]string, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Create(ctx, s, limit)
}

// creates notes what Create fails with.
func creates(t *trial, store session.Store, all ...session.Session) {
	for _, s := range all {
		if _, err := create(t, store, s, noLimit); err != nil {
			t.fault("Create of a new session: %w", err)
		}
	}
}

func get(t *trial, store session.Store, id string) (session.Session, error) {
	ctx, cancel := t.call()
	defer cancel()
	return store.Get(ctx, id)
}

func update(t *trial, store session.Store, s session.Session) error {
	ctx, cancel := t.call()
	defer cancel()
	return store.Update(ctx, s)
}

func list(t *trial, store session.Store, issuer, subject string) []session.Session {
	ctx, cancel := t.call()
	defer cancel()
	all, err := store.List(ctx, issuer, subject)
	if err != nil {
		t.fault("List: %w", err)
	}
	return all
}

// deletes notes where Delete does not report what it should.
func deletes(t *trial, store session.Store, want bool, described, id string) {
	ctx, cancel := t.call()
	defer cancel()
	if got, err := store.Delete(ctx, id); err != nil || got != want {
		t.fault("Delete of %s: %t, %v, want %t", described, got, err, want)
	}
}

// listed notes where List does not return exactly the sessions with the ids.
func listed(t *trial, store session.Store, issuer, subject, described string, want ...string) {
	var got []string
	for _, s := range list(t, store, issuer, subject) {
		got = append(got, s.ID)
		if s.Issuer != issuer || s.Subject != subject {
			t.fault("List of %s returns a session of %q at %q", described, s.Subject, s.Issuer)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.fault("List of %s returns %.200q, want %.200q", described, got, want)
	}
}

// keeps notes where the store does not hold want, and returns what it holds.
func keeps(t *trial, store session.Store, described string, want session.Session) session.Session {
	got, err := get(t, store, want.ID)
	if err != nil {
		t.fault("Get of %s: %w", described, err)
		return got
	}
	t.same(described, want, got)
	return got
}

// same notes where got is not want but for the Version. Times are compared to
// the microsecond: databases keep no more.
func (t *trial) same(described string, want, got session.Session) {
	want.Version = got.Version
	for _, times := range [][2]*time.Time{{&want.AuthTime, &got.AuthTime}, {&want.CreatedAt, &got.CreatedAt},
		{&want.RefreshedAt, &got.RefreshedAt}, {&want.ExpiresAt, &got.ExpiresAt}} {
		sameInstant(times[0], times[1])
	}
	if got != want {
		t.fault("%s is %.400q, want %.400q", described, fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
	}
}

// sameInstant makes got want where both are one instant, to the microsecond.
func sameInstant(want, got *time.Time) {
	if apart := got.Sub(*want).Abs(); apart < time.Microsecond && got.IsZero() == want.IsZero() {
		*got = *want
	}
}

// lacks notes where the store holds a session that it should not.
func lacks(t *trial, store session.Store, described, id string) {
	if s, err := get(t, store, id); !errors.Is(err, auth.ErrNotFound) {
		t.fault("Get of %s: %.20q, %v, want ErrNotFound", described, s.ID, err)
	}
}

// wants notes an error that is not the one due, which is nil or one of package
// auth.
func (t *trial) wants(due, err error, described string) {
	if !errors.Is(err, due) {
		t.fault("%s: %v, want %v", described, err, due)
	}
}

func sessionFields(t *trial, store session.Store) {
	// Cut to the second, or to the millisecond, it would be another time.
	now := time.Now().Truncate(time.Second).Add(123456 * time.Microsecond)
	first := session.Session{
		ID: "s1", Issuer: issuer, Subject: "alice", AuthTime: now.Add(-time.Hour), ACR: "urn:mace:incommon:iap:silver",
		ClientIP: netip.MustParseAddr("2001:db8::7"), UserAgent: "Möbius/1.0 \"'\\ " + strings.Repeat("x", 230),
		CreatedAt: now.Add(-time.Minute), RefreshedAt: now, ExpiresAt: now.Add(time.Hour),
		Hash: sha256.Sum256([]byte("first")), Generation: 1<<31 - 1, GraceUsed: true, GraceRun: 2,
	}
	least := session.Session{ID: "s2", Issuer: issuer, Subject: "bob", ExpiresAt: inAnHour()}
	creates(t, store, first, least)
	held := keeps(t, store, "a session after its Create", first)
	keeps(t, store, "a session with nothing that can be left out", least)
	next := session.Session{
		ID: "s1", Version: held.Version, Issuer: issuer, Subject: "alice", AuthTime: now, ACR: "2",
		ClientIP: netip.MustParseAddr("192.0.2.7"), UserAgent: "curl", CreatedAt: now.Add(-time.Second),
		RefreshedAt: now.Add(time.Second), ExpiresAt: now.Add(2 * time.Hour), Hash: sha256.Sum256([]byte("next")), Generation: 7,
	}
	t.wants(nil, update(t, store, next), "Update")
	keeps(t, store, "a session after its Update", next)
	keeps(t, store, "a session beside the updated one", least)
	for _, got := range list(t, store, issuer, "alice") {
		t.same("a session in a List", next, got)
	}
	listed(t, store, issuer, "alice", "a caller with one session", "s1")
}

func sessionVersions(t *trial, store session.Store) {
	s := login("s1", "alice")
	s.Version = 7 // which means nothing to Create
	creates(t, store, s)
	seen := map[uint64]bool{}
	for i := range 8 {
		s = keeps(t, store, "a session after as many Updates as its Generation", s)
		if seen[s.Version] {
			t.fault("the Version after %d Updates is that of an earlier state", i)
		}
		seen[s.Version] = true
		s.Generation++
		t.wants(nil, update(t, store, s), "Update from the Version that Get returned")
	}
	seen[0] = true
	for version := range seen {
		stale := s
		stale.Version, stale.Generation = version, 99
		t.wants(auth.ErrConflict, update(t, store, stale), "Update from an earlier Version")
	}
	s = keeps(t, store, "a session after Updates that were refused", s)
	s.Version++
	t.wants(auth.ErrConflict, update(t, store, s), "Update from a Version that never was")
}

func sessionTaken(t *trial, store session.Store) {
	first, sibling, other := login("s1", "alice"), login("s2", "alice"), login("s3", "bob")
	creates(t, store, first, sibling, other)
	for _, taker := range []session.Session{login("s1", "alice"), login("s1", "bob"), login("s1", "carol")} {
		taker.Generation = 9
		ended, err := create(t, store, taker, 1)
		t.wants(auth.ErrConflict, err, "Create of an ID that is taken")
		if len(ended) > 0 {
			t.fault("Create of an ID that is taken ends %q", ended)
		}
	}
	for _, s := range []session.Session{first, sibling, other} {
		keeps(t, store, "a session after Creates that were refused", s)
	}
	listed(t, store, issuer, "alice", "a caller whose ID was to be taken", "s1", "s2")
	listed(t, store, issuer, "bob", "a caller who was refused an ID", "s3")
	listed(t, store, issuer, "carol", "a caller who has no session")
}

func sessionDeleted(t *trial, store session.Store) {
	lacks(t, store, "a session of an empty store", "s1")
	t.wants(auth.ErrNotFound, update(t, store, login("s1", "alice")), "Update in an empty store")
	deletes(t, store, false, "a session of an empty store", "s1")
	listed(t, store, issuer, "alice", "a caller in an empty store")

	gone, left := login("s1", "alice"), login("s2", "alice")
	creates(t, store, gone, left)
	gone = keeps(t, store, "a session", gone)
	left = keeps(t, store, "its sibling", left)
	deletes(t, store, true, "a session", "s1")
	for range 2 {
		lacks(t, store, "a session after its Delete", "s1")
		t.wants(auth.ErrNotFound, update(t, store, gone), "Update after the Delete")
		deletes(t, store, false, "a session after its Delete", "s1")
		listed(t, store, issuer, "alice", "a caller after the Delete of one of two sessions", "s2")
	}
	keeps(t, store, "the sibling of a deleted session", left)
	t.wants(nil, update(t, store, left), "Update of the sibling of a deleted session")
	deletes(t, store, true, "a session that was updated", "s2")
	lacks(t, store, "a session that was updated and deleted", "s2")
	listed(t, store, issuer, "alice", "a caller after the Delete of all sessions")
}

func sessionLimit(t *trial, store session.Store) {
	now := time.Now()
	at := func(id string, seconds int) session.Session {
		s := login(id, "alice")
		s.RefreshedAt = now.Add(time.Duration(seconds) * time.Second)
		s.CreatedAt = now.Add(-time.Duration(seconds) * time.Second) // which must not count
		return s
	}
	ends := func(s session.Session, limit int, described string, want ...string) {
		ended, err := create(t, store, s, limit)
		slices.Sort(ended)
		slices.Sort(want)
		if err != nil || !slices.Equal(ended, want) {
			t.fault("Create of %s with a limit of %d: ended %q, %v, want %q", described, limit, ended, err, want)
		}
		for _, id := range want {
			lacks(t, store, "a session that Create has ended", id)
		}
		keeps(t, store, "the session that Create has made", s)
	}
	creates(t, store, login("other", "bob"))
	first := at("a", 0)
	ends(first, 3, "the first session")
	ends(at("b", 1), 3, "the second session")
	ends(at("c", 2), 3, "the third session")
	refreshed := keeps(t, store, "the first session", first)
	refreshed.RefreshedAt = now.Add(3 * time.Second)
	t.wants(nil, update(t, store, refreshed), "Update")
	ends(at("d", 4), 3, "the fourth session", "b")
	listed(t, store, issuer, "alice", "a caller at the limit", "a", "c", "d")
	ends(at("e", 5), 2, "a session where the limit has fallen", "a", "c")
	ends(at("f", -60), 2, "a session that was refreshed before all others", "d")
	ends(at("g", 6), 0, "a session with no limit given", "e", "f")
	ends(at("h", 7), 1, "the one session allowed", "g")
	listed(t, store, issuer, "alice", "a caller at a limit of one", "h")
	listed(t, store, issuer, "bob", "another caller", "other")
}

func sessionCallers(t *trial, store session.Store) {
	here, there := login("s1", "alice"), login("s2", "alice")
	there.Issuer = otherIssuer
	for _, s := range []session.Session{here, there} {
		if ended, err := create(t, store, s, 1); err != nil || len(ended) > 0 {
			t.fault("Create for the same subject of another issuer: ended %q, %v", ended, err)
		}
	}
	listed(t, store, issuer, "alice", "a caller whose subject exists at two issuers", "s1")
	listed(t, store, otherIssuer, "alice", "the other caller of that subject", "s2")
	// However issuer and subject are put together, it must be told where one
	// ends.
	for i, separator := range []string{"", ":", "/", "\x00", "\n", " ", "|"} {
		one, two := login(fmt.Sprint("one-", i), "b"+separator+"c"), login(fmt.Sprint("two-", i), "c")
		one.Issuer, two.Issuer = fmt.Sprint(i, "a"), fmt.Sprint(i, "a")+separator+"b"
		creates(t, store, one)
		if ended, err := create(t, store, two, 1); err != nil || len(ended) > 0 {
			t.fault("Create for an issuer that ends in %q and more: ended %q, %v", separator, ended, err)
		}
		listed(t, store, one.Issuer, one.Subject, fmt.Sprintf("a subject that holds %q", separator), one.ID)
		listed(t, store, two.Issuer, two.Subject, fmt.Sprintf("an issuer that holds %q", separator), two.ID)
	}
}

func sessionList(t *trial, store session.Store) {
	var want []string
	for i := range 200 {
		s := login(fmt.Sprint("s", i), "alice")
		creates(t, store, s, login(fmt.Sprint("other-", i), fmt.Sprint("bob-", i)))
		want = append(want, s.ID)
	}
	for range 2 {
		listed(t, store, issuer, "alice", "a caller with 200 sessions", want...)
		// What the caller does with the answer is the caller's business.
		all := list(t, store, issuer, "alice")
		for i := range all {
			all[i] = login("changed", "mallory")
		}
	}
}

func sessionIDs(t *trial, store session.Store) {
	for i, pair := range distinct() {
		for j, id := range pair {
			// Other pairs hold some of the same ids.
			described := fmt.Sprintf("%.20q of %d bytes beside %.20q", id, len(id), pair[0])
			byID, bySubject, byIssuer := login(fmt.Sprint(id, "/", i), "alice"), login(fmt.Sprint("subject-", i, "-", j), fmt.Sprint(i, "/", id)), login(fmt.Sprint("issuer-", i, "-", j), "bob")
			byIssuer.Issuer = fmt.Sprint(i, "/", id)
			lacks(t, store, "the ID "+described+" before its Create", byID.ID)
			creates(t, store, byID, bySubject, byIssuer)
			byID = keeps(t, store, "the ID "+described, byID)
			keeps(t, store, "the subject "+described, bySubject)
			keeps(t, store, "the issuer "+described, byIssuer)
			listed(t, store, issuer, bySubject.Subject, "the subject "+described, bySubject.ID)
			listed(t, store, byIssuer.Issuer, "bob", "the issuer "+described, byIssuer.ID)
			t.wants(nil, update(t, store, byID), "Update of the ID "+described)
		}
		deletes(t, store, true, "one ID of two that are much alike", fmt.Sprint(pair[0], "/", i))
		if _, err := get(t, store, fmt.Sprint(pair[1], "/", i)); err != nil {
			t.fault("Get of the other ID of two that are much alike: %w", err)
		}
	}
}

func sessionExpiry(t *trial, store session.Store) {
	soon := brief()
	short, extended, cut, lasting := login("short", "alice"), login("extended", "alice"), login("cut", "alice"), login("lasting", "alice")
	short.ExpiresAt, extended.ExpiresAt = soon, soon
	creates(t, store, short, extended, cut, lasting)
	extended, cut = keeps(t, store, "a session", extended), keeps(t, store, "a session", cut)
	extended.ExpiresAt, cut.ExpiresAt = lasting.ExpiresAt, soon
	t.wants(nil, update(t, store, extended), "Update to a later ExpiresAt")
	t.wants(nil, update(t, store, cut), "Update to an earlier ExpiresAt")
	t.kept(soon, "a session before its ExpiresAt", func() error {
		_, one := get(t, store, "short")
		_, two := get(t, store, "cut")
		return errors.Join(one, two)
	})
	// Others come: it is then that a store clears up.
	creates(t, store, login("later", "bob"))
	keeps(t, store, "a session beside expired ones", lasting)
	keeps(t, store, "a session whose ExpiresAt was moved", extended)
	for _, id := range []string{"short", "cut"} {
		if _, err := get(t, store, id); err != nil {
			t.wants(auth.ErrNotFound, err, "Get of an expired session")
		}
	}
}

func sessionMany(t *trial, store session.Store) {
	for i := range manyItems {
		creates(t, store, login(fmt.Sprint("s", i), fmt.Sprint("user-", i)))
	}
	gone := 0
	for i := range manyItems {
		if _, err := get(t, store, fmt.Sprint("s", i)); err != nil {
			gone++
		}
	}
	if gone > 0 {
		t.fault("of %d sessions %d are gone", manyItems, gone)
	}
}

// sessionFull checks less where the store has room for all.
func sessionFull(t *trial, store session.Store) {
	var held []session.Session
	for i := range fullItems {
		s := login(fmt.Sprint("s", i), fmt.Sprint("user-", i))
		ended, err := create(t, store, s, 5)
		if len(ended) > 0 {
			t.fault("Create for a new caller ends %.200q", ended)
		}
		if err != nil {
			t.wants(auth.ErrFull, err, "Create of one session too many")
			break
		}
		held = append(held, s)
	}
	for _, s := range held {
		keeps(t, store, "a session of a store that has been filled", s)
	}
	if len(held) == fullItems {
		return
	}
	if len(held) < 4 {
		t.fault("the store has room for %d sessions only", len(held))
		return
	}
	lacks(t, store, "a session for which there was no room", fmt.Sprint("s", len(held)))
	own, next := held[0], login("next", held[0].Subject)
	ended, err := create(t, store, next, 1)
	switch {
	case err == nil: // in the place of the own one
		if !slices.Equal(ended, []string{own.ID}) {
			t.fault("Create for a caller at the limit of a full store ends %q, want %q", ended, own.ID)
		}
		lacks(t, store, "a session in whose place there is another", own.ID)
		keeps(t, store, "a session in the place of another", next)
	default:
		t.wants(auth.ErrFull, err, "Create for a caller at the limit of a full store")
		keeps(t, store, "a session of a caller for whose next there was no room", own)
		lacks(t, store, "a session for which there was no room", next.ID)
	}
	one := keeps(t, store, "a session of a full store", held[1])
	one.Generation++
	t.wants(nil, update(t, store, one), "Update in a full store")
	deletes(t, store, true, "a session of a full store", held[2].ID)
	creates(t, store, login("in-its-place", "newcomer"))
}

func sessionUpdatesAtOnce(t *trial, store session.Store) {
	for round := range 16 {
		s := login(fmt.Sprint("s", round), "alice")
		creates(t, store, s)
		s = keeps(t, store, "a session", s)
		var won atomic.Int64
		var winner atomic.Int64
		t.atOnce(func(i int) {
			next := s
			next.Generation = 1 + i
			err := update(t, store, next)
			if err == nil {
				won.Add(1)
				winner.Store(int64(next.Generation))
				return
			}
			t.wants(auth.ErrConflict, err, "Update from a Version that others update too")
		})
		if n := won.Load(); n != 1 {
			t.fault("of %d Updates from one Version %d succeed", crowd, n)
			return
		}
		s.Generation = int(winner.Load())
		keeps(t, store, "a session after the one Update that succeeded", s)
	}
}

func sessionCreatesAtOnce(t *trial, store session.Store) {
	const limit = 4
	for round := range 8 {
		var won, winner atomic.Int64
		var mu sync.Mutex
		ended := map[string]int{}
		shared, caller := fmt.Sprint("shared-", round), fmt.Sprint("crowd-", round)
		t.atOnce(func(i int) {
			_, err := create(t, store, login(shared, fmt.Sprint("user-", i)), noLimit)
			if err == nil {
				won.Add(1)
				winner.Store(int64(i))
			} else {
				t.wants(auth.ErrConflict, err, "Create of an ID that others create too")
			}
			ids, err := create(t, store, login(fmt.Sprint(caller, "-", i), caller), limit)
			t.wants(nil, err, "Create for a caller for whom others create too")
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				ended[id]++
			}
		})
		if n := won.Load(); n != 1 {
			t.fault("of %d Creates of one ID %d succeed", crowd, n)
			return
		}
		if s, err := get(t, store, shared); err != nil || s.Subject != fmt.Sprint("user-", winner.Load()) {
			t.fault("Get of an ID after many Creates: the session of %q, %v", s.Subject, err)
		}
		left := list(t, store, issuer, caller)
		if len(left) != limit {
			t.fault("%d sessions of a caller whose limit is %d, after many Creates at once", len(left), limit)
		}
		for _, s := range left {
			ended[s.ID]++
		}
		for i := range crowd {
			if n := ended[fmt.Sprint(caller, "-", i)]; n != 1 {
				t.fault("a session is listed or returned as ended %d times, want once", n)
				return
			}
		}
	}
}

func sessionDeletesAtOnce(t *trial, store session.Store) {
	for round := range 16 {
		s := login(fmt.Sprint("s", round), "alice")
		creates(t, store, s)
		s = keeps(t, store, "a session", s)
		var deleted atomic.Int64
		t.atOnce(func(i int) {
			if i%2 == 0 {
				err := update(t, store, s)
				if !errors.Is(err, auth.ErrNotFound) && !errors.Is(err, auth.ErrConflict) {
					t.wants(nil, err, "Update while others delete")
				}
				return
			}
			ctx, cancel := t.call()
			defer cancel()
			ok, err := store.Delete(ctx, s.ID)
			t.wants(nil, err, "Delete while others delete")
			if ok {
				deleted.Add(1)
			}
			lacks(t, store, "a session after its Delete", s.ID)
		})
		if n := deleted.Load(); n != 1 {
			t.fault("of many Deletes of one session %d report it", n)
		}
		lacks(t, store, "a session after its Delete, beside Updates", s.ID)
		listed(t, store, issuer, "alice", "a caller after the Delete of every session")
	}
}

func sessionCancelled(t *trial, store session.Store) {
	live, gone := login("live", "alice"), login("gone", "alice")
	creates(t, store, live, gone)
	live, gone = keeps(t, store, "a session", live), keeps(t, store, "a session", gone)
	deletes(t, store, true, "a session", "gone")

	held, in, err := answered(t, "Get", func(ctx context.Context) (session.Session, error) { return store.Get(ctx, "live") })
	if in && err == nil {
		t.same("with a cancelled context a session", live, held)
	}
	t.noAnswer("Get of a session", err)
	if _, in, err = answered(t, "Get", func(ctx context.Context) (session.Session, error) { return store.Get(ctx, "gone") }); in && err == nil {
		t.fault("with a cancelled context a deleted session is there")
	}
	if in, err = attempted(t, "Update", func(ctx context.Context) error { return store.Update(ctx, gone) }); in && err == nil {
		t.fault("with a cancelled context Update of a deleted session returns nil")
	}
	lacks(t, store, "a session that was deleted and updated with a cancelled context", "gone")
	all, in, err := answered(t, "List", func(ctx context.Context) ([]session.Session, error) { return store.List(ctx, issuer, "alice") })
	if in && err == nil && len(all) != 1 {
		t.fault("with a cancelled context List returns %d sessions of 1", len(all))
	}
	next := live
	next.Generation = 5
	if in, err = attempted(t, "Update", func(ctx context.Context) error { return store.Update(ctx, next) }); in && err == nil {
		keeps(t, store, "a session whose Update returned nil in spite of a cancelled context", next)
	}
	t.noAnswer("Update of a session", err)
	made := login("made", "bob")
	if _, in, err = answered(t, "Create", func(ctx context.Context) ([]string, error) { return store.Create(ctx, made, 5) }); in && err == nil {
		keeps(t, store, "a session whose Create returned nil in spite of a cancelled context", made)
	}
	t.noAnswer("Create of a session", err)
	deleted, in, err := answered(t, "Delete", func(ctx context.Context) (bool, error) { return store.Delete(ctx, "live") })
	if in && err == nil {
		if !deleted {
			t.fault("with a cancelled context Delete says that a session was not there")
		}
		lacks(t, store, "a session whose Delete returned nil in spite of a cancelled context", "live")
	}
}
