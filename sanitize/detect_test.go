package sanitize_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/secrettest"
	"github.com/bulwark-go/bulwark/sanitize"
)

var (
	reports = bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReport}))
	rejects = bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReject}))
)

// finding is an event of Detect as text: the name of the event, where it is,
// and the rule.
func finding(e bulwark.Event) string {
	return fmt.Sprintf("%s %s %s %s", e.Name, attr(e, "in"), attr(e, "pointer"), e.Rule)
}

func attr(e bulwark.Event, key string) string {
	for _, a := range e.Attrs {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// found returns the findings of the events, and asserts what all have in
// common.
func found(t *testing.T, events []bulwark.Event, action string, status int) (list []string) {
	t.Helper()
	for _, e := range events {
		fingerprint := attr(e, "fingerprint")
		if e.Reason != "sanitize.suspicious" || e.Level.Level() != slog.LevelWarn || e.Status != status || attr(e, "action") != action || fingerprint == "" || len(fingerprint) > 12 {
			t.Errorf("event %+v, want the action %s and the status %d", e, action, status)
		}
		list = append(list, finding(e))
	}
	return list
}

func get(path, query string) *http.Request {
	r := httptest.NewRequest("GET", "/x", nil)
	u := &url.URL{RawQuery: query}
	u.Path, _ = url.PathUnescape(path)
	r.URL = u
	return r
}

const (
	sqli = "canary1' OR '1'='1"
	xss  = "<script>canary2()</script>"
)

// Each part of a request is examined as it was sent. Its findings are events of
// one layer and the refusal of the other.
func TestDetect(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request func() *http.Request
		want    []string // the findings
		errors  []string // in, pointer and code of the answer
	}{
		{"body", func() *http.Request { return post(asJSON, `{"a":{"b":["x","`+sqli+`"]},"c":"`+xss+`"}`) },
			[]string{"malicious_sqli body /a/b/1 sqli", "malicious_extraneous body /c xss"}, []string{"body /a/b/1 sqli", "body /c xss"}},
		{"body_escapes", func() *http.Request { return post(asJSON, `{"a":"\u003cscript\u003ecanary2()\u003c/script\u003e"}`) },
			[]string{"malicious_extraneous body /a xss"}, []string{"body /a xss"}},
		{"body_root", func() *http.Request { return post(asJSON, `"`+sqli+`"`) }, []string{"malicious_sqli body  sqli"}, []string{"body  sqli"}},
		{"body_name", func() *http.Request { return post(asJSON, `{"first name":{"`+xss+`":{"\n":"`+sqli+`"}}}`) },
			[]string{"malicious_sqli body /first name/*/* sqli"}, []string{"body /first name/*/* sqli"}},
		{"body_suffix", func() *http.Request { return post("application/vnd.api+json", `{"a":"`+sqli+`"}`) }, []string{"malicious_sqli body /a sqli"}, []string{"body /a sqli"}},
		{"merge_patch", func() *http.Request { return post("application/merge-patch+json", `{"a":"`+sqli+`"}`) }, []string{"malicious_sqli body /a sqli"}, []string{"body /a sqli"}},
		{"operator", func() *http.Request { return post(asJSON, `{"user":{"$gt":5},"list":[{"\u0024where":"1"}]}`) },
			[]string{"malicious_extraneous body /list/0/$where nosql", "malicious_extraneous body /user/$gt nosql"}, []string{"body /list/0/$where nosql", "body /user/$gt nosql"}},
		{"operator_escaped", func() *http.Request { return post(asJSON, `{"\u0024where":"1"}`) }, []string{"malicious_extraneous body /$where nosql"}, []string{"body /$where nosql"}},
		{"path_segment_alone", func() *http.Request { return get("/users/1 union select 1/x", "") }, []string{"malicious_sqli path  sqli"}, []string{"path  sqli"}},
		{"form", func() *http.Request { return post(asForm, "a=1&b%2fc="+url.QueryEscape(sqli)+"&d[%24ne]=1") },
			[]string{"malicious_sqli form b/c sqli", "malicious_extraneous form d[$ne] nosql"}, []string{"body /b~1c sqli", "body /d[$ne] nosql"}},
		{"query", func() *http.Request {
			return get("/x", "q="+url.QueryEscape(xss)+"&p=..%2f..%2fcanary&n=a%0d%0aSet-Cookie:canary")
		},
			[]string{"malicious_extraneous query q xss", "malicious_extraneous query p traversal", "malicious_extraneous query n crlf"}, []string{"query /q xss", "query /p traversal", "query /n crlf"}},
		{"query_twice_escaped", func() *http.Request { return get("/x", "q=%253Cscript%253Ecanary") }, []string{"malicious_extraneous query q xss"}, []string{"query /q xss"}},
		{"query_name", func() *http.Request { return get("/x", url.QueryEscape(xss)+"=1&a;b") }, []string{"malicious_extraneous query * xss"}, []string{"query /* xss"}},
		{"query_name_plain", func() *http.Request { return get("/x", "1--canary&b=1") }, []string{"malicious_sqli query * sqli"}, []string{"query /* sqli"}},
		{"query_name_words", func() *http.Request { return get("/x", "union+select+canary+from+users") }, []string{"malicious_sqli query * sqli"}, []string{"query /* sqli"}},
		{"query_name_and_value", func() *http.Request { return get("/x", "../../canary="+xss+"&b="+xss) },
			[]string{"malicious_extraneous query * traversal", "malicious_extraneous query * xss", "malicious_extraneous query b xss"}, []string{"query /* traversal", "query /* xss", "query /b xss"}},
		{"form_of_text", func() *http.Request { return post(asForm, "my canary is canary = "+sqli) }, []string{"malicious_sqli form * sqli"}, []string{"body /* sqli"}},
		{"form_name_plain", func() *http.Request { return post(asForm, "../../canary") }, []string{"malicious_extraneous form * traversal"}, []string{"body /* traversal"}},
		{"query_without_name", func() *http.Request { return get("/x", "canary'+or+'1'%3d'1") }, []string{"malicious_sqli query * sqli"}, []string{"query /* sqli"}},
		{"query_not_an_escape", func() *http.Request { return get("/x", "q=%zz"+xss) }, []string{"malicious_extraneous query q xss"}, []string{"query /q xss"}},
		{"query_not_utf8", func() *http.Request { return get("/x", "q=%ff%fe"+xss+"%c0") }, []string{"malicious_extraneous query q xss"}, []string{"query /q xss"}},
		{"path", func() *http.Request { return get("/a/%2e%2e/canary", "") }, []string{"malicious_extraneous path  traversal"}, []string{"path  traversal"}},
		{"path_twice_escaped", func() *http.Request { return get("/a/%252e%252e%252fcanary", "") }, []string{"malicious_extraneous path  traversal"}, []string{"path  traversal"}},
		{"path_segment", func() *http.Request { return get("/a/canary'%20or%20'1'='1/b", "") }, []string{"malicious_sqli path  sqli"}, []string{"path  sqli"}},
		{"path_slash", func() *http.Request {
			r := get("/x", "")
			r.URL, _ = url.Parse("/canary/1%2f**%2for%2f**%2f1=1/b")
			return r
		}, []string{"malicious_sqli path  sqli"}, []string{"path  sqli"}},
		{"path_lines", func() *http.Request { return get("/a%0d%0aX-Canary:%20b", "") }, []string{"malicious_extraneous path  crlf"}, []string{"path  crlf"}},
		{"form_and_query", func() *http.Request {
			r := post(asForm, "q="+url.QueryEscape(sqli))
			r.URL.RawQuery = "q=" + url.QueryEscape(sqli)
			return r
		}, []string{"malicious_sqli query q sqli", "malicious_sqli form q sqli"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := send(t, reports, tt.request())
			sent, _ := io.ReadAll(tt.request().Body)
			if !x.ran || x.body != string(sent) || x.seen.URL.RawQuery != tt.request().URL.RawQuery {
				t.Errorf("the handler ran: %t, and read %q %s", x.ran, x.body, x.seen.URL)
			}
			if got := found(t, x.events.Events(), "reported", 0); !slices.Equal(got, tt.want) {
				t.Errorf("reported %q, want %q", got, tt.want)
			}
			told := logged(x)

			x = send(t, rejects, tt.request())
			got := found(t, x.events.Events(), "rejected", 400)
			if tt.errors == nil { // refused for the query, without the body
				tt.want = tt.want[:1]
				tt.errors = []string{"query /q sqli"}
			}
			if x.ran || x.answer.Code != 400 || !slices.Equal(got, tt.want) {
				t.Errorf("answer %d, events %q, want %q", x.answer.Code, got, tt.want)
			}
			var errors []string
			for _, e := range decoded(t, x.answer).Errors {
				errors = append(errors, e.In+" "+e.Pointer+" "+e.Code)
				if e.Detail == "" {
					t.Errorf("%s has no detail", e.Code)
				}
			}
			if !slices.Equal(errors, tt.errors) || decoded(t, x.answer).Code != "sanitize.suspicious" {
				t.Errorf("errors %q, want %q", errors, tt.errors)
			}
			if told += logged(x) + x.answer.Body.String(); strings.Contains(told, "canary") || strings.Contains(told, "script>") {
				t.Errorf("a value is in %s", told)
			}
		})
	}
}

// logged returns the events as a log shows them. The path is part of every
// event, as it came.
func logged(x *exchange) string {
	events := x.events.Events()
	for i := range events {
		events[i].Path = ""
	}
	return secrettest.Logged(events)
}

// What no rule finds leaves no trace, in both modes.
func TestDetectOrdinary(t *testing.T) {
	for _, layer := range []*sanitize.Middleware{reports, rejects} {
		for _, s := range prose {
			send(t, layer, post(asForm, "text="+url.QueryEscape(s))).passed("text=" + url.QueryEscape(s))
		}
		send(t, layer, post(asJSON, user1K)).passed(user1K)
		send(t, layer, get("/users/1/notes/O'Brien", "q=Tom+%26+Jerry&sort=-date,name&page[size]=5&from=2026-01-01T00:00:00%2B01:00&url=https://example.com/a?b%3Dc")).passed("")
		send(t, layer, post(asJSON, `{"$schema":"x","$ref":"#/a","price$":1}`)).passed(`{"$schema":"x","$ref":"#/a","price$":1}`)
	}
}

// failing is a body that must not be read.
type failing struct{ t *testing.T }

func (f failing) Read([]byte) (int, error) {
	f.t.Error("a body was read that is not examined")
	return 0, io.EOF
}
func (failing) Close() error { return nil }

// A Config with only Detect reads JSON and urlencoded forms, and nothing else.
func TestDetectOtherBodies(t *testing.T) {
	for _, tt := range []struct{ name, mediaType, encoding string }{
		{"text", "text/plain", ""}, {"multipart", "multipart/form-data; boundary=x", ""}, {"none", "", ""}, {"unreadable", ";", ""}, {"charset", "application/json; charset=utf-16", ""},
		{"gzip", asJSON, "gzip"}, {"json_like", "application/jsonp", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := post(tt.mediaType, "x")
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			r.Body = failing{t}
			clean, err := reports.Clean(r)
			if err != nil || clean != r {
				t.Errorf("Clean = %v, %v", clean, err)
			}
			r.URL.RawQuery = "q=" + url.QueryEscape(sqli) // examined all the same
			var events bulwarktest.Recorder
			events.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reports.Clean(r) })).ServeHTTP(nil, r)
			if got := found(t, events.Events(), "reported", 0); len(got) != 1 {
				t.Errorf("events %q", got)
			}
		})
	}
	identity := post(asJSON, `{"a":"`+sqli+`"}`)
	identity.Header.Set("Content-Encoding", "Identity")
	if x := send(t, rejects, identity); x.ran || x.answer.Code != 400 {
		t.Errorf("identity is %d", x.answer.Code)
	}
	for _, method := range []string{"GET", "HEAD", "DELETE", "OPTIONS"} {
		r := httptest.NewRequest(method, "/x", nil)
		r.Header.Set("Content-Type", asJSON)
		if clean, err := rejects.Clean(r); err != nil || clean != r {
			t.Errorf("%s: the request was copied, or %v", method, err)
		}
		send(t, rejects, r).passed("")
		none := httptest.NewRequest(method, "/x", nil)
		none.Body = nil
		if _, err := rejects.Clean(none); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := reports.Clean(&http.Request{}); err != nil {
		t.Errorf("a request without an URL: %v", err)
	}
	send(t, rejects, post(asJSON, "")).passed("")
}

