package authzen_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// A switched line has the answer that it is set to.
func switched() (*line, *atomic.Pointer[func(*http.Request) (*http.Response, error)]) {
	var now atomic.Pointer[func(*http.Request) (*http.Response, error)]
	return &line{answer: func(r *http.Request) (*http.Response, error) { return (*now.Load())(r) }}, &now
}

func set(now *atomic.Pointer[func(*http.Request) (*http.Response, error)], f func(*http.Request) (*http.Response, error)) {
	now.Store(&f)
}

func with(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) { return response(r, status, body), nil }
}

// The breaker opens after failures in a row, asks once after each pause, and
// closes with the first answer. Each turn is one event.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events bulwarktest.Recorder
		l, now := switched()
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, Recorder: &events})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(want string) {
			t.Helper()
			before := len(l.asked())
			d, err := c.Decide(context.Background(), query("1"))
			sent := len(l.asked()) - before
			switch want {
			case "allowed":
				if !d.Allowed || err != nil || sent != 1 {
					t.Fatalf("%v, %v, %d sent", d, err, sent)
				}
			case "failed":
				if denied(t, d, err, "the answer is 500"); sent != 1 {
					t.Fatalf("%d sent: %v", sent, err)
				}
			case "kept":
				if denied(t, d, err, "left alone for a while, see authzen.Config.Breaker; its last failure: the answer is 500"); sent != 0 {
					t.Fatalf("%d sent", sent)
				}
			}
		}
		set(now, with(500, ""))
		for range 4 {
			ask("failed")
		}
		set(now, with(200, allow))
		ask("allowed") // so that the failures are not in a row
		set(now, with(500, ""))
		for range 4 {
			ask("failed")
		}
		if got := events.Take(); len(got) > 0 {
			t.Fatalf("events before the outage: %v", got)
		}
		ask("failed")
		begin := time.Now()
		opened := events.Take()
		if len(opened) != 1 || opened[0].Name != bulwark.SysUnavailable || opened[0].Reason != "authzen.outage" || opened[0].Rule != "https://pdp.example" ||
			!strings.Contains(opened[0].Attrs[0].Value.String(), "the answer is 500") {
			t.Fatalf("events %+v", opened)
		}
		for _, pause := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			ask("kept")
			time.Sleep(pause*time.Second*9/10 - time.Millisecond)
			ask("kept")
			time.Sleep(pause*time.Second/10 + time.Millisecond)
			ask("failed")
		}
		if got := events.Take(); len(got) > 0 {
			t.Fatalf("events during the outage: %v", got)
		}
		set(now, with(200, allow))
		ask("kept")
		time.Sleep(30 * time.Second)
		ask("allowed")
		ask("allowed")
		closed := events.Take()
		if len(closed) != 1 || closed[0].Name != bulwark.SysMonitorEnabled || closed[0].Reason != "authzen.recovered" ||
			closed[0].Attrs[0].Value.Duration() != time.Since(begin) || closed[0].Attrs[1].Value.Int64() != 15 {
			t.Fatalf("events %+v", closed)
		}
	})
}

// While one question finds out whether the decision point is back, no other is
// sent.
func TestOneProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, now := switched()
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, Breaker: authzen.Breaker{Failures: 1}, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		set(now, with(500, ""))
		c.Decide(context.Background(), query("1"))
		time.Sleep(time.Second)
		release := make(chan struct{})
		set(now, func(r *http.Request) (*http.Response, error) { <-release; return response(r, 200, allow), nil })
		var allowed, refused atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if d, err := c.Decide(context.Background(), query("1")); d.Allowed && err == nil {
					allowed.Add(1)
				} else {
					refused.Add(1)
				}
			})
		}
		synctest.Wait()
		if len(l.asked()) != 2 || refused.Load() != 49 {
			t.Errorf("%d sent, %d refused", len(l.asked()), refused.Load())
		}
		close(release)
		all.Wait()
		if allowed.Load() != 1 {
			t.Errorf("%d allowed", allowed.Load())
		}
	})
}

