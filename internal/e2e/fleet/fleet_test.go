package fleet_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/engine"
)

// patience bounds what must happen at last, on any machine.
const patience = 60 * time.Second

// A worker is a process of the fleet.
type worker struct {
	url  string
	stop func() // kill -9
}

var client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}

// start starts n processes with one setup.
func start(t *testing.T, n int, s setup) []*worker {
	t.Helper()
	workers := make([]*worker, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { workers[i], errs[i] = spawn(t, s) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return workers
}

func spawn(t *testing.T, s setup) (*worker, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), variable+"="+string(text))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe() // its end ends the process, also when this process dies
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	w := &worker{stop: sync.OnceFunc(func() {
		cmd.Process.Kill()
		in.Close()
		cmd.Wait()
		if text := stderr.String(); strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic") {
			t.Errorf("a process says: %s", text)
		}
	})}
	t.Cleanup(w.stop)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		w.stop()
		return nil, fmt.Errorf("a process has ended at its start: %s", stderr.String())
	}
	w.url = "http://" + strings.TrimSpace(line)
	return w, nil
}

// An answer is what a client sees. The status is 0 if there was none.
type answer struct {
	status int
	body   string
	header http.Header
	took   time.Duration
}

// field is a field of the JSON in the body.
func (a answer) field(name string) string {
	var fields map[string]any
	json.Unmarshal([]byte(a.body), &fields)
	return fmt.Sprint(fields[name])
}

// ask sends a request. Pairs are header fields.
func (w *worker) ask(method, path, body string, pairs ...string) answer {
	r, err := http.NewRequestWithContext(context.Background(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	begin := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return answer{body: err.Error(), took: time.Since(begin)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{body: err.Error(), took: time.Since(begin)}
	}
	return answer{resp.StatusCode, string(text), resp.Header, time.Since(begin)}
}

func (w *worker) debug(t *testing.T) debugging {
	t.Helper()
	a := w.ask("GET", "/debug", "")
	var d debugging
	if err := json.Unmarshal([]byte(a.body), &d); err != nil {
		t.Fatalf("debug: %v: %s", err, a.body)
	}
	return d
}

func count(list []string, text string) (n int) {
	for _, one := range list {
		if one == text {
			n++
		}
	}
	return n
}

// must returns the answer if it has the status.
func must(t *testing.T, a answer, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("answer %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// eventually asks until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// tokens of a login.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

func tokensOf(t *testing.T, a answer) (to tokens) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, a, 200).body), &to); err != nil || to.Access == "" || to.Refresh == "" {
		t.Fatalf("no tokens (%v): %s", err, a.body)
	}
	return to
}

func (w *worker) login(t *testing.T, subject string) tokens {
	t.Helper()
	return tokensOf(t, w.ask("POST", "/login?subject="+url.QueryEscape(subject), ""))
}

func (w *worker) refresh(token string) answer {
	return w.ask("POST", "/refresh", `{"refresh_token":"`+token+`"}`)
}

func (w *worker) me(token string) answer {
	return w.ask("GET", "/me", "", "Authorization", "Bearer "+token)
}

// An issued key.
type issued struct{ ID, Key string }

func issuedOf(t *testing.T, a answer) (k issued) {
	t.Helper()
	if err := json.Unmarshal([]byte(must(t, a, 200).body), &k); err != nil || k.ID == "" || k.Key == "" {
		t.Fatalf("no key (%v): %s", err, a.body)
	}
	return k
}

// durable is Redis that has on its disk what it has answered.
var durable = []string{"appendonly yes", "appendfsync always"}

// An instance is an engine that runs, whichever it is.
type instance struct {
	setup
	server *engine.Server // nil for a SQLite file, and for several servers
}

// run starts the engine with the name.
func run(t *testing.T, name string) instance {
	t.Helper()
	s := setup{Engine: name, Limits: true, State: true}
	switch name {
	case "redis":
		server := redis(t, engine.RedisConfig{Options: durable})
		s.Addrs, s.Password = []string{server.Addr()}, server.Password()
		return instance{s, server}
	case "postgres":
		engine.Need(t, engine.PostgresServer)
		server, err := engine.Postgres(t.Context(), t.TempDir(), engine.PostgresConfig{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		s.DSN = server.DSN()
		return instance{s, server}
	case "sqlite":
		s.DSN = "file:" + filepath.Join(t.TempDir(), "fleet.db") + "?_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"
		return instance{setup: s}
	}
	t.Fatalf("no engine %q", name)
	panic("unreachable")
}

func redis(t *testing.T, c engine.RedisConfig) *engine.Server {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	if c.Clock {
		engine.Need(t, engine.Faketime)
	}
	server, err := engine.Redis(t.Context(), t.TempDir(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// many runs do(i) for i below n, width at a time.
func many(n, width int, do func(i int)) {
	var all sync.WaitGroup
	next := make(chan int)
	for range width {
		all.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	all.Wait()
}

// middle returns the median and the longest of the times.
func middle(times []time.Duration) (median, longest time.Duration) {
	times = slices.Sorted(slices.Values(times))
	return times[len(times)/2].Round(time.Microsecond), times[len(times)-1].Round(time.Microsecond)
}
