package bench_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/bench"
	"github.com/bulwark-go/bulwark/internal/engine"
)

func redis(t testing.TB) *bench.Redis {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	r, err := bench.OpenRedis(context.Background(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// BenchmarkRedis runs the cases of the table that needs redis-server.
func BenchmarkRedis(b *testing.B) { benchmark(b, redis(b).Table()) }

// The table of Redis is as the others.
func TestRedisTable(t *testing.T) { check(t, redis(t).Table()) }

// Each way to decide decides over the slow network. Ours needs one round trip,
// and none for a refusal; httprate reads before it writes.
func TestRedisReport(t *testing.T) {
	r := redis(t)
	paces, err := r.Paces(1, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	trips := map[string]float64{}
	for _, p := range paces {
		trips[p.Name] = p.Trips
		// No caller is faster than a round trip.
		if p.Decisions <= 0 || p.Decisions > 64/0.0027 {
			t.Errorf("%s: %.0f decisions a second", p.Name, p.Decisions)
		}
	}
	if trips["bulwark redisstore"] != 1 || trips["redis_rate"] != 1 || trips["httprate-redis"] != 2 {
		t.Errorf("round trips %v", trips)
	}
	if denied, err := r.DeniedTrips(); err != nil || denied != 0 {
		t.Errorf("a refusal needs %v round trips, %v", denied, err)
	}
	var out strings.Builder
	met, missed, err := r.WriteRedis(&out, 1, time.Millisecond)
	if err != nil || met+len(missed) != 3 || strings.Count(out.String(), "**missed**") != len(missed) {
		t.Errorf("%d met, %d missed, %v:\n%s", met, len(missed), err, &out)
	}
}

// Without redis-server the report says what to install.
func TestMissingRedis(t *testing.T) {
	if text := bench.Missing(&engine.Absent{Program: engine.RedisServer}); !strings.Contains(text, "Not measured") || !strings.Contains(text, "install") {
		t.Error(text)
	}
}

// A check of a session is one round trip, and a refresh two. The report counts
// them over PostgreSQL as well, which takes long to start.
func TestSessionTrips(t *testing.T) {
	got, err := redis(t).SessionTrips(t.Context())
	if err != nil || got.Check != 1 || got.Refresh != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}
