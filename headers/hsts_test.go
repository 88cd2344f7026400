package headers_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

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
