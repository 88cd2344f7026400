package bench

import (
	"context"
	"errors"
	"net/http"
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
	ululeredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

// Redis is a server and a network of 2.7 milliseconds in front of it.
type Redis struct {
	server *engine.Server
	far    *delay
}

// roundTrip is the time between a question and its answer. It is what lies
// between two zones of a cloud.
const roundTrip = 2700 * time.Microsecond

// OpenRedis starts a server whose files are in dir. The error is an
// *engine.Absent where redis-server is missing.
func OpenRedis(ctx context.Context, dir string) (*Redis, error) {
	server, err := engine.Redis(ctx, dir, engine.RedisConfig{})
	if err != nil {
		return nil, err
	}
	far, err := newDelay(server.Addr(), roundTrip)
	if err != nil {
		server.Close()
		return nil, err
	}
	return &Redis{server, far}, nil
}

// Close ends the server. The clients have ended before.
func (r *Redis) Close() {
	r.far.close()
	r.server.Close()
}

// A decider asks Redis whether a request of a key passes. The limit is the
// number of requests an hour.
type decider struct {
	name string
	open func(addr, password string, limit int) (decide func(key string) (bool, error), end func(), err error)
}

// The names of the deciders.
const (
	ourRedis      = "bulwark redisstore"
	redisRate     = "redis_rate"
	redisRateWide = "redis_rate, a pool of 64"
	httprateRedis = "httprate-redis"
	ululeRedis    = "ulule/limiter, redis"
	throttledV9   = "throttled, goredisstore"
)

// deciders are ours and the peers, each with the defaults of its client.
func deciders() []decider {
	return []decider{
		{ourRedis, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, Password: password, DisableCache: true, ForceSingleClient: true})
			if err != nil {
				return nil, nil, err
			}
			store, err := redisstore.NewLimits(redisstore.LimitsConfig{Client: redisstore.Rueidis(client), Secret: make([]byte, 32), Timeout: 5 * time.Second})
			if err != nil {
				return nil, nil, err
			}
			m, err := ratelimit.New(ratelimit.Config{Name: "api", Rate: ratelimit.Rate(strconv.Itoa(limit) + "/hour"), Store: store})
			if err != nil {
				return nil, nil, err
			}
			ctx := context.Background()
			return func(key string) (bool, error) {
				_, _, err := m.Take(ctx, key)
				return err == nil, undecided(err)
			}, client.Close, nil
		}},
		{redisRate, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			return redisRated(goredis.NewClient(&goredis.Options{Addr: addr, Password: password}), limit)
		}},
		{redisRateWide, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			return redisRated(goredis.NewClient(&goredis.Options{Addr: addr, Password: password, PoolSize: 64}), limit)
		}},
		{httprateRedis, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			client := goredis.NewClient(&goredis.Options{Addr: addr, Password: password})
			l := httprate.NewRateLimiter(limit, time.Hour, httprateredis.WithRedisLimitCounter(&httprateredis.Config{Client: client, WindowLength: time.Hour, FallbackDisabled: true}))
			r, err := http.NewRequest("GET", "/", nil)
			return func(key string) (bool, error) {
				w := &writer{header: http.Header{}}
				return !l.OnLimit(w, r, key), nil
			}, func() { client.Close() }, err
		}},
		{ululeRedis, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			client := goredis.NewClient(&goredis.Options{Addr: addr, Password: password})
			store, err := ululeredis.NewStore(client)
			if err != nil {
				return nil, nil, err
			}
			l, ctx := limiter.New(store, limiter.Rate{Limit: int64(limit), Period: time.Hour}), context.Background()
			return func(key string) (bool, error) {
				got, err := l.Get(ctx, key)
				return !got.Reached, err
			}, func() { client.Close() }, nil
		}},
		{throttledV9, func(addr, password string, limit int) (func(string) (bool, error), func(), error) {
			client := goredis.NewClient(&goredis.Options{Addr: addr, Password: password})
			store, err := goredisstore.NewCtx(client, "throttled:")
			if err != nil {
				return nil, nil, err
			}
			l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerHour(limit), MaxBurst: limit - 1})
			ctx := context.Background()
			return func(key string) (bool, error) {
				limited, _, err := l.RateLimitCtx(ctx, key, 1)
				return !limited, err
			}, func() { client.Close() }, err
		}},
	}
}

func redisRated(client *goredis.Client, limit int) (func(string) (bool, error), func(), error) {
	l, rate, ctx := redis_rate.NewLimiter(client), redis_rate.PerHour(limit), context.Background()
	return func(key string) (bool, error) {
		got, err := l.Allow(ctx, key, rate)
		return err == nil && got.Allowed > 0, err
	}, func() { client.Close() }, nil
}

// undecided is the error of a decision that was not made.
func undecided(err error) error {
	if err == nil {
		return nil
	}
	var p *bulwark.Problem
	if errors.As(err, &p) && p.Status == http.StatusTooManyRequests {
		return nil
	}
	return err
}
