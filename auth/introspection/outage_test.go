package introspection_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

// outages are the ways in which an endpoint fails for everybody.
func outages() map[string]func(*http.Request) (*http.Response, error) {
	return map[string]func(*http.Request) (*http.Response, error){
		"hanging":     hang,
		"refusing":    refuse,
		"redirecting": status(302),
		"unavailable": status(503),
		"forbidding":  status(401),
		"panicking":   func(*http.Request) (*http.Response, error) { panic("secret-value") },
		"nothing":     func(*http.Request) (*http.Response, error) { return nil, nil },
		"both":        func(r *http.Request) (*http.Response, error) { return nil, errors.New("x") },
	}
}

// A dead endpoint is not hammered, and requests do not wait for it one by one.
func TestDeadEndpointIsLeftAlone(t *testing.T) {
	for name, broken := range outages() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s *server, service *service) {
				s.become(broken)
				began := time.Now()
				service.unavailable("first")
				if waited := time.Since(began); waited > 5*time.Second {
					t.Errorf("the first request waited %v", waited)
				}
				began = time.Now()
				s.asks(t, 0, func() {
					for n := range 100 {
						w := service.unavailable(fmt.Sprint(n))
						if got := w.Header().Get("Retry-After"); got != "1" {
							t.Errorf("Retry-After %q", got)
						}
					}
				})
				if waited := time.Since(began); waited != 0 {
					t.Errorf("a hundred requests waited %v", waited)
				}
				before := s.asked.Load()
				for n := range 3600 {
					service.introspector.Verify(t.Context(), fmt.Sprint("later", n))
					time.Sleep(time.Second)
				}
				if n := s.asked.Load() - before; n < 100 || n > 300 {
					t.Errorf("%d questions in an hour", n)
				}
				s.become(says(good))
				time.Sleep(15 * time.Second)
				service.accepts("again")
				s.asks(t, 10, func() {
					for n := range 10 {
						service.accepts(fmt.Sprint("again", n))
					}
				})
			})
		})
	}
}

func TestBackoffGrows(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(refuse)
		for n, most := range []time.Duration{1, 2, 4, 8, 15, 15, 15} {
			most *= time.Second
			service.unavailable(fmt.Sprint(n))
			s.asks(t, 0, func() {
				time.Sleep(most - most/10 - time.Millisecond)
				service.unavailable("waits")
			})
			time.Sleep(most/10 + 2*time.Millisecond)
		}
		s.become(says(good))
		service.accepts("back")
		s.become(refuse) // the next outage begins anew
		service.unavailable("again")
		time.Sleep(time.Second)
		s.asks(t, 1, func() { service.unavailable("again") })
	})
}

// Questions that fail together are one failure.
func TestBackoffGrowsOncePerOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(hang)
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() { service.introspector.Verify(t.Context(), fmt.Sprint(n)) })
		}
		wg.Wait()
		s.become(says(good))
		time.Sleep(time.Second)
		service.accepts("opaque")
	})
}

// One request finds out whether the endpoint is back; others do not wait with
// it.
func TestOneProbeAtATime(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(refuse)
		service.unavailable("opaque")
		time.Sleep(time.Second)
		s.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(2 * time.Second)
			return says(good)(r)
		})
		done := make(chan error)
		go func() {
			_, err := service.introspector.Verify(t.Context(), "probe")
			done <- err
		}()
		time.Sleep(time.Second)
		s.asks(t, 0, func() {
			began := time.Now()
			service.unavailable("other")
			if waited := time.Since(began); waited != 0 {
				t.Errorf("waited %v", waited)
			}
		})
		if err := <-done; err != nil {
			t.Error(err)
		}
		service.accepts("other")
	})
}

// Known tokens pass while the endpoint is down, for as long as they are known.
func TestKnownTokensPassInAnOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		service.accepts("opaque")
		s.become(refuse)
		service.unavailable("other")
		time.Sleep(59 * time.Second)
		service.accepts("opaque")
		time.Sleep(time.Second)
		service.unavailable("opaque")
	})
}

func TestOnOutage(t *testing.T) {
	lenient := func(c *introspection.Config) { c.InsecureOnOutage = 10 * time.Minute }
	for name, broken := range outages() {
		t.Run(name, func(t *testing.T) {
			inBubble(t, lenient, func(t *testing.T, s *server, service *service) {
				began := time.Now()
				first := service.accepts("opaque")
				s.become(broken)
				for time.Since(began) < 10*time.Minute { // and the minute before the outage counts
					time.Sleep(10 * time.Second)
					if service.accepts("opaque") != first {
						t.Error("another caller")
					}
					service.unavailable("unknown")
				}
				time.Sleep(11*time.Minute - time.Since(began))
				service.unavailable("opaque")
			})
		})
	}
}

