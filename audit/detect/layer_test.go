package detect_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/audit/detect"
)

// service answers like a service with a login and documents. A header says how
// a document is refused.
func service(d *detect.Detector) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") != "right" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "login.failed",
				Log: bulwark.ProblemLog{Event: bulwark.AuthnLoginFail, Attrs: []slog.Attr{d.Account(r.FormValue("name"))}}})
			return
		}
		e := bulwark.Event{Name: bulwark.AuthnLoginSuccess, Issuer: "https://login.example.com", UserID: "u-1"}
		e.Attrs[0] = d.Account(r.FormValue("name"))
		bulwark.Report(r, e)
	})
	mux.HandleFunc("GET /documents/{id}", func(w http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		scope.SetRoute(r.Pattern)
		switch r.Header.Get("How") {
		case "deny":
			bulwark.Deny(w, r, &bulwark.Problem{Status: 404, Code: "documents.missing"})
		case "no_event":
			bulwark.Deny(w, r, &bulwark.Problem{Status: 404, Code: "documents.missing", Log: bulwark.ProblemLog{Event: bulwark.NoEvent}})
		case "by_hand":
			http.NotFound(w, r)
		case "forbidden_by_hand":
			w.WriteHeader(403)
		case "batch":
			for i := range 4 {
				part := httptest.NewRequest("GET", fmt.Sprint(r.URL.Path, i), nil).WithContext(r.Context())
				part, scope := bulwark.Enter(part)
				scope.SetRoute("GET /documents/{id}")
				bulwark.Deny(httptest.NewRecorder(), part, &bulwark.Problem{Status: 404, Code: "documents.missing"})
			}
		}
	})
	return mux
}

