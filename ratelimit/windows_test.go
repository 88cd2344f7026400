package ratelimit_test

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// A rate of several windows has one answer: a member for each window, the names
// of those that refuse, the longest wait, and one event of the limit.
func TestSeveralWindows(t *testing.T) {
	for name, store := range map[string]func() ratelimit.Store{
		"memory":  func() ratelimit.Store { return &ratelimit.MemoryStore{Max: 64} },
		"another": func() ratelimit.Store { return &foreign{MemoryStore: ratelimit.MemoryStore{Max: 64}} },
	} {
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			t.Run(name+"_"+addr[:3], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Store: store(),
						Rate: "2/second; 5/hour,fixed-window; 6/day,sliding-log"})
					const policy = `"api-second";q=2;w=1, "api-hour";q=5;w=3600, "api-day";q=6;w=86400`
					steps := []struct {
						after    time.Duration
						limit    string
						violated []string
						retry    string
					}{
						{0, `"api-second";r=1;t=1, "api-hour";r=4;t=3600, "api-day";r=5;t=86400`, nil, ""},
						{0, `"api-second";r=0;t=1, "api-hour";r=3;t=3600, "api-day";r=4;t=86400`, nil, ""},
						{0, `"api-second";r=0;t=1, "api-hour";r=3;t=3600, "api-day";r=4;t=86400`, []string{"api-second"}, "1"},
						{time.Second, `"api-second";r=1;t=1, "api-hour";r=2;t=3599, "api-day";r=3;t=86399`, nil, ""},
						{time.Second, `"api-second";r=1;t=1, "api-hour";r=1;t=3598, "api-day";r=2;t=86398`, nil, ""},
						{time.Second, `"api-second";r=1;t=1, "api-hour";r=0;t=3597, "api-day";r=1;t=86397`, nil, ""},
						{time.Second, `"api-second";r=2;t=0, "api-hour";r=0;t=3596, "api-day";r=1;t=86396`, []string{"api-hour"}, "3596"},
						{3596 * time.Second, `"api-second";r=1;t=1, "api-hour";r=4;t=3600, "api-day";r=0;t=82800`, nil, ""},
						{0, `"api-second";r=1;t=1, "api-hour";r=4;t=3600, "api-day";r=0;t=82800`, []string{"api-day"}, "82800"},
						{82800 * time.Second, `"api-second";r=1;t=1, "api-hour";r=4;t=3600, "api-day";r=1;t=1`, nil, ""},
					}
					for i, s := range steps {
						time.Sleep(s.after)
						ran := b.ran
						res := b.from(addr)
						if got := res.Header.Values("RateLimit-Policy"); !slices.Equal(got, []string{policy}) {
							t.Errorf("step %d: RateLimit-Policy %q", i, got)
						}
						if got := res.Header.Values("RateLimit"); !slices.Equal(got, []string{s.limit}) {
							t.Errorf("step %d: RateLimit %q, want %q", i, got, s.limit)
						}
						if got := res.Header.Get("Retry-After"); got != s.retry {
							t.Errorf("step %d: Retry-After %q, want %q", i, got, s.retry)
						}
						events := b.rec.Take()
						if s.violated == nil {
							if res.StatusCode != 200 || b.ran != ran+1 || len(events) != 0 {
								t.Errorf("step %d: %d, %v", i, res.StatusCode, events)
							}
							continue
						}
						text := body(t, res)
						if res.StatusCode != 429 || b.ran != ran || !slices.Equal(text.Violated, s.violated) || text.Code != "ratelimit.exceeded" {
							t.Errorf("step %d: %d %+v, want %q", i, res.StatusCode, text, s.violated)
						}
						if len(events) != 1 || events[0].Rule != "api" || events[0].Reason != "ratelimit.exceeded" {
							t.Errorf("step %d: events %+v", i, events)
						}
					}
				})
			})
		}
	}
}

