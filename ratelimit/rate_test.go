package ratelimit_test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/faulttest"
	"github.com/bulwark-go/bulwark/ratelimit"

	_ "time/tzdata" // so that a machine without time zones has the same tests
)

var goodRates = []struct {
	rate   ratelimit.Rate
	policy string
	burst  int
}{
	{"1/second", `"test";q=1;w=1`, 1},
	{"100/minute", `"test";q=100;w=60`, 100},
	{"10/hour", `"test";q=10;w=3600`, 10},
	{"7/day", `"test";q=7;w=86400`, 7},
	{"100/15m", `"test";q=100;w=900`, 100},
	{"3/1h30m", `"test";q=3;w=5400`, 3},
	{"5/1500ms500ms", `"test";q=5;w=2`, 5},
	{"2/8784h", `"test";q=2;w=31622400`, 2},
	{"7/8784h", `"test";q=7;w=31622400`, 7},
	{"100/minute,burst=25", `"test";q=100;w=60`, 25},
	{"1/second,burst=3", `"test";q=1;w=1`, 3},
	{"1/day,burst=366", `"test";q=1;w=86400`, 366},
	{"1000000/second,burst=2", `"test";q=1000000;w=1`, 2},
	{"7/month", `"test";q=7;w=2592000`, 7},
	{"100/15m,fixed-window", `"test";q=100;w=900`, 100},
	{"3/day,fixed-window", `"test";q=3;w=86400`, 3},
	{"10/hour,sliding-log", `"test";q=10;w=3600`, 10},
	{"64/2s,sliding-log", `"test";q=64;w=2`, 64},
	{"10/second; 1000/day", `"test-second";q=10;w=1, "test-day";q=1000;w=86400`, 10},
	{"9/90m;7/2h;8/3h;100/month", `"test-1h30m";q=9;w=5400, "test-2h";q=7;w=7200, "test-3h";q=8;w=10800, "test-month";q=100;w=2592000`, 7},
	{"100/90s,burst=4; 3/15m,sliding-log", `"test-1m30s";q=100;w=90, "test-15m";q=3;w=900`, 3},
	{"100/3600s; 5/minute,fixed-window", `"test-hour";q=100;w=3600, "test-minute";q=5;w=60`, 5},
}

var badRates = []ratelimit.Rate{
	"", "100", "/minute", "100/", "100/minutes", "100/Minute", "100/months", "100/min",
	"0/minute", "-1/minute", "+1/minute", "01/minute", "1.5/minute", "1e3/minute", "0x10/minute",
	"1000000001/day", "9223372036854775808/day", "99999999999999999999/day", "1000001/second",
	"1/0s", "1/-5m", "1/1500ms", "1/999ms", "1/8785h", "1/9999999h", "1/15", "1/m", "1/.5h", "1/+5m",
	" 100/minute", "100/minute ", "100 / minute", "100/minute, burst=25", "100/minute,burst=", "100/minute,burst=0",
	"100/minute,burst=-1", "100/minute,burst=1000000001", "100/minute,25", "100/minute,", "100/minute,burst=2,burst=3",
	"1/day,burst=367", "1/8784h,burst=2", "100/minute,Burst=2", "Unlimited", "unlimited,burst=2", "unlimited/minute",
	"100/minute,fixed-window,burst=5", "100/minute,burst=5,fixed-window", "10/minute,sliding-log,burst=5", "10/minute,sliding-log,fixed-window",
	"10/minute,Sliding-Log", "10/minute,sliding_log", "10/minute,gcra", "65/minute,sliding-log", "1000001/second,fixed-window",
	"10/second;", ";10/second", "10/second;  1000/day", "10/second ; 1000/day", "10/second; 1000/day ", "10/second, 1000/day", "10/second;\t1000/day",
	"10/minute; 100/60s", "10/day; 100/24h", "unlimited; 10/day", "10/day; unlimited", "1/second; 2/minute; 3/hour; 4/day; 5/month",
	"100/minute\n", "１00/minute", "100⁄minute",
}

