package ratelimit_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// tenant is a key that a test chooses.
var tenant = ratelimit.KeyFunc(func(r *http.Request) string { return r.Header.Get("T") })

// chained is a handler behind the limits in that order, outermost first, with a
// recorder outside.
func chained(t *testing.T, parts ...bulwark.Builder) *rig {
	t.Helper()
	b := &rig{spy: &spy{status: 200}, rec: &bulwarktest.Recorder{}}
	b.handler = b.rec.Wrap(bulwark.Must(bulwark.Chain(parts...)).Wrap(b.spy))
	return b
}

func TestCaseRl2ARefusalCostsNothingElsewhere(t *testing.T) {
	day := ratelimit.Config{Name: "day", Key: ratelimit.ByIP, Rate: "10/day", MaxKeys: 1024}
	burst := ratelimit.Config{Name: "burst", Key: ratelimit.ByIP, Rate: "1/minute", MaxKeys: 1024}
	perTenant := ratelimit.Config{Name: "tenant", Key: ratelimit.Join(ratelimit.ByIP, tenant), Rate: "2/minute", MaxKeys: 1024}
	failures := day
	failures.Name, failures.Count = "failures", ratelimit.Failures
	elsewhere := day
	elsewhere.MaxKeys, elsewhere.Store = 0, &foreign{}
	shared := &ratelimit.MemoryStore{Max: 1024}
	dayShared, burstShared := day, burst
	dayShared.MaxKeys, dayShared.Store, burstShared.MaxKeys, burstShared.Store = 0, shared, 0, shared
	with := func(c ratelimit.Config, rate ratelimit.Rate) ratelimit.Config {
		c.Rate = rate
		return c
	}
	burstElsewhere := burst
	burstElsewhere.MaxKeys, burstElsewhere.Store = 0, &foreign{}
	for name, limits := range map[string][]ratelimit.Config{
		"window_outside":   {with(day, "10/day,fixed-window"), burst},
		"window_inside":    {with(burst, "1/minute,fixed-window"), day},
		"windows":          {with(day, "10/day,fixed-window"), with(burst, "1/minute,fixed-window")},
		"log_outside":      {with(day, "10/day,sliding-log"), burst},
		"log_inside":       {day, with(burst, "1/minute,sliding-log")},
		"several":          {with(day, "500/minute; 10/day,sliding-log; 11/month"), with(burst, "1/minute,fixed-window; 100/hour")},
		"other_windows":    {with(elsewhere, "10/day,fixed-window"), with(burst, "1/minute,sliding-log")},
		"other_log":        {with(elsewhere, "10/day,sliding-log; 20/month"), with(burstElsewhere, "1/minute,fixed-window")},
		"others_inside":    {with(burstElsewhere, "1/minute,sliding-log"), with(elsewhere, "10/day,fixed-window")},
		"other_between":    {burst, elsewhere, perTenant},
		"day_outside":      {day, burst},
		"day_inside":       {burst, day},
		"three":            {day, perTenant, burst},
		"between":          {perTenant, day, burst},
		"five":             {day, perTenant, failures, burst, {Name: "more", Key: ratelimit.ByIP, Rate: "1000/hour", MaxKeys: 1024}},
		"failures_outside": {failures, burst},
		"another_store":    {elsewhere, burst},
		"one_store":        {dayShared, burstShared},
	} {
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			t.Run(name+"_"+addr[:3], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var parts []bulwark.Builder
					own, another := &ratelimit.MemoryStore{Max: 1024}, &foreign{MemoryStore: ratelimit.MemoryStore{Max: 1024}}
					for _, c := range limits {
						switch c.Store {
						case nil:
						case shared:
							c.Store = own
						default:
							c.Store = another
						}
						parts = append(parts, c)
					}
					b := chained(t, parts...)
					ask := func() *http.Response { return b.from(addr, header("T", "acme")) }
					for minute := range 10 {
						if res := ask(); res.StatusCode != 200 {
							t.Fatalf("minute %d: %d, although the day has %d left", minute, res.StatusCode, 10-minute)
						}
						for range 20 {
							if res := ask(); res.StatusCode != 429 {
								t.Fatalf("minute %d: %d within the minute", minute, res.StatusCode)
							}
						}
						time.Sleep(time.Minute)
					}
				})
			})
		}
	}
}