// While the endpoint answers, its answer counts.
func TestOnOutageIsForOutagesOnly(t *testing.T) {
	lenient := func(c *introspection.Config) { c.InsecureOnOutage = time.Hour }
	inBubble(t, lenient, func(t *testing.T, s *server, service *service) {
		service.accepts("opaque")
		s.become(says(`{"active":false}`))
		time.Sleep(time.Minute)
		service.refuses("opaque", "inactive")
		time.Sleep(10 * time.Second) // the refusal is forgotten, and nothing comes back
		s.become(refuse)
		service.unavailable("opaque")
	})
}

func TestOnOutageEndsWithTheToken(t *testing.T) {
	lenient := func(c *introspection.Config) { c.InsecureOnOutage = time.Hour }
	inBubble(t, lenient, func(t *testing.T, s *server, service *service) {
		s.become(says(with("exp", fmt.Sprint(time.Now().Add(5*time.Minute).Unix()))))
		service.accepts("opaque")
		s.become(refuse)
		time.Sleep(5*time.Minute - time.Nanosecond)
		service.accepts("opaque")
		time.Sleep(time.Nanosecond)
		service.unavailable("opaque")
	})
}

// A request that gives up, or that finds no room, is no outage of the endpoint.
func TestOnOutageIsNotForOurOwnLimits(t *testing.T) {
	lenient := func(c *introspection.Config) { c.InsecureOnOutage, c.Client.MaxConcurrent = time.Hour, 1 }
	inBubble(t, lenient, func(t *testing.T, s *server, service *service) {
		service.accepts("opaque")
		time.Sleep(time.Minute)
		s.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(4 * time.Second)
			return says(good)(r)
		})
		go service.introspector.Verify(t.Context(), "other")
		time.Sleep(time.Second)
		ctx, cancel := contextFor(t, time.Second)
		defer cancel()
		if _, err := service.introspector.Verify(ctx, "opaque"); reason(err) != "introspection_unavailable" {
			t.Error(err)
		}
		time.Sleep(time.Minute)
	})
}

// An answer of no use may be for one token only: others are asked about all the
// same, and that one not all the time.
func TestOneBadAnswerIsNoOutage(t *testing.T) {
	for name, broken := range map[string]func(*http.Request) (*http.Response, error){
		"erring": status(500), "choking": status(400), "firewalled": status(403), "missing": status(404), "unimplemented": status(501), "too-large": says(padded(1 << 17)), "page": respond(200, "text/html", strings.NewReader("")),
		"malformed": says(`{`),
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s *server, service *service) {
				s.become(func(r *http.Request) (*http.Response, error) {
					if tokenOf(r) == "poison" {
						return broken(r)
					}
					return says(good)(r)
				})
				for n := range 10 {
					s.asks(t, 1, func() {
						for range 50 {
							service.unavailable("poison")
						}
					})
					service.accepts(fmt.Sprint(n))
					time.Sleep(5 * time.Second)
				}
			})
		})
	}
}

// What a firewall in front of the server, or the server itself, says about
// tokens of somebody's choice shuts nobody else out, however many they are, and
// neither does winning the one question by which it is seen whether the
// endpoint is back.
func TestRefusedQuestionsAreNoOutage(t *testing.T) {
	for _, code := range []int{400, 403, 404, 406, 413, 414, 422, 431, 451} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, s *server, service *service) {
				s.become(func(r *http.Request) (*http.Response, error) {
					if strings.HasPrefix(tokenOf(r), "poison") {
						return status(code)(r)
					}
					return says(good)(r)
				})
				for n := range 50 {
					service.unavailable(fmt.Sprint("poison", n))
				}
				service.accepts("opaque")
				healthy := s.answer
				s.become(status(502))
				service.unavailable("down")
				s.become(healthy)
				time.Sleep(time.Second)
				for n := range 50 {
					service.unavailable(fmt.Sprint("poison-again", n))
				}
				service.accepts("back")
			})
		})
	}
}

func TestManyBadAnswersAreAnOutage(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(status(500))
		s.asks(t, 5, func() {
			for n := range 100 {
				service.unavailable(fmt.Sprint(n))
			}
		})
		time.Sleep(time.Second)
		s.asks(t, 1, func() {
			for n := range 100 {
				service.unavailable(fmt.Sprint("later", n))
			}
		})
		time.Sleep(2 * time.Second)
		s.become(says(good))
		service.accepts("back")
		s.become(status(500)) // the count begins anew
		s.asks(t, 5, func() {
			for n := range 100 {
				service.unavailable(fmt.Sprint("again", n))
			}
		})
	})
}
