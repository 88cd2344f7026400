package limits

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
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

func (c comparison) name() string { return strings.NewReplacer(" ", "_", "/", "-").Replace(c.path + "_" + c.option) }

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
		r, err := bulwark.Identify(r, &bulwark.Principal{Issuer: "https://api.example.com", Subject: "alice", Method: "jwt", Tier: r.Header.Get("X-Tier")})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// down is a store that has failed.
type down struct{ ratelimit.Store }

func (down) Debit(context.Context, []ratelimit.Cell) (bool, error) { return false, errors.New("down") }

const quarter = 15 * time.Minute

var (
	draft6 = []string{"RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}
	legacy = []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"}
	draft8 = []string{"RateLimit-Policy", "RateLimit"}
)

// comparisons are the rows of the table of the page, in its order.
var comparisons = []comparison{
	{
		path: "window", option: "`windowMs: 15 * 60 * 1000, limit: 3` (`max`)", here: "`Rate: \"3/15m,fixed-window\"`",
		limit: limit(ratelimit.Config{Rate: "3/15m,fixed-window", Headers: ratelimit.Legacy}), see: legacy,
		steps: []step{{}, {status: 500}, {status: 404}, {times: 2}, {after: time.Minute}, {after: 13*time.Minute + 59*time.Second}, {after: time.Second, times: 4}},
	},
	{
		path: "window", option: "the same, across the end of a window", here: "the same",
		limit: limit(ratelimit.Config{Rate: "3/15m,fixed-window"}),
		steps: []step{{from: "192.0.2.2"}, {after: quarter - time.Second, from: "192.0.2.2", times: 3}, {after: time.Second, from: "192.0.2.2", times: 4}},
	},
	{
		path: "window", option: "the same", here: "`Rate: \"3/15m\"`, the default algorithm",
		limit: limit(ratelimit.Config{Rate: "3/15m"}), see: []string{"Retry-After"},
		steps:  []step{{from: "192.0.2.3", times: 4}, {after: 5 * time.Minute, from: "192.0.2.3", times: 2}, {after: 10 * time.Minute, from: "192.0.2.3", times: 4}},
		differ: &difference{"", "", "the quota comes back one by one, and the burst across the end of a window is smaller"},
	},
}

var _ = io.EOF
