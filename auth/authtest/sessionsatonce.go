package authtest

import (
	"context"
	"errors"
	"time"

	"fmt"
	"sync"
	"sync/atomic"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/session"
)

func sessionUpdatesAtOnce(t *trial, store session.Store) {
	for round := range 16 {
		s := login(fmt.Sprint("s", round), "alice")
		creates(t, store, s)
		s = keeps(t, store, "a session", s)
		var won atomic.Int64
		var winner atomic.Int64
		t.atOnce(func(i int) {
			if i%4 == 3 {
				touches(t, store, s.ID, 0, nil, "a session that others update")
			}
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
		left := list(t, store, session.Filter{Issuer: issuer, Subject: caller})
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

// sessionLogoutsAtOnce looks whether a login can slip through between the mark
// of its logout and the List that follows.
func sessionLogoutsAtOnce(t *trial, store session.Store) {
	for round := range 16 {
		p := session.Provider{Issuer: "idp-at-once", SessionID: fmt.Sprint("sid-", round)}
		of := func(i int) session.Session { return from(fmt.Sprint("login-", round, "-", i), p, time.Now()) }
		creates(t, store, of(-1))
		made, seen := sync.Map{}, map[string]bool{}
		made.Store(of(-1).ID, true)
		t.atOnce(func(i int) {
			if i == crowd/2 {
				revokeProvider(t, store, p, time.Now(), inAnHour())
				for _, s := range list(t, store, session.Filter{Provider: p, Limit: 1000}) {
					seen[s.ID] = true
				}
				return
			}
			s := of(i)
			if _, err := create(t, store, s, noLimit); err == nil {
				made.Store(s.ID, true)
			} else {
				t.wants(session.ErrLoggedOut, err, "Create of a login that others revoke")
			}
		})
		enters(t, store, session.ErrLoggedOut, of(crowd))
		made.Range(func(id, _ any) bool {
			if !seen[id.(string)] {
				t.fault("a Create beside a RevokeProvider succeeds, and the List after the RevokeProvider does not have the session")
			}
			return seen[id.(string)]
		})
	}
}

func sessionDeletesAtOnce(t *trial, store session.Store) {
	for round := range 16 {
		s := login(fmt.Sprint("s", round), "alice")
		creates(t, store, s)
		s = keeps(t, store, "a session", s)
		var deleted atomic.Int64
		t.atOnce(func(i int) {
			kind := (i + round) % 4 // each kind of call is the first in some rounds
			if kind == 2 {
				ctx, cancel := t.call()
				defer cancel()
				if err := store.Touch(ctx, s.ID, 0); err != nil {
					t.wants(auth.ErrNotFound, err, "Touch while others delete")
				}
				return
			}
			if kind == 0 {
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
	if in, err = attempted(t, "Touch", func(ctx context.Context) error { return store.Touch(ctx, "gone", 0) }); in && err == nil {
		t.fault("with a cancelled context Touch of a deleted session returns nil")
	}
	lacks(t, store, "a session that was deleted, and updated and touched with a cancelled context", "gone")
	t.pause()
	before := keeps(t, store, "a session", live)
	if in, err = attempted(t, "Touch", func(ctx context.Context) error { return store.Touch(ctx, "live", 0) }); in && err == nil {
		if after := keeps(t, store, "a session", live); after.UsedAt.Before(before.ReadAt) {
			t.fault("with a cancelled context Touch returns nil and does nothing")
		}
	}
	t.noAnswer("Touch of a session", err)
	elsewhere := session.Provider{Issuer: otherIssuer, SessionID: "x"}
	if in, err = attempted(t, "RevokeProvider", func(ctx context.Context) error {
		return store.RevokeProvider(ctx, elsewhere, time.Now(), inAnHour())
	}); in && err == nil {
		s := login("elsewhere", "carol")
		s.Provider = elsewhere
		_, err := create(t, store, s, noLimit)
		t.wants(session.ErrLoggedOut, err, "Create after a RevokeProvider that returned nil in spite of a cancelled context")
	}
	t.noAnswer("RevokeProvider", err)
	all, in, err := answered(t, "List", func(ctx context.Context) ([]session.Session, error) {
		return store.List(ctx, session.Filter{Issuer: issuer, Subject: "alice"})
	})
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
	if _, in, err = answered(t, "Create", func(ctx context.Context) ([]string, error) { return store.Create(ctx, made, 5, nil) }); in && err == nil {
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
	_, err = attempted(t, "Sweep", store.Sweep)
	t.noAnswer("Sweep", err)
}
