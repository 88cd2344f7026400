package authtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// TestRevocations checks that a store keeps the rules of [auth.Revocations],
// each rule in a subtest. For each subtest, open returns a store that holds
// nothing and has room for 3000 entries: a new store, or a shared store under a
// prefix of its own. The suite does not check what a store does when it is
// full: test this in the tests of the store.
//
// The suite takes about 3 seconds, because one rule waits for an entry to
// expire. A store in memory can be tested in a bubble of [testing/synctest],
// where this time passes at once. In a bubble the suite has no subtests.
//
//	func TestStore(t *testing.T) {
//		authtest.TestRevocations(t, func(t *testing.T) auth.Revocations {
//			return open(t, "prefix:"+t.Name())
//		})
//	}
func TestRevocations(t *testing.T, open func(t *testing.T) auth.Revocations) {
	t.Helper()
	testRules(t, revocationRules, open)
}

var revocationRules = []rule[auth.Revocations]{
	{"token", revokedToken},
	{"session", revokedSession},
	{"subject", revokedSubject},
	{"issuers", revokedByIssuer},
	{"kinds", revokedByKind},
	{"ids", revokedByBytes},
	{"order", revokedTwice},
	{"expiry", revokedForAWhile},
	{"malformed", revokedMalformed},
	{"nobody", revokedNobody},
	{"many", revokedMany},
	{"concurrent", revokedAtOnce},
	{"cancelled", revokedCancelled},
}

const (
	issuer      = "https://issuer.example"
	otherIssuer = "https://other.example"
)

// credential is what a token with these claims comes to.
func credential(issuer, token, session, subject string, issued time.Time) *bulwark.Principal {
	return &bulwark.Principal{Issuer: issuer, TokenID: token, SessionID: session, Subject: subject, Method: "test",
		IssuedAt: issued, ExpiresAt: time.Now().Add(time.Hour)}
}

func inAnHour() time.Time { return time.Now().Add(time.Hour) }

func revoke(t *trial, store auth.Revocations, r auth.Revocation) error {
	ctx, cancel := t.call()
	defer cancel()
	return store.Revoke(ctx, r)
}

// revokes notes what Revoke fails with.
func revokes(t *trial, store auth.Revocations, all ...auth.Revocation) {
	for _, r := range all {
		if err := revoke(t, store, r); err != nil {
			t.fault("Revoke: %w", err)
		}
	}
}

// isRevoked asks about p, which is described. An error is noted, and refuses.
func isRevoked(t *trial, store auth.Revocations, described string, p *bulwark.Principal) bool {
	ctx, cancel := t.call()
	defer cancel()
	revoked, err := store.Revoked(ctx, p)
	if err != nil {
		t.fault("Revoked of %s: %w", described, err)
	}
	return revoked || err != nil
}

// says notes where Revoked says something else about p, which is described.
func says(t *trial, store auth.Revocations, want bool, described string, p *bulwark.Principal) {
	if got := isRevoked(t, store, described, p); got != want {
		t.fault("%s: revoked %t, want %t", described, got, want)
	}
}

func revokedToken(t *trial, store auth.Revocations) {
	now := time.Now()
	says(t, store, false, "a token in an empty store", credential(issuer, "t1", "s1", "alice", now))
	revokes(t, store, auth.Revocation{Issuer: issuer, TokenID: "t1", Expires: inAnHour()})
	says(t, store, true, "the token", credential(issuer, "t1", "s1", "alice", now))
	says(t, store, true, "the token, known by nothing but its id", credential(issuer, "t1", "", "", time.Time{}))
	says(t, store, false, "another token of the session", credential(issuer, "t2", "s1", "alice", now))
	says(t, store, false, "a credential without a token id", credential(issuer, "", "s1", "alice", now))
}

