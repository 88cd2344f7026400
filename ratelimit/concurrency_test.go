package ratelimit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"runtime"
	"slices"
	"strconv"
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

// A hall is a limit of concurrency around a handler that runs until it is told
// to end.
type hall struct {
	t       *testing.T
	limit   *ratelimit.ConcurrencyLimit
	rec     *bulwarktest.Recorder
	handler http.Handler

	mu      sync.Mutex
	running map[string]chan struct{} // by the name of the request
	order   []string                 // in which they were let in
	ended   map[string]*visit
}

// A visit is what became of a request.
type visit struct {
	*httptest.ResponseRecorder
	took time.Duration
}

func open(t *testing.T, c ratelimit.Concurrency, layers ...func(http.Handler) http.Handler) *hall {
	t.Helper()
	if c.Name == "" {
		c.Name = "hall"
	}
	l, err := ratelimit.NewConcurrency(c)
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, limit: l, rec: &bulwarktest.Recorder{}, running: map[string]chan struct{}{}, ended: map[string]*visit{}}
	h.handler = l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		end, name := make(chan struct{}), r.Header.Get("Name")
		h.mu.Lock()
		h.running[name] = end
		h.order = append(h.order, name)
		h.mu.Unlock()
		<-end
	}))
	for _, layer := range layers {
		h.handler = layer(h.handler)
	}
	h.handler = h.rec.Wrap(h.handler)
	return h
}

// send sends a request and waits until it runs, waits or has its answer.
func (h *hall) send(name string, change ...func(*http.Request)) {
	h.t.Helper()
	r := httptest.NewRequest("GET", "/x", nil)
	r.Header.Set("Name", name)
	for _, c := range change {
		c(r)
	}
	go func() {
		v, begin := &visit{ResponseRecorder: httptest.NewRecorder()}, time.Now()
		defer func() {
			if recover() == nil && r.Header.Get("Panic") != "" {
				h.t.Error("the panic was lost")
			}
			v.took = time.Since(begin)
			h.mu.Lock()
			h.ended[name] = v
			h.mu.Unlock()
		}()
		h.handler.ServeHTTP(v, r)
	}()
	synctest.Wait()
}

// end ends running requests, one after the other.
func (h *hall) end(names ...string) {
	h.t.Helper()
	for _, name := range names {
		h.mu.Lock()
		end, runs := h.running[name]
		delete(h.running, name)
		h.mu.Unlock()
		if !runs {
			h.t.Fatalf("%s does not run", name)
		}
		close(end)
		synctest.Wait()
	}
}

// endAll ends everything that runs and waits, and sees that nothing is left.
func (h *hall) endAll() {
	h.t.Helper()
	for {
		h.mu.Lock()
		var names []string
		for name := range h.running {
			names = append(names, name)
		}
		h.mu.Unlock()
		if len(names) == 0 {
			break
		}
		h.end(names...)
	}
	h.is(0, 0)
	if n := ratelimit.GateKeys(h.limit); n != 0 {
		h.t.Errorf("%d keys are left", n)
	}
}

// is asserts how many requests run and wait.
func (h *hall) is(running, waiting int) {
	h.t.Helper()
	if r, w := h.limit.Load(); r != running || w != waiting {
		h.t.Errorf("%d run and %d wait, want %d and %d", r, w, running, waiting)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.running) != running {
		h.t.Errorf("the handler runs %d times, want %d", len(h.running), running)
	}
}

// status is the answer to a request, and 0 while there is none.
func (h *hall) status(name string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.ended[name]; v != nil {
		return v.Code
	}
	return 0
}

func (h *hall) statuses(want int, names ...string) {
	h.t.Helper()
	for _, name := range names {
		if got := h.status(name); got != want {
			h.t.Errorf("%s: status %d, want %d", name, got, want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 2, MaxQueue: 2, MaxWait: time.Second})
		for i, name := range []string{"a", "b", "c", "d"} {
			h.send(name)
			h.is(min(i+1, 2), max(0, i-1))
		}
		h.send("e")
		h.is(2, 2)
		h.statuses(503, "e")
		if took := h.ended["e"].took; took != 0 {
			t.Errorf("a request without a place waited %v", took)
		}
		h.end("b")
		h.is(2, 1)
		h.end("a")
		h.is(2, 0)
		h.end("c", "d")
		h.statuses(200, "a", "b", "c", "d")
		if got := fmt.Sprint(h.order); got != "[a b c d]" {
			t.Errorf("let in in the order %s", got)
		}
		h.endAll()
		if h.limit.Shed() != 1 {
			t.Errorf("%d shed", h.limit.Shed())
		}
	})
}

