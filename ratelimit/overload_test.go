package ratelimit_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// The virtual server does one request in serviceTime on each of its workers, so
// its capacity is known: 100 requests a second. What it has no worker for waits,
// in order and without a bound, as for a connection of a database. A client
// gives up after patience, and the server does its work all the same.
const (
	workers     = 10
	serviceTime = 100 * time.Millisecond
	capacity    = float64(workers) / 0.1 // a second
	patience    = time.Second
	duration    = 30 * time.Second
)

// outcome is what the clients of one run saw.
type outcome struct {
	sent, good, shed, late, other int
	latency                       []time.Duration // of the good answers
	healthy, unhealthy            int
	mostGoroutines                int
	mostWaiting                   int
}

// flood sends requests at a multiple of the capacity, at times that do not
// depend on the answers: real clients do not wait for each other. A health check
// comes each 100 ms. The times are those of a Poisson process with a seed.
func flood(t *testing.T, load float64, seed uint64, layer func(http.Handler) http.Handler, waiting func() int) (o outcome) {
	worker := make(chan struct{}, workers)
	h := layer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			return
		}
		worker <- struct{}{}
		time.Sleep(serviceTime)
		<-worker
	}))
	var mu sync.Mutex
	ask := func(path string, addr string) {
		begin := time.Now()
		ctx, cancel := context.WithTimeoutCause(t.Context(), patience, context.Canceled)
		defer cancel()
		r := httptest.NewRequest("GET", path, nil).WithContext(ctx)
		r.RemoteAddr = addr
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		took := time.Since(begin)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case path == "/health" && w.Code == 200 && took == 0:
			o.healthy++
		case path == "/health":
			o.unhealthy++
		case w.Code == 200 && took <= patience:
			o.good++
			o.latency = append(o.latency, took)
		case w.Code == 200:
			o.late++
		case w.Code == 503:
			o.shed++
		default:
			o.other++
		}
	}
	arrivals := rand.New(rand.NewPCG(seed, 0))
	begin := time.Now()
	nextHealth := begin
	base := runtime.NumGoroutine()
	var wg sync.WaitGroup
	for at := begin; at.Sub(begin) < duration; at = at.Add(time.Duration(arrivals.ExpFloat64() / (load * capacity) * float64(time.Second))) {
		for ; nextHealth.Before(at); nextHealth = nextHealth.Add(100 * time.Millisecond) {
			time.Sleep(time.Until(nextHealth))
			wg.Go(func() { ask("/health", "192.0.2.1:1") })
		}
		time.Sleep(time.Until(at))
		o.sent++
		wg.Go(func() { ask("/work", "192.0.2.1:1") })
		if o.sent%20 == 0 {
			synctest.Wait()
			o.mostGoroutines = max(o.mostGoroutines, runtime.NumGoroutine()-base)
			o.mostWaiting = max(o.mostWaiting, waiting())
		}
	}
	wg.Wait()
	slices.Sort(o.latency)
	return o
}

func (o *outcome) percentile(p int) time.Duration {
	if len(o.latency) == 0 {
		return 0
	}
	return o.latency[(len(o.latency)-1)*p/100]
}

// goodput is the good answers as a part of what the server can do.
func (o *outcome) goodput() float64 { return float64(o.good) / (capacity * duration.Seconds()) }

func limited(maxWait time.Duration) *ratelimit.ConcurrencyLimit {
	return bulwark.Must(ratelimit.NewConcurrency(ratelimit.Concurrency{
		Name: "service", Max: workers, MaxWait: maxWait, HealthPaths: []string{"/health"}}))
}

// Above its capacity a service with the limit does as much as it can, sheds the
// rest at once or after MaxWait, answers its health checks, and keeps nothing.
func TestOverloadIsShed(t *testing.T) {
	for _, test := range []struct {
		load                float64
		leastGood, mostGood float64
		leastShed, mostShed float64 // as a part of the requests
	}{
		{0.5, 0.45, 0.55, 0, 0.001},
		{1, 0.90, 1.01, 0, 0.10},
		{2, 0.98, 1.01, 0.48, 0.53},
		{4, 0.98, 1.01, 0.73, 0.77},
	} {
		for seed := range uint64(2) {
			synctest.Test(t, func(t *testing.T) {
				const maxWait = 200 * time.Millisecond
				l := limited(maxWait)
				waiting := func() int { _, n := l.Load(); return n }
				o := flood(t, test.load, seed, l.Wrap, waiting)
				if got := o.goodput(); got < test.leastGood || got > test.mostGood {
					t.Errorf("%v×: goodput %.3f of the capacity, want %v to %v", test.load, got, test.leastGood, test.mostGood)
				}
				if got := float64(o.shed) / float64(o.sent); got < test.leastShed || got > test.mostShed {
					t.Errorf("%v×: %.3f shed, want %v to %v", test.load, got, test.leastShed, test.mostShed)
				}
				if o.good+o.shed != o.sent || o.late != 0 || o.other != 0 || uint64(o.shed) != l.Shed() {
					t.Errorf("%v×: %d sent, %d good, %d shed, %d late, %d other; %d counted", test.load, o.sent, o.good, o.shed, o.late, o.other, l.Shed())
				}
				if most := o.percentile(100); most > serviceTime+maxWait {
					t.Errorf("%v×: an answer took %v", test.load, most)
				}
				// Newest first: half of the answers come almost at once.
				if half := o.percentile(50); half > 2*serviceTime {
					t.Errorf("%v×: the median took %v", test.load, half)
				}
				if o.unhealthy != 0 || o.healthy < 290 {
					t.Errorf("%v×: %d health checks passed, %d did not", test.load, o.healthy, o.unhealthy)
				}
				// Each request is a goroutine, and a timer of a context may be one.
				if o.mostWaiting > workers || o.mostGoroutines > 2*workers+2 {
					t.Errorf("%v×: %d waited, %d goroutines", test.load, o.mostWaiting, o.mostGoroutines)
				}
				t.Logf("%v×: goodput %.3f shed %.3f p50 %v p99 %v most %v waiting %d goroutines %d", test.load, o.goodput(), float64(o.shed)/float64(o.sent), o.percentile(50), o.percentile(99), o.percentile(100), o.mostWaiting, o.mostGoroutines)
				if running, waiting := l.Load(); running != 0 || waiting != 0 {
					t.Errorf("%v×: %d run and %d wait afterwards", test.load, running, waiting)
				}
			})
		}
	}
}

// Without the limit the same server works for clients that have given up: the
// test above could fail.
func TestOverloadWithoutALimit(t *testing.T) {
	for load, most := range map[float64]float64{2: 0.10, 4: 0.05} {
		synctest.Test(t, func(t *testing.T) {
			o := flood(t, load, 1, func(next http.Handler) http.Handler { return next }, func() int { return 0 })
			if o.goodput() > most || o.mostGoroutines < 500 {
				t.Errorf("%v×: goodput %.3f, %d goroutines: this server does not suffer", load, o.goodput(), o.mostGoroutines)
			}
		})
	}
}
