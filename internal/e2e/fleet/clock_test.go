package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// steps are where the clock of the engine goes, one after the other. The clocks
// of all processes stay where they are, so that they are an hour off.
var steps = []time.Duration{time.Hour, -time.Hour, time.Hour, 0, -time.Hour, time.Hour, 0}

// A quota by a clock that is an hour off, and that steps, is the quota of its
// documentation: time that seems to pass restores what it would restore, once.
// Nobody is locked out.
func TestLimitsOfAnotherClock(t *testing.T) {
	server := redis(t, engine.RedisConfig{Clock: true})
	s := setup{Engine: "redis", Addrs: []string{server.Addr()}, Password: server.Password(), Limits: true}
	workers := start(t, 2, s)
	extra := map[string]int{}
	for _, a := range algorithms {
		got := hammer(2*a.limit, workers, func(w *worker) answer { return debit(w, a.algorithm, a.limit, "24h", "hot") })
		if got[200] != a.limit {
			t.Errorf("%s: answers %v, want %d of 200", a.name, got, a.limit)
		}
	}
	for i, step := range steps {
		try(t, server.SetClock(step))
		// A process remembers a denial for a second. A new process asks Redis.
		for _, w := range workers {
			w.stop()
		}
		workers = start(t, 2, s)
		for _, a := range algorithms {
			got := hammer(40, workers, func(w *worker) answer { return debit(w, a.algorithm, a.limit, "24h", "hot") })
			extra[a.name] += got[200]
			if got[200]+got[429] != 40 {
				t.Errorf("%s, clock %+v: answers %v, want only 200 and 429", a.name, step, got)
			}
			refused := debit(workers[i%2], a.algorithm, a.limit, "24h", "hot")
			wait, err := time.ParseDuration(refused.field("wait"))
			if refused.status != 429 || err != nil || wait > 48*time.Hour {
				t.Errorf("%s, clock %+v: answer %d with a wait of %v (%v), want 429 with at most two windows", a.name, step, refused.status, wait, err)
			}
			// A caller who has used nothing has all.
			fresh := hammer(a.limit+10, workers, func(w *worker) answer {
				return debit(w, a.algorithm, a.limit, "24h", fmt.Sprint("fresh", i))
			})
			if fresh[200] != a.limit {
				t.Errorf("%s, clock %+v: a fresh caller gets %v, want %d of 200", a.name, step, fresh, a.limit)
			}
		}
	}
	// An hour restores 200/24 requests of GCRA, and nothing of a day in the other
	// two. However often the clock steps, it gives them once.
	for _, a := range algorithms {
		want := map[string]int{"gcra": 200 / 24}[a.name]
		if extra[a.name] != want {
			t.Errorf("%s: %d steps of the clock gave %d more requests, want %d", a.name, len(steps), extra[a.name], want)
		}
	}
}

// A clock of the engine that is a day ahead and returns locks nobody out: what
// lies in the future is cut to two windows.
func TestNobodyIsLockedOut(t *testing.T) {
	server := redis(t, engine.RedisConfig{Clock: true})
	workers := start(t, 2, setup{Engine: "redis", Addrs: []string{server.Addr()}, Password: server.Password(), Limits: true})
	for _, a := range algorithms {
		try(t, server.SetClock(24*time.Hour))
		hammer(a.limit, workers, func(w *worker) answer { return debit(w, a.algorithm, a.limit, "10m", "hot") })
		try(t, server.SetClock(0))
		refused := must(t, debit(workers[0], a.algorithm, a.limit, "10m", "hot"), 429)
		if wait, err := time.ParseDuration(refused.field("wait")); err != nil || wait > 20*time.Minute {
			t.Errorf("%s: a caller waits %v (%v), want at most two windows of 10 minutes", a.name, wait, err)
		}
		// What was cut is written, so that the wait ends: half an hour later all is
		// there again.
		try(t, server.SetClock(31*time.Minute))
		eventually(t, a.name+": the caller gets in", func() bool { return debit(workers[1], a.algorithm, a.limit, "10m", "hot").status == 200 })
	}
}

// A login, a key, a revocation and a used proof hold while the clock of the
// engine is an hour off and steps.
func TestStateOfAnotherClock(t *testing.T) {
	for _, name := range []string{"redis", "postgres"} {
		t.Run(name, func(t *testing.T) {
			engine.Need(t, engine.Faketime)
			s := setup{Engine: name, State: true}
			var server *engine.Server
			if name == "redis" {
				server = redis(t, engine.RedisConfig{Clock: true})
				s.Addrs, s.Password = []string{server.Addr()}, server.Password()
			} else {
				engine.Need(t, engine.PostgresServer)
				var err error
				if server, err = engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{Clock: true}); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(server.Close)
				s.DSN = server.DSN()
			}
			workers := start(t, 2, s)
			a, b := workers[0], workers[1]
			login, gone := a.login(t, "alice"), a.login(t, "bob")
			must(t, b.ask("POST", "/logout-all?subject=bob", ""), 200)
			key, revoked := issuedOf(t, a.ask("POST", "/keys", "")), issuedOf(t, a.ask("POST", "/keys", ""))
			must(t, b.ask("POST", "/keys/revoke?id="+revoked.ID, ""), 200)
			must(t, a.ask("POST", "/revoke?token=t", ""), 200)
			if got := must(t, a.ask("POST", "/proof?id=p", ""), 200).field("first"); got != "true" {
				t.Fatalf("the first use of a proof is %s", got)
			}
			for _, step := range steps {
				try(t, server.SetClock(step))
				for what, test := range map[string]struct {
					token string
					want  int
				}{
					"session": {login.Access, 200}, "ended session": {gone.Access, 401},
					"key": {key.Key, 200}, "revoked key": {revoked.Key, 401},
				} {
					if got := b.me(test.token); got.status != test.want {
						t.Errorf("clock %+v: %s is %d, want %d: %s", step, what, got.status, test.want, got.body)
					}
				}
				if got := b.ask("GET", "/revoked?token=t", "").field("yes"); got != "true" {
					t.Errorf("clock %+v: a revocation of 30 minutes is forgotten", step)
				}
				if got := b.ask("POST", "/proof?id=p", "").field("first"); got != "false" {
					t.Errorf("clock %+v: a used proof is taken again (%s)", step, got)
				}
				next := b.refresh(login.Refresh)
				if next.status != 200 {
					t.Fatalf("clock %+v: a refresh gets %d: %s", step, next.status, next.body)
				}
				login = tokensOf(t, next)
				secret := a.ask("POST", "/keys/rotate?id="+key.ID, "")
				if secret.status != 200 {
					t.Fatalf("clock %+v: a rotation gets %d: %s", step, secret.status, secret.body)
				}
				old := key
				key = issuedOf(t, secret)
				if got := b.me(old.Key); got.status != 401 {
					t.Errorf("clock %+v: the key before a rotation is %d, want 401", step, got.status)
				}
				again := a.login(t, "carol")
				if got := b.me(again.Access); got.status != 200 {
					t.Errorf("clock %+v: a new login is %d, want 200", step, got.status)
				}
			}
		})
	}
}