func revokedSession(t *trial, store auth.Revocations) {
	now := time.Now()
	revokes(t, store, auth.Revocation{Issuer: issuer, SessionID: "s1"})
	says(t, store, true, "a token of the session", credential(issuer, "t1", "s1", "alice", now))
	says(t, store, true, "a later token of the session", credential(issuer, "", "s1", "alice", now.Add(time.Hour)))
	says(t, store, false, "another session of the caller", credential(issuer, "t1", "s2", "alice", now))
	says(t, store, false, "a credential without a session", credential(issuer, "t1", "", "alice", now))
}

func revokedSubject(t *trial, store auth.Revocations) {
	// Cut to the second it would spare what was issued in its last 900 ms.
	until := time.Now().Truncate(time.Second).Add(-time.Minute + 900*time.Millisecond)
	revokes(t, store, auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: until, Expires: inAnHour()})
	for _, test := range []struct {
		described string
		issued    time.Time
		want      bool
	}{
		{"a credential issued long before", until.Add(-time.Hour), true},
		{"a credential issued in the second before", until.Add(-500 * time.Millisecond), true},
		{"a credential issued at the time itself", until, true},
		{"a credential without the time of its issue", time.Time{}, true},
		{"a credential issued two seconds later", until.Add(2 * time.Second), false},
	} {
		says(t, store, test.want, test.described, credential(issuer, "t1", "s1", "alice", test.issued))
	}
	says(t, store, false, "a credential of somebody else", credential(issuer, "t1", "s1", "bob", until))
}

func revokedByIssuer(t *trial, store auth.Revocations) {
	now := time.Now()
	revokes(t, store,
		auth.Revocation{Issuer: issuer, TokenID: "t1"},
		auth.Revocation{Issuer: issuer, SessionID: "s1"},
		auth.Revocation{Issuer: issuer, Subject: "alice", IssuedUntil: now},
	)
	for name, p := range map[string]*bulwark.Principal{
		"token": credential("", "t1", "", "", now), "session": credential("", "", "s1", "", now), "subject": credential("", "", "", "alice", now),
	} {
		says(t, store, false, "the "+name+" of no issuer", p)
		there, elsewhere := *p, *p
		there.Issuer, elsewhere.Issuer = issuer, otherIssuer
		says(t, store, true, "the "+name, &there)
		says(t, store, false, "the same "+name+" of another issuer", &elsewhere)
	}
	// However issuer and id are put together, it must be told where one ends.
	for _, separator := range []string{"", ":", "/", "\x00", "\n", " ", "|"} {
		revokes(t, store, auth.Revocation{Issuer: "a", TokenID: "b" + separator + "c"})
		says(t, store, false, fmt.Sprintf("part of the id behind the issuer and %q", separator), credential("a"+separator+"b", "c", "", "alice", now))
	}
}

func revokedByKind(t *trial, store auth.Revocations) {
	now := time.Now()
	for i, r := range []auth.Revocation{{TokenID: "x"}, {SessionID: "x"}, {Subject: "x", IssuedUntil: now}} {
		r.Issuer, r.Expires = fmt.Sprint(issuer, "/", i), inAnHour()
		revokes(t, store, r)
		says(t, store, r.TokenID != "", "the id as that of a token", credential(r.Issuer, "x", "s1", "alice", now))
		says(t, store, r.SessionID != "", "the id as that of a session", credential(r.Issuer, "t1", "x", "alice", now))
		says(t, store, r.Subject != "", "the id as that of a subject", credential(r.Issuer, "t1", "s1", "x", now))
		says(t, store, false, "a credential that has no ids", credential(r.Issuer, "", "", "", now))
	}
}

