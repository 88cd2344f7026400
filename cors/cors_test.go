package cors_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

// guide is the configuration that the tests of the protocol use.
var guide = cors.Config{
	Origins:     []string{"https://app.example.com", "https://*.apps.example.com:8443", "http://localhost:3000"},
	Methods:     []string{"GET", "POST", "PUT", "DELETE"},
	Headers:     []string{"Content-Type", "Authorization"},
	Expose:      []string{"X-Total-Count"},
	Credentials: true,
	MaxAge:      24 * time.Hour,
}

func with(c cors.Config, change func(*cors.Config)) cors.Config {
	change(&c)
	return c
}

// exchange is a request through the layer, and what came of it.
type exchange struct {
	method  string
	host    string // example.com if empty
	header  http.Header
	base    string // Edge.BaseURL
	ran     bool
	w       *httptest.ResponseRecorder
	events  []bulwark.Event
	handler http.HandlerFunc
}

func (x *exchange) through(t *testing.T, c cors.Config) *exchange {
	t.Helper()
	m, err := cors.New(c)
	if err != nil {
		t.Fatal(err)
	}
	var rec bulwarktest.Recorder
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.ran = true
		if x.handler != nil {
			x.handler(w, r)
		}
	})
	stack := bulwark.Must(bulwark.Chain(&rec, m))
	if x.base != "" {
		stack = bulwark.Must(bulwark.Chain(bulwark.Edge{InsecureAnyHost: true, BaseURL: x.base}, &rec, m))
	}
	r := httptest.NewRequest(x.method, "/documents", nil)
	if x.host != "" {
		r.Host = x.host
	}
	maps.Copy(r.Header, x.header)
	x.w = httptest.NewRecorder()
	stack.Wrap(next).ServeHTTP(x.w, r)
	delete(x.w.Header(), "X-Request-Id")
	x.events = rec.Take()
	return x
}

