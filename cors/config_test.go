package cors_test

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

func TestOrigins(t *testing.T) {
	for list, want := range map[string][]string{
		"":                        nil,
		" , ":                     nil,
		"https://app.example.com": {"https://app.example.com"},
		" https://a.example ,, https://b.example:8443\n,": {"https://a.example", "https://b.example:8443"},
	} {
		if got := cors.Origins(list); !slices.Equal(got, want) {
			t.Errorf("%q is %q, want %q", list, got, want)
		}
	}
	if _, err := cors.New(cors.Config{Origins: cors.Origins(" , ")}); err == nil {
		t.Error("a list of which nothing is left was accepted")
	}
}

var goodOrigins = []string{
	"https://app.example.com", "https://app.example.com:8443", "http://app.example.com", "http://localhost", "http://localhost:3000",
	"https://*.example.com", "https://*.example.co.uk:8443", "https://xn--bcher-kva.example", "https://a_b.example.com",
	"http://127.0.0.1:8080", "https://192.0.2.1", "https://[::1]", "https://[2001:db8::1]:8443", "capacitor://localhost",
	"tauri://localhost", "ionic://localhost", "app://obsidian.md", "app-https://localhost", "steps://localhost", "taps://localhost",
	"chrome-extension://abcdefghijklmnopabcdefghijklmnop", "moz-extension://0a1b2c3d-0000-4000-8000-000000000000",
	"https://xn--fiqs8s", "https://www.xn--strae-oqa.example", "https://example", "https://1a.example", "https://a.b-c", "https://*.corp.internal", "*",
}

// advice is in each reason: it says what to write, and not only what is wrong.
var advice = regexp.MustCompile(`(; |, or )(write|use|remove|leave)\b|\bmust (not|be)\b`)

