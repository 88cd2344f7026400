package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// callers is a database of rates around which a limit by principal is made.
type callers struct {
	*rig
	mu     sync.Mutex
	asked  map[string]int
	calls  atomic.Int64 // that run now
	most   atomic.Int64 // that ran at once
	answer func(ctx context.Context, p *bulwark.Principal) (ratelimit.Rate, error)
}

func ownRates(t testing.TB, c ratelimit.Config, answer func(context.Context, *bulwark.Principal) (ratelimit.Rate, error)) *callers {
	t.Helper()
	db := &callers{asked: map[string]int{}, answer: answer}
	c.Key = ratelimit.ByPrincipal
	if c.Rate == "" {
		c.Rate = "2/hour"
	}
	c.RateFor = func(ctx context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
		n := db.calls.Add(1)
		defer db.calls.Add(-1)
		for most := db.most.Load(); n > most && !db.most.CompareAndSwap(most, n); most = db.most.Load() {
		}
		db.mu.Lock()
		db.asked[p.Subject]++
		db.mu.Unlock()
		return db.answer(ctx, p)
	}
	db.rig = serve(t, c)
	return db
}

func (db *callers) askedFor(subject string) int {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.asked[subject]
}

// policy is the quota that a request of a caller is counted by.
func (db *callers) policy(subject string) string {
	p := &bulwark.Principal{Issuer: "i", Subject: subject, Tier: "free"}
	r := httptest.NewRequest("GET", "/", nil)
	r, scope := bulwark.Enter(r)
	r, _ = scope.Record(r, db.rec, "", "")
	r, _ = bulwark.Identify(r, p)
	w := httptest.NewRecorder()
	db.limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })).ServeHTTP(w, r)
	return w.Header().Get("RateLimit-Policy")
}

const (
	tiers = `"test";q=3;w=60`
	own   = `"test";q=500;w=60`
)

var free = ratelimit.Config{Tiers: ratelimit.Tiers{"free": "3/minute"}}

func TestRateFor(t *testing.T) {
	broken := errors.New("password=hunter2 refused")
	tests := []struct {
		name   string
		answer func(context.Context, *bulwark.Principal) (ratelimit.Rate, error)
		want   string
		event  string // a part of the error
	}{
		{"rate", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "500/minute", nil }, own, ""},
		{"empty", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "", nil }, tiers, ""},
		{"unlimited", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "unlimited", nil }, "", ""},
		{"error", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "500/minute", broken }, tiers, "Config.RateFor failed"},
		{"invalid", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "5oo/minute", nil }, tiers, "returned a text that must begin with a whole number"},
		{"windows", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "500/minute; x/day", nil }, tiers, "returned a text that must begin"},
		{"zero", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "0/minute", nil }, tiers, "returned a text that must begin"},
		{"long", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			return ratelimit.Rate("1/1" + strings.Repeat(".0", 1) + strings.Repeat("0", 1<<20) + "h"), nil
		}, tiers, "more than 256 bytes"},
		{"panic", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { panic("index out of range") }, tiers, "panicked"},
		{"goexit", func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { runtime.Goexit(); return "", nil }, tiers, "ended its goroutine"},
		{"late", func(ctx context.Context, _ *bulwark.Principal) (ratelimit.Rate, error) {
			<-ctx.Done()
			return "500/minute", nil
		}, tiers, "has not returned within"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := ownRates(t, free, test.answer)
				begin := time.Now()
				for range 50 {
					if got := db.policy("alice"); got != test.want {
						t.Fatalf("policy %q, want %q", got, test.want)
					}
				}
				if took := time.Since(begin); took > time.Second || took > 0 && test.name != "late" {
					t.Errorf("50 requests waited %v", took)
				}
				if n := db.askedFor("alice"); n != 1 {
					t.Errorf("asked %d times for 50 requests", n)
				}
				var told []bulwark.Event
				for _, e := range db.rec.Take() {
					if e.Reason == "ratelimit.rate_unknown" {
						told = append(told, e)
					}
				}
				if test.event == "" {
					if len(told) != 0 {
						t.Errorf("%+v", told)
					}
					return
				}
				if len(told) != 1 || told[0].Name != bulwark.SysUnavailable || told[0].Rule != "test" || told[0].Count != 1 || !strings.Contains(told[0].Attrs[0].Value.String(), test.event) {
					t.Errorf("events %+v, want one with %q", told, test.event)
				}
				for _, e := range told {
					if text := e.Attrs[0].Value.String(); strings.Contains(text, "5oo") {
						t.Errorf("the event has the text: %s", text)
					}
				}
			})
		})
	}
}

