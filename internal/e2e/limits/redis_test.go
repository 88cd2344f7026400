package limits

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/redisstore"
)

// TestRedis measures each cell of the table of limiters in Redis, and compares
// it with the page.
func TestRedis(t *testing.T) {
	engine.Need(t, engine.RedisServer)
	goredis.SetLogger(silent{})
	table := pageTable(t, "Limits in Redis")
	names := []string{""}
	for _, p := range peers {
		names = append(names, p.name)
	}
	if !slices.Equal(table[0], names) {
		t.Fatalf("the page has the columns %q, want %q", table[0], names)
	}
	if len(table)-1 != len(properties) {
		t.Errorf("the page has %d rows, want %d", len(table)-1, len(properties))
	}
	for i, property := range properties {
		t.Run(strings.ReplaceAll(property.row, " ", "_"), func(t *testing.T) {
			got := []string{property.row}
			for _, p := range peers {
				got = append(got, property.measure(t, p))
			}
			if i+1 >= len(table) || !slices.Equal(table[i+1], got) {
				t.Errorf("the page lacks the row\n| %s |", strings.Join(got, " | "))
			}
		})
	}
}

// properties are the rows of the table, in its order.
var properties = []struct {
	row     string
	measure func(*testing.T, peer) string
}{
	{"200 an hour, 400 requests for one key from 4 processes: passed", hotKey},
	{"3 an hour, 5 requests, `SCRIPT FLUSH` before each: passed", flushed},
	{"refusals make the wait longer", prolonged},
	{"limits of 4 and 2 an hour around a handler, 5 requests: what is left of the 4", nested},
	{"a limit of 2 on failures, 5 requests that succeed: passed", succeeding},
	{"fields of an answer", fieldsOf200},
	{"further fields of a 429", fieldsOf429},
	{"1 an hour, two addresses of one IPv6 /64: passed", oneNetwork},
	{"Redis is killed, nothing is configured", killed},
	{"Redis is killed, other modes", modes},
	{"Redis hangs (`SIGSTOP`)", hanging},
	{"the clock of Redis goes forward by an hour: the quota is", laterServer},
	{"the address 192.0.2.1 is in Redis as", written},
	{"each key in Redis expires", expiring},
}

// serverOf starts a Redis for one cell.
func serverOf(t *testing.T, c engine.RedisConfig) *engine.Server {
	t.Helper()
	server, err := engine.Redis(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// shared is the Redis of the cells that leave it as it was but for their keys.
var shared struct {
	server *engine.Server
	number int
}

// free returns an opening with a name of its own.
func free(t *testing.T, limit int) opening {
	t.Helper()
	if shared.server == nil {
		dir, err := os.MkdirTemp("", "limits-redis-")
		if err != nil {
			t.Fatal(err)
		}
		server, err := engine.Redis(context.Background(), dir, engine.RedisConfig{})
		if err != nil {
			t.Fatal(err)
		}
		shared.server = server
		stopRedis = func() { server.Close(); os.RemoveAll(dir) }
	}
	shared.number++
	return at(shared.server, limit, fmt.Sprintf("limit-%d", shared.number))
}

var stopRedis = func() {}

func at(server *engine.Server, limit int, name string) opening {
	return opening{addr: server.Addr(), password: server.Password(), limit: limit, name: name}
}

// start opens a limiter for one cell.
func (p peer) start(t *testing.T, o opening) *opened {
	t.Helper()
	l, err := p.open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.end)
	return l
}

// passed returns how many of n requests for one key pass.
func (l *opened) passed(t *testing.T, n int, before func()) (count int) {
	t.Helper()
	for range n {
		before()
		ok, _, err := l.allow("alice")
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			count++
		}
	}
	return count
}

// through sends a request from an address through the middleware.
func (l *opened) through(address string, next http.Handler) (res *http.Response, panicked any) {
	defer func() { panicked = recover() }()
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = address
	w := httptest.NewRecorder()
	l.wrap(next).ServeHTTP(w, r)
	return w.Result(), nil
}

var fine = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

const noMiddleware = "no middleware"

