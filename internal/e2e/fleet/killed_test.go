package fleet_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A crew is a fleet whose processes die and are replaced.
type crew struct {
	workers  [4]atomic.Pointer[worker]
	progress atomic.Int64 // of answers with 200
	done     context.Context
}

// any returns one of the processes that should run.
func (c *crew) any() *worker { return c.workers[rand.IntN(len(c.workers))].Load() }

// until asks one process after the other until the answer is one of a process
// that has its engine.
func (c *crew) until(t *testing.T, ask func(w *worker) answer) answer {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		a := ask(c.any())
		switch {
		case a.status != 0 && a.status != 503:
			return a
		case time.Now().After(end):
			t.Fatalf("never an answer but %d: %s", a.status, a.body)
		}
		time.Sleep(time.Millisecond)
	}
}

// refresher refreshes a session over and over. A client that gets no answer
// tries the same token again, as it must. It returns its newest tokens, or why
// it was logged out.
func (c *crew) refresher(t *testing.T, subject string) func() {
	login := tokensOf(t, c.until(t, func(w *worker) answer { return w.ask("POST", "/login?subject="+url.QueryEscape(subject), "") }))
	return func() {
		for c.done.Err() == nil {
			switch a := c.any().refresh(login.Refresh); a.status {
			case 200:
				login = tokensOf(t, a)
				c.progress.Add(1)
			case 0, 503: // tried again
			default:
				t.Errorf("%s was logged out: %d %s", subject, a.status, a.body)
				return
			}
		}
		login = tokensOf(t, c.until(t, func(w *worker) answer { return w.refresh(login.Refresh) }))
		if a := c.until(t, func(w *worker) answer { return w.me(login.Access) }); a.status != 200 {
			t.Errorf("%s is not logged in at the end: %d %s", subject, a.status, a.body)
		}
		var list []struct{ ID string }
		a := must(t, c.until(t, func(w *worker) answer { return w.ask("GET", "/sessions?subject="+url.QueryEscape(subject), "") }), 200)
		if err := json.Unmarshal([]byte(a.body), &list); err != nil || len(list) == 0 {
			t.Errorf("%s has no session in the list (%v): %s", subject, err, a.body)
		}
	}
}

// rotator rotates a key over and over. After an answer the new secret works and
// the old one does not. Without an answer the rotation was made or not; then the
// key can be rotated again.
func (c *crew) rotator(t *testing.T) func() {
	key := issuedOf(t, c.until(t, func(w *worker) answer { return w.ask("POST", "/keys", "") }))
	rotate := func(w *worker) answer { return w.ask("POST", "/keys/rotate?id="+key.ID, "") }
	return func() {
		for c.done.Err() == nil {
			old := key.Key
			a := rotate(c.any())
			unknown := a.status != 200
			if unknown {
				a = c.until(t, rotate)
			}
			if a.status != 200 {
				t.Errorf("the key %s is lost: %d %s", key.ID, a.status, a.body)
				return
			}
			key = issuedOf(t, a)
			if b := c.until(t, func(w *worker) answer { return w.me(old) }); b.status != 401 {
				t.Errorf("the key before a rotation is %d, want 401", b.status)
			}
			if b := c.until(t, func(w *worker) answer { return w.me(key.Key) }); b.status != 200 {
				t.Errorf("the key after a rotation is %d, want 200: %s", b.status, b.body)
			}
			c.progress.Add(1)
		}
	}
}

// issuer issues keys and revokes every second of them. What was answered holds
// at the end, and no key is in the list twice.
func (c *crew) issuer(t *testing.T) func() {
	return func() {
		var kept, revoked []issued
		for i := 0; c.done.Err() == nil; i++ {
			a := c.any().ask("POST", "/keys", "")
			if a.status != 200 {
				continue
			}
			key := issuedOf(t, a)
			if i%2 == 0 {
				kept = append(kept, key)
			} else if c.any().ask("POST", "/keys/revoke?id="+key.ID, "").status == 200 {
				revoked = append(revoked, key)
			}
			c.progress.Add(1)
			time.Sleep(2 * time.Millisecond) // the lists at the end have their bounds
		}
		for _, k := range kept {
			if a := c.until(t, func(w *worker) answer { return w.me(k.Key) }); a.status != 200 {
				t.Errorf("an issued key is %d, want 200: %s", a.status, a.body)
			}
		}
		for _, k := range revoked {
			if a := c.until(t, func(w *worker) answer { return w.me(k.Key) }); a.status != 401 {
				t.Errorf("a revoked key is %d, want 401: %s", a.status, a.body)
			}
		}
		var list []struct{ ID string }
		a := must(t, c.until(t, func(w *worker) answer { return w.ask("GET", "/keys", "") }), 200)
		if err := json.Unmarshal([]byte(a.body), &list); err != nil {
			t.Fatal(err)
		}
		ids := make([]string, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		if len(list) < 1000 { // one page
			for _, k := range kept { // a store may forget a revoked key
				if !slices.Contains(ids, k.ID) {
					t.Errorf("the list has not the key %s", k.ID)
				}
			}
		}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != len(list) {
			t.Error("the list has a key twice")
		}
		t.Logf("%d keys kept, %d revoked", len(kept), len(revoked))
	}
}

// Processes and the engine are killed in the middle of refreshes, rotations and
// issues. Nobody is logged out, no key is lost or works twice, and every row is
// whole.
func TestKilledInTheMiddle(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			in := run(t, name)
			in.StateTimeout = 3 * time.Second
			done, cancel := context.WithCancel(context.Background())
			defer cancel()
			c := &crew{done: done}
			for i, w := range start(t, len(c.workers), in.setup) {
				c.workers[i].Store(w)
			}
			var clients []func()
			for i := range 6 {
				clients = append(clients, c.refresher(t, "user"+strconv.Itoa(i)))
			}
			clients = append(clients, c.rotator(t), c.rotator(t), c.issuer(t))
			var all sync.WaitGroup
			for _, client := range clients {
				all.Go(client)
			}
			for round := range 8 {
				// Each kill hits the middle of some request: requests run all the time.
				from := c.progress.Load()
				eventually(t, "requests are answered", func() bool { return c.progress.Load() >= from+60 })
				if round%2 == 0 || in.server == nil {
					i := round / 2 % len(c.workers)
					c.workers[i].Load().stop()
					w, err := spawn(t, in.setup)
					if err != nil {
						t.Error(err)
						break
					}
					c.workers[i].Store(w)
				} else {
					try(t, in.server.Kill())
					try(t, in.server.Restart(t.Context()))
				}
			}
			cancel()
			all.Wait()
			t.Logf("%d operations were answered", c.progress.Load())
		})
	}
}
