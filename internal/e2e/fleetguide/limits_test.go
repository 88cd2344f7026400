package fleetguide

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
	"github.com/bulwark-go/bulwark/redisstore"
	"github.com/bulwark-go/bulwark/sqlstore"
)

const limitsConf = `
maxmemory 256mb
maxmemory-policy volatile-ttl
save ""
appendonly no
`

// connect returns a client of one Redis server. It returns a client also if the
// server does not answer yet.
func connect(address, password string) (rueidis.Client, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress:       []string{address},
		Password:          password,
		DisableCache:      true,
		ForceSingleClient: true,
		ConnWriteTimeout:  time.Second,
	})
	if client == nil {
		return nil, err
	}
	if err != nil {
		slog.Warn("Redis does not answer yet", "error", err.Error())
	}
	return client, nil
}

// limits are the limits of all processes. While Redis does not answer, each of
// them allows its part of every limit.
func limits(client rueidis.Client, secret []byte, instances int) (ratelimit.Store, error) {
	return redisstore.NewLimits(redisstore.LimitsConfig{
		Client:    redisstore.Rueidis(client),
		Secret:    secret,
		OnOutage:  redisstore.Local,
		Instances: instances,
	})
}

// customers may send 10 requests in a second, and 1000 in a day of the calendar
// of place. The day is counted in the database, and survives Redis.
func customers(limits ratelimit.Store, store *sqlstore.Store, place *time.Location) []bulwark.Builder {
	return []bulwark.Builder{
		ratelimit.Config{Name: "second", Key: ratelimit.ByPrincipal, Rate: "10/second", Store: limits, Anonymous: "unlimited"},
		ratelimit.Config{Name: "day", Key: ratelimit.ByPrincipal, Rate: "1000/day", Calendar: place, Store: store.Quotas(), Anonymous: "unlimited"},
	}
}

func client(t *testing.T, s *engine.Server) rueidis.Client {
	t.Helper()
	c, err := connect(s.Addr(), s.Password())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// patient is limits with time for a busy machine: 50 milliseconds are for a
// Redis with a machine of its own.
func patient(t *testing.T, s *engine.Server, secret []byte, outage redisstore.Outage, instances int) ratelimit.Store {
	t.Helper()
	l, err := redisstore.NewLimits(redisstore.LimitsConfig{
		Client: redisstore.Rueidis(client(t, s)), Secret: secret, OnOutage: outage, Instances: instances, Timeout: 5 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLimitsOfAllProcesses(t *testing.T) {
	server := redis(t, limitsConf)
	if _, err := limits(client(t, server), random(), 2); err != nil {
		t.Fatal(err)
	}
	common, secret := alone(), random()
	events := &bulwarktest.Recorder{}
	common.Observer = events
	first, second := common, common
	first.Limits, second.Limits = patient(t, server, secret, redisstore.Local, 2), patient(t, server, secret, redisstore.Local, 2)
	one, two := run(t, first), run(t, second)
	began := time.Now()
	key := one.key("busy")
	n, most := passed(150, header(key), one, two), 100+int(time.Since(began).Seconds()*100/60)+1
	if n < 100 || n > most {
		t.Errorf("two processes let %d requests pass, want 100 to %d", n, most)
	}

	// Without Redis each process has half of the limit.
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	other := one.key("during the outage")
	began = time.Now()
	n, most = passed(300, header(other), one, two), 100+int(time.Since(began).Seconds()*100/60)+1
	if n < 100 || n > most {
		t.Errorf("during the outage two processes let %d requests pass, want 100 to %d", n, most)
	}
	if len(find(events, "redisstore.outage")) == 0 {
		t.Error("no event of the outage")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := one.key("after the outage")
	eventually(t, "both processes count in Redis again", func() bool {
		one.ask(header(last)...)
		two.ask(header(last)...)
		return len(find(events, "redisstore.recovered")) >= 2
	})
}

// Closed refuses what it cannot count.
func TestLimitsThatClose(t *testing.T) {
	server := redis(t, limitsConf)
	common := alone()
	common.Limits = patient(t, server, random(), redisstore.Closed, 0)
	p := run(t, common)
	key := p.key("busy")
	p.want(http.StatusNoContent, "a request", header(key)...)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	got := p.ask(header(key)...)
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("without Redis: %d %v, want 503 with Retry-After", got.StatusCode, got.Header)
	}
}

// A process starts without Redis.
func TestLimitsStartWithoutRedis(t *testing.T) {
	server := redis(t, limitsConf)
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	c, err := connect(server.Addr(), server.Password())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	common := alone()
	if common.Limits, err = limits(c, random(), 2); err != nil {
		t.Fatal(err)
	}
	p := run(t, common)
	p.want(http.StatusNoContent, "a request without Redis", header(p.key("k"))...)
}

// eventually waits until holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func contains(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("the error is %v, want %q", err, text)
	}
}

// A day of customers is counted in the database by all processes. A request
// that the limit for seconds refuses takes nothing from the day.
func TestQuotaOfCustomers(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "quotas.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	config := sqlstore.Config{Dialect: sqlstore.SQLite, Secrets: [][]byte{random()}, Timeout: 10 * time.Second}
	if err := sqlstore.Migrate(t.Context(), db, config); err != nil {
		t.Fatal(err)
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	clients := run(t, alone())
	key := header(clients.key("customer"))
	start := func(seconds ratelimit.Store) http.Handler {
		store, err := sqlstore.New(t.Context(), db, config)
		if err != nil {
			t.Fatal(err)
		}
		who := auth.Config{Authenticators: []auth.Authenticator{clients.Keys}}
		stack, err := bulwark.Chain(append([]bulwark.Builder{who}, customers(seconds, store, berlin)...)...)
		if err != nil {
			t.Fatal(err)
		}
		return stack.Wrap(http.HandlerFunc(orders))
	}
	ask := func(process http.Handler) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://api.example.com/orders", nil)
		r.Header.Set(key[0], key[1])
		w := httptest.NewRecorder()
		process.ServeHTTP(w, r)
		return w
	}
	seconds, n := &hours{}, 0
	processes := []http.Handler{start(seconds), start(seconds)}
	for i := range 30 {
		if ask(processes[i%2]).Code == http.StatusNoContent {
			n++
		}
	}
	if n != 10 {
		t.Errorf("%d of 30 requests passed, want 10", n)
	}
	// At midnight in Berlin the day begins again.
	left := strings.Join(ask(start(&hours{})).Header().Values("RateLimit"), ", ")
	if !strings.Contains(left, `"day";r=989`) && !strings.Contains(left, `"day";r=999`) {
		t.Errorf("%s is left after 11 requests that passed, want 989 of the day", left)
	}
}

// hours is a store in which a second lasts an hour, so that a slow machine
// restores nothing.
type hours struct{ ratelimit.MemoryStore }

func (h *hours) Debit(ctx context.Context, cells []ratelimit.Cell) (bool, error) {
	for i := range cells {
		cells[i].Policy.Window = time.Hour
	}
	return h.MemoryStore.Debit(ctx, cells)
}