// Questions that wait for their turn when an outage begins are not sent, and
// neither is a second probe that has looked at the breaker at the same time.
func TestQuestionsThatWaitedIntoAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &line{answer: func(r *http.Request) (*http.Response, error) { <-release; return response(r, 500, ""), nil }}
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, MaxConcurrent: 1, Breaker: authzen.Breaker{Failures: 1}, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var kept atomic.Int64
		for range 10 {
			all.Go(func() {
				d, err := c.Decide(context.Background(), query("1"))
				if denied(t, d, err, "the answer is 500"); strings.Contains(err.Error(), "left alone") {
					kept.Add(1)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if len(l.asked()) != 1 || kept.Load() != 9 {
			t.Errorf("%d sent, %d kept", len(l.asked()), kept.Load())
		}
	})
	if n := authzen.Probes(3); n != 1 {
		t.Errorf("%d probes at once", n)
	}
}

// What a failure is: a question about one object, or a caller that has gone,
// never keeps out the others.
func TestWhatOpensTheBreaker(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		opens  bool
	}{
		{"400", with(400, ""), false},
		{"403", with(403, ""), false},
		{"404", with(404, ""), false},
		{"413", with(413, ""), false},
		{"422", with(422, ""), false},
		{"could-not-decide", with(200, `{"decision":false,"context":{"error":{}}}`), false},
		{"deny", with(200, `{"decision":false}`), false},
		{"401", with(401, ""), true},
		{"429", with(429, ""), true},
		{"500", with(500, ""), true},
		{"302", with(302, ""), true},
		{"garbage", with(200, "garbage"), true},
		{"text", with(200, `{"decision":"true"}`), true},
		{"no-answer", hangs, true},
		{"broken", func(*http.Request) (*http.Response, error) { return nil, errors.New("broken") }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &line{answer: test.answer}
				c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, Recorder: new(bulwarktest.Recorder)})
				if err != nil {
					t.Fatal(err)
				}
				for range 20 {
					c.Decide(context.Background(), query("1"))
				}
				if opened := len(l.asked()) == 5; opened != test.opens || !opened && len(l.asked()) != 20 {
					t.Errorf("%d questions were sent", len(l.asked()))
				}
			})
		})
	}
}

// A caller that goes away is not a failure, and a probe that it made is made
// again by the next one.
func TestGoneCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, now := switched()
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		gone := func() error {
			ctx, cancel := context.WithTimeoutCause(context.Background(), time.Hour, nil)
			time.AfterFunc(time.Millisecond, cancel)
			_, err := c.Decide(ctx, query("1"))
			return err
		}
		set(now, hangs)
		for range 20 {
			if err := gone(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		if len(l.asked()) != 20 {
			t.Fatalf("%d questions were sent", len(l.asked()))
		}
		// A deadline of the ctx is a failure: package authz gives every engine
		// one. See TestImpatientCallers.
		for range 6 {
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			c.Decide(ctx, query("1"))
			cancel()
		}
		if len(l.asked()) != 25 {
			t.Fatalf("%d questions were sent", len(l.asked()))
		}
		time.Sleep(time.Second)
		if err := gone(); !errors.Is(err, context.Canceled) { // the probe
			t.Fatal(err)
		}
		set(now, with(200, allow))
		if d, err := c.Decide(context.Background(), query("1")); !d.Allowed || err != nil {
			t.Fatalf("after the probe of a gone caller: %v, %v", d, err)
		}
	})
}

// A caller with hardly any time left says nothing about the decision point. A
// client may be such a caller on purpose, by a body that comes slowly, and an
// engine that is asked before may have used up the time.
func TestImpatientCallers(t *testing.T) {
	for _, test := range []struct {
		name   string
		left   time.Duration // of Timeout, which is a second
		want   string
		sent   int // of 20 questions
		events int
	}{
		{"none", 0, "the request ended before the question was sent", 0, 0},
		{"over", -time.Hour, "the request ended before the question was sent", 0, 0},
		{"little", 499 * time.Millisecond, "the request ended before the answer came", 20, 0},
		{"half", 500 * time.Millisecond, "no answer in time", 5, 1},
		{"all", time.Second, "no answer in time", 5, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var events bulwarktest.Recorder
				l := &line{answer: hangs}
				c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, Recorder: &events})
				if err != nil {
					t.Fatal(err)
				}
				for i := range 20 {
					ctx, cancel := context.WithTimeout(t.Context(), test.left)
					d, err := c.Decide(ctx, query("1"))
					if i == 0 {
						denied(t, d, err, test.want)
						if !errors.Is(err, context.DeadlineExceeded) {
							t.Error(err)
						}
					}
					cancel()
				}
				if len(l.asked()) != test.sent || len(events.Take()) != test.events {
					t.Errorf("%d sent, events %+v", len(l.asked()), events.Events())
				}
			})
		})
	}
}

