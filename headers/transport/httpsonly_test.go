package transport_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// arrivals are the ways in which a request can come, and whether it came over
// TLS.
var arrivals = []struct {
	name   string
	come   func(r *http.Request)
	secure bool
}{
	{"plain", func(*http.Request) {}, false},
	{"tls", func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, true},
	{"proxy_says_https", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https") }, true},
	{"proxy_says_http", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") }, false},
	{"stranger_says_https", func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "https"); r.RemoteAddr = "203.0.113.9:1" }, false},
}

// behind puts layers inside an Edge that trusts a proxy.
func behind(t *testing.T, rec *bulwarktest.Recorder, layers ...bulwark.Builder) *bulwark.Stack {
	t.Helper()
	edge := bulwark.Edge{Hosts: []string{"x.example.com", "y.example.com"}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, ForwardedHeader: "X-Forwarded-For"}
	stack, err := bulwark.Chain(append([]bulwark.Builder{rec, edge}, layers...)...)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func arrive(come func(*http.Request), method, url string) *http.Request {
	r := httptest.NewRequest(method, url, nil)
	r.TLS = nil
	r.RemoteAddr = "192.0.2.1:1234"
	come(r)
	return r
}

// What came over TLS is passed on, and is never sent to where it came from.
func TestCaseTransport2HTTPSOnly(t *testing.T) {
	for _, test := range []struct {
		name     string
		layer    transport.HTTPSOnly
		method   string
		url      string
		status   int // of a plain request
		location string
		code     string
		wanted   string // in the event: the field that would change it
	}{
		{"page", transport.HTTPSOnly{Hosts: []string{"x.example.com"}}, "GET", "http://x.example.com/a?b=c", 308, "https://x.example.com/a?b=c", "", ""},
		{"form", transport.HTTPSOnly{Hosts: []string{"x.example.com:8443"}}, "POST", "http://x.example.com/a", 308, "https://x.example.com:8443/a", "", ""},
		{"other_host", transport.HTTPSOnly{Hosts: []string{"x.example.com"}}, "GET", "http://y.example.com/a", 421, "", "transport.misdirected", "transport.HTTPSOnly.Hosts (x.example.com)"},
		{"api", transport.HTTPSOnly{API: true}, "GET", "http://x.example.com/a?b=c", 403, "", "transport.https_required", "transport.HTTPSOnly.API"},
		{"api_proto", transport.HTTPSOnly{API: true}, "GET", "http://x.example.com/a", 403, "", "transport.https_required", "must set X-Forwarded-Proto, or proto in Forwarded, to https"},
		{"api_write", transport.HTTPSOnly{API: true}, "DELETE", "http://y.example.com/a", 403, "", "transport.https_required", "bulwark.Edge.TrustedProxies"},
	} {
		for _, arrival := range arrivals {
			t.Run(test.name+"_"+arrival.name, func(t *testing.T) {
				var rec bulwarktest.Recorder
				ran := false
				h := behind(t, &rec, test.layer).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true }))
				w := httptest.NewRecorder()
				h.ServeHTTP(w, arrive(arrival.come, test.method, test.url))
				events := rec.Take()
				if ran != arrival.secure {
					t.Fatalf("next ran: %t", ran)
				}
				if arrival.secure {
					if w.Code != 200 || len(events) != 0 {
						t.Errorf("answer is %d, events %+v", w.Code, events)
					}
					return
				}
				if w.Code != test.status || w.Header().Get("Location") != test.location {
					t.Errorf("answer is %d to %q", w.Code, w.Header().Get("Location"))
				}
				if test.code == "" {
					if len(events) != 0 {
						t.Errorf("events are %+v", events)
					}
					return
				}
				if !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || w.Header().Get("Cache-Control") != "no-store" {
					t.Errorf("answer is %v %s", w.Header(), w.Body)
				}
				if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != test.code || events[0].Status != test.status {
					t.Errorf("events are %+v", events)
				} else if wanted := events[0].Attrs[0]; wanted.Key != "error" || !strings.Contains(wanted.Value.String(), test.wanted) {
					t.Errorf("the event has %v, want an error that names %s", wanted, test.wanted)
				}
			})
		}
	}
}

// There is nothing to pass a request on to, and a redirect would be a loop.
func TestCaseTransport2RedirectHandler(t *testing.T) {
	handler, err := transport.RedirectHandler("x.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, arrival := range arrivals {
		t.Run(arrival.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			behind(t, &rec).Wrap(handler).ServeHTTP(w, arrive(arrival.come, "GET", "http://x.example.com/a"))
			events := rec.Take()
			if !arrival.secure {
				if w.Code != 308 || w.Header().Get("Location") != "https://x.example.com/a" || len(events) != 0 {
					t.Errorf("answer is %d to %q, events %+v", w.Code, w.Header().Get("Location"), events)
				}
				return
			}
			if w.Code != 421 || w.Header().Get("Location") != "" || !strings.Contains(w.Body.String(), `"code":"transport.misdirected"`) {
				t.Errorf("answer is %d %v %s", w.Code, w.Header(), w.Body)
			}
			if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != "transport.misdirected" {
				t.Errorf("events are %+v", events)
			} else if wanted := events[0].Attrs[0]; wanted.Key != "error" || !strings.Contains(wanted.Value.String(), "put transport.HTTPSOnly into the chain") {
				t.Errorf("the event has %v", wanted)
			}
		})
	}
}

func TestHTTPSOnlyFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		layer  transport.HTTPSOnly
		fields []string
	}{
		{"no_hosts", transport.HTTPSOnly{}, []string{"transport.HTTPSOnly.Hosts"}},
		{"hosts_of_an_api", transport.HTTPSOnly{API: true, Hosts: []string{"a"}}, []string{"transport.HTTPSOnly.Hosts"}},
		{"bad_hosts", transport.HTTPSOnly{Hosts: []string{"a", "https://b", "A", "*.c"}}, []string{"transport.HTTPSOnly.Hosts[1]", "transport.HTTPSOnly.Hosts[2]", "transport.HTTPSOnly.Hosts[3]"}},
	} {
		layer, err := test.layer.Build()
		if fault := (*bulwark.ConfigError)(nil); layer != nil || !errors.As(err, &fault) || !slices.Equal(faulttest.Fields(err), test.fields) || !advice.MatchString(fault.Reason) {
			t.Errorf("%s: %v, %v", test.name, layer, err)
		}
	}
	layer := bulwark.Must(transport.HTTPSOnly{API: true}.Build())
	if kind := layer.(bulwark.Kinded).Kind(); kind != "transport.https" {
		t.Errorf("Kind is %q", kind)
	}
	if _, err := bulwark.Chain(layer); err != nil {
		t.Error(err)
	}
}