// The bounds of a body apply. What was found before is reported all the same.
func TestDetectBounds(t *testing.T) {
	small := sanitize.Config{Detect: sanitize.DetectReport, MaxBodyBytes: 64, JSON: bulwark.JSONLimits{MaxDepth: 3}}
	for _, tt := range []struct {
		name, body, code string
		status           int
	}{
		{"size", `{"a":"` + strings.Repeat("x", 64) + `"}`, "body.too_large", 413},
		{"depth", `[[[["x"]]]]`, "body.too_complex", 400},
		{"syntax", `{"a":`, "body.malformed", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			send(t, bulwark.Must(sanitize.New(small)), post(asJSON, tt.body)).refused(tt.status, tt.code, bulwark.InputValidationFail)
			r := post(asJSON, tt.body)
			r.URL.RawQuery = "q=" + url.QueryEscape(sqli)
			x := send(t, bulwark.Must(sanitize.New(small)), r)
			events := x.events.Events()
			if len(events) != 2 || finding(events[0]) != "malicious_sqli query q sqli" || events[1].Reason != tt.code || x.answer.Code != tt.status {
				t.Errorf("answer %d, events %+v", x.answer.Code, events)
			}
		})
	}
}

// What is cleaned is examined before that. Cleaning works as without Detect.
func TestDetectOriginal(t *testing.T) {
	config := sanitize.Config{Detect: sanitize.DetectReport, Fields: sanitize.Fields{"/a": sanitize.Text, "/code": sanitize.Reject}, Form: sanitize.Fields{"a": sanitize.Text}, Query: sanitize.Fields{"q": sanitize.Text}}
	layer := bulwark.Must(sanitize.New(config))
	r := post(asJSON, `{"a":"`+xss+`x","b":"`+sqli+`"}`)
	r.URL.RawQuery = "q=" + url.QueryEscape(xss) + "y"
	x := send(t, layer, r)
	if !x.ran || x.body != `{"a":"x","b":"`+sqli+`"}` || x.seen.URL.RawQuery != "q=y" {
		t.Errorf("the handler read %q and %q", x.body, x.seen.URL.RawQuery)
	}
	if got := found(t, x.events.Events(), "reported", 0); !slices.Equal(got, []string{"malicious_extraneous query q xss", "malicious_extraneous body /a xss", "malicious_sqli body /b sqli"}) {
		t.Errorf("reported %q", got)
	}
	x = send(t, layer, post(asForm, "a="+url.QueryEscape(xss)+"x"))
	if got := found(t, x.events.Events(), "reported", 0); x.body != "a=x" || !slices.Equal(got, []string{"malicious_extraneous form a xss"}) {
		t.Errorf("read %q, reported %q", x.body, got)
	}
	// The policy Reject refuses by its own code, beside the report.
	x = send(t, layer, post(asJSON, `{"code":"`+xss+`"}`))
	events := x.events.Events()
	if x.ran || len(events) != 2 || finding(events[0]) != "malicious_extraneous body /code xss" || events[1].Reason != "sanitize.markup" {
		t.Errorf("events %+v", events)
	}
	// With Fields, other types are refused as before.
	config.Form = nil
	send(t, bulwark.Must(sanitize.New(config)), post("text/plain", "x")).refused(415, "body.unsupported_media_type", bulwark.InputValidationFail)
}

