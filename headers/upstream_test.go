package headers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// behind sends a request to a gateway with the layer, whose reverse proxy asks
// a real upstream, and returns the answer.
func behind(t *testing.T, gateway bulwark.Builder, upstream http.HandlerFunc) *http.Response {
	t.Helper()
	up := httptest.NewServer(upstream)
	t.Cleanup(up.Close)
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.FlushInterval = -1
	front := httptest.NewTLSServer(bulwark.Must(bulwark.Chain(gateway)).Wrap(proxy))
	t.Cleanup(front.Close)
	res, err := front.Client().Get(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}

// everything is a Config that sends every header of the package.
var everything = headers.Config{
	Preset:     headers.HTML,
	CSP:        headers.CSP{DefaultSrc: list("'self'"), ReportTo: "csp"},
	ReportOnly: headers.CSP{DefaultSrc: list("'self'")},
	Endpoints:  map[string]string{"csp": "/r"},

	EmbedderPolicy:        `credentialless; report-to="csp"`,
	EmbedderReportOnly:    "require-corp",
	OpenerReportOnly:      "same-origin",
	AgentCluster:          "?1",
	PermissionsReportOnly: "camera=self",
	Legacy:                headers.Legacy{DNSPrefetchControl: "off", DownloadOptions: "noopen", CrossDomainPolicies: "none", XSSProtection: "0"},
}

// The upstream of a reverse proxy sends the same headers, equal or other ones,
// on one line or several. Browsers find no policy on two lines (Fetch, 3.7;
// HTML, 7.1.3 and 7.1.4).
func TestCaseHc1UpstreamDoublesNothing(t *testing.T) {
	for _, preset := range []struct {
		name   string
		config headers.Config
	}{{"API", headers.Config{}}, {"HTML", headers.Config{Preset: headers.HTML}}, {"everything", everything}} {
		direct := get(t, "https://a.example/", nothing, preset.config)
		for name, theirs := range map[string]func(ours string) []string{
			"equal":       func(ours string) []string { return list(ours) },
			"other":       func(string) []string { return list("theirs") },
			"twice":       func(string) []string { return list("theirs", "theirs") },
			"two":         func(string) []string { return list("one", "two") },
			"equal_other": func(ours string) []string { return list(ours, "theirs") },
		} {
			t.Run(preset.name+"/"+name, func(t *testing.T) {
				res := behind(t, preset.config, func(w http.ResponseWriter, _ *http.Request) {
					for name, value := range direct {
						w.Header()[name] = theirs(value[0])
					}
				})
				for name, value := range direct {
					if name == "Cache-Control" {
						continue // the handler's
					}
					if got := res.Header[name]; len(got) != 1 || nonceIn.ReplaceAllString(got[0], "") != nonceIn.ReplaceAllString(value[0], "") {
						t.Errorf("%s is %q, want %q alone", name, got, value)
					}
				}
			})
		}
		t.Run(preset.name+"/same_layer", func(t *testing.T) {
			up := bulwark.Must(headers.New(preset.config)).Wrap(http.HandlerFunc(nothing))
			res := behind(t, preset.config, up.ServeHTTP)
			for name := range direct {
				if got := res.Header[name]; len(got) != 1 {
					t.Errorf("%s is %q", name, got)
				}
			}
		})
	}
}

// A reverse proxy that passes on a 103 empties the header afterwards.
func TestCaseHc1HeadersSurviveEarlyHints(t *testing.T) {
	for _, test := range []struct {
		name  string
		final http.Header
	}{
		{"plain", nil},
		{"weaker", http.Header{"X-Frame-Options": {"ALLOWALL"}, "Referrer-Policy": {"unsafe-url"}}},
		{"doubled", http.Header{"X-Frame-Options": {"ALLOWALL", "DENY"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			res := behind(t, headers.Config{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				w.Header().Del("Link")
				for name, values := range test.final {
					w.Header()[textproto.CanonicalMIMEHeaderKey(name)] = values
				}
				io.WriteString(w, "page")
			})
			for name, want := range api() {
				if got := res.Header[name]; !slices.Equal(got, want) {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// How the answer is written does not matter.
func TestCaseHc1HoweverItIsWritten(t *testing.T) {
	add := func(w http.ResponseWriter) {
		for name := range api() {
			if name != "Cache-Control" {
				w.Header().Add(name, "theirs")
			}
		}
	}
	for name, handler := range map[string]http.HandlerFunc{
		"nothing_written": func(w http.ResponseWriter, _ *http.Request) { add(w) },
		"status":          func(w http.ResponseWriter, _ *http.Request) { add(w); w.WriteHeader(404) },
		"write":           func(w http.ResponseWriter, _ *http.Request) { add(w); io.WriteString(w, "x") },
		"flush":           func(w http.ResponseWriter, _ *http.Request) { add(w); w.(http.Flusher).Flush() },
		"controller":      func(w http.ResponseWriter, _ *http.Request) { add(w); http.NewResponseController(w).Flush() },
		"error":           func(w http.ResponseWriter, _ *http.Request) { add(w); http.Error(w, "no", 500) },
		"timeout_handler": func(w http.ResponseWriter, r *http.Request) {
			add(w)
			http.TimeoutHandler(http.NotFoundHandler(), time.Minute, "").ServeHTTP(w, r)
		},
		"bad_range": func(w http.ResponseWriter, r *http.Request) {
			add(w)
			r.Header.Set("Range", "bytes=100-")
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		},
		"early_hints": func(w http.ResponseWriter, _ *http.Request) { add(w); w.WriteHeader(103); w.WriteHeader(200) },
		"cleared":     func(w http.ResponseWriter, _ *http.Request) { clear(w.Header()); io.WriteString(w, "x") },
		"deny": func(w http.ResponseWriter, r *http.Request) {
			add(w)
			bulwark.Deny(w, r, &bulwark.Problem{Status: 404, Code: "app.missing"})
		},
		"nested": bulwark.Must(headers.New(headers.Config{})).
			Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { add(w) })).ServeHTTP,
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewTLSServer(bulwark.Must(bulwark.Chain(headers.Config{})).Wrap(handler))
			defer server.Close()
			res, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			for name, want := range api() {
				if got := res.Header[name]; !slices.Equal(got, want) {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

// A handler that replaces a value has said so, and so has a Config that names
// the header.
func TestCaseHc1HandlersValue(t *testing.T) {
	const csp, frame, cache = "Content-Security-Policy", "X-Frame-Options", "Cache-Control"
	own := api()
	for _, test := range []struct {
		name   string
		named  []string
		field  string
		values []string
		set    bool
		want   []string
	}{
		{"set", nil, csp, list("default-src 'self'"), true, list("default-src 'self'")},
		{"set_frame", nil, frame, list("SAMEORIGIN"), true, list("SAMEORIGIN")},
		{"set_twice_where_one_counts", nil, frame, list("SAMEORIGIN", "DENY"), true, own[frame]},
		{"set_a_list", nil, csp, list("default-src 'self'", "img-src 'none'"), true, list("default-src 'self'", "img-src 'none'")},
		{"added", nil, csp, list("default-src 'self'"), false, own[csp]},
		{"added_and_named", list("content-security-policy"), csp, list("default-src 'self'"), false, list("default-src 'self'")},
		{"added_equal_and_named", list(frame), frame, list("DENY"), false, list("DENY")},
		{"added_twice_and_named", list(frame), frame, list("SAMEORIGIN", "SAMEORIGIN"), false, list("SAMEORIGIN")},
		{"added_contradictory_and_named", list(frame), frame, list("SAMEORIGIN", "ALLOWALL"), false, list("DENY")},
		{"not_added_but_named", list(frame), frame, nil, false, list("DENY")},
		{"cache", nil, cache, list("private, max-age=60"), false, list("private, max-age=60")},
		{"cache_equal", nil, cache, list("no-store"), false, list("no-store")},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := get(t, "https://a.example/", func(w http.ResponseWriter, _ *http.Request) {
				if test.set {
					w.Header().Del(test.field)
				}
				for _, value := range test.values {
					w.Header().Add(test.field, value)
				}
			}, headers.Config{FromHandler: test.named})
			if !slices.Equal(got[test.field], test.want) {
				t.Errorf("%s is %q, want %q", test.field, got[test.field], test.want)
			}
		})
	}
	for _, name := range []string{"Referer-Policy", "Set-Cookie", "", "Permissions-Policy", "Connection"} {
		if _, err := headers.New(headers.Config{FromHandler: list("X-Frame-Options", name)}); find(err, "headers.FromHandler[1]") == nil {
			t.Errorf("FromHandler takes %q: %v", name, err)
		}
	}
}

// An upgrade is not an answer that a browser reads, and must go on working.
func TestCaseHc1Hijack(t *testing.T) {
	server := httptest.NewServer(bulwark.Must(bulwark.Chain(headers.Config{})).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 204 No Content\r\nX-Frame-Options: SAMEORIGIN\r\nConnection: close\r\n\r\n")
	})))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 204 || !slices.Equal(res.Header["X-Frame-Options"], list("SAMEORIGIN")) {
		t.Errorf("answer is %d %v", res.StatusCode, res.Header)
	}
}
