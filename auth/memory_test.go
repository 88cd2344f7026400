package auth_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestMemoryRevocationsKeepTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestRevocations(t, func(*testing.T) auth.Revocations { return &auth.MemoryRevocations{} })
	})
}

// asked is what a store says about p.
func asked(t *testing.T, store auth.Revocations, p *bulwark.Principal) bool {
	t.Helper()
	revoked, err := store.Revoked(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return revoked
}

func token(id string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: "test", Subject: "alice", TokenID: id, IssuedAt: time.Now()}
}

func tokenUntil(id string, expires time.Time) auth.Revocation {
	return auth.Revocation{Issuer: "test", TokenID: id, Expires: expires}
}

func TestMemoryRevocationsNeverEvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, ctx, now := &auth.MemoryRevocations{Max: 3}, t.Context(), time.Now()
		hour := now.Add(time.Hour)
		all := []auth.Revocation{
			{Issuer: "test", TokenID: "1", Expires: hour},
			{Issuer: "test", SessionID: "1", Expires: hour.Add(time.Hour)},
			{Issuer: "test", Subject: "alice", IssuedUntil: now, Expires: hour.Add(2 * time.Hour)},
		}
		for _, r := range all {
			if err := m.Revoke(ctx, r); err != nil {
				t.Fatal(err)
			}
		}
		held := []*bulwark.Principal{
			{Issuer: "test", TokenID: "1"}, {Issuer: "test", SessionID: "1"}, {Issuer: "test", Subject: "alice", IssuedAt: now},
		}
		full := func() {
			t.Helper()
			for _, r := range []auth.Revocation{
				{Issuer: "test", TokenID: "2", Expires: hour.Add(4 * time.Hour)}, {Issuer: "test", SessionID: "2"},
				{Issuer: "test", Subject: "bob", IssuedUntil: now},
			} {
				if err := m.Revoke(ctx, r); !errors.Is(err, auth.ErrFull) {
					t.Errorf("one too many: %v", err)
				}
			}
			if asked(t, m, &bulwark.Principal{Issuer: "test", TokenID: "2", SessionID: "2"}) || asked(t, m, &bulwark.Principal{Issuer: "test", Subject: "bob"}) {
				t.Error("a refused Revocation has changed something")
			}
		}
		full()
		for i, r := range all { // what is held already needs no room
			if err := m.Revoke(ctx, r); err != nil {
				t.Errorf("%d again: %v", i, err)
			}
			if !asked(t, m, held[i]) {
				t.Errorf("%d is good again", i)
			}
		}
		if err := m.Revoke(ctx, tokenUntil("3", now)); err != nil {
			t.Errorf("one that has expired and needs no room: %v", err)
		}
		time.Sleep(time.Hour) // the token has expired, nothing else
		if asked(t, m, held[0]) || !asked(t, m, held[1]) || !asked(t, m, held[2]) {
			t.Error("something else than the token is forgotten")
		}
		if err := m.Revoke(ctx, tokenUntil("4", hour.Add(3*time.Hour))); err != nil {
			t.Errorf("in the place of one that has expired: %v", err)
		}
		full()
	})
}

