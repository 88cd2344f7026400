package ratelimit_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// An answer of which the limit has seen nothing counts, and the first is told.
func TestCaseRl1AnAnswerThatIsNotSeenCounts(t *testing.T) {
	never := func(http.ResponseWriter, *http.Request) {}
	for name, test := range map[string]struct {
		handler func(w http.ResponseWriter, r *http.Request) // inside the limit
		after   func(w http.ResponseWriter, r *http.Request) // outside, when it has returned
		change  func(*http.Request)
		config  ratelimit.Config
		counts  bool
	}{
		"written_after_the_layer": {never, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, nil, ratelimit.Config{}, true},
		"body_after_the_layer":    {never, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("no")) }, nil, ratelimit.Config{}, true},
		"another_writer": {func(_ http.ResponseWriter, r *http.Request) {
			r.Context().Value(writerKey{}).(http.ResponseWriter).WriteHeader(401)
		}, never, nil, ratelimit.Config{}, true},
		"success_to_another_writer": {func(_ http.ResponseWriter, r *http.Request) {
			r.Context().Value(writerKey{}).(http.ResponseWriter).WriteHeader(200)
		}, never, nil, ratelimit.Config{}, true},
		"hijacked": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Hijacker).Hijack() }, never, nil, ratelimit.Config{}, true},
		"upgraded": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101) }, never, nil, ratelimit.Config{}, true},
		"client_gone": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, never, func(r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			*r = *r.WithContext(ctx)
		}, ratelimit.Config{}, true},
		"header_only": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", "1") }, never, nil, ratelimit.Config{}, true},
		"success_is_not_asked": {never, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, nil,
			ratelimit.Config{Success: func(*http.Request, int) bool { return true }}, true},
		"informational": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, never, nil, ratelimit.Config{}, true},
		"200":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, never, nil, ratelimit.Config{}, false},
		"empty_write":   {func(w http.ResponseWriter, _ *http.Request) { w.Write(nil) }, never, nil, ratelimit.Config{}, false},
		"flushed":       {func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() }, never, nil, ratelimit.Config{}, false},
		"500":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, never, nil, ratelimit.Config{}, false},
	} {
		for _, key := range []ratelimit.Key{ratelimit.ByIP, ratelimit.Join(ratelimit.ByIP, ratelimit.KeyFunc(func(r *http.Request) string { return r.URL.Path }))} {
			t.Run(name, func(t *testing.T) {
				c := test.config
				c.Name, c.Key, c.Rate, c.Count = "login", key, "3/hour", ratelimit.Failures
				b := serve(t, c)
				ran := 0
				limited := b.limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ran++
					test.handler(w, r)
				}))
				b.handler = b.rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					before := ran
					limited.ServeHTTP(hijackable{w}, r.WithContext(context.WithValue(r.Context(), writerKey{}, w)))
					if ran > before {
						test.after(w, r)
					}
				}))
				refusals := 0
				for range 10 {
					if test.change != nil {
						refusals += status429(b.from("2001:db8::1", test.change))
						continue
					}
					refusals += status429(b.from("2001:db8::1"))
				}
				told := 0
				for _, e := range b.rec.Take() {
					if e.Reason == "ratelimit.unseen" {
						told++
						if e.Name != bulwark.SysMonitorDisabled || e.Rule != "login" || e.Attrs[0].Key != "cause" || e.Status != 0 {
							t.Errorf("event %+v", e)
						}
						if e.Attrs[1].Key != "error" || !strings.Contains(e.Attrs[1].Value.String(), "Config.Count is Failures") {
							t.Errorf("error attribute %v, want the field Config.Count", e.Attrs[1])
						}
					}
				}
				if test.counts && (ran != 3 || refusals != 7 || told != 1) {
					t.Errorf("ran %d times with %d refusals, want 3 and 7; told %d times, want once", ran, refusals, told)
				}
				if !test.counts && (ran != 10 || told != 0) {
					t.Errorf("ran %d times, want 10; told %d times", ran, told)
				}
			})
		}
	}
}

type writerKey struct{}

func status429(res *http.Response) int {
	if res.StatusCode == http.StatusTooManyRequests {
		return 1
	}
	return 0
}

// hijackable is a writer whose connection can be taken over.
type hijackable struct{ http.ResponseWriter }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	one, other := net.Pipe()
	other.Close()
	return one, nil, nil
}

func (h hijackable) Flush() { h.ResponseWriter.(http.Flusher).Flush() }

// Each limit tells for itself: the next has another handler.
func TestCaseRl1EachLimitTells(t *testing.T) {
	for _, name := range []string{"login", "sign-up"} {
		b := serve(t, ratelimit.Config{Name: name, Key: ratelimit.ByIP, Rate: "3/hour", Count: ratelimit.Failures})
		b.passes(3, "192.0.2.1")
		if events := b.rec.Take(); len(events) != 1 || events[0].Rule != name {
			t.Errorf("%s: %+v", name, events)
		}
	}
}

// A limit on all requests needs no answer.
func TestCaseRl1RequestsAreCountedUnseen(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "3/hour"})
	if got := b.passes(9, "192.0.2.1"); got != 3 {
		t.Errorf("%d passed, want 3", got)
	}
	for _, e := range b.rec.Take() {
		if e.Reason == "ratelimit.unseen" {
			t.Errorf("event %+v", e)
		}
	}
}
