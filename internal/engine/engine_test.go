package engine_test

import (
	"context"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

func redis(t *testing.T, c engine.RedisConfig) *engine.Server {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	s, err := engine.Redis(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func do(t *testing.T, s *engine.Server, args ...string) any {
	t.Helper()
	reply, err := s.Do(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func TestRedisKeepsWhatItWrote(t *testing.T) {
	s := redis(t, engine.RedisConfig{Options: []string{"appendonly yes", "appendfsync always", "maxmemory 32mb"}})
	if got := do(t, s, "CONFIG", "GET", "maxmemory").([]any)[1]; got != "33554432" {
		t.Errorf("maxmemory is %v, want 33554432", got)
	}
	addr := s.Addr()
	do(t, s, "SET", "a", "1")
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(t.Context(), "PING"); err == nil {
		t.Fatal("a killed server answers")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := do(t, s, "GET", "a"); got != "1" || s.Addr() != addr {
		t.Errorf("after a restart a is %v at %s, want 1 at %s", got, s.Addr(), addr)
	}
}

func TestRedisRefusesStrangers(t *testing.T) {
	s := redis(t, engine.RedisConfig{})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("PING\r\n"))
	b := make([]byte, 64)
	n, _ := conn.Read(b)
	if got := string(b[:n]); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("without the password PING is answered with %q, want NOAUTH", got)
	}
	if strings.Contains(s.Log(), s.Password()) || len(s.Password()) != 32 {
		t.Error("the log shows the password, or the password is short")
	}
}

func TestStopAndContinue(t *testing.T) {
	s := redis(t, engine.RedisConfig{})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	answer := make(chan error, 1)
	go func() { _, err := s.Do(context.Background(), "PING"); answer <- err }()
	select {
	case err := <-answer:
		t.Fatalf("a stopped server answers (%v)", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := s.Continue(); err != nil {
		t.Fatal(err)
	}
	if err := <-answer; err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if err := s.Restart(t.Context()); err == nil {
		t.Error("a closed server restarts")
	}
	if s.Stop() == nil || s.Continue() == nil || s.Kill() == nil {
		t.Error("a closed server can be stopped, continued or killed")
	}
}

func TestClockMoves(t *testing.T) {
	engine.Need(t, engine.Faketime)
	s := redis(t, engine.RedisConfig{Clock: true})
	for _, offset := range []time.Duration{0, time.Hour, -time.Hour, 90 * time.Second} {
		if err := s.SetClock(offset); err != nil {
			t.Fatal(err)
		}
		seconds, _ := strconv.ParseInt(do(t, s, "TIME").([]any)[0].(string), 10, 64)
		if off := time.Until(time.Unix(seconds, 0)) - offset; off.Abs() > 30*time.Second {
			t.Errorf("a clock set to %v is %v away from that", offset, off)
		}
	}
	if redis(t, engine.RedisConfig{}).SetClock(0) == nil {
		t.Error("SetClock moves the clock of a server without Clock")
	}
}

func TestCluster(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	c, err := engine.RedisCluster(t.Context(), t.TempDir(), engine.RedisConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	owners := map[int]bool{}
	for i, s := range c.Servers {
		for _, key := range []string{"a", "b", "c", "d"} {
			if _, err := s.Do(t.Context(), "SET", key, "1"); err == nil {
				owners[i] = true
			} else if !strings.Contains(err.Error(), "MOVED") {
				t.Errorf("SET %s at server %d: %v", key, i, err)
			}
		}
	}
	if len(owners) != 3 || len(c.Addrs()) != 3 {
		t.Errorf("%d of 3 servers own a key", len(owners))
	}
	if err := c.Servers[1].Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	for _, dead := range []bool{false, true} {
		engine.Need(t, engine.RedisServer)
		s, err := engine.RedisSentinel(t.Context(), t.TempDir(), engine.RedisConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		old, err := s.Primary(t.Context())
		if err != nil || old != s.Servers[0] {
			t.Fatalf("the primary is %v (%v), want the first server", old, err)
		}
		do(t, old, "SET", "a", "1")
		do(t, old, "WAIT", "1", "5000")
		if dead {
			old.Kill()
		}
		now, err := s.Failover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if now != s.Servers[1] || do(t, now, "GET", "a") != "1" {
			t.Error("the replica is not the primary, or has lost what it had")
		}
		do(t, now, "SET", "a", "2")
	}
}

func TestPostgres(t *testing.T) {
	engine.Need(t, engine.PostgresServer)
	s, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, act := range []func() error{s.Stop, s.Continue, s.Kill, func() error { return s.Restart(t.Context()) }, func() error { return s.Restart(t.Context()) }} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.HasPrefix(s.DSN(), "postgres://bulwark:") {
		t.Errorf("DSN is %q", s.DSN())
	}
}

type refusal struct{ skipped, failed string }

func (r *refusal) Helper() {}
func (r *refusal) Skip(args ...any) {
	if r.skipped == "" {
		r.skipped = args[0].(string)
	}
}
func (r *refusal) Fatal(args ...any) {
	if r.failed == "" {
		r.failed = args[0].(string)
	}
}

func TestNeed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("BULWARK_REDIS", "")
	var r refusal
	engine.Need(&r, engine.RedisServer)
	if want := "redis-server is missing: install redis-server (apt-get install redis-server)"; r.skipped != want {
		t.Errorf("skipped with %q, want %q", r.skipped, want)
	}
	t.Setenv("BULWARK_REDIS", "required")
	r = refusal{}
	engine.Need(&r, engine.RedisServer)
	if want := "redis-server is missing: install redis-server (apt-get install redis-server), and BULWARK_REDIS is required"; r.failed != want {
		t.Errorf("failed with %q, want %q", r.failed, want)
	}
}
