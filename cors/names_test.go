package cors_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/cors"
)

// What browsers never send, and never let a page read, is a mistake.
func TestCaseHc9NamesThatNeverWork(t *testing.T) {
	ok := []string{"https://app.example.com"}
	for _, test := range []struct {
		names  []string
		config func(name string) cors.Config
		field  string
		reason string
	}{
		{[]string{"Connection", "connection", "CONNECTION", "Accept-Charset", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method",
			"Access-Control-Request-Private-Network", "Content-Length", "Cookie", "Cookie2", "Date", "DNT", "Expect", "Host", "Keep-Alive", "Origin", "Referer",
			"Set-Cookie", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Via", "Proxy-Authorization", "proxy-x", "Sec-Fetch-Site", "sec-x", "Sec-"},
			func(name string) cors.Config {
				return cors.Config{Origins: ok, Headers: []string{"Content-Type", name}}
			}, "cors.Headers[1]", "forbidden request-header"},
		{[]string{"X-*", "*-Id", "**"},
			func(name string) cors.Config {
				return cors.Config{Origins: ok, Headers: []string{"Content-Type", name}}
			}, "cors.Headers[1]", "has a *"},
		{[]string{"Set-Cookie", "set-cookie", "Set-Cookie2", "SET-COOKIE2"},
			func(name string) cors.Config { return cors.Config{Origins: ok, Expose: []string{"Etag", name}} }, "cors.Expose[1]", "forbidden response-header"},
		{[]string{"X-*", "**"},
			func(name string) cors.Config { return cors.Config{Origins: ok, Expose: []string{"Etag", name}} }, "cors.Expose[1]", "has a *"},
		{[]string{"CONNECT", "TRACE", "TRACK"},
			func(name string) cors.Config { return cors.Config{Origins: ok, Methods: []string{"GET", name}} }, "cors.Methods[1]", "forbidden method"},
		{[]string{"*", "P*"},
			func(name string) cors.Config { return cors.Config{Origins: ok, Methods: []string{"GET", name}} }, "cors.Methods[1]", "write each method"},
		{[]string{"ftp://a.example", "mailto://a", "tel://1", "sms://a", "chrome://a", "resource://a", "content://a", "view-source://a", "vbscript://a", "urn://a",
			"data://a", "blob://a", "about://blank", "ws://a.example"},
			func(name string) cors.Config { return cors.Config{Origins: append(ok[:1:1], name)} }, "cors.Origins[1]", "scheme"},
		{[]string{"https://xn--a.example", "https://*.xn--0.example"},
			func(name string) cors.Config { return cors.Config{Origins: append(ok[:1:1], name)} }, "cors.Origins[1]", "xn--"},
	} {
		for _, name := range test.names {
			m, err := cors.New(test.config(name))
			fault := (*bulwark.ConfigError)(nil)
			if m != nil || !errors.As(err, &fault) || fault.Field != test.field || fault.Value != name || !strings.Contains(fault.Reason, test.reason) {
				t.Errorf("%q gives %v, %v; want an error at %s about %q", name, m, err, test.field, test.reason)
			}
		}
	}
	// What sounds like one of them is another.
	if _, err := cors.New(cors.Config{Origins: ok, Headers: []string{"Security", "Proxying", "X-Sec-Id", "X-Cookie", "Date-Of-Birth", "User-Agent", "Authorization", "If-Match", "Dpop"},
		Expose: []string{"Date", "X-Set-Cookie", "Location", "Connection"}, Methods: []string{"TRACER", "PURGE"}}); err != nil {
		t.Errorf("refused: %v", err)
	}
}