// The bound is on all kinds together, and what has expired of each makes room.
func TestExpiredEntriesOfEachKindMakeRoom(t *testing.T) {
	kinds := map[string]auth.Revocation{
		"token": {TokenID: "1"}, "session": {SessionID: "1"}, "subject": {Subject: "alice", IssuedUntil: time.Now().AddDate(-30, 0, 0)},
	}
	for first, old := range kinds {
		for second, next := range kinds {
			t.Run(first+"-then-"+second, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &auth.MemoryRevocations{Max: 1}
					old.Issuer, next.Issuer = "test", "other"
					old.Expires = time.Now().Add(time.Minute)
					if err := m.Revoke(t.Context(), old); err != nil {
						t.Fatal(err)
					}
					if err := m.Revoke(t.Context(), next); !errors.Is(err, auth.ErrFull) {
						t.Errorf("one too many: %v", err)
					}
					time.Sleep(time.Minute)
					if err := m.Revoke(t.Context(), next); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// A write forgets a few only, and yet there is room whenever something has
// expired.
func TestACrowdThatExpiresAtOnceMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1000
		m := &auth.MemoryRevocations{Max: most}
		for round := range 3 {
			end := time.Now().Add(time.Minute)
			for i := range most {
				if err := m.Revoke(t.Context(), tokenUntil(fmt.Sprint(round, "-", i), end)); err != nil {
					t.Fatalf("round %d: the token %d: %v", round, i, err)
				}
			}
			if err := m.Revoke(t.Context(), tokenUntil("more", end)); !errors.Is(err, auth.ErrFull) {
				t.Errorf("round %d: one too many: %v", round, err)
			}
			time.Sleep(time.Minute)
		}
	})
}

// What has expired does not come back with a newer Revocation of the same
// subject, although it may not have been forgotten yet.
func TestAnExpiredIssuedUntilIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, now := &auth.MemoryRevocations{}, time.Now()
		for i := range 100 {
			r := auth.Revocation{Issuer: "test", Subject: fmt.Sprint(i), IssuedUntil: now, Expires: now.Add(time.Minute)}
			if err := m.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		for i := range 100 {
			p := &bulwark.Principal{Issuer: "test", Subject: fmt.Sprint(i), IssuedAt: now}
			r := auth.Revocation{Issuer: "test", Subject: p.Subject, IssuedUntil: now.Add(-time.Hour)}
			if err := m.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if asked(t, m, p) {
				t.Fatalf("the credential of %s is refused by a Revocation that has expired", p.Subject)
			}
			if p.IssuedAt = r.IssuedUntil; !asked(t, m, p) {
				t.Fatalf("an older credential of %s is good", p.Subject)
			}
		}
		for i := range 100 { // nor does forgetting the old one take the new one along
			if !asked(t, m, &bulwark.Principal{Issuer: "test", Subject: fmt.Sprint(i), IssuedAt: now.Add(-time.Hour)}) {
				t.Errorf("%d is good again", i)
			}
		}
	})
}

func TestMemoryRevocationsCompareExactTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, until := &auth.MemoryRevocations{}, time.Now().Add(-time.Minute+123456789)
		end := time.Now().Add(time.Minute)
		if err := m.Revoke(t.Context(), auth.Revocation{Issuer: "test", Subject: "alice", IssuedUntil: until, Expires: end}); err != nil {
			t.Fatal(err)
		}
		at := func(issued time.Time) *bulwark.Principal {
			return &bulwark.Principal{Issuer: "test", Subject: "alice", IssuedAt: issued}
		}
		if !asked(t, m, at(until)) || asked(t, m, at(until.Add(1))) {
			t.Error("IssuedUntil is not exact")
		}
		time.Sleep(time.Minute - time.Nanosecond)
		if !asked(t, m, at(until)) {
			t.Error("it is forgotten a nanosecond early")
		}
		time.Sleep(time.Nanosecond)
		if asked(t, m, at(until)) {
			t.Error("it is not forgotten at its time")
		}
	})
}

// A long run of whatever may happen, beside a map that is asked the slow way.
func TestMemoryRevocationsAgainstAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, seed = 40, 7
		m, model, random := &auth.MemoryRevocations{Max: most}, map[string]time.Time{}, rand.New(rand.NewPCG(seed, seed))
		full := 0
		for step := range 20_000 {
			now, id := time.Now(), fmt.Sprint(random.IntN(100))
			for held, end := range model {
				if !now.Before(end) {
					delete(model, held)
				}
			}
			end, held := model[id]
			want := error(nil)
			if !held && len(model) >= most {
				want, full = auth.ErrFull, full+1
			}
			expires := now.Add(time.Duration(1+random.IntN(100)) * time.Second)
			if err := m.Revoke(t.Context(), tokenUntil(id, expires)); !errors.Is(err, want) {
				t.Fatalf("step %d: %v, want %v with %d held", step, err, want, len(model))
			}
			if want == nil && expires.After(end) {
				model[id] = expires
			}
			id = fmt.Sprint(random.IntN(100))
			if _, held := model[id]; asked(t, m, token(id)) != held {
				t.Fatalf("step %d: %s revoked %t, want %t", step, id, !held, held)
			}
			time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
		}
		if full < 100 || full > 19_000 {
			t.Errorf("the store was full in %d steps", full)
		}
	})
}

