package transport_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

func TestRedirectHandler(t *testing.T) {
	handler, err := transport.RedirectHandler("api.example.com", "LOCALHOST:8443", "[::1]:8443", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, method, host, target string
		location                   string // empty: refused
	}{
		{"plain", "GET", "api.example.com", "/a?b=c", "https://api.example.com/a?b=c"},
		{"post", "POST", "api.example.com", "/a", "https://api.example.com/a"},
		{"port_of_plain_http", "GET", "api.example.com:8080", "/", "https://api.example.com/"},
		{"upper_case", "GET", "API.Example.COM", "/", "https://api.example.com/"},
		{"other_port", "GET", "localhost:8080", "/x", "https://localhost:8443/x"},
		{"ipv6", "GET", "[::1]:80", "/x", "https://[::1]:8443/x"},
		{"ipv4", "GET", "192.0.2.1", "/x", "https://192.0.2.1/x"},
		{"double_slash", "GET", "api.example.com", "//evil.example/x", "https://api.example.com//evil.example/x"},
		{"encoded", "GET", "api.example.com", "/a%2Fb%0d%0aSet-Cookie:x?q=%0a", "https://api.example.com/a%2Fb%0d%0aSet-Cookie:x?q=%0a"},
		{"absolute_target", "GET", "api.example.com", "http://user@evil.example/x", "https://api.example.com/x"},
		{"asterisk", "OPTIONS", "api.example.com", "*", "https://api.example.com/"},
		{"other_host", "GET", "evil.example", "/", ""},
		{"suffix", "GET", "api.example.com.evil.example", "/", ""},
		{"user", "GET", "api.example.com@evil.example", "/", ""},
		{"empty", "GET", "", "/", ""},
		{"trailing_dot", "GET", "api.example.com.", "/", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			r := httptest.NewRequest(test.method, "/", nil)
			var err error
			if r.URL, err = url.ParseRequestURI(test.target); err != nil {
				t.Fatal(err)
			}
			r.Host = test.host
			w := httptest.NewRecorder()
			rec.Wrap(handler).ServeHTTP(w, r)
			events := rec.Take()
			if test.location == "" {
				if w.Code != http.StatusMisdirectedRequest || w.Header().Get("Location") != "" ||
					!strings.Contains(w.Body.String(), `"code":"transport.misdirected"`) || strings.Contains(w.Body.String(), "evil") {
					t.Errorf("answer is %d %v %s, want 421", w.Code, w.Header(), w.Body)
				}
				if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != "transport.misdirected" {
					t.Errorf("events are %+v", events)
				}
				return
			}
			if w.Code != http.StatusPermanentRedirect || w.Header().Get("Location") != test.location {
				t.Errorf("answer is %d to %q, want 308 to %q", w.Code, w.Header().Get("Location"), test.location)
			}
			if len(events) != 0 {
				t.Errorf("events are %+v", events)
			}
		})
	}
}

// advice is in each reason: it says what to write, and not only what is wrong.
var advice = regexp.MustCompile(`; (write|remove|leave|for an API)|\bneeds\b|\bmust be\b`)

func TestRedirectHandlerFaults(t *testing.T) {
	for _, test := range []struct {
		name  string
		hosts []string
		field string
	}{
		{"none", nil, "transport.RedirectHandler"},
		{"empty", []string{""}, "transport.RedirectHandler[0]"},
		{"scheme", []string{"https://a"}, "transport.RedirectHandler[0]"},
		{"scheme_and_port", []string{"https://a:8443"}, "transport.RedirectHandler[0]"},
		{"path", []string{"a/b"}, "transport.RedirectHandler[0]"},
		{"wildcard", []string{"*.example.com"}, "transport.RedirectHandler[0]"},
		{"user", []string{"a@b"}, "transport.RedirectHandler[0]"},
		{"space", []string{" a"}, "transport.RedirectHandler[0]"},
		{"unicode", []string{"bücher.example"}, "transport.RedirectHandler[0]"},
		{"trailing_dot", []string{"a."}, "transport.RedirectHandler[0]"},
		{"two_dots", []string{"a..b"}, "transport.RedirectHandler[0]"},
		{"no_port", []string{"a:"}, "transport.RedirectHandler[0]"},
		{"port_zero", []string{"a:0"}, "transport.RedirectHandler[0]"},
		{"port_sign", []string{"a:+1"}, "transport.RedirectHandler[0]"},
		{"port_large", []string{"a:65536"}, "transport.RedirectHandler[0]"},
		{"ipv6_open", []string{"[::1"}, "transport.RedirectHandler[0]"},
		{"ipv6_zone", []string{"[fe80::1%25eth0]"}, "transport.RedirectHandler[0]"},
		{"ipv4_in_brackets", []string{"[192.0.2.1]"}, "transport.RedirectHandler[0]"},
		{"twice", []string{"a", "A:8443"}, "transport.RedirectHandler[1]"},
		{"long", []string{strings.Repeat("a", 254)}, "transport.RedirectHandler[0]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, err := transport.RedirectHandler(test.hosts...)
			fault := (*bulwark.ConfigError)(nil)
			if handler != nil || !errors.As(err, &fault) || fault.Field != test.field || !advice.MatchString(fault.Reason) {
				t.Errorf("got %v, %v; want an error at %s with advice", handler, err, test.field)
			}
			if strings.HasPrefix(test.name, "scheme") && fault != nil && fault.Reason != "has a scheme; write the host alone, such as app.example.com" {
				t.Errorf("the reason is %q", fault.Reason)
			}
		})
	}
}