// access returns the CORS headers of the answer, one to a line, and Vary.
func (x *exchange) access() (headers, vary string) {
	var lines []string
	for name, values := range x.w.Header() {
		if strings.HasPrefix(name, "Access-Control-") {
			lines = append(lines, strings.TrimPrefix(name, "Access-Control-")+": "+strings.Join(values, "|"))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), strings.Join(x.w.Header()["Vary"], ", ")
}

// refused asserts a refusal by all that the client and the log see.
func (x *exchange) refused(t *testing.T, status int, code string) {
	t.Helper()
	if x.ran {
		t.Error("the next handler ran")
	}
	if x.w.Code != status || x.w.Header().Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(x.w.Body.String(), `"type":"about:blank"`) || // whose title is the status text, RFC 9457 section 4.2.1
		!strings.Contains(x.w.Body.String(), `"title":"`+http.StatusText(status)+`"`) ||
		!strings.Contains(x.w.Body.String(), `"code":"`+code+`"`) {
		t.Errorf("answer is %d %s %s, want %d %s", x.w.Code, x.w.Header().Get("Content-Type"), x.w.Body, status, code)
	}
	if strings.Contains(x.w.Body.String(), "evil") {
		t.Errorf("the answer echoes what was sent: %s", x.w.Body)
	}
	headers, vary := x.access()
	if headers != "" {
		t.Errorf("a refusal carries %s", headers)
	}
	if !strings.Contains(vary, "Origin") {
		t.Errorf("Vary is %q", vary)
	}
	x.reported(t, code)
}

// reported asserts the one event of a refusal.
func (x *exchange) reported(t *testing.T, code string) {
	t.Helper()
	if len(x.events) != 1 || x.events[0].Name != bulwark.MaliciousCORS || x.events[0].Reason != code {
		t.Errorf("events are %+v, want one malicious_cors for %s", x.events, code)
	}
}

func preflight(origin, method string, headers ...string) http.Header {
	h := http.Header{"Origin": {origin}, "Access-Control-Request-Method": {method}}
	if len(headers) > 0 {
		h["Access-Control-Request-Headers"] = headers
	}
	return h
}

// Under a domain that is nobody's suffix there may be names that are
// everybody's.
func TestSuffixesUnderAWildcard(t *testing.T) {
	c := cors.Config{Credentials: true, Methods: []string{"GET"}, Origins: []string{
		"https://*.amazonaws.com", "https://*.ours.s3.amazonaws.com", "https://listed.s3.amazonaws.com", "https://*.example.com"}}
	for origin, want := range map[string]bool{
		"https://console.amazonaws.com":            true,
		"https://a.b.amazonaws.com":                true,
		"https://s3.amazonaws.com":                 false,
		"https://evil.s3.amazonaws.com":            false,
		"https://a.evil.s3.amazonaws.com":          false,
		"https://evil.compute.amazonaws.com":       false,
		"https://evil.eu-west-1.elb.amazonaws.com": false,
		"https://listed.s3.amazonaws.com":          true,
		"https://a.ours.s3.amazonaws.com":          true,
		"https://a.b.ours.s3.amazonaws.com":        true,
		"https://ours.s3.amazonaws.com":            false,
		"https://a.example.com":                    true,
		"https://s3.amazonaws.com.example.com":     true,
	} {
		header := http.Header{"Origin": {origin}}
		x := (&exchange{method: "GET", header: header}).through(t, c)
		if got := x.w.Header().Get("Access-Control-Allow-Origin") == origin; got != want || !x.ran {
			t.Errorf("%s may read the answer: %t, want %t", origin, got, want)
		}
		x = (&exchange{method: "OPTIONS", header: preflight(origin, "GET")}).through(t, c)
		if got := x.w.Code == http.StatusNoContent; got != want {
			t.Errorf("the preflight of %s is allowed: %t, want %t", origin, got, want)
		}
		if !want {
			x.refused(t, http.StatusForbidden, "cors.origin")
		}
	}
	x := (&exchange{method: "GET", header: http.Header{"Origin": {"https://evil.s3.amazonaws.com:8443"}}}).
		through(t, cors.Config{Origins: []string{"https://*.amazonaws.com:8443"}})
	if headers, _ := x.access(); headers != "" {
		t.Errorf("with a port it is allowed: %s", headers)
	}
}

const preflightVary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"

func TestPreflightAllowed(t *testing.T) {
	for _, test := range []struct {
		name   string
		config cors.Config
		header http.Header
		want   string
	}{
		{"method", guide, preflight("https://app.example.com", "PUT"),
			"Allow-Credentials: true\nAllow-Methods: PUT\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"method_and_headers", guide, preflight("https://app.example.com", "DELETE", "authorization,content-type"),
			"Allow-Credentials: true\nAllow-Headers: authorization,content-type\nAllow-Methods: DELETE\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"headers_in_two_lines", guide, preflight("https://app.example.com", "DELETE", "authorization", "content-type"),
			"Allow-Credentials: true\nAllow-Headers: authorization|content-type\nAllow-Methods: DELETE\nAllow-Origin: https://app.example.com\nMax-Age: 86400"},
		{"subdomain", guide, preflight("https://a.b.apps.example.com:8443", "GET"),
			"Allow-Credentials: true\nAllow-Methods: GET\nAllow-Origin: https://a.b.apps.example.com:8443\nMax-Age: 86400"},
		{"head_comes_with_get", guide, preflight("http://localhost:3000", "HEAD"),
			"Allow-Credentials: true\nAllow-Methods: HEAD\nAllow-Origin: http://localhost:3000\nMax-Age: 86400"},
		{"everybody", cors.Config{Origins: []string{"*"}}, preflight("https://evil.example", "POST"),
			"Allow-Methods: POST\nAllow-Origin: *"},
		{"no_caching", cors.Config{Origins: []string{"https://a.example"}, MaxAge: -time.Second}, preflight("https://a.example", "GET"),
			"Allow-Methods: GET\nAllow-Origin: https://a.example\nMax-Age: 0"},
		{"options_listed", cors.Config{Origins: []string{"https://a.example"}, Methods: []string{"OPTIONS"}}, preflight("https://a.example", "OPTIONS"),
			"Allow-Methods: OPTIONS\nAllow-Origin: https://a.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
			headers, vary := x.access()
			if x.ran || x.w.Code != http.StatusNoContent || headers != test.want || vary != preflightVary || len(x.events) != 0 {
				t.Errorf("status %d, next ran %t, vary %q, events %v, headers\n%s\nwant 204, false, none and\n%s",
					x.w.Code, x.ran, vary, x.events, headers, test.want)
			}
		})
	}
}

