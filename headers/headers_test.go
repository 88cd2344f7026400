package headers_test

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

// get sends a request through the layers, outermost first, and returns the
// header of the answer.
func get(t *testing.T, url string, handler http.HandlerFunc, layers ...bulwark.Builder) http.Header {
	t.Helper()
	stack, err := bulwark.Chain(layers...)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	stack.Wrap(handler).ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	return w.Result().Header
}

func nothing(http.ResponseWriter, *http.Request) {}

var httpNothing = http.HandlerFunc(nothing)

// api is the default set over TLS.
func api() http.Header {
	return http.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"Strict-Transport-Security":    {"max-age=31536000; includeSubDomains"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
}

func without(h http.Header, names ...string) http.Header {
	for _, name := range names {
		if _, ok := h[name]; !ok {
			panic("no " + name)
		}
		delete(h, name)
	}
	return h
}

func with(h http.Header, name, value string) http.Header {
	h[name] = []string{value}
	return h
}

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
				policy:                         {"default-src 'self'"},
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
	h := get(t, "https://a.example/", nothing, headers.Config{Preset: headers.HTML, Endpoints: map[string]string{"csp": "/r"},
		ReportOnly: headers.CSP{DefaultSrc: []string{"'self'"}}})
	if len(h) != 12 {
		t.Errorf("%d headers, want all 12: %v", len(h), h)
	}
	for name := range h {
		if http.CanonicalHeaderKey(name) != name {
			t.Errorf("%s is not canonical", name)
		}
	}
}

func TestHSTSOnlyWhereSecure(t *testing.T) {
	edge := bulwark.Edge{InsecureAnyHost: true, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ForwardedHeader: "X-Forwarded-For"}
	for _, test := range []struct {
		name, url, proto, peer string
		config                 headers.Config
		want                   bool
	}{
		{"tls", "https://a.example/", "", "198.51.100.1:1", headers.Config{}, true},
		{"plain", "http://a.example/", "", "198.51.100.1:1", headers.Config{}, false},
		{"trusted_proxy_over_tls", "http://a.example/", "https", "192.0.2.1:1", headers.Config{}, true},
		{"trusted_proxy_over_plain", "http://a.example/", "http", "192.0.2.1:1", headers.Config{}, false},
		{"stranger_says_tls", "http://a.example/", "https", "198.51.100.1:1", headers.Config{}, false},
		{"localhost", "https://localhost:8443/", "", "127.0.0.1:1", headers.Config{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", test.url, nil)
			r.RemoteAddr = test.peer
			if test.proto != "" {
				r.Header.Set("X-Forwarded-Proto", test.proto)
			}
			w := httptest.NewRecorder()
			bulwark.Must(bulwark.Chain(edge, test.config)).Wrap(http.HandlerFunc(nothing)).ServeHTTP(w, r)
			if _, got := w.Header()["Strict-Transport-Security"]; got != test.want {
				t.Errorf("HSTS is sent: %t, want %t", got, test.want)
			}
		})
	}
}

func TestHSTSExceptLoopback(t *testing.T) {
	config := headers.Config{HSTS: headers.HSTS{ExceptLoopback: true}}
	for host, want := range map[string]bool{
		"localhost": false, "localhost:8443": false, "LOCALHOST": false, "localhost.": false, "app.localhost:1": false,
		"127.0.0.1": false, "127.9.9.9:8443": false, "[::1]": false, "[::1]:8443": false, "[::ffff:127.0.0.1]:1": false,
		"a.example": true, "notlocalhost": true, "localhost.example.com": true, "128.0.0.1": true, "[2001:db8::1]:1": true, "": true,
	} {
		stack := bulwark.Must(bulwark.Chain(config))
		r := httptest.NewRequest("GET", "https://a.example/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		stack.Wrap(http.HandlerFunc(nothing)).ServeHTTP(w, r)
		if _, got := w.Header()["Strict-Transport-Security"]; got != want {
			t.Errorf("%q: HSTS is sent: %t, want %t", host, got, want)
		}
	}
}

var nonceIn = regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{24})'`)

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

func TestNonceIsNew(t *testing.T) {
	stack := bulwark.Must(bulwark.Chain(headers.Config{Preset: headers.HTML, ReportOnly: headers.CSP{DefaultSrc: []string{"'nonce'"}, BaseURI: []string{"'none'"}}}))
	seen := map[string]bool{}
	for range 1000 {
		w := httptest.NewRecorder()
		stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, headers.Nonce(r.Context())) })).
			ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		nonce := w.Body.String()
		if len(nonce) != 24 || seen[nonce] {
			t.Fatalf("nonce %q, seen before: %t", nonce, seen[nonce])
		}
		seen[nonce] = true
		for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
			if found := nonceIn.FindStringSubmatch(w.Header().Get(name)); found == nil || found[1] != nonce {
				t.Fatalf("%s is %q, and the nonce %q", name, w.Header().Get(name), nonce)
			}
		}
	}
}

