package documents_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

const (
	documentsKept    = documents.MaxKept
	documentsReaders = documents.MaxReaders
)

var activityRoutes = []string{"/admin/activity", "/admin/activity/counters", "/admin/events"}

// Each route is for administrators alone, and each refusal leaves its event.
func TestActivityIsForAdministrators(t *testing.T) {
	for _, path := range activityRoutes {
		for _, test := range []struct {
			who, path, code, event string
			status                 int
		}{
			{"", path, "authz.unauthenticated", "authz_fail", 401},
			{"alice", path, "authz.forbidden", "authz_fail", 403},
			{"bob", path, "authz.forbidden", "authz_fail", 403},
			{"alice", path + "?kind=nonsense", "authz.forbidden", "authz_fail", 403}, // before anything is said of the query
		} {
			s := start(t)
			var header []string
			if test.who != "" {
				header = []string{"Authorization", s.bearer(test.who)}
			}
			a := s.do("192.0.2.1", "GET", test.path, nil, header...)
			s.refused(a, test.status, test.code)
			if test.status == 401 && a.Header.Get("Www-Authenticate") == "" {
				t.Errorf("no challenge: %v", a)
			}
			if events := s.events(test.event); len(events) != 1 || events[0]["path"] != path || events[0]["status"] != float64(test.status) {
				t.Errorf("%s %s: events %v", test.who, path, events)
			}
		}
	}
}

// A filter from outside of the closed list is no filter.
func TestEventsFilterIsClosed(t *testing.T) {
	for name, test := range map[string]struct{ query, pointer string }{
		"unknown_kind":    {"?kind=authn_made_up", "/kind"},
		"empty_kind":      {"?kind=", "/kind"},
		"kind_by_case":    {"?kind=AUTHZ_FAIL", "/kind"},
		"two_kinds":       {"?kind=authz_fail&kind=authz_fail", "/kind"},
		"caller":          {"?caller=root", "/caller"},
		"caller_of_text":  {"?caller=%3Cscript%3E", "/caller"},
		"caller_and_more": {"?caller=anonymous%0Ax", "/caller"},
		"another":         {"?since=1", "/since"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			a := s.do("192.0.2.1", "GET", "/admin/events"+test.query, nil, "Authorization", s.bearer("root"))
			s.refused(a, http.StatusUnprocessableEntity, "validate.invalid")
			found, _ := a.body["errors"].([]any)
			if len(found) != 1 || found[0].(map[string]any)["pointer"] != test.pointer || found[0].(map[string]any)["in"] != "query" {
				t.Errorf("errors %v", found)
			}
			if events := s.events("input_validation_fail"); len(events) != 1 || events[0]["reason"] != "validate.invalid" {
				t.Errorf("events %v", events)
			}
		})
	}
}

// Every event that the library names has its place in a plot and in the filter.
func TestKindsHaveEveryEvent(t *testing.T) {
	source, err := os.ReadFile("../../../eventname.go")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`EventName += "([a-z_0-9]+)"`).FindAllSubmatch(source, -1)
	if len(named) < 30 {
		t.Fatalf("%d names in eventname.go", len(named))
	}
	for _, one := range named {
		name := string(one[1])
		if slices.Contains(documents.Kinds(), name) != (name != string(bulwark.NoEvent)) {
			t.Errorf("kinds and %s", name)
		}
	}
	all := slices.Clone(documents.Kinds())
	slices.Sort(all)
	if len(slices.Compact(all)) != len(documents.Kinds()) {
		t.Error("a kind is there twice")
	}
}

// counted is the answer with the counters.
type counted struct {
	Minutes           []time.Time
	Requests, Refused []int
	Kinds             []struct {
		Kind   string
		Counts []int
	}
	InUse struct {
		Sessions, Accounts, Keys, Streams int
		RecentKeys                        []struct{ ID, Name, Tier string } `json:"recent_keys"`
	} `json:"in_use"`
}

func (s *service) counters(root string) (c counted) {
	s.t.Helper()
	a := s.do("192.0.2.7", "GET", "/admin/activity/counters", nil, "Authorization", root)
	text, _ := json.Marshal(a.body)
	if err := json.Unmarshal(text, &c); err != nil || a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/json" {
		s.t.Fatalf("%v %v", err, a)
	}
	return c
}

func (c counted) of(kind string) []int {
	for _, one := range c.Kinds {
		if one.Kind == kind {
			return one.Counts
		}
	}
	return nil
}