// hotKey says what four processes come to. A race shows in some of the rounds.
func hotKey(t *testing.T, p peer) string {
	rounds := 2
	if p.name == "httprate-redis" {
		rounds = 8 // its race shows in nearly all of them
	}
	for range rounds {
		// The network makes room for races, which a loop-back hides.
		o := free(t, 200)
		proxy, err := engine.NewProxy(o.addr, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		o.addr = proxy.Addr()
		sum := together(t, p, o)
		proxy.Close()
		t.Logf("%s: %+v", p.name, sum)
		switch {
		case sum.Errors > 0 && sum.Passed <= 200:
			return "at most 200, and errors"
		case sum.Passed > 200:
			return "more than 200"
		case sum.Passed < 200:
			return "fewer than 200"
		}
	}
	return "exactly 200"
}

func flushed(t *testing.T, p peer) string {
	l := p.start(t, free(t, 3))
	return fmt.Sprint(l.passed(t, 5, func() {
		if _, err := shared.server.Do(t.Context(), "SCRIPT", "FLUSH"); err != nil {
			t.Fatal(err)
		}
	}))
}

// prolonged compares the wait after a refusal with the wait after twenty more.
func prolonged(t *testing.T, p peer) string {
	l := p.start(t, free(t, 2))
	var first, last time.Duration
	for i := range 23 {
		ok, wait, err := l.allow("alice")
		if err != nil || ok != (i < 2) {
			t.Fatalf("%s: request %d passes: %t, %v", p.name, i+1, ok, err)
		}
		if i == 2 {
			first = wait
		}
		last = wait
	}
	if first <= 0 {
		t.Fatalf("%s: a refusal says to wait %v", p.name, first)
	}
	return map[bool]string{true: "yes", false: "no"}[last > first]
}

func nested(t *testing.T, p peer) string {
	o, i := free(t, 4), free(t, 2)
	outer, inner := p.start(t, o), p.start(t, i)
	const address = "192.0.2.1:1234"
	passes := func() bool { // the outer limit alone
		if outer.wrap == nil {
			ok, _, err := outer.allow("alice")
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		res, _ := outer.through(address, fine)
		return res.StatusCode == http.StatusOK
	}
	for range 5 {
		if outer.wrap == nil {
			if passes() {
				inner.allow("alice")
			}
			continue
		}
		outer.through(address, inner.wrap(fine))
	}
	left := 0
	for passes() {
		left++
	}
	return fmt.Sprint(left)
}

func succeeding(t *testing.T, p peer) string {
	o := free(t, 2)
	o.failures = true
	l := p.start(t, o)
	if l.wrap == nil {
		return noMiddleware
	}
	count := 0
	for range 5 {
		if res, _ := l.through("192.0.2.1:1234", fine); res.StatusCode == http.StatusOK {
			count++
		}
	}
	return fmt.Sprint(count)
}

// fields are the names of the fields of an answer, as code.
func fields(h http.Header, without ...string) string {
	var names []string
	for name := range h {
		name = strings.ReplaceAll(name, "Ratelimit", "RateLimit")
		switch name {
		case "Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options":
			continue // of any answer with a text
		}
		if !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

func fieldsOf200(t *testing.T, p peer) string {
	l := p.start(t, free(t, 1))
	if l.wrap == nil {
		return noMiddleware
	}
	res, _ := l.through("192.0.2.1:1234", fine)
	return fields(res.Header)
}

func fieldsOf429(t *testing.T, p peer) string {
	l := p.start(t, free(t, 1))
	if l.wrap == nil {
		return noMiddleware
	}
	first, _ := l.through("192.0.2.1:1234", fine)
	res, _ := l.through("192.0.2.1:1234", fine)
	if res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%s: the second request is %d", p.name, res.StatusCode)
	}
	var before []string
	for name := range first.Header {
		before = append(before, strings.ReplaceAll(name, "Ratelimit", "RateLimit"))
	}
	return fields(res.Header, before...)
}

func oneNetwork(t *testing.T, p peer) string {
	l := p.start(t, free(t, 1))
	if l.wrap == nil {
		return noMiddleware
	}
	count := 0
	for _, address := range []string{"[2001:db8::1]:1234", "[2001:db8::ffff:2]:1234"} {
		if res, _ := l.through(address, fine); res.StatusCode == http.StatusOK {
			count++
		}
	}
	return fmt.Sprint(count)
}

// outcome is what a client gets.
func (l *opened) outcome() string {
	if l.wrap == nil {
		if _, _, err := l.allow("alice"); err != nil {
			return "error"
		}
		return "passes"
	}
	res, panicked := l.through("192.0.2.1:1234", fine)
	if panicked != nil {
		return "panic"
	}
	return fmt.Sprint(res.StatusCode)
}

// killed is what a client gets when Redis does not run.
func killed(t *testing.T, p peer) string {
	server := serverOf(t, engine.RedisConfig{})
	l := p.start(t, at(server, 2, "api"))
	if got := l.outcome(); got != "200" && got != "passes" {
		t.Fatalf("%s: %s before", p.name, got)
	}
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	return l.outcomes(p, 3)
}

// outcomes are what further clients get. Where a client of Redis tries for
// seconds before it gives up, one says it all.
func (l *opened) outcomes(p peer, n int) string {
	all := []string{l.outcome()}
	for range n - 1 {
		if p.name == "bulwark" || p.name == "httprate-redis" {
			all = append(all, l.outcome())
		}
	}
	return strings.Join(slices.Compact(all), ", then ")
}

// modes are the other answers that an option chooses.
func modes(t *testing.T, p peer) string {
	server := serverOf(t, engine.RedisConfig{})
	o := at(server, 8, "api")
	var outcomes []string
	outcome := func(mode string, o opening) {
		l := p.start(t, o)
		l.outcome()
		if server.Kill() == nil {
			defer func() {
				if err := server.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}()
		}
		outcomes = append(outcomes, l.outcomes(p, 4)+" ("+mode+")")
	}
	switch p.name {
	case "bulwark":
		o.outage, o.instances = redisstore.Local, 4 // of 8 an hour
		outcome("`Local`", o)
		o.outage, o.instances = redisstore.InsecureOpen, 0
		outcome("`InsecureOpen`", o)
	case "httprate-redis":
		o.closed = true
		outcome("`FallbackDisabled`", o)
	default:
		return "none"
	}
	return strings.Join(outcomes, "; ")
}

// hanging is what a client gets while Redis hangs. Where it gets an answer only
// after ours has answered, the clients of Redis have waited for seconds.
func hanging(t *testing.T, p peer) string {
	server := serverOf(t, engine.RedisConfig{})
	o := at(server, 8, "api")
	o.plain = true
	ours, l := peers[0].start(t, o), p.start(t, o)
	ours.outcome()
	l.outcome()
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Continue() })
	answered := make(chan string, 1)
	go func() { answered <- l.outcome() }()
	if got := ours.outcome(); got != "503" {
		t.Fatalf("ours: %s", got)
	}
	if p.name == "bulwark" || p.name == "httprate-redis" {
		return <-answered
	}
	select {
	case got := <-answered:
		return got
	default:
		defer func() { server.Continue(); <-answered }()
		return "still waits when ours has answered"
	}
}

// laterServer moves the clock of Redis.
func laterServer(t *testing.T, p peer) string {
	engine.Need(t, engine.Faketime)
	server := serverOf(t, engine.RedisConfig{Clock: true})
	l := p.start(t, at(server, 2, "api"))
	if n := l.passed(t, 3, func() {}); n != 2 {
		t.Fatalf("%s: %d pass", p.name, n)
	}
	if err := server.SetClock(time.Hour + time.Minute); err != nil {
		t.Fatal(err)
	}
	if p.name == "bulwark" {
		// What this process has refused it remembers for a second. Another
		// process asks Redis.
		l = p.start(t, at(server, 2, "api"))
	}
	return map[bool]string{true: "whole again", false: "used up"}[l.passed(t, 1, func() {}) == 1]
}

// keysOf are the names of all keys in a Redis that only one limiter has used.
func keysOf(t *testing.T, p peer, secret byte) (*engine.Server, []string) {
	server := serverOf(t, engine.RedisConfig{})
	o := at(server, 2, "api")
	o.secret = secret
	l := p.start(t, o)
	if _, _, err := l.allow("192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	reply, err := server.Do(t.Context(), "KEYS", "*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, name := range reply.([]any) {
		names = append(names, name.(string))
	}
	slices.Sort(names)
	if len(names) == 0 {
		t.Fatalf("%s: nothing is in Redis", p.name)
	}
	return server, names
}

func written(t *testing.T, p peer) string {
	_, one := keysOf(t, p, 1)
	_, two := keysOf(t, p, 2) // of another deployment
	switch {
	case strings.Contains(strings.Join(one, " "), "192.0.2.1"):
		return "it is"
	case slices.Equal(one, two):
		return "a hash without a secret"
	}
	return "a hash with a secret"
}

func expiring(t *testing.T, p peer) string {
	server, names := keysOf(t, p, 1)
	for _, name := range names {
		left, err := server.Do(t.Context(), "PTTL", name)
		if err != nil {
			t.Fatal(err)
		}
		if left.(int64) <= 0 {
			return "no"
		}
	}
	return "yes"
}

// silent keeps go-redis from writing about each dial that fails.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}
