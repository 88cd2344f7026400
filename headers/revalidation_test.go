package headers_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
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

// A browser takes over the header of an answer to a HEAD as well (RFC 9111
// section 4.3.5). Where nothing is stored the answer to a HEAD has the header
// of that to a GET.
func TestCaseHc3NoNonceInHEAD(t *testing.T) {
	page := func(cache string) headers.Config {
		return headers.Config{Preset: headers.HTML, CacheControl: cache,
			ReportOnly: headers.CSP{DefaultSrc: list("'nonce'"), BaseURI: list("'none'")}}
	}
	for _, test := range []struct {
		name, method, sets string
		config             headers.Config
		sent               bool
	}{
		{"head", "HEAD", "", page("private, no-cache"), false},
		{"head_for_a_while", "HEAD", "", page("private, max-age=60"), false},
		{"head_by_the_handler", "HEAD", "private", page(""), false},
		{"head_not_stored", "HEAD", "", page(""), true},
		{"head_not_stored_by_the_handler", "HEAD", "private, No-Store", page("private"), true},
		{"head_without_nonce", "HEAD", "", headers.Config{CacheControl: "private", ReportOnly: headers.CSP{DefaultSrc: list("'self'")}}, true},
		{"get", "GET", "", page("private, no-cache"), true},
		{"post", "POST", "", page("private, no-cache"), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			bulwark.Must(headers.New(test.config)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				headers.Nonce(r.Context())
				if test.sets != "" {
					w.Header().Set("Cache-Control", test.sets)
				}
			})).ServeHTTP(w, httptest.NewRequest(test.method, "https://a.example/", nil))
			for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
				if _, sent := w.Header()[name]; sent != test.sent {
					t.Errorf("%s is %q", name, w.Header()[name])
				}
			}
			if w.Header().Get("X-Frame-Options") != "DENY" {
				t.Errorf("header is %v", w.Header())
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

// A handler that puts the nonce into its page cannot let shared caches store
// it. What has no nonce is the handler's to share.
func TestCaseHc4HandlersOfPagesWithNonce(t *testing.T) {
	page := headers.Config{Preset: headers.HTML}
	for _, test := range []struct {
		name   string
		config headers.Config
		asks   bool
		sets   http.Header
		want   http.Header
	}{
		{"public", page, true, http.Header{"Cache-Control": {"public, max-age=60"}}, http.Header{"Cache-Control": {"no-store"}}},
		{"two_lines", page, true, http.Header{"Cache-Control": {"private", "s-maxage=60"}}, http.Header{"Cache-Control": {"no-store"}}},
		{"nginx", page, true, http.Header{"X-Accel-Expires": {"3600"}}, http.Header{"Cache-Control": {"no-store"}}},
		{"nginx_forbidden", page, true, http.Header{"X-Accel-Expires": {"0"}}, http.Header{"Cache-Control": {"no-store"}, "X-Accel-Expires": {"0"}}},
		{"nginx_without_nonce", page, false, http.Header{"X-Accel-Expires": {"@1"}}, http.Header{"Cache-Control": {"no-store"}, "X-Accel-Expires": {"@1"}}},
		{"own_value", headers.Config{Preset: headers.HTML, CacheControl: "private"}, true, http.Header{"Cache-Control": {"max-age=60"}}, http.Header{"Cache-Control": {"private"}}},
		{"private", page, true, http.Header{"Cache-Control": {"private, max-age=60"}}, http.Header{"Cache-Control": {"private, max-age=60"}}},
		{"cdn", page, true, http.Header{"Cdn-Cache-Control": {"max-age=60"}, "Surrogate-Control": {"max-age=60"}}, http.Header{"Cache-Control": {"no-store"}}},
		{"cdn_forbidden", page, true, http.Header{"Cdn-Cache-Control": {"no-store"}}, http.Header{"Cache-Control": {"no-store"}, "Cdn-Cache-Control": {"no-store"}}},
		{"without_nonce", page, false, http.Header{"Cache-Control": {"public, max-age=60"}, "Cdn-Cache-Control": {"max-age=60"}},
			http.Header{"Cache-Control": {"public, max-age=60"}, "Cdn-Cache-Control": {"max-age=60"}}},
		{"policy_without_nonce", headers.Config{}, true, http.Header{"Cache-Control": {"public"}}, http.Header{"Cache-Control": {"public"}}},
		{"insecure", headers.Config{Preset: headers.HTML, InsecureSharedNonce: true}, true, http.Header{"Cache-Control": {"public"}}, http.Header{"Cache-Control": {"public"}}},
		{"omitted", headers.Config{Preset: headers.HTML, InsecureOmit: list("Cache-Control")}, true, http.Header{"Cache-Control": {"public"}}, http.Header{"Cache-Control": {"public"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := get(t, "https://a.example/", func(w http.ResponseWriter, r *http.Request) {
				if test.asks {
					headers.Nonce(r.Context())
				}
				maps.Copy(w.Header(), test.sets)
			}, test.config)
			for _, name := range []string{"Cache-Control", "Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} {
				if !slices.Equal(got[name], test.want[name]) {
					t.Errorf("%s is %q, want %q", name, got[name], test.want[name])
				}
			}
		})
	}
}