// A Transport that panics gives everything back: the panic goes on to the
// caller, and the next question is sent.
func TestPanics(t *testing.T) {
	l, now := switched()
	c := client(t, authzen.Config{URL: "https://pdp.example", Transport: l, MaxConcurrent: 1})
	set(now, func(*http.Request) (*http.Response, error) { panic("transport") })
	for range 10 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is lost")
				}
			}()
			c.Decide(context.Background(), query("1"))
		}()
	}
	set(now, with(200, allow))
	if d, err := c.Decide(context.Background(), query("1")); !d.Allowed || err != nil {
		t.Errorf("after panics: %v, %v", d, err)
	}
}

// At most MaxConcurrent questions are under way. Others wait for their turn, as
// long as Timeout, and at most 1024 of them.
func TestMaxConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &line{answer: func(r *http.Request) (*http.Response, error) {
			select {
			case <-release:
				return response(r, 200, allow), nil
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		}}
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, MaxConcurrent: 3, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		var crowded, allowed, other atomic.Int64
		var all sync.WaitGroup
		for range 3 + 1024 + 10 {
			all.Go(func() {
				d, err := c.Decide(context.Background(), query("1"))
				switch {
				case d.Allowed:
					allowed.Add(1)
				case err != nil && strings.Contains(err.Error(), "authzen.Config.MaxConcurrent"):
					crowded.Add(1)
				default:
					other.Add(1)
				}
			})
			synctest.Wait()
		}
		if len(l.asked()) != 3 || crowded.Load() != 10 {
			t.Errorf("%d under way, %d refused at once", len(l.asked()), crowded.Load())
		}
		close(release)
		all.Wait()
		if allowed.Load() != 1027 || other.Load() != 0 {
			t.Errorf("%d allowed, %d otherwise", allowed.Load(), other.Load())
		}
	})
}

// A question that waits for its turn is given up after Timeout, and when its
// ctx ends.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{answer: hangs}
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, MaxConcurrent: 1, Timeout: 2 * time.Second, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		ask := func(ctx context.Context, after time.Duration, want string) {
			all.Go(func() {
				begin := time.Now()
				d, err := c.Decide(ctx, query("1"))
				denied(t, d, err, want)
				if took := time.Since(begin); took != after {
					t.Errorf("%s after %v, want %v", want, took, after)
				}
			})
			synctest.Wait()
		}
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		ask(context.Background(), 2*time.Second, "no answer in time, and authzen.Config.Timeout is 2s")
		ask(short, time.Second, "the request ended before the question was sent")
		time.Sleep(time.Millisecond)
		ask(context.Background(), 2*time.Second+1999*time.Millisecond, "no answer in time") // it gets the slot of the first
		ask(context.Background(), 2*time.Second, "too many questions wait")
		all.Wait()
	})
}

// DecideAll ends within 5 seconds, however many requests it needs.
func TestDecideAllIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := overHandler(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(700 * time.Millisecond)
			evens(w, r)
		})
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, MaxBatch: 1, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		decisions, err := c.DecideAll(context.Background(), reads(strings.Split(strings.Repeat("0 ", 99)+"0", " ")...))
		denied(t, authz.Decision{}, err, "no answer in time")
		if took := time.Since(begin); decisions != nil || took > 6*time.Second {
			t.Errorf("%v after %v", decisions, took)
		}
	})
}

// Shutdown waits for the questions under way, and lets no other begin.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		l := &line{answer: func(r *http.Request) (*http.Response, error) { <-release; return response(r, 200, allow), nil }}
		c, err := authzen.New(authzen.Config{URL: "https://pdp.example", Transport: l, MaxConcurrent: 1, Timeout: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(func() {
			if d, err := c.Decide(context.Background(), query("1")); !d.Allowed || err != nil {
				t.Errorf("the question under way: %v, %v", d, err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			d, err := c.Decide(context.Background(), query("1"))
			denied(t, d, err, "has been shut down")
		})
		synctest.Wait()
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		d, err := c.Decide(context.Background(), query("1"))
		denied(t, d, err, "has been shut down")
		close(release)
		for range 2 {
			if err := c.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
		}
		all.Wait()
		if len(l.asked()) != 1 {
			t.Errorf("%d questions were sent", len(l.asked()))
		}
	})
}