func TestRevokedDoesNotAllocate(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	now, long := time.Now(), strings.Repeat("x", 8<<10)
	known := &bulwark.Principal{Issuer: "https://issuer.example", TokenID: "token", SessionID: "session", Subject: "alice", IssuedAt: now}
	held := func(all ...auth.Revocation) *auth.MemoryRevocations {
		m := &auth.MemoryRevocations{}
		for _, r := range all {
			r.Issuer = known.Issuer
			if err := m.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		return m
	}
	unknown := []auth.Revocation{{TokenID: "x"}, {SessionID: "x"}, {Subject: "x", IssuedUntil: now}}
	for name, test := range map[string]struct {
		m    *auth.MemoryRevocations
		p    *bulwark.Principal
		want bool
	}{
		"empty":   {held(), known, false},
		"miss":    {held(unknown...), known, false},
		"token":   {held(append(unknown, auth.Revocation{TokenID: "token"})...), known, true},
		"session": {held(append(unknown, auth.Revocation{SessionID: "session"})...), known, true},
		"subject": {held(append(unknown, auth.Revocation{Subject: "alice", IssuedUntil: now})...), known, true},
		"nil":     {held(unknown...), nil, true},
		// These ids are too long to be hashed without allocating: they are not
		// hashed.
		"nothing-to-hash-for":     {held(), &bulwark.Principal{Issuer: long, TokenID: long, SessionID: long, Subject: long}, false},
		"no-token-to-hash-for":    {held(unknown[1:]...), &bulwark.Principal{Issuer: "test", TokenID: long, SessionID: "s", Subject: "alice"}, false},
		"no-session-to-hash-for":  {held(unknown[0], unknown[2]), &bulwark.Principal{Issuer: "test", TokenID: "t", SessionID: long, Subject: "alice"}, false},
		"no-subject-to-hash-for":  {held(unknown[:2]...), &bulwark.Principal{Issuer: "test", TokenID: "t", SessionID: "s", Subject: long}, false},
		"nothing-to-be-hashed-in": {held(unknown...), &bulwark.Principal{Issuer: long}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var got bool
			allocs := testing.AllocsPerRun(1000, func() { got, _ = test.m.Revoked(t.Context(), test.p) })
			if got != test.want || allocs != 0 {
				t.Errorf("revoked %t, want %t; %v allocations, want none", got, test.want, allocs)
			}
		})
	}
}

// The bytes that the documentation promises. The ids alone are longer.
func TestMemoryPerEntry(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector takes memory of its own")
	}
	now, long := time.Now(), strings.Repeat("x", 300)
	end := now.Add(time.Hour)
	revocations := func(of func(id string) auth.Revocation) func(n int) any {
		return func(n int) any {
			m := &auth.MemoryRevocations{}
			for i := range n {
				if err := m.Revoke(t.Context(), of(fmt.Sprint(long, i))); err != nil {
					t.Fatal(err)
				}
			}
			if err := m.Revoke(t.Context(), of("more")); !errors.Is(err, auth.ErrFull) {
				t.Errorf("one too many: %v", err)
			}
			return m
		}
	}
	for name, test := range map[string]struct {
		n    int // the default
		fill func(n int) any
	}{
		"tokens": {100_000, revocations(func(id string) auth.Revocation {
			return auth.Revocation{Issuer: "test", TokenID: id, Expires: end}
		})},
		"subjects": {100_000, revocations(func(id string) auth.Revocation {
			return auth.Revocation{Issuer: "test", Subject: id, IssuedUntil: now, Expires: end}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			before := heapBytes()
			store := test.fill(test.n)
			each := (heapBytes() - before) / int64(test.n)
			runtime.KeepAlive(store)
			t.Logf("%d bytes each", each)
			if each < 64 || each > 200 {
				t.Errorf("%d bytes each, want at most 200", each)
			}
		})
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