// A rate of one's own is enforced, and not only announced.
func TestRateForIsEnforced(t *testing.T) {
	db := ownRates(t, free, func(_ context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
		return ratelimit.Rate(p.Subject + "/hour"), nil
	})
	for _, n := range []int{1, 7, 40} {
		b := *db.rig
		b.handler = b.rec.Wrap(as(&bulwark.Principal{Issuer: "i", Subject: fmt.Sprint(n), Tier: "free"})(b.limit.Wrap(b.spy)))
		if got := b.passes(50, "192.0.2.1"); got != n {
			t.Errorf("%d passed, want %d", got, n)
		}
	}
}

// An answer is used for RateMaxAge, and once more while it is asked for again.
func TestRateForIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rate, slow := ratelimit.Rate("500/minute"), time.Duration(0)
		c := free
		c.RateMaxAge = 10 * time.Minute
		db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			got := rate
			time.Sleep(slow)
			return got, nil
		})
		step := func(what string, wait time.Duration, policy string, asked int) {
			t.Helper()
			begin := time.Now()
			if got := db.policy("alice"); got != policy {
				t.Errorf("%s: policy %q, want %q", what, got, policy)
			}
			if took := time.Since(begin); took != wait {
				t.Errorf("%s: waited %v, want %v", what, took, wait)
			}
			synctest.Wait()
			if n := db.askedFor("alice"); n != asked {
				t.Errorf("%s: asked %d times, want %d", what, n, asked)
			}
		}
		step("first", 0, own, 1)
		rate, slow = "3/minute", 500*time.Millisecond
		time.Sleep(10*time.Minute - time.Nanosecond)
		step("fresh", 0, own, 1)
		time.Sleep(time.Nanosecond)
		step("stale", 0, own, 2)
		step("stale, being asked for", 0, own, 2)
		time.Sleep(slow)
		synctest.Wait()
		step("new", 0, tiers, 2)
		rate = "500/minute"
		time.Sleep(20*time.Minute - 1)
		step("stale to the last", 0, tiers, 3)
		time.Sleep(slow)
		synctest.Wait()
		step("new again", 0, own, 3)
		time.Sleep(20 * time.Minute)
		rate = "3/minute"
		step("too old", slow, tiers, 4)
	})
}

// After a failure the rate of the tier holds, also where another rate was known,
// and RateFor is asked again after five seconds.
func TestRateForOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := false
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			if down {
				return "", errors.New("connection refused")
			}
			return "500/minute", nil
		})
		db.policy("alice")
		down = true
		time.Sleep(time.Minute)
		if got := db.policy("alice"); got != own {
			t.Errorf("while it is asked for: %q", got)
		}
		synctest.Wait()
		begin := db.askedFor("alice")
		for range 299 { // of a minute
			if got := db.policy("alice"); got != tiers {
				t.Fatalf("after the failure: %q", got)
			}
			time.Sleep(200 * time.Millisecond)
			synctest.Wait()
		}
		if n := db.askedFor("alice") - begin; n != 11 {
			t.Errorf("asked %d times in a minute, want 11", n)
		}
		if n := count(db.rec, "ratelimit.rate_unknown"); n != 1 {
			t.Errorf("%d events for one outage, want 1", n)
		}
		down = false
		time.Sleep(5 * time.Second)
		db.policy("alice")
		synctest.Wait()
		if got := db.policy("alice"); got != own {
			t.Errorf("afterwards: %q", got)
		}
	})
}

func count(rec *bulwarktest.Recorder, reason string) (n int) {
	for _, e := range rec.Events() {
		if e.Reason == reason {
			n++
		}
	}
	return n
}

// The events of a window are one, and the next one has their number.
func TestRateForEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := ownRates(t, free, func(_ context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
			if strings.HasPrefix(p.Subject, "typo") {
				return "a lot", nil
			}
			return "", errors.New("down")
		})
		for i := range 40 {
			db.policy(fmt.Sprint("caller", i))
		}
		db.policy("typo")
		time.Sleep(time.Minute)
		db.policy("late")
		var counts []int
		for _, e := range db.rec.Take() {
			if e.Reason == "ratelimit.rate_unknown" {
				counts = append(counts, e.Count)
			}
		}
		if fmt.Sprint(counts) != "[1 1 40]" {
			t.Errorf("counts %v, want the first failure, the first typo, and 40 failures", counts)
		}
	})
}

// Requests of one caller share one call, and wait for it together.
func TestRateForAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			time.Sleep(300 * time.Millisecond)
			return "500/minute", nil
		})
		begin := time.Now()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if got := db.policy("alice"); got != own {
					t.Errorf("policy %q", got)
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != 300*time.Millisecond || db.askedFor("alice") != 1 {
			t.Errorf("%v, asked %d times", took, db.askedFor("alice"))
		}
	})
}

