package limits

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A comparison is a row of the table: an option of express-rate-limit and the
// same thing here.
type comparison struct {
	path   string // of express.js
	option string // the option, as the page names it
	here   string // what it is here, as the page says it
	limit  func(t *testing.T) subject
	steps  []step
	see    []string // the fields that are compared beside the status; "body" is the body
	differ *difference
}

// A difference is meant.
type difference struct{ theirs, ours, why string }

// row is the comparison as a line of the page.
func (c comparison) row() []string {
	if c.differ == nil {
		return []string{c.option, c.here, "equal"}
	}
	return []string{c.option, c.here, fmt.Sprintf("theirs: %s; ours: %s. Why: %s", c.differ.theirs, c.differ.ours, c.differ.why)}
}

func (c comparison) name() string {
	return strings.NewReplacer(" ", "_", "/", "-").Replace(c.path + "_" + c.option)
}

// A subject is our limit in a comparison.
type subject struct {
	wrap  func(http.Handler) http.Handler
	reset func(t *testing.T, key string)
}

// limit is a subject of one Config by address, and of what stands outside.
func limit(c ratelimit.Config, outside ...func(http.Handler) http.Handler) func(*testing.T) subject {
	return func(t *testing.T) subject {
		c := c
		if c.Name == "" {
			c.Name = "api"
		}
		if c.Key == nil {
			c.Key = ratelimit.ByIP
		}
		m, err := ratelimit.New(c)
		if err != nil {
			t.Fatal(err)
		}
		return subject{wrap: func(next http.Handler) http.Handler {
			h := m.Wrap(next)
			for _, wrap := range outside {
				h = wrap(h)
			}
			return h
		}, reset: func(t *testing.T, key string) {
			if err := m.ResetFor(t.Context(), netip.MustParseAddr(key)); err != nil {
				t.Error(err)
			}
		}}
	}
}

// answering is the edge with a format of its own.
func answering(respond func(http.ResponseWriter, *http.Request, *bulwark.Problem)) func(http.Handler) http.Handler {
	return bulwark.Must(bulwark.Edge{InsecureAnyHost: true, Responder: respond}.Build()).Wrap
}

// identified is an auth layer that takes the tier from a field.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		r, _ = bulwark.Identify(r, &bulwark.Principal{Issuer: "https://api.example.com", Subject: "alice", Method: "jwt", Tier: r.Header.Get("X-Tier")})
		next.ServeHTTP(w, r)
	})
}

// down is a store that has failed.
type down struct{ ratelimit.Store }

func (down) Debit(context.Context, []ratelimit.Cell) (bool, error) { return false, errors.New("down") }

// dead is a connection to a Redis that is down.
type dead struct{}

func (dead) Do(context.Context, string, ...[]string) ([]any, error) { return nil, errors.New("down") }

const quarter = 15 * time.Minute

var (
	draft6 = []string{"RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}
	legacy = []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}
)

