package fleet_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// breaks are the ways in which an engine goes and comes back.
var breaks = []struct {
	name       string
	down, back func(t *testing.T, s *engine.Server)
}{
	{"stopped", func(t *testing.T, s *engine.Server) { try(t, s.Stop()) }, func(t *testing.T, s *engine.Server) { try(t, s.Continue()) }},
	{"killed", func(t *testing.T, s *engine.Server) { try(t, s.Kill()) }, func(t *testing.T, s *engine.Server) { try(t, s.Restart(t.Context())) }},
}

func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hang is the timeout of the client of Redis in these tests: it does not help
// the store to keep its own.
const hang = 10 * time.Minute

// While Redis is stopped or dead, limits decide as OnOutage says. They say so
// once at the begin and once at the end, and recover by themselves.
func TestLimitsWithoutRedis(t *testing.T) {
	const instances, limit, asked = 2, 8, 40
	for _, fault := range breaks {
		t.Run(fault.name, func(t *testing.T) {
			server := redis(t, engine.RedisConfig{})
			modes := []redisstore.Outage{redisstore.Closed, redisstore.Local, redisstore.InsecureOpen}
			fleets := map[redisstore.Outage][]*worker{}
			for _, mode := range modes {
				fleets[mode] = start(t, instances, setup{Engine: "redis", Addrs: []string{server.Addr()}, Password: server.Password(),
					Prefix: mode.String(), Limits: true, Outage: mode, Instances: instances, LimitsTimeout: 50 * time.Millisecond, WriteTimeout: hang})
				for _, w := range fleets[mode] {
					eventually(t, "Redis decides", func() bool { return debit(w, 0, limit, "8760h", "warm").status == 200 })
					eventually(t, "the breaker is closed", func() bool { return closed(w.debug(t)) })
				}
			}
			before := map[*worker]debugging{}
			for _, fleet := range fleets {
				for _, w := range fleet {
					before[w] = w.debug(t)
				}
			}

			fault.down(t, server)
			var mu sync.Mutex
			var took []time.Duration
			for _, mode := range modes {
				for i, w := range fleets[mode] {
					got := map[int]int{}
					many(asked, 8, func(int) {
						a := debit(w, 0, limit, "8760h", "hot")
						mu.Lock()
						defer mu.Unlock()
						got[a.status]++
						took = append(took, a.took)
					})
					want := map[redisstore.Outage]map[int]int{
						redisstore.Closed:       {503: asked},
						redisstore.Local:        {200: limit / instances, 429: asked - limit/instances},
						redisstore.InsecureOpen: {200: asked},
					}[mode]
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%v, process %d: answers %v, want %v", mode, i, got, want)
					}
					d := w.debug(t)
					if n := outages(d) - outages(before[w]); n != 1 {
						t.Errorf("%v, process %d: %d events of an outage, want 1: %v", mode, i, n, d.Events)
					}
					if n := d.Counted["sys_unavailable"] - before[w].Counted["sys_unavailable"]; n != 1 {
						t.Errorf("%v, process %d: the metric of outages is %v, want 1", mode, i, n)
					}
				}
			}
			median, longest := middle(took)
			t.Logf("answers without Redis: median %v, longest %v, bound of the store 50ms", median, longest)
			for mode, fleet := range fleets {
				for i, w := range fleet {
					var d debugging
					// What was given up ends with its deadline; nothing is left that waits.
					for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
						d = w.debug(t)
						if d.Own == 0 && d.All <= before[w].All+20 {
							break
						}
						if time.Now().After(end) {
							t.Fatalf("%v, process %d: %d goroutines of ours, %d in all, %d and %d before: %s", mode, i, d.Own, d.All, before[w].Own, before[w].All, d.Shown)
						}
					}
				}
			}

			fault.back(t, server)
			for mode, fleet := range fleets {
				for i, w := range fleet {
					eventually(t, "Redis decides again", func() bool {
						debit(w, 0, 1_000_000, "8760h", "probe")
						return closed(w.debug(t))
					})
					d := w.debug(t)
					if n := count(d.Events, "redisstore.recovered") - count(before[w].Events, "redisstore.recovered"); n < 1 {
						t.Errorf("%v, process %d: no event says that Redis is back: %v", mode, i, d.Events)
					}
					if n := d.Counted["sys_monitor_enabled"] - before[w].Counted["sys_monitor_enabled"]; n < 1 {
						t.Errorf("%v, process %d: the metric of recoveries is %v, want 1", mode, i, n)
					}
				}
				// Counted in Redis again, for both processes together.
				// On a busy machine 50 ms may pass once more; a store that does not count
				// in Redis again fails each time.
				var got map[int]int
				for attempt := 0; attempt < 10 && (got[200] != limit || got[429] != 2*limit); attempt++ {
					got = hammer(3*limit, fleet, func(w *worker) answer { return debit(w, 0, limit, "8760h", fmt.Sprint("after", attempt)) })
				}
				if got[200] != limit || got[429] != 2*limit {
					t.Errorf("%v: after the outage the answers are %v, want %d of 200", mode, got, limit)
				}
			}
		})
	}
}

