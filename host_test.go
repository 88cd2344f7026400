package bulwark_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// passes asserts that the handler was reached without an event.
func passes(t *testing.T, edge bulwark.Edge, r *http.Request) *bulwark.Scope {
	t.Helper()
	w, seen, events := ask(t, edge, r)
	if seen == nil || w.Code != 200 || len(events) != 0 {
		t.Fatalf("refused: %d %s, events %+v", w.Code, w.Body, events)
	}
	return seen
}

// isRefused asserts that the handler was not reached.
func isRefused(t *testing.T, edge bulwark.Edge, r *http.Request, status int, code string) {
	t.Helper()
	w, seen, events := ask(t, edge, r)
	checkProblem(t, w, status, code)
	checkEvent(t, events, bulwark.InputValidationFail, code, status, events[0].Level.Level())
	if seen != nil {
		t.Error("the handler was reached")
	}
	if strings.Contains(w.Body.String(), "evil") || events[0].Level.Level() != 4 {
		t.Errorf("body %s, level %v", w.Body, events[0].Level)
	}
}

func asked(method, target, host string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = host
	return r
}

func TestNitRootPortsOfHosts(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"api.test", "other.test:8443", "[::1]"}}
	for _, host := range []string{"api.test", "api.test:1", "api.test:65535", "other.test:8443", "[::1]", "[::1]:80"} {
		passes(t, edge, asked("GET", "/", host))
	}
	for _, host := range []string{"api.test:99999", "api.test:", "api.test:0", "api.test:080", "api.test:65536", "api.test:+80", "api.test:8 0",
		"api.test::80", "other.test:", "other.test:08443", "[::1]:", "[::1]:99999", ":80", ":"} {
		isRefused(t, edge, asked("GET", "/", host), 421, "edge.misdirected")
	}
	for _, host := range []string{"api.test:99999", "api.test:0", "api.test:080", "api.test:", ":80"} {
		if _, err := bulwark.NewEdge(bulwark.Edge{Hosts: []string{host}}); err == nil {
			t.Errorf("Hosts takes %q", host)
		}
	}
}

// A browser leaves the default port of the scheme out of the Host (RFC 9110
// section 4.2.3).
func TestDefaultPortOfHosts(t *testing.T) {
	for _, test := range []struct {
		name, entry, host string
		tls, served       bool
	}{
		{"https", "api.test:443", "api.test", true, true},
		{"https_written_out", "api.test:443", "api.test:443", true, true},
		{"https_case", "API.test:443", "Api.TEST", true, true},
		{"https_wildcard", "*.api.test:443", "a.api.test", true, true},
		{"https_address", "[::1]:443", "[::1]", true, true},
		{"http", "api.test:80", "api.test", false, true},
		{"other_port", "api.test:443", "api.test:8443", true, false},
		{"other_scheme", "api.test:443", "api.test", false, false},
		{"other_scheme_too", "api.test:80", "api.test", true, false},
		{"other_port_of_ours", "api.test:8443", "api.test", true, false},
		{"other_host", "api.test:443", "evil.test", true, false},
		{"empty", "api.test:443", "", true, false},
		{"unreadable_port", "api.test:443", "api.test:", true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			edge, r := bulwark.Edge{Hosts: []string{test.entry}}, asked("GET", "/", test.host)
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			if !test.served {
				isRefused(t, edge, r, 421, "edge.misdirected")
				return
			}
			if got, want := passes(t, edge, r).Origin(), strings.ToLower(strings.TrimSuffix(test.host, ":443")); !strings.HasSuffix(got, "://"+want) {
				t.Errorf("the origin is %q", got)
			}
		})
	}
}

