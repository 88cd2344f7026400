package headers_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

const (
	cspReport   = "application/csp-report"
	reportsJSON = "application/reports+json"
)

// What Firefox and Chromium send.
const (
	oneReport = `{"csp-report":{"blocked-uri":"https://evil.example/x.js?token=secret","column-number":3,"disposition":"enforce",` +
		`"document-uri":"https://user:secret@a.example/page?session=secret#secret","effective-directive":"script-src-elem","line-number":7,` +
		`"original-policy":"default-src 'self'","referrer":"https://a.example/?secret","source-file":"https://a.example/app.js?secret",` +
		`"status-code":200,"script-sample":"secret","violated-directive":"script-src-elem"}}`
	twoReports = `[{"age":2,"type":"deprecation","url":"https://a.example/","body":{"id":"x"}},` +
		`{"age":1,"body":{"blockedURL":"inline","columnNumber":1,"disposition":"report","documentURL":"https://a.example/p?secret",` +
		`"effectiveDirective":"style-src-attr","lineNumber":9,"originalPolicy":"x","referrer":"","sample":"secret","statusCode":200},` +
		`"type":"csp-violation","url":"https://a.example/p?secret","user_agent":"x"}]`
)

// receiver returns the handler of a config behind a recorder.
func receiver(t *testing.T, c headers.Reports) (http.Handler, *bulwarktest.Recorder) {
	t.Helper()
	h, err := headers.ReportsHandler(c)
	if err != nil {
		t.Fatal(err)
	}
	rec := new(bulwarktest.Recorder)
	return rec.Wrap(h), rec
}