func TestConcurrencyWaitsNoLongerThanMaxWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 1, MaxQueue: 5, MaxWait: 300 * time.Millisecond})
		h.send("a")
		h.send("b")
		time.Sleep(200 * time.Millisecond)
		h.send("c")
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		h.statuses(503, "b")
		h.is(1, 1)
		time.Sleep(199 * time.Millisecond)
		h.end("a")
		h.is(1, 0)
		h.endAll()
		if b, c := h.ended["b"].took, h.ended["c"].took; b != 300*time.Millisecond || c != 299*time.Millisecond {
			t.Errorf("b waited %v and c %v", b, c)
		}
	})
}

// While the queue is never empty, the newest is let in first, and takes the
// place of the oldest.
func TestConcurrencyTurnsAroundInAnOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 1, MaxQueue: 3, MaxWait: time.Second})
		h.send("a")
		h.send("b")
		time.Sleep(600 * time.Millisecond)
		h.send("c")
		time.Sleep(300 * time.Millisecond)
		h.send("d")
		h.send("refused")
		h.statuses(503, "refused")
		h.end("a") // not a standing queue yet
		if got := fmt.Sprint(h.order); got != "[a b]" {
			t.Errorf("let in in the order %s", got)
		}
		time.Sleep(101 * time.Millisecond) // somebody has been waiting for 1.001 s
		h.send("e")
		h.send("f")
		h.is(1, 3)
		h.statuses(503, "c")
		h.end("b", "f", "e", "d")
		if got := fmt.Sprint(h.order); got != "[a b f e d]" {
			t.Errorf("let in in the order %s", got)
		}
		// The queue was empty: it begins again in order.
		h.send("g")
		h.send("h")
		h.send("i")
		h.end("g", "h")
		if got := fmt.Sprint(h.order); got != "[a b f e d g h i]" {
			t.Errorf("let in in the order %s", got)
		}
		h.endAll()
	})
}

// The answer and the event of a request for which the service has no time.
func TestConcurrencyRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Name: "service", Max: 1, MaxQueue: 1, Key: ratelimit.ByIP, MaxPerKey: 1, RetryAfter: 20 * time.Second})
		from := func(addr string) func(*http.Request) {
			return func(r *http.Request) { r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 1).String() }
		}
		h.send("a", from("192.0.2.1"))
		h.send("b", from("192.0.2.2"))
		h.send("other", from("192.0.2.3"))
		h.send("same", from("192.0.2.1"))
		for name, want := range map[string]struct {
			status       int
			code, kind   string
			title        string
			event        bulwark.EventName
			events, shed int
		}{
			"other": {503, "ratelimit.overloaded", "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
				"Request cannot be satisfied due to temporary server capacity constraints", bulwark.SysUnavailable, 1, 1},
			"same": {429, "ratelimit.concurrent", "https://iana.org/assignments/http-problem-types#quota-exceeded",
				"Request cannot be satisfied as assigned quota has been exceeded", bulwark.ExcessRateLimitExceeded, 1, 1},
		} {
			v := h.ended[name]
			if v == nil {
				t.Fatalf("%s has no answer", name)
			}
			var a answer
			if err := json.Unmarshal(v.Body.Bytes(), &a); err != nil {
				t.Fatal(err)
			}
			if v.Code != want.status || a.Status != want.status || a.Code != want.code || a.Type != want.kind || a.Title != want.title || fmt.Sprint(a.Violated) != "[service]" {
				t.Errorf("%s: %d %+v", name, v.Code, a)
			}
			head := v.Header()
			if head.Get("Content-Type") != "application/problem+json" || head.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %v", name, head)
			}
			if after, err := strconv.Atoi(head.Get("Retry-After")); err != nil || after < 20 || after > 40 {
				t.Errorf("%s: Retry-After %q", name, head.Get("Retry-After"))
			}
			told := slices.DeleteFunc(h.rec.Events(), func(e bulwark.Event) bool { return e.Reason != want.code })
			if len(told) != 1 || told[0].Name != want.event || told[0].Rule != "service" || told[0].Status != want.status || told[0].Level == nil || told[0].Level.Level() != slog.LevelWarn {
				t.Errorf("%s: events %+v", name, told)
			}
		}
		if h.limit.Shed() != 2 || len(h.rec.Events()) != 2 {
			t.Errorf("%d shed, %d events", h.limit.Shed(), len(h.rec.Events()))
		}
		h.endAll()
	})
}

