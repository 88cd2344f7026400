package authtest

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

func keyUpdatesAtOnce(t *trial, store apikey.Store) {
	for round := range 16 {
		rec := key(fmt.Sprint("k", round))
		makes(t, store, rec)
		rec = has(t, store, "a record", rec)
		var won, winner atomic.Int64
		t.atOnce(func(i int) {
			next := rec
			next.Name = fmt.Sprint("name-", i)
			err := change(t, store, next)
			if err == nil {
				won.Add(1)
				winner.Store(int64(i))
				return
			}
			t.wants(auth.ErrConflict, err, "Update from a Version that others update too")
		})
		if n := won.Load(); n != 1 {
			t.fault("of %d Updates from one Version %d succeed", crowd, n)
			return
		}
		rec.Name = fmt.Sprint("name-", winner.Load())
		has(t, store, "a record after the one Update that succeeded", rec)
	}
}

func keyCreatesAtOnce(t *trial, store apikey.Store) {
	for round := range 16 {
		var won, winner atomic.Int64
		shared := fmt.Sprint("shared-", round)
		t.atOnce(func(i int) {
			rec := key(shared)
			rec.Name = fmt.Sprint("name-", i)
			err := makesOne(t, store, rec)
			if err == nil {
				won.Add(1)
				winner.Store(int64(i))
				return
			}
			t.wants(auth.ErrConflict, err, "Create of an ID that others create too")
		})
		if n := won.Load(); n != 1 {
			t.fault("of %d Creates of one ID %d succeed", crowd, n)
			return
		}
		if rec, err := find(t, store, shared); err != nil || rec.Name != fmt.Sprint("name-", winner.Load()) {
			t.fault("Get of an ID after many Creates: %q, %v", rec.Name, err)
		}
	}
}

func keyMarksAtOnce(t *trial, store apikey.Store) {
	now := time.Now().Truncate(time.Microsecond)
	for round := range 16 {
		rec := key(fmt.Sprint("k", round))
		makes(t, store, rec)
		rec = has(t, store, "a record", rec)
		var used, stale, updated atomic.Int64
		t.atOnce(func(i int) {
			which, did := apikey.Used, &used
			switch i % 3 {
			case 0:
				which, did = apikey.Stale, &stale
			case 1:
				next := rec
				next.Name = "changed"
				if err := change(t, store, next); err == nil {
					updated.Add(1)
				} else {
					t.wants(auth.ErrConflict, err, "Update while others mark")
				}
				return
			}
			first, err := mark(t, store, rec.ID, which, now.Add(time.Duration(i)*time.Millisecond), time.Hour)
			t.wants(nil, err, "Mark while others mark and update")
			if first {
				did.Add(1)
			}
		})
		if u, s := used.Load(), stale.Load(); u != 1 || s != 1 {
			t.fault("of many Marks of one record at once %d are the first use and %d the first report", u, s)
		}
		if n := updated.Load(); n != 1 {
			t.fault("of many Updates from one Version, beside Marks, %d succeed", n)
		}
		if got, err := find(t, store, rec.ID); err != nil || got.LastUsed.IsZero() || got.StaleReported.IsZero() || got.Name != "changed" {
			t.fault("after Marks and an Update at once the record is %q, used %v, reported %v: %v", got.Name, got.LastUsed, got.StaleReported, err)
		}
	}
}

