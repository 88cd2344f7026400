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

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

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
			if same := headers == "Allow-Origin: *\nExpose-Headers: *"; same && vary != "" || !same && !strings.HasPrefix(vary, "Origin") {
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
			bulwark.Deny(w, r, &bulwark.Problem{Status: status, Code: "test.no", Log: bulwark.ProblemLog{Event: name}})
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
