package sanitize_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/sanitize"
)

// every names a field of each kind.
var every = sanitize.Config{
	Fields: sanitize.Fields{
		"/name":         sanitize.Text,
		"/code":         sanitize.Reject,
		"/content":      sanitize.UGC,
		"/items/*/note": sanitize.Text,
		"/items/0/note": sanitize.Strict,
		"/tags/*":       sanitize.Text,
		"/tags/1":       sanitize.Reject,
		"/map/*":        sanitize.Reject,
		"/map/a~1b~0c":  sanitize.Text,
		"/shout":        sanitize.Custom(strings.ToUpper),
	},
	Form:         sanitize.Fields{"comment": sanitize.Text, "code": sanitize.Reject},
	Query:        sanitize.Fields{"q": sanitize.Text, "code": sanitize.Reject, "a/b": sanitize.Reject},
	MaxBodyBytes: 4096,
	JSON:         bulwark.JSONLimits{MaxStringBytes: 600},
}

// exchange is one request and what the handler behind the layer sees of it.
type exchange struct {
	t      *testing.T
	events bulwarktest.Recorder
	ran    bool
	seen   *http.Request
	body   string
	answer *httptest.ResponseRecorder
}

func send(t *testing.T, layer bulwark.Layer, r *http.Request) *exchange {
	t.Helper()
	x := &exchange{t: t, answer: httptest.NewRecorder()}
	spy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.ran, x.seen = true, r
		data, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading the body: %v", err)
		}
		x.body = string(data)
	})
	x.events.Wrap(layer.Wrap(spy)).ServeHTTP(x.answer, r)
	return x
}

// passed asserts that the handler ran and saw this body.
func (x *exchange) passed(body string) {
	x.t.Helper()
	if !x.ran {
		x.t.Fatalf("refused: %d %s", x.answer.Code, x.answer.Body)
	}
	if x.body != body {
		x.t.Errorf("body\n got %q\nwant %q", x.body, body)
	}
	if x.seen.ContentLength >= 0 && x.seen.ContentLength != int64(len(body)) {
		x.t.Errorf("ContentLength %d of %d bytes", x.seen.ContentLength, len(body))
	}
	if e := x.events.Events(); len(e) != 0 {
		x.t.Errorf("events %+v", e)
	}
}

// problem is the body of an answer.
type problem struct {
	Status int
	Code   string
	Title  string
	Detail string
	Errors []bulwark.FieldError
}

// refused asserts status, code, event and that the handler did not run, and
// returns the answer's body.
func (x *exchange) refused(status int, code string, event bulwark.EventName) problem {
	x.t.Helper()
	if x.ran {
		x.t.Fatalf("passed, with the body %q", x.body)
	}
	var p problem
	if err := json.Unmarshal(x.answer.Body.Bytes(), &p); err != nil {
		x.t.Fatalf("%v in %q", err, x.answer.Body)
	}
	if x.answer.Code != status || p.Status != status || p.Code != code || p.Title != http.StatusText(status) {
		x.t.Errorf("answer %d, problem %d %q, want %d %q", x.answer.Code, p.Status, p.Code, status, code)
	}
	h := x.answer.Header()
	if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" {
		x.t.Errorf("header %v", h)
	}
	events := x.events.Events()
	if len(events) != 1 || events[0].Name != event || events[0].Reason != code || events[0].Status != status {
		x.t.Errorf("events %+v, want one %s %s", events, event, code)
	}
	return p
}

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/x", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const asJSON, asForm = "application/json", "application/x-www-form-urlencoded"