// Limits beside each other ask another store as seldom as can be: not for a
// request that memory refuses, and once more where something goes back.
func TestCaseRl2CallsOfAnotherStore(t *testing.T) {
	limit := func(name string, rate ratelimit.Rate, store ratelimit.Store) ratelimit.Config {
		return ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: rate, Store: store}
	}
	const many, one = "100/hour; 200/day", "1/hour,fixed-window; 200/day"
	memory := func() ratelimit.Store { return &ratelimit.MemoryStore{Max: 64} }
	for name, test := range map[string]struct {
		limits             func(shared ratelimit.Store) []ratelimit.Config
		debits, refunds    int64 // of a request that passes
		refused, givesBack int64 // of a request that is refused
	}{
		"alone": {func(s ratelimit.Store) []ratelimit.Config { return []ratelimit.Config{limit("a", one, s)} }, 1, 0, 1, 0},
		"memory_inside": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", many, s), limit("b", one, memory())}
		}, 1, 0, 0, 0},
		"memory_outside": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", one, memory()), limit("b", many, s)}
		}, 1, 0, 0, 0},
		"beside_memory": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", one, s), limit("b", many, memory())}
		}, 1, 0, 1, 0},
		"outside_refuses": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", one, s), limit("b", many, s)}
		}, 2, 0, 1, 0},
		"inside_refuses": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", many, s), limit("b", one, s)}
		}, 2, 0, 2, 1},
		"the_third_refuses": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", many, s), limit("b", many, s), limit("c", one, s)}
		}, 3, 0, 3, 2},
		"the_second_of_3": {func(s ratelimit.Store) []ratelimit.Config {
			return []ratelimit.Config{limit("a", many, s), limit("b", one, s), limit("c", many, memory())}
		}, 2, 0, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &foreign{MemoryStore: ratelimit.MemoryStore{Max: 64}}
				var parts []bulwark.Builder
				for _, c := range test.limits(store) {
					parts = append(parts, c)
				}
				b := chained(t, parts...)
				calls := func() (debits, refunds int64) { return store.debits.Swap(0), store.refunded.Swap(0) }
				if b.from("2001:db8::1"); b.ran != 1 {
					t.Fatal("the first request is refused")
				}
				if debits, refunds := calls(); debits != test.debits || refunds != test.refunds {
					t.Errorf("a request that passes: %d debits, %d refunds, want %d and %d", debits, refunds, test.debits, test.refunds)
				}
				for range 5 {
					if b.from("2001:db8::1"); b.ran != 1 {
						t.Fatal("the second request passes")
					}
					if debits, refunds := calls(); debits != test.refused || refunds != test.givesBack {
						t.Errorf("a request that is refused: %d debits, %d refunds, want %d and %d", debits, refunds, test.refused, test.givesBack)
					}
				}
				time.Sleep(time.Hour)
				b.from("2001:db8::1")
				if b.ran != 2 {
					t.Error("after an hour the request is refused")
				}
			})
		})
	}
}

// What is counted in memory is taken before another store is asked: then a
// refusal in memory never gives back to the other store, even if somebody else
// has just taken the last of it.
func TestCaseRl2MemoryIsTakenFirst(t *testing.T) {
	inside := serve(t, ratelimit.Config{Name: "inside", Key: ratelimit.ByIP, Rate: "5/hour"})
	inside.status = http.StatusOK
	asked := 0
	store := &lying{ok: true, taken: 1, debit: func([]ratelimit.Cell) {
		asked++
		if asked == 1 { // a request beside this one
			inside.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
	}}
	beside := inside.limit.Wrap(inside.spy)
	inside.handler = beside
	outside := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "outside", Key: ratelimit.ByIP, Rate: "5/hour", Store: store}))
	w := httptest.NewRecorder()
	outside.Wrap(beside).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if got := w.Header().Values("RateLimit"); asked != 1 || len(got) != 2 || !strings.HasPrefix(got[1], `"inside";r=4;`) {
		t.Errorf("%q, want the request counted inside before the other store is asked", got)
	}
}

