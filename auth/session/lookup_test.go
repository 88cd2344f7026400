package session_test

import (
	"testing"

	"github.com/bulwark-go/bulwark"
)

// A Lookup that mixes up its accounts, such as a cache with a wrong key, gives
// nobody the roles of somebody else.
func TestALookupOfSomebodyElseIsAnOutage(t *testing.T) {
	s := withFactors(t, nil)
	tok := s.login(t, "alice")
	s.accounts.set("alice", &bulwark.Principal{Subject: "root", Roles: []string{"admin"}})
	a := s.refresh(tok.refresh)
	a.refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	a.explained(t, tok, "session.Config.Lookup", "another Subject")
	a = s.do("POST", "/factor/otp", "Cookie", access+"="+tok.access+"; "+refresh+"="+tok.refresh)
	a.refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	s.alive(t, tok)
	s.accounts.set("alice", &bulwark.Principal{Roles: []string{"user"}})
	s.refresh(tok.refresh).renewed(t, "rotation")
}