func TestBody(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	for _, tt := range []struct{ name, in, want string }{
		{"clean", `{"name":"Tom & Jerry"}`, `{"name":"Tom & Jerry"}`},
		{"clean_escapes", `{"name":"\u0041\/\n"}`, `{"name":"\u0041\/\n"}`},
		{"changed", `{"name":"<b>x</b>"}`, `{"name":"x"}`},
		{"rest_survives", "{ \"z\": 1.500e+01,\n\t\"name\" : \"<b>\\u0078\\\"</b>\",\"a\":[ true,null , \"\\u003cb>\" ]} \n",
			"{ \"z\": 1.500e+01,\n\t\"name\" : \"x\\\"\",\"a\":[ true,null , \"\\u003cb>\" ]} \n"},
		{"others_untouched", `{"password":"<b>\u0000\u202e","nested":{"name":"<b>"}}`, `{"password":"<b>\u0000\u202e","nested":{"name":"<b>"}}`},
		{"escaped_markup", `{"name":"\u003cscript\u003ealert(1)\u003c/script\u003ex"}`, `{"name":"x"}`},
		{"escaped_name", `{"\u006eame":"<b>x"}`, `{"\u006eame":"x"}`},
		{"controls", `{"name":"a\u0000b\u202ec"}`, `{"name":"abc"}`},
		{"html", `{"content":"<p onclick=x>a</p>"}`, `{"content":"<p>a</p>"}`},
		{"any_index", `{"items":[{"note":"<i>a</i>"},{"note":"a<b","x":"<b>"},{"note":["<b>"]}]}`,
			`{"items":[{"note":"a"},{"note":"a<b","x":"<b>"},{"note":["<b>"]}]}`},
		{"exact_first", `{"items":[{"note":"1 < 2"},{"note":"1 < 2"}]}`, `{"items":[{"note":"1 &lt; 2"},{"note":"1 < 2"}]}`},
		{"any_name", `{"items":{"k":{"note":"<i>a</i>"}}}`, `{"items":{"k":{"note":"a"}}}`},
		{"escaped_pointer", `{"map":{"a/b~c":"<b>x"}}`, `{"map":{"a/b~c":"x"}}`},
		{"not_a_string", `{"name":["<b>"],"code":{"x":"<b>"},"content":5,"tags":null}`, `{"name":["<b>"],"code":{"x":"<b>"},"content":5,"tags":null}`},
		{"custom", `{"shout":"abc"}`, `{"shout":"ABC"}`},
		{"scalar", `"<b>"`, `"<b>"`},
		{"rejected_only_if_bad", `{"code":"a<b","tags":["<b>x</b>","O'Brien"]}`, `{"code":"a<b","tags":["x","O'Brien"]}`},
		{"composed", `{"code":"e\u0301"}`, `{"code":"é"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			send(t, layer, post(asJSON, tt.in)).passed(tt.want)
			send(t, layer, post("application/merge-patch+json; charset=utf-8", tt.in)).passed(tt.want)
		})
	}
}

func TestBodyIsShared(t *testing.T) {
	r := post(asJSON, `{"name":"<b>x</b>","n":1}`)
	r.Header.Set("Content-Digest", "sha-256=:x:")
	x := send(t, bulwark.Must(sanitize.New(every)), r)
	x.passed(`{"name":"x","n":1}`)
	v, ok := body.From(x.seen).Value()
	if object, _ := v.(map[string]any); !ok || object["name"] != "x" {
		t.Errorf("a layer inside sees %v", v)
	}
	if x.seen.Header.Get("Content-Digest") != "" {
		t.Error("the digest of another body was kept")
	}
}

func TestNoBody(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	send(t, layer, httptest.NewRequest("GET", "/x", nil)).passed("")
	send(t, layer, post("text/plain", "")).passed("")
	chunked := post("", "")
	chunked.ContentLength = -1
	send(t, layer, chunked).passed("")
}

func TestQuery(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	for _, tt := range []struct{ name, in, want string }{
		{"none", "", ""},
		{"clean", "q=a%20b+c&x=%3cb%3E", "q=a%20b+c&x=%3cb%3E"},
		{"changed", "x=%7e&q=%3Cb%3Ea+b%3C/b%3E&y", "x=%7e&q=a+b&y"},
		{"repeated", "q=%3Cb%3E1&q=2&q=%3Cb%3E3", "q=1&q=2&q=3"},
		{"escaped_name", "%71=%3Cb%3E1", "%71=1"},
		{"other_case", "Q=%3Cb%3E1", "Q=1"},
		{"no_value", "q&&q=&=x&", "q&&q=&=x&"},
		{"not_utf8", "q=%ff", "q=%EF%BF%BD"},
		{"separator", "q=%3Cb%3Ea%26b%3Dc", "q=a%26b%3Dc"},
		{"equals", "q=<b>a=b", "q=a%3Db"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/x", nil)
			r.URL.RawQuery = tt.in
			r.ParseForm()
			x := send(t, layer, r)
			x.passed("")
			if x.seen.URL.RawQuery != tt.want {
				t.Errorf("query\n got %q\nwant %q", x.seen.URL.RawQuery, tt.want)
			}
			if r.URL.RawQuery != tt.in {
				t.Errorf("the request outside became %q", r.URL.RawQuery)
			}
			want, _ := url.ParseQuery(tt.want)
			if got := x.seen.FormValue("q"); got != want.Get("q") {
				t.Errorf("FormValue %q, want %q", got, want.Get("q"))
			}
		})
	}
}

func TestForm(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	for _, tt := range []struct{ name, in, want string }{
		{"clean", "comment=a+b&x=%3Cb%3E", "comment=a+b&x=%3Cb%3E"},
		{"changed", "x=%7e&comment=%3Cb%3Ea%3C/b%3E", "x=%7e&comment=a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := send(t, layer, post(asForm, tt.in))
			x.passed(tt.want)
		})
	}
	t.Run("parsed", func(t *testing.T) {
		r, err := layer.Clean(post(asForm, "comment=%3Cb%3Ea"))
		if err != nil || r.PostFormValue("comment") != "a" {
			t.Errorf("PostFormValue %q, %v", r.PostFormValue("comment"), err)
		}
	})
}

var sentence = regexp.MustCompile(`^[A-Z][^.]+\.$`)

func TestRefusals(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	query := func(q string) *http.Request {
		r := httptest.NewRequest("GET", "/x", nil)
		r.URL.RawQuery = q
		return r
	}
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, tt := range []struct {
		name    string
		request *http.Request
		status  int
		code    string
		errors  string // pointers, in and codes
		rule    string
	}{
		{"markup", post(asJSON, `{"code":"<b>x</b>"}`), 400, "sanitize.markup", "body /code markup", "/code"},
		{"markup_escaped", post(asJSON, `{"code":"&lt;script>"}`), 400, "sanitize.markup", "body /code markup", "/code"},
		{"control", post(asJSON, `{"code":"a\u0000"}`), 400, "sanitize.control", "body /code control", "/code"},
		{"bidi", post(asJSON, `{"code":"a\u202e"}`), 400, "sanitize.bidi", "body /code bidi", "/code"},
		{"any_index", post(asJSON, `{"tags":["ok","<b>"]}`), 400, "sanitize.markup", "body /tags/1 markup", "/tags/1"},
		{"any_name", post(asJSON, `{"map":{"x/y":"<b>"}}`), 400, "sanitize.markup", "body /map/x~1y markup", "/map/*"},
		{"long_name", post(asJSON, `{"map":{"`+strings.Repeat("x", 300)+`":"<b>"}}`), 400, "sanitize.markup", "body /map markup", "/map/*"},
		{"several", post(asJSON, `{"map":{"x":"<b>","y":"\u0001"},"code":"<b>"}`), 400, "sanitize.markup",
			"body /map/x markup; body /map/y control; body /code markup", "/map/*"},
		{"length", post(asJSON, `{"name":"`+strings.Repeat("x", 601)+`"}`), 400, "body.too_complex", "", "string"},
		{"length_of_others", post(asJSON, `{"password":"`+strings.Repeat("x", 601)+`"}`), 400, "body.too_complex", "", "string"},
		{"length_of_a_parameter", query("q=" + strings.Repeat("x", 601)), 400, "sanitize.length", "query /q length", "q"},
		{"length_of_a_field", post(asForm, "comment="+strings.Repeat("x", 601)), 400, "sanitize.length", "body /comment length", "comment"},
		{"spelling", post(asJSON, `{"NAME":"<b>"}`), 422, "sanitize.spelling", "body /name spelling", "/name"},
		{"spelling_unicode", post(asJSON, `{"iteMſ":[{"note":"<b>"}]}`), 422, "sanitize.spelling", "body /items spelling", "/items"},
		{"spelling_inside", post(asJSON, `{"items":[1,{"Note":"<b>"}],"Tags":1}`), 422, "sanitize.spelling", "body /items/*/note spelling", "/items/*/note"},
		{"query", query("code=%3Cb%3E&a/b=%00"), 400, "sanitize.markup", "query /code markup; query /a~1b control", "code"},
		{"query_encoding", query("code=%ff"), 400, "sanitize.encoding", "query /code encoding", "code"},
		{"query_semicolon", query("x=1;q=<b>"), 400, "sanitize.malformed_query", "", ""},
		{"query_percent", query("x=%zz&q=1"), 400, "sanitize.malformed_query", "", ""},
		{"query_percent_name", query("%q=1"), 400, "sanitize.malformed_query", "", ""},
		{"form", post(asForm, "code=<b>"), 400, "sanitize.markup", "body /code markup", "code"},
		{"form_percent", post(asForm, "comment=%"), 400, "sanitize.malformed_form", "", ""},
		{"malformed", post(asJSON, `{"name":`), 400, "body.malformed", "", ""},
		{"duplicate", post(asJSON, `{"name":"a","name":"<b>"}`), 400, "body.malformed", "body /name repeated", ""},
		{"duplicate_folded", post(asJSON, `{"name":"a","Name":"<b>"}`), 400, "body.malformed", "body /Name repeated", ""},
		{"not_utf8", post(asJSON, "{\"name\":\"\xff\"}"), 400, "body.malformed", "", ""},
		{"deep", post(asJSON, deep), 400, "body.too_complex", "", "depth"},
		{"too_large", post(asJSON, `{"x":"`+strings.Repeat("x", 5000)+`"}`), 413, "body.too_large", "", ""},
		{"media_type", post("text/plain", "<b>"), 415, "body.unsupported_media_type", "", ""},
		{"no_media_type", post("", `{"name":"<b>"}`), 415, "body.unsupported_media_type", "", ""},
		{"charset", post("application/json; charset=utf-7", `{"name":"+ADw-b+AD4-"}`), 415, "body.unsupported_media_type", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := send(t, layer, tt.request)
			p := x.refused(tt.status, tt.code, bulwark.InputValidationFail)
			var list []string
			for _, e := range p.Errors {
				list = append(list, e.In+" "+e.Pointer+" "+e.Code)
				if !sentence.MatchString(e.Detail) {
					t.Errorf("the detail of %s is not a sentence: %q", e.Code, e.Detail)
				}
			}
			if got := strings.Join(list, "; "); got != tt.errors {
				t.Errorf("errors\n got %s\nwant %s", got, tt.errors)
			}
			if strings.Contains(p.Detail, "differs only by case") != (tt.code == "sanitize.spelling") {
				t.Errorf("detail %q", p.Detail)
			}
			if rule := x.events.Events()[0].Rule; rule != tt.rule {
				t.Errorf("rule %q, want %q", rule, tt.rule)
			}
			if strings.Contains(x.answer.Body.String(), "<b>") || strings.Contains(x.answer.Body.String(), `\u003cb`) {
				t.Errorf("the answer echoes: %s", x.answer.Body)
			}
		})
	}
}

func TestErrorsAreCapped(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/*": sanitize.Reject}}))
	in := "[" + strings.Repeat(`"<b>",`, 99) + `"<b>"]`
	p := send(t, layer, post(asJSON, in)).refused(400, "sanitize.markup", bulwark.InputValidationFail)
	if len(p.Errors) != 20 || p.Errors[19].Pointer != "/19" {
		t.Errorf("%d errors", len(p.Errors))
	}
}

// For every refusal, the places in the answer cost no more than the body
// did. What is measured is behind its decoding.
func TestRefusingIsBounded(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	list := "[" + strings.Repeat(`"<b>",`, 999) + `"<b>"]`
	lists := ":[" + strings.Repeat(list+",", 8) + list + `]`
	var many strings.Builder
	for i := range 900 {
		fmt.Fprintf(&many, `"%d%s":"<b>",`, i, strings.Repeat("~", 900))
	}
	for _, tt := range []struct {
		name, pattern, in string
		most              uint64 // bytes
	}{
		{"long_name", "/labels/*/*/*", `{"labels":{"` + strings.Repeat("x", 1000) + `"` + lists + `}}`, 64 << 10},
		{"long_names", "/labels/*", `{"labels":{` + many.String() + `"z":"<b>"}}`, 64 << 10},
		{"short_name", "/labels/*/*/*", `{"labels":{"x"` + lists + `}}`, 64 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{tt.pattern: sanitize.Reject}}))
			r := read(t, tt.in)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := layer.Clean(r)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > tt.most {
				t.Errorf("%d bytes allocated to refuse %d, want at most %d", used, len(tt.in), tt.most)
			}
			p, ok := err.(*bulwark.Problem)
			if !ok || p.Code != "sanitize.markup" || len(p.Errors) != 20 {
				t.Fatalf("refused with %.200v", err)
			}
			for _, e := range p.Errors {
				if len(e.Pointer) > 256 {
					t.Errorf("a pointer of %d bytes", len(e.Pointer))
				}
			}
		})
	}
}

// Once as many places are known as are told, the rest of a value list is not
// looked at.
func TestScanningStops(t *testing.T) {
	calls := 0
	count := sanitize.Custom(func(s string) string { calls++; return s })
	layer := bulwark.Must(sanitize.New(sanitize.Config{
		Fields: sanitize.Fields{"/bad/*": sanitize.Reject, "/rest/*": count},
		Query:  sanitize.Fields{"bad": sanitize.Reject, "rest": count},
	}))
	bad := strings.Repeat(`"<b>",`, 19) + `"<b>"`
	in := `{"bad":[` + bad + `],"rest":["a","b"]}`
	send(t, layer, post(asJSON, in)).refused(400, "sanitize.markup", bulwark.InputValidationFail)
	r := post(asJSON, in)
	r.URL.RawQuery = strings.Repeat("bad=<b>&", 20) + "rest=1"
	p := send(t, layer, r).refused(400, "sanitize.markup", bulwark.InputValidationFail)
	if calls != 0 || len(p.Errors) != 20 || p.Errors[19].In != "query" {
		t.Errorf("%d values were looked at beyond the last that is told; errors %+v", calls, p.Errors)
	}
}

// A string that a layer outside has put in place was never under the decoder's
// limits. It is refused here.
func TestLengthOfAReplacedString(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	r, err := layer.Clean(post(asJSON, `{"name":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err = body.ReplaceValue(r, map[string]any{"name": strings.Repeat("x", 601)})
	if err != nil {
		t.Fatal(err)
	}
	p := send(t, layer, r).refused(400, "sanitize.length", bulwark.InputValidationFail)
	if len(p.Errors) != 1 || p.Errors[0].Pointer != "/name" || p.Errors[0].Params["limit"] != 600.0 {
		t.Errorf("errors %+v", p.Errors)
	}
}

func TestLengthTellsLimit(t *testing.T) {
	layer := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}, JSON: bulwark.JSONLimits{MaxStringBytes: 3}}))
	r := httptest.NewRequest("GET", "/?q=abcd", nil)
	p := send(t, layer, r).refused(400, "sanitize.length", bulwark.InputValidationFail)
	if len(p.Errors) != 1 || p.Errors[0].Params["limit"] != 3.0 {
		t.Errorf("errors %+v", p.Errors)
	}
	send(t, layer, httptest.NewRequest("GET", "/?q=abc", nil)).passed("")
}

