package ratelimit_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// busy takes all 16 calls for a while.
func (db *callers) busy() (wait func()) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() { db.policy(fmt.Sprint("busy", i)) })
	}
	synctest.Wait()
	return wg.Wait
}

// An answer that can be used is used, also while all calls are taken.
func TestRateForDoesNotWaitWithAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := time.Duration(0)
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			time.Sleep(slow)
			return "500/minute", nil
		})
		db.policy("alice")
		time.Sleep(time.Minute)
		slow = 500 * time.Millisecond
		wait := db.busy()
		begin := time.Now()
		if got := db.policy("alice"); got != own {
			t.Errorf("while all calls are taken: %q", got)
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("a request whose rate is known has waited %v", took)
		}
		wait()
		if n := db.askedFor("alice"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Two requests wait for a free call. The client whose request came first leaves.
// The other one does not wait for what nobody asks any more.
func TestRateForTheFirstOfTwoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			time.Sleep(500 * time.Millisecond)
			return "500/minute", nil
		})
		wait := db.busy()
		begin := time.Now()
		var both sync.WaitGroup
		both.Go(func() {
			r := httptest.NewRequest("GET", "/", nil)
			ctx, cancel := context.WithTimeout(r.Context(), time.Millisecond)
			defer cancel()
			r, _ = bulwark.Identify(r.WithContext(ctx), &bulwark.Principal{Issuer: "i", Subject: "bob"})
			db.limit.Wrap(db.spy).ServeHTTP(httptest.NewRecorder(), r)
		})
		synctest.Wait()
		both.Go(func() {
			if got := db.policy("bob"); got != tiers {
				t.Errorf("the other request: %q", got)
			}
		})
		both.Wait()
		if took := time.Since(begin); took != time.Millisecond {
			t.Errorf("both have waited %v", took)
		}
		wait()
	})
}

// When calls that were late have come back, callers wait for a free call again.
func TestRateForAfterCallsThatWereLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := 3 * time.Second
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			time.Sleep(slow)
			return "500/minute", nil
		})
		db.busy()()
		time.Sleep(3 * time.Second)
		slow = 500 * time.Millisecond
		var wg sync.WaitGroup
		for i := range 17 {
			wg.Go(func() {
				if got := db.policy(fmt.Sprint("new", i)); i > 0 && got != own && got != tiers {
					t.Errorf("policy %q", got)
				}
			})
		}
		begin := time.Now()
		wg.Wait()
		if took := time.Since(begin); took < time.Second {
			t.Errorf("the seventeenth caller has waited %v for a call", took)
		}
	})
}

// At the very deadline it does not depend on chance whether an answer counts.
func TestRateForAtTheDeadline(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			db := ownRates(t, free, func(ctx context.Context, _ *bulwark.Principal) (ratelimit.Rate, error) {
				<-ctx.Done()
				return "500/minute", nil
			})
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					if got := db.policy(fmt.Sprint(i)); got != tiers {
						t.Errorf("policy %q", got)
					}
				})
			}
			wg.Wait()
		})
	}
}

// The rates of callers may have the only day of a limit with a calendar.
func TestACalendarForRateForAlone(t *testing.T) {
	c := ratelimit.Config{Rate: "2/hour", Calendar: place("Europe/Paris")}
	synctest.Test(t, func(t *testing.T) { // on 1 January 2000, 0:00 UTC
		db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "1/day", nil })
		b := *db.rig
		b.handler = b.rec.Wrap(as(&bulwark.Principal{Issuer: "i", Subject: "alice"})(b.limit.Wrap(b.spy)))
		if n := b.passes(3, "192.0.2.1"); n != 1 {
			t.Errorf("%d passed, want 1", n)
		}
		time.Sleep(23*time.Hour - time.Nanosecond)
		if n := b.passes(3, "192.0.2.1"); n != 0 {
			t.Errorf("%d passed before midnight", n)
		}
		time.Sleep(time.Nanosecond)
		if n := b.passes(3, "192.0.2.1"); n != 1 {
			t.Errorf("%d passed at midnight, want 1", n)
		}
	})
	c.Name, c.Key = "n", ratelimit.ByPrincipal
	if _, err := ratelimit.New(c); err == nil {
		t.Error("a calendar that no rate can follow: nil")
	}
}
