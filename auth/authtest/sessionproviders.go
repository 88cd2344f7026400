package authtest

import (
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

func sessionTouch(t *trial, store session.Store) {
	s := login("s1", "alice")
	creates(t, store, s, login("s2", "alice"))
	held := keeps(t, store, "a session", s)
	other, _ := get(t, store, "s2")
	t.pause()
	touches(t, store, "s1", time.Hour, nil, "a session that was in use a moment ago")
	again := keeps(t, store, "a session after a Touch", s)
	if !again.UsedAt.Equal(held.UsedAt) {
		t.fault("Touch sets UsedAt although it is younger than every")
	}
	for _, every := range []time.Duration{0, pollTime / 2} {
		t.pause()
		first, _ := get(t, store, "s2")
		touches(t, store, "s1", every, nil, "a session that was in use a while ago")
		again = keeps(t, store, "a session after a Touch", s)
		if again.UsedAt.Before(first.ReadAt.Add(-time.Microsecond)) || again.UsedAt.After(again.ReadAt.Add(time.Microsecond)) {
			t.fault("Touch sets UsedAt to %v, want from %v to %v", again.UsedAt, first.ReadAt, again.ReadAt)
		}
	}
	if again.Version != held.Version || !again.RefreshedAt.Equal(held.RefreshedAt) {
		t.fault("Touch changes the Version or RefreshedAt")
	}
	if beside, _ := get(t, store, "s2"); !beside.UsedAt.Equal(other.UsedAt) {
		t.fault("Touch of a session sets UsedAt of another")
	}
	// An Update does not notice a Touch, and the other way round.
	held.Generation++
	t.wants(nil, update(t, store, held), "Update from the Version before a Touch")
	touches(t, store, "s1", 0, nil, "a session after an Update")
	keeps(t, store, "a session after an Update and a Touch", held)
	touches(t, store, "unknown", 0, auth.ErrNotFound, "a session that is not there")
	lacks(t, store, "a session that was touched and is not there", "unknown")
}

// from is a session of a login at a provider, at the given time.
func from(id string, p session.Provider, at time.Time) session.Session {
	s := login(id, "user of "+id)
	s.Provider, s.AuthTime = p, at
	return s
}

// enters notes where Create does not admit, or does not refuse, a session of a
// login at a provider.
func enters(t *trial, store session.Store, due error, s session.Session) {
	described := fmt.Sprintf("%s, of %.60q", s.ID, fmt.Sprintf("%+v", s.Provider))
	ended, err := create(t, store, s, noLimit)
	t.wants(due, err, "Create of "+described)
	if len(ended) > 0 {
		t.fault("Create of %s ends %q", described, ended)
	}
	if due == nil {
		keeps(t, store, described, s)
		return
	}
	lacks(t, store, described, s.ID)
}

func sessionProviders(t *trial, store session.Store) {
	const idp, other = "idp-a", "idp-b"
	now := time.Now().Truncate(time.Microsecond)
	until := now.Add(-time.Minute)
	refused := session.ErrLoggedOut

	bySession := session.Provider{Issuer: idp, Subject: "carol", SessionID: "x"}
	there := from("there", bySession, now)
	creates(t, store, there)
	revokeProvider(t, store, bySession, until, inAnHour())
	there = keeps(t, store, "a session that was there before its login was revoked", there)
	t.wants(nil, update(t, store, there), "Update of a session of a revoked login")
	enters(t, store, refused, from("same", bySession, now))
	enters(t, store, refused, from("later", bySession, now.Add(time.Hour)))
	enters(t, store, refused, from("other-sub", session.Provider{Issuer: idp, Subject: "dave", SessionID: "x"}, now))
	enters(t, store, refused, from("no-sub", session.Provider{Issuer: idp, SessionID: "x"}, now))
	enters(t, store, nil, from("other-sid", session.Provider{Issuer: idp, Subject: "carol", SessionID: "y"}, until))
	enters(t, store, nil, from("no-sid", session.Provider{Issuer: idp, Subject: "carol"}, until))
	enters(t, store, nil, from("other-issuer", session.Provider{Issuer: other, Subject: "carol", SessionID: "x"}, until))
	enters(t, store, nil, from("sub-like-sid", session.Provider{Issuer: idp, Subject: "x"}, until))
	enters(t, store, nil, from("moved-border", session.Provider{Issuer: idp + "x", SessionID: ""}, until))
	enters(t, store, nil, login("no-provider", "alice"))

	bySubject := session.Provider{Issuer: idp, Subject: "erin"}
	revokeProvider(t, store, bySubject, until, inAnHour())
	enters(t, store, refused, from("before", bySubject, until.Add(-time.Hour)))
	enters(t, store, refused, from("then", bySubject, until))
	enters(t, store, refused, from("then-with-sid", session.Provider{Issuer: idp, Subject: "erin", SessionID: "z"}, until))
	enters(t, store, nil, from("after", bySubject, until.Add(time.Microsecond)))
	enters(t, store, nil, from("other-subject", session.Provider{Issuer: idp, Subject: "Erin"}, until))
	enters(t, store, nil, from("subject-elsewhere", session.Provider{Issuer: other, Subject: "erin"}, until))
	enters(t, store, nil, from("sid-like-sub", session.Provider{Issuer: idp, SessionID: "erin"}, until))

	// A Create that is refused ends nothing.
	mine := from("mine", session.Provider{Issuer: other, Subject: "frank"}, now)
	creates(t, store, mine)
	late := from("late", bySession, now)
	late.Subject = mine.Subject
	ended, err := create(t, store, late, 1, "mine")
	t.wants(refused, err, "Create of a revoked login in the place of a session")
	if len(ended) > 0 {
		t.fault("Create of a revoked login ends %q", ended)
	}
	keeps(t, store, "a session in whose place nothing was made", mine)

	// Of two marks the later times count, in whichever order they come.
	revokeProvider(t, store, bySubject, until.Add(-time.Hour), now.Add(time.Second))
	sweep(t, store)
	enters(t, store, refused, from("after-an-earlier-mark", bySubject, until))
	revokeProvider(t, store, bySubject, now, now.Add(time.Second))
	enters(t, store, refused, from("after-a-later-mark", bySubject, now))
	enters(t, store, refused, from("before-a-later-mark", bySubject, until))

	soon := brief()
	short, longer := session.Provider{Issuer: other, SessionID: "short"}, session.Provider{Issuer: other, SessionID: "longer"}
	revokeProvider(t, store, short, now, soon)
	revokeProvider(t, store, longer, now, soon)
	revokeProvider(t, store, longer, now, inAnHour())
	attempts := 0
	t.kept(soon, "the mark of a login before its end", func() error {
		attempts++
		if _, err := create(t, store, from(fmt.Sprint("short-", attempts), short, now), noLimit); err != refused && err != nil {
			return err
		} else if err == nil {
			return fmt.Errorf("a session of the login was made")
		}
		return nil
	})
	sweep(t, store)
	enters(t, store, refused, from("longer", longer, now))
	enters(t, store, refused, from("after-a-sweep", bySession, now))
	enters(t, store, refused, from("after-a-sweep-2", bySubject, now))
}

// marked notes where a mark for one name of a pair counts for the other.
func marked(t *trial, store session.Store, pair [2]string, i int) {
	of := func(n int, id string) [3]session.Provider {
		return [3]session.Provider{{Issuer: fmt.Sprint("marked-", i), SessionID: fmt.Sprint(n, id)},
			{Issuer: fmt.Sprint("marked-", i), Subject: fmt.Sprint(n, id)}, {Issuer: fmt.Sprint("marked-", i, n, id), SessionID: "x"}}
	}
	for n, one := range of(0, pair[0]) {
		revokeProvider(t, store, one, time.Now(), inAnHour())
		enters(t, store, session.ErrLoggedOut, from(fmt.Sprint("marked-", i, "-", n), one, time.Now().Add(-time.Minute)))
		enters(t, store, nil, from(fmt.Sprint("unmarked-", i, "-", n), of(0, pair[1])[n], time.Now().Add(-time.Minute)))
	}
}