// Clients that are refused at once are told different times.
func TestConcurrencyRetryAfterDiffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 1, MaxQueue: 1, RetryAfter: 10 * time.Second})
		h.send("a")
		h.send("b")
		seen := map[string]bool{}
		for i := range 200 {
			name := fmt.Sprint(i)
			h.send(name)
			seen[h.ended[name].Header().Get("Retry-After")] = true
		}
		if len(seen) < 8 || len(seen) > 11 {
			t.Errorf("times %v, want most of 10 to 20", seen)
		}
		h.endAll()
	})
}

// A client that leaves gives its place in the queue back at once. That is not an
// event, and it was not shed.
func TestConcurrencyClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 1, MaxQueue: 3})
		ctx, leave := context.WithCancel(t.Context())
		late, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer end()
		with := func(ctx context.Context) func(*http.Request) {
			return func(r *http.Request) { *r = *r.WithContext(ctx) }
		}
		h.send("a")
		h.send("b", with(ctx))
		h.send("c", with(late))
		h.send("d")
		h.is(1, 3)
		leave()
		synctest.Wait()
		h.is(1, 2)
		h.statuses(499, "b")
		if events := h.rec.Take(); len(events) != 0 || h.limit.Shed() != 0 {
			t.Errorf("%d shed, events %+v", h.limit.Shed(), events)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		h.is(1, 1)
		h.statuses(503, "c") // the deadline of a layer outside, not the client
		h.end("a")
		if got := fmt.Sprint(h.order); got != "[a d]" {
			t.Errorf("let in in the order %s", got)
		}
		h.endAll()
	})
}

// Whatever a handler does, its place comes back.
func TestConcurrencyPlaceComesBack(t *testing.T) {
	for name, end := range map[string]func(){
		"returns": func() {},
		"panics":  func() { panic("no") },
		"aborts":  func() { panic(http.ErrAbortHandler) },
		"goexit":  runtime.Goexit,
	} {
		for _, upgrades := range []bool{false, true} {
			t.Run(fmt.Sprint(name, upgrades), func(t *testing.T) {
				l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{
					Name: "n", Max: 2, Key: ratelimit.ByIP, MaxPerKey: 1, ReleaseUpgrades: upgrades, Timeout: time.Minute}))
				h := l.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					if running, _ := l.Load(); running != 1 {
						t.Errorf("%d run", running)
					}
					end()
				}))
				for range 5 {
					var wg sync.WaitGroup
					wg.Add(1)
					go func() {
						defer wg.Done()
						defer func() { recover() }()
						h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
					}()
					wg.Wait()
				}
				if running, waiting := l.Load(); running != 0 || waiting != 0 || ratelimit.GateKeys(l) != 0 || l.Shed() != 0 {
					t.Errorf("%d run, %d wait, %d keys, %d shed", running, waiting, ratelimit.GateKeys(l), l.Shed())
				}
			})
		}
	}
}

// One caller has a part of the places, and does not stand in the way of others.
func TestConcurrencyPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		as := func(name string) func(*http.Request) {
			return caller(&bulwark.Principal{Issuer: "i", Subject: name})
		}
		h := open(t, ratelimit.Concurrency{Max: 4, MaxQueue: 4, Key: ratelimit.ByPrincipal, MaxPerKey: 2, AuthOutside: true})
		h.send("m1", as("mallory"))
		h.send("m2", as("mallory"))
		h.is(2, 0)
		h.send("m3", as("mallory"))
		h.send("m4", as("mallory"))
		h.is(2, 2)
		h.send("m5", as("mallory"))
		h.statuses(429, "m5")
		h.send("a1", as("alice"))
		h.send("b1", as("bob"))
		h.is(4, 2)
		h.send("a2", as("alice")) // waits for a place, behind mallory
		h.is(4, 3)
		h.end("b1") // has no key that mallory waits for
		h.is(4, 2)
		if got := h.order[len(h.order)-1]; got != "a2" {
			t.Errorf("%s was let in, want a2: mallory has its two", got)
		}
		h.end("m2")
		h.is(4, 1)
		if got := h.order[len(h.order)-1]; got != "m3" {
			t.Errorf("%s was let in, want m3", got)
		}
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		h.statuses(429, "m4") // it was mallory that had no place, and not the service
		h.endAll()
	})
}

