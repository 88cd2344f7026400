package headers_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

func TestAPI(t *testing.T) {
	const policy = "Content-Security-Policy"
	for _, test := range []struct {
		name   string
		url    string
		config headers.Config
		want   http.Header
	}{
		{"over_tls", "https://api.example.com/", headers.Config{}, api()},
		{"over_plain_http", "http://api.example.com/", headers.Config{}, without(api(), "Strict-Transport-Security")},
		{"hsts_preload", "https://a.example/", headers.Config{HSTS: headers.HSTS{Preload: true}},
			with(api(), "Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload")},
		{"hsts_short", "https://a.example/", headers.Config{HSTS: headers.HSTS{MaxAge: 5 * time.Minute, InsecureExcludeSubDomains: true}},
			with(api(), "Strict-Transport-Security", "max-age=300")},
		{"hsts_withdrawn", "https://a.example/", headers.Config{HSTS: headers.HSTS{InsecureWithdraw: true}},
			with(api(), "Strict-Transport-Security", "max-age=0")},
		{"hsts_omitted", "https://a.example/", headers.Config{InsecureOmit: []string{"strict-transport-security"}},
			without(api(), "Strict-Transport-Security")},
		{"everything_omitted", "https://a.example/", headers.Config{InsecureOmit: slices.Collect(maps.Keys(api()))}, http.Header{}},
		{"replaced", "https://a.example/", headers.Config{
			CSP: headers.CSP{DefaultSrc: []string{"'self'"}}, CacheControl: `private="set-cookie", max-age=60`, FrameOptions: "SAMEORIGIN",
			ReferrerPolicy: "no-referrer, strict-origin-when-cross-origin", ResourcePolicy: "cross-origin", HSTS: headers.HSTS{MaxAge: time.Hour}},
			http.Header{
				"Cache-Control":                {`private="set-cookie", max-age=60`},
				policy:                         {"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; upgrade-insecure-requests"},
				"Cross-Origin-Resource-Policy": {"cross-origin"},
				"Referrer-Policy":              {"no-referrer, strict-origin-when-cross-origin"},
				"Strict-Transport-Security":    {"max-age=3600; includeSubDomains"},
				"X-Content-Type-Options":       {"nosniff"},
				"X-Frame-Options":              {"SAMEORIGIN"},
			}},
		{"added", "https://a.example/", headers.Config{EmbedderPolicy: "credentialless", OpenerPolicy: "noopener-allow-popups",
			PermissionsPolicy: `camera=(), geolocation=(self "https://maps.example.com"), fullscreen=*, usb=( src )`},
			with(with(with(api(), "Cross-Origin-Embedder-Policy", "credentialless"), "Cross-Origin-Opener-Policy", "noopener-allow-popups"),
				"Permissions-Policy", `camera=(), geolocation=(self "https://maps.example.com"), fullscreen=*, usb=( src )`)},
		{"reports", "https://a.example/", headers.Config{Endpoints: map[string]string{"csp": "/reports/csp", "backup": "https://r.example/x?y=1"},
			CSP: headers.CSP{ReportTo: "csp"}, ReportOnly: headers.CSP{DefaultSrc: []string{"'self'"}, ReportTo: "backup"}},
			with(with(with(api(), policy, "default-src 'none'; frame-ancestors 'none'; report-uri /reports/csp; report-to csp"),
				"Content-Security-Policy-Report-Only", "default-src 'self'; report-uri https://r.example/x?y=1; report-to backup"),
				"Reporting-Endpoints", `backup="https://r.example/x?y=1", csp="/reports/csp"`)},
		// Without TLS browsers ignore Reporting-Endpoints, and some of them
		// report-uri beside report-to.
		{"reports_over_plain_http", "http://a.example/", headers.Config{Endpoints: map[string]string{"csp": "/reports/csp"},
			CSP: headers.CSP{ReportTo: "csp", UpgradeInsecureRequests: true}, ReportOnly: headers.CSP{DefaultSrc: []string{"'self'"}, ReportTo: "csp"}},
			with(with(without(api(), "Strict-Transport-Security"), policy, "default-src 'none'; frame-ancestors 'none'; report-uri /reports/csp"),
				"Content-Security-Policy-Report-Only", "default-src 'self'; report-uri /reports/csp")},
		{"endpoints_omitted", "https://a.example/", headers.Config{Endpoints: map[string]string{"csp": "/r"}, InsecureOmit: []string{"Reporting-Endpoints"}}, api()},
		{"report_only_alone", "https://a.example/", headers.Config{InsecureOmit: []string{policy},
			ReportOnly: headers.CSP{DefaultSrc: []string{"'self'"}}},
			with(without(api(), policy), "Content-Security-Policy-Report-Only", "default-src 'self'")},
		{"report_only_omitted", "https://a.example/", headers.Config{InsecureOmit: []string{"Content-Security-Policy-Report-Only"},
			ReportOnly: headers.CSP{DefaultSrc: []string{"'self'"}}}, api()},
		{"upgrade_over_tls", "https://a.example/", headers.Config{CSP: headers.CSP{UpgradeInsecureRequests: true}},
			with(api(), policy, "default-src 'none'; frame-ancestors 'none'; upgrade-insecure-requests")},
		{"upgrade_over_plain_http", "http://a.example/", headers.Config{CSP: headers.CSP{UpgradeInsecureRequests: true}},
			without(api(), "Strict-Transport-Security")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := get(t, test.url, nothing, test.config); !reflect.DeepEqual(got, test.want) {
				t.Errorf("header is\n%v\nwant\n%v", got, test.want)
			}
		})
	}
}

