package authtest

import (
	"errors"
	"time"

	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

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
