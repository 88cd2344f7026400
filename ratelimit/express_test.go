package ratelimit_test

import (
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestExpressRateLimit holds what express-rate-limit documents of its options
// beside the same thing here. Each row sends requests whose handler answers
// with the given status, at the given times, and says what the client sees.
//
// Two differences are meant. By default a quota is restored evenly and not at
// the end of a window, so a client that was refused gets in again earlier; the
// number that pass from a fresh start is the same. With ",fixed-window" the
// windows are those of express-rate-limit. And "limit: 0" is an error at start.
func TestExpressRateLimit(t *testing.T) {
	type request struct {
		after   time.Duration
		handler int // what the handler answers
		seen    int // what the client sees
		headers map[string]string
	}
	const quarter = 15 * time.Minute
	tests := []struct {
		name     string // the option of express-rate-limit
		config   ratelimit.Config
		requests []request
	}{
		{"windowMs_900000_limit_3", ratelimit.Config{Rate: "3/15m"}, []request{
			{0, 200, 200, nil}, {0, 500, 500, nil}, {0, 404, 404, nil}, {0, 200, 429, nil}, {time.Minute, 200, 429, nil},
			{quarter, 200, 200, nil}, {0, 200, 200, nil}, {0, 200, 200, nil}, {0, 200, 429, nil},
		}},
		{"windowMs_900000_limit_3_fixed_window", ratelimit.Config{Rate: "3/15m,fixed-window", Headers: ratelimit.Triple}, []request{
			{0, 200, 200, map[string]string{"RateLimit-Policy": "3;w=900", "RateLimit-Remaining": "2", "RateLimit-Reset": "900"}},
			{time.Minute, 500, 500, map[string]string{"RateLimit-Remaining": "1", "RateLimit-Reset": "840"}},
			{time.Minute, 404, 404, map[string]string{"RateLimit-Remaining": "0", "RateLimit-Reset": "780"}},
			{time.Minute, 200, 429, map[string]string{"Retry-After": "720", "RateLimit-Reset": "720"}},
			{11 * time.Minute, 200, 429, map[string]string{"Retry-After": "60"}},
			{time.Minute, 200, 200, map[string]string{"RateLimit-Remaining": "2", "RateLimit-Reset": "900"}}, {0, 200, 200, nil}, {0, 200, 200, nil}, {0, 200, 429, nil},
		}},
		{"statusCode_default_429_retryAfter", ratelimit.Config{Rate: "1/15m"}, []request{
			{0, 200, 200, map[string]string{"Retry-After": ""}}, {0, 200, 429, map[string]string{"Retry-After": "900"}},
			{10 * time.Second, 200, 429, map[string]string{"Retry-After": "890"}},
		}},
		{"skipSuccessfulRequests", ratelimit.Config{Rate: "2/15m", Count: ratelimit.Failures}, []request{
			{0, 200, 200, nil}, {0, 302, 302, nil}, {0, 200, 200, nil}, {0, 401, 401, nil}, {0, 200, 200, nil},
			{0, 401, 401, nil}, {0, 200, 429, nil}, {0, 401, 429, nil},
		}},
		{"requestWasSuccessful", ratelimit.Config{Rate: "1/15m", Count: ratelimit.Failures,
			Success: func(_ *http.Request, status int) bool { return status != 200 }}, []request{
			{0, 404, 404, nil}, {0, 401, 401, nil}, {0, 200, 200, nil}, {0, 401, 429, nil},
		}},
		{"standardHeaders_draft_6", ratelimit.Config{Rate: "2/minute", Headers: ratelimit.Triple}, []request{
			{0, 200, 200, map[string]string{"RateLimit-Policy": "2;w=60", "RateLimit-Limit": "2", "RateLimit-Remaining": "1", "RateLimit-Reset": "30", "X-RateLimit-Limit": "", "RateLimit": ""}},
			{0, 200, 200, map[string]string{"RateLimit-Limit": "2", "RateLimit-Remaining": "0"}},
			{0, 200, 429, map[string]string{"RateLimit-Limit": "2", "RateLimit-Remaining": "0"}},
		}},
		{"standardHeaders_draft_8", ratelimit.Config{Rate: "2/minute"}, []request{
			{0, 200, 200, map[string]string{"RateLimit-Policy": `"test";q=2;w=60`, "RateLimit": `"test";r=1;t=30`, "RateLimit-Limit": ""}},
		}},
		{"legacyHeaders", ratelimit.Config{Rate: "2/minute", Headers: ratelimit.Legacy}, []request{
			{0, 200, 200, map[string]string{"X-RateLimit-Limit": "2", "X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "946684830", "RateLimit": ""}},
		}},
		{"standardHeaders_false_legacyHeaders_false", ratelimit.Config{Rate: "2/minute", Headers: ratelimit.NoHeaders}, []request{
			{0, 200, 200, map[string]string{"RateLimit-Limit": "", "RateLimit": "", "RateLimit-Policy": "", "X-RateLimit-Limit": ""}},
		}},
		{"message", ratelimit.Config{Rate: "1/minute"}, []request{
			{0, 200, 200, nil}, {0, 200, 429, map[string]string{"Content-Type": "application/problem+json"}},
		}},
		{"keyGenerator", ratelimit.Config{Rate: "1/minute", Key: ratelimit.KeyFunc(func(*http.Request) string { return "all" })}, []request{
			{0, 200, 200, nil}, {0, 200, 429, nil},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.config.Key == nil {
					test.config.Key = ratelimit.ByIP
				}
				b := serve(t, test.config)
				for i, r := range test.requests {
					time.Sleep(r.after)
					b.status = r.handler
					res := b.from("192.0.2.1")
					if res.StatusCode != r.seen {
						t.Errorf("request %d: %d, want %d", i, res.StatusCode, r.seen)
					}
					got := map[string]string{}
					for name := range r.headers {
						got[name] = res.Header.Get(name)
					}
					if r.headers != nil && !maps.Equal(got, r.headers) {
						t.Errorf("request %d: %v, want %v", i, got, r.headers)
					}
				}
			})
		})
	}
}

// TestExpressMessage is the option message: {error: "Too many requests"}, by
// the responder of the edge.
func TestExpressMessage(t *testing.T) {
	edge := bulwark.Must(bulwark.Edge{InsecureAnyHost: true, Responder: func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) {
		w.WriteHeader(p.Status)
		w.Write([]byte(`{"error":"Too many requests"}`))
	}}.Build())
	b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "1/minute"}, edge.Wrap)
	b.from("192.0.2.1")
	res := b.from("192.0.2.1")
	text := make([]byte, 100)
	n, _ := res.Body.Read(text)
	if res.StatusCode != 429 || string(text[:n]) != `{"error":"Too many requests"}` || res.Header.Get("Retry-After") != "60" {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, text[:n])
	}
}