func TestPreflightRefused(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	for _, test := range []struct {
		name   string
		config cors.Config
		header http.Header
		code   string
	}{
		{"origin", guide, preflight("https://evil.example", "PUT"), "cors.origin"},
		{"origin_null", guide, preflight("null", "PUT"), "cors.origin"},
		{"origin_other_scheme", guide, preflight("http://app.example.com", "PUT"), "cors.origin"},
		{"origin_other_port", guide, preflight("https://app.example.com:444", "PUT"), "cors.origin"},
		{"origin_upper_case", guide, preflight("https://APP.example.com", "PUT"), "cors.origin"},
		{"origin_two_in_one", guide, preflight("https://app.example.com, https://evil.example", "PUT"), "cors.origin"},
		{"origin_list", guide, preflight("https://app.example.com https://evil.example", "PUT"), "cors.origin"},
		{"origin_prefix", guide, preflight("https://app.example.com.evil.example", "PUT"), "cors.origin"},
		{"origin_huge", guide, preflight("https://"+long, "PUT"), "cors.origin"},
		{"wildcard_itself", guide, preflight("https://apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_without_dot", guide, preflight("https://evilapps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_other_port", guide, preflight("https://a.apps.example.com", "PUT"), "cors.origin"},
		{"wildcard_other_scheme", guide, preflight("http://a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_empty_label", guide, preflight("https://.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_inner_empty_label", guide, preflight("https://a..apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_path", guide, preflight("https://evil.example/.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_user", guide, preflight("https://evil@a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_long_label", guide, preflight("https://"+long[:64]+".apps.example.com:8443", "PUT"), "cors.origin"},
		{"wildcard_no_scheme", guide, preflight("a.apps.example.com:8443", "PUT"), "cors.origin"},
		{"method", guide, preflight("https://app.example.com", "PATCH"), "cors.method"},
		{"method_lower_case", guide, preflight("https://app.example.com", "put"), "cors.method"},
		{"method_huge", guide, preflight("https://app.example.com", long), "cors.method"},
		{"method_options", guide, preflight("https://app.example.com", "OPTIONS"), "cors.method"},
		{"header", guide, preflight("https://app.example.com", "PUT", "x-evil"), "cors.header"},
		{"header_among_others", guide, preflight("https://app.example.com", "PUT", "authorization,content-type,x-evil"), "cors.header"},
		{"header_huge", guide, preflight("https://app.example.com", "PUT", long), "cors.header"},
		{"header_commas", guide, preflight("https://app.example.com", "PUT", strings.Repeat(",", 1<<20)), "cors.header"},
		{"no_headers_by_default", cors.Config{Origins: []string{"https://a.example"}}, preflight("https://a.example", "GET", "content-type"), "cors.header"},
		{"everybody_method", cors.Config{Origins: []string{"*"}}, preflight("https://a.example", "PUT"), "cors.method"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
			x.refused(t, http.StatusForbidden, test.code)
			if _, vary := x.access(); vary != preflightVary {
				t.Errorf("Vary is %q", vary)
			}
			for _, attr := range x.events[0].Attrs {
				if attr.Key == "origin" && len(attr.Value.String()) > 256 {
					t.Error("the event holds the whole origin")
				}
			}
		})
	}
}

func TestAmbiguous(t *testing.T) {
	for _, test := range []struct {
		name, method string
		header       http.Header
	}{
		{"two_origins", "GET", http.Header{"Origin": {"https://app.example.com", "https://evil.example"}}},
		{"two_equal_origins", "POST", http.Header{"Origin": {"https://app.example.com", "https://app.example.com"}}},
		{"two_origins_in_a_preflight", "OPTIONS", http.Header{"Origin": {"https://evil.example", "https://app.example.com"}, "Access-Control-Request-Method": {"GET"}}},
		{"two_methods", "OPTIONS", http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"GET", "TRACE"}}},
		{"two_methods_without_origin", "OPTIONS", http.Header{"Access-Control-Request-Method": {"GET", "TRACE"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			(&exchange{method: test.method, header: test.header}).through(t, guide).refused(t, http.StatusBadRequest, "cors.ambiguous")
		})
	}
}

func TestActual(t *testing.T) {
	granted := "Allow-Credentials: true\nAllow-Origin: https://app.example.com\nExpose-Headers: X-Total-Count"
	deny := with(guide, func(c *cors.Config) { c.DenyRefused = true })
	for _, test := range []struct {
		name    string
		config  cors.Config
		request exchange
		want    string // CORS headers
		event   string // code, empty for none
		status  int    // of a refusal, 0 where next runs
	}{
		{"no_origin", guide, exchange{method: "GET"}, "", "", 0},
		{"empty_origin", guide, exchange{method: "GET", header: http.Header{"Origin": {""}}}, "", "", 0},
		{"allowed", guide, exchange{method: "GET", header: http.Header{"Origin": {"https://app.example.com"}}}, granted, "", 0},
		{"allowed_denying", deny, exchange{method: "POST", header: http.Header{"Origin": {"https://app.example.com"}}}, granted, "", 0},
		{"everybody", cors.Config{Origins: []string{"*"}, Expose: []string{"*"}}, exchange{method: "GET", header: http.Header{"Origin": {"null"}}},
			"Allow-Origin: *\nExpose-Headers: *", "", 0},
		{"refused", guide, exchange{method: "POST", header: http.Header{"Origin": {"https://evil.example"}}}, "", "cors.origin", 0},
		{"refused_null", guide, exchange{method: "POST", header: http.Header{"Origin": {"null"}}}, "", "cors.origin", 0},
		{"refused_denying", deny, exchange{method: "POST", header: http.Header{"Origin": {"https://evil.example"}}}, "", "cors.origin", 403},
		{"method", guide, exchange{method: "PATCH", header: http.Header{"Origin": {"https://app.example.com"}}}, "", "cors.method", 0},
		{"method_denying", deny, exchange{method: "PATCH", header: http.Header{"Origin": {"https://app.example.com"}}}, "", "cors.method", 403},
		{"everybody_method", cors.Config{Origins: []string{"*"}}, exchange{method: "PUT", header: http.Header{"Origin": {"https://evil.example"}}}, "", "cors.method", 0},

		{"own_page", guide, exchange{method: "POST", base: "https://api.example.com", header: http.Header{"Origin": {"https://api.example.com"}}}, "", "", 0},
		{"own_page_denying", deny, exchange{method: "POST", base: "https://api.example.com", header: http.Header{"Origin": {"https://api.example.com"}}}, "", "", 0},
		{"own_host_by_another_scheme", guide, exchange{method: "POST", base: "https://api.example.com", host: "api.example.com",
			header: http.Header{"Origin": {"http://api.example.com"}}}, "", "cors.origin", 0},
		{"own_host_without_base", guide, exchange{method: "POST", host: "API.example.com:8080", header: http.Header{"Origin": {"http://api.example.com:8080"}}}, "", "", 0},
		{"other_port_without_base", guide, exchange{method: "POST", host: "api.example.com", header: http.Header{"Origin": {"http://api.example.com:8080"}}}, "", "cors.origin", 0},
		{"null_without_base", guide, exchange{method: "POST", host: "null", header: http.Header{"Origin": {"null"}}}, "", "cors.origin", 0},
		{"rebound_host_denying", deny, exchange{method: "POST", host: "evil.example", header: http.Header{"Origin": {"http://evil.example"}}}, "", "cors.origin", 403},

		{"options_without_origin", guide, exchange{method: "OPTIONS"}, "", "", 0},
		{"options_that_asks_without_origin", guide, exchange{method: "OPTIONS", header: http.Header{"Access-Control-Request-Method": {"PUT"}}}, "", "", 0},
		{"options_that_asks_nothing", guide, exchange{method: "OPTIONS", header: http.Header{"Origin": {"https://app.example.com"}}}, granted, "", 0},
		{"options_that_asks_empty", guide, exchange{method: "OPTIONS", header: preflight("https://app.example.com", "")}, granted, "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := test.request
			x.through(t, test.config)
			if test.status != 0 {
				x.refused(t, test.status, test.event)
				return
			}
			headers, vary := x.access()
			if !x.ran || x.w.Code != 200 || headers != test.want {
				t.Errorf("status %d, next ran %t, headers\n%s\nwant 200, true and\n%s", x.w.Code, x.ran, headers, test.want)
			}
			if !strings.HasPrefix(vary, "Origin") {
				t.Errorf("Vary is %q", vary)
			}
			if test.event != "" {
				x.reported(t, test.event)
			} else if len(x.events) != 0 {
				t.Errorf("events are %+v, want none", x.events)
			}
		})
	}
}

func TestDryRun(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	dry := with(guide, func(c *cors.Config) { c.DryRun, c.DenyRefused, c.Debug = true, true, true })
	for _, test := range []struct {
		name, method string
		header       http.Header
		code         string
	}{
		{"preflight", "OPTIONS", preflight("https://evil.example", "PUT"), "cors.origin"},
		{"preflight_method", "OPTIONS", preflight("https://app.example.com", "PATCH"), "cors.method"},
		{"actual", "POST", http.Header{"Origin": {"https://evil.example"}}, "cors.origin"},
		{"ambiguous", "POST", http.Header{"Origin": {"https://evil.example", "https://app.example.com"}}, "cors.ambiguous"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := (&exchange{method: test.method, header: test.header}).through(t, dry)
			if headers, _ := x.access(); !x.ran || x.w.Code != 200 || headers != "" {
				t.Errorf("status %d, next ran %t, headers %q; want 200, true and none", x.w.Code, x.ran, headers)
			}
			x.reported(t, test.code)
			if !slices.ContainsFunc(x.events[0].Attrs[:], func(a slog.Attr) bool { return a.Equal(slog.Bool("dry_run", true)) }) {
				t.Errorf("attributes are %v, want dry_run", x.events[0].Attrs)
			}
		})
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "layer=cors") {
		t.Errorf("the dry run is not announced: %q", log.String())
	}
}

func TestDebug(t *testing.T) {
	debug := with(guide, func(c *cors.Config) { c.Debug = true })
	lists := "Allow-Credentials: true\nAllow-Headers: Content-Type, Authorization\nAllow-Methods: GET, HEAD, POST, PUT, DELETE\nAllow-Origin: https://app.example.com"
	t.Run("explained", func(t *testing.T) {
		for _, test := range []struct {
			name   string
			config cors.Config
			header http.Header
			want   string
			code   string
		}{
			{"method", debug, preflight("https://app.example.com", "PATCH"), lists, "cors.method"},
			{"header", debug, preflight("https://app.example.com", "GET", "x-evil"), lists, "cors.header"},
			{"everybody", cors.Config{Origins: []string{"*"}, Debug: true}, preflight("https://evil.example", "PUT"),
				"Allow-Methods: GET, HEAD, POST\nAllow-Origin: *", "cors.method"},
		} {
			t.Run(test.name, func(t *testing.T) {
				x := (&exchange{method: "OPTIONS", header: test.header}).through(t, test.config)
				headers, vary := x.access()
				if x.ran || x.w.Code != http.StatusNoContent || headers != test.want || vary != preflightVary {
					t.Errorf("status %d, next ran %t, vary %q, headers\n%s\nwant 204, false and\n%s", x.w.Code, x.ran, vary, headers, test.want)
				}
				x.reported(t, test.code)
			})
		}
	})
	t.Run("not_explained", func(t *testing.T) {
		x := (&exchange{method: "OPTIONS", header: preflight("https://evil.example", "PUT")}).through(t, debug)
		x.refused(t, http.StatusForbidden, "cors.origin")
		// A list that lacks POST does not keep a browser from it: to explain would be
		// to allow.
		reading := cors.Config{Origins: []string{"https://app.example.com"}, Methods: []string{"GET"}, Debug: true}
		x = (&exchange{method: "OPTIONS", header: preflight("https://app.example.com", "POST")}).through(t, reading)
		x.refused(t, http.StatusForbidden, "cors.method")
	})
}

// A handler that scribbles over its response's headers must reach neither those
// of anybody else nor its request's. A preflight has no handler.
func TestSlicesAreOnesOwn(t *testing.T) {
	m := bulwark.Must(cors.New(with(guide, func(c *cors.Config) { c.Methods = append(c.Methods, "OPTIONS") })))
	for _, test := range []struct {
		name, method string
		header       http.Header
	}{
		{"actual", "GET", http.Header{"Origin": {"https://app.example.com"}}},
		{"no_origin", "GET", nil},
		{"refused", "GET", http.Header{"Origin": {"http://example.com"}}},
		{"preflight", "OPTIONS", preflight("https://app.example.com", "PUT", "authorization")},
		{"preflight_lines", "OPTIONS", preflight("https://app.example.com", "PUT", "authorization", "content-type")},
		{"preflight_refused", "OPTIONS", preflight("https://evil.example", "PUT")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			once := func() (http.Header, http.Header) {
				r := httptest.NewRequest(test.method, "/", nil)
				for name, values := range test.header {
					r.Header[name] = slices.Clone(values)
				}
				w := httptest.NewRecorder()
				rec.Wrap(m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))).ServeHTTP(w, r)
				return w.Header(), r.Header
			}
			first, request := once()
			want := first.Clone()
			for _, values := range first {
				for i := range values {
					values[i] = "poison"
				}
				_ = append(values, "poison")
			}
			for name, values := range test.header {
				if test.method != "OPTIONS" && !slices.Equal(request[name], values) {
					t.Errorf("the request's %s became %q", name, request[name])
				}
			}
			second, _ := once()
			for name := range want {
				if !slices.Equal(second[name], want[name]) {
					t.Errorf("the next response's %s is %q, want %q", name, second[name], want[name])
				}
			}
		})
	}
}