// badOrigins maps what New must refuse to a word of the reason.
var badOrigins = []struct{ origin, reason string }{
	{"null", "sandboxed"},
	{"", "scheme://host"},
	{"app.example.com", "scheme://host"},
	{"https:app.example.com", "scheme://host"},
	{"://app.example.com", "no scheme"},
	{"HTTPS://app.example.com", "lower case"},
	{"1s://a", "valid scheme"},
	{"file://", "scheme"},
	{"file:///etc", "scheme"},
	{"javascript://a", "scheme"},
	{"wss://app.example.com", "scheme"},
	{"ftp://app.example.com", "scheme"},
	{"mailto://app.example.com", "scheme"},
	{"view-source://app.example.com", "scheme"},
	{"chrome://settings", "scheme"},
	{"content://com.example.provider", "scheme"},
	{"https://xn--a.example", "xn--"},
	{"https://xn--0.example", "xn--"},
	{"https://xn--.example", "xn--"},
	{"https://www.xn--bcher-kva-.example", "xn--"},
	{"https://*.xn--a.example", "xn--"},
	{"https://xn--example.com", "xn--"},
	{"https://", "no host"},
	{"https://app.example.com/", "slash"},
	{"https://app.example.com/path", "path"},
	{"https://app.example.com?q", "query"},
	{"https://app.example.com#f", "fragment"},
	{`https://app.example.com\x`, "path"},
	{"https://user@app.example.com", "user"},
	{"https://user:pass@app.example.com", "user"},
	{"user:pass@app.example.com", "scheme://host"},
	{"https://App.example.com", "upper case"},
	{"https://bücher.example", "xn--"},
	{"https://app.example.com ", "white space"},
	{"https://app.example.com\r\nX: y", "white space"},
	{"https://app.example.com\x00", "control"},
	{"https://app.example.com:443", "default port"},
	{"http://app.example.com:80", "default port"},
	{"https://app.example.com:", "port"},
	{"https://app.example.com:0", "port"},
	{"https://app.example.com:08443", "port"},
	{"https://app.example.com:+1", "port"},
	{"https://app.example.com:65536", "port"},
	{"https://app.example.com:*", "port"},
	{"https://app.example.com.", "trailing dot"},
	{"https://.example.com", "empty label"},
	{"https://a..b", "empty label"},
	{"https://" + strings.Repeat("a", 64) + ".example", "63"},
	{"https://" + strings.Repeat("aaaaaaaaa.", 26) + "example", "253"},
	{"https://" + strings.Repeat("a", 1000), "longer"},
	{"https://a,b", "character"},
	{"https://a%2eb", "character"},
	{"https://1.2.3", "IPv4"},
	{"https://192.0.2.256", "IPv4"},
	{"https://192.0.02.1", "IPv4"},
	{"https://a.1", "IPv4"},
	{"https://0x7f", "IPv4"},
	{"https://[::1", "IPv6"},
	{"https://[::1]x", "IPv6"},
	{"https://[0:0::1]", "IPv6"},
	{"https://[fe80::1%eth0]", "IPv6"},
	{"https://[::ffff:192.0.2.1]", "IPv6"},
	{"https://[192.0.2.1]", "IPv6"},
	{"htps://app.example.com", "did you mean https"},
	{"httpss://app.example.com", "did you mean https"},
	{"httsp://app.example.com", "did you mean https"},
	{"htp://app.example.com", "did you mean https"},
	{"htttpss://app.example.com", "did you mean https"},
	{"hhttps://*.example.com", "did you mean https"},
	{"hxtps://app.example.com", "did you mean https"},
	{"https://a.example;https://b.example", "separator of cors.Origins is a comma"},
	{"https://a.example; https://b.example", "separator of cors.Origins is a comma"},
	{"https://a.example https://b.example", "separator of cors.Origins is a comma"},
	{"https://a.example\thttps://b.example", "separator of cors.Origins is a comma"},
	{"https://a.example;", "semicolon"},
	{"h*", "scheme://host"},
	{"https://*", "first label"},
	{"https://*example.com", "first label"},
	{"https://a*.example.com", "first label"},
	{"https://a.*.example.com", "first label"},
	{"https://*.*.example.com", "first label"},
	{"https://example.*", "first label"},
	{"*://example.com", "scheme"},
	{"https://*.com", "public suffix"},
	{"https://*.co.uk", "public suffix"},
	{"https://*.github.io", "public suffix"},
	{"https://*.internal", "public suffix"},
	{"https://*.compute.amazonaws.com", "public suffix"}, // the host is not a suffix itself, but each name under it is
	{"https://*.192.0.2.1", "address"},
	{"https://*.[::1]", "address"},
}

