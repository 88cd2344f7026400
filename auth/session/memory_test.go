package session_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

func one(id, subject string, lasts time.Duration) session.Session {
	now := time.Now()
	return session.Session{ID: id, Issuer: issuer, Subject: subject, CreatedAt: now, RefreshedAt: now, ExpiresAt: now.Add(lasts)}
}

func TestMemoryStoreKeepsItsContract(t *testing.T) {
	m, ctx := &session.MemoryStore{}, t.Context()
	if _, err := m.Create(ctx, one("a", "alice", time.Hour), 5); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Create(ctx, one("a", "bob", time.Hour), 5); !errors.Is(err, auth.ErrConflict) {
		t.Errorf("an id taken: %v", err)
	}
	got, err := m.Get(ctx, "a")
	if err != nil || got.Subject != "alice" {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Generation = 1
	if err := m.Update(ctx, got); err != nil {
		t.Fatal(err)
	}
	got.Generation = 2
	if err := m.Update(ctx, got); !errors.Is(err, auth.ErrConflict) {
		t.Errorf("an Update from an old Version: %v", err)
	}
	fresh, _ := m.Get(ctx, "a")
	if fresh.Generation != 1 || fresh.Version == got.Version {
		t.Errorf("after one Update %+v", fresh)
	}
	if ok, err := m.Delete(ctx, "a"); !ok || err != nil {
		t.Errorf("Delete %v, %v", ok, err)
	}
	if ok, err := m.Delete(ctx, "a"); ok || err != nil {
		t.Errorf("a second Delete %v, %v", ok, err)
	}
	if err := m.Update(ctx, fresh); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("an Update after the Delete: %v", err)
	}
	if _, err := m.Get(ctx, "a"); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a Get after the Delete: %v", err)
	}
	if all, err := m.List(ctx, issuer, "alice"); len(all) != 0 || err != nil {
		t.Errorf("List after the Delete %v, %v", all, err)
	}
}

func TestMemoryStoreNeverEvictsTheLiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ctx := &session.MemoryStore{Max: 3}, t.Context()
		for i, lasts := range []time.Duration{3 * time.Hour, time.Hour, 2 * time.Hour} {
			if _, err := m.Create(ctx, one(fmt.Sprint(i), fmt.Sprint("user", i), lasts), 5); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := m.Create(ctx, one("x", "mallory", time.Hour), 5); !errors.Is(err, auth.ErrFull) {
			t.Errorf("a fourth: %v", err)
		}
		// Who has the most may log in again, in the place of their own oldest.
		ended, err := m.Create(ctx, one("0b", "user0", time.Hour), 1)
		if err != nil || fmt.Sprint(ended) != "[0]" {
			t.Errorf("ended %v, %v", ended, err)
		}
		time.Sleep(time.Hour)
		for i := range 2 { // 1 and 0b have expired
			if _, err := m.Create(ctx, one(fmt.Sprint("y", i), "bob", time.Hour), 5); err != nil {
				t.Errorf("in the place of an expired one: %v", err)
			}
		}
		if _, err := m.Create(ctx, one("z", "bob", time.Hour), 5); !errors.Is(err, auth.ErrFull) {
			t.Errorf("a fourth: %v", err)
		}
		if _, err := m.Get(ctx, "2"); err != nil {
			t.Errorf("the living one is gone: %v", err)
		}
	})
}

func TestMemoryStoreUpdatesOnce(t *testing.T) {
	m, ctx := &session.MemoryStore{}, t.Context()
	if _, err := m.Create(ctx, one("a", "alice", time.Hour), 5); err != nil {
		t.Fatal(err)
	}
	held, _ := m.Get(ctx, "a")
	var won sync.Map
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			next := held
			next.Generation = i
			if m.Update(ctx, next) == nil {
				won.Store(i, true)
			}
			m.List(ctx, issuer, "alice")
			m.Create(ctx, one(fmt.Sprint("b", i), "bob", time.Hour), 4)
		})
	}
	wg.Wait()
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	if winners != 1 {
		t.Errorf("%d of 32 Updates from one Version succeeded", winners)
	}
	if all, _ := m.List(ctx, issuer, "bob"); len(all) != 4 {
		t.Errorf("%d sessions of a caller, want 4", len(all))
	}
}
