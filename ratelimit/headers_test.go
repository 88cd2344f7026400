package ratelimit_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

func TestHeaders(t *testing.T) {
	tests := []struct {
		name   string
		syntax ratelimit.Headers
		want   []map[string]string // of three requests at 2/minute
	}{
		{"draft", ratelimit.Draft, []map[string]string{
			{"Ratelimit-Policy": `"test";q=2;w=60`, "Ratelimit": `"test";r=1;t=30`},
			{"Ratelimit-Policy": `"test";q=2;w=60`, "Ratelimit": `"test";r=0;t=30`},
			{"Ratelimit-Policy": `"test";q=2;w=60`, "Ratelimit": `"test";r=0;t=30`, "Retry-After": "30"},
		}},
		{"triple", ratelimit.Triple, []map[string]string{
			{"Ratelimit-Policy": "2;w=60", "Ratelimit-Limit": "2", "Ratelimit-Remaining": "1", "Ratelimit-Reset": "30"},
			{"Ratelimit-Policy": "2;w=60", "Ratelimit-Limit": "2", "Ratelimit-Remaining": "0", "Ratelimit-Reset": "30"},
			{"Ratelimit-Policy": "2;w=60", "Ratelimit-Limit": "2", "Ratelimit-Remaining": "0", "Ratelimit-Reset": "30", "Retry-After": "30"},
		}},
		// The bubble's clock begins at midnight UTC on the first of January 2000.
		{"legacy", ratelimit.Legacy, []map[string]string{
			{"X-Ratelimit-Limit": "2", "X-Ratelimit-Remaining": "1", "X-Ratelimit-Reset": "946684830"},
			{"X-Ratelimit-Limit": "2", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "946684830"},
			{"X-Ratelimit-Limit": "2", "X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "946684830", "Retry-After": "30"},
		}},
		{"none", ratelimit.NoHeaders, []map[string]string{{}, {}, {"Retry-After": "30"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/minute", Headers: test.syntax})
				for i, want := range test.want {
					h := b.from("192.0.2.1").Header
					for _, other := range []string{"Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"} {
						h.Del(other)
					}
					got := map[string]string{}
					for name, values := range h {
						got[name] = fmt.Sprint(values)[1 : len(fmt.Sprint(values))-1]
					}
					if !maps.Equal(got, want) {
						t.Errorf("request %d: %v, want %v", i, got, want)
					}
				}
			})
		})
	}
}

// TestLegacyResetRoundsUp asks a third of a second after the full one.
func TestLegacyResetRoundsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/minute", Headers: ratelimit.Legacy})
		time.Sleep(300 * time.Millisecond)
		if got := b.from("192.0.2.1").Header.Get("X-RateLimit-Reset"); got != "946684861" {
			t.Errorf("reset %s", got)
		}
	})
}

// TestSeveralLimits puts one limit inside another: the lists name both, the
// triples show the tighter one.
func TestSeveralLimits(t *testing.T) {
	tests := []struct {
		name         string
		syntax       ratelimit.Headers
		outer, inner ratelimit.Rate
		want         map[string][]string
	}{
		{"lists", ratelimit.Draft, "600/minute", "100/minute", map[string][]string{
			"Ratelimit-Policy": {`"outer";q=600;w=60`, `"inner";q=100;w=60`},
			"Ratelimit":        {`"outer";r=599;t=1`, `"inner";r=99;t=1`},
		}},
		{"lists_unlimited_inside", ratelimit.Draft, "600/minute", "unlimited", map[string][]string{
			"Ratelimit-Policy": {`"outer";q=600;w=60`}, "Ratelimit": {`"outer";r=599;t=1`},
		}},
		{"triple_inner", ratelimit.Triple, "600/minute", "100/minute", map[string][]string{
			"Ratelimit-Policy": {"100;w=60"}, "Ratelimit-Limit": {"100"}, "Ratelimit-Remaining": {"99"}, "Ratelimit-Reset": {"1"},
		}},
		{"triple_outer", ratelimit.Triple, "10/minute", "100/minute", map[string][]string{
			"Ratelimit-Policy": {"10;w=60"}, "Ratelimit-Limit": {"10"}, "Ratelimit-Remaining": {"9"}, "Ratelimit-Reset": {"6"},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			outer, err := ratelimit.New(ratelimit.Config{Name: "outer", Key: ratelimit.ByIP, Rate: test.outer, Headers: test.syntax, MaxKeys: 8})
			if err != nil {
				t.Fatal(err)
			}
			b := serve(t, ratelimit.Config{Name: "inner", Key: ratelimit.ByIP, Rate: test.inner, Headers: test.syntax}, outer.Wrap)
			got := b.from("192.0.2.1").Header
			if !maps.EqualFunc(map[string][]string(got), test.want, slices.Equal) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

// The setting of express-rate-limit that services come from sends the policy
// beside the three.
func TestNitRatelimitTripleSendsThePolicy(t *testing.T) {
	for rate, want := range map[ratelimit.Rate]string{
		"100/15m": "100;w=900", "2/minute": "2;w=60", "7/day,burst=2": "7;w=86400", "unlimited": "",
	} {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate, Headers: ratelimit.Triple})
		for range 9 { // refusals also
			if got := b.from("192.0.2.1").Header.Get("RateLimit-Policy"); got != want {
				t.Errorf("%s: %q, want %q", rate, got, want)
			}
		}
	}
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "2/minute", Headers: ratelimit.Legacy})
	if got := b.from("192.0.2.1").Header.Values("RateLimit-Policy"); got != nil {
		t.Errorf("Legacy sends %q", got)
	}
}