func post(h http.Handler, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/reports/csp", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// told returns an event in one line.
func told(e bulwark.Event) string {
	line := fmt.Sprintf("%s %s %s %d", e.Name, e.Reason, e.Rule, e.Count)
	for _, attr := range e.Attrs {
		if attr.Key != "" {
			line += " " + attr.String()
		}
	}
	return line
}

func TestReports(t *testing.T) {
	long := "https://a.example/" + strings.Repeat("x", 1000)
	for _, test := range []struct {
		name, contentType, body string
		want                    []string
	}{
		{"report_uri", cspReport, oneReport, []string{"malicious_csp_violation headers.csp_violation script-src-elem 0 " +
			"document=https://a.example/page blocked=https://evil.example/x.js disposition=enforce source=https://a.example/app.js:7"}},
		{"report_to", reportsJSON, twoReports, []string{"malicious_csp_violation headers.csp_violation style-src-attr 0 " +
			"document=https://a.example/p blocked=inline disposition=report"}},
		{"with_charset", cspReport + "; charset=UTF-8", oneReport, []string{"malicious_csp_violation headers.csp_violation script-src-elem 0 " +
			"document=https://a.example/page blocked=https://evil.example/x.js disposition=enforce source=https://a.example/app.js:7"}},
		{"level_2", cspReport, `{"csp-report":{"violated-directive":"img-src 'self' https:","blocked-uri":"data"}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document= blocked=data disposition=enforce"}},
		{"nothing_known", cspReport, `{"csp-report":{}}`, []string{"malicious_csp_violation headers.csp_violation other 0 document= blocked= disposition=enforce"}},
		{"wrong_types", cspReport, `{"csp-report":{"document-uri":1,"effective-directive":[],"source-file":"a","line-number":"x"}}`,
			[]string{"malicious_csp_violation headers.csp_violation other 0 document= blocked= disposition=enforce source=other"}},
		{"invented_directive", cspReport, `{"csp-report":{"effective-directive":"evil\u0000","violated-directive":"evil","blocked-uri":"evil"}}`,
			[]string{"malicious_csp_violation headers.csp_violation other 0 document= blocked=other disposition=enforce"}},
		{"other_directive", cspReport, `{"csp-report":{"effective-directive":"require-trusted-types-for","blocked-uri":"trusted-types-sink"}}`,
			[]string{"malicious_csp_violation headers.csp_violation require-trusted-types-for 0 document= blocked=trusted-types-sink disposition=enforce"}},
		{"data_url", cspReport, `{"csp-report":{"effective-directive":"img-src","blocked-uri":"data:image/png;base64,c2VjcmV0"}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document= blocked=data disposition=enforce"}},
		{"extension", cspReport, `{"csp-report":{"effective-directive":"img-src","blocked-uri":"chrome-extension://secret/x","document-uri":"about:blank"}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document=about blocked=chrome-extension disposition=enforce"}},
		{"long_url", cspReport, `{"csp-report":{"effective-directive":"img-src","blocked-uri":"` + long + `"}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document= blocked=" + long[:200] + " disposition=enforce"}},
		{"control_characters", cspReport, `{"csp-report":{"effective-directive":"img-src","blocked-uri":"https://a.example/\nlevel=ERROR"}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document= blocked=other disposition=enforce"}},
		{"long_line_number", cspReport, `{"csp-report":{"effective-directive":"img-src","source-file":"https://a.example/","line-number":12345678901}}`,
			[]string{"malicious_csp_violation headers.csp_violation img-src 0 document= blocked= disposition=enforce source=https://a.example/"}},
		{"no_violation", reportsJSON, `[{"type":"deprecation","body":{}},{"type":"csp-violation"},{"type":"csp-violation","body":null}]`, nil},
		{"empty_list", reportsJSON, `[]`, nil},
	} {
		inBubble(t, test.name, func(t *testing.T) {
			h, rec := receiver(t, headers.Reports{})
			w := post(h, test.contentType, test.body)
			if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
				t.Errorf("answer is %d %q, want an empty 204", w.Code, w.Body)
			}
			var got []string
			for _, e := range rec.Take() {
				got = append(got, told(e))
				if strings.Contains(told(e), "secret") {
					t.Errorf("a secret is kept: %s", told(e))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("events are\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

// inBubble runs a subtest whose windows end with it.
func inBubble(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t)
			time.Sleep(time.Hour)
		})
	})
}

func TestReportsRefused(t *testing.T) {
	for _, test := range []struct {
		name, contentType, body string
		status                  int
		code                    string
	}{
		{"empty", cspReport, "", 400, "body.required"},
		{"no_json", cspReport, "{", 400, "headers.report"},
		{"duplicate_names", cspReport, `{"csp-report":{},"csp-report":{}}`, 400, "headers.report"},
		{"no_object", cspReport, `"csp-report"`, 400, "headers.report"},
		{"body_is_no_object", cspReport, `{"type":"csp-violation","body":null}`, 400, "headers.report"},
		{"no_report", cspReport, `{"csp-report":[]}`, 400, "headers.report"},
		{"deep", cspReport, strings.Repeat("[", 1000), 400, "headers.report"},
		{"no_list", reportsJSON, `{}`, 400, "headers.report"},
		{"no_objects", reportsJSON, `[1]`, 400, "headers.report"},
		{"no_objects_of_many", reportsJSON, "[" + strings.Repeat("1,", 200) + "1]", 400, "headers.report"},
		{"list_no_json", reportsJSON, `[`, 400, "headers.report"},
		{"list_open", reportsJSON, `[{"type":"csp-violation","body":{}}`, 400, "headers.report"},
		{"list_other_bracket", reportsJSON, `[{"type":"csp-violation","body":{}}}`, 400, "headers.report"},
		{"list_and_more", reportsJSON, `[] []`, 400, "headers.report"},
		{"list_open_string", reportsJSON, `[""]`, 400, "headers.report"},
		{"list_ends_in_escape", reportsJSON, `["\`, 400, "headers.report"},
		{"list_of_nothing", reportsJSON, `[,]`, 400, "headers.report"},
		{"other_type", "application/json", `{}`, 415, "body.unsupported_media_type"},
		{"no_type", "", `{}`, 415, "body.unsupported_media_type"},
		{"large", cspReport, `{"csp-report":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`, 413, "body.too_large"},
	} {
		inBubble(t, test.name, func(t *testing.T) {
			h, rec := receiver(t, headers.Reports{})
			w := post(h, test.contentType, test.body)
			if w.Code != test.status || !strings.Contains(w.Body.String(), `"code":"`+test.code) || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("answer is %d %s, want %d %s", w.Code, w.Body, test.status, test.code)
			}
			if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.InputValidationFail || !strings.HasPrefix(events[0].Reason, test.code) {
				t.Errorf("events are %+v", events)
			} else if test.code == "headers.report" && (events[0].Attrs[0].Key != "error" || !strings.Contains(events[0].Attrs[0].Value.String(), "csp-report")) {
				t.Errorf("the event does not say what was wanted: %v", events[0].Attrs)
			}
		})
	}
	for _, method := range []string{"GET", "PUT", "OPTIONS"} {
		inBubble(t, method, func(t *testing.T) {
			h, rec := receiver(t, headers.Reports{})
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "/", strings.NewReader(oneReport)))
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || !strings.Contains(w.Body.String(), `"code":"headers.method"`) {
				t.Errorf("%s is answered %d %v %s", method, w.Code, w.Header(), w.Body)
			}
			if events := rec.Take(); len(events) != 1 || events[0].Name != bulwark.InputValidationFail {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

func violation(blocked int) string {
	return fmt.Sprintf(`{"csp-report":{"effective-directive":"img-src","blocked-uri":"https://evil.example/%d"}}`, blocked)
}

func TestReportsAreGrouped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := receiver(t, headers.Reports{})
		for range 50 {
			post(h, cspReport, violation(1))
		}
		post(h, cspReport, violation(2))
		if events := rec.Take(); len(events) != 2 {
			t.Errorf("%d events at once, want one for each kind", len(events))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		events := rec.Take()
		if len(events) != 1 || events[0].Count != 49 || !strings.Contains(told(events[0]), "evil.example/1") ||
			!events[0].ClientIP.IsValid() || events[0].Path != "/reports/csp" || events[0].RequestID == "" {
			t.Errorf("events when the window ends are %+v, want one that counts 49", events)
		}
		post(h, cspReport, violation(1))
		if events := rec.Take(); len(events) != 1 {
			t.Errorf("%d events in the next window, want 1", len(events))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if events := rec.Take(); len(events) != 0 {
			t.Errorf("events of a window without more: %+v", events)
		}
	})
}

// Whatever arrives, the events of a window are bounded, and none is lost from
// the count.
func TestReportsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := receiver(t, headers.Reports{MaxGroups: 3, MaxClientGroups: 3, MaxRequests: 10, MaxClientRequests: 10, Window: time.Hour})
		for i := range 25 {
			if w := post(h, cspReport, violation(i)); w.Code != http.StatusNoContent {
				t.Fatalf("answer is %d", w.Code)
			}
		}
		if events := rec.Take(); len(events) != 3 {
			t.Errorf("%d events at once, want 3", len(events))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		got := map[string]int{}
		for _, e := range rec.Take() {
			got[e.Reason] = e.Count
			field := map[string]string{"headers.csp_violations_ungrouped": "headers.Reports.MaxGroups", "headers.csp_reports_unread": "headers.Reports.MaxRequests"}[e.Reason]
			if e.Attrs[0].Key != "error" || !strings.Contains(e.Attrs[0].Value.String(), field) {
				t.Errorf("%s does not name %s: %v", e.Reason, field, e.Attrs)
			}
		}
		if len(got) != 2 || got["headers.csp_violations_ungrouped"] != 7 || got["headers.csp_reports_unread"] != 15 {
			t.Errorf("events are %v, want 7 and 15", got)
		}
	})
}

// A body that takes longer than the window finds a new one.
func TestReportsSlowBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, rec := receiver(t, headers.Reports{Window: time.Second})
		r := httptest.NewRequest("POST", "/", &slow{strings.NewReader(violation(1))})
		r.Header.Set("Content-Type", cspReport)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if events := rec.Take(); w.Code != http.StatusNoContent || len(events) != 1 {
			t.Errorf("answer is %d, events %+v", w.Code, events)
		}
		time.Sleep(time.Minute)
	})
}

type slow struct{ *strings.Reader }

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(2 * time.Second)
	return s.Reader.Read(p)
}

// The events of a window's end outlive the requests: their contexts are
// cancelled.
func TestReportsAfterTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := headers.ReportsHandler(headers.Reports{})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var late []error
		rec := recorderFunc(func(ctx context.Context, e bulwark.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Count > 0 {
				late = append(late, ctx.Err())
			}
		})
		for range 2 {
			ctx, cancel := context.WithCancel(t.Context())
			r, scope := bulwark.Enter(httptest.NewRequest("POST", "/", strings.NewReader(violation(1))).WithContext(ctx))
			r, _ = scope.Record(r, rec, "", "")
			r.Header.Set("Content-Type", cspReport)
			h.ServeHTTP(httptest.NewRecorder(), r)
			cancel()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(late) != 1 || late[0] != nil {
			t.Errorf("recorded under %v, want one context that is not cancelled", late)
		}
	})
}

type recorderFunc func(context.Context, bulwark.Event)

func (f recorderFunc) Record(ctx context.Context, e bulwark.Event) { f(ctx, e) }

func TestReportsConcurrently(t *testing.T) {
	h, rec := receiver(t, headers.Reports{MaxGroups: 5, MaxClientGroups: 5, MaxRequests: 1_000_000, Window: time.Hour})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 50 {
				post(h, cspReport, violation(i*j%10))
			}
		})
	}
	group.Wait()
	if events := rec.Take(); len(events) != 5 {
		t.Errorf("%d events, want 5", len(events))
	}
}