// A form that an outer layer has parsed is examined where the handler reads it.
func TestDetectParsed(t *testing.T) {
	r := post(asForm, "z="+url.QueryEscape(sqli)+"&a="+url.QueryEscape(xss)+"&b[$ne]=1")
	r.ParseForm()
	x := send(t, reports, r)
	want := []string{"malicious_extraneous form a xss", "malicious_extraneous form b[$ne] nosql", "malicious_sqli form z sqli"}
	if got := found(t, x.events.Events(), "reported", 0); !slices.Equal(got, want) {
		t.Errorf("reported %q", got)
	}
	if x.seen.PostFormValue("b[$ne]") != "1" {
		t.Error("the handler has lost the form")
	}
	r = post(asForm, "1--canary='-'&2--canary")
	r.ParseForm()
	x = send(t, reports, r)
	if got := found(t, x.events.Events(), "reported", 0); !slices.Equal(got, []string{"malicious_sqli form * sqli"}) || x.events.Events()[0].Count != 3 {
		t.Errorf("reported %+v", x.events.Events())
	}
	var text bytes.Buffer
	form := multipart.NewWriter(&text)
	form.WriteField("a", sqli)
	form.Close()
	r = post(form.FormDataContentType(), text.String())
	r.ParseMultipartForm(1 << 20)
	x = send(t, rejects, r)
	if got := found(t, x.events.Events(), "rejected", 400); x.ran || !slices.Equal(got, []string{"malicious_sqli form a sqli"}) {
		t.Errorf("rejected %q", got)
	}
}