func TestRates(t *testing.T) {
	for _, test := range goodRates {
		t.Run(strings.ReplaceAll(string(test.rate), "/", "_per_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: test.rate})
				if got := b.from("192.0.2.1").Header.Get("RateLimit-Policy"); got != test.policy {
					t.Errorf("policy %s, want %s", got, test.policy)
				}
				if got := 1 + b.passes(test.burst+3, "192.0.2.1"); got != test.burst {
					t.Errorf("%d passed at once, want %d", got, test.burst)
				}
			})
		})
	}
}

func TestRatesRefused(t *testing.T) {
	for i, rate := range badRates {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			_, err := ratelimit.New(ratelimit.Config{Name: "test", Key: ratelimit.ByIP, Rate: rate, MaxKeys: 8})
			if got := faulttest.Fields(err); len(got) != 1 || got[0] != "ratelimit(test).Rate" {
				t.Errorf("%q: %v, want one error in Rate", rate, err)
			}
		})
	}
}

// The reason says what is wrong with the text, and not only what a rate is.
func TestTheReasonFitsTheRate(t *testing.T) {
	for rate, want := range map[ratelimit.Rate]string{
		"":                           `is missing; write for example "100/minute"`,
		"100 / minute":               "has a space",
		" 100/minute":                "has a space",
		"100/minute\n":               "has a space",
		"100/minute, burst=25":       "has a space",
		"100 per minute":             "has a space",
		"100":                        "is not a rate",
		"ten/minute":                 "must begin with a whole number",
		"100/week":                   "after the slash",
		"unlimited; 1/day":           "stands beside another window",
		"1/day; 2/24h":               "same length",
		"65/hour,sliding-log":        "more than 64",
		"1/s;1/m;1/h;1/d;1/y":        "more than 4 windows",
		"1/day,fixed-window,burst=2": "more than one part",
		"100/minute,burst=many":      "after the comma",
		"10/second,1000/day":         "write a semicolon",
	} {
		_, err := ratelimit.New(ratelimit.Config{Name: "test", Key: ratelimit.ByIP, Rate: rate, MaxKeys: 8})
		fault := (*bulwark.ConfigError)(nil)
		if !errors.As(err, &fault) || !strings.Contains(fault.Reason, want) || !strings.Contains(fault.Reason, "write") {
			t.Errorf("%q: %v, want %q with advice", rate, err, want)
		}
	}
}

// Each window that is wrong is an error of its own.
func TestAllWindowsAreChecked(t *testing.T) {
	_, err := ratelimit.New(ratelimit.Config{Name: "test", Key: ratelimit.ByPrincipal, Rate: "0/second; 10/minute; 100/hours; 1/day,burst=0",
		Tiers: ratelimit.Tiers{"premium": "65/day,sliding-log", "free": "1/day"}, Anonymous: "1/second;;", MaxKeys: 8})
	want := []string{"ratelimit(test).Rate", "ratelimit(test).Rate", "ratelimit(test).Rate", "ratelimit(test).Tiers[premium]", "ratelimit(test).Anonymous", "ratelimit(test).Anonymous"}
	if got := faulttest.Fields(err); !slices.Equal(got, want) {
		t.Errorf("%q of %v", got, err)
	}
}

func TestUnlimitedSendsNothing(t *testing.T) {
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "unlimited"})
	if got := b.passes(1000, "192.0.2.1"); got != 1000 {
		t.Errorf("%d passed", got)
	}
	// Who is not limited need not be known.
	res := b.from("@")
	if res.StatusCode != http.StatusOK || len(res.Header) != 0 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// TestGCRA walks one key through time: the algorithm's properties in numbers.