// All windows that refuse are named, and the longest of their waits is told.
func TestSeveralWindowsThatRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: "1/second; 2/minute; 3/day; 3/month"})
		for i := range 3 {
			if i > 0 {
				time.Sleep(30 * time.Second)
			}
			b.from("192.0.2.1")
		}
		res := b.from("192.0.2.1")
		if got := body(t, res).Violated; !slices.Equal(got, []string{"api-second", "api-day", "api-month"}) {
			t.Errorf("violated %q", got)
		}
		if got := res.Header.Get("Retry-After"); got != "863940" { // a third of 30 days, less the minute
			t.Errorf("Retry-After %s", got)
		}
	})
}

// The older fields, and the Result of Take, show the window with the least
// remaining.
func TestTheTightestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = "3/second; 5/hour"
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate, Headers: ratelimit.Triple})
		for i, want := range [][]string{{"3", "2", "1"}, {"3", "1", "1"}, {"3", "0", "1"}, {"5", "1", "718"}, {"5", "0", "718"}} {
			if i == 3 {
				time.Sleep(2 * time.Second)
			}
			h := b.from("192.0.2.1").Header
			if got := []string{h.Get("RateLimit-Limit"), h.Get("RateLimit-Remaining"), h.Get("RateLimit-Reset")}; !slices.Equal(got, want) {
				t.Errorf("request %d: %q, want %q", i, got, want)
			}
			if got := h.Get("RateLimit-Policy"); got != "3;w=1, 5;w=3600" {
				t.Errorf("RateLimit-Policy %q", got)
			}
		}
		for i, want := range []ratelimit.Result{
			{Limit: 3, Remaining: 2, Reset: time.Second / 3},
			{Limit: 3, Remaining: 1, Reset: time.Second / 3},
			{Limit: 3, Remaining: 0, Reset: time.Second / 3},
			{Limit: 3, Remaining: 0, Reset: time.Second / 3, RetryAfter: time.Second / 3, Exceeded: true},
			{Limit: 5, Remaining: 1, Reset: 718 * time.Second},
			{Limit: 5, Remaining: 0, Reset: 718 * time.Second},
			{Limit: 5, Remaining: 0, Reset: 718 * time.Second, RetryAfter: 718 * time.Second, Exceeded: true},
		} {
			if i == 4 {
				time.Sleep(2 * time.Second)
			}
			_, got, _ := b.limit.Take(t.Context(), "alice")
			got.Reset, got.RetryAfter = got.Reset.Round(time.Millisecond), got.RetryAfter.Round(time.Millisecond)
			want.Reset, want.RetryAfter = want.Reset.Round(time.Millisecond), want.RetryAfter.Round(time.Millisecond)
			if got != want {
				t.Errorf("Take %d: %+v, want %+v", i, got, want)
			}
		}
	})
}

// A refusal by one window takes from none of the others, and a refund gives
// back to all of them.
func TestWindowsTakeAllOrNothing(t *testing.T) {
	for _, rate := range []ratelimit.Rate{
		"1/minute; 5/day", "1/minute,fixed-window; 5/day", "1/minute; 5/day,fixed-window", "1/minute,sliding-log; 5/day,fixed-window", "1/minute,fixed-window; 5/day,sliding-log",
	} {
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			synctest.Test(t, func(t *testing.T) {
				for _, store := range []ratelimit.Store{&ratelimit.MemoryStore{Max: 64}, &foreign{MemoryStore: ratelimit.MemoryStore{Max: 64}}} {
					b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate, Store: store})
					for minute := range 5 {
						if got := b.passes(20, addr); got != 1 {
							t.Errorf("%s: %d passed in minute %d", rate, got, minute)
						}
						time.Sleep(time.Minute)
					}
					if got := b.passes(20, addr); got != 0 {
						t.Errorf("%s: %d passed beyond the day", rate, got)
					}
					time.Sleep(48 * time.Hour)
				}
				b := serve(t, ratelimit.Config{Rate: rate})
				for range 20 {
					r, _, err := b.limit.TakeFor(t.Context(), netip.MustParseAddr(addr))
					if err != nil {
						t.Fatalf("%s: %v", rate, err)
					}
					r.Refund()
				}
			})
		}
	}
}

