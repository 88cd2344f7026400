package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

// records returns what has been written, and fails on a line that is no JSON or
// has a key twice.
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
		next.ServeHTTP(w, bulwark.Identify(r, &bulwark.Principal{Issuer: "test", Subject: subject}))
	})
}

func deny(p bulwark.Problem) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal := p
		bulwark.Deny(w, r, &refusal)
	})
}

func TestSecurityRecord(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	h := m.Wrap(as("alice", deny(bulwark.Problem{Status: 403, Code: "authz.role", Rule: "admin",
		Attrs: []slog.Attr{slog.Int("n", 1), slog.String("ip", "203.0.113.9"), slog.String("ip", "x")}, Err: errors.New("why")})))
	r := request("DELETE", "/documents/1?token=abc")
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 403 || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answered %d %v", w.Code, w.Header())
	}
	drain(t, m)
	line := out.String()
	records := out.records(t)
	if len(records) != 1 {
		t.Fatalf("%d records: %s", len(records), line)
	}
	// The shape that the readers of the log rely on, in its order.
	at := 0
	for _, key := range []string{"time", "level", "msg", "type", "event", "timestamp", "ip", "userId", "path", "method"} {
		i := strings.Index(line, `"`+key+`":`)
		if i < at {
			t.Errorf("%s is missing or out of order in %s", key, line)
		}
		at = i
	}
	for key, want := range map[string]any{"level": "WARN", "msg": "security event", "type": "security", "event": "authz_fail", "ip": "192.0.2.1",
		"userId": "alice", "issuer": "test", "path": "/documents/1", "method": "DELETE", "reason": "authz.role", "rule": "admin", "status": 403.0,
		"traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7", "n": 1.0, "attr_ip": "203.0.113.9", "attr_ip_": "x", "error": "why"} {
		if records[0][key] != want {
			t.Errorf("%s is %v, want %v", key, records[0][key], want)
		}
	}
	stamp, _ := records[0]["timestamp"].(string)
	if at, err := time.Parse(time.RFC3339, stamp); err != nil || at.Location() != time.UTC {
		t.Errorf("timestamp %q: %v", stamp, err)
	}
	if strings.Contains(line, "abc") {
		t.Error("the query is in the record")
	}
}

// The zero Config writes to whatever slog.Default is when the event comes.
func TestZeroConfig(t *testing.T) {
	m := build(t, audit.Config{})
	out := newLog()
	before := slog.Default()
	slog.SetDefault(slog.New(out))
	defer slog.SetDefault(before)
	m.Wrap(deny(bulwark.Problem{Status: 404, Code: "documents.unknown"})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
	drain(t, m)
	if got := of(out.records(t), "reason", "documents.unknown"); len(got) != 1 {
		t.Errorf("%s", out)
	}
}

func TestMiddlewareMadeWithoutNew(t *testing.T) {
	out := newLog()
	before := slog.Default()
	slog.SetDefault(slog.New(out))
	defer slog.SetDefault(before)
	for name, m := range map[string]*audit.Middleware{"nil": nil, "zero": new(audit.Middleware)} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			ran := false
			m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(w, request("GET", "/"+name))
			if ran || w.Code != 500 || !strings.Contains(w.Body.String(), `"audit.unconfigured"`) {
				t.Errorf("ran %v, answered %d %s", ran, w.Code, w.Body)
			}
			if got := of(of(out.records(t), "reason", "audit.unconfigured"), "path", "/"+name); len(got) != 1 || got[0]["event"] != "sys_unavailable" {
				t.Errorf("events %v", got)
			}
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzAdmin, Reason: name + "\n"})
			if got := of(out.records(t), "reason", name+`\x0a`); len(got) != 1 {
				t.Errorf("Record was silent: %s", out)
			}
			if m.Drain(t.Context()) != nil || m.Shutdown(t.Context()) != nil || m.Close() != nil || m.Stats() != (audit.Stats{}) || m.Kind() != "audit" {
				t.Error("a method of a middleware made without New does something")
			}
		})
	}
}