// At most eight findings are reported. The last one counts the others.
func TestDetectCounts(t *testing.T) {
	var names []string
	for i := range 30 {
		names = append(names, fmt.Sprintf("p%d=%s", i, url.QueryEscape(sqli)))
	}
	for _, layer := range []*sanitize.Middleware{reports, rejects} {
		x := send(t, layer, get("/x", strings.Join(names, "&")))
		events := x.events.Events()
		if len(events) != 8 || attr(events[7], "pointer") != "p7" || events[7].Count != 23 || events[0].Count > 1 {
			t.Errorf("%d events, the last %+v", len(events), events[len(events)-1])
		}
	}
	// One rule in one place is one event.
	x := send(t, reports, get("/x", strings.Repeat("q="+url.QueryEscape(sqli)+"&", 5)+"q="+url.QueryEscape(xss)))
	events := x.events.Events()
	if len(events) != 2 || events[0].Count != 5 || events[1].Rule != "xss" {
		t.Errorf("events %+v", events)
	}
	if a, b := attr(events[0], "fingerprint"), attr(events[1], "fingerprint"); a != "s&sos" || b == a || len(b) != 12 {
		t.Errorf("fingerprints %q and %q", a, b)
	}
}

// Two layers around a handler report a finding once.
func TestDetectTwice(t *testing.T) {
	both := func(outer, inner bulwark.Layer) bulwark.Layer {
		return layers(func(next http.Handler) http.Handler { return outer.Wrap(inner.Wrap(next)) })
	}
	text := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReport, DetectExcept: []string{"/b"}, Fields: sanitize.Fields{"/a": sanitize.Text}}))
	body := `{"a":"` + sqli + `","b":"` + xss + `"}`
	x := send(t, both(reports, reports), post(asJSON, body))
	if got := found(t, x.events.Events(), "reported", 0); !x.ran || len(got) != 2 {
		t.Errorf("reported %q", got)
	}
	x = send(t, both(text, reports), post(asJSON, body))
	if got := found(t, x.events.Events(), "reported", 0); !slices.Equal(got, []string{"malicious_sqli body /a sqli", "malicious_extraneous body /b xss"}) {
		t.Errorf("reported %q", got)
	}
	x = send(t, both(reports, rejects), get("/x", "q="+url.QueryEscape(sqli)))
	events := x.events.Events()
	if x.ran || len(events) != 2 || attr(events[0], "action") != "reported" || attr(events[1], "action") != "rejected" || events[1].Status != 400 {
		t.Errorf("events %+v", events)
	}
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("p%d=%s", i, url.QueryEscape(sqli)))
	}
	x = send(t, both(reports, reports), get("/x", strings.Join(many, "&")))
	if n := len(x.events.Events()); n != 8 {
		t.Errorf("%d events", n)
	}
	// The inner layer finds one that the outer layer has not counted.
	but := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReport, DetectExcept: []string{"p0"}}))
	x = send(t, both(but, reports), get("/x", strings.Join(many, "&")))
	if n := len(x.events.Events()); n != 8 {
		t.Errorf("%d events", n)
	}
}