func total(counts []int) (sum int) {
	for _, one := range counts {
		sum += one
	}
	return sum
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(30 * time.Second) // into a minute
		s := start(t)
		root := s.bearer("root")
		s.leave()
		c := s.counters(root)
		if len(c.Minutes) != 15 || len(c.Kinds) != len(documents.Kinds()) {
			t.Fatalf("%d minutes, %d kinds", len(c.Minutes), len(c.Kinds))
		}
		for i, kind := range documents.Kinds() {
			if c.Kinds[i].Kind != kind || len(c.Kinds[i].Counts) != 15 {
				t.Errorf("kind %d: %+v", i, c.Kinds[i])
			}
		}
		if now := time.Now().UTC().Truncate(time.Minute); !c.Minutes[14].Equal(now) || !c.Minutes[0].Equal(now.Add(-14*time.Minute)) {
			t.Errorf("minutes %v", c.Minutes)
		}
		if got := c.of("authz_fail"); got[14] != 1 || total(got) != 1 {
			t.Errorf("authz_fail %v", got)
		}
		// The login and the two refusals have been answered; this request has not.
		if c.Requests[14] != 3 || c.Refused[14] != 2 || total(c.Requests) != 3 || total(c.Refused) != 2 {
			t.Errorf("requests %v, refused %v", c.Requests, c.Refused)
		}

		time.Sleep(2 * time.Minute)
		s.leave()
		c = s.counters(root)
		if got := c.of("authz_fail"); got[12] != 1 || got[14] != 1 || total(got) != 2 {
			t.Errorf("two minutes later: authz_fail %v", got)
		}
		time.Sleep(12*time.Minute + 45*time.Second) // the first minute has left the window, and the second not yet
		root = s.bearer("root")
		if got := s.counters(root).of("authz_fail"); got[1] != 1 || total(got) != 1 {
			t.Errorf("a quarter of an hour later: authz_fail %v", got)
		}
		time.Sleep(time.Hour)
		c = s.counters(s.bearer("root"))
		if total(c.of("authz_fail")) != 0 || total(c.Refused) != 0 || total(c.Requests) != 1 {
			t.Errorf("an hour later: %v %v", c.Requests, c.Refused)
		}
	})
}

func TestSessionsAndKeysInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		root := s.bearer("root")
		s.bearer("root")
		alice := s.login("192.0.2.1", "alice", password)
		made := s.do("192.0.2.1", "POST", "/admin/keys", map[string]string{"name": "partner", "tier": "premium"}, "Authorization", root)
		s.do("192.0.2.1", "GET", "/documents", nil, "Authorization", "ApiKey "+made.body["key"].(string))
		synctest.Wait() // the use of a key is noted beside the request
		used := s.counters(root).InUse
		if used.Sessions != 3 || used.Accounts != 2 || used.Keys != 4 || used.Streams != 0 {
			t.Errorf("in use: %+v", used)
		}
		if keys := used.RecentKeys; len(keys) != 1 || keys[0].Name != "partner" || keys[0].Tier != "premium" || keys[0].ID != made.body["id"] {
			t.Errorf("keys used lately: %+v", used.RecentKeys)
		}
		var cookies []string
		for _, c := range alice.Cookies() {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		s.do("192.0.2.1", "POST", "/api/auth/logout", nil, "Cookie", strings.Join(cookies, "; "))
		if used = s.counters(root).InUse; used.Sessions != 2 || used.Accounts != 1 {
			t.Errorf("after a logout: %+v", used)
		}
		time.Sleep(8 * 24 * time.Hour) // past the end of every session
		if used = s.counters(s.bearer("root")).InUse; used.Sessions != 1 || len(used.RecentKeys) != 0 {
			t.Errorf("a week later: %+v", used)
		}
	})
}

// What is shown has each key once, and no query of a URL.
func TestRecordJSON(t *testing.T) {
	e := bulwark.Event{Name: bulwark.SysUnavailable, Path: "/x\n\u202e<script>", Reason: "test.reason"}
	e.Attrs[0] = slog.String("ip", "forged")
	e.Attrs[1] = slog.String("from", "https://idp.example/?token=s3cret")
	e.Sanitize()
	text := documents.RecordJSON(e)
	var record map[string]any
	if err := json.Unmarshal(text, &record); err != nil || strings.Contains(string(text), "\n") {
		t.Fatalf("%v: %s", err, text)
	}
	if record["ip"] != "" || strings.Count(string(text), `"ip"`) != 1 || record["level"] != "ERROR" || record["type"] != "security" || record["msg"] != "security event" {
		t.Errorf("record %s", text)
	}
	if strings.Contains(string(text), "s3cret") || strings.ContainsAny(string(text), "\u202e") || !strings.Contains(string(text), `idp.example`) {
		t.Errorf("record %s", text)
	}
}