func TestConfigErrors(t *testing.T) {
	var nobody *log
	_, err := audit.New(audit.Config{
		Logger:           slog.Default(),
		Sinks:            []slog.Handler{newLog(), nil, nobody, newLog(), newLog(), newLog(), newLog(), newLog(), newLog()},
		AccessQuery:      []string{"limit", "access_token", "", "a b"},
		AccessHeaders:    []string{"User-Agent", "Authorization", "X-Api-Key", "Set-Cookie", strings.Repeat("a", 65), "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"},
		Observers:        []bulwark.Recorder{nil, nil, nil, nil, nil, nil, nil, nil, nil},
		MaxOneByOne:      -1,
		MaxPrefixes:      1,
		MaxSecurityQueue: 1 << 17,
		MaxAccessQueue:   -5,
	})
	got := map[string]string{}
	for _, line := range strings.Split(err.Error(), "\n") {
		field, rest, _ := strings.Cut(line, ": ")
		got[field] += rest
	}
	for _, field := range []string{"Logger", "Sinks", "Sinks[1]", "Sinks[2]", "AccessQuery", "AccessQuery[1]", "AccessQuery[2]", "AccessQuery[3]",
		"AccessHeaders", "AccessHeaders[1]", "AccessHeaders[2]", "AccessHeaders[3]", "AccessHeaders[4]", "Observers", "Observers[0]", "Observers[8]",
		"MaxOneByOne", "MaxPrefixes", "MaxSecurityQueue", "MaxAccessQueue"} {
		if got["audit."+field] == "" {
			t.Errorf("%s is not reported in\n%v", field, err)
		}
		delete(got, "audit."+field)
	}
	for field := range got {
		if !strings.HasPrefix(field, "audit.Observers[") {
			t.Errorf("%s is reported: %s", field, got[field])
		}
	}
	var config *bulwark.ConfigError
	if !errors.As(err, &config) {
		t.Errorf("%T is no ConfigError", err)
	}
	layer, err := audit.Config{MaxOneByOne: -1}.Build()
	if layer != nil || err == nil {
		t.Errorf("Build returned %v, %v", layer, err)
	}
	if _, err := bulwark.Chain(audit.Config{Logger: slog.New(newLog())}, audit.Config{}); err == nil {
		t.Error("two audit layers in a chain are accepted")
	}
}

// A key twice in a record is read by some as the first and by others as the
// last.
func TestAccessHeadersOnce(t *testing.T) {
	_, err := audit.New(audit.Config{AccessLog: true, AccessHeaders: []string{"User-Agent", "Accept", "user-agent", "USER-AGENT"}})
	if err == nil {
		t.Fatal("a header twice is accepted")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "audit.AccessHeaders[2]: ") || !strings.Contains(lines[1], "audit.AccessHeaders[3]: ") {
		t.Errorf("%q", lines)
	}
}