func TestOriginList(t *testing.T) {
	for _, origin := range goodOrigins {
		if _, err := cors.New(cors.Config{Origins: []string{origin}}); err != nil {
			t.Errorf("%q is refused: %v", origin, err)
		}
	}
	for _, test := range badOrigins {
		_, err := cors.New(cors.Config{Origins: []string{"https://good.example", test.origin}})
		fault := (*bulwark.ConfigError)(nil)
		value := strings.NewReplacer("user:pass@", "…@", "user@", "…@").Replace(test.origin) // no secret
		if !errors.As(err, &fault) || fault.Field != "cors.Origins[1]" || fault.Value != value || !strings.Contains(fault.Reason, test.reason) || !advice.MatchString(fault.Reason) {
			t.Errorf("%q: %v, want an error at cors.Origins[1] about %q with advice", test.origin, err, test.reason)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	ok := []string{"https://app.example.com"}
	for _, test := range []struct {
		name   string
		config cors.Config
		field  string
	}{
		{"no_origins", cors.Config{}, "cors.Origins"},
		{"everybody_with_credentials", cors.Config{Origins: []string{"*"}, Credentials: true}, "cors.Origins[0]"},
		{"everybody_and_somebody", cors.Config{Origins: []string{"https://a.example", "*"}}, "cors.Origins[1]"},
		{"plain_http_with_credentials", cors.Config{Origins: []string{"http://app.example.com"}, Credentials: true}, "cors.Origins[0]"},
		{"plain_http_wildcard_with_credentials", cors.Config{Origins: []string{"http://*.example.com"}, Credentials: true}, "cors.Origins[0]"},
		{"method_lower", cors.Config{Origins: ok, Methods: []string{"GET", "patch"}}, "cors.Methods[1]"},
		{"method_star", cors.Config{Origins: ok, Methods: []string{"*"}}, "cors.Methods[0]"},
		{"method_empty", cors.Config{Origins: ok, Methods: []string{""}}, "cors.Methods[0]"},
		{"method_space", cors.Config{Origins: ok, Methods: []string{"GET, POST"}}, "cors.Methods[0]"},
		{"method_connect", cors.Config{Origins: ok, Methods: []string{"CONNECT"}}, "cors.Methods[0]"},
		{"method_trace", cors.Config{Origins: ok, Methods: []string{"TRACE"}}, "cors.Methods[0]"},
		{"method_track", cors.Config{Origins: ok, Methods: []string{"TRACK"}}, "cors.Methods[0]"},
		{"header_star", cors.Config{Origins: ok, Headers: []string{"*"}}, "cors.Headers[0]"},
		{"header_no_token", cors.Config{Origins: ok, Headers: []string{"A", "B C"}}, "cors.Headers[1]"},
		{"header_empty", cors.Config{Origins: ok, Headers: []string{""}}, "cors.Headers[0]"},
		{"expose_star_with_credentials", cors.Config{Origins: ok, Credentials: true, Expose: []string{"*"}}, "cors.Expose[0]"},
		{"expose_star_and_more", cors.Config{Origins: ok, Expose: []string{"A", "*"}}, "cors.Expose[1]"},
		{"expose_no_token", cors.Config{Origins: ok, Expose: []string{"A\r\nB"}}, "cors.Expose[0]"},
		{"max_age_low", cors.Config{Origins: ok, MaxAge: -2 * time.Second}, "cors.MaxAge"},
		{"max_age_high", cors.Config{Origins: ok, MaxAge: 86401 * time.Second}, "cors.MaxAge"},
		{"max_age_fraction", cors.Config{Origins: ok, MaxAge: 1500 * time.Millisecond}, "cors.MaxAge"},
		{"max_age_number_of_seconds", cors.Config{Origins: ok, MaxAge: 86400}, "cors.MaxAge"},
		{"max_age_negative_number", cors.Config{Origins: ok, MaxAge: -1}, "cors.MaxAge"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := cors.New(test.config)
			fault := (*bulwark.ConfigError)(nil)
			if m != nil || !errors.As(err, &fault) || fault.Field != test.field || !advice.MatchString(fault.Reason) {
				t.Errorf("got %v, %v; want an error at %s with advice", m, err, test.field)
			}
		})
	}
	t.Run("all_at_once", func(t *testing.T) {
		_, err := cors.New(cors.Config{Origins: []string{"null", "a"}, Methods: []string{"x"}, Headers: []string{"*"}, MaxAge: 1e6 * time.Second})
		for _, field := range []string{"cors.Origins[0]", "cors.Origins[1]", "cors.Methods[0]", "cors.Headers[0]", "cors.MaxAge"} {
			if err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%v does not name %s", err, field)
			}
		}
	})
}

func TestPlainHTTPOnLoopback(t *testing.T) {
	for _, origin := range []string{"http://localhost", "http://app.localhost:3000", "http://127.0.0.1:3000", "http://127.8.9.1", "http://[::1]:3000"} {
		if _, err := cors.New(cors.Config{Origins: []string{origin}, Credentials: true}); err != nil {
			t.Errorf("%q is refused: %v", origin, err)
		}
	}
	for _, origin := range []string{"http://localhost.example.com", "http://notlocalhost", "http://128.0.0.1", "http://[::2]"} {
		if _, err := cors.New(cors.Config{Origins: []string{origin}, Credentials: true}); err == nil {
			t.Errorf("%q is accepted", origin)
		}
	}
}