// A name that is too long for the rest of what is examined is not shown.
func TestDetectNameUnexamined(t *testing.T) {
	seen := 0
	for rest := range 16 {
		var filler []string
		for left := sanitize.MaxExamined - len("/x") - rest; left > 0; left -= min(left, 4096) {
			filler = append(filler, "f="+strings.Repeat("=", min(left, 4096)))
		}
		x := send(t, reports, get("/x", strings.Join(filler, "&")+"&1--canary='-'"))
		seen += len(x.events.Events())
		if told := logged(x); strings.Contains(told, "canary") {
			t.Errorf("with %d bytes left, the name is in %s", rest, told)
		}
	}
	if seen == 0 {
		t.Error("the value is never examined")
	}
}

type layers func(http.Handler) http.Handler

func (l layers) Wrap(next http.Handler) http.Handler { return l(next) }
func (l layers) Build() (bulwark.Layer, error)       { return l, nil }
func (layers) Kind() bulwark.Kind                    { return bulwark.KindSanitize }

// Strings that hold code on purpose are excepted by pointer or name.
func TestDetectExcept(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReject, DetectExcept: []string{"/source", "/snippets/*/code", "/filter/*", "/a~1b", "code", "x[$ne]"}}))
	for name, r := range map[string]*http.Request{
		"pointer":       post(asJSON, `{"source":"`+sqli+`"}`),
		"any":           post(asJSON, `{"snippets":[{"code":"`+xss+`"},{"code":"`+sqli+`"}]}`),
		"escaped":       post(asJSON, `{"a/b":"`+sqli+`"}`),
		"member":        post(asJSON, `{"filter":{"$gt":1}}`),
		"form":          post(asForm, "Code="+url.QueryEscape(sqli)),
		"query":         get("/x", "code="+url.QueryEscape(sqli)),
		"query_escaped": get("/x", "c%6fde="+url.QueryEscape(sqli)),
		"operator":      get("/x", "x[%24ne]=1"),
	} {
		t.Run(name, func(t *testing.T) {
			if x := send(t, layer, r); !x.ran || len(x.events.Events()) != 0 {
				t.Errorf("answer %d, events %+v", x.answer.Code, x.events.Events())
			}
		})
	}
	for name, r := range map[string]*http.Request{
		"other":      post(asJSON, `{"Source":"`+sqli+`"}`),
		"below":      post(asJSON, `{"source":["`+sqli+`"]}`),
		"not_root":   post(asJSON, `{"b":{"source":"`+sqli+`"}}`),
		"deeper":     post(asJSON, `{"filter":{"a":{"$gt":1}}}`),
		"body_name":  post(asJSON, `{"code":"`+sqli+`"}`),
		"other_name": get("/x", "code2="+url.QueryEscape(sqli)),
		"other_key":  get("/x", "x[%24gt]=1"),
	} {
		t.Run(name, func(t *testing.T) {
			if x := send(t, layer, r); x.ran || x.answer.Code != 400 {
				t.Errorf("answer %d", x.answer.Code)
			}
		})
	}
}

