package introspection_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/bulwark-go/bulwark/auth/introspection"
)

// inBubble runs f with a service under a clock that moves only when everybody
// waits.
func inBubble(t *testing.T, change func(*introspection.Config), f func(t *testing.T, s *server, service *service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: says(good)}
		c := config(s)
		if change != nil {
			change(&c)
		}
		f(t, s, newService(t, c))
	})
}

// asks fails unless f makes so many questions.
func (s *server) asks(t *testing.T, want int64, f func()) {
	t.Helper()
	before := s.asked.Load()
	f()
	if n := s.asked.Load() - before; n != want {
		t.Errorf("%d questions, want %d", n, want)
	}
}

func TestGoodAnswersAreRemembered(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		expiry time.Duration // 0 is far away
		holds  time.Duration
	}{
		{"by-default", nil, 0, time.Minute},
		{"for-a-time", func(c *introspection.Config) { c.Cache.Lifetime = 10 * time.Second }, 0, 10 * time.Second},
		{"until-its-end", nil, 30 * time.Second, 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, test.change, func(t *testing.T, s *server, service *service) {
				if test.expiry > 0 {
					s.become(says(with("exp", fmt.Sprint(time.Now().Add(test.expiry).Unix()))))
				}
				first := service.accepts("opaque")
				s.asks(t, 0, func() {
					time.Sleep(test.holds - time.Nanosecond)
					if again := service.accepts("opaque"); again != first {
						t.Error("another caller")
					}
				})
				s.asks(t, 1, func() {
					time.Sleep(time.Nanosecond)
					service.accepts("opaque")
				})
			})
		})
	}
}

// How long a question took counts.
func TestAnswersAgeFromTheQuestion(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		s.become(func(r *http.Request) (*http.Response, error) {
			time.Sleep(4 * time.Second)
			return says(good)(r)
		})
		service.accepts("opaque")
		s.asks(t, 0, func() {
			time.Sleep(55 * time.Second)
			service.accepts("opaque")
		})
		s.asks(t, 1, func() {
			time.Sleep(time.Second)
			service.accepts("opaque")
		})
	})
}

func TestNothingIsRemembered(t *testing.T) {
	none := func(c *introspection.Config) { c.Cache.Lifetime, c.Cache.InactiveLifetime = -1, -1 }
	inBubble(t, none, func(t *testing.T, s *server, service *service) {
		s.asks(t, 3, func() {
			for range 3 {
				service.accepts("opaque")
			}
		})
		if held, _, _ := service.introspector.Held(); held != 0 {
			t.Errorf("%d answers are held", held)
		}
		s.become(says(`{"active":false}`))
		s.asks(t, 3, func() {
			for range 3 {
				service.refuses("opaque", "inactive")
			}
		})
	})
}

func TestRefusalsAreRememberedShortly(t *testing.T) {
	for _, test := range []struct {
		body, reason string
		change       func(*introspection.Config)
		holds        time.Duration
	}{
		{`{"active":false}`, "inactive", nil, 5 * time.Second},
		{with("aud", `"other"`), "audience", nil, 5 * time.Second},
		{`{"active":false}`, "inactive", func(c *introspection.Config) { c.Cache.InactiveLifetime = time.Second }, time.Second},
	} {
		t.Run(test.reason, func(t *testing.T) {
			inBubble(t, test.change, func(t *testing.T, s *server, service *service) {
				s.become(says(test.body))
				s.asks(t, 1, func() {
					service.refuses("opaque", test.reason)
					time.Sleep(test.holds - time.Nanosecond)
					service.refuses("opaque", test.reason)
				})
				s.become(says(good))
				time.Sleep(time.Nanosecond)
				service.accepts("opaque")
			})
		})
	}
}

func TestRevocationTakesAMinute(t *testing.T) {
	inBubble(t, nil, func(t *testing.T, s *server, service *service) {
		service.accepts("opaque")
		s.become(says(`{"active":false}`))
		time.Sleep(59 * time.Second)
		service.accepts("opaque")
		time.Sleep(time.Second)
		service.refuses("opaque", "inactive")
	})
}

// Tokens do not share answers.
func TestTokensAreToldApart(t *testing.T) {
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		return says(with("sub", `"`+tokenOf(r)+`"`))(r)
	})
	service := newService(t, config(s))
	for range 2 {
		for _, token := range []string{"a", "A", "a=", "a==", "aa"} {
			if p := service.accepts(token); p.Subject != token {
				t.Errorf("the token %q is of %q", token, p.Subject)
			}
		}
	}
	if n := s.asked.Load(); n != 5 {
		t.Errorf("%d questions", n)
	}
}

func TestKeys(t *testing.T) {
	seen := map[[32]byte]string{}
	for _, parts := range [][3]string{
		{"https://a", "client", "token"}, {"https://a", "clientt", "oken"}, {"https://ac", "lient", "token"},
		{"https://b", "client", "token"}, {"https://a", "other", "token"}, {"https://a", "client", "Token"},
		{"https://a", "client", strings.Repeat("t", 8000)}, {"https://a", "client", strings.Repeat("t", 7999) + "u"},
	} {
		k := introspection.Key(parts[0], parts[1], parts[2])
		if other, taken := seen[k]; taken {
			t.Errorf("%v has the key of %s", parts, other)
		}
		seen[k] = fmt.Sprint(parts)
	}
}

