package fleet_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// cutOff makes the replica lose its primary: it follows no more, and Sentinel may
// still promote it.
func cutOff(t *testing.T, replica *engine.Server) {
	t.Helper()
	for _, command := range [][]string{{"CONFIG", "SET", "masterauth", "wrong"}, {"CLIENT", "KILL", "TYPE", "master"}} {
		if _, err := replica.Do(t.Context(), command...); err != nil {
			t.Fatal(err)
		}
	}
}

// A failover loses exactly what the replica had not yet got: at most one burst a
// key, as the documentation of redisstore says. Nobody is locked out, and the
// processes find the new primary by themselves.
func TestFailoverLosesAtMostABurst(t *testing.T) {
	const kept, lost, limit = 120, 80, 200
	for _, a := range algorithms {
		kept, lost, limit := kept, lost, limit
		if a.limit == 64 {
			kept, lost, limit = 40, 24, 64
		}
		t.Run(a.name, func(t *testing.T) {
			s := sentinel(t)
			workers := start(t, 4, setup{Engine: "sentinel", Addrs: s.Addrs(), Password: s.Password(), Limits: true})
			ask := func(w *worker) answer { return debit(w, a.algorithm, limit, "8760h", "hot") }
			if got := hammer(kept, workers, ask); got[200] != kept {
				t.Fatalf("answers %v, want %d of 200", got, kept)
			}
			if n, err := s.Servers[0].Do(t.Context(), "WAIT", "1", "5000"); err != nil || n != int64(1) {
				t.Fatalf("the replica has not got what was counted: %v (%v)", n, err)
			}
			// A WAIT of another connection covers only its own writes: ask the replica.
			eventually(t, "the replica has it", func() bool {
				mine, _ := s.Servers[0].Do(t.Context(), "KEYS", "rl*")
				its, _ := s.Servers[1].Do(t.Context(), "KEYS", "rl*")
				if fmt.Sprint(mine) != fmt.Sprint(its) {
					return false
				}
				for _, key := range mine.([]any) {
					a, _ := s.Servers[0].Do(t.Context(), "GET", key.(string))
					b, _ := s.Servers[1].Do(t.Context(), "GET", key.(string))
					if a != b {
						return false
					}
				}
				return true
			})
			cutOff(t, s.Servers[1])
			got := hammer(2*lost, workers, ask)
			if got[200] != lost || got[429] != lost {
				t.Fatalf("answers %v, want %d of 200 and as many of 429", got, lost)
			}
			try(t, s.Servers[0].Kill())
			if _, err := s.Failover(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, w := range workers {
				eventually(t, "the new primary decides", func() bool { return debit(w, a.algorithm, limit, "8760h", "other").status == 200 })
			}
			// A denial is remembered for a second at most, so that some ask again.
			var passed atomic.Int64
			eventually(t, "all that was lost is there again", func() bool {
				many(8, 8, func(i int) {
					if ask(workers[i%4]).status == 200 {
						passed.Add(1)
					}
				})
				return int(passed.Load()) >= lost
			})
			more := hammer(limit, workers, ask)
			if n := int(passed.Load()) + more[200]; n != lost || n > limit {
				t.Errorf("the failover gave %d requests, want the %d that the replica had not got", n, lost)
			}
		})
	}
}

// While requests of many keys run, the primary is killed and the replica takes
// over. What passes in all is at most one more burst a key, and no key is locked
// out.
func TestFailoverUnderLoad(t *testing.T) {
	const keys, limit = 20, 10
	s := sentinel(t)
	workers := start(t, 4, setup{Engine: "sentinel", Addrs: s.Addrs(), Password: s.Password(), Limits: true})
	var passed [keys]atomic.Int64
	done, cancel := context.WithCancel(t.Context())
	defer cancel()
	var load sync.WaitGroup
	for i := range 8 {
		load.Go(func() {
			for n := i; done.Err() == nil; n++ {
				key := n % keys
				if debit(workers[n%4], 0, limit, "8760h", fmt.Sprint("key", key)).status == 200 {
					passed[key].Add(1)
				}
			}
		})
	}
	eventually(t, "some have passed", func() bool { return passed[0].Load() > 0 })
	try(t, s.Servers[0].Kill())
	if _, err := s.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		eventually(t, "the new primary decides", func() bool { return debit(w, 0, limit, "8760h", "other").status != 503 })
	}
	eventually(t, "each key has had its quota", func() bool {
		for i := range passed {
			if passed[i].Load() < limit-limit/2 {
				return false
			}
		}
		return true
	})
	cancel()
	load.Wait()
	lost := int64(0)
	for i := range passed {
		lost += max(0, passed[i].Load()-limit)
		if n := passed[i].Load(); n > 2*limit {
			t.Errorf("key %d passed %d times, want at most two bursts of %d", i, n, limit)
		}
	}
	t.Logf("a failover under load lost %d of %d debits", lost, keys*limit)
}

// With Replicas, a revocation that was answered survives the loss of its
// primary. Without a replica that follows, the answer is 503.
func TestRevocationSurvivesFailover(t *testing.T) {
	s := sentinel(t)
	workers := start(t, 2, setup{Engine: "sentinel", Addrs: s.Addrs(), Password: s.Password(), State: true, Replicas: 1, StateTimeout: 4 * time.Second})
	login, gone := workers[0].login(t, "alice"), workers[0].login(t, "bob")
	key := issuedOf(t, workers[0].ask("POST", "/keys", ""))
	must(t, workers[1].ask("POST", "/logout-all?subject=bob", ""), 200)
	must(t, workers[1].ask("POST", "/keys/revoke?id="+key.ID, ""), 200)
	must(t, workers[1].ask("POST", "/revoke?token=t", ""), 200)
	try(t, s.Servers[0].Kill())
	if _, err := s.Failover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		eventually(t, "the session is there", func() bool { return w.me(login.Access).status == 200 })
		if a, b := w.me(gone.Access), w.me(key.Key); a.status != 401 || b.status != 401 {
			t.Errorf("after the failover an ended session is %d and a revoked key %d, want 401", a.status, b.status)
		}
		if got := w.ask("GET", "/revoked?token=t", "").field("yes"); got != "true" {
			t.Errorf("after the failover a revocation is forgotten: %s", got)
		}
	}
	// Now nobody follows.
	if a := workers[0].ask("POST", "/logout-all?subject=alice", ""); a.status != 503 {
		t.Errorf("a logout that no replica has is %d, want 503", a.status)
	}
}