// keyOwnersAtOnce looks whether a key can slip through between the mark of its
// owner and the List that follows.
func keyOwnersAtOnce(t *trial, store apikey.Store) {
	for round := range 8 {
		now := time.Now().Truncate(time.Microsecond)
		owner := &bulwark.Principal{Issuer: issuer, Subject: fmt.Sprint("owner-", round)}
		of := func(i int) apikey.Record {
			rec := key(fmt.Sprint("owned-", round, "-", i))
			rec.Issuer, rec.Subject, rec.CreatedAt = owner.Issuer, owner.Subject, now
			return rec
		}
		seen := map[string]bool{}
		t.atOnce(func(i int) {
			if i != crowd/2 {
				makes(t, store, of(i))
				return
			}
			revokeOwner(t, store, owner.Issuer, owner.Subject, now, now.Add(time.Hour))
			ctx, cancel := t.call()
			defer cancel()
			all, err := store.List(ctx, apikey.Filter{Owner: owner})
			t.wants(nil, err, "List of an owner after RevokeOwner")
			for _, rec := range all {
				seen[rec.ID] = true
			}
		})
		makes(t, store, of(crowd))
		for i := range crowd + 1 {
			rec, err := find(t, store, of(i).ID)
			if i != crowd/2 && (err != nil || rec.RevokedAt.IsZero() && !seen[rec.ID]) {
				t.fault("a record that was made beside a RevokeOwner is not revoked, and the List after the RevokeOwner does not have it: %v", err)
				return
			}
		}
	}
}

func keyCancelled(t *trial, store apikey.Store) {
	live := key("live")
	makes(t, store, live)
	live = has(t, store, "a record", live)
	revoked := live
	revoked.RevokedAt = live.CreatedAt

	got, in, err := answered(t, "Get", func(ctx context.Context) (apikey.Record, error) { return store.Get(ctx, "live") })
	if in && err == nil {
		t.alike("with a cancelled context a record", live, got)
	}
	t.noAnswer("Get of a record", err)
	if _, in, err = answered(t, "Get", func(ctx context.Context) (apikey.Record, error) { return store.Get(ctx, "unknown") }); in && err == nil {
		t.fault("with a cancelled context a record that was never made is there")
	}
	if in, err = attempted(t, "Update", func(ctx context.Context) error { return store.Update(ctx, revoked) }); in && err == nil {
		has(t, store, "a record whose Update returned nil in spite of a cancelled context", revoked)
	}
	t.noAnswer("Update of a record", err)
	if in, err = attempted(t, "Update", func(ctx context.Context) error { return store.Update(ctx, key("unknown")) }); in && err == nil {
		t.fault("with a cancelled context Update of a record that was never made returns nil")
	}
	made := key("made")
	if in, err = attempted(t, "Create", func(ctx context.Context) error { return store.Create(ctx, made) }); in && err == nil {
		has(t, store, "a record whose Create returned nil in spite of a cancelled context", made)
	}
	t.noAnswer("Create of a record", err)
	now := time.Now().Truncate(time.Microsecond)
	first, in, err := answered(t, "Mark", func(ctx context.Context) (bool, error) { return store.Mark(ctx, "live", apikey.Stale, now, time.Hour) })
	if in && err == nil {
		if !first {
			t.fault("with a cancelled context the first Mark says that it is not")
		}
		marks(t, store, false, "after a Mark that returned nil in spite of a cancelled context", "live", apikey.Stale, now, time.Hour)
	}
	t.noAnswer("Mark of a record", err)
	all, in, err := answered(t, "List", func(ctx context.Context) ([]apikey.Record, error) {
		return store.List(ctx, apikey.Filter{Limit: 1, After: "l"})
	})
	if in && err == nil && (len(all) != 1 || all[0].ID != "live") {
		t.fault("with a cancelled context List returns %d records of 1", len(all))
	}
	t.noAnswer("List", err)
	if in, err = attempted(t, "RevokeOwner", func(ctx context.Context) error {
		return store.RevokeOwner(ctx, issuer, "alice", now, now.Add(time.Hour))
	}); in && err == nil {
		rec := key("of-alice")
		rec.Subject, rec.CreatedAt = "alice", now
		makes(t, store, rec)
		rec.RevokedAt = now
		has(t, store, "a record whose RevokeOwner returned nil in spite of a cancelled context", rec)
	}
	t.noAnswer("RevokeOwner", err)
	_, err = attempted(t, "Sweep", store.Sweep)
	t.noAnswer("Sweep", err)
}