func TestLayerInAChain(t *testing.T) {
	out := newLog()
	stack, err := bulwark.Chain(build(t, audit.Config{Sinks: []slog.Handler{out}}), bulwark.Edge{Hosts: []string{"api.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	w := httptest.NewRecorder()
	stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(w, request("GET", "http://evil.example/"))
	if err := stack.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := out.records(t)
	if ran || w.Code != 421 || len(got) != 1 || got[0]["reason"] != "edge.misdirected" || got[0]["requestId"] != w.Header().Get("X-Request-Id") {
		t.Errorf("ran %v, answered %d, recorded %s", ran, w.Code, out)
	}
}

func TestConfigIsCopied(t *testing.T) {
	out := newLog()
	c := audit.Config{Sinks: []slog.Handler{out}, AccessLog: true, AccessQuery: []string{"limit"}, AccessHeaders: []string{"X-A"}}
	m := build(t, c)
	c.Sinks[0], c.AccessQuery[0], c.AccessHeaders[0] = nil, "secret", "Cookie"
	r := request("GET", "/?limit=1&secret=2")
	r.Header.Set("Cookie", "hidden")
	m.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
	drain(t, m)
	if got := out.records(t); len(got) != 1 || got[0]["query"] != "limit=1&[redacted]" || strings.Contains(out.String(), "hidden") {
		t.Errorf("%s", out)
	}
}

// What leaves with a status that refuses, from a handler that reports nothing,
// is not silent; what was reported is not reported twice.
func TestUnreportedRefusals(t *testing.T) {
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })
	}
	reporting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "test.login"})
		w.WriteHeader(401)
	})
	for _, test := range []struct {
		name    string
		handler http.Handler
		event   string
		reason  string
	}{
		{"unauthorized", status(401), "authz_fail", "audit.unreported"},
		{"forbidden", status(403), "authz_fail", "audit.unreported"},
		{"too_many", status(429), "excess_rate_limit_exceeded", "audit.unreported"},
		{"not_found", status(404), "", ""},
		{"ok", status(200), "", ""},
		{"reported", reporting, "authn_login_fail", "test.login"},
		{"denied", deny(bulwark.Problem{Status: 401, Code: "test.no"}), "authz_fail", "test.no"},
		{"settled_inside", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bulwark.Identify(bulwark.Identify(r, nil), nil) // a child scope
			w.WriteHeader(403)
		}), "authz_fail", "audit.unreported"},
		{"denied_in_child_scope", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = bulwark.Identify(bulwark.Identify(r, nil), nil)
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.child"})
		}), "authz_fail", "test.child"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out)})
			m.Wrap(test.handler).ServeHTTP(httptest.NewRecorder(), request("GET", "/x"))
			drain(t, m)
			got := out.records(t)
			if test.event == "" {
				if len(got) != 0 {
					t.Errorf("%s", out)
				}
				return
			}
			if len(got) != 1 || got[0]["event"] != test.event || got[0]["reason"] != test.reason || got[0]["path"] != "/x" {
				t.Errorf("%s", out)
			}
		})
	}
}

// A batch that has reported something already must not hide a silent
// sub-request.
func TestUnreportedSubRequest(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	inner := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) }))
	batch := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzAdmin})
		inner.ServeHTTP(httptest.NewRecorder(), request("GET", "/inner").WithContext(r.Context()))
		w.WriteHeader(200)
	}))
	batch.ServeHTTP(httptest.NewRecorder(), request("POST", "/batch"))
	drain(t, m)
	if got := of(out.records(t), "reason", "audit.unreported"); len(got) != 1 || got[0]["path"] != "/inner" {
		t.Errorf("%s", out)
	}
}

type spy struct {
	mu     sync.Mutex
	events []bulwark.Event
}

