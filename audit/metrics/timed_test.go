package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit/metrics"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// nothing is a layer that does nothing.
var nothing = bulwark.LayerFunc(func(next http.Handler) http.Handler { return next })

// slow is a layer that takes its time before and after next.
func slow(before, after time.Duration) bulwark.LayerFunc {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(before)
			next.ServeHTTP(w, r)
			time.Sleep(after)
		})
	}
}

// took returns the number and the sum of the times of a layer.
func took(t *testing.T, registry *prometheus.Registry, layer string) (n uint64, sum time.Duration) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == "layer_duration_seconds" && m.Label[0].GetValue() == layer {
				return m.GetHistogram().GetSampleCount(), time.Duration(m.GetHistogram().GetSampleSum()*1e9 + 0.5).Round(time.Microsecond)
			}
		}
	}
	t.Errorf("no series of the layer %s", layer)
	return 0, 0
}

func get(h http.Handler) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w
}

const (
	ms       = time.Millisecond
	anything = -2 // a time that is not promised
)

// Each layer has its own time: without the layers and the handler inside it.
func TestOwnTime(t *testing.T) {
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(1000 * ms) })
	for _, test := range []struct {
		name  string
		outer bulwark.LayerFunc
		inner bulwark.LayerFunc
		want  [2]time.Duration
	}{
		{"around", slow(2*ms, 3*ms), slow(5*ms, 7*ms), [2]time.Duration{5 * ms, 12 * ms}},
		{"refuses", func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(4 * ms) })
		}, slow(5*ms, 7*ms), [2]time.Duration{4 * ms, -1}},
		{"calls-twice", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				time.Sleep(ms)
				next.ServeHTTP(w, r)
			})
		}, slow(5*ms, 0), [2]time.Duration{ms, 10 * ms}},
		{"calls-in-parallel", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var group sync.WaitGroup
				for range 2 {
					group.Go(func() { next.ServeHTTP(w, r) })
				}
				group.Wait()
			})
		}, slow(5*ms, 0), [2]time.Duration{0, anything}},
		{"another-goroutine", func(next http.Handler) http.Handler { return http.TimeoutHandler(next, time.Hour, "late") },
			slow(5*ms, 0), [2]time.Duration{0, 5 * ms}},
		{"timeout", func(next http.Handler) http.Handler { return http.TimeoutHandler(next, 100*ms, "late") },
			slow(5*ms, 0), [2]time.Duration{0, 5 * ms}},
		{"strips-a-prefix", func(next http.Handler) http.Handler { return http.StripPrefix("", next) }, slow(5*ms, 0), [2]time.Duration{0, 5 * ms}},
		{"panics", func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { _ = recover() }()
				next.ServeHTTP(w, r)
			})
		}, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(9 * ms); panic("boom") })
		}, [2]time.Duration{0, 9 * ms}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				collector, registry := made(t, metrics.Config{})
				stack, err := bulwark.Chain(collector.Timed("outer", test.outer), nothing, collector.Timed("inner", test.inner))
				if err != nil {
					t.Fatal(err)
				}
				wants(t, registry, map[string]float64{`layer_duration_seconds{layer="outer"}`: 0, `layer_duration_seconds{layer="inner"}`: 0})
				get(stack.Wrap(handler))
				time.Sleep(time.Minute) // until the handler of the timeout has ended
				for i, layer := range []string{"outer", "inner"} {
					n, sum := took(t, registry, layer)
					if test.want[i] == anything {
						continue
					}
					if test.want[i] < 0 {
						if n != 0 {
							t.Errorf("%s: %d times", layer, n)
						}
						continue
					}
					if n == 0 || sum != test.want[i] {
						t.Errorf("%s: %d times, %v, want %v", layer, n, sum, test.want[i])
					}
				}
			})
		})
	}
}

// A handler that begins after the layer around it has ended disturbs no other
// clock.
func TestLateHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		collector, registry := made(t, metrics.Config{})
		later := bulwark.LayerFunc(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				go func() {
					time.Sleep(10 * ms)
					next.ServeHTTP(w, r)
				}()
			})
		})
		stack, err := bulwark.Chain(collector.Timed("outer", slow(0, 100*ms)), collector.Timed("later", later), collector.Timed("inner", slow(3*ms, 0)))
		if err != nil {
			t.Fatal(err)
		}
		get(stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(50 * ms) })))
		time.Sleep(time.Minute)
		for layer, want := range map[string]time.Duration{"outer": 100 * ms, "later": 0, "inner": 3 * ms} {
			if n, sum := took(t, registry, layer); n != 1 || sum != want {
				t.Errorf("%s: %d times, %v, want %v", layer, n, sum, want)
			}
		}
	})
}

