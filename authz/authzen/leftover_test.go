package authzen_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
)

// Nothing panics on a zero or nil value, and nothing is allowed.
func TestZeroValues(t *testing.T) {
	var none context.Context
	yes := client(t, authzen.Config{URL: "https://pdp.example", Transport: answering(200, `{"decision":true}`)})
	var policy *authz.Policy
	for name, e := range map[string]authz.BatchEngine{
		"nil Client": (*authzen.Client)(nil), "Client": new(authzen.Client), "nil Shadow": (*authzen.Shadow)(nil), "Shadow": new(authzen.Shadow),
		"made": yes, "shadow of a Client": &authzen.Shadow{Engine: yes, Candidate: yes}, "shadow of no policy": &authzen.Shadow{Engine: policy.Engine(), Candidate: policy.Engine()},
	} {
		for _, q := range []*authz.Query{nil, {}, query("1")} {
			if d, err := e.Decide(none, q); d.Allowed {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
		}
		all, _ := e.DecideAll(none, reads("1", "2"))
		for _, d := range all {
			if d.Allowed {
				t.Error(name, all)
			}
		}
		if s, ok := e.(*authzen.Shadow); ok && s.Counts().Compared != 0 {
			t.Error(name, s.Counts())
		}
	}
	(*authzen.Shadow)(nil).Shutdown(t.Context())
	(*authzen.Client)(nil).Shutdown(t.Context())
}

// Obligations count wherever the answer has them.
func TestObligationsBesideTheContext(t *testing.T) {
	for body, want := range map[string]bool{
		`{"decision":true,"obligations":[{"id":"o"}]}`: false,
		`{"decision":true,"obligations":{"log":1}}`:    false,
		`{"decision":true,"obligations":[]}`:           true,
	} {
		d, err := client(t, authzen.Config{URL: "https://pdp.example", Transport: answering(200, body)}).Decide(t.Context(), query("1"))
		if err != nil || d.Allowed != want {
			t.Errorf("%s: %+v, %v", body, d, err)
		}
	}
}

// A question that has waited makes room for another one.
func TestManyQuestionsWaitOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", MaxConcurrent: 1, Timeout: 5 * time.Second, Transport: &line{answer: hangs}})
		if err != nil {
			t.Fatal(err)
		}
		go c.Decide(t.Context(), query("1"))
		synctest.Wait()
		for i := range 1100 {
			gone, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel) // of the bubble, so that it waits
			if _, err := c.Decide(gone, query("2")); !errors.Is(err, context.Canceled) {
				t.Fatalf("question %d: %v", i, err)
			}
		}
	})
}

// Answers of before an outage neither end it nor prolong it.
func TestAnswersOfBeforeTheOutage(t *testing.T) {
	for name, late := range map[string]string{"answered": `{"decision":true}`, "failed": `{}`} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			asked := 0
			c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Timeout: 5 * time.Second,
				Breaker: authzen.Breaker{Failures: 1, Pause: 2 * time.Second},
				Transport: &line{answer: func(r *http.Request) (*http.Response, error) {
					if asked++; asked == 1 {
						<-release
						return response(r, 200, late), nil
					}
					if asked == 2 {
						return response(r, 503, ""), nil
					}
					return response(r, 200, `{"decision":true}`), nil
				}}})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan struct{})
			go func() { defer close(ended); c.Decide(t.Context(), query("1")) }()
			synctest.Wait()
			if _, err := c.Decide(t.Context(), query("2")); err == nil {
				t.Fatal("no outage")
			}
			time.Sleep(1700 * time.Millisecond) // of the bubble
			close(release)
			<-ended
			if _, err := c.Decide(t.Context(), query("3")); err == nil || !strings.Contains(err.Error(), "left alone") {
				t.Errorf("%s: the outage has ended: %v", name, err)
			}
			time.Sleep(300 * time.Millisecond)
			if d, err := c.Decide(t.Context(), query("4")); err != nil || !d.Allowed {
				t.Errorf("%s: the outage was prolonged: %v", name, err)
			}
			c.Shutdown(t.Context())
		})
	}
}

// A goroutine that ends inside code that is not ours leaves nothing behind: no
// slot, no probe, and no comparison.
func TestGoexitLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails, exits := true, false
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", MaxConcurrent: 1, Timeout: time.Second, Breaker: authzen.Breaker{Failures: 1, Pause: time.Second},
			Transport: &line{answer: func(r *http.Request) (*http.Response, error) {
				if exits {
					runtime.Goexit()
				}
				if fails {
					return response(r, 503, ""), nil
				}
				return response(r, 200, `{"decision":true}`), nil
			}}})
		if err != nil {
			t.Fatal(err)
		}
		alone := func() {
			ended := make(chan struct{})
			go func() { defer close(ended); c.Decide(t.Context(), query("1")) }()
			<-ended
		}
		alone()
		time.Sleep(time.Second) // of the bubble
		exits = true
		alone() // is the probe
		exits, fails = false, false
		if d, err := c.Decide(t.Context(), query("2")); err != nil || !d.Allowed {
			t.Errorf("stuck: %v", err)
		}
		exits = true
		s := &authzen.Shadow{Engine: new(authz.Policy).Engine(), Candidate: c, MaxConcurrent: 1}
		for range 3 {
			s.Decide(t.Context(), query("3"))
			synctest.Wait()
		}
		if n := s.Counts(); n.Dropped != 0 {
			t.Errorf("a comparison is still there: %+v", n)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := c.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