func TestVaryOfOthersStays(t *testing.T) {
	m := bulwark.Must(cors.New(guide))
	for _, header := range []http.Header{nil, {"Origin": {"https://app.example.com"}}, {"Origin": {"https://evil.example"}}} {
		var rec bulwarktest.Recorder
		r := httptest.NewRequest("GET", "/", nil)
		maps.Copy(r.Header, header)
		w := httptest.NewRecorder()
		shared := append(make([]string, 0, 4), "Accept-Encoding")
		w.Header()["Vary"] = shared
		rec.Wrap(m.Wrap(http.NotFoundHandler())).ServeHTTP(w, r)
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Accept-Encoding", "Origin"}) {
			t.Errorf("Vary is %q", got)
		}
	}
}

// What an outer layer allowed is not left over where the inner one refuses.
func TestInsideAnother(t *testing.T) {
	outer := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://a.example"}, Expose: []string{"X-A"}, Credentials: true}))
	inner := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://b.example", "https://c.example"}}))
	both := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://a.example", "https://c.example"}, Expose: []string{"X-C"}, Credentials: true}))
	for _, test := range []struct {
		name, origin string
		stack        http.Handler
		want         string
	}{
		{"only_outer_allows", "https://a.example", outer.Wrap(inner.Wrap(http.NotFoundHandler())), ""},
		{"only_inner_allows", "https://b.example", outer.Wrap(inner.Wrap(http.NotFoundHandler())), "Allow-Origin: https://b.example"},
		{"inner_has_no_credentials", "https://c.example", both.Wrap(inner.Wrap(http.NotFoundHandler())), "Allow-Origin: https://c.example"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Origin", test.origin)
			x := exchange{w: httptest.NewRecorder()}
			rec.Wrap(test.stack).ServeHTTP(x.w, r)
			if headers, _ := x.access(); headers != test.want {
				t.Errorf("headers are %q, want %q", headers, test.want)
			}
		})
	}
}

