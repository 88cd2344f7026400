package ratelimit_test

import (
	"context"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// Another process has counted a caller by a rate of its own. The process that
// resets the caller has not asked for this rate.
func TestResetKnowsTheAlgorithmsOfOtherProcesses(t *testing.T) {
	for _, rate := range []ratelimit.Rate{"2/minute", "2/day,fixed-window", "2/day,sliding-log", "2/day,burst=1"} {
		t.Run(string(rate), func(t *testing.T) {
			shared := &ratelimit.MemoryStore{Max: 1024}
			process := func() *callers {
				return ownRates(t, ratelimit.Config{Rate: "50/hour", Store: struct{ ratelimit.Store }{shared}},
					func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return rate, nil })
			}
			alice := &bulwark.Principal{Issuer: "i", Subject: "alice"}
			a, b := process(), process()
			a.handler = a.rec.Wrap(as(alice)(a.limit.Wrap(a.spy)))
			passed := a.passes(5, "192.0.2.1")
			if passed < 1 || passed > 2 {
				t.Fatalf("%d passed", passed)
			}
			if err := b.limit.Reset(t.Context(), alice.Key()); err != nil {
				t.Fatal(err)
			}
			if again := a.passes(5, "192.0.2.1"); again != passed {
				t.Errorf("after a Reset in another process %d passed, want %d", again, passed)
			}
		})
	}
}

// A rate of several windows has cells with names of their own. They are never
// those of another limit of the same store.
func TestOwnRatesTakeNoNamesOfOtherLimits(t *testing.T) {
	alice := &bulwark.Principal{Issuer: "i", Subject: "alice", Tier: "free"}
	shared := &ratelimit.MemoryStore{Max: 1024}
	daily := serve(t, ratelimit.Config{Name: "api-day", Key: ratelimit.ByPrincipal, Rate: "2/day", Store: shared}, as(alice))
	c := free
	c.Name, c.Store = "api", shared
	db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "2/hour; 2/day", nil })
	db.handler = db.rec.Wrap(as(alice)(db.limit.Wrap(db.spy)))
	db.passes(5, "192.0.2.1")
	if n := daily.passes(5, "192.0.2.1"); n != 2 {
		t.Errorf("another limit has let %d pass, want its 2", n)
	}
	if n := count(db.rec, "ratelimit.rate_unknown"); n != 1 {
		t.Errorf("%d events, want one that says why the rate does not hold", n)
	}
	// The names that callers use are taken.
	c = free
	c.Name, c.Store = "app", shared
	db = ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "2/hour; 2/day", nil })
	db.handler = db.rec.Wrap(as(alice)(db.limit.Wrap(db.spy)))
	if n := db.passes(5, "192.0.2.1"); n != 2 {
		t.Errorf("%d passed, want 2", n)
	}
	if _, err := ratelimit.New(ratelimit.Config{Name: "app-day", Key: ratelimit.ByPrincipal, Rate: "2/day", Store: shared}); err == nil {
		t.Error("a limit takes a name that the rates of callers use")
	}
}