// At once, exactly as many pass as all windows have room for.
func TestWindowsAtOnce(t *testing.T) {
	for _, rate := range []ratelimit.Rate{
		"1000/hour; 30/day", "30/hour,fixed-window; 1000/day", "30/hour,sliding-log; 1000/day,fixed-window", "1000/hour,fixed-window; 30/day,sliding-log; 900/month",
	} {
		m := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate}).limit
		var ran atomic.Int64
		h := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) }))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					r, w := quietRequest("[2001:db8::1]:1")
					h.ServeHTTP(w, r)
				}
			})
		}
		wg.Wait()
		if ran.Load() != 30 {
			t.Errorf("%s: %d passed, want 30", rate, ran.Load())
		}
	}
}

// A whole /48 has 16 times each window.
func TestWindowsOfANetwork(t *testing.T) {
	for rate, calendar := range map[ratelimit.Rate]*time.Location{
		"100/hour; 2/day": nil, "100/hour; 2/day,fixed-window": nil, "2/hour,sliding-log; 100/day": nil, "2/day,fixed-window": nil, "2/day,sliding-log": nil,
		"2/day": time.UTC, "100/hour; 2/month": time.UTC,
	} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate, Calendar: calendar})
			site := networks(t, "2001:db8:1::1", 100)
			if got := passesAll(b, site); got != 32 {
				t.Errorf("%s: %d of a site passed, want 32", rate, got)
			}
			if got := b.passes(3, "2001:db8:2::1"); got != 2 {
				t.Errorf("%s: %d of another site passed", rate, got)
			}
		})
	}
}

// A limit calls its store once for each request, with the cells of all windows
// in it, and once more for a refund.
func TestWindowsAreOneCall(t *testing.T) {
	store := &foreign{}
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/second; 3/hour,fixed-window; 4/day,sliding-log; 5/month", Store: store, Count: ratelimit.Failures})
	b.status = 200
	b.from("2001:db8::1")
	if store.debits.Load() != 1 || store.refunded.Load() != 1 {
		t.Errorf("%d debits, %d refunds", store.debits.Load(), store.refunded.Load())
	}
	var last []ratelimit.Cell
	lister := &lying{ok: true}
	lister.debit = func(cells []ratelimit.Cell) { last = slices.Clone(cells) }
	b = serve(t, ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: "2/second; 3/hour,fixed-window; 4/day,sliding-log", Store: lister})
	b.from("2001:db8::1")
	var got []ratelimit.Policy
	for _, c := range last {
		got = append(got, c.Policy)
	}
	policy := func(name string, a ratelimit.Algorithm, n int64, window time.Duration) ratelimit.Policy {
		return ratelimit.Policy{Name: name, Algorithm: a, Limit: n, Window: window, Burst: n}
	}
	want := []ratelimit.Policy{
		policy("api-second", ratelimit.GCRA, 2, time.Second), policy("api-hour", ratelimit.FixedWindow, 3, time.Hour), policy("api-day", ratelimit.SlidingLog, 4, 24*time.Hour),
		policy("api-second", ratelimit.GCRA, 32, time.Second), policy("api-hour", ratelimit.FixedWindow, 48, time.Hour), policy("api-day", ratelimit.GCRA, 64, 24*time.Hour),
	}
	if !slices.EqualFunc(got, want, func(a, b ratelimit.Policy) bool {
		return a.Name == b.Name && a.Algorithm == b.Algorithm && a.Limit == b.Limit && a.Window == b.Window && a.Burst == b.Burst && a.Ends == nil
	}) {
		t.Errorf("cells of %+v, want %+v", got, want)
	}
	if string(last[0].Key) != string(last[2].Key) || string(last[3].Key) != string(last[5].Key) || string(last[0].Key) == string(last[5].Key) {
		t.Error("the windows of one client have different keys")
	}
}

