package authtest

import (
	"fmt"
	"slices"

	"github.com/bulwark-go/bulwark/auth/session"
)

func sessionList(t *trial, store session.Store) {
	matched(t, store, session.Filter{}, "an empty store")
	var want []string
	for i := range 200 {
		s := login(fmt.Sprint("s", i), "alice")
		creates(t, store, s, login(fmt.Sprint("other-", i), fmt.Sprint("bob-", i)))
		want = append(want, s.ID)
	}
	for range 2 {
		listed(t, store, issuer, "alice", "a caller with 200 sessions", want...)
		// What the caller does with the answer is the caller's business.
		all := list(t, store, session.Filter{Issuer: issuer, Subject: "alice"})
		for i := range all {
			all[i] = login("changed", "mallory")
		}
	}
	slices.Sort(want)
	paged(t, store, session.Filter{Issuer: issuer, Subject: "alice"}, 7, want)
	for _, test := range []struct {
		f    session.Filter
		want []string
	}{
		{session.Filter{Subject: "alice", Limit: 2}, want[:2]},
		{session.Filter{Subject: "alice", After: want[1], Limit: 2}, want[2:4]},
		{session.Filter{Subject: "alice", After: want[1] + "\x00", Limit: 1}, want[2:3]}, // behind an ID that is not there
		{session.Filter{Subject: "alice", After: want[198]}, want[199:]},
		{session.Filter{Subject: "alice", After: want[199]}, nil},
		{session.Filter{Subject: "alice", Limit: -1, After: want[197]}, want[198:]},
		{session.Filter{Issuer: issuer, Subject: "bob-7"}, []string{"other-7"}},
		{session.Filter{Subject: "bob-7", After: "other-7"}, nil},
	} {
		matched(t, store, test.f, fmt.Sprintf("%+v", test.f), test.want...)
	}
	sessionListProviders(t, store)
	everything := len(want)*2 + 6
	if n := len(list(t, store, session.Filter{})); n != everything {
		t.fault("List of everything returns %d sessions, want %d", n, everything)
	}
	if n := len(list(t, store, session.Filter{Issuer: issuer})); n != everything {
		t.fault("List of an issuer returns %d sessions, want %d", n, everything)
	}
	matched(t, store, session.Filter{Issuer: otherIssuer}, "an issuer without sessions")
	deletes(t, store, true, "a session of a login elsewhere", "p1")
	matched(t, store, session.Filter{Provider: session.Provider{Issuer: "idp-a", Subject: "carol"}}, "a login elsewhere after a Delete", "p2")
}

// paged notes where pages do not give what there is, each session once.
func paged(t *trial, store session.Store, f session.Filter, limit int, want []string) {
	var got []string
	f.Limit = limit
	for range want {
		page := list(t, store, f)
		for _, s := range page {
			got = append(got, s.ID)
			f.After = s.ID
		}
		if len(page) < limit {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.fault("the pages of %d sessions each are %.200q, want %.200q", limit, got, want)
	}
}

// sessionListProviders has logins at two providers, which know some of the same
// names.
func sessionListProviders(t *trial, store session.Store) {
	of := func(id, subject, providerIssuer, providerSubject, sid string) {
		s := login(id, subject)
		s.Provider = session.Provider{Issuer: providerIssuer, Subject: providerSubject, SessionID: sid}
		creates(t, store, s)
	}
	of("p1", "u1", "idp-a", "carol", "x")
	of("p2", "u1", "idp-a", "carol", "y")
	of("p3", "u2", "idp-b", "carol", "x")
	of("p4", "u3", "idp-a", "dave", "x")
	of("p5", "u4", "idp-a", "erin", "")
	of("p6", "u5", "idp-a", "", "z")
	for _, test := range []struct {
		provider session.Provider
		subject  string
		want     []string
	}{
		{session.Provider{Issuer: "idp-a", Subject: "carol"}, "", []string{"p1", "p2"}},
		{session.Provider{Issuer: "idp-a", SessionID: "x"}, "", []string{"p1", "p4"}},
		{session.Provider{Issuer: "idp-a", Subject: "carol", SessionID: "x"}, "", []string{"p1"}},
		{session.Provider{Issuer: "idp-b", SessionID: "x"}, "", []string{"p3"}},
		{session.Provider{Issuer: "idp-a", Subject: "erin"}, "", []string{"p5"}},
		{session.Provider{Issuer: "idp-a", Subject: "erin", SessionID: "x"}, "", nil},
		{session.Provider{Issuer: "idp-a", SessionID: "z"}, "", []string{"p6"}},
		{session.Provider{Issuer: "idp-a", Subject: "carol"}, "u1", []string{"p1", "p2"}},
		{session.Provider{Issuer: "idp-a", SessionID: "y"}, "u1", []string{"p2"}},
		{session.Provider{Issuer: "idp-a", SessionID: "x"}, "u2", nil},
		{session.Provider{SessionID: "x"}, "", []string{"p1", "p3", "p4"}},
		{session.Provider{Subject: "carol"}, "", []string{"p1", "p2", "p3"}},
		{session.Provider{Issuer: "idp-a"}, "", []string{"p1", "p2", "p4", "p5", "p6"}},
		{session.Provider{Issuer: "idp-a"}, "u1", []string{"p1", "p2"}},
		{session.Provider{}, "u5", []string{"p6"}},
	} {
		f := session.Filter{Provider: test.provider}
		if test.subject != "" {
			f.Issuer, f.Subject = issuer, test.subject
		}
		matched(t, store, f, fmt.Sprintf("%+v", f), test.want...)
	}
}