func TestWildcardHosts(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"*.example.com", "*.other.example:8443"}}
	for _, host := range []string{"a.example.com", "A.Example.com", "a.example.com:8443", "a-b_1.example.com", "a.other.example:8443"} {
		passes(t, edge, asked("GET", "/", host))
	}
	for _, host := range []string{"example.com", ".example.com", "a.b.example.com", "*.example.com", "aexample.com", "a.example.com.", "a.example.com:99999",
		"a.example.com.evil.example", "evil@a.example.com", "a.other.example", "a.other.example:443", "a/b.example.com", "a b.example.com"} {
		isRefused(t, edge, asked("GET", "/", host), 421, "edge.misdirected")
	}
	for _, host := range []string{"*", "*.", "*.com", "*example.com", "a.*.example.com", "*.*.example.com", "*..example.com", "*.example.com."} {
		var config *bulwark.ConfigError
		if _, err := bulwark.NewEdge(bulwark.Edge{Hosts: []string{host}}); !errors.As(err, &config) || config.Field != "edge.Hosts[0]" {
			t.Errorf("Hosts takes %q: %v", host, err)
		}
	}
}

func TestCaseRoot19HealthChecks(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"api.example.com"}, HealthPaths: []string{"/health", "/a%2Fb"},
		HealthHosts: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	for _, host := range []string{"10.1.2.3:8080", "10.1.2.3", "[fd00::1]", "[fd00::1]:8080", "[::ffff:10.1.2.3]", ""} {
		for _, method := range []string{"GET", "HEAD"} {
			if origin := passes(t, edge, asked(method, "/health", host)).Origin(); origin != "" {
				t.Errorf("%q is the origin %q", host, origin)
			}
		}
	}
	passes(t, edge, asked("GET", "/a%2Fb", "10.1.2.3"))
	passes(t, edge, asked("GET", "/health?full=1", "10.1.2.3"))
	passes(t, edge, asked("DELETE", "/health", "api.example.com"))
	for _, r := range []*http.Request{
		asked("POST", "/health", "10.1.2.3"), asked("OPTIONS", "/health", "10.1.2.3"), asked("DELETE", "/health", ""),
		asked("GET", "/health/", "10.1.2.3"), asked("GET", "/", "10.1.2.3"), asked("GET", "/Health", "10.1.2.3"), asked("GET", "/%68ealth", "10.1.2.3"),
		asked("GET", "/a/b", "10.1.2.3"), asked("GET", "/documents", ""),
		asked("GET", "/health", "192.0.2.1"), asked("GET", "/health", "evil.example"), asked("GET", "/health", "10.1.2.3.evil.example"),
		asked("GET", "/health", "10.1.2.3:99999"), asked("GET", "/health", "10.1.2.3:"), asked("GET", "/health", "fd00::1"), asked("GET", "/health", "[10.1.2.3]"),
		asked("GET", "/health", "[fd00::1%25eth0]"), asked("GET", "/health", "10.1.2"),
	} {
		t.Run(strings.ReplaceAll(r.Method+r.URL.Path+r.Host, "/", "_"), func(t *testing.T) { isRefused(t, edge, r, 421, "edge.misdirected") })
	}
	without := bulwark.Edge{Hosts: []string{"api.example.com"}, HealthPaths: []string{"/health"}}
	passes(t, without, asked("GET", "/health", ""))
	isRefused(t, without, asked("GET", "/health", "10.1.2.3"), 421, "edge.misdirected")
	isRefused(t, bulwark.Edge{Hosts: []string{"api.example.com"}}, asked("GET", "/health", ""), 421, "edge.misdirected")
}