func TestWithoutNew(t *testing.T) {
	for name, m := range map[string]*cors.Middleware{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("next ran") }))).
				ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			body, _ := io.ReadAll(w.Body)
			if w.Code != 500 || !bytes.Contains(body, []byte(`"code":"cors.unconfigured"`)) {
				t.Errorf("answer is %d %s", w.Code, body)
			}
			if events := rec.Take(); len(events) != 1 || events[0].Reason != "cors.unconfigured" {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	layer, err := guide.Build()
	if err != nil {
		t.Fatal(err)
	}
	if same, err := layer.Build(); same != layer || err != nil {
		t.Error("Build of the layer is not the layer")
	}
	if kind := layer.(*cors.Middleware).Kind(); kind != "cors" {
		t.Errorf("Kind is %q", kind)
	}
	if layer, err := (cors.Config{}).Build(); layer != nil || err == nil {
		t.Errorf("the zero Config builds %v, %v; want nil and an error", layer, err)
	}
}

// The Config is copied: changing it afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	c := with(guide, func(c *cors.Config) {
		c.Origins, c.Methods, c.Headers, c.Expose = slices.Clone(c.Origins), slices.Clone(c.Methods), slices.Clone(c.Headers), slices.Clone(c.Expose)
	})
	m := bulwark.Must(cors.New(c))
	for _, list := range [][]string{c.Origins, c.Methods, c.Headers, c.Expose} {
		for i := range list {
			list[i] = "https://evil.example"
		}
	}
	var rec bulwarktest.Recorder
	r := httptest.NewRequest("OPTIONS", "/", nil)
	maps.Copy(r.Header, preflight("https://app.example.com", "PUT", "authorization"))
	w := httptest.NewRecorder()
	rec.Wrap(m.Wrap(http.NotFoundHandler())).ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Errorf("status is %d", w.Code)
	}
}

