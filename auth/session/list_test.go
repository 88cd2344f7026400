package session_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/session"
)

// A page is full as long as there are live sessions: what is not alive does not
// count, and does not end the list.
func TestListPages(t *testing.T) {
	s := start(t, nil)
	for i := range 30 {
		s.accounts.set("x", &bulwark.Principal{Subject: fmt.Sprint("user-", i)})
		s.login(t, "x")
	}
	all, err := s.store.List(t.Context(), session.Filter{})
	if err != nil || len(all) != 30 {
		t.Fatalf("%d, %v", len(all), err)
	}
	var want []string
	for i, held := range all {
		if i%3 > 0 { // two of three were planted
			held.ACR = "phr"
			if err := s.store.Update(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want = append(want, held.ID)
	}
	for _, limit := range []int{1, 3, 4, 5, 9, 10, 11, 0, -1, 5000} {
		var got []string
		for f := (session.Filter{Limit: limit}); ; {
			page, err := s.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, held := range page {
				got = append(got, held.ID)
				f.After = held.ID
			}
			if limit < 1 || limit > 1000 || len(page) < limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: %d sessions %q, want %d", limit, len(got), got, len(want))
		}
	}
	// Whatever the filter says, the issuer is our own.
	if found, err := s.List(t.Context(), session.Filter{Issuer: "https://other.example"}); err != nil || len(found) != 10 {
		t.Errorf("%d sessions, %v", len(found), err)
	}
	if err := s.RevokeAll(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("RevokeAll of nobody: %v", err)
	}
	if left, _ := s.store.List(t.Context(), session.Filter{}); len(left) != 30 {
		t.Errorf("%d sessions are left", len(left))
	}
}

// More sessions than a page are ended, and one that cannot be ended does not
// keep the others.
func TestEndingMoreThanAPage(t *testing.T) {
	c := newChannel(t, nil)
	p := session.Provider{Issuer: idp, Subject: "carol"}
	login := func(i int) {
		who := &bulwark.Principal{Subject: fmt.Sprint("user-", i), AuthTime: time.Now()}
		if _, err := c.IssueTokens(httptest.NewRequest("POST", "/", nil), who, p); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2001 {
		login(i)
	}
	c.store.breakDown("Delete")
	c.tell(c.logoutToken(t, map[string]any{"sub": "carol"})).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	c.store.breakDown()
	c.tell(c.logoutToken(t, map[string]any{"sub": "carol"})).done(t, times(2001, endedByIdp))
	if left, err := c.store.List(t.Context(), session.Filter{}); err != nil || len(left) != 0 {
		t.Errorf("%d sessions are left, %v", len(left), err)
	}
}