// More callers than calls at once wait for a free call, and get their rate.
func TestRateForMoreCallersThanCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			time.Sleep(100 * time.Millisecond)
			return "500/minute", nil
		})
		var wg sync.WaitGroup
		var ownRate, tier atomic.Int64
		begin := time.Now()
		for i := range 200 {
			wg.Go(func() {
				if db.policy(fmt.Sprint(i)) == own {
					ownRate.Add(1)
					return
				}
				tier.Add(1)
			})
		}
		wg.Wait()
		took := time.Since(begin)
		time.Sleep(100 * time.Millisecond) // for the calls that are late
		synctest.Wait()
		if db.most.Load() != 16 {
			t.Errorf("%d calls at once, want 16", db.most.Load())
		}
		// Ten rounds of 16 in a second; a call that would begin at the deadline
		// does not end in time.
		if ownRate.Load() < 9*16 || ownRate.Load()+tier.Load() != 200 || took > time.Second {
			t.Errorf("%d own, %d of the tier, after %v", ownRate.Load(), tier.Load(), took)
		}
	})
}

// A database that hangs holds 16 goroutines, and nobody waits for it twice.
func TestRateForHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := free
		free.MaxRates = 64
		release := make(chan struct{})
		db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
			<-release
			return "500/minute", nil
		})
		begin := time.Now()
		var wg sync.WaitGroup
		for i := range 500 {
			wg.Go(func() {
				for range 3 {
					if got := db.policy(fmt.Sprint(i)); got != tiers {
						t.Errorf("policy %q", got)
					}
				}
			})
		}
		wg.Wait()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("the first requests waited %v, want a second", took)
		}
		synctest.Wait()
		if n := db.calls.Load(); n != 16 {
			t.Errorf("%d calls hang, want 16", n)
		}
		begin = time.Now()
		for i := range 1000 {
			if got := db.policy(fmt.Sprint("new", i)); got != tiers {
				t.Fatalf("policy %q", got)
			}
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("while all calls hang, 1000 requests waited %v", took)
		}
		if n := ratelimit.OwnRates(db.limit); n > 64 {
			t.Errorf("%d callers are kept, want at most 64", n)
		}
		close(release)
		synctest.Wait()
		time.Sleep(time.Minute)
		if got := db.policy("afterwards"); got != own {
			t.Errorf("afterwards: %q", got)
		}
	})
}

// The client that began the call leaves at once. The others still get their
// answer, or ask themselves.
func TestRateForClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := ownRates(t, free, func(ctx context.Context, _ *bulwark.Principal) (ratelimit.Rate, error) {
			select {
			case <-time.After(300 * time.Millisecond):
				return "500/minute", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		leave := func(subject string) {
			r := httptest.NewRequest("GET", "/", nil)
			ctx, cancel := context.WithTimeout(r.Context(), time.Millisecond)
			defer cancel()
			r, _ = bulwark.Identify(r.WithContext(ctx), &bulwark.Principal{Issuer: "i", Subject: subject})
			db.limit.Wrap(db.spy).ServeHTTP(httptest.NewRecorder(), r)
		}
		begin := time.Now()
		leave("alice")
		if took := time.Since(begin); took != time.Millisecond {
			t.Errorf("the client left and was kept for %v", took)
		}
		if got := db.policy("alice"); got != own || db.askedFor("alice") != 1 {
			t.Errorf("the next request: %q, asked %d times", got, db.askedFor("alice"))
		}
		// All calls are taken; the client leaves while it waits for one.
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() { db.policy(fmt.Sprint(i)) })
		}
		synctest.Wait()
		leave("bob")
		if got := db.policy("bob"); got != own || db.askedFor("bob") != 1 {
			t.Errorf("bob: %q, asked %d times", got, db.askedFor("bob"))
		}
		wg.Wait()
	})
}

// A flood of callers takes no more memory than MaxRates allows, and does not
// displace a caller that comes again and again.
func TestRateForFlood(t *testing.T) {
	c := free
	c.MaxRates = 100
	db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "500/minute", nil })
	for i := range 5000 {
		db.policy(fmt.Sprint("flood", i))
		if i%20 == 0 {
			db.policy("alice")
		}
	}
	if n := ratelimit.OwnRates(db.limit); n != 100 {
		t.Errorf("%d callers are kept, want 100", n)
	}
	if n := db.askedFor("alice"); n != 1 {
		t.Errorf("asked %d times for the caller that was there before", n)
	}
}