func revokedByBytes(t *trial, store auth.Revocations) {
	now := time.Now()
	for i, pair := range distinct() {
		in := fmt.Sprint(issuer, "/", i)
		revokes(t, store,
			auth.Revocation{Issuer: in, TokenID: pair[0]},
			auth.Revocation{Issuer: in, SessionID: pair[0]},
			auth.Revocation{Issuer: in, Subject: pair[0], IssuedUntil: now},
			auth.Revocation{Issuer: pair[0], TokenID: in},
		)
		for j, id := range pair {
			described := fmt.Sprintf("%.20q of %d bytes beside %.20q", id, len(id), pair[0])
			says(t, store, j == 0, "the token "+described, credential(in, id, "", "", now))
			says(t, store, j == 0, "the session "+described, credential(in, "", id, "", now))
			says(t, store, j == 0, "the subject "+described, credential(in, "", "", id, now))
			says(t, store, j == 0, "the issuer "+described, credential(id, in, "", "", now))
		}
	}
}

func revokedTwice(t *trial, store auth.Revocations) {
	now := time.Now()
	early := auth.Revocation{Issuer: issuer, IssuedUntil: now.Add(-time.Hour), Expires: now.Add(2 * time.Hour)}
	late := auth.Revocation{Issuer: issuer, IssuedUntil: now.Add(-time.Minute), Expires: now.Add(time.Hour)}
	for name, order := range map[string][]auth.Revocation{"the later first": {late, early}, "the later last": {early, late}} {
		for _, r := range order {
			r.Subject = name
			revokes(t, store, r)
		}
		says(t, store, true, name+": a credential issued before both", credential(issuer, "t1", "s1", name, early.IssuedUntil))
		says(t, store, true, name+": a credential issued between them", credential(issuer, "t1", "s1", name, late.IssuedUntil))
		says(t, store, false, name+": a credential issued after both", credential(issuer, "t1", "s1", name, now))
	}
}

func revokedForAWhile(t *trial, store auth.Revocations) {
	soon, hour := brief(), inAnHour()
	issued := soon.Add(-time.Minute)
	all := func(name string, issuedUntil, expires time.Time) {
		revokes(t, store,
			auth.Revocation{Issuer: issuer, TokenID: name, Expires: expires},
			auth.Revocation{Issuer: issuer, SessionID: name, Expires: expires},
			auth.Revocation{Issuer: issuer, Subject: name, IssuedUntil: issuedUntil, Expires: expires},
		)
	}
	each := func(name string, f func(described string, p *bulwark.Principal)) {
		f("the token "+name, credential(issuer, name, "", "", issued))
		f("the session "+name, credential(issuer, "", name, "", issued))
		f("the subject "+name, credential(issuer, "", "", name, issued))
	}
	twice := map[string][2]time.Time{
		"revoked for long, then shortly": {hour, soon}, "revoked shortly, then for long": {soon, hour},
		"revoked for good, then shortly": {{}, soon}, "revoked shortly, then for good": {soon, {}},
	}
	for name, expires := range twice {
		all(name, issued, expires[0])
		all(name, issued.Add(-time.Hour), expires[1])
	}
	all("revoked shortly", issued, soon)
	// Nothing to do, and no mistake: a logout may come late.
	all("whose Revocation had expired", issued.Add(-time.Hour), issued)
	var wg sync.WaitGroup
	for name, due := range map[string]time.Time{"revoked shortly": soon, "whose Revocation had expired": issued} {
		each(name, func(described string, p *bulwark.Principal) {
			wg.Go(func() {
				t.until(due, described, func() bool { return !isRevoked(t, store, described, p) })
			})
		})
	}
	wg.Wait()
	for name := range twice {
		each(name, func(described string, p *bulwark.Principal) { says(t, store, true, described, p) })
	}
	all("revoked shortly", issued, inAnHour())
	each("revoked shortly", func(described string, p *bulwark.Principal) { says(t, store, true, described+", revoked anew", p) })
}

