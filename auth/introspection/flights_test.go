package introspection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// slowly answers after a time.
func slowly(d time.Duration, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(d)
		return says(body)(r)
	}
}

func TestConcurrentRequestsShareOneQuestion(t *testing.T) {
	for body, want := range map[string]string{good: "no problem", `{"active":false}`: "inactive", `{`: "introspection_unavailable"} {
		t.Run(want, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s *server, service *service) {
				s.become(slowly(time.Second, body))
				s.asks(t, 1, func() {
					var wg sync.WaitGroup
					for range 100 {
						wg.Go(func() {
							if _, err := service.introspector.Verify(t.Context(), "opaque"); reason(err) != want {
								t.Error(err)
							}
						})
					}
					wg.Wait()
				})
			})
		})
	}
}

// A question goes on for the others when the request that began it is gone, and
// its answer is remembered.
func TestQuestionsOutliveTheirRequests(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(slowly(3*time.Second, good))
		s.asks(t, 1, func() {
			began := time.Now()
			ctx, cancel := contextFor(t, time.Second)
			defer cancel()
			if _, err := service.introspector.Verify(ctx, "opaque"); reason(err) != "introspection_unavailable" || !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
			if waited := time.Since(began); waited != time.Second {
				t.Errorf("waited %v", waited)
			}
			if _, err := service.introspector.Verify(t.Context(), "opaque"); err != nil {
				t.Error(err)
			}
			if waited := time.Since(began); waited != 3*time.Second {
				t.Errorf("waited %v", waited)
			}
		})
	})
}

func TestQuestionsAreBounded(t *testing.T) {
	few := func(c *introspection.Config) { c.Client.MaxConcurrent = 4 }
	inBubble(t, few, func(t *testing.T, s *server, service *service) {
		var now, most atomic.Int64
		s.become(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			time.Sleep(time.Second)
			return says(good)(r)
		})
		began := time.Now()
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				if _, err := service.introspector.Verify(t.Context(), fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if waited := time.Since(began); most.Load() != 4 || waited != 5*time.Second {
			t.Errorf("%d questions at once, %v", most.Load(), waited)
		}
	})
}

// Requests about one token wait for one turn.
func TestWaitingRequestsShareOneQuestion(t *testing.T) {
	one := func(c *introspection.Config) { c.Client.MaxConcurrent = 1 }
	inBubble(t, one, func(t *testing.T, s *server, service *service) {
		s.become(slowly(2*time.Second, good))
		go service.introspector.Verify(t.Context(), "first")
		synctest.Wait()
		s.asks(t, 1, func() {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if _, err := service.introspector.Verify(t.Context(), "opaque"); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	})
}

func TestWaitingForATurnIsBounded(t *testing.T) {
	one := func(c *introspection.Config) { c.Client.MaxConcurrent, c.Client.Timeout = 1, 2*time.Second }
	inBubble(t, one, func(t *testing.T, s *server, service *service) {
		s.become(func(*http.Request) (*http.Response, error) { // does not listen to its context
			time.Sleep(time.Hour)
			return nil, errors.New("late")
		})
		began := time.Now()
		service.unavailable("first")
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the first request waited %v for a deaf transport", waited)
		}
		time.Sleep(time.Second)
		began = time.Now()
		service.unavailable("second") // whose slot is still taken
		if waited := time.Since(began); waited != 2*time.Second {
			t.Errorf("the second request waited %v", waited)
		}
		began = time.Now()
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if _, err := service.introspector.Verify(ctx, "third"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		s.become(says(good))
		time.Sleep(time.Hour)
		service.accepts("first") // what came late counts for nothing
	})
}

// When the endpoint fails, nobody in the line waits for it in turn.
func TestTheLineDissolvesInAnOutage(t *testing.T) {
	few := func(c *introspection.Config) { c.Client.MaxConcurrent = 2 }
	inBubble(t, few, func(t *testing.T, s *server, service *service) {
		s.become(hang)
		began := time.Now()
		s.asks(t, 2, func() {
			var wg sync.WaitGroup
			for n := range 500 {
				wg.Go(func() {
					if _, err := service.introspector.Verify(t.Context(), fmt.Sprint(n)); reason(err) != "introspection_unavailable" {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

func TestTooManyWaitersAreRefused(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(slowly(time.Second, good))
		var passed, refused atomic.Int64
		var wg sync.WaitGroup
		for range 1100 {
			wg.Go(func() {
				began := time.Now()
				switch _, err := service.introspector.Verify(t.Context(), "opaque"); {
				case err == nil:
					passed.Add(1)
				case reason(err) == "introspection_unavailable" && time.Since(began) == 0:
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 1024 || refused.Load() != 76 {
			t.Errorf("%d passed, %d were refused at once; want 1024 and 76", passed.Load(), refused.Load())
		}
		service.accepts("other") // there is room again
	})
}

func TestClientsThatHaveGoneWaitNoLonger(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(slowly(time.Second, good))
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for range 3000 {
			if _, err := service.introspector.Verify(gone, "opaque"); reason(err) != "introspection_unavailable" {
				t.Fatal(err)
			}
		}
		service.accepts("opaque")
	})
}

func TestShutdown(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		var lines bytes.Buffer
		logTo(t, slog.NewTextHandler(&lines, nil))
		service.accepts("known")
		s.become(hang)
		var wg sync.WaitGroup
		for n := range 10 {
			wg.Go(func() {
				if _, err := service.introspector.Verify(t.Context(), fmt.Sprint(n)); reason(err) != "introspection_unavailable" || !strings.Contains(err.Error(), "shut down") {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if err := service.introspector.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		wg.Wait()
		s.become(says(good))
		s.asks(t, 0, func() {
			service.unavailable("unknown")
			service.accepts("known")
		})
		if err := service.introspector.Shutdown(t.Context()); err != nil {
			t.Errorf("the second time: %v", err)
		}
		if waited := time.Since(began); waited != 0 || lines.Len() > 0 {
			t.Errorf("waited %v, log %q", waited, &lines)
		}
	})
}

func TestShutdownGivesUp(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(func(*http.Request) (*http.Response, error) { // does not listen to its context
			time.Sleep(time.Hour)
			return nil, errors.New("late")
		})
		go service.introspector.Verify(t.Context(), "opaque")
		synctest.Wait()
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if err := service.introspector.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour)
		if err := service.introspector.Shutdown(t.Context()); err != nil {
			t.Errorf("after all is over: %v", err)
		}
	})
}

// Many requests about few tokens while the endpoint comes and goes, for the
// race detector: whatever happens, a token is its own caller's.
func TestTogether(t *testing.T) {
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		token := tokenOf(r)
		switch s.asked.Load() % 7 {
		case 0:
			return says(`{"active":false}`)(r)
		case 1:
			return status(500)(r)
		}
		return says(with("sub", `"`+token+`"`))(r)
	})
	c := config(s)
	c.Cache.Max, c.Cache.Lifetime, c.Cache.InactiveLifetime, c.InsecureOnOutage, c.Client.MaxConcurrent = 16, time.Millisecond, time.Millisecond, time.Minute, 4
	i := mustNew(t, c)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for round := range 300 {
				token := fmt.Sprint("token", (n+round)%24)
				switch p, err := i.Verify(t.Context(), token); {
				case err == nil && p.Subject != token:
					t.Errorf("%s is of %s", token, p.Subject)
				case err != nil && reason(err) != "inactive" && reason(err) != "introspection_unavailable":
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 100 {
			i.Held()
			i.Challenges()
		}
	})
	wg.Wait()
	if err := i.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}