// Both syntaxes have a field of that name: an answer never has the two at once.
func TestNitRatelimitOneSyntaxOfAField(t *testing.T) {
	for name, test := range map[string]struct {
		outer, inner ratelimit.Headers
		want         []string
	}{
		"triple_inside":   {ratelimit.Draft, ratelimit.Triple, []string{`"outer";q=9;w=60`}},
		"triple_outside":  {ratelimit.Triple, ratelimit.Draft, []string{`"test";q=5;w=60`}},
		"triple_both":     {ratelimit.Triple, ratelimit.Triple, []string{`5;w=60`}},
		"legacy_outside":  {ratelimit.Legacy, ratelimit.Triple, []string{`5;w=60`}},
		"draft_both":      {ratelimit.Draft, ratelimit.Draft, []string{`"outer";q=9;w=60`, `"test";q=5;w=60`}},
		"none_and_triple": {ratelimit.NoHeaders, ratelimit.Triple, []string{`5;w=60`}},
	} {
		outer := serve(t, ratelimit.Config{Name: "outer", Key: ratelimit.ByIP, Rate: "9/minute", Headers: test.outer}).limit
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/minute", Headers: test.inner}, outer.Wrap)
		if got := b.from("192.0.2.1").Header.Values("RateLimit-Policy"); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestHeaderSlicesAreOwn appends to one field and looks at the other.
func TestHeaderSlicesAreOwn(t *testing.T) {
	for _, syntax := range []ratelimit.Headers{ratelimit.Draft, ratelimit.Triple} {
		b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "100/minute", Headers: syntax})
		b.handler = b.limit.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			before := maps.Clone(h)
			for name := range before {
				h.Add(name, "added")
				before[name] = append(slices.Clone(before[name]), "added")
			}
			if !maps.EqualFunc(h, before, slices.Equal) {
				t.Errorf("%v, want %v", h, before)
			}
		}))
		b.from("192.0.2.1")
	}
}

// TestRetryAfterIsNeverBeforeReset compares the two on many refusals, and keeps
// the promise: who waits so long passes.
func TestRetryAfterIsNeverBeforeReset(t *testing.T) {
	for _, rate := range []ratelimit.Rate{"7/second", "7/minute", "100/minute,burst=3", "11/hour", "3/7s"} {
		synctest.Test(t, func(t *testing.T) {
			b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: rate, Headers: ratelimit.Triple})
			for i := range 60 {
				time.Sleep(time.Duration(i*i*7919) * time.Microsecond)
				b.passes(8, "192.0.2.1")
				res := b.from("192.0.2.1")
				if res.StatusCode == 200 {
					continue
				}
				retry, _ := strconv.Atoi(res.Header.Get("Retry-After"))
				reset, _ := strconv.Atoi(res.Header.Get("RateLimit-Reset"))
				if retry < 1 || retry < reset {
					t.Fatalf("%s: Retry-After %d, reset %d", rate, retry, reset)
				}
				time.Sleep(time.Duration(retry) * time.Second)
				if b.passes(1, "192.0.2.1") != 1 {
					t.Fatalf("%s: refused after Retry-After", rate)
				}
			}
		})
	}
}
