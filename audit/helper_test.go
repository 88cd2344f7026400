package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// log is a sink of JSON lines that can be read while it is written to.
type log struct {
	slog.Handler
	mu  sync.Mutex
	buf bytes.Buffer
}

func newLog() *log {
	l := new(log)
	l.Handler = slog.NewJSONHandler(l, nil)
	return l
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// records returns what has been written. It fails on a line that is not JSON or
// that has a key twice.
func (l *log) records(t testing.TB) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(l.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		keys := map[string]int{}
		d := json.NewDecoder(strings.NewReader(line))
		d.Token()
		for d.More() {
			key, _ := d.Token()
			keys[key.(string)]++
			var skip any
			d.Decode(&skip)
		}
		for key, n := range keys {
			if n > 1 {
				t.Errorf("key %q occurs %d times in %s", key, n, line)
			}
		}
		all = append(all, record)
	}
	return all
}

// of returns the records whose key has the value.
func of(records []map[string]any, key string, value any) []map[string]any {
	var found []map[string]any
	for _, record := range records {
		if record[key] == value {
			found = append(found, record)
		}
	}
	return found
}

// occurrences adds up what records stand for.
func occurrences(records []map[string]any) int {
	sum := 0
	for _, record := range records {
		if n, ok := record["count"].(float64); ok {
			sum += int(n)
		} else {
			sum++
		}
	}
	return sum
}

// build makes the layer and shuts it down at the end of the test.
func build(t testing.TB, c audit.Config) *audit.Middleware {
	t.Helper()
	m, err := audit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		m.Shutdown(ctx)
	})
	return m
}

func drain(t testing.TB, m *audit.Middleware) {
	t.Helper()
	if err := m.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// request is one from 192.0.2.1.
func request(method, target string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = "192.0.2.1:1234"
	return r
}

// as settles alice as the caller of everything inside.
func as(subject string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Identify(r, &bulwark.Principal{Issuer: "test", Subject: subject})
		next.ServeHTTP(w, r)
	})
}

func deny(p bulwark.Problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal := p
		bulwark.Deny(w, r, &refusal)
	})
}
