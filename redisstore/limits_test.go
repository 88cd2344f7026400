package redisstore_test

import (
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
	"github.com/bulwark-go/bulwark/redisstore"
)

// rules runs the rules of all stores of limits.
func rules(t *testing.T, client redisstore.Client) {
	t.Parallel()
	var n atomic.Int64
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		return redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) {
			c.Prefix = "rl" + strconv.FormatInt(n.Add(1), 10)
		}))
	})
}

func TestRulesOfLimits(t *testing.T) {
	server := redis(t, engine.RedisConfig{})
	rules(t, redisstore.Rueidis(dial(t, server)))
}

func TestRulesOfLimitsInACluster(t *testing.T) {
	_, client := cluster(t)
	rules(t, redisstore.Rueidis(client))
}

func TestRulesOfLimitsWithSentinel(t *testing.T) {
	_, client := sentinel(t)
	rules(t, redisstore.Rueidis(client))
}
