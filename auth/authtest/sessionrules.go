package authtest

import (
	"errors"
	"time"

	"crypto/sha256"
	"fmt"
	"maps"
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
		ID: "s1", Issuer: issuer, Subject: "alice", Kind: "sixteen-bytes-ok",
		Provider: session.Provider{Issuer: otherIssuer, Subject: "248289761001", SessionID: "08a5019c-17e1-4977-8f42-65a12843ea02"},
		AuthTime: now.Add(-time.Hour), ACR: "urn:mace:incommon:iap:silver",
		Factors:  map[string]time.Time{"pwd": now.Add(-time.Hour), "otp": now, strings.Repeat("f", 64): now.Add(-time.Minute)},
		ClientIP: netip.MustParseAddr("2001:db8::7"), UserAgent: "Möbius/1.0 \"'\\ " + strings.Repeat("x", 230),
		CreatedAt: now.Add(-time.Minute), ExpiresAt: now.Add(time.Hour),
		StoreKey: "0123456789-_abcd", Hash: sha256.Sum256([]byte("first")), Seal: sha256.Sum256([]byte("seal")), Generation: 1<<31 - 1,
		Shown: true, GraceUsed: true, GraceRun: 2,
	}
	least := session.Session{ID: "s2", Issuer: issuer, Subject: "bob", ExpiresAt: inAnHour()}
	creates(t, store, first, least)
	held := keeps(t, store, "a session after its Create", first)
	keeps(t, store, "a session with nothing that can be left out", least)
	next := session.Session{
		ID: "s1", Version: held.Version, Issuer: issuer, Subject: "alice", Kind: "body", Provider: first.Provider, AuthTime: now, ACR: "2",
		ClientIP: netip.MustParseAddr("192.0.2.7"), UserAgent: "curl", CreatedAt: now.Add(-time.Second),
		Factors:   map[string]time.Time{"hwk": now.Add(-time.Second)},
		ExpiresAt: now.Add(2 * time.Hour), StoreKey: "key-2", Hash: sha256.Sum256([]byte("next")), Seal: sha256.Sum256([]byte("other seal")), Generation: 7,
	}
	t.wants(nil, update(t, store, next), "Update")
	held = keeps(t, store, "a session after its Update", next)
	keeps(t, store, "a session beside the updated one", least)
	for _, f := range []session.Filter{{Issuer: issuer, Subject: "alice"}, {Provider: first.Provider}} {
		for _, got := range list(t, store, f) {
			t.same("a session in a List", next, got)
		}
		matched(t, store, f, "a caller with one session", "s1")
	}
	// Each of the marks is kept by itself.
	for _, set := range []func(*session.Session){
		func(s *session.Session) { s.Shown = true },
		func(s *session.Session) { s.Shown, s.GraceUsed = false, true },
		func(s *session.Session) { s.GraceUsed, s.GraceRun = false, 1 },
	} {
		set(&held)
		t.wants(nil, update(t, store, held), "Update")
		held = keeps(t, store, "a session after an Update of one mark", held)
	}
}

func sessionFactors(t *trial, store session.Store) {
	now := time.Now()
	given := map[string]time.Time{"pwd": now}
	s := login("s1", "alice")
	s.Factors = maps.Clone(given)
	creates(t, store, s, login("s2", "bob"))
	s.Factors["otp"] = now // of the caller's own map
	delete(s.Factors, "pwd")
	s.Factors = maps.Clone(given)
	held := keeps(t, store, "a session whose map was changed after its Create", s)
	more := map[string]time.Time{"pwd": now, "otp": now.Add(time.Second)}
	held.Factors = maps.Clone(more)
	t.wants(nil, update(t, store, held), "Update of the Factors")
	delete(held.Factors, "otp")
	held.Factors = more
	held = keeps(t, store, "a session whose map was changed after its Update", held)
	for _, found := range list(t, store, session.Filter{}) {
		if found.ID == "s2" && len(found.Factors) > 0 {
			t.fault("a session without Factors has those of another")
		}
	}
	held.Factors = nil
	t.wants(nil, update(t, store, held), "Update without Factors")
	keeps(t, store, "a session whose Factors were taken away", held)
}

