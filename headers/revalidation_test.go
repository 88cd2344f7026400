package headers_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// The browser keeps the page and takes over the header of the 304.
func TestCaseHc3NoNonceIn304(t *testing.T) {
	const enforced, reported = "Content-Security-Policy", "Content-Security-Policy-Report-Only"
	page := headers.Config{Preset: headers.HTML, CacheControl: "private, no-cache"}
	both := page
	both.ReportOnly = headers.CSP{DefaultSrc: list("'nonce'"), BaseURI: list("'none'")}
	onlyReported := both
	onlyReported.CSP = headers.CSP{DefaultSrc: list("'self'")}
	status := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
	}
	for _, test := range []struct {
		name    string
		config  headers.Config
		handler http.HandlerFunc
		status  int
		want    map[string]bool
	}{
		{"status", page, status(304), 304, nil},
		{"both_policies", both, status(304), 304, nil},
		{"report_only", onlyReported, status(304), 304, map[string]bool{enforced: true}},
		{"without_nonce", headers.Config{}, status(304), 304, map[string]bool{enforced: true}},
		{"content", both, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("If-None-Match", `"a"`)
			w.Header().Set("Etag", `"a"`)
			http.ServeContent(w, r, "a.html", time.Time{}, strings.NewReader("page"))
		}, 304, nil},
		{"handlers_own", headers.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(enforced, "script-src 'NONCE-abc'")
			w.WriteHeader(304)
		}, 304, nil},
		{"inside_another", headers.Config{}, bulwark.Must(bulwark.Chain(both)).Wrap(status(304)).ServeHTTP, 304, nil},
		{"whole_answer", both, status(200), 200, map[string]bool{enforced: true, reported: true}},
		{"error", both, status(404), 404, map[string]bool{enforced: true, reported: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(bulwark.Must(bulwark.Chain(test.config)).Wrap(test.handler))
			defer server.Close()
			res, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			for _, name := range []string{enforced, reported} {
				if _, sent := res.Header[name]; sent != test.want[name] {
					t.Errorf("%s is %q", name, res.Header[name])
				}
			}
			if res.StatusCode != test.status || res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("answer is %d %v", res.StatusCode, res.Header)
			}
		})
	}
}

// What a shared cache stores it serves to everybody, nonce included.
func TestCaseHc4SharedCaches(t *testing.T) {
	nonce := headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: list("'nonce'")}
	reported := headers.CSP{DefaultSrc: list("'self'"), ScriptSrc: list("'nonce'"), BaseURI: list("'none'")}
	for _, value := range []string{
		"public, max-age=3600", "public", "PUBLIC", "s-maxage=60", "max-age=60", "no-cache", "must-revalidate, max-age=60", "immutable, max-age=60",
		"private, public", "private, s-maxage=60", "no-store, s-maxage=1", `private="set-cookie", max-age=60`, `private="set-cookie"`,
		"no-store, must-understand", "proxy-revalidate", "stale-while-revalidate=60", "no-transform",
	} {
		for name, config := range map[string]headers.Config{
			"preset":      {Preset: headers.HTML},
			"policy":      {CSP: nonce},
			"report_only": {ReportOnly: reported},
		} {
			config.CacheControl = value
			m, err := headers.New(config)
			if fault := find(err, "headers.CacheControl"); m != nil || fault == nil || fault.Value != value || !strings.Contains(fault.Reason, "InsecureSharedNonce") {
				t.Errorf("%s: %q gives %v, %v; want an error", name, value, m, err)
			}
			config.InsecureSharedNonce = true
			if _, err := headers.New(config); err != nil {
				t.Errorf("%s: %q is refused with InsecureSharedNonce: %v", name, value, err)
			}
		}
		if _, err := headers.New(headers.Config{CacheControl: value}); err != nil {
			t.Errorf("%q is refused without a nonce: %v", value, err)
		}
		if _, err := headers.New(headers.Config{Preset: headers.HTML, CSP: headers.CSP{DefaultSrc: list("'self'")}, CacheControl: value}); err != nil {
			t.Errorf("%q is refused for a page without a nonce: %v", value, err)
		}
	}
	for _, value := range []string{"", "no-store", "private", "Private, max-age=60", "private, no-cache", "no-store, max-age=0", `private, no-cache="set-cookie"`} {
		if _, err := headers.New(headers.Config{Preset: headers.HTML, CacheControl: value}); err != nil {
			t.Errorf("%q is refused: %v", value, err)
		}
	}
}
