package fleet_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// info reads a number of INFO.
func info(t *testing.T, s *engine.Server, name string) int64 {
	t.Helper()
	reply, err := s.Do(t.Context(), "INFO", "everything")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(reply.(string), "\n"+name+":")
	value, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		t.Fatalf("INFO has no number %s: %v", name, err)
	}
	return n
}

// flood debits n made-up keys once each, in this process.
func flood(t *testing.T, limits ratelimit.Store, n int, name string, p ratelimit.Policy) {
	t.Helper()
	var failed atomic.Int64
	many(n, 64, func(i int) {
		cells := []ratelimit.Cell{{Policy: p, Key: []byte(name + strconv.Itoa(i)), Cost: 1}}
		if ok, err := limits.Debit(context.Background(), cells); !ok || err != nil {
			failed.Add(1)
		}
	})
	if failed.Load() > 0 {
		t.Errorf("%d of %d fresh keys were refused", failed.Load(), n)
	}
}

func floodable(t *testing.T, c engine.RedisConfig) (*engine.Server, setup, ratelimit.Store) {
	t.Helper()
	server := redis(t, c)
	s := setup{Engine: "redis", Addrs: []string{server.Addr()}, Password: server.Password(), Limits: true, LimitsTimeout: 9 * time.Second}
	p := &process{}
	if err := p.connect(s); err != nil {
		t.Fatal(err)
	}
	return server, s, p.limits
}

// A flood of made-up keys takes memory of Redis only until time has restored
// what they used: each key has an end, and none is left.
func TestMadeUpKeysEnd(t *testing.T) {
	server, _, limits := floodable(t, engine.RedisConfig{})
	for _, a := range algorithms {
		flood(t, limits, 2000, a.name, ratelimit.Policy{Name: a.name, Algorithm: a.algorithm, Limit: 1, Burst: 1, Window: 3 * time.Second})
		for range 20 {
			key, err := server.Do(t.Context(), "RANDOMKEY")
			if err != nil {
				t.Fatal(err)
			}
			if key == nil {
				break // a slow machine: all have ended
			}
			if left, err := server.Do(t.Context(), "PTTL", key.(string)); err != nil || left == int64(-1) || left.(int64) > 3000 {
				t.Fatalf("%s: a key ends in %v ms (%v), want at most its window", a.name, left, err)
			}
		}
	}
	eventually(t, "no key is left", func() bool {
		n, err := server.Do(t.Context(), "DBSIZE")
		return err == nil && n == int64(0)
	})
}

// Redis with little memory and volatile-ttl forgets the made-up keys, which have
// used the least, and not the caller who has used everything.
func TestOffenderUnderAFlood(t *testing.T) {
	server, s, limits := floodable(t, engine.RedisConfig{Options: []string{"maxmemory-policy volatile-ttl"}})
	most := info(t, server, "used_memory") + 3<<20
	if _, err := server.Do(t.Context(), "CONFIG", "SET", "maxmemory", strconv.FormatInt(most, 10)); err != nil {
		t.Fatal(err)
	}
	workers := start(t, 4, s)
	for _, a := range algorithms {
		if got := hammer(30, workers, func(w *worker) answer { return debit(w, a.algorithm, 10, "1h", "offender") }); got[200] != 10 {
			t.Fatalf("%s: answers %v, want 10 of 200", a.name, got)
		}
	}
	flood(t, limits, 40_000, "junk", ratelimit.Policy{Name: "p0", Limit: 10, Burst: 10, Window: time.Hour})
	if n := info(t, server, "evicted_keys"); n == 0 {
		t.Error("the flood was too small: no key was evicted")
	} else {
		t.Logf("%d of 40000 made-up keys were evicted", n)
	}
	if used := info(t, server, "used_memory"); used > most+most/4 {
		t.Errorf("Redis uses %d bytes, want about %d", used, most)
	}
	// A new process remembers no denial, and asks Redis.
	for i, w := range start(t, 2, s) {
		for _, a := range algorithms {
			if got := debit(w, a.algorithm, 10, "1h", "offender"); got.status != 429 {
				t.Errorf("%s: after the flood process %d answers the offender with %d, want 429", a.name, i, got.status)
			}
			if got := debit(w, a.algorithm, 10, "1h", fmt.Sprint("fresh", i)); got.status != 200 {
				t.Errorf("%s: after the flood a fresh caller gets %d, want 200", a.name, got.status)
			}
		}
	}
}