func revokedMalformed(t *trial, store auth.Revocations) {
	now := time.Now()
	for described, r := range map[string]auth.Revocation{
		"nothing":                         {},
		"no issuer":                       {TokenID: "t1"},
		"an issuer only":                  {Issuer: issuer},
		"a token and a session":           {Issuer: issuer, TokenID: "t1", SessionID: "s1"},
		"a token and a subject":           {Issuer: issuer, TokenID: "t1", Subject: "alice", IssuedUntil: now},
		"a token until a time":            {Issuer: issuer, TokenID: "t1", IssuedUntil: now},
		"a subject without a time":        {Issuer: issuer, Subject: "alice"},
		"a subject far ahead":             {Issuer: issuer, Subject: "alice", IssuedUntil: now.Add(time.Hour)},
		"a subject for too short a while": {Issuer: issuer, Subject: "alice", IssuedUntil: now, Expires: now},
		"of nobody":                       auth.RevocationOf(nil),
	} {
		if err := revoke(t, store, r); err == nil {
			t.fault("Revoke of %s returned nil", described)
		}
	}
	says(t, store, false, "what malformed Revocations name", credential(issuer, "t1", "s1", "alice", now.Add(-time.Minute)))
}

func revokedNobody(t *trial, store auth.Revocations) {
	ctx, cancel := t.call()
	defer cancel()
	if revoked, err := store.Revoked(ctx, nil); err == nil && !revoked {
		t.fault("a nil Principal is not revoked")
	}
}

func revokedMany(t *trial, store auth.Revocations) {
	for i := range manyItems {
		revokes(t, store, auth.Revocation{Issuer: issuer, TokenID: fmt.Sprint("t", i), Expires: inAnHour()})
	}
	good := 0
	for i := range manyItems {
		if id := fmt.Sprint("t", i); !isRevoked(t, store, id, credential(issuer, id, "", "", time.Now())) {
			good++
		}
	}
	if good > 0 {
		t.fault("of %d tokens that were revoked %d are good again", manyItems, good)
	}
}

func revokedAtOnce(t *trial, store auth.Revocations) {
	now := time.Now()
	revokes(t, store, auth.Revocation{Issuer: issuer, TokenID: "before", Expires: inAnHour()})
	for round := range 16 {
		subject := fmt.Sprint("subject-", round)
		// They come in no order, so neither may win by coming last.
		t.atOnce(func(i int) {
			age := time.Duration(1+(i*37)%crowd) * time.Minute
			revokes(t, store,
				auth.Revocation{Issuer: issuer, Subject: subject, IssuedUntil: now.Add(-age), Expires: now.Add(time.Hour + age)},
				auth.Revocation{Issuer: issuer, TokenID: fmt.Sprint(round, "-", i), Expires: inAnHour()},
			)
			says(t, store, true, "the token of this goroutine", credential(issuer, fmt.Sprint(round, "-", i), "", "", now))
			says(t, store, true, "a token revoked before", credential(issuer, "before", "", "", now))
		})
		says(t, store, true, "a credential issued at the latest time of many at once", credential(issuer, "", "", subject, now.Add(-time.Minute)))
		says(t, store, false, "a credential issued after all", credential(issuer, "", "", subject, now.Add(2*time.Second)))
	}
}

func revokedCancelled(t *trial, store auth.Revocations) {
	p := credential(issuer, "t1", "s1", "alice", time.Now())
	revokes(t, store, auth.Revocation{Issuer: issuer, TokenID: "t1", Expires: inAnHour()})
	t.promptly("Revoked", func(ctx context.Context) {
		if revoked, err := store.Revoked(ctx, p); err == nil && !revoked {
			t.fault("with a cancelled context a revoked token is good")
		}
	})
	var err error
	if t.promptly("Revoke", func(ctx context.Context) {
		err = store.Revoke(ctx, auth.Revocation{Issuer: issuer, TokenID: "t2", Expires: inAnHour()})
	}) && err == nil {
		says(t, store, true, "a token whose Revoke returned nil in spite of a cancelled context", credential(issuer, "t2", "", "", time.Now()))
	}
}