func TestOnlyWhatIsNamedIsRead(t *testing.T) {
	t.Run("query", func(t *testing.T) {
		layer := bulwark.Must(sanitize.New(sanitize.Config{Query: sanitize.Fields{"q": sanitize.Text}}))
		send(t, layer, post("text/plain", "<b>")).passed("<b>")
	})
	t.Run("form", func(t *testing.T) {
		layer := bulwark.Must(sanitize.New(sanitize.Config{Form: sanitize.Fields{"q": sanitize.Text}}))
		send(t, layer, post(asForm, "q=<b>a")).passed("q=a")
		send(t, layer, post(asJSON, `{"q":"<b>"}`)).refused(415, "body.unsupported_media_type", bulwark.InputValidationFail)
	})
	t.Run("fields", func(t *testing.T) {
		layer := bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"": sanitize.Text}}))
		send(t, layer, post(asJSON, `"<b>a"`)).passed(`"a"`)
		send(t, layer, post(asForm, "q=<b>a")).refused(415, "body.unsupported_media_type", bulwark.InputValidationFail)
		r := httptest.NewRequest("GET", "/x?a;b=%zz", nil)
		send(t, layer, r).passed("")
	})
}

func TestClean(t *testing.T) {
	layer := bulwark.Must(sanitize.New(every))
	t.Run("unchanged", func(t *testing.T) {
		r := read(t, `{"name":"x"}`)
		if got, err := layer.Clean(r); err != nil || got != r {
			t.Errorf("another request, %v", err)
		}
	})
	t.Run("refused", func(t *testing.T) {
		got, err := layer.Clean(post(asJSON, `{"code":"<b>"}`))
		if p, ok := err.(*bulwark.Problem); !ok || p.Code != "sanitize.markup" || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("malformed", func(t *testing.T) {
		got, err := layer.Clean(post(asJSON, `{`))
		if p, ok := err.(*bulwark.Problem); !ok || p.Code != "body.malformed" || got != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestUnconfigured(t *testing.T) {
	for name, m := range map[string]*sanitize.Middleware{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			send(t, m, post(asJSON, `{}`)).refused(500, "sanitize.unconfigured", bulwark.SysUnavailable)
			if _, err := m.Clean(post(asJSON, `{}`)); err == nil {
				t.Error("Clean took a request")
			}
		})
	}
}

func TestLayer(t *testing.T) {
	layer, err := every.Build()
	if err != nil {
		t.Fatal(err)
	}
	if kind := layer.(*sanitize.Middleware).Kind(); kind != "sanitize" {
		t.Errorf("kind %q", kind)
	}
	if again, err := layer.Build(); again != layer || err != nil {
		t.Errorf("Build returned %v, %v", again, err)
	}
}