// comparisons are the rows of the table of the page, in its order.
var comparisons = []comparison{
	{
		path: "window", option: "`windowMs: 15 * 60 * 1000, limit: 3` (or `max`)", here: "`Rate: \"3/15m,fixed-window\"`",
		limit: limit(ratelimit.Config{Rate: "3/15m,fixed-window", Headers: ratelimit.Legacy}), see: legacy,
		steps: []step{{}, {status: 500}, {status: 404}, {times: 2}, {after: time.Minute}, {after: 13*time.Minute + 59*time.Second}, {after: time.Second, times: 4}},
	},
	{
		path: "window", option: "the same, and a burst around the end of the window", here: "the same",
		limit: limit(ratelimit.Config{Rate: "3/15m,fixed-window"}),
		steps: []step{{from: "192.0.2.2"}, {after: quarter - time.Second, from: "192.0.2.2", times: 3}, {after: time.Second, from: "192.0.2.2", times: 4}},
	},
	{
		path: "window", option: "the same", here: "`Rate: \"3/15m\"`: the default algorithm, GCRA",
		limit: limit(ratelimit.Config{Rate: "3/15m"}), see: []string{"Retry-After"},
		steps: []step{{from: "192.0.2.3", times: 4}, {after: 5 * time.Minute, from: "192.0.2.3", times: 2}, {after: 10 * time.Minute, from: "192.0.2.3", times: 4}},
		differ: &difference{"3 × 200 Retry-After none, 429 Retry-After 900, 2 × 429 Retry-After 600, 3 × 200 Retry-After none, 429 Retry-After 900",
			"3 × 200 Retry-After none, 429 Retry-After 300, 200 Retry-After none, 429 Retry-After 300, 2 × 200 Retry-After none, 2 × 429 Retry-After 300",
			"the quota comes back one by one, so a client waits less, and no end of a window lets twice as much through"},
	},
	{
		path: "defaults", option: "no options: 5 a minute", here: "`Rate: \"5/minute,fixed-window\"`; a `Config` without a `Rate` is an error",
		limit: limit(ratelimit.Config{Rate: "5/minute,fixed-window"}),
		steps: []step{{times: 6}, {after: time.Minute}},
	},
	{
		path: "tiers", option: "`limit: (req) => …`", here: "`Tiers`",
		limit: limit(ratelimit.Config{Key: ratelimit.ByPrincipal, Rate: "2/minute,fixed-window", Tiers: ratelimit.Tiers{"premium": "4/minute,fixed-window"}, AuthOutside: true}, identified),
		steps: []step{{times: 2}, {header: "X-Tier: premium"}, {header: "X-Tier: premium"}, {after: time.Minute, header: "X-Tier: premium", times: 5}},
	},
	{
		path: "failures", option: "`skipSuccessfulRequests: true`", here: "`Count: ratelimit.Failures`",
		limit: limit(ratelimit.Config{Rate: "2/15m,fixed-window", Count: ratelimit.Failures}),
		steps: []step{{times: 5}, {status: 302}, {status: 401}, {times: 3}, {status: 404}, {}, {status: 401}, {after: quarter, status: 401, times: 3}},
	},
	{
		path: "failures", option: "the same, and the handler fails", here: "the same",
		limit:  limit(ratelimit.Config{Rate: "2/15m,fixed-window", Count: ratelimit.Failures}),
		steps:  []step{{from: "192.0.2.2", status: 503, times: 2}, {from: "192.0.2.2"}},
		differ: &difference{"2 × 503, 429", "2 × 503, 200", "an outage of the service is not a guess of the client, and locks nobody out"},
	},
	{
		path: "successes", option: "`skipFailedRequests: true`", here: "`Count: ratelimit.Failures` and a `Success` that is true from 400 on",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window", Count: ratelimit.Failures, Success: func(_ *http.Request, status int) bool { return status >= 400 }}),
		steps: []step{{status: 404, times: 3}, {status: 500, times: 3}, {}, {status: 400}, {times: 2}},
	},
	{
		path: "judged", option: "`requestWasSuccessful`", here: "`Success`",
		limit: limit(ratelimit.Config{Rate: "1/15m,fixed-window", Count: ratelimit.Failures, Success: func(_ *http.Request, status int) bool { return status != 200 }}),
		steps: []step{{status: 401}, {status: 404}, {}, {status: 401}},
	},
	{
		path: "draft6", option: "`standardHeaders: true` (`'draft-6'`)", here: "`Headers: ratelimit.Triple`",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window", Headers: ratelimit.Triple}), see: draft6,
		steps: []step{{}, {after: 20500 * time.Millisecond, times: 2}, {after: time.Minute}},
	},
	{
		path: "draft7", option: "`standardHeaders: 'draft-7'`", here: "no such syntax",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}), see: []string{"RateLimit"},
		steps:  []step{{}},
		differ: &difference{"200 RateLimit limit=2, remaining=1, reset=60", `200 RateLimit "api";r=1;t=60`, "the IETF draft has withdrawn this syntax; `ratelimit.Draft` is the current one"},
	},
	{
		path: "draft8", option: "`standardHeaders: 'draft-8', identifier: 'api'`", here: "`Headers: ratelimit.Draft`, the default; `Name: \"api\"`",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}), see: []string{"RateLimit"},
		steps: []step{{times: 3}, {after: 20500 * time.Millisecond}, {after: time.Minute}},
	},
	{
		path: "draft8", option: "the same, the policy", here: "the same",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}), see: []string{"RateLimit-Policy"},
		steps:  []step{{from: "192.0.2.2"}},
		differ: &difference{`200 RateLimit-Policy "api";q=2;w=60;pk=:OWE2YjI5MzYzOWRi:`, `200 RateLimit-Policy "api";q=2;w=60`, "`pk` is a hash of the address without a secret, and whoever reads it can find the address"},
	},
	{
		path: "legacy", option: "`legacyHeaders: true`, the default", here: "`Headers: ratelimit.Legacy`",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window", Headers: ratelimit.Legacy}), see: legacy,
		steps: []step{{}, {after: 20500 * time.Millisecond, times: 2}, {after: time.Minute}},
	},
	{
		path: "both", option: "`standardHeaders` and `legacyHeaders` at once", here: "one of the two",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window", Headers: ratelimit.Triple}), see: []string{"RateLimit-Limit", "X-RateLimit-Limit"},
		steps:  []step{{}},
		differ: &difference{"200 RateLimit-Limit 2 X-RateLimit-Limit 2", "200 RateLimit-Limit 2 X-RateLimit-Limit none", "one syntax says it once; clients that read the older fields need `ratelimit.Legacy`"},
	},
	{
		path: "none", option: "`standardHeaders: false, legacyHeaders: false`", here: "`Headers: ratelimit.NoHeaders`",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window", Headers: ratelimit.NoHeaders}), see: []string{"RateLimit-Limit", "RateLimit", "X-RateLimit-Limit"},
		steps: []step{{times: 2}},
	},
	{
		path: "none", option: "the same, `Retry-After`", here: "the same",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window", Headers: ratelimit.NoHeaders}), see: []string{"Retry-After"},
		steps:  []step{{from: "192.0.2.2", times: 2}},
		differ: &difference{"200 Retry-After none, 429 Retry-After none", "200 Retry-After none, 429 Retry-After 60", "a client that is refused always learns how long to wait"},
	},
	{
		path: "retry", option: "`retryAfter: 5`", here: "no such option",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window"}), see: []string{"Retry-After"},
		steps:  []step{{times: 2}, {after: 5 * time.Second}},
		differ: &difference{"200 Retry-After none, 2 × 429 Retry-After 5", "200 Retry-After none, 429 Retry-After 60, 429 Retry-After 55", "`Retry-After` is when the next request passes"},
	},
	{
		path: "text", option: "`message`, its default", here: "problem details (RFC 9457)",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window"}), see: []string{"Content-Type"},
		steps:  []step{{times: 2}},
		differ: &difference{"200 Content-Type text/html;charset=utf-8, 429 Content-Type text/html;charset=utf-8", "200 Content-Type text/html;charset=utf-8, 429 Content-Type application/problem+json", "a program reads the `code`, a person reads the `detail`"},
	},
	{
		path: "message", option: "`message: { error: 'Too many requests' }`", here: "`Responder` of `bulwark.Edge`",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window"}, answering(func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(p.Status)
			io.WriteString(w, `{"error":"Too many requests"}`)
		})), see: []string{"body", "Content-Type", "Retry-After"},
		steps: []step{{times: 2}},
	},
	{
		path: "status", option: "`statusCode: 503, message: 'busy'`", here: "the same `Responder`",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window"}, answering(func(w http.ResponseWriter, _ *http.Request, p *bulwark.Problem) {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "busy")
		})), see: []string{"body"},
		steps: []step{{times: 2}},
	},
	{
		path: "handler", option: "`handler: (req, res) => …`", here: "the same `Responder`, which gets the request and the problem",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window"}, answering(func(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(p.Status)
			io.WriteString(w, `{"path":"`+r.URL.Path+`"}`)
		})), see: []string{"body"},
		steps: []step{{times: 2}},
	},
	{
		path: "tenant", option: "`keyGenerator: (req) => …`", here: "`Key: ratelimit.KeyFunc(…)`",
		limit: limit(ratelimit.Config{Key: byTenant, Rate: "1/minute,fixed-window"}),
		steps: []step{{header: "X-Tenant: a", times: 2}, {header: "X-Tenant: b"}, {header: "X-Tenant: a", from: "192.0.2.2"}},
	},
	{
		path: "tenant", option: "the same, and it returns the empty text", here: "the same",
		limit:  limit(ratelimit.Config{Key: byTenant, Rate: "1/minute,fixed-window"}),
		steps:  []step{{times: 2}},
		differ: &difference{"200, 429", "2 × 400", "all clients without a key would share one quota, and could use it up for each other"},
	},
	{
		path: "subnet", option: "`req.ip`, IPv4 and IPv4 in IPv6", here: "`Key: ratelimit.ByIP`",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}),
		steps: []step{{from: "192.0.2.1"}, {from: "::ffff:192.0.2.1", times: 2}, {from: "192.0.2.2"}},
	},
	{
		path: "subnet64", option: "`ipv6Subnet: 64`", here: "the same",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}),
		steps: []step{{from: "2001:db8:0:1::1"}, {from: "2001:db8:0:1:ffff::2", times: 2}, {from: "2001:db8:0:2::1"}},
	},
	{
		path: "subnet", option: "`ipv6Subnet: 56`, the default; 34 requests from 17 networks of one /48", here: "the same: by /64, and sixteen times as much by /48",
		limit:  limit(ratelimit.Config{Rate: "2/minute,fixed-window"}),
		steps:  networks(),
		differ: &difference{"2 × 200, 32 × 429", "32 × 200, 2 × 429", "a client may have a /64 or a /48: the first is not limited with its neighbours, and the second cannot multiply its quota by 65,536"},
	},
	{
		path: "skip", option: "`skip: (req) => …`", here: "`Exempt` for networks; the limit is only around the routes that it is for",
		limit: limit(ratelimit.Config{Rate: "1/minute,fixed-window", Headers: ratelimit.Legacy, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.9/32")}}), see: legacy,
		steps: []step{{from: "192.0.2.9", times: 3}, {times: 2}},
	},
	{
		path: "reset", option: "`limiter.resetKey(key)`", here: "`Reset`, `ResetFor`",
		limit: limit(ratelimit.Config{Rate: "2/minute,fixed-window"}),
		steps: []step{{times: 3}, {from: "192.0.2.2", times: 3}, {reset: "192.0.2.1"}, {times: 3}, {from: "192.0.2.2"}},
	},
	{
		path: "nested", option: "two limiters, 4 a minute around 2 a minute", here: "two limits",
		limit: func(t *testing.T) subject {
			inner := limit(ratelimit.Config{Name: "inner", Rate: "2/minute,fixed-window", Headers: ratelimit.NoHeaders})(t)
			outer := limit(ratelimit.Config{Name: "outer", Rate: "4/minute,fixed-window", Headers: ratelimit.Triple})(t)
			return subject{wrap: func(next http.Handler) http.Handler { return outer.wrap(inner.wrap(next)) }}
		}, see: []string{"RateLimit-Remaining"},
		steps: []step{{times: 5}},
		differ: &difference{"200 RateLimit-Remaining 3, 200 RateLimit-Remaining 2, 429 RateLimit-Remaining 1, 2 × 429 RateLimit-Remaining 0",
			"200 RateLimit-Remaining 3, 200 RateLimit-Remaining 2, 3 × 429 RateLimit-Remaining 2",
			"a request that one limit refuses takes nothing from the other"},
	},
	{
		path: "broken", option: "a `store` that fails, `passOnStoreError: false`", here: "a `Store` that fails",
		limit: limit(ratelimit.Config{Rate: "1/minute", Store: down{}}), see: []string{"Retry-After"},
		steps:  []step{{}},
		differ: &difference{"500 Retry-After none", "503 Retry-After 5", "an outage of the store is not a fault of the program, and ends"},
	},
	{
		path: "pass", option: "the same, `passOnStoreError: true`", here: "`OnOutage: redisstore.InsecureOpen`",
		limit: limit(ratelimit.Config{Rate: "1/minute", Store: bulwark.Must(redisstore.NewLimits(redisstore.LimitsConfig{
			Client: dead{}, Secret: make([]byte, 32), OnOutage: redisstore.InsecureOpen,
		}))}), see: []string{"Retry-After"},
		steps: []step{{times: 3}},
	},
}

// byTenant is a key of the application.
var byTenant = ratelimit.KeyFunc(func(r *http.Request) string { return r.Header.Get("X-Tenant") })

// networks are requests from 17 networks of one /48, two from each.
func networks() (steps []step) {
	for i := range 17 {
		steps = append(steps, step{from: fmt.Sprintf("2001:db8:1:%x::1", i), times: 2})
	}
	return steps
}