// Who sends tokens that nobody issued drives out no answer about a good one.
func TestBadTokensDriveOutNothing(t *testing.T) {
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		if strings.HasPrefix(tokenOf(r), "bad") {
			return says(`{"active":false}`)(r)
		}
		return says(good)(r)
	})
	c := config(s)
	c.Cache.Max = 10
	service := newService(t, c)
	for n := range 5 {
		service.accepts(fmt.Sprint("good", n))
	}
	for n := range 3000 {
		service.introspector.Verify(t.Context(), fmt.Sprint("bad", n))
	}
	s.asks(t, 0, func() {
		for n := range 5 {
			service.accepts(fmt.Sprint("good", n))
		}
	})
	held, _, others := service.introspector.Held()
	if held != 5 || others > 1024 || others < 900 {
		t.Errorf("%d good, %d others", held, others)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	for _, test := range []struct {
		name, body string
		size, most int
	}{
		{"small-answers", good, 1000, 1000},
		{"large-answers", with("x", `"`+strings.Repeat("x", 8000)+`"`), 1000, 1000 / 8},
		{"many-scopes", with("scope", `"`+strings.Repeat("a ", 2000)+`"`), 1000, 1000 / 32}, // 16 bytes for each beside the text
		{"one", good, 1, 1},
		{"none", good, -1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{answer: says(test.body)})
			c.Cache.Max = test.size
			i := mustNew(t, c)
			for n := range 3000 {
				if _, err := i.Verify(t.Context(), fmt.Sprint(n)); err != nil {
					t.Fatal(err)
				}
			}
			held, bytes, others := i.Held()
			if held > test.most || bytes > max(test.size, 0)<<10 || others != 0 {
				t.Errorf("%d entries of %d bytes, %d others", held, bytes, others)
			}
			if test.size > 0 && held == 0 {
				t.Error("nothing is remembered")
			}
		})
	}
}

// An answer that grows takes the place of others.
func TestMemoryIsBoundedWhenAnswersGrow(t *testing.T) {
	inBubble(t, func(c *introspection.Config) { c.Cache.Max = 64 }, func(t *testing.T, s *server, service *service) {
		for round := range 6 {
			s.become(says(with("x", `"`+strings.Repeat("x", 100+round*9000)+`"`)))
			for n := range 64 {
				service.accepts(fmt.Sprint(n))
			}
			if held, bytes, _ := service.introspector.Held(); held > 64 || bytes > 64<<10 || held == 0 {
				t.Errorf("round %d: %d entries of %d bytes", round, held, bytes)
			}
			time.Sleep(time.Minute)
		}
	})
}

// An answer that finds no room takes away the one that it replaces.
func TestAnswersThatFindNoRoom(t *testing.T) {
	small := func(c *introspection.Config) { c.Cache.Max, c.InsecureOnOutage = 8, time.Hour }
	inBubble(t, small, func(t *testing.T, s *server, service *service) {
		service.accepts("opaque")
		time.Sleep(time.Minute)
		s.become(says(changed(map[string]string{"sub": `"bob"`, "x": `"` + strings.Repeat("x", 9000) + `"`})))
		s.asks(t, 2, func() {
			for range 2 {
				if p := service.accepts("opaque"); p.Subject != "bob" {
					t.Errorf("the token is of %q", p.Subject)
				}
			}
		})
		s.become(refuse)
		service.unavailable("opaque")
	})
}

// afterSuspend is t on a machine that slept for d: the clock on the wall went
// on and the monotonic one stood still. No function of package time makes such
// a time, so the seconds are added where time.Time keeps them (its documented
// layout beside a monotonic reading).
func afterSuspend(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	after := at
	*(*uint64)(unsafe.Pointer(&after)) += uint64(d/time.Second) << 30
	if after.Sub(at) != 0 || after.Round(0).Sub(at.Round(0)) != d {
		t.Fatal("package time keeps its seconds elsewhere")
	}
	return after
}

func TestASuspendedMachineExtendsNothing(t *testing.T) {
	now := time.Now()
	soon, later := time.Unix(now.Unix()+30, 0), time.Unix(now.Unix()+3600, 0)
	for _, test := range []struct {
		name         string
		expires, now time.Time
		want         bool
	}{
		{"at-once", later, now, true},
		{"before-a-minute", later, now.Add(59 * time.Second), true},
		{"after-a-minute", later, now.Add(time.Minute), false},
		{"before-expiry", soon, now.Add(28 * time.Second), true},
		{"after-expiry", soon, now.Add(31 * time.Second), false},
		{"without-expiry", time.Time{}, now.Add(59 * time.Second), true},
		{"without-expiry-after-a-minute", time.Time{}, now.Add(time.Minute), false},
		{"asleep-for-a-while", later, afterSuspend(t, now, 58*time.Second), true},
		{"asleep-for-two-minutes", later, afterSuspend(t, now, 2*time.Minute), false},
		{"asleep-past-expiry", soon, afterSuspend(t, now, 31*time.Second), false},
		{"clock-set-back", later, afterSuspend(t, now, -10*time.Minute).Add(time.Minute), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := introspection.Believed(now, test.expires, test.now, time.Minute); got != test.want {
				t.Errorf("believed: %t, want %t", got, test.want)
			}
		})
	}
}
