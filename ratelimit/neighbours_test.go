package ratelimit_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

func named(name string) func(*http.Request) {
	return caller(&bulwark.Principal{Issuer: "i", Subject: name})
}

// A caller at its own limit waits while the service has free places. Its
// requests do not fill the queue for others.
func TestACallerDoesNotFillTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 4, MaxQueue: 2, MaxWait: time.Second, Key: ratelimit.ByPrincipal, MaxPerKey: 2, AuthOutside: true})
		for _, name := range []string{"m1", "m2", "m3", "m4"} {
			h.send(name, named("mallory"))
		}
		h.is(2, 2)
		h.send("a1", named("alice"))
		h.send("b1", named("bob"))
		h.is(4, 2)
		h.send("a2", named("alice"))
		h.statuses(429, "m3") // it gives way, and is to blame itself
		h.is(4, 2)
		h.send("b2", named("bob"))
		h.statuses(429, "m4")
		h.send("c1", named("carol"))
		h.statuses(503, "c1") // nobody waits for a key any more
		h.end("m1")
		if got := h.order[len(h.order)-1]; got != "a2" {
			t.Errorf("%s was let in, want a2", got)
		}
		h.endAll()
	})
}

// Nor do they turn the queue of others around: that is for an overload.
func TestACallerDoesNotTurnTheQueueAround(t *testing.T) {
	for name, between := range map[string]func(h *hall){
		"others come in":   func(h *hall) { h.send("x", named("x")) },
		"others leave":     func(h *hall) { h.end("w") },
		"nobody waits now": func(*hall) {},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := open(t, ratelimit.Concurrency{Max: 4, MaxQueue: 9, MaxWait: time.Second, Key: ratelimit.ByPrincipal, MaxPerKey: 2, AuthOutside: true})
			h.send("w", named("w"))
			h.send("m", named("mallory"))
			h.send("n", named("mallory"))
			for i := range 4 { // mallory always has one that waits
				h.send(fmt.Sprint("m", i), named("mallory"))
				time.Sleep(500 * time.Millisecond)
				synctest.Wait()
			}
			between(h)
			for i := 0; len(h.running) < 4; i++ {
				h.send(fmt.Sprint("full", i), named(fmt.Sprint("full", i)))
			}
			h.send("first", named("alice"))
			h.send("second", named("bob"))
			for name := range h.running {
				if name != "m" && name != "n" {
					h.end(name)
					break
				}
			}
			if got := h.order[len(h.order)-1]; got != "first" {
				t.Errorf("%s: %s was let in, want the one that came first", name, got)
			}
			h.endAll()
		})
	}
}

// In an overload a caller at its own limit does not take the places of others in
// the queue.
func TestACallerDoesNotPushOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := open(t, ratelimit.Concurrency{Max: 3, MaxQueue: 3, MaxWait: time.Second, Key: ratelimit.ByPrincipal, MaxPerKey: 2, AuthOutside: true})
		for _, name := range []string{"m1", "m2"} {
			h.send(name, named("mallory"))
		}
		h.send("a1", named("alice"))
		h.send("b1", named("bob"))
		time.Sleep(900 * time.Millisecond)
		h.send("c1", named("carol"))
		time.Sleep(101 * time.Millisecond) // an overload
		synctest.Wait()
		h.statuses(503, "b1")
		h.send("c2", named("carol"))
		h.send("d1", named("dave"))
		h.is(3, 3)
		h.send("m3", named("mallory"))
		h.statuses(429, "m3")
		h.is(3, 3)
		h.statuses(0, "c1", "c2", "d1")
		h.send("e1", named("erin"))
		h.statuses(503, "c1") // of others the oldest gives way
		h.endAll()
	})
}
