package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

func TestSecurityRecord(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	h := m.Wrap(as("alice", deny(bulwark.Problem{Status: 403, Code: "authz.role", Log: bulwark.ProblemLog{Rule: "admin", Attrs: []slog.Attr{slog.Int("n", 1), slog.String("ip", "203.0.113.9"), slog.String("ip", "x")}}, Err: errors.New("why")})))
	r := request("DELETE", "/documents/1?token=query-s3cret")
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
	if strings.Contains(line, "s3cret") {
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
			if m.Drain(t.Context()) != nil || m.Shutdown(t.Context()) != nil || m.Close() != nil || !reflect.DeepEqual(m.Stats(), audit.Stats{}) || m.Kind() != "audit" {
				t.Error("a method of a middleware made without New does something")
			}
		})
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
			r, _ = bulwark.Identify(r, nil)
			bulwark.Identify(r, nil)
			w.WriteHeader(403)
		}), "authz_fail", "audit.unreported"},
		{"denied_inside_another_identity", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, _ = bulwark.Identify(r, nil)
			r, _ = bulwark.Identify(r, nil)
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
			} else if test.reason == "audit.unreported" && !strings.Contains(fmt.Sprint(got[0]["error"]), "bulwark.Deny") {
				t.Errorf("the event does not say how to give a reason: %s", out)
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
		{"warning_then_403", bulwark.MaliciousCORS, 403, []string{"malicious_cors", "authz_fail"}},
		{"failed_login_then_401", bulwark.AuthnLoginFail, 401, []string{"authn_login_fail"}},
		{"failed_login_then_403", bulwark.AuthnLoginFail, 403, []string{"authn_login_fail", "authz_fail"}},
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