func (s *spy) Record(_ context.Context, e bulwark.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// Observers see each event, also those that are folded or dropped.
func TestObservers(t *testing.T) {
	seen := new(spy)
	m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	for range 50 {
		m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.no"})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
	}
	m.Shutdown(t.Context())
	m.Record(t.Context(), bulwark.Event{Name: "Not A Name\n"})
	if n := len(seen.events); n != 51 {
		t.Fatalf("%d events", n)
	}
	if last := seen.events[50]; last.Name != "_OTHER" || last.Severity != slog.LevelWarn || last.Time.IsZero() {
		t.Errorf("%+v", last)
	}
}

// An observer that panics loses neither the event, nor the answer, nor what the
// observers after it see.
func TestObserverThatPanics(t *testing.T) {
	out, seen := newLog(), new(spy)
	m := build(t, audit.Config{Logger: slog.New(out), Observers: []bulwark.Recorder{panicking{}, seen}})
	w := httptest.NewRecorder()
	m.Wrap(deny(bulwark.Problem{Status: 403, Code: "test.no"})).ServeHTTP(w, request("GET", "/"))
	drain(t, m)
	if w.Code != 403 || !strings.Contains(w.Body.String(), `"test.no"`) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	got := out.records(t)
	if len(got) != 1 || got[0]["event"] != "authz_fail" || got[0]["reason"] != "test.no" || len(seen.events) != 1 {
		t.Errorf("the other observer saw %d, recorded %s", len(seen.events), out)
	}
	if s := m.Stats().Security; s.Written != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

type panicking struct{}

func (panicking) Record(context.Context, bulwark.Event) { panic("secret of the observer") }

// Observers see safe texts also of an event that needs nothing else.
func TestObserversSeeSafeTexts(t *testing.T) {
	seen := new(spy)
	m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Severity: slog.LevelWarn, Time: time.Now(),
		Path: "/a\n\x1b[2Jforged", Attrs: [4]slog.Attr{slog.String("k", "v\u202e")}})
	if len(seen.events) != 1 {
		t.Fatalf("%d events", len(seen.events))
	}
	if e := seen.events[0]; e.Path != `/a\x0a\x1b[2Jforged` || e.Attrs[0].Value.String() != `v\u202e` {
		t.Errorf("path %q, attribute %q", e.Path, e.Attrs[0].Value)
	}
}

// A routine event, such as a renewed session, does not tell of the refusal that
// a handler makes without a report.
func TestRoutineEventHidesNoRefusal(t *testing.T) {
	for _, test := range []struct {
		name   string
		event  bulwark.EventName
		status int
		want   []string
	}{
		{"info_then_403", bulwark.SessionRenewed, 403, []string{"session_renewed", "authz_fail"}},
		{"info_then_429", bulwark.AuthnLoginSuccess, 429, []string{"authn_login_success", "excess_rate_limit_exceeded"}},
		{"info_then_200", bulwark.SessionRenewed, 200, []string{"session_renewed"}},
		{"warning_then_403", bulwark.AuthzFail, 403, []string{"authz_fail"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out)})
			w := httptest.NewRecorder()
			m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Report(r, bulwark.Event{Name: test.event, UserID: "alice", Reason: "test.own"})
				w.WriteHeader(test.status)
			})).ServeHTTP(w, request("GET", "/"))
			drain(t, m)
			got := out.records(t)
			if w.Code != test.status || len(got) != len(test.want) {
				t.Fatalf("answered %d, recorded %s", w.Code, out)
			}
			for i, name := range test.want {
				reason := "test.own"
				if i > 0 {
					reason = "audit.unreported"
				}
				if got[i]["event"] != name || got[i]["reason"] != reason {
					t.Errorf("record %d is %v", i, got[i])
				}
			}
		})
	}
}

func TestCountIsNotOverwritten(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Count: 7, Attrs: [4]slog.Attr{slog.Int("count", 1)}})
	drain(t, m)
	if got := out.records(t); len(got) != 1 || got[0]["count"] != 7.0 || got[0]["attr_count"] != 1.0 {
		t.Errorf("%s", out)
	}
}

func TestRecordOutsideRequests(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	m.Record(context.Background(), bulwark.Event{Name: bulwark.SysMonitorDisabled, Reason: "cors.InsecureAnyOrigin",
		ClientIP: netip.MustParseAddr("::ffff:192.0.2.9"), Attrs: [4]slog.Attr{slog.Any("config", map[string]int{"a": 1})}})
	drain(t, m)
	got := out.records(t)
	if len(got) != 1 {
		t.Fatalf("%s", out)
	}
	for key, want := range map[string]any{"level": "ERROR", "event": "sys_monitor_disabled", "reason": "cors.InsecureAnyOrigin", "userId": "", "path": "", "method": "", "config": "map[a:1]"} {
		if got[0][key] != want {
			t.Errorf("%s is %v, want %v", key, got[0][key], want)
		}
	}
	if got[0]["requestId"] != nil || got[0]["route"] != nil {
		t.Errorf("made up: %s", out)
	}
}