func TestNonceWhereThereIsNone(t *testing.T) {
	if nonce := headers.Nonce(t.Context()); nonce != "" {
		t.Errorf("outside any layer the nonce is %q", nonce)
	}
	get(t, "/", func(_ http.ResponseWriter, r *http.Request) {
		if nonce := headers.Nonce(r.Context()); nonce != "" {
			t.Errorf("without a nonce in the policy it is %q", nonce)
		}
	}, headers.Config{})
}

func TestInsideAnother(t *testing.T) {
	page := headers.Config{Preset: headers.HTML, Endpoints: map[string]string{"csp": "/r"}}
	bare := headers.Config{InsecureOmit: []string{"Cache-Control", "X-Frame-Options"}}
	t.Run("api_inside_html", func(t *testing.T) {
		got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) {
			if nonce := headers.Nonce(r.Context()); nonce != "" {
				t.Errorf("the nonce of the outer layer is left: %q", nonce)
			}
		}, page, headers.Config{})
		if !reflect.DeepEqual(got, api()) {
			t.Errorf("header is\n%v\nwant that of an API", got)
		}
	})
	t.Run("html_inside_api", func(t *testing.T) {
		var nonce string
		got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) { nonce = headers.Nonce(r.Context()) }, headers.Config{}, page)
		if nonce == "" || !strings.Contains(got.Get("Content-Security-Policy"), nonce) || got.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			len(got["Content-Security-Policy"]) != 1 {
			t.Errorf("header is %v with nonce %q", got, nonce)
		}
	})
	t.Run("omitting_inside", func(t *testing.T) {
		got := get(t, "https://a.example/", nothing, page, bare)
		if want := without(api(), "Cache-Control", "X-Frame-Options"); !reflect.DeepEqual(got, want) {
			t.Errorf("header is\n%v\nwant\n%v", got, want)
		}
	})
	t.Run("three_deep", func(t *testing.T) {
		if got := get(t, "https://a.example/", nothing, bare, page, headers.Config{}); !reflect.DeepEqual(got, api()) {
			t.Errorf("header is\n%v\nwant that of an API", got)
		}
	})
	t.Run("others_stay", func(t *testing.T) {
		outer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Permissions-Policy", "camera=()")
				next.ServeHTTP(w, r)
			})
		})
		if got := get(t, "https://a.example/", nothing, outer, headers.Config{}); !reflect.DeepEqual(got, with(api(), "Permissions-Policy", "camera=()")) {
			t.Errorf("header is\n%v", got)
		}
	})
}

// A handler that sends itself a request answers with its own headers.
func TestSubRequest(t *testing.T) {
	inner := bulwark.Must(bulwark.Chain(headers.Config{Preset: headers.HTML})).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, headers.Nonce(r.Context()))
	}))
	var before, after, sub string
	var subHeader http.Header
	got := get(t, "https://a.example/", func(_ http.ResponseWriter, r *http.Request) {
		before = headers.Nonce(r.Context())
		w := httptest.NewRecorder()
		inner.ServeHTTP(w, httptest.NewRequest("GET", "/part", nil).WithContext(r.Context()))
		sub, subHeader = w.Body.String(), w.Header()
		after = headers.Nonce(r.Context())
	}, headers.Config{Preset: headers.HTML})
	if before == "" || before != after || !strings.Contains(got.Get("Content-Security-Policy"), before) {
		t.Errorf("nonce is %q before and %q after, policy %q", before, after, got.Get("Content-Security-Policy"))
	}
	if sub == "" || sub == before || !strings.Contains(subHeader.Get("Content-Security-Policy"), sub) {
		t.Errorf("nonce of the sub-request is %q, policy %q", sub, subHeader.Get("Content-Security-Policy"))
	}
}

// A sub-request, however it ends and whatever runs beside it, has its own nonce
// and leaves that of the outer response alone.
func TestSubRequestsApart(t *testing.T) {
	page := headers.Config{Preset: headers.HTML}
	identify := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, bulwark.Identify(r, &bulwark.Principal{Subject: "somebody"})) // the second for a request opens a scope
		})
	})
	send := func(ctx context.Context, layers []bulwark.Builder, handler http.HandlerFunc) {
		w := httptest.NewRecorder()
		bulwark.Must(bulwark.Chain(layers...)).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			handler(w, r)
			if nonce := headers.Nonce(r.Context()); nonce == "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), nonce) {
				t.Errorf("nonce is %q, policy %q", nonce, w.Header().Get("Content-Security-Policy"))
			}
		})).ServeHTTP(w, httptest.NewRequest("GET", "/part", nil).WithContext(ctx))
	}
	for _, test := range []struct {
		name   string
		layers []bulwark.Builder
	}{
		{"page", []bulwark.Builder{page}},
		{"identity_inside", []bulwark.Builder{page, identify}},
		{"identity_outside", []bulwark.Builder{identify, page}},
		{"identity_between", []bulwark.Builder{headers.Config{}, identify, page}},
	} {
		t.Run(test.name, func(t *testing.T) {
			get(t, "https://a.example/", func(w http.ResponseWriter, r *http.Request) {
				before := headers.Nonce(r.Context())
				func() {
					defer func() { recover() }()
					send(r.Context(), test.layers, func(http.ResponseWriter, *http.Request) { panic("handler") })
				}()
				if after := headers.Nonce(r.Context()); after != before {
					t.Errorf("the nonce is %q after a panic, and was %q", after, before)
				}
				var arrived, left sync.WaitGroup
				arrived.Add(4)
				for range 4 {
					left.Go(func() {
						send(r.Context(), test.layers, func(w http.ResponseWriter, r *http.Request) {
							arrived.Done()
							arrived.Wait()
							send(r.Context(), test.layers, nothing)
						})
					})
				}
				left.Wait()
				if after := headers.Nonce(r.Context()); after != before || !strings.Contains(w.Header().Get("Content-Security-Policy"), before) {
					t.Errorf("the nonce is %q after the sub-requests, and was %q", after, before)
				}
			}, page, identify)
		})
	}
}

