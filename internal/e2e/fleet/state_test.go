package fleet_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark/ratelimit"
)

var engines = []string{"redis", "postgres", "sqlite"}

// TestState runs each test of this file over each engine that keeps state, with
// four processes.
func TestState(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			in := run(t, name)
			for _, test := range []struct {
				name string
				test func(t *testing.T, workers []*worker)
			}{
				{"seen-by-all-at-once", seenByAllAtOnce}, {"stolen-token", stolenToken}, {"one-successor", oneSuccessor},
				{"one-secret", oneSecret}, {"one-quota", oneQuota}, {"outlives-its-process", outlivesItsProcess},
			} {
				t.Run(test.name, func(t *testing.T) { test.test(t, start(t, 4, in.setup)) })
			}
		})
	}
}

// What one process has done is seen by all processes at once: by the first
// request that each of them gets afterwards.
func seenByAllAtOnce(t *testing.T, workers []*worker) {
	each := func(what string, token string, want int) {
		t.Helper()
		for i, w := range workers {
			if a := w.me(token); a.status != want {
				t.Errorf("%s: process %d answers %d, want %d: %s", what, i, a.status, want, a.body)
			}
		}
	}
	for i, w := range workers {
		other := workers[(i+1)%len(workers)]

		login := w.login(t, "alice")
		each("login", login.Access, 200)
		successor := tokensOf(t, other.refresh(login.Refresh))
		each("refresh", successor.Access, 200)
		each("token before the refresh", login.Access, 200)
		must(t, w.ask("POST", "/logout", `{"refresh_token":"`+successor.Refresh+`"}`), 204)
		each("logout", successor.Access, 401)
		each("token before the logout", login.Access, 401)
		must(t, other.refresh(successor.Refresh), 401)

		login = w.login(t, "bob")
		must(t, other.ask("POST", "/logout-all?subject=bob", ""), 200)
		each("logout everywhere", login.Access, 401)
		must(t, w.refresh(login.Refresh), 401)

		key := issuedOf(t, w.ask("POST", "/keys", ""))
		each("key", key.Key, 200)
		rotated := issuedOf(t, other.ask("POST", "/keys/rotate?id="+key.ID, ""))
		each("the key before its rotation", key.Key, 401)
		each("the key after its rotation", rotated.Key, 200)
		must(t, w.ask("POST", "/keys/revoke?id="+key.ID, ""), 200)
		each("the revoked key", rotated.Key, 401)

		token := fmt.Sprint("token", i)
		must(t, w.ask("POST", "/revoke?token="+token, ""), 200)
		for j, w := range workers {
			if got := must(t, w.ask("GET", "/revoked?token="+token, ""), 200).field("yes"); got != "true" {
				t.Errorf("process %d does not know of a revocation", j)
			}
		}
	}
}

// One refresh token that is used twice, with a use of its successor between,
// ends the session at whichever process it comes.
func stolenToken(t *testing.T, workers []*worker) {
	login := workers[0].login(t, "alice")
	second := tokensOf(t, workers[1].refresh(login.Refresh))
	third := tokensOf(t, workers[2].refresh(second.Refresh))
	must(t, workers[3].refresh(login.Refresh), 401)
	for i, w := range workers {
		if a := w.me(third.Access); a.status != 401 {
			t.Errorf("process %d accepts a session that was stolen: %d", i, a.status)
		}
	}
	if n := count(workers[3].debug(t).Events, "reuse"); n == 0 {
		t.Errorf("no event has the reason reuse: %v", workers[3].debug(t).Events)
	}
}

// A session and a key outlive the process that has made them.
func outlivesItsProcess(t *testing.T, workers []*worker) {
	login, key := workers[0].login(t, "alice"), issuedOf(t, workers[0].ask("POST", "/keys", ""))
	workers[0].stop()
	for i, w := range workers[1:] {
		if a, b := w.me(login.Access), w.me(key.Key); a.status != 200 || b.status != 200 {
			t.Errorf("process %d: the session is %d and the key %d, want 200", i+1, a.status, b.status)
		}
	}
	tokensOf(t, workers[1].refresh(login.Refresh))
}

// A hundred refreshes of one token at once, over four processes, get the same
// successor, and a proof is used once.
func oneSuccessor(t *testing.T, workers []*worker) {
	login := workers[0].login(t, "alice")
	var mu sync.Mutex
	successors, firsts, statuses := map[string]int{}, map[string]int{}, map[int]int{}
	var last tokens
	many(100, 100, func(i int) {
		a := workers[i%len(workers)].refresh(login.Refresh)
		b := workers[i%len(workers)].ask("POST", "/proof?id=one", "")
		mu.Lock()
		defer mu.Unlock()
		statuses[a.status]++
		if a.status == 200 {
			last = tokensOf(t, a)
			successors[last.Refresh]++
		}
		firsts[b.field("first")]++
	})
	if len(successors) != 1 || statuses[200] != 100 {
		t.Errorf("%d successors, answers %v, want 1 successor and 100 of 200", len(successors), statuses)
	}
	if firsts["true"] != 1 || firsts["false"] != 99 {
		t.Errorf("first uses of a proof: %v, want 1 true and 99 false", firsts)
	}
	tokensOf(t, workers[1].refresh(last.Refresh))
}

// Of a hundred rotations at once, each that was answered with a key has made a
// secret, and exactly one secret works afterwards.
func oneSecret(t *testing.T, workers []*worker) {
	key := issuedOf(t, workers[0].ask("POST", "/keys", ""))
	var mu sync.Mutex
	secrets := []string{key.Key}
	many(40, 16, func(i int) {
		a := workers[i%len(workers)].ask("POST", "/keys/rotate?id="+key.ID, "")
		if a.status != 200 {
			return // a rotation may lose against another
		}
		mu.Lock()
		defer mu.Unlock()
		secrets = append(secrets, issuedOf(t, a).Key)
	})
	works := 0
	for i, secret := range secrets {
		switch a := workers[i%len(workers)].me(secret); a.status {
		case 200:
			works++
		case 401:
		default:
			t.Errorf("a secret gets %d: %s", a.status, a.body)
		}
	}
	if works != 1 || len(secrets) < 2 {
		t.Errorf("%d of %d secrets work, want 1", works, len(secrets))
	}
}

// A quota of a day holds for all processes, also in a database.
func oneQuota(t *testing.T, workers []*worker) {
	const limit = 60
	got := hammer(2*limit, workers, func(w *worker) answer { return debit(w, ratelimit.FixedWindow, limit, "24h", "hot") })
	if got[200] != limit || got[429] != limit {
		t.Errorf("answers %v, want %d of 200 and as many of 429", got, limit)
	}
}
