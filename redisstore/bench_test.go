package redisstore_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
)

func BenchmarkDebit(b *testing.B) {
	l := limits(b, redisstore.Rueidis(dial(b, redis(b, engine.RedisConfig{}))), nil)
	for _, test := range []struct {
		name  string
		limit int64
		ok    bool
	}{{"allowed", 1 << 31, true}, {"denied", 1, false}} {
		b.Run(test.name, func(b *testing.B) {
			cells := []ratelimit.Cell{of(test.name, ratelimit.GCRA, test.limit)}
			l.Debit(b.Context(), cells)
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := l.Debit(b.Context(), cells); ok != test.ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

// Sixty-four callers with 2.7 milliseconds to Redis and back.
func BenchmarkDebitOverANetwork(b *testing.B) {
	server := redis(b, engine.RedisConfig{})
	proxy, err := engine.NewProxy(server.Addr(), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(proxy.Close)
	client := connect(b, rueidis.ClientOption{InitAddress: []string{proxy.Addr()}, Password: server.Password(), ForceSingleClient: true})
	proxy.SetDelay(1350 * time.Microsecond) // each way
	l := limits(b, redisstore.Rueidis(client), nil)
	var n atomic.Int64
	b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
	b.RunParallel(func(p *testing.PB) {
		cells := []ratelimit.Cell{of(fmt.Sprint("caller", n.Add(1)), ratelimit.GCRA, 1<<31)}
		for p.Next() {
			if ok, err := l.Debit(b.Context(), cells); !ok || err != nil {
				b.Error(ok, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}