// A request that is refused as cross-site, or as a failed login, is told by
// that event; every other one of a refused origin by this layer's, too.
func TestTheBetterReasonIsReported(t *testing.T) {
	m := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://app.example.com"}}))
	deny := func(status int, name bulwark.EventName) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, &bulwark.Problem{Status: status, Code: "test.no", Event: name})
		}
	}
	for _, test := range []struct {
		name string
		next http.HandlerFunc
		want []bulwark.EventName
	}{
		{"passes", func(http.ResponseWriter, *http.Request) {}, []bulwark.EventName{bulwark.MaliciousCORS}},
		{"panics", func(http.ResponseWriter, *http.Request) { panic("handler") }, []bulwark.EventName{bulwark.MaliciousCORS}},
		{"cross_site", deny(403, bulwark.MaliciousCSRF), []bulwark.EventName{bulwark.MaliciousCSRF}},
		{"failed_login", deny(401, bulwark.AuthnLoginFail), []bulwark.EventName{bulwark.AuthnLoginFail}},
		{"bad_token", deny(401, bulwark.AuthnTokenInvalid), []bulwark.EventName{bulwark.AuthnTokenInvalid, bulwark.MaliciousCORS}},
		{"no_route", deny(404, ""), []bulwark.EventName{bulwark.InputValidationFail, bulwark.MaliciousCORS}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Origin", "https://evil.example")
			func() {
				defer func() { recover() }()
				rec.Wrap(m.Wrap(test.next)).ServeHTTP(httptest.NewRecorder(), r)
			}()
			var names []bulwark.EventName
			for _, e := range rec.Take() {
				names = append(names, e.Name)
			}
			if !slices.Equal(names, test.want) {
				t.Errorf("events are %v, want %v", names, test.want)
			}
		})
	}
}
