package cors_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

// Without an Edge the layer does not know its own host. DenyRefused then also
// refuses the pages of the service itself, and the log names what is missing.
func TestAnOwnPageWithoutAnEdge(t *testing.T) {
	c := cors.Config{Origins: []string{"https://app.example.com"}, DenyRefused: true}
	for _, test := range []struct {
		origin, host string
		edge         bool // is named
	}{
		{"https://www.example.com", "www.example.com", true},
		{"https://www.example.com:8443", "www.example.com:8443", true},
		{"https://evil.example", "www.example.com", false},
		{"null", "www.example.com", false},
	} {
		x := (&exchange{method: "POST", host: test.host, header: http.Header{"Origin": {test.origin}}}).through(t, c)
		x.refused(t, http.StatusForbidden, "cors.origin")
		text := ""
		for _, attr := range x.events[0].Attrs {
			if attr.Key == "error" {
				text = attr.Value.String()
			}
		}
		if strings.Contains(text, "bulwark.Edge") != test.edge {
			t.Errorf("%s at %s: error %q", test.origin, test.host, text)
		}
	}
}

// The host that Edge has accepted is the service itself, by the scheme that the
// request came by. Another of its names is not.
func TestCaseHc8OwnNames(t *testing.T) {
	named := bulwark.Edge{Hosts: []string{"www.example.com", "example.com", "*.example.org"}, BaseURL: "https://www.example.com"}
	without := bulwark.Edge{Hosts: []string{"example.com"}}
	ported := bulwark.Edge{Hosts: []string{"example.com", "www.example.com", "[2001:db8::1]"}, BaseURL: "https://example.com:8443"}
	address := bulwark.Edge{Hosts: []string{"[2001:db8::1]"}, BaseURL: "https://[2001:db8::1]:8443"}
	defaulted := bulwark.Edge{Hosts: []string{"example.com"}, BaseURL: "https://EXAMPLE.com:443"}
	for _, test := range []struct {
		name, url, origin string
		edge              bulwark.Edge
		own               bool
	}{
		{"other_name", "https://example.com/", "https://example.com", named, true},
		{"base", "https://www.example.com/", "https://www.example.com", named, true},
		{"wildcard", "https://a.example.org/", "https://a.example.org", named, true},
		{"upper_case_host", "https://EXAMPLE.com/", "https://example.com", named, true},
		{"port", "https://example.com:8443/", "https://example.com:8443", named, true},
		{"default_port", "https://example.com:443/", "https://example.com", named, true},
		{"plain", "http://example.com/", "http://example.com", named, true},
		{"without_base", "https://example.com/", "https://example.com", without, true},
		{"tls_ended_outside", "http://www.example.com/", "https://www.example.com", named, true},
		// Proxies that pass on the name alone, as nginx does with $host.
		{"port_left_out_outside", "http://example.com/", "https://example.com:8443", ported, true},
		{"port_left_out_of_an_address", "http://[2001:db8::1]/", "https://[2001:db8::1]:8443", address, true},
		{"default_port_of_the_base", "http://example.com/", "https://example.com", defaulted, true},

		{"base_with_port_at_another_name", "http://www.example.com/", "https://example.com:8443", ported, false},
		{"base_with_port_at_another_port", "http://example.com:9000/", "https://example.com:8443", ported, false},
		{"other_port_than_the_base", "http://example.com/", "https://example.com:9000", ported, false},
		{"base_at_another_name", "https://example.com/", "https://www.example.com", named, false},
		{"name_at_the_base", "https://www.example.com/", "https://example.com", named, false},
		{"name_at_a_wildcard", "https://a.example.org/", "https://b.example.org", named, false},
		{"other_scheme", "https://example.com/", "http://example.com", named, false},
		{"other_scheme_outside", "http://example.com/", "https://example.com", named, false},
		{"other_port", "https://example.com/", "https://example.com:8443", named, false},
		{"upper_case_origin", "https://example.com/", "https://EXAMPLE.com", named, false},
		{"null", "https://example.com/", "null", named, false},
		{"stranger", "https://example.com/", "https://evil.example", named, false},
	} {
		for _, denies := range []bool{true, false} {
			name := test.name
			if denies {
				name += "_denying"
			}
			t.Run(name, func(t *testing.T) {
				var rec bulwarktest.Recorder
				ran := false
				stack := bulwark.Must(bulwark.Chain(test.edge, &rec, cors.Config{Origins: []string{"https://app.example.com"}, DenyRefused: denies}))
				r := httptest.NewRequest("POST", test.url, nil)
				if r.TLS = nil; strings.HasPrefix(test.url, "https:") {
					r.TLS = new(tls.ConnectionState)
				}
				r.Header.Set("Origin", test.origin)
				x := exchange{w: httptest.NewRecorder()}
				stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(x.w, r)
				x.events, x.ran = rec.Take(), ran
				switch {
				case test.own:
					if headers, vary := x.access(); !ran || x.w.Code != 200 || len(x.events) != 0 || headers != "" || vary != "Origin" {
						t.Errorf("status %d, next ran %t, events %+v, headers %q, vary %q", x.w.Code, ran, x.events, headers, vary)
					}
				case denies:
					x.refused(t, http.StatusForbidden, "cors.origin")
				default:
					if !ran {
						t.Error("the next handler did not run")
					}
					x.reported(t, "cors.origin")
				}
			})
		}
	}
}
