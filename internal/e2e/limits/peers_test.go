package limits

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/go-chi/httprate"
	httprateredis "github.com/go-chi/httprate-redis"
	"github.com/go-redis/redis_rate/v10"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
	"github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/middleware/stdlib"
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A peer is a limiter that keeps its counts in Redis: a column of the table.
type peer struct {
	name string // of the column
	// open connects as the documentation of the peer shows, with its defaults.
	open func(o opening) (*opened, error)
}

// An opening says what a limiter is to allow.
type opening struct {
	addr, password string
	limit          int // an hour
	name           string
	secret         byte              // of ours
	failures       bool              // count only what fails, where there is an option for it
	outage         redisstore.Outage // of ours; 0 is what it is by default
	instances      int               // of ours
	plain          bool              // ours has its default deadline
	closed         bool              // do not count in the process while Redis is down
}

// An opened limiter decides by a key, and as a middleware by the address of the
// client. A peer without a middleware has no wrap.
type opened struct {
	// allow reports whether a request passes, and how long to wait until the
	// next one does.
	allow func(key string) (ok bool, wait time.Duration, err error)
	wrap  func(http.Handler) http.Handler
	end   func()
}

// peers are the columns of the table, in its order.
var peers = []peer{
	{"bulwark", openOurs},
	{"redis_rate", openRedisRate},
	{"httprate-redis", openHTTPRate},
	{"ulule/limiter", openUlule},
	{"throttled", openThrottled},
}

func openOurs(o opening) (*opened, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{o.addr}, Password: o.password, DisableCache: true, ForceSingleClient: true, ConnWriteTimeout: time.Second,
	})
	if client == nil {
		return nil, err
	}
	secret := make([]byte, 32)
	secret[0] = o.secret
	// The machine of the tests is slow at times.
	timeout := 5 * time.Second
	if o.plain {
		timeout = 0
	}
	store, err := redisstore.NewLimits(redisstore.LimitsConfig{
		Client: redisstore.Rueidis(client), Secret: secret, Timeout: timeout, OnOutage: o.outage, Instances: o.instances, MaxKeys: 1024,
	})
	if err != nil {
		return nil, err
	}
	count := ratelimit.Requests
	if o.failures {
		count = ratelimit.Failures
	}
	m, err := ratelimit.New(ratelimit.Config{Name: o.name, Key: ratelimit.ByIP, Rate: ratelimit.Rate(strconv.Itoa(o.limit) + "/hour"), Count: count, Store: store})
	if err != nil {
		return nil, err
	}
	return &opened{
		allow: func(key string) (bool, time.Duration, error) {
			_, _, err := m.Take(context.Background(), key)
			var p *bulwark.Problem
			if errors.As(err, &p) && p.Status == http.StatusTooManyRequests {
				return false, p.RetryAfter, nil
			}
			return err == nil, 0, err
		},
		wrap: m.Wrap,
		end:  client.Close,
	}, nil
}

func goRedis(o opening) *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: o.addr, Password: o.password})
}

func openRedisRate(o opening) (*opened, error) {
	client := goRedis(o)
	l := redis_rate.NewLimiter(client)
	return &opened{
		allow: func(key string) (bool, time.Duration, error) {
			res, err := l.Allow(context.Background(), o.name+":"+key, redis_rate.PerHour(o.limit))
			if err != nil {
				return false, 0, err
			}
			return res.Allowed > 0, res.RetryAfter, nil
		},
		end: func() { client.Close() },
	}, nil
}

func openHTTPRate(o opening) (*opened, error) {
	host, port, err := net.SplitHostPort(o.addr)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	counter := httprateredis.NewCounter(&httprateredis.Config{
		Host: host, Port: uint16(number), Password: o.password, PrefixKey: o.name, WindowLength: time.Hour, FallbackDisabled: o.closed,
	})
	l := httprate.NewRateLimiter(o.limit, time.Hour, httprate.WithLimitCounter(counter), httprate.WithKeyFuncs(func(r *http.Request) (string, error) {
		address, _, err := net.SplitHostPort(r.RemoteAddr)
		return httprate.CanonicalizeIP(address), err
	}))
	return &opened{
		allow: func(key string) (bool, time.Duration, error) {
			w := httptest.NewRecorder()
			limited := l.RespondOnLimit(w, httptest.NewRequest("GET", "/", nil), key)
			if limited && w.Code != http.StatusTooManyRequests {
				return false, 0, errors.New(w.Body.String())
			}
			reset, err := strconv.ParseInt(w.Header().Get("X-RateLimit-Reset"), 10, 64)
			return !limited, time.Until(time.Unix(reset, 0)), err
		},
		wrap: l.Handler,
		end:  func() { counter.Close() },
	}, nil
}

func openUlule(o opening) (*opened, error) {
	client := goRedis(o)
	store, err := ululeredis.NewStoreWithOptions(client, limiter.StoreOptions{Prefix: o.name})
	if err != nil {
		return nil, err
	}
	l := limiter.New(store, limiter.Rate{Limit: int64(o.limit), Period: time.Hour})
	return &opened{
		allow: func(key string) (bool, time.Duration, error) {
			res, err := l.Get(context.Background(), key)
			return !res.Reached, time.Until(time.Unix(res.Reset, 0)), err
		},
		wrap: stdlib.NewMiddleware(l).Handler,
		end:  func() { client.Close() },
	}, nil
}

func openThrottled(o opening) (*opened, error) {
	client := goRedis(o)
	store, err := goredisstore.NewCtx(client, o.name+":")
	if err != nil {
		return nil, err
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerHour(o.limit), MaxBurst: o.limit - 1})
	if err != nil {
		return nil, err
	}
	m := throttled.HTTPRateLimiterCtx{RateLimiter: l, VaryBy: &throttled.VaryBy{RemoteAddr: true}}
	return &opened{
		allow: func(key string) (bool, time.Duration, error) {
			limited, res, err := l.RateLimitCtx(context.Background(), key, 1)
			return !limited, res.RetryAfter, err
		},
		wrap: m.RateLimit,
		end:  func() { client.Close() },
	}, nil
}