// A site has 16 times as many places as one of its networks.
func TestConcurrencyPerSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 100, MaxWait: time.Millisecond, Key: ratelimit.ByIP, MaxPerKey: 2})
		for i, addr := range networks(t, "2001:db8:1::1", 20) {
			for j := range 3 {
				h.send(fmt.Sprint(i, "-", j), func(r *http.Request) { r.RemoteAddr = netip.AddrPortFrom(addr, 1).String() })
			}
		}
		time.Sleep(time.Second)
		synctest.Wait()
		h.is(32, 0)
		h.send("elsewhere", func(r *http.Request) { r.RemoteAddr = "[2001:db8:2::1]:1" })
		h.is(33, 0)
		if n := ratelimit.GateKeys(h.limit); n != 16+1+2 {
			t.Errorf("%d keys are known", n)
		}
		h.endAll()
	})
}

func TestConcurrencyKeysThatAreMissing(t *testing.T) {
	for name, test := range map[string]struct {
		key    ratelimit.Key
		layers []func(http.Handler) http.Handler
		addr   string
		status int
		code   string
	}{
		"no_auth":       {ratelimit.ByPrincipal, nil, "192.0.2.1:1", 500, "ratelimit.unconfigured"},
		"no_subject":    {ratelimit.ByPrincipal, []func(http.Handler) http.Handler{as(&bulwark.Principal{Issuer: "i"})}, "192.0.2.1:1", 400, "ratelimit.key"},
		"anonymous":     {ratelimit.ByPrincipal, []func(http.Handler) http.Handler{as(nil)}, "192.0.2.1:1", 204, ""},
		"anonymous_who": {ratelimit.ByPrincipal, []func(http.Handler) http.Handler{as(nil)}, "@", 400, "ratelimit.client_address"},
		"no_address":    {ratelimit.ByIP, nil, "@", 400, "ratelimit.client_address"},
		"empty":         {ratelimit.KeyFunc(func(*http.Request) string { return "" }), nil, "192.0.2.1:1", 400, "ratelimit.key"},
	} {
		l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "n", Max: 2, Key: test.key, MaxPerKey: 1}))
		h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
		for _, layer := range test.layers {
			h = layer(h)
		}
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.RemoteAddr = test.addr
		h.ServeHTTP(w, r)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.code) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if running, _ := l.Load(); running != 0 || ratelimit.GateKeys(l) != 0 || l.Shed() != 0 {
			t.Errorf("%s: %d run", name, running)
		}
	}
}

// Exactly the health checks pass a full service.
func TestConcurrencyHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var healthy atomic.Int64
		l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "n", Max: 1, MaxQueue: 1, MaxWait: time.Millisecond, HealthPaths: []string{"/health", "/a%20b"}}))
		release := make(chan struct{})
		h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-release
				return
			}
			healthy.Add(1)
		}))
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/slow", nil))
		synctest.Wait()
		for _, test := range []struct {
			method, target string
			passes         bool
		}{
			{"GET", "/health", true}, {"HEAD", "/health", true}, {"GET", "/health?x=1", true}, {"GET", "http://example.com/health", true}, {"GET", "/a%20b", true},
			{"POST", "/health", false}, {"OPTIONS", "/health", false}, {"GET", "/health/", false}, {"GET", "//health", false}, {"GET", "/Health", false},
			{"GET", "/%68ealth", false}, {"GET", "/health;x", false}, {"GET", "/x/../health", false}, {"GET", "/healthy", false}, {"GET", "/heal", false},
		} {
			before, w := healthy.Load(), httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(test.method, test.target, nil))
			if passed := healthy.Load() > before; passed != test.passes || passed != (w.Code == 200) {
				t.Errorf("%s %s: passed %v with %d", test.method, test.target, passed, w.Code)
			}
		}
		close(release)
		synctest.Wait()
	})
}