// sessionClock looks at the times that the store sets. Its clock may be any.
func sessionClock(t *trial, store session.Store) {
	before := time.Now().Add(-24 * time.Hour)
	probe, s := login("probe", "bob"), login("s1", "alice")
	creates(t, store, probe)
	clock := func() time.Time { return keeps(t, store, "a session", probe).ReadAt }
	within := func(described string, at, first, last time.Time) {
		const rounding = time.Microsecond
		if at.Before(first.Add(-rounding)) || at.After(last.Add(rounding)) {
			t.fault("%s is %v, want from %v to %v by the clock of the store", described, at, first, last)
		}
	}
	first := clock()
	t.pause()
	s.RefreshedAt, s.UsedAt, s.ReadAt = before, before, before // which nobody asks for
	creates(t, store, s)
	t.pause()
	held := keeps(t, store, "a session", s)
	if !first.Before(held.ReadAt) {
		t.fault("the clock of the store stands still: ReadAt is %v and, after a while, %v", first, held.ReadAt)
	}
	made := held.RefreshedAt
	within("RefreshedAt of a new session", made, first, held.ReadAt)
	within("UsedAt of a new session", held.UsedAt, first, held.ReadAt)
	for _, found := range list(t, store, session.Filter{}) {
		within("ReadAt in a List", found.ReadAt, held.ReadAt, clock())
		if found.ID == "s1" {
			within("RefreshedAt in a List", found.RefreshedAt, made, made)
			within("UsedAt in a List", found.UsedAt, held.UsedAt, held.UsedAt)
		}
	}
	used := held.UsedAt
	if since := held.ReadAt.Sub(made); since < pollTime/2 {
		t.fault("RefreshedAt of a session that is %v old is %v before ReadAt", pollTime, since)
	}
	for _, mark := range []func(*session.Session){
		func(s *session.Session) { s.Shown = true },
		func(s *session.Session) { s.GraceUsed, s.GraceRun = true, 1 },
		func(s *session.Session) { s.Hash[0]++ },
	} {
		mark(&held)
		held.RefreshedAt, held.UsedAt, held.ReadAt = before, before, before
		t.wants(nil, update(t, store, held), "Update of a mark")
		held = keeps(t, store, "a session", held)
		within("RefreshedAt after an Update that leaves the Generation", held.RefreshedAt, made, made)
		within("UsedAt after an Update", held.UsedAt, used, used)
	}
	for _, generation := range []int{1, 2, 7} {
		t.pause()
		first := clock()
		t.pause()
		held.Generation = generation
		held.RefreshedAt, held.UsedAt, held.ReadAt = before, before, before
		t.wants(nil, update(t, store, held), "Update of the Generation")
		held = keeps(t, store, "a session", held)
		within("RefreshedAt after an Update of the Generation", held.RefreshedAt, first, held.ReadAt)
		within("UsedAt after an Update of the Generation", held.UsedAt, used, used)
		t.pause()
		again := keeps(t, store, "a session", held)
		within("RefreshedAt that nobody has changed", again.RefreshedAt, held.RefreshedAt, held.RefreshedAt)
	}
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
	touches(t, store, "s1", 0, auth.ErrNotFound, "a session of an empty store")
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
		touches(t, store, "s1", 0, auth.ErrNotFound, "a session after its Delete")
		deletes(t, store, false, "a session after its Delete", "s1")
		listed(t, store, issuer, "alice", "a caller after the Delete of one of two sessions", "s2")
	}
	keeps(t, store, "the sibling of a deleted session", left)
	t.wants(nil, update(t, store, left), "Update of the sibling of a deleted session")
	deletes(t, store, true, "a session that was updated", "s2")
	lacks(t, store, "a session that was updated and deleted", "s2")
	listed(t, store, issuer, "alice", "a caller after the Delete of all sessions")
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