func TestReportsFaults(t *testing.T) {
	_, err := headers.ReportsHandler(headers.Reports{MaxBodyBytes: -1, Window: 2 * time.Hour, MaxRequests: 1e7, MaxGroups: -1, MaxClientRequests: -1, MaxClientGroups: -1})
	for _, field := range []string{"MaxBodyBytes", "Window", "MaxRequests", "MaxGroups", "MaxClientRequests", "MaxClientGroups"} {
		if find(err, "headers.Reports."+field) == nil {
			t.Errorf("%v does not name %s", err, field)
		}
	}
	_, err = headers.ReportsHandler(headers.Reports{MaxClientRequests: 601, MaxGroups: 20, MaxClientGroups: 21})
	for _, field := range []string{"MaxClientRequests", "MaxClientGroups"} {
		if find(err, "headers.Reports."+field) == nil {
			t.Errorf("%v does not name %s", err, field)
		}
	}
	if fault := find(err, "headers.Reports.Window"); fault != nil {
		t.Errorf("the default of Window is refused: %v", fault)
	}
	_, err = headers.ReportsHandler(headers.Reports{Window: 2 * time.Hour})
	if fault := (*bulwark.ConfigError)(nil); !errors.As(err, &fault) || fault.Value != "2h0m0s" || !strings.Contains(fault.Reason, "at most 1h") {
		t.Errorf("got %v", err)
	}
	h, err := headers.ReportsHandler(headers.Reports{MaxGroups: 10_001})
	if fault := (*bulwark.ConfigError)(nil); h != nil || !errors.As(err, &fault) || fault.Value != "10001" {
		t.Errorf("got %v, %v", h, err)
	}
}