// A full has every ability of a layer.
type full struct {
	kind    bulwark.Kind
	outside bool
	name    string
	closed  *error
}

func (f full) Build() (bulwark.Layer, error)       { return f, nil }
func (f full) Wrap(next http.Handler) http.Handler { return next }
func (f full) Kind() bulwark.Kind                  { return f.kind }
func (f full) AuthOutside() bool                   { return f.outside }
func (f full) LimitName() string                   { return f.name }
func (f full) Shutdown(context.Context) error      { return *f.closed }

func TestAbilitiesAreForwarded(t *testing.T) {
	closed := errors.New("closed")
	collector, _ := made(t, metrics.Config{})
	for _, test := range []struct {
		name    string
		inner   bulwark.Builder
		kind    bulwark.Kind
		outside bool
		limit   string
		closed  error
	}{
		{"nothing", nothing, "", false, "", nil},
		{"audit", full{kind: bulwark.KindAudit, closed: &closed}, bulwark.KindAudit, false, "", closed},
		{"auth", full{kind: bulwark.KindAuth, closed: &closed}, bulwark.KindAuth, false, "", closed},
		{"limit", full{kind: bulwark.KindPrincipalLimit, outside: true, name: "caller", closed: &closed}, bulwark.KindPrincipalLimit, true, "caller", closed},
		{"limit-inside-auth", full{kind: bulwark.KindPrincipalLimit, name: "caller", closed: &closed}, bulwark.KindPrincipalLimit, false, "caller", closed},
		{"config", ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "5/minute"}, bulwark.KindRateLimit, false, "address", nil},
		{"stack", bulwark.Must(bulwark.Chain(full{kind: bulwark.KindRateLimit, closed: &closed}, full{kind: bulwark.KindRateLimit, closed: &closed})),
			bulwark.KindRateLimit, false, "", closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			layer, err := collector.Timed("layer", test.inner).Build()
			if err != nil {
				t.Fatal(err)
			}
			if kind := layer.(bulwark.Kinded).Kind(); kind != test.kind {
				t.Errorf("kind %q, want %q", kind, test.kind)
			}
			if outside := layer.(interface{ AuthOutside() bool }).AuthOutside(); outside != test.outside {
				t.Errorf("AuthOutside %v", outside)
			}
			if name := layer.(interface{ LimitName() string }).LimitName(); name != test.limit {
				t.Errorf("LimitName %q", name)
			}
			if err := layer.(bulwark.Shutdowner).Shutdown(t.Context()); !errors.Is(err, test.closed) {
				t.Errorf("Shutdown: %v", err)
			}
			if again, err := layer.Build(); err != nil || again != layer && test.name != "nothing" {
				t.Errorf("Build of the layer: %v, %v", again, err)
			}
		})
	}
}

