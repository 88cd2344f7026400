package session_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/session"
)

func one(id, subject string, lasts time.Duration) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, CreatedAt: now, ExpiresAt: now.Add(lasts)}
}

func TestMemoryStoreKeepsTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestSessionStore(t, func(*testing.T) session.Store { return &session.MemoryStore{Max: 1500} })
	})
}

func TestMemoryStoreNeverEvictsTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ctx := &session.MemoryStore{Max: 3}, t.Context()
		for i, lasts := range []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour} {
			if _, err := m.Create(ctx, one(fmt.Sprint(i), fmt.Sprint("user", i), lasts), 5, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Create(ctx, one("x", "mallory", time.Hour), 5, nil); !errors.Is(err, auth.ErrFull) {
			t.Errorf("a fourth: %v", err)
		}
		// Who has the most may log in again, in the place of their own oldest.
		ended, err := m.Create(ctx, one("0b", "user0", time.Hour), 1, nil)
		if err != nil || fmt.Sprint(ended) != "[0]" {
			t.Errorf("ended %v, %v", ended, err)
		}
		time.Sleep(time.Hour)
		for i := range 2 { // 1 and 0b have expired
			if _, err := m.Create(ctx, one(fmt.Sprint("y", i), "bob", time.Hour), 5, nil); err != nil {
				t.Errorf("in the place of an expired one: %v", err)
			}
		}
		if _, err := m.Create(ctx, one("z", "bob", time.Hour), 5, nil); !errors.Is(err, auth.ErrFull) {
			t.Errorf("a fourth: %v", err)
		}
		if _, err := m.Get(ctx, "2"); err != nil {
			t.Errorf("the living one is gone: %v", err)
		}
	})
}