func outages(d debugging) int { return count(d.Events, "redisstore.outage") }

// closed reports whether every outage of the process is over.
func closed(d debugging) bool { return outages(d) == count(d.Events, "redisstore.recovered") }

// Sessions, keys, revocations and proofs are never answered by a guess: without
// their engine the answer is 503. They are there again when the engine is.
func TestStateWithoutItsEngine(t *testing.T) {
	for _, name := range []string{"redis", "postgres"} {
		for _, fault := range breaks {
			t.Run(name+"/"+fault.name, func(t *testing.T) {
				in := run(t, name)
				in.StateTimeout, in.WriteTimeout = 500*time.Millisecond, hang
				workers := start(t, 2, in.setup)
				// The first calls of a busy machine may be late.
				var login, gone tokens
				var key, revoked issued
				w := workers[0]
				eventually(t, "a login", func() bool {
					a := w.ask("POST", "/login?subject=alice", "")
					if a.status == 200 {
						login = tokensOf(t, a)
					}
					return a.status == 200
				})
				eventually(t, "a login", func() bool {
					a := w.ask("POST", "/login?subject=bob", "")
					if a.status == 200 {
						gone = tokensOf(t, a)
					}
					return a.status == 200
				})
				for _, k := range []*issued{&key, &revoked} {
					eventually(t, "a key", func() bool {
						a := w.ask("POST", "/keys", "")
						if a.status == 200 {
							*k = issuedOf(t, a)
						}
						return a.status == 200
					})
				}
				eventually(t, "a logout", func() bool { return w.ask("POST", "/logout-all?subject=bob", "").status == 200 })
				eventually(t, "a revocation", func() bool { return w.ask("POST", "/keys/revoke?id="+revoked.ID, "").status == 200 })
				eventually(t, "a revocation", func() bool { return w.ask("POST", "/revoke?token=t", "").status == 200 })
				before := w.debug(t)

				fault.down(t, in.server)
				asks := []struct {
					what string
					ask  func(w *worker) answer
				}{
					{"session", func(w *worker) answer { return w.me(login.Access) }},
					{"ended session", func(w *worker) answer { return w.me(gone.Access) }},
					{"key", func(w *worker) answer { return w.me(key.Key) }},
					{"revoked key", func(w *worker) answer { return w.me(revoked.Key) }},
					{"refresh", func(w *worker) answer { return w.refresh(login.Refresh) }},
					{"login", func(w *worker) answer { return w.ask("POST", "/login?subject=carol", "") }},
					{"issue", func(w *worker) answer { return w.ask("POST", "/keys", "") }},
					{"revoked", func(w *worker) answer { return w.ask("GET", "/revoked?token=t", "") }},
					{"proof", func(w *worker) answer { return w.ask("POST", "/proof?id=p", "") }},
				}
				var mu sync.Mutex
				var took []time.Duration
				many(8*len(asks), 24, func(i int) {
					ask := asks[i%len(asks)]
					a := ask.ask(workers[i/len(asks)%2])
					mu.Lock()
					defer mu.Unlock()
					took = append(took, a.took)
					if a.status != 503 || a.header.Get("Retry-After") == "" {
						t.Errorf("%s: the answer is %d, Retry-After %q, want 503: %s", ask.what, a.status, a.header.Get("Retry-After"), a.body)
					}
				})
				median, longest := middle(took)
				t.Logf("answers without %s: median %v, longest %v, bound of the store 500ms", name, median, longest)
				d := w.debug(t)
				if d.Counted["sys_unavailable"] <= before.Counted["sys_unavailable"] {
					t.Errorf("no metric counts the outage: %v", d.Events)
				}
				eventually(t, "no goroutine waits", func() bool { d = w.debug(t); return d.Own == 0 && d.All <= before.All+40 })

				fault.back(t, in.server)
				for i, w := range workers {
					eventually(t, "the session is back", func() bool { return w.me(login.Access).status == 200 })
					eventually(t, "the key is back", func() bool { return w.me(key.Key).status == 200 })
					for what, token := range map[string]string{"an ended session": gone.Access, "a revoked key": revoked.Key} {
						var a answer
						eventually(t, "an answer", func() bool { a = w.me(token); return a.status != 503 })
						if a.status != 401 {
							t.Errorf("process %d: %s is %d after the outage, want 401", i, what, a.status)
						}
					}
					eventually(t, "an answer", func() bool { return w.ask("GET", "/revoked?token=t", "").field("yes") == "true" })
				}
				// The outage may have refreshed without an answer. Then the token gets the
				// same successor again.
				eventually(t, "the refresh is back", func() bool {
					a := workers[1].refresh(login.Refresh)
					if a.status == 401 {
						t.Fatalf("the outage has logged somebody out: %s", a.body)
					}
					return a.status == 200
				})
			})
		}
	}
}