func TestHealthConfig(t *testing.T) {
	ours := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, test := range map[string]struct {
		edge bulwark.Edge
		want string
	}{
		"hosts_alone": {bulwark.Edge{HealthHosts: ours}, "edge.HealthHosts"},
		"no_network":  {bulwark.Edge{HealthPaths: []string{"/h"}, HealthHosts: []netip.Prefix{{}}}, "edge.HealthHosts[0]"},
		"mapped":      {bulwark.Edge{HealthPaths: []string{"/h"}, HealthHosts: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}}, "edge.HealthHosts[0]"},
		"relative":    {bulwark.Edge{HealthPaths: []string{"health"}}, "edge.HealthPaths[0]"},
		"empty":       {bulwark.Edge{HealthPaths: []string{""}}, "edge.HealthPaths[0]"},
		"query":       {bulwark.Edge{HealthPaths: []string{"/health?x"}}, "edge.HealthPaths[0]"},
		"url":         {bulwark.Edge{HealthPaths: []string{"http://a/health"}}, "edge.HealthPaths[0]"},
		"unescaped":   {bulwark.Edge{HealthPaths: []string{"/a b"}}, "edge.HealthPaths[0]"},
	} {
		test.edge.Hosts = []string{"a"}
		var config *bulwark.ConfigError
		if _, err := bulwark.NewEdge(test.edge); !errors.As(err, &config) || config.Field != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The origin of the service is that of this very request, and of no other name
// in Hosts.
func TestOrigin(t *testing.T) {
	edge := bulwark.Edge{Hosts: []string{"api.example.com", "*.example.org"}, BaseURL: "https://www.example.com", TrustedProxies: proxies, ForwardedHeader: "X-Forwarded-For"}
	for _, test := range []struct {
		name, host, proto string
		tls               bool
		want              string
	}{
		{"plain", "api.example.com", "", false, "http://api.example.com"},
		{"tls", "api.example.com", "", true, "https://api.example.com"},
		{"case", "API.example.com", "", true, "https://api.example.com"},
		{"wildcard", "a.example.org", "", true, "https://a.example.org"},
		{"port", "api.example.com:8443", "", true, "https://api.example.com:8443"},
		{"port_of_https", "api.example.com:443", "", true, "https://api.example.com"},
		{"port_of_http", "api.example.com:80", "", false, "http://api.example.com"},
		{"port_of_the_other", "api.example.com:80", "", true, "https://api.example.com:80"},
		{"proxy", "api.example.com", "https", false, "https://api.example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := asked("GET", "/", test.host)
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			if test.proto != "" {
				r.RemoteAddr = "10.0.0.1:1"
				r.Header.Set("X-Forwarded-Proto", test.proto)
			}
			if got := passes(t, edge, r).Origin(); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
	for name, edge := range map[string]bulwark.Edge{"any_host": {InsecureAnyHost: true}, "any_host_and_named": {InsecureAnyHost: true, Hosts: []string{"a"}}} {
		if got := passes(t, edge, asked("GET", "/", "a")).Origin(); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, s := bulwark.Enter(asked("GET", "/", "a")); s.Origin() != "" {
		t.Errorf("without an Edge: %q", s.Origin())
	}
	// A sub-request has come the way of the request around it.
	around := passes(t, edge, asked("GET", "/", "api.example.com"))
	sub := httptest.NewRequestWithContext(around, "GET", "http://a.example.org/", nil)
	if got := passes(t, edge, sub).Origin(); got != "http://api.example.com" {
		t.Errorf("of a sub-request: %q", got)
	}
}

// FuzzHost says that no Host gets through but a name of ours, and that nothing
// else can be the origin.
func FuzzHost(f *testing.F) {
	for _, host := range []string{"api.example.com", "a.example.com:8443", "[::1]:80", "10.1.2.3", "", ":", "a.b.example.com", "*.example.com", "a..example.com:1"} {
		f.Add(host, "/health")
	}
	layer := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"api.example.org", "*.example.com"}, HealthPaths: []string{"/health"}, HealthHosts: proxies}))
	f.Fuzz(func(t *testing.T, host, path string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.URL.Path = host, path
		r, err := layer.Check(r)
		_, s := bulwark.Enter(r)
		if err != nil {
			if s.Origin() != "" {
				t.Errorf("%q is refused, and the origin is %q", host, s.Origin())
			}
			return
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(s.Origin(), "http://"), ":")
		label, wild := strings.CutSuffix(name, ".example.com")
		switch {
		case s.Origin() == "" && path == "/health", name == "api.example.org", wild && label != "" && !strings.ContainsAny(label, "./@*"):
		default:
			t.Errorf("%q got through, with the origin %q", host, s.Origin())
		}
	})
}