// The windows of a limit have names of their own on a store.
func TestWindowsOnOneStore(t *testing.T) {
	store := &ratelimit.MemoryStore{Max: 8}
	bulwark.Must(ratelimit.New(ratelimit.Config{Name: "api", Rate: "1/second; 2/day", Store: store}))
	for _, name := range []string{"api", "api-second", "api-day"} {
		if _, err := limitOn(store, name); !slices.Equal(faulttest.Fields(err), []string{"ratelimit(" + name + ").Name"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := limitOn(store, "api-hour"); err != nil {
		t.Error(err)
	}
}

// partial is a store that counts fixed windows only.
type partial struct{ foreign }

func (*partial) Algorithms() []ratelimit.Algorithm {
	return []ratelimit.Algorithm{ratelimit.FixedWindow}
}

func (*partial) MinWindow() time.Duration { return 0 }

// slow is a partial store of long windows.
type slow struct{ partial }

func (*slow) MinWindow() time.Duration { return 23 * time.Hour }

// A rate that a store cannot count is an error of New.
func TestPartialStore(t *testing.T) {
	for rate, ok := range map[ratelimit.Rate]bool{
		"100/day,fixed-window": true, "unlimited": true, "1/minute,fixed-window; 100/day,fixed-window": true,
		"100/day": false, "10/day,sliding-log": false, "1/minute,fixed-window; 100/day": false,
	} {
		_, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: rate, Store: &partial{}})
		if ok && err != nil || !ok && !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n).Rate"}) {
			t.Errorf("%s: %v", rate, err)
		}
		if !ok && !strings.Contains(err.Error(), `write ",fixed-window"`) {
			t.Errorf("%s: %v, want advice", rate, err)
		}
	}
	_, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByPrincipal, Rate: "9/day,fixed-window", Tiers: ratelimit.Tiers{"a": "9/2h,fixed-window; 9/day,fixed-window"}, Store: &slow{}})
	if !slices.Equal(faulttest.Fields(err), []string{"ratelimit(n).Tiers[a]"}) || !strings.Contains(err.Error(), "at least 23h0m0s") {
		t.Errorf("a window below that of the store: %v", err)
	}
	tokyo := bulwark.Must(time.LoadLocation("Asia/Tokyo"))
	if _, err := ratelimit.New(ratelimit.Config{Name: "n", Key: ratelimit.ByIP, Rate: "9/day", Calendar: tokyo, Store: &slow{}}); err != nil {
		t.Error(err)
	}
}

// What has room in some windows only costs no more than the least of them
// allows at once.
func TestCostOfSeveralWindows(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "10/second; 3/day,fixed-window", Cost: func(*http.Request) int { return 4 }})
	b.refused(t, b.from("192.0.2.1"), 0, 400, "ratelimit.cost", bulwark.InputValidationFail)
}

// Several windows in memory cost no allocation beyond those of one, up to two
// windows of an IPv6 address or four of another key; and one beyond that.
func TestWindowAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	paris := bulwark.Must(time.LoadLocation("Europe/Paris"))
	for name, test := range map[string]struct {
		rate  ratelimit.Rate
		addr  string
		place *time.Location
		most  float64
	}{
		"fixed":       {"1000000000/day,fixed-window", "[2001:db8::1]:1", nil, 2},
		"calendar":    {"1000000000/day", "[2001:db8::1]:1", paris, 2},
		"log":         {"64/second,sliding-log", "192.0.2.1:1", nil, 2},
		"two":         {"1000000/second,burst=1000000000; 1000000000/day,fixed-window", "[2001:db8::1]:1", nil, 2},
		"two_with_it": {"1000000/second,burst=1000000000; 1000000000/day", "192.0.2.1:1", paris, 2},
		"four":        {"1000000/second,burst=1000000000; 900000000/day,fixed-window; 900000000/2h,fixed-window; 900000000/3h,fixed-window", "192.0.2.1:1", nil, 3},
	} {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: test.rate, Calendar: test.place})
		h := b.limit.Wrap(b.spy)
		r, w := quietRequest(test.addr)
		r, _ = bulwark.Enter(r)
		got := testing.AllocsPerRun(60, func() { // all of which pass
			clear(w.h)
			h.ServeHTTP(w, r)
		})
		if got > test.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.most)
		}
	}
}
