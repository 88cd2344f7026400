package redisstore_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/ratelimit/ratelimittest"
	"github.com/bulwark-go/bulwark/redisstore"
)

// A homed store adds one last cell to every call. A limit always has the same
// last Key for a given cell, and the suite does not.
type homed struct{ *redisstore.SteppedLimits }

func (h homed) with(cells []ratelimit.Cell) []ratelimit.Cell {
	home := ratelimit.Cell{Key: []byte("home"), Policy: ratelimit.Policy{Name: "home", Limit: 1000, Window: time.Hour, Burst: 1000}}
	return append(append([]ratelimit.Cell(nil), cells...), home)
}

func (h homed) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	all := h.with(cells)
	ok, err := h.SteppedLimits.Debit(ctx, all)
	copy(cells, all)
	return ok, err
}

func (h homed) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	all := h.with(cells)
	err := h.SteppedLimits.Refund(ctx, all)
	copy(cells, all)
	return err
}

func (h homed) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	return h.SteppedLimits.Reset(ctx, h.with(cells))
}

// rules runs the rules of all stores of limits.
func rules(t *testing.T, client redisstore.Client) {
	t.Parallel()
	var n atomic.Int64
	ratelimittest.TestStore(t, func(t *testing.T) ratelimit.Store {
		return homed{redisstore.Step(limits(t, client, func(c *redisstore.LimitsConfig) {
			c.Prefix = "rl" + strconv.FormatInt(n.Add(1), 10)
		}))}
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