// The names go into the map of a response as they are.
func TestNamesAreCanonical(t *testing.T) {
	h := get(t, "https://a.example/", nothing, everything)
	if len(h) != 20 {
		t.Errorf("%d headers, want all 20: %v", len(h), h)
	}
	for name := range h {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("%s is not canonical", name)
		}
	}
}

func TestHTML(t *testing.T) {
	var nonce string
	got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) {
		type key struct{}
		nonce = headers.Nonce(context.WithValue(r.Context(), key{}, 1)) // found in a derived context, too
		if nonce != headers.Nonce(r.Context()) {
			t.Error("two nonces for one response")
		}
	}, headers.Config{Preset: headers.HTML})
	want := http.Header{
		"Cache-Control": {"no-store"},
		"Content-Security-Policy": {"default-src 'self'; script-src 'nonce-" + nonce + "' 'strict-dynamic'; style-src 'self' 'nonce-" + nonce +
			"'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; upgrade-insecure-requests"},
		"Cross-Origin-Embedder-Policy": {"require-corp"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           got["Permissions-Policy"],
		"Referrer-Policy":              {"same-origin"},
		"Strict-Transport-Security":    {"max-age=31536000; includeSubDomains"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("header is\n%v\nwant\n%v", got, want)
	}
	if !nonceIn.MatchString("'nonce-" + nonce + "'") {
		t.Errorf("nonce is %q", nonce)
	}
	for _, feature := range []string{"camera=()", "geolocation=()", "microphone=()"} {
		if !strings.Contains(got.Get("Permissions-Policy"), feature) {
			t.Errorf("Permissions-Policy lacks %s", feature)
		}
	}
	plain := get(t, "http://a.example/", nothing, headers.Config{Preset: headers.HTML})
	if strings.Contains(plain.Get("Content-Security-Policy"), "upgrade") {
		t.Error("upgrade-insecure-requests over plain http")
	}
}

func TestWithoutNew(t *testing.T) {
	for name, m := range map[string]*headers.Middleware{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("next ran") }))).
				ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != 500 || !strings.Contains(w.Body.String(), `"code":"headers.unconfigured"`) {
				t.Errorf("answer is %d %s", w.Code, w.Body)
			}
			if events := rec.Take(); len(events) != 1 || events[0].Reason != "headers.unconfigured" {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

func TestBuild(t *testing.T) {
	layer, err := headers.Config{}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if same, err := layer.Build(); same != layer || err != nil {
		t.Error("Build of the layer is not the layer")
	}
	if kind := layer.(*headers.Middleware).Kind(); kind != "headers" {
		t.Errorf("Kind is %q", kind)
	}
	if layer, err := (headers.Config{Preset: 99}).Build(); layer != nil || err == nil || !strings.Contains(err.Error(), "headers.Preset: Preset(99)") {
		t.Errorf("an unknown preset builds %v, %v", layer, err)
	}
}

func TestConfigIsCopied(t *testing.T) {
	c := headers.Config{CSP: headers.CSP{DefaultSrc: []string{"'self'"}, ReportTo: "csp"}, Endpoints: map[string]string{"csp": "/r"}}
	m := bulwark.Must(headers.New(c))
	c.CSP.DefaultSrc[0], c.Endpoints["csp"] = "*", "https://evil.example"
	got := get(t, "https://a.example/", nothing, m)
	if got.Get("Content-Security-Policy") != "default-src 'self'"+rest+"; report-uri /r; report-to csp"+upgrade || got.Get("Reporting-Endpoints") != `csp="/r"` {
		t.Errorf("header is %v", got)
	}
}