// Callers with many different rates do not make the limit keep all of them.
func TestRateForManyRates(t *testing.T) {
	c := free
	c.MaxRates = 1000
	db := ownRates(t, c, func(_ context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
		return ratelimit.Rate(p.Subject + "/minute"), nil
	})
	for i := 1; i <= 1000; i++ {
		if got, want := db.policy(fmt.Sprint(i)), fmt.Sprintf(`"test";q=%d;w=60`, i); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if n := ratelimit.CompiledRates(db.limit); n > 256 {
		t.Errorf("%d rates are kept", n)
	}
}

// Callers of several issuers are several callers.
func TestRateForTellsIssuersApart(t *testing.T) {
	db := ownRates(t, free, func(_ context.Context, p *bulwark.Principal) (ratelimit.Rate, error) {
		if p.Issuer == "i" {
			return "500/minute", nil
		}
		return "", nil
	})
	db.policy("alice")
	b := *db.rig
	b.handler = b.rec.Wrap(as(&bulwark.Principal{Issuer: "ia", Subject: "lice", Tier: "free"})(b.limit.Wrap(b.spy)))
	if got := b.from("192.0.2.1").Header.Get("RateLimit-Policy"); got != tiers {
		t.Errorf("policy %q", got)
	}
}

// Anonymous requests, a principal without a subject, Take and TakeFor are not
// asked for.
func TestRateForIsNotAskedForOthers(t *testing.T) {
	db := ownRates(t, free, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "500/minute", nil })
	for _, p := range []*bulwark.Principal{nil, {Issuer: "i"}} {
		b := *db.rig
		b.handler = b.rec.Wrap(as(p)(b.limit.Wrap(b.spy)))
		b.from("192.0.2.1")
	}
	db.limit.Take(t.Context(), "alice")
	if len(db.asked) != 0 {
		t.Errorf("asked for %v", db.asked)
	}
}

func TestRateForFaults(t *testing.T) {
	rate := func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return "", nil }
	for name, test := range map[string]struct {
		config ratelimit.Config
		want   string
	}{
		"without_principal": {ratelimit.Config{Key: ratelimit.ByIP, RateFor: rate}, "ratelimit(n).RateFor: needs a Key with ByPrincipal"},
		"without_key":       {ratelimit.Config{RateFor: rate}, "ratelimit(n).RateFor: needs a Key with ByPrincipal"},
		"missing":           {ratelimit.Config{Key: ratelimit.ByPrincipal, MaxRates: 100}, "ratelimit(n).RateFor: is missing, and RateMaxAge"},
		"age":               {ratelimit.Config{Key: ratelimit.ByPrincipal, RateFor: rate, RateMaxAge: 1}, "ratelimit(n).RateMaxAge: 1ns: must be 1s to 24h0m0s, or 0 for the default of 1m0s"},
		"timeout":           {ratelimit.Config{Key: ratelimit.ByPrincipal, RateFor: rate, RateTimeout: time.Hour}, "ratelimit(n).RateTimeout: 1h0m0s: must be 10ms to 30s, or 0 for the default of 1s"},
		"max":               {ratelimit.Config{Key: ratelimit.ByPrincipal, RateFor: rate, MaxRates: 15}, "ratelimit(n).MaxRates: 15: must be 16 to 1000000, or 0 for the default of 10000"},
	} {
		test.config.Name, test.config.Rate = "n", "1/minute"
		if _, err := ratelimit.New(test.config); err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A known rate costs nothing.
func TestRateForAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	c := ratelimit.Config{Headers: ratelimit.NoHeaders, RateMaxAge: 24 * time.Hour}
	db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) { return fast, nil })
	r, w := quietRequest("192.0.2.1:1")
	r, _ = bulwark.Identify(r, principal)
	h := db.limit.Wrap(&spy{})
	if got := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// Many callers, an unsteady database and a small cache, for the race detector.
func TestRateForUnderRace(t *testing.T) {
	c := free
	c.MaxRates = 16
	c.RateTimeout = 10 * time.Millisecond
	var n atomic.Int64
	db := ownRates(t, c, func(context.Context, *bulwark.Principal) (ratelimit.Rate, error) {
		switch n.Add(1) % 4 {
		case 0:
			return "", errors.New("down")
		case 1:
			panic("no")
		case 2:
			return "500/minute", nil
		}
		return "many", nil
	})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 300 {
				if got := db.policy(fmt.Sprint((i + j) % 40)); got != own && got != tiers {
					t.Errorf("policy %q", got)
				}
			}
		})
	}
	wg.Wait()
	if n := ratelimit.OwnRates(db.limit); n > 16 {
		t.Errorf("%d callers are kept", n)
	}
}
