package fleet_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// algorithms and how many requests they allow of one key here. Nothing of their
// windows is restored during a test.
var algorithms = []struct {
	name      string
	algorithm ratelimit.Algorithm
	limit     int
}{
	{"gcra", ratelimit.GCRA, 200},
	{"fixed-window", ratelimit.FixedWindow, 200},
	{"sliding-log", ratelimit.SlidingLog, 64},
}

// debit takes one request of the key from the limit.
func debit(w *worker, algorithm ratelimit.Algorithm, limit int, window, key string) answer {
	return w.ask("POST", fmt.Sprintf("/debit?algorithm=%d&limit=%d&window=%s&key=%s", algorithm, limit, window, key), "")
}

// hammer sends n requests over all workers at once, and counts the answers.
func hammer(n int, workers []*worker, ask func(w *worker) answer) map[int]int {
	counts := make([]atomic.Int64, 600)
	many(n, 8*len(workers), func(i int) { counts[ask(workers[i%len(workers)]).status].Add(1) })
	statuses := map[int]int{}
	for status := range counts {
		if n := int(counts[status].Load()); n > 0 {
			statuses[status] = n
		}
	}
	return statuses
}

// flushing empties the cache of scripts of the servers, over and over, until the
// returned function is called. It says how often.
func flushing(t *testing.T, servers []*engine.Server) (stop func() int) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			for _, s := range servers {
				if _, err := s.Do(ctx, "SCRIPT", "FLUSH"); err == nil {
					n++
				}
			}
		}
		done <- n
	}()
	t.Cleanup(cancel)
	return func() int { cancel(); return <-done }
}

// Four processes let exactly as many requests of one key pass as one process,
// while the scripts are flushed all the time.
func TestOneHotKey(t *testing.T) {
	for _, test := range []struct {
		engine string
		start  func(t *testing.T) (setup, []*engine.Server)
	}{
		{"redis", func(t *testing.T) (setup, []*engine.Server) {
			s := redis(t, engine.RedisConfig{})
			return setup{Addrs: []string{s.Addr()}, Password: s.Password()}, []*engine.Server{s}
		}},
		{"cluster", func(t *testing.T) (setup, []*engine.Server) {
			engine.Need(t, engine.RedisServer)
			c, err := engine.RedisCluster(t.Context(), t.TempDir(), engine.RedisConfig{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			return setup{Addrs: c.Addrs(), Password: c.Password()}, c.Servers
		}},
		{"sentinel", func(t *testing.T) (setup, []*engine.Server) {
			s := sentinel(t)
			return setup{Addrs: s.Addrs(), Password: s.Password()}, s.Servers[:1]
		}},
	} {
		t.Run(test.engine, func(t *testing.T) {
			s, servers := test.start(t)
			s.Engine, s.Limits = test.engine, true
			workers := start(t, 4, s)
			stop := flushing(t, servers)
			for _, a := range algorithms {
				got := hammer(3*a.limit, workers, func(w *worker) answer { return debit(w, a.algorithm, a.limit, "8760h", "hot") })
				if got[200] != a.limit || got[429] != 2*a.limit {
					t.Errorf("%s: answers %v, want %d of 200 and %d of 429", a.name, got, a.limit, 2*a.limit)
				}
			}
			for name, want := range map[string]int{"gcra": 200, "fixed-window": 200, "sliding-log": 64, "several": 150} {
				got := hammer(3*want, workers, func(w *worker) answer { return w.ask("GET", "/hot/"+name, "", "X-Key", "hot") })
				if got[200] != want || got[429] != 2*want {
					t.Errorf("the limit %s: answers %v, want %d of 200 and %d of 429", name, got, want, 2*want)
				}
			}
			if n := stop(); n < 20 {
				t.Errorf("the scripts were flushed %d times, want at least 20", n)
			}
		})
	}
}

func sentinel(t *testing.T) *engine.Sentinel {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	s, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}
