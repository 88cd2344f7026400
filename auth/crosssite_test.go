package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestCrossSite(t *testing.T) {
	const websocket = "Upgrade: websocket"
	guard, err := auth.NewCrossSite([]string{"https://app.example.com", "http://localhost:3000"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, method string
		headers      []string
		base         string
		good         bool
	}{
		{"no-browser", "POST", nil, "", true},
		{"same-origin", "POST", []string{"Sec-Fetch-Site: same-origin"}, "", true},
		{"typed-in", "POST", []string{"Sec-Fetch-Site: none"}, "", true},
		{"same-site", "POST", []string{"Sec-Fetch-Site: same-site", "Origin: https://other.example.com"}, "", false},
		{"cross-site", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, "", false},
		{"cross-site-put", "PUT", []string{"Sec-Fetch-Site: cross-site"}, "", false},
		{"cross-site-delete", "DELETE", []string{"Sec-Fetch-Site: cross-site"}, "", false},
		{"unknown-method", "FROB", []string{"Sec-Fetch-Site: cross-site"}, "", false},
		{"unknown-site", "POST", []string{"Sec-Fetch-Site: elsewhere"}, "", false},
		{"navigation", "GET", []string{"Sec-Fetch-Site: cross-site"}, "", true},
		{"trusted", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example.com"}, "", true},
		{"trusted-by-prefix", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://app.example.com.evil.example"}, "", false},
		{"trusted-other-scheme", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: http://app.example.com"}, "", false},
		{"old-browser", "POST", []string{"Origin: https://evil.example"}, "", false},
		{"old-browser-null", "POST", []string{"Origin: null"}, "", false},
		{"old-browser-same", "POST", []string{"Origin: https://api.example.com"}, "", true},
		{"websocket-same", "GET", []string{websocket, "Origin: https://api.example.com"}, "https://api.example.com", true},
		{"websocket-default-port", "GET", []string{websocket, "Origin: https://api.example.com"}, "https://api.example.com:443", true},
		{"websocket-default-port-http", "GET", []string{websocket, "Origin: http://api.example.com"}, "http://api.example.com:80", true},
		{"websocket-other-port", "GET", []string{websocket, "Origin: https://api.example.com:8443"}, "https://api.example.com", false},
		{"websocket-other-scheme", "GET", []string{websocket, "Origin: http://api.example.com"}, "https://api.example.com", false},
		{"websocket-trusted", "GET", []string{websocket, "Origin: http://localhost:3000"}, "https://api.example.com", true},
		{"websocket-evil", "GET", []string{websocket, "Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, "https://api.example.com", false},
		{"websocket-lying-about-site", "GET", []string{websocket, "Origin: https://evil.example", "Sec-Fetch-Site: same-origin"}, "https://api.example.com", false},
		{"websocket-null", "GET", []string{websocket, "Origin: null"}, "https://api.example.com", false},
		{"websocket-no-origin", "GET", []string{websocket}, "https://api.example.com", false},
		{"websocket-two-origins", "GET", []string{websocket, "Origin: https://api.example.com", "Origin: https://evil.example"}, "https://api.example.com", false},
		{"websocket-of-a-proxy-unknown", "GET", []string{websocket, "Origin: https://api.example.com"}, "", false},
		{"websocket-among-protocols", "GET", []string{"Upgrade: h2c, WebSocket", "Origin: https://evil.example"}, "https://api.example.com", false},
		{"extended-connect", "CONNECT", []string{"Origin: https://evil.example"}, "https://api.example.com", false},
		{"extended-connect-same", "CONNECT", []string{"Origin: https://api.example.com"}, "https://api.example.com", true},
		{"other-upgrade", "GET", []string{"Upgrade: h2c", "Origin: https://evil.example"}, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(test.headers...)
			r.Method, r.Host = test.method, "api.example.com"
			err := behindEdge(t, test.base, r, guard.Check)
			if test.good {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var p *bulwark.Problem
			if !errors.As(err, &p) || p.Status != 403 || p.Code != "auth.cross_site" || p.Log.Event != bulwark.MaliciousCSRF {
				t.Errorf("%v", err)
			}
		})
	}
}

// behindEdge calls check for a request that has come through an edge with the
// base.
func behindEdge(t *testing.T, base string, r *http.Request, check func(*http.Request) error) (err error) {
	t.Helper()
	edge, buildErr := bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: base}.Build()
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	ran := false
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ran, err = true, check(r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	if !ran {
		t.Fatal("the edge has refused the request")
	}
	return err
}

// Each host that Edge accepts is the service's own for requests to that host,
// and a page of one of them is not of its own at another.
func TestCaseHc8OwnNamesOfCrossSite(t *testing.T) {
	guard := bulwark.Must(auth.NewCrossSite([]string{"https://app.example.net"}))
	const www, bare, base = "https://www.example.com", "https://example.com", "https://www.example.com"
	for _, test := range []struct {
		name, base, target, host, origin string
		hosts                            []string
		good                             bool
	}{
		{"base", base, www, "", www, nil, true},
		{"another-name", base, bare, "", bare, nil, true},
		{"name-and-port", base, "https://example.com:8443", "", "https://example.com:8443", nil, true},
		{"default-port-in-the-host", base, bare, "example.com:443", bare, nil, true},
		{"upper-case-host", base, bare, "EXAMPLE.com", bare, nil, true},
		{"wildcard", base, "https://a.tenants.example.com", "", "https://a.tenants.example.com", nil, true},
		{"no-base", "", bare, "", bare, nil, true},
		{"no-base-in-the-clear", "", "http://example.com", "", "http://example.com", nil, true},
		{"tls-ended-before-edge", base, "http://example.com", "", bare, nil, true},
		{"tls-ended-before-edge-with-port", base, "http://example.com", "example.com:443", bare, nil, true},
		{"address", base, "https://[::1]:8443", "", "https://[::1]:8443", nil, true},
		{"trusted", base, bare, "", "https://app.example.net", nil, true},
		{"any-host-and-base", base, "https://10.0.0.7", "", www, []string{}, true},

		{"page-of-the-base-elsewhere", base, bare, "", www, nil, false},
		{"page-of-another-name", base, www, "", bare, nil, false},
		{"page-of-another-tenant", base, "https://a.tenants.example.com", "", "https://b.tenants.example.com", nil, false},
		{"page-of-another-port", base, "https://example.com:8443", "", bare, nil, false},
		{"page-in-the-clear", base, bare, "", "http://example.com", nil, false},
		{"page-in-the-clear-of-a-proxy-unknown", base, "http://example.com", "", "http://example.com", nil, false},
		{"no-base-elsewhere", "", bare, "", www, nil, false},
		{"evil", base, bare, "", "https://example.com.evil.example", nil, false},
		{"opaque", base, bare, "", "null", nil, false},
		{"upper-case-origin", base, bare, "", "https://EXAMPLE.com", nil, false},
		{"any-host-is-no-proof", "", bare, "", bare, []string{}, false},
	} {
		edge := bulwark.Edge{BaseURL: test.base, Hosts: []string{"www.example.com", "example.com", "*.tenants.example.com", "[::1]"}}
		if test.hosts != nil {
			edge.Hosts, edge.InsecureAnyHost = test.hosts, true
		}
		chain := bulwark.Must(bulwark.Chain(edge, guard))
		send := func(method string, lines ...string) exchange {
			r := httptest.NewRequest(method, test.target+"/x", nil)
			for _, line := range append(lines, "Origin: "+test.origin) {
				name, value, _ := strings.Cut(line, ": ")
				r.Header.Set(name, value)
			}
			r.URL.Scheme, r.URL.Host = "", "" // the request line is a path
			if test.host != "" {
				r.Host = test.host
			}
			return through(chain, r)
		}
		check := func(t *testing.T, x exchange, good bool) {
			t.Helper()
			if !good {
				x.refused(t, http.StatusForbidden, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
				return
			}
			if !x.ran || x.Code != http.StatusNoContent || len(x.events) != 0 {
				t.Errorf("%d, ran %t, events %+v", x.Code, x.ran, x.events)
			}
		}
		t.Run("websocket/"+test.name, func(t *testing.T) { check(t, send("GET", "Upgrade: websocket"), test.good) })
		t.Run("browser/"+test.name, func(t *testing.T) { // which knows whose page it is, whatever the Host
			check(t, send("POST", "Sec-Fetch-Site: same-site"), test.name == "trusted")
			check(t, send("POST", "Sec-Fetch-Site: same-origin"), true)
		})
		if test.good {
			t.Run("old-browser/"+test.name, func(t *testing.T) { check(t, send("POST"), true) })
		}
	}
}

func TestCrossSiteConfigErrors(t *testing.T) {
	for _, origin := range []string{"", "*", "null", "app.example.com", "https://", "https://app.example.com/", "https://app.example.com/x", "https://app.example.com?x",
		"https://app.example.com?", "https://app.example.com#", "https://user@app.example.com", "https://*.example.com", "https://App.example.com",
		"https://app.example.com:443", "http://app.example.com:80", "ftp://app.example.com", "https://%zz"} {
		guard, err := auth.NewCrossSite([]string{"https://good.example", origin})
		if got := faulttest.Sorted(err); guard != nil || !slices.Equal(got, []string{"auth(crosssite).TrustedOrigins[1]"}) {
			t.Errorf("%q: errors for %q", origin, got)
		}
	}
}

// Alone, as a layer.
func TestCrossSiteWrap(t *testing.T) {
	guard := bulwark.Must(auth.NewCrossSite([]string{"https://app.example.com"}))
	chain := bulwark.Must(bulwark.Chain(bulwark.Edge{Hosts: []string{"api.example.com"}}, guard))
	send := func(origin string) exchange {
		r := request("Sec-Fetch-Site: cross-site", "Origin: "+origin)
		r.Method, r.Host = http.MethodPost, "api.example.com"
		return through(chain, r)
	}
	if x := send("https://app.example.com"); !x.ran || x.Code != http.StatusNoContent || x.settled || len(x.events) != 0 {
		t.Errorf("a trusted page: %d, ran %t, events %+v", x.Code, x.ran, x.events)
	}
	x := send("https://evil.example")
	x.refused(t, http.StatusForbidden, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
	if got := x.Body.String(); !strings.Contains(got, `"detail":"The request was sent from another site."`) || x.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %v", got, x.Header())
	}
	if layer, err := guard.Build(); layer != bulwark.Layer(guard) || err != nil {
		t.Errorf("Build returns %v, %v", layer, err)
	}
	for name, guard := range map[string]*auth.CrossSite{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			x := through(guard, request())
			x.refused(t, http.StatusInternalServerError, "auth.unconfigured", nil, bulwark.SysUnavailable, "auth.unconfigured")
			if cause := x.events[0].Attrs[0].Value.String(); !strings.Contains(cause, "NewCrossSite") {
				t.Errorf("the log does not say what is missing: %q", cause)
			}
		})
	}
}