// What is examined of one request is bounded. Strings without a trigger do not
// count.
func TestDetectExamined(t *testing.T) {
	many := func(s string, n int) string { return `["` + strings.Repeat(s+`","`, n) + sqli + `"]` }
	quoted := strings.Repeat("it's ", 204) + "here" // 1,024 bytes
	large := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReport, JSON: bulwark.JSONLimits{MaxItems: 20_000, MaxValues: 20_000}}))
	for _, tt := range []struct {
		name, body string
		want       int
	}{
		{"plain", many(strings.Repeat("plain ", 12), 10_000), 1},
		{"marked", many(quoted, 63), 1},
		{"just", many("it's here and it's", 3_639), 1},
		{"too_many", many("it's here and it's", 3_640), 0},
		{"huge", `["` + strings.Repeat("it's ", 200_000) + `","` + sqli + `"]`, 1},
	} {
		x := send(t, large, post(asJSON, tt.body))
		if got := found(t, x.events.Events(), "reported", 0); !x.ran || len(got) != tt.want {
			t.Errorf("%s: reported %q", tt.name, got)
		}
	}
	if sanitize.MaxExamined != 64<<10 {
		t.Errorf("%d bytes are examined", sanitize.MaxExamined)
	}
}

// Names and nesting that the client chooses are bounded in an event.
func TestDetectPointers(t *testing.T) {
	deep := strings.Repeat(`{"abcdefghij":`, 30)
	x := send(t, rejects, post(asJSON, deep+`"`+sqli+`"`+strings.Repeat("}", 30)))
	for _, pointer := range []string{attr(x.events.Events()[0], "pointer"), decoded(t, x.answer).Errors[0].Pointer} {
		if !strings.HasPrefix(pointer, "/abcdefghij/") || len(pointer) > 256 {
			t.Errorf("pointer %q", pointer)
		}
	}
	x = send(t, rejects, post(asJSON, deep+`{"$ne":1}`+strings.Repeat("}", 30)))
	if pointer := attr(x.events.Events()[0], "pointer"); !strings.HasPrefix(pointer, "/abcdefghij/") || len(pointer) > 256 {
		t.Errorf("pointer %q", pointer)
	}
	x = send(t, rejects, get("/x", strings.Repeat("n", 300)+"="+url.QueryEscape(sqli)))
	if got := attr(x.events.Events()[0], "pointer"); got != "*" {
		t.Errorf("pointer %q", got)
	}
	x = send(t, rejects, get("/x", "n%0a%e2%80%ae="+url.QueryEscape(sqli)))
	if got := attr(x.events.Events()[0], "pointer"); got != "*" {
		t.Errorf("pointer %q", got)
	}
}

func TestDetectAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	r := read(t, user1K)
	r.URL.RawQuery = "page=2&sort=name"
	for name, layer := range map[string]*sanitize.Middleware{
		"alone": reports, "rejects": rejects,
		"fields": bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReport, Fields: sanitize.Fields{"/name": sanitize.Text, "/bio": sanitize.Text,
			"/role": sanitize.Reject, "/address/street": sanitize.Text, "/address/city": sanitize.Text}})),
	} {
		if n := testing.AllocsPerRun(100, func() { layer.Clean(r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestDetectConfig(t *testing.T) {
	for _, tt := range []struct {
		config sanitize.Config
		want   string
	}{
		{sanitize.Config{Detect: 3}, "sanitize.Detect: 3: is not a mode; use sanitize.DetectOff, DetectReport or DetectReject"},
		{sanitize.Config{Detect: -1}, "sanitize.Detect: -1: is not a mode"},
		{sanitize.Config{Detect: 1, DetectExcept: []string{""}}, `sanitize.DetectExcept[0]: is empty; write a JSON pointer, such as "/source"`},
		{sanitize.Config{Detect: 1, DetectExcept: []string{"a", "/a*"}}, "sanitize.DetectExcept[1]: /a*: has a * in part of a segment"},
		{sanitize.Config{Detect: 1, DetectExcept: make([]string, 65)}, "sanitize.DetectExcept: has more than 64 entries; use *"},
		{sanitize.Config{DetectExcept: []string{"a"}, Query: sanitize.Fields{"q": sanitize.Text}}, "sanitize.DetectExcept: has entries, but Detect is DetectOff; set Detect: sanitize.DetectReport"},
	} {
		if _, err := sanitize.New(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New = %v, want %q in it", err, tt.want)
		}
	}
	sixtyFour := slices.Repeat([]string{"a"}, 64)
	if _, err := sanitize.New(sanitize.Config{Detect: sanitize.DetectReject, DetectExcept: sixtyFour}); err != nil {
		t.Error(err)
	}
	// The Config is copied.
	list := []string{"/a"}
	m := bulwark.Must(sanitize.New(sanitize.Config{Detect: sanitize.DetectReject, DetectExcept: list}))
	list[0] = "/b"
	if x := send(t, m, post(asJSON, `{"a":"`+sqli+`"}`)); !x.ran {
		t.Error("the layer changes with the list of its Config")
	}
}

// Without a Detect, nothing is looked at.
func TestDetectOff(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}}))
	r := post(asJSON, `{"a":"`+sqli+`"}`)
	r.URL.RawQuery = "p=" + url.QueryEscape(sqli)
	send(t, layer, r).passed(`{"a":"` + sqli + `"}`)
}

// decoded returns the problem of an answer.
func decoded(t *testing.T, answer *httptest.ResponseRecorder) (p problem) {
	t.Helper()
	if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %q", err, answer.Body)
	}
	return p
}