func send(h http.Handler, method, target, how, body string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.1:1234"
	r.Header.Set("How", how)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// Each refusal counts once, whichever way the observer learns of it.
func TestEachRefusalOnce(t *testing.T) {
	for how, each := range map[string]int{"deny": 1, "no_event": 1, "by_hand": 1, "forbidden_by_hand": 1, "batch": 1, "": 0} {
		t.Run("how_"+how, func(t *testing.T) {
			var seen anomalies
			d := made(t, detect.Config{OnAnomaly: seen.add, Enumeration: detect.EnumerationConfig{Threshold: 12}})
			m, _ := layer(t, d)
			h := m.Wrap(service(d))
			requests := 12
			if how == "batch" {
				requests = 3 // of four parts
			}
			for i := range requests - 1 {
				send(h, "GET", fmt.Sprint("/documents/", i*50), how, "")
			}
			if len(seen.all) > 0 {
				t.Fatalf("too early: %v", seen.rules())
			}
			send(h, "GET", "/documents/5000", how, "")
			if got := seen.rules(); len(got) != each {
				t.Errorf("%v, want %d", got, each)
			}
		})
	}
	// A refusal twice is one object: of an event and of its answer.
	var seen anomalies
	d := made(t, detect.Config{OnAnomaly: seen.add})
	m, _ := layer(t, d)
	for range 50 {
		send(m.Wrap(service(d)), "GET", "/nowhere", "", "")
	}
	if len(seen.all) > 0 {
		t.Errorf("%v", seen.rules())
	}
}

// An anomaly is a record of the audit layer, with the client and the request at
// hand, and without what somebody has typed.
func TestRecord(t *testing.T) {
	var seen anomalies
	d := made(t, detect.Config{OnAnomaly: seen.add})
	m, records := layer(t, d)
	h := m.Wrap(service(d))
	for range 5 {
		send(h, "POST", "/login", "", "name=Alice%40Example.com&password=secret-guess")
	}
	send(h, "POST", "/login", "", "name=alice%40example.com&password=right")
	all := records()
	if text := fmt.Sprint(all); strings.Contains(strings.ToLower(text), "alice") || strings.Contains(text, "secret-guess") {
		t.Errorf("a typed text is in the log: %s", text)
	}
	got := own(all)
	if len(got) != 3 || len(all) != 5+3+1 {
		t.Fatalf("%d records, %d of them own: %v", len(all), len(got), all)
	}
	pseudonym := d.Account("alice@example.com").Value.String()
	wants := []map[string]any{
		{"event": "authn_login_fail_max", "reason": "detect.brute_force", "rule": "5, leaking one each 10s", "seen": 5.0, "threshold": 5.0, "account": nil, "userId": ""},
		{"event": "authn_login_fail_max", "reason": "detect.brute_force", "rule": "5, leaking one each 10s", "seen": 5.0, "threshold": 5.0, "account": pseudonym, "userId": ""},
		{"event": "authn_login_successafterfail", "reason": "detect.success_after_failures", "rule": "3 in 1h", "seen": 5.0, "threshold": 3.0, "account": pseudonym, "userId": "u-1"},
	}
	for i, want := range wants {
		for key, value := range want {
			if got[i][key] != value {
				t.Errorf("record %d: %s is %v, want %v", i, key, got[i][key], value)
			}
		}
		for key, value := range map[string]any{"level": "WARN", "type": "security", "ip": "192.0.2.1", "path": "/login", "method": "POST", "route": "POST /login", "status": nil, "estimated": nil, "count": nil} {
			if got[i][key] != value {
				t.Errorf("record %d: %s is %v, want %v", i, key, got[i][key], value)
			}
		}
		if id, _ := got[i]["requestId"].(string); id == "" {
			t.Errorf("record %d has no request id", i)
		}
	}
	if got[0]["requestId"] != got[1]["requestId"] || got[1]["requestId"] == got[2]["requestId"] {
		t.Error("the request ids are not those of the requests at hand")
	}
	if len(seen.all) != 3 || seen.all[0].Account != "" || seen.all[1].Account != pseudonym || seen.all[2].UserID != "u-1" || seen.all[0].ClientIP.String() != "192.0.2.1" {
		t.Errorf("%+v", seen.all)
	}
	// A refusal of the request is not reported twice because of the anomaly.
	if n := len(slices.DeleteFunc(all, func(r map[string]any) bool { return r["reason"] != "login.failed" })); n != 5 {
		t.Errorf("%d failures", n)
	}
}

// A path with escapes is escaped once in the record of an anomaly.
func TestRecordOfAHostilePath(t *testing.T) {
	d := made(t, detect.Config{})
	m, records := layer(t, d)
	h := m.Wrap(service(d))
	for i := range 12 {
		send(h, "GET", fmt.Sprintf("/documents/%%1b%%5c%d", i*7), "deny", "")
	}
	got := own(records())
	if len(got) != 1 || got[0]["path"] != `/documents/\x1b\\63` || got[0]["event"] != "malicious_direct_reference" {
		t.Errorf("%v", got)
	}
}

// Outside a request, an anomaly goes to the audit layer that is watched first.
func TestOutsideARequest(t *testing.T) {
	d := made(t, detect.Config{})
	first, records := layer(t, d)
	_, others := layer(t, d)
	for range 5 {
		first.Record(context.Background(), failure(d, "192.0.2.1", "alice"))
	}
	if got := own(records()); len(got) != 2 || got[0]["ip"] != "192.0.2.1" || got[0]["path"] != "/login" {
		t.Errorf("%v", got)
	}
	if got := others(); len(got) != 0 {
		t.Errorf("the other layer has %v", got)
	}
}

// With two audit layers, an anomaly goes to that of the request.
func TestTwoLayers(t *testing.T) {
	d := made(t, detect.Config{})
	_, records := layer(t, d)
	second, others := layer(t, d)
	for range 5 {
		send(second.Wrap(service(d)), "POST", "/login", "", "name=alice")
	}
	if got := own(records()); len(got) != 0 {
		t.Errorf("the first layer has %v", got)
	}
	if got := own(others()); len(got) != 2 {
		t.Errorf("the layer of the requests has %v", got)
	}
}

// Without an audit layer, an anomaly goes to slog.Default.
func TestWithoutALayer(t *testing.T) {
	before, out := slog.Default(), new(bytes.Buffer)
	slog.SetDefault(slog.New(slog.NewTextHandler(out, nil)))
	defer slog.SetDefault(before)
	d := made(t, detect.Config{})
	for range 5 {
		d.Record(t.Context(), failure(d, "192.0.2.1", "alice"))
	}
	if text := out.String(); strings.Count(text, "detect.brute_force") != 2 || !strings.Contains(text, "ip=192.0.2.1") {
		t.Error(text)
	}
}

// OnAnomaly may panic, and may cause events: no lock is held, and nothing is
// counted twice.
func TestHook(t *testing.T) {
	calls := 0
	var d *detect.Detector
	var m *audit.Middleware
	d = made(t, detect.Config{OnAnomaly: func(ctx context.Context, a detect.Anomaly) {
		calls++
		// Of the same actor: it is silent now.
		m.Record(ctx, failure(d, "192.0.2.1", "alice"))
		d.Record(ctx, failure(d, "192.0.2.1", "alice"))
		if bulwark.RequestID(ctx) == "" {
			t.Error("the context is not that of a request")
		}
		panic("broken hook")
	}})
	m, records := layer(t, d)
	w := httptest.NewRecorder()
	h := m.Wrap(service(d))
	for range 5 {
		r := httptest.NewRequest("POST", "/login?name=alice", nil)
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
	}
	if calls != 2 || w.Code != 401 || !strings.Contains(w.Body.String(), "login.failed") {
		t.Errorf("%d calls, answered %d %s", calls, w.Code, w.Body)
	}
	if got := own(records()); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// Without an audit layer around it, a panic of OnAnomaly still goes no further,
// and the other rules go on.
func TestHookThatPanics(t *testing.T) {
	calls := 0
	d := made(t, detect.Config{OnAnomaly: func(context.Context, detect.Anomaly) { calls++; panic("broken hook") }})
	for range 5 {
		d.Record(t.Context(), failure(d, "192.0.2.1", "alice"))
	}
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

// An event with a Count makes an anomaly without that Count.
func TestRecordOfACountedEvent(t *testing.T) {
	d := made(t, detect.Config{})
	m, records := layer(t, d)
	e := failure(d, "192.0.2.1", "alice")
	e.Count, e.Level = 70, slog.LevelDebug
	m.Record(t.Context(), e)
	got := own(records())
	if len(got) != 2 || got[0]["count"] != nil || got[0]["level"] != "WARN" || got[0]["seen"] != 5.0 {
		t.Errorf("%v", got)
	}
}

// The events of a Detector are never counted, by itself or by another one.
func TestOwnEventsAreIgnored(t *testing.T) {
	var seen anomalies
	d := made(t, detect.Config{OnAnomaly: seen.add})
	for range 100 {
		e := failure(d, "192.0.2.1", "alice")
		e.Reason = "detect.brute_force"
		d.Record(t.Context(), e)
	}
	if len(seen.all) > 0 {
		t.Errorf("%v", seen.rules())
	}
}

// Many goroutines count together: nothing is lost.
func TestConcurrentUse(t *testing.T) {
	var seen anomalies
	d := made(t, detect.Config{OnAnomaly: seen.add, MaxActors: 64})
	m, _ := layer(t, d)
	h := m.Wrap(service(d))
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 300 {
				m.Record(t.Context(), failure(d, fmt.Sprintf("10.%d.%d.1", worker, i%250), fmt.Sprint("user", i)))
				m.Record(t.Context(), success(d, fmt.Sprint("user", i)))
				send(h, "GET", fmt.Sprint("/documents/", worker*1000+3*i), "by_hand", "")
				m.Record(t.Context(), nowhere(fmt.Sprintf("10.%d.%d.2", worker, i%250), "/x"))
				d.Account("someone")
			}
		})
	}
	all.Wait()
	if !slices.Contains(seen.rules(), detect.Enumeration) {
		t.Errorf("2,400 refused objects of one caller, and %v", seen.rules())
	}
}