func TestCacheControlSurvives(t *testing.T) {
	const none = "-"
	for _, test := range []struct {
		name    string
		config  headers.Config
		handler http.HandlerFunc
		status  int
		want    string
	}{
		{"content", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 200, "no-store"},
		{"bad_range", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=100-")
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 416, "no-store"},
		{"bad_range_of_a_public_file", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			r.Header.Set("Range", "bytes=100-")
			http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("0123456789"))
		}, 416, "no-store"},
		{"own_value", headers.Config{CacheControl: "private"}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Del("Cache-Control")
			http.Error(w, "no", 500)
		}, 500, "private"},
		{"handler_has_the_last_word", headers.Config{}, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
		}, 200, "public, max-age=60"},
		{"deleted_and_nothing_written", headers.Config{}, func(w http.ResponseWriter, r *http.Request) { w.Header().Del("Cache-Control") }, 200, "no-store"},
		{"omitted", headers.Config{InsecureOmit: []string{"Cache-Control"}}, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) }, 500, none},
		{"omitted_inside", headers.Config{}, bulwark.Must(bulwark.Chain(headers.Config{InsecureOmit: []string{"Cache-Control"}})).
			Wrap(http.NotFoundHandler()).ServeHTTP, 404, none},
	} {
		t.Run(test.name, func(t *testing.T) {
			// On a real connection: what the recorder calls a header might not be sent.
			server := httptest.NewServer(bulwark.Must(bulwark.Chain(test.config)).Wrap(test.handler))
			defer server.Close()
			res, err := http.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got := strings.Join(res.Header["Cache-Control"], "|")
			if got == "" {
				got = none
			}
			if res.StatusCode != test.status || got != test.want {
				t.Errorf("status %d with Cache-Control %q, want %d with %q", res.StatusCode, got, test.status, test.want)
			}
		})
	}
}

// One handler must not be able to change the headers of another's response.
func TestSlicesAreOnesOwn(t *testing.T) {
	for _, preset := range []headers.Preset{headers.API, headers.HTML} {
		t.Run(preset.String(), func(t *testing.T) {
			stack := bulwark.Must(bulwark.Chain(headers.Config{Preset: preset}))
			poison := func(w http.ResponseWriter, r *http.Request) {
				for name, values := range w.Header() {
					values[0] = "poison"
					w.Header()[name] = append(values, "more")
				}
			}
			var clean http.Header
			stack.Wrap(http.HandlerFunc(poison)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://a.example/", nil))
			stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { clean = w.Header().Clone() })).
				ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "https://a.example/", nil))
			for name, values := range clean {
				if len(values) != 1 || strings.Contains(values[0], "poison") {
					t.Errorf("%s is %q", name, values)
				}
			}
		})
	}
	t.Run("appending_leaves_the_neighbour", func(t *testing.T) {
		got := get(t, "https://a.example/", func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Cache-Control", "x") }, headers.Config{})
		if !reflect.DeepEqual(got, func() http.Header { h := api(); h["Cache-Control"] = append(h["Cache-Control"], "x"); return h }()) {
			t.Errorf("header is %v", got)
		}
	})
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
	if got.Get("Content-Security-Policy") != "default-src 'self'; report-uri /r; report-to csp" || got.Get("Reporting-Endpoints") != `csp="/r"` {
		t.Errorf("header is %v", got)
	}
}

func TestClearSiteData(t *testing.T) {
	for _, test := range []struct {
		kinds []string
		want  string
	}{
		{nil, `"cache", "cookies", "storage"`},
		{[]string{"cookies"}, `"cookies"`},
		{[]string{"cookies", "executionContexts"}, `"cookies", "executionContexts"`},
		{[]string{"clientHints", "prefetchCache", "prerenderCache"}, `"clientHints", "prefetchCache", "prerenderCache"`},
		{[]string{"cookies", "cokies"}, `"*"`},
		{[]string{`x", "y`}, `"*"`},
	} {
		w := httptest.NewRecorder()
		headers.ClearSiteData(w, test.kinds...)
		if got := w.Header()["Clear-Site-Data"]; len(got) != 1 || got[0] != test.want {
			t.Errorf("%q is %q, want %q", test.kinds, got, test.want)
		}
	}
}