func TestGCRA(t *testing.T) {
	type step struct {
		after             time.Duration
		pass              bool
		remaining, t, ret string
	}
	tests := []struct {
		rate  ratelimit.Rate
		steps []step
	}{
		{"1/second", []step{
			{0, true, "0", "1", ""},
			{0, false, "0", "1", "1"},
			{999 * time.Millisecond, false, "0", "1", "1"},
			{time.Millisecond, true, "0", "1", ""},
		}},
		{"3/minute", []step{
			{0, true, "2", "20", ""},
			{0, true, "1", "20", ""},
			{0, true, "0", "20", ""},
			{0, false, "0", "20", "20"},
			{time.Second, false, "0", "19", "19"},
			{18999 * time.Millisecond, false, "0", "1", "1"},
			{time.Millisecond, true, "0", "20", ""},
			{40 * time.Second, true, "1", "20", ""},
			{time.Hour, true, "2", "20", ""},
		}},
		{"60/minute,burst=2", []step{
			{0, true, "1", "1", ""},
			{0, true, "0", "1", ""},
			{0, false, "0", "1", "1"},
			{time.Second, true, "0", "1", ""},
			{500 * time.Millisecond, false, "0", "1", "1"},
			{500 * time.Millisecond, true, "0", "1", ""},
		}},
		{"10/hour", []step{
			{0, true, "9", "360", ""},
			{359 * time.Second, true, "8", "1", ""},
			{2 * time.Second, true, "8", "359", ""},
		}},
	}
	for _, test := range tests {
		t.Run(strings.ReplaceAll(string(test.rate), "/", "_per_"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: test.rate})
				for i, s := range test.steps {
					time.Sleep(s.after)
					res := b.from("192.0.2.1")
					want := fmt.Sprintf(`"test";r=%s;t=%s`, s.remaining, s.t)
					if got := res.Header.Get("RateLimit"); got != want {
						t.Errorf("step %d: %s, want %s", i, got, want)
					}
					if pass := res.StatusCode == http.StatusOK; pass != s.pass {
						t.Errorf("step %d: status %d", i, res.StatusCode)
					}
					if got := res.Header.Get("Retry-After"); got != s.ret {
						t.Errorf("step %d: Retry-After %q, want %q", i, got, s.ret)
					}
				}
			})
		})
	}
}

func FuzzRate(f *testing.F) {
	for _, test := range goodRates {
		f.Add(string(test.rate))
	}
	for _, rate := range badRates {
		f.Add(string(rate))
	}
	f.Add("unlimited")
	for _, rate := range []string{"1/day,fixed-window", "10/hour,sliding-log; 3/month", "1/second; 2/minute; 3/hour; 4/day", "5/1000000µs"} {
		f.Add(rate)
	}
	// A name of printable characters, and numbers.
	const name = `"test(-[a-z0-9.]+)?"`
	policy := regexp.MustCompile(`^(?:, |^)` + name + `;q=[1-9][0-9]{0,9};w=[1-9][0-9]{0,7}`)
	limit := regexp.MustCompile(`^(?:, |^)` + name + `;r=[0-9]{1,9};t=[1-9][0-9]{0,7}`)
	count := func(member *regexp.Regexp, field string) (n int) {
		for ; field != ""; n++ {
			found := member.FindString(field)
			if found == "" || n == 0 != !strings.HasPrefix(field, ", ") {
				return -1
			}
			field = field[len(found):]
		}
		return n
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, place := range []*time.Location{nil, paris} {
			m, err := ratelimit.New(ratelimit.Config{Name: "test", Key: ratelimit.ByIP, Rate: ratelimit.Rate(text), Calendar: place, MaxKeys: 8})
			if err != nil {
				if n := len(faulttest.Fields(err)); n < 1 || n > 1+strings.Count(text, ";") {
					t.Fatalf("%q: %d errors: %v", text, n, err)
				}
				continue
			}
			b := &rig{spy: &spy{}}
			b.handler = m.Wrap(b.spy)
			res := b.from("192.0.2.1")
			if text == "unlimited" {
				continue
			}
			windows := 1 + strings.Count(text, ";")
			if got := res.Header.Get("RateLimit-Policy"); count(policy, got) != windows {
				t.Errorf("%q: policy %s", text, got)
			}
			if got := res.Header.Get("RateLimit"); count(limit, got) != windows {
				t.Errorf("%q: limit %s", text, got)
			}
			if b.ran != 1 {
				t.Errorf("%q: the first request was refused", text)
			}
		}
	})
}