func TestConcurrencyFaults(t *testing.T) {
	const path = "ratelimit.Concurrency(n)."
	for name, test := range map[string]struct {
		c    ratelimit.Concurrency
		want []string
	}{
		"zero":          {ratelimit.Concurrency{}, []string{"ratelimit.Concurrency.Name: must have 1 to 64", "ratelimit.Concurrency.Max: 0: must be 1 to 1000000"}},
		"max":           {ratelimit.Concurrency{Name: "n", Max: 1_000_001}, []string{path + "Max: 1000001: must be"}},
		"negative":      {ratelimit.Concurrency{Name: "n", Max: -1}, []string{path + "Max: -1: must be"}},
		"queue":         {ratelimit.Concurrency{Name: "n", Max: 1, MaxQueue: -1}, []string{path + "MaxQueue: -1: must be 1 to 1000000, or 0 for the default of 1"}},
		"wait":          {ratelimit.Concurrency{Name: "n", Max: 1, MaxWait: time.Hour}, []string{path + "MaxWait: 1h0m0s: must be 1ms to 30s"}},
		"retry":         {ratelimit.Concurrency{Name: "n", Max: 1, RetryAfter: 1}, []string{path + "RetryAfter: 1ns: must be 1s to 1h0m0s"}},
		"timeout":       {ratelimit.Concurrency{Name: "n", Max: 1, Timeout: -1}, []string{path + "Timeout: -1ns: must be 10ms to 1h0m0s"}},
		"no_key":        {ratelimit.Concurrency{Name: "n", Max: 1, MaxPerKey: 1, AuthOutside: true}, []string{path + "MaxPerKey: 1: needs a Key", path + "AuthOutside: true: needs a Key"}},
		"no_per_key":    {ratelimit.Concurrency{Name: "n", Max: 5, Key: ratelimit.ByIP}, []string{path + "MaxPerKey: 0: must be 1 to Max"}},
		"more_than_max": {ratelimit.Concurrency{Name: "n", Max: 5, Key: ratelimit.ByIP, MaxPerKey: 6}, []string{path + "MaxPerKey: 6: must be 1 to Max"}},
		"key":           {ratelimit.Concurrency{Name: "n", Max: 5, Key: ratelimit.ByHeader("X-Forwarded-For"), MaxPerKey: 1}, []string{path + "Key: must not read X-Forwarded-For"}},
		"auth_outside":  {ratelimit.Concurrency{Name: "n", Max: 5, Key: ratelimit.ByIP, MaxPerKey: 1, AuthOutside: true}, []string{path + "AuthOutside: true: needs a Key with ByPrincipal"}},
		"health":        {ratelimit.Concurrency{Name: "n", Max: 5, HealthPaths: []string{"/health", "health", "/a b", ""}}, []string{path + "HealthPaths[1]: health: is not", path + "HealthPaths[2]: /a b: is not", path + "HealthPaths[3]: is not"}},
	} {
		layer, err := test.c.Build()
		if layer != nil || err == nil {
			t.Errorf("%s: %v, %v", name, layer, err)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		for i, line := range lines {
			if i >= len(test.want) || !strings.HasPrefix(line, test.want[i]) {
				t.Errorf("%s: %s", name, line)
			}
		}
		if len(lines) != len(test.want) {
			t.Errorf("%s: %d errors, want %d", name, len(lines), len(test.want))
		}
	}
}

func TestConcurrencyUnmade(t *testing.T) {
	for name, l := range map[string]*ratelimit.ConcurrencyLimit{"nil": nil, "zero": {}} {
		w := httptest.NewRecorder()
		l.Wrap(&spy{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 500 || !strings.Contains(w.Body.String(), "ratelimit.unconfigured") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		running, waiting := l.Load()
		if layer, err := l.Build(); layer != nil || err == nil || running+waiting != 0 || l.Shed() != 0 || l.LimitName() != "" || l.AuthOutside() || l.Kind() != bulwark.KindRateLimit {
			t.Errorf("%s: %v, %v", name, layer, err)
		}
	}
}

// In a chain it stands where limits stand.
func TestConcurrencyInAChain(t *testing.T) {
	global := ratelimit.Concurrency{Name: "service", Max: 10}
	perCaller := ratelimit.Concurrency{Name: "caller", Max: 10, Key: ratelimit.ByPrincipal, MaxPerKey: 2}
	outside := perCaller
	outside.AuthOutside = true
	for name, test := range map[string]struct {
		parts []bulwark.Builder
		want  string
	}{
		"global":  {[]bulwark.Builder{bulwark.Edge{Hosts: []string{"example.com"}}, ratelimit.Config{Name: "a", Key: ratelimit.ByIP, Rate: "1/hour"}, global}, ""},
		"edge":    {[]bulwark.Builder{global, bulwark.Edge{Hosts: []string{"example.com"}}}, "put Edge just inside audit"},
		"caller":  {[]bulwark.Builder{perCaller}, "ratelimit(caller): counts by principal, and no auth layer"},
		"outside": {[]bulwark.Builder{outside}, ""},
	} {
		_, err := bulwark.Chain(test.parts...)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	l := bulwark.Must(ratelimit.NewConcurrency(outside))
	if l.Kind() != bulwark.KindPrincipalLimit || !l.AuthOutside() || l.LimitName() != "caller" {
		t.Errorf("%s %v %s", l.Kind(), l.AuthOutside(), l.LimitName())
	}
	if same, err := l.Build(); same != bulwark.Layer(l) || err != nil {
		t.Errorf("Build: %v, %v", same, err)
	}
}

// One request that passes costs at most one allocation.
func TestConcurrencyAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for name, c := range map[string]ratelimit.Concurrency{
		"global":    {Max: 10, HealthPaths: []string{"/health"}},
		"ip":        {Max: 10, Key: ratelimit.ByIP, MaxPerKey: 2},
		"principal": {Max: 10, Key: ratelimit.ByPrincipal, MaxPerKey: 2},
	} {
		c.Name = "n"
		l := bulwark.Must(ratelimit.NewConcurrency(c))
		next := &spy{}
		h := l.Wrap(next)
		r, w := quietRequest("[2001:db8::1]:1")
		r.URL = &url.URL{Path: "/x"}
		r, _ = bulwark.Identify(r, principal)
		if got := testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) }); got > 1 || next.ran != 1001 {
			t.Errorf("%s: %v allocations, %d ran", name, got, next.ran)
		}
	}
}