// What looks like an attack is told of, and the caller who writes about it is
// not refused. Ordinary text leaves nothing.
func TestSuspiciousDocumentsAreReported(t *testing.T) {
	for name, test := range map[string]struct{ title, content, event string }{
		"script":   {"<script>alert(1)</script>Minutes", "", "malicious_extraneous"},
		"sql":      {"x' OR '1'='1' --", "", "malicious_sqli"},
		"content":  {"Minutes", "<img src=x onerror=alert(1)>", "malicious_extraneous"},
		"ordinary": {"Tom & Jerry's 1 < 2", "<h2>Agenda</h2><p>We met at <b>nine</b>; select one from the list.</p>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			a := s.do("192.0.2.1", "POST", "/documents", map[string]string{"title": test.title, "content": test.content}, "Authorization", s.bearer("alice"))
			if a.StatusCode != http.StatusCreated {
				t.Errorf("%v", a)
			}
			found := s.events("malicious_extraneous")
			found = append(found, s.events("malicious_sqli")...)
			if test.event == "" && len(found) != 0 || test.event != "" && (len(found) != 1 || found[0]["event"] != test.event || found[0]["route"] != "POST /documents") {
				t.Errorf("events %v, want %q", found, test.event)
			}
			if strings.Contains(fmt.Sprint(found), "alert(1)") {
				t.Errorf("the value is in the log: %v", found)
			}
		})
	}
}

// A guess and its account, which the log does not name.
func TestAnomaliesOfLoginsAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t)
		for range 4 {
			s.login("192.0.2.1", "alice", "wrong password")
		}
		if a := s.login("192.0.2.1", "alice", password); a.StatusCode != http.StatusOK {
			t.Fatalf("%v", a)
		}
		for i := range 6 {
			s.login("192.0.2.2", fmt.Sprint("guess", i), "wrong password")
		}
		for _, name := range []string{"authn_login_successafterfail", "authn_credential_stuffing"} {
			if found := s.events(name); len(found) != 1 || strings.Contains(fmt.Sprint(found), "@example.com") {
				t.Errorf("%s: %v, want one event without the name of the account", name, found)
			}
		}
	})
}

// The page has one nonce of its own and nothing inline beside it.
func TestActivityPageHasNothingInline(t *testing.T) {
	s := start(t)
	root := s.bearer("root")
	a := s.do("192.0.2.1", "GET", "/admin/activity", nil, "Authorization", root)
	csp := a.Header.Get("Content-Security-Policy")
	if len(a.Header["Content-Security-Policy"]) != 1 || a.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%v", a.Header)
	}
	for _, want := range []string{"'nonce-", "require-trusted-types-for 'script'", "trusted-types 'none'", "base-uri 'none'", "frame-ancestors 'none'", "report-uri /reports/csp"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy lacks %s: %s", want, csp)
		}
	}
	for _, never := range []string{"unsafe", "http:", "*"} {
		if strings.Contains(csp, never) {
			t.Errorf("the policy has %s: %s", never, csp)
		}
	}
	if again := s.do("192.0.2.1", "GET", "/admin/activity", nil, "Authorization", root); again.Header.Get("Content-Security-Policy") == csp {
		t.Error("the nonce stays the same")
	}
	for _, file := range []string{"activity.html", "activity.js", "stream.js", "plots.js", "breakit.js", "ask.js"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`(?i)innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|\s(on\w+|style)="|src="http`).Find(text); found != nil {
			t.Errorf("%s has %q", file, found)
		}
	}
}

// The metrics have a listener of their own, and nothing else is there.
func TestMetricsHandler(t *testing.T) {
	s := start(t)
	handler, held, err := s.app.Metrics([]string{"localhost"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, host, path string
		status             int
		code, event        string
	}{
		{"GET", "localhost:9090", "/metrics", 200, "", ""},
		{"HEAD", "localhost:9090", "/metrics", 200, "", ""},
		{"GET", "10.0.0.7:9090", "/metrics", 200, "", ""}, // by the address of a container
		{"GET", "localhost", "/", 404, "metrics.not_found", "input_validation_fail"},
		{"GET", "localhost", "/metrics/", 404, "metrics.not_found", "input_validation_fail"},
		{"GET", "localhost", "/documents", 404, "metrics.not_found", "input_validation_fail"},
		{"POST", "localhost", "/metrics", 405, "metrics.method_not_allowed", "input_validation_fail"},
		{"GET", "evil.example", "/metrics", 421, "edge.misdirected", "input_validation_fail"}, // a page whose name leads to 127.0.0.1
	} {
		a := serveTo(handler, test.method, test.host, test.path)
		if a.StatusCode != test.status || test.code != "" && a.body["code"] != test.code {
			t.Errorf("%s %s%s: %v", test.method, test.host, test.path, a)
		}
		if test.status == 200 && !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s%s: %v", test.method, test.host, test.path, a.Header)
		}
		if test.status == 405 && a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("Allow %q", a.Header.Get("Allow"))
		}
	}
	// Every series is there at 0, and counts.
	s.login("192.0.2.1", "alice", "wrong password")
	text := exposition(handler)
	for _, want := range []string{
		`auth_failures_total{method="password",reason="login.failed"} 1`, "\nauth_failures 1\n", `rate_limit_exceeded_total{policy="login-account-site"} 0`,
		`rate_limit_exceeded_total{policy="caller"} 0`, `security_events_total{event="malicious_csrf"} 0`, "go_goroutines ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	if err := held.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if events := s.events("input_validation_fail"); len(events) != 5 {
		t.Errorf("%d events, want one for each refusal: %v", len(events), events)
	}
}
