package bench

import (
	"net/http"
	"strconv"
	"time"

	"github.com/didip/tollbooth/v7"
	"github.com/sethvargo/go-limiter/httplimit"
	"github.com/sethvargo/go-limiter/memorystore"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	"github.com/ulule/limiter/v3/drivers/store/memory"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// A Limiter is a way to limit requests by the address of the peer, within one
// process.
type Limiter struct {
	Name string
	// New returns the middleware: limit requests in a window. A memory that can
	// be bounded has room for keys.
	New func(limit int, window time.Duration, keys int) (func(http.Handler) http.Handler, error)
}

// The names of the limiters.
const (
	ourLimiter = "bulwark ratelimit"
	throttled2 = "throttled"
	goLimiter  = "go-limiter"
	httprate0  = "httprate"
	ulule3     = "ulule/limiter"
	tollbooth7 = "tollbooth"
)

// Limiters returns ours first, and then the peers. Each peer is set up as its
// documentation shows, and sends the header fields that it sends by default.
func Limiters() []Limiter {
	return []Limiter{
		{ourLimiter, func(limit int, window time.Duration, keys int) (wrapper, error) {
			m, err := ratelimit.New(ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: rateText(limit, window), MaxKeys: keys})
			if err != nil {
				return nil, err
			}
			return m.Wrap, nil
		}},
		{throttled2, func(limit int, window time.Duration, keys int) (wrapper, error) {
			store, err := memstore.NewCtx(keys)
			if err != nil {
				return nil, err
			}
			limiter, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerDuration(limit, window), MaxBurst: limit - 1})
			if err != nil {
				return nil, err
			}
			m := &throttled.HTTPRateLimiterCtx{RateLimiter: limiter, VaryBy: &throttled.VaryBy{RemoteAddr: true}}
			return m.RateLimit, nil
		}},
		{goLimiter, func(limit int, window time.Duration, _ int) (wrapper, error) {
			store, err := memorystore.New(&memorystore.Config{Tokens: uint64(limit), Interval: window})
			if err != nil {
				return nil, err
			}
			m, err := httplimit.NewMiddleware(store, httplimit.IPKeyFunc())
			if err != nil {
				return nil, err
			}
			return m.Handle, nil
		}},
		{httprate0, func(limit int, window time.Duration, _ int) (wrapper, error) { return byAddress(limit, window), nil }},
		{ulule3, func(limit int, window time.Duration, _ int) (wrapper, error) {
			m := stdlib.NewMiddleware(limiter.New(memory.NewStore(), limiter.Rate{Limit: int64(limit), Period: window}))
			return m.Handler, nil
		}},
		{tollbooth7, func(limit int, window time.Duration, _ int) (wrapper, error) {
			m := tollbooth.NewLimiter(float64(limit)/window.Seconds(), nil)
			m.SetBurst(limit).SetIPLookups([]string{"RemoteAddr"}).SetIgnoreURL(true)
			return func(next http.Handler) http.Handler { return tollbooth.LimitHandler(m, next) }, nil
		}},
	}
}

// rateText writes a limit as a Rate.
func rateText(limit int, window time.Duration) ratelimit.Rate {
	return ratelimit.Rate(strconv.Itoa(limit) + "/" + window.String())
}