// The order of a chain is checked as without the clock.
func TestOrderIsChecked(t *testing.T) {
	collector, _ := made(t, metrics.Config{})
	limit := collector.Timed("limit", ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "5/minute"})
	caller := collector.Timed("caller", ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "5/minute", Anonymous: "unlimited"})
	ours := func(kind bulwark.Kind) bulwark.Builder {
		return collector.Timed(string(kind), full{kind: kind, closed: new(error)})
	}
	for _, test := range []struct {
		name  string
		parts []bulwark.Builder
		want  string
	}{
		{"right", []bulwark.Builder{ours(bulwark.KindAudit), ours(bulwark.KindEdge), ours(bulwark.KindCORS), limit, ours(bulwark.KindAuth), caller, ours(bulwark.KindSanitize), ours(bulwark.KindValidate)}, ""},
		{"cors-inside-a-limit", []bulwark.Builder{limit, ours(bulwark.KindCORS)}, "put cors outside each limit"},
		{"audit-inside", []bulwark.Builder{ours(bulwark.KindAuth), ours(bulwark.KindAudit)}, "put audit outside"},
		{"no-auth", []bulwark.Builder{caller}, "ratelimit(caller)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := bulwark.Chain(test.parts...)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// wrongly has a method that nobody would call.
type wrongly struct{ bulwark.LayerFunc }

func (w wrongly) Build() (bulwark.Layer, error) { return w, nil }
func (wrongly) Shutdown()                       {}

func TestTimedErrors(t *testing.T) {
	var none *ratelimit.Middleware
	mixed := bulwark.Must(bulwark.Chain(nothing, full{kind: bulwark.KindCORS, closed: new(error)}))
	for _, test := range []struct {
		name   string
		layer  string
		part   bulwark.Builder
		fields []string
		reason string
	}{
		{"no-name", "", nothing, []string{"metrics.Timed.name"}, "1 to 64 characters"},
		{"hostile-name", "a\nb", nothing, []string{"metrics.Timed.name"}, "1 to 64 characters"},
		{"nil", "auth", nil, []string{"metrics.Timed(auth).part"}, "is nil"},
		{"nil-inside", "auth", none, []string{"metrics.Timed(auth).part"}, "is nil"},
		{"config-with-mistakes", "limit", ratelimit.Config{Name: "x", Key: ratelimit.ByIP, Rate: "often"}, []string{"ratelimit(x).Rate"}, ""},
		{"both", "", ratelimit.Config{Name: "x", Key: ratelimit.ByIP, Rate: "often"}, []string{"metrics.Timed.name", "ratelimit(x).Rate"}, ""},
		{"mixed-stack", "both", mixed, []string{"metrics.Timed(both).part"}, "one by one"},
		{"lost-ability", "auth", wrongly{nothing}, []string{"metrics.Timed(auth).part"}, "Shutdown(context.Context) error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			collector, registry := made(t, metrics.Config{})
			layer, err := collector.Timed(test.layer, test.part).Build()
			if layer != nil || !slices.Equal(faulttest.Sorted(err), test.fields) || !strings.Contains(fmt.Sprint(err), test.reason) {
				t.Errorf("%v, %v, want faults of %q", layer, err, test.fields)
			}
			for name := range series(t, registry) {
				if strings.HasPrefix(name, "layer_") {
					t.Errorf("there is %s", name)
				}
			}
		})
	}
}

// Names are series, so that their number is bounded.
func TestAtMost32Layers(t *testing.T) {
	collector, registry := made(t, metrics.Config{})
	for i := range 40 {
		_, err := collector.Timed(fmt.Sprint("layer", i), nothing).Build()
		if (err != nil) != (i >= 32) {
			t.Errorf("layer %d: %v", i, err)
		}
		if i >= 32 && !strings.Contains(fmt.Sprint(err), "name number 33") {
			t.Errorf("layer %d: %v", i, err)
		}
	}
	if _, err := collector.Timed("layer7", nothing).Build(); err != nil {
		t.Errorf("a name that is known: %v", err)
	}
	n := 0
	for name := range series(t, registry) {
		if strings.HasPrefix(name, "layer_") {
			n++
		}
	}
	if n != 32 {
		t.Errorf("%d series", n)
	}
}

// Limits that are measured as one part decide together, as without the clock.
func TestAdjacentLimits(t *testing.T) {
	collector, _ := made(t, metrics.Config{})
	memory := new(ratelimit.MemoryStore)
	limit := func(name string, rate ratelimit.Rate) bulwark.Builder {
		return ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: rate, Store: memory}
	}
	pair := bulwark.Must(bulwark.Chain(limit("large", "2/hour"), limit("small", "1/hour")))
	stack, err := bulwark.Chain(collector.Timed("limits", pair))
	if err != nil {
		t.Fatal(err)
	}
	handler := stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var codes []int
	for range 3 {
		codes = append(codes, get(handler).Code)
	}
	if !slices.Equal(codes, []int{200, 429, 429}) {
		t.Errorf("answers %v", codes)
	}
}

// A Mux sees that a limit on two routes is the same limit.
func TestOneLimitOnTwoRoutes(t *testing.T) {
	collector, _ := made(t, metrics.Config{})
	policy, err := authz.NewPolicy(authz.PolicyConfig{Resources: map[string][]string{"document": {"read"}}, Roles: map[string]authz.Role{"user": {Grants: []string{"document:read:all"}}}})
	if err != nil {
		t.Fatal(err)
	}
	limit, err := ratelimit.New(ratelimit.Config{Name: "search", Key: ratelimit.ByIP, Rate: "1/hour"})
	if err != nil {
		t.Fatal(err)
	}
	mux := authz.NewMux(policy)
	for _, pattern := range []string{"GET /a", "GET /b"} { // Handle panics for two limits of one name
		mux.Handle(pattern, authz.Public("search"), http.NotFoundHandler(), collector.Timed("search", limit))
	}
}

func TestTimedConcurrently(t *testing.T) {
	collector, registry := made(t, metrics.Config{})
	stack, err := bulwark.Chain(collector.Timed("outer", nothing), collector.Timed("inner", nothing))
	if err != nil {
		t.Fatal(err)
	}
	handler := stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				get(handler)
			}
		})
	}
	group.Wait()
	if n, _ := took(t, registry, "inner"); n != 800 {
		t.Errorf("%d times", n)
	}
}

func BenchmarkTimed(b *testing.B) {
	collector, _ := made(b, metrics.Config{})
	layer := bulwark.Must(collector.Timed("layer", nothing).Build())
	handler := layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
}