// The answer of several limits is one: each that is exceeded is named, and the
// longest wait is told. The header fields of a limit that has room tell what is
// left without the refused request.
func TestCaseRl2TheRefusalOfSeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := chained(t,
			ratelimit.Config{Name: "hour", Key: ratelimit.ByIP, Rate: "2/hour", MaxKeys: 8},
			ratelimit.Config{Name: "day", Key: ratelimit.ByIP, Rate: "9/day", MaxKeys: 8},
			ratelimit.Config{Name: "minute", Key: ratelimit.ByIP, Rate: "1/minute", MaxKeys: 8},
		)
		steps := []struct {
			after    time.Duration
			status   int
			violated []string
			retry    string
			limits   []string
		}{
			{0, 200, nil, "", []string{`"hour";r=1;t=1800`, `"day";r=8;t=9600`, `"minute";r=0;t=60`}},
			{0, 429, []string{"minute"}, "60", []string{`"hour";r=1;t=1800`, `"day";r=8;t=9600`, `"minute";r=0;t=60`}},
			{time.Minute, 200, nil, "", []string{`"hour";r=0;t=1740`, `"day";r=7;t=9540`, `"minute";r=0;t=60`}},
			{0, 429, []string{"hour", "minute"}, "1740", []string{`"hour";r=0;t=1740`, `"day";r=7;t=9540`, `"minute";r=0;t=60`}},
		}
		for i, s := range steps {
			time.Sleep(s.after)
			ran := b.ran
			res := b.from("192.0.2.1")
			if got := res.Header.Values("RateLimit"); !slices.Equal(got, s.limits) || len(res.Header.Values("RateLimit-Policy")) != 3 {
				t.Errorf("step %d: RateLimit %q, want %q", i, got, s.limits)
			}
			if got := res.Header.Get("Retry-After"); got != s.retry {
				t.Errorf("step %d: Retry-After %q, want %q", i, got, s.retry)
			}
			if s.status == 200 {
				if res.StatusCode != 200 || b.ran != ran+1 || len(b.rec.Take()) != 0 {
					t.Errorf("step %d: %d", i, res.StatusCode)
				}
				continue
			}
			text := body(t, res)
			if res.StatusCode != 429 || b.ran != ran || !slices.Equal(text.Violated, s.violated) || text.Code != "ratelimit.exceeded" {
				t.Errorf("step %d: %d %+v, want %q", i, res.StatusCode, text, s.violated)
			}
			events := b.rec.Take()
			if len(events) != 1 || events[0].Name != bulwark.ExcessRateLimitExceeded || events[0].Rule != s.violated[0] || events[0].Status != 429 {
				t.Errorf("step %d: events %+v", i, events)
			}
		}
	})
}

// A limit that does not know whose quota a request uses refuses also. It takes
// nothing from the other limits.
func TestCaseRl2ARefusalOfAnotherKind(t *testing.T) {
	costly := func(r *http.Request) int { return len(r.Header.Get("Cost")) }
	for name, test := range map[string]struct {
		inner  ratelimit.Config
		change func(*http.Request)
		status int
		code   string
		event  bulwark.EventName
	}{
		"key":     {ratelimit.Config{Key: tenant}, func(*http.Request) {}, 400, "ratelimit.key", bulwark.InputValidationFail},
		"cost":    {ratelimit.Config{Key: ratelimit.ByIP, Cost: costly}, func(*http.Request) {}, 400, "ratelimit.cost", bulwark.InputValidationFail},
		"no_auth": {ratelimit.Config{Key: ratelimit.ByPrincipal}, func(*http.Request) {}, 500, "ratelimit.unconfigured", bulwark.SysUnavailable},
		"outage":  {ratelimit.Config{Key: ratelimit.ByIP, Store: &foreign{}}, header("Down", "1"), 503, "ratelimit.unavailable", bulwark.SysUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.inner
			c.Name, c.Rate = "inner", "100/hour"
			if store, ok := c.Store.(*foreign); ok {
				store.down.Store(true)
			}
			outer := serve(t, ratelimit.Config{Name: "outer", Key: ratelimit.ByIP, Rate: "2/hour"}).limit
			b := serve(t, c, outer.Wrap)
			for range 5 {
				b.refused(t, b.from("192.0.2.1", test.change), 0, test.status, test.code, test.event)
			}
			b.handler = b.rec.Wrap(outer.Wrap(b.spy))
			if got := b.passes(5, "192.0.2.1"); got != 2 {
				t.Errorf("%d left outside, want 2", got)
			}
		})
	}
}

// What stands between two limits has had its work: the limit outside keeps what
// it took. So a caller over quota cannot drive auth without a bound.
func TestCaseRl2ALimitOutsideKeepsWhatItTook(t *testing.T) {
	asked := 0
	between := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			next.ServeHTTP(w, r)
		})
	})
	b := chained(t,
		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "10/hour", MaxKeys: 8},
		between,
		ratelimit.Config{Name: "caller", Key: tenant, Rate: "1/hour", MaxKeys: 8},
	)
	rules := map[string]int{}
	for range 30 {
		b.from("192.0.2.1", header("T", "acme"))
		for _, e := range b.rec.Take() {
			rules[e.Rule]++
		}
	}
	if b.ran != 1 || asked != 10 || !maps.Equal(rules, map[string]int{"caller": 9, "address": 20}) {
		t.Errorf("%d ran, %d came as far as the layer between, refusals %v", b.ran, asked, rules)
	}
}