// Many requests of many keys come, leave and give up at once. The bounds hold
// at every moment, and nothing is left.
func TestConcurrencyAtOnce(t *testing.T) {
	l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "n", Max: 4, MaxQueue: 3, MaxWait: time.Millisecond, Key: byTenantField, MaxPerKey: 2}))
	var all atomic.Int64
	var each [5]atomic.Int64
	h := l.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, _ := strconv.Atoi(r.Header.Get("X-Tenant"))
		if n := all.Add(1); n > 4 {
			t.Errorf("%d run", n)
		}
		if n := each[tenant].Add(1); n > 2 {
			t.Errorf("%d of one key run", n)
		}
		runtime.Gosched()
		each[tenant].Add(-1)
		all.Add(-1)
		w.WriteHeader(204)
	}))
	var served, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 400 {
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("X-Tenant", fmt.Sprint((i+j)%5))
				ctx, cancel := context.WithCancel(t.Context())
				if j%7 == 0 {
					time.AfterFunc(time.Microsecond, cancel)
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r.WithContext(ctx))
				cancel()
				switch w.Code {
				case 204:
					served.Add(1)
				case 429, 499, 503:
					refused.Add(1)
				default:
					t.Errorf("status %d", w.Code)
				}
			}
		})
	}
	wg.Wait()
	running, waiting := l.Load()
	if running != 0 || waiting != 0 || ratelimit.GateKeys(l) != 0 || served.Load()+refused.Load() != 16*400 || served.Load() == 0 {
		t.Errorf("%d run, %d wait, %d keys, %d served, %d refused", running, waiting, ratelimit.GateKeys(l), served.Load(), refused.Load())
	}
}

// A flood of made-up keys leaves nothing behind.
func TestConcurrencyForgetsKeys(t *testing.T) {
	l := bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{Name: "n", Max: 4, Key: byTenantField, MaxPerKey: 2}))
	h := l.Wrap(&spy{})
	r, w := quietRequest("192.0.2.1:1")
	flood := func(from, until int) {
		for i := from; i < until; i++ {
			r.Header["X-Tenant"] = []string{strconv.Itoa(i)}
			h.ServeHTTP(w, r)
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	flood(0, 1000)
	before := heap()
	flood(1000, 200_000)
	if after := heap(); after > before+64<<10 {
		t.Errorf("the heap grew from %d to %d bytes", before, after)
	}
	if n := ratelimit.GateKeys(l); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}