func sessionIDs(t *trial, store session.Store) {
	for i, pair := range distinct() {
		for j, id := range pair {
			// Other pairs hold some of the same ids.
			described := fmt.Sprintf("%.20q of %d bytes beside %.20q", id, len(id), pair[0])
			byID, bySubject, byIssuer := login(fmt.Sprint(id, "/", i), "alice"), login(fmt.Sprint("subject-", i, "-", j), fmt.Sprint(i, "/", id)), login(fmt.Sprint("issuer-", i, "-", j), "bob")
			byIssuer.Issuer = fmt.Sprint(i, "/", id)
			byID.Provider = session.Provider{Issuer: fmt.Sprint(i, "/", id), Subject: "carol", SessionID: "x"}
			bySubject.Provider = session.Provider{Issuer: otherIssuer, Subject: fmt.Sprint(i, "/", id)}
			byIssuer.Provider = session.Provider{Issuer: otherIssuer, SessionID: fmt.Sprint(i, "/", id)}
			lacks(t, store, "the ID "+described+" before its Create", byID.ID)
			creates(t, store, byID, bySubject, byIssuer)
			byID = keeps(t, store, "the ID "+described, byID)
			keeps(t, store, "the subject "+described, bySubject)
			keeps(t, store, "the issuer "+described, byIssuer)
			listed(t, store, issuer, bySubject.Subject, "the subject "+described, bySubject.ID)
			listed(t, store, byIssuer.Issuer, "bob", "the issuer "+described, byIssuer.ID)
			for _, s := range []session.Session{byID, bySubject, byIssuer} {
				matched(t, store, session.Filter{Provider: s.Provider}, "a provider beside "+described, s.ID)
			}
			t.wants(nil, update(t, store, byID), "Update of the ID "+described)
		}
		marked(t, store, pair, i)
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

func sessionSweep(t *trial, store session.Store) {
	sweep(t, store) // an empty store
	soon := brief()
	short, extended, cut, lasting := login("short", "alice"), login("extended", "alice"), login("cut", "alice"), login("lasting", "alice")
	short.ExpiresAt, extended.ExpiresAt = soon, soon
	creates(t, store, short, extended, cut, lasting)
	extended, cut = keeps(t, store, "a session", extended), keeps(t, store, "a session", cut)
	extended.ExpiresAt, cut.ExpiresAt = lasting.ExpiresAt, soon
	t.wants(nil, update(t, store, extended), "Update to a later ExpiresAt")
	t.wants(nil, update(t, store, cut), "Update to an earlier ExpiresAt")
	for _, id := range []string{"short", "cut"} {
		t.until(soon, "a session that expires, by Sweep,", func() bool {
			sweep(t, store)
			_, err := get(t, store, id)
			return errors.Is(err, auth.ErrNotFound)
		})
	}
	for range 2 {
		sweep(t, store)
		keeps(t, store, "a session after a Sweep", lasting)
		keeps(t, store, "a session whose ExpiresAt was moved, after a Sweep", extended)
		lacks(t, store, "an expired session after a Sweep", "short")
		lacks(t, store, "a session whose ExpiresAt was moved to before a Sweep", "cut")
		listed(t, store, issuer, "alice", "a caller after a Sweep", "extended", "lasting")
	}
}

func sessionMany(t *trial, store session.Store) {
	for i := range manyItems + 1 {
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
	// A page without a Limit has a thousand sessions.
	page := list(t, store, session.Filter{})
	if len(page) != manyItems {
		t.fault("the first page of %d sessions has %d, want %d", manyItems+1, len(page), manyItems)
		return
	}
	rest := list(t, store, session.Filter{After: page[len(page)-1].ID})
	if len(rest) != 1 || slices.ContainsFunc(page, func(s session.Session) bool { return s.ID == rest[0].ID }) {
		t.fault("the second page of %d sessions has %d, want 1", manyItems+1, len(rest))
	}
}