// Limits that are wrapped by hand, by a router's loop or in several stacks are
// joined as those of one chain are.
func TestCaseRl2HoweverTheyAreWrapped(t *testing.T) {
	limit := func(name string, rate ratelimit.Rate) *ratelimit.Middleware {
		return serve(t, ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: rate}).limit
	}
	for name, wrap := range map[string]func(day, burst *ratelimit.Middleware, h http.Handler) http.Handler{
		"by_hand": func(day, burst *ratelimit.Middleware, h http.Handler) http.Handler { return day.Wrap(burst.Wrap(h)) },
		"stacks": func(day, burst *ratelimit.Middleware, h http.Handler) http.Handler {
			return bulwark.Must(bulwark.Chain(day)).Wrap(bulwark.Must(bulwark.Chain(burst)).Wrap(h))
		},
		"nested_stack": func(day, burst *ratelimit.Middleware, h http.Handler) http.Handler {
			return bulwark.Must(bulwark.Chain(day, bulwark.Must(bulwark.Chain(burst)))).Wrap(h)
		},
		"loop": func(day, burst *ratelimit.Middleware, h http.Handler) http.Handler {
			for _, use := range []func(http.Handler) http.Handler{burst.Wrap, day.Wrap} {
				h = use(h)
			}
			return h
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/hour"})
				b.handler = b.rec.Wrap(wrap(limit("day", "3/day"), limit("burst", "1/minute"), b.spy))
				for range 3 {
					if got := b.passes(10, "192.0.2.1"); got != 1 {
						t.Fatalf("%d passed in a minute, want 1", got)
					}
					time.Sleep(time.Minute)
				}
				if got := b.passes(1, "192.0.2.1"); got != 0 {
					t.Error("the day has no limit")
				}
			})
		})
	}
}

// One Middleware at two handlers keeps its own neighbours at each.
func TestJoinedLimitsAreApart(t *testing.T) {
	outer := serve(t, ratelimit.Config{Name: "outer", Key: ratelimit.ByIP, Rate: "3/hour"}).limit
	tight := serve(t, ratelimit.Config{Name: "tight", Key: ratelimit.ByIP, Rate: "1/hour"})
	joined, alone := outer.Wrap(tight.limit.Wrap(tight.spy)), outer.Wrap(tight.spy)
	tight.handler = tight.rec.Wrap(joined)
	if got := tight.passes(5, "192.0.2.1"); got != 1 {
		t.Fatalf("%d passed both, want 1", got)
	}
	tight.handler = tight.rec.Wrap(alone)
	if got := tight.passes(5, "192.0.2.1"); got != 2 {
		t.Errorf("%d passed outer alone, want the 2 that are left", got)
	}
}

// Of requests at once, exactly as many pass as both limits have room for. A
// request that one limit refuses takes nothing from the other.
func TestCaseRl2AtOnce(t *testing.T) {
	day := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "day", Key: ratelimit.ByIP, Rate: "1000/day", MaxKeys: 1024}))
	burst := bulwark.Must(ratelimit.New(ratelimit.Config{Name: "burst", Key: ratelimit.ByIP, Rate: "20/hour", MaxKeys: 1024}))
	var ran atomic.Int64
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) })
	for name, h := range map[string]http.Handler{"outside": day.Wrap(burst.Wrap(next)), "inside": burst.Wrap(day.Wrap(next))} {
		ran.Store(0)
		addr := map[string]string{"outside": "192.0.2.1:1", "inside": "[2001:db8::1]:1"}[name]
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					r, w := quietRequest(addr)
					h.ServeHTTP(w, r)
				}
			})
		}
		wg.Wait()
		if ran.Load() != 20 {
			t.Errorf("%s: %d passed, want 20", name, ran.Load())
		}
		h, left := day.Wrap(next), ran.Load()
		for range 1100 {
			r, w := quietRequest(addr)
			h.ServeHTTP(w, r)
		}
		if left = ran.Load() - left; left != 980 {
			t.Errorf("%s: %d are left of the day, want 980", name, left)
		}
	}
}

// A dry run beside a limit that refuses reports, and takes nothing either.
func TestDryRunBesideARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := chained(t,
			ratelimit.Config{Name: "trial", Key: ratelimit.ByIP, Rate: "4/hour", DryRun: true, MaxKeys: 8},
			ratelimit.Config{Name: "strict", Key: ratelimit.ByIP, Rate: "1/minute", MaxKeys: 8},
		)
		for range 3 { // each is served once in its minute
			if got := b.passes(9, "192.0.2.1"); got != 1 {
				t.Fatalf("%d passed, want 1", got)
			}
			for _, e := range b.rec.Take() {
				if e.Rule != "strict" {
					t.Fatalf("the trial reports %+v before it is exceeded", e)
				}
			}
			time.Sleep(time.Minute)
		}
		b.passes(9, "192.0.2.1")
		rules := map[string]int{}
		for _, e := range b.rec.Take() {
			rules[e.Rule+" "+e.Reason]++
		}
		if want := map[string]int{"trial ratelimit.dry_run": 1, "strict ratelimit.exceeded": 8}; !maps.Equal(rules, want) {
			t.Errorf("%v, want %v", rules, want)
		}
	})
}
