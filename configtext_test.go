package bulwark_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// aroundNothing is a Builder around a nil one.
type aroundNothing struct{ bulwark.Builder }

// twoKinds has two parts with a Kind.
type twoKinds struct {
	bare
	OneKind
	OtherKind
}

type OneKind struct{}

func (OneKind) Kind() bulwark.Kind { return bulwark.KindHeaders }

type OtherKind struct{}

func (OtherKind) Kind() bulwark.Kind { return bulwark.KindCORS }

var _ = []bulwark.Kinded{OneKind{}, OtherKind{}}

func (l *twoKinds) Build() (bulwark.Layer, error) { return l, nil }

// Somebody who sees nothing but the error of a Config knows what to write.
func TestConfigErrorsSayWhatToWrite(t *testing.T) {
	network := netip.MustParsePrefix
	with := func(change func(*bulwark.Edge)) bulwark.Edge {
		e := bulwark.Edge{Hosts: []string{"api.example.com"}}
		change(&e)
		return e
	}
	host := func(name string) bulwark.Edge { return bulwark.Edge{Hosts: []string{name}} }
	base := func(url string) bulwark.Edge { return with(func(e *bulwark.Edge) { e.BaseURL = url }) }
	behind := func(header string, proxies ...netip.Prefix) bulwark.Edge {
		return with(func(e *bulwark.Edge) { e.ForwardedHeader, e.TrustedProxies = header, proxies })
	}
	of := func(kind string) bulwark.Builder { return part{kind: kind, calls: new([]string)} }
	for _, test := range []struct {
		name  string
		parts []bulwark.Builder
		want  string
	}{
		{"no_hosts", []bulwark.Builder{bulwark.Edge{}},
			"edge.Hosts: is empty; name the hosts of the service, such as api.example.com, or set InsecureAnyHost if a proxy checks the host"},
		{"port", []bulwark.Builder{host("a:0")},
			"edge.Hosts[0]: a:0: is not a host; write api.example.com, api.example.com:8443 with a port from 1 to 65535, or an IPv6 address in brackets"},
		{"URL", []bulwark.Builder{host("a.example/b")},
			"edge.Hosts[0]: a.example/b: is not a host name; write api.example.com or *.example.com, without scheme, path and trailing dot"},
		{"top_level_domain", []bulwark.Builder{host("*.com")},
			"edge.Hosts[0]: *.com: matches every name of a top-level domain; also name the domain, such as *.example.com"},
		{"international", []bulwark.Builder{host("ä.example")},
			"edge.Hosts[0]: ä.example: is not printable ASCII; write an international name in its xn-- form"},
		{"base_without_scheme", []bulwark.Builder{base("api.example.com")},
			"edge.BaseURL: must be an http or https URL such as https://api.example.com"},
		{"base_with_path", []bulwark.Builder{base("https://api.example.com/")},
			"edge.BaseURL: must be scheme and host only, such as https://api.example.com, without path, trailing slash, query or user"},
		{"base_with_port", []bulwark.Builder{base("https://api.example.com:0")},
			"edge.BaseURL: has a port that is not a number from 1 to 65535; write it as in https://api.example.com:8443, or without a port"},
		{"no_network", []bulwark.Builder{behind("Forwarded", netip.Prefix{})},
			`edge.TrustedProxies[0]: is not a network; write netip.MustParsePrefix("10.0.0.0/8")`},
		{"mapped_network", []bulwark.Builder{behind("Forwarded", network("::ffff:10.0.0.0/104"))},
			"edge.TrustedProxies[0]: ::ffff:10.0.0.0/104: is IPv4 written as IPv6, and matches no address; write it as IPv4, such as 10.0.0.0/8"},
		{"everybody", []bulwark.Builder{behind("Forwarded", network("::/0"))},
			"edge.TrustedProxies[0]: ::/0: trusts every client to choose its own address; name the networks of the proxies only, such as 10.0.0.0/8"},
		{"proxies_without_header", []bulwark.Builder{behind("", network("10.0.0.0/8"))},
			`edge.ForwardedHeader: is empty, and TrustedProxies or TrustUnixSocket needs it; name the one header that the proxies set: "X-Forwarded-For", "Forwarded" or a header such as "X-Real-IP"`},
		{"header_without_proxies", []bulwark.Builder{behind("Forwarded")},
			"edge.ForwardedHeader: Forwarded: is read from trusted proxies only; also set TrustedProxies or TrustUnixSocket, or leave ForwardedHeader empty"},
		{"wrong_header", []bulwark.Builder{behind("Via", network("10.0.0.0/8"))},
			`edge.ForwardedHeader: Via: must be "X-Forwarded-For", "Forwarded", or a header with a single address such as "X-Real-IP"`},
		{"health_path", []bulwark.Builder{with(func(e *bulwark.Edge) { e.HealthPaths = []string{"health"} })},
			"edge.HealthPaths[0]: health: is not the escaped path of a URL, such as /health"},
		{"health_hosts_alone", []bulwark.Builder{with(func(e *bulwark.Edge) { e.HealthHosts = []netip.Prefix{network("10.0.0.0/8")} })},
			"edge.HealthHosts: has no effect without HealthPaths; also set HealthPaths, such as /health"},
		{"health_host", []bulwark.Builder{with(func(e *bulwark.Edge) {
			e.HealthPaths, e.HealthHosts = []string{"/health"}, []netip.Prefix{network("::ffff:10.0.0.0/104")}
		})}, "edge.HealthHosts[0]: ::ffff:10.0.0.0/104: is IPv4 written as IPv6, and matches no address; write it as IPv4, such as 10.0.0.0/8"},

		{"nil", []bulwark.Builder{nil},
			"bulwark.Chain[0]: is nil; remove it, or write a Config such as headers.Config{}"},
		{"nil_function", []bulwark.Builder{of(""), bulwark.LayerFunc(nil)},
			"bulwark.Chain[1]: is nil; remove it, or write a Config such as headers.Config{}"},
		{"no_layer", []bulwark.Builder{given{}},
			"bulwark.Chain[0]: has a Build that returns no layer and no error; return the layer, or say what is wrong"},
		{"panic", []bulwark.Builder{aroundNothing{}},
			"bulwark_test.aroundNothing: has a Build that panics; check that the layer does not wrap a nil layer"},
		{"two_kinds", []bulwark.Builder{given{&twoKinds{}}},
			"bulwark.Chain[0]: embeds several values with a method Kind, and Go promotes neither of the methods; write a method Kind that calls them all"},
		{"unmade_stack", []bulwark.Builder{&bulwark.Stack{}},
			"bulwark.Stack: was made without Chain; use the result of bulwark.Chain, and check its error"},
		{"audit_inside", []bulwark.Builder{of("headers"), of("audit")},
			"bulwark.Chain[1]: audit: put audit outside all other layers, and only once: a refusal outside audit is not recorded"},
		{"edge_inside", []bulwark.Builder{of("headers"), host("a")},
			"bulwark.Chain[1]: edge: put Edge just inside audit, and only once: a layer outside Edge sees the wrong client"},
		{"cors_inside_auth", []bulwark.Builder{of("auth"), of("cors")},
			"bulwark.Chain[1]: cors: put cors outside auth: a preflight carries no credentials"},
		{"cors_inside_a_limit", []bulwark.Builder{of("ratelimit"), of("cors")},
			"bulwark.Chain[1]: cors: put cors outside each limit: a browser must be able to read a 429"},
		{"sanitize_inside_validate", []bulwark.Builder{of("validate"), of("sanitize")},
			"bulwark.Chain[1]: sanitize: put sanitize outside validate: sanitizing can make a checked value invalid"},
		{"authz_outside_auth", []bulwark.Builder{of("authz"), of("auth")},
			"bulwark.Chain[0]: authz: put it inside auth: outside auth there is no principal"},
		{"limit_without_auth", []bulwark.Builder{of("ratelimit.principal")},
			"bulwark.Chain[0]: ratelimit.principal: counts by principal, and no auth layer stands outside it here; " +
				"set AuthOutside on the limit if auth stands around the router or around this chain, or else put auth.Config outside the limit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := bulwark.Chain(test.parts...); err == nil || err.Error() != test.want {
				t.Errorf("Chain says\n%v\nwant\n%s", err, test.want)
			}
		})
	}
}

// A LayerFunc says itself that it is nil, to a caller without a Chain.
func TestNilLayerFunc(t *testing.T) {
	layer, err := bulwark.LayerFunc(nil).Build()
	if want := "bulwark.LayerFunc: is nil; give it a middleware function, func(http.Handler) http.Handler"; layer != nil || err == nil || err.Error() != want {
		t.Errorf("%v, %v", layer, err)
	}
}

// A refusal that a field of Edge decides names the field in the log, and shows
// neither the client nor the log what the client sent.
func TestRefusalsOfEdgeNameTheField(t *testing.T) {
	behind := bulwark.Edge{Hosts: []string{"api.example.com"}, ForwardedHeader: "X-Forwarded-For",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, test := range []struct {
		code   string
		edge   bulwark.Edge
		host   string
		peer   string
		fields []string
	}{
		{"edge.misdirected", behind, "sent.example", "10.0.0.1:1", []string{"bulwark.Edge.Hosts", "HealthPaths", "HealthHosts"}},
		{"edge.forwarded", behind, "api.example.com", "10.0.0.1:1", []string{"bulwark.Edge.ForwardedHeader"}},
		{"edge.client_address", bulwark.Edge{Hosts: behind.Hosts}, "api.example.com", "@", []string{"bulwark.Edge.TrustUnixSocket", "ForwardedHeader"}},
	} {
		t.Run(test.code, func(t *testing.T) {
			var events bulwarktest.Recorder
			handler := bulwark.Must(bulwark.Chain(&events, test.edge)).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				t.Error("the handler ran")
			}))
			r := httptest.NewRequest("GET", "/", nil)
			r.Host, r.RemoteAddr = test.host, test.peer
			if test.code == "edge.forwarded" {
				r.Header.Set("X-Forwarded-For", "sent.example")
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			taken := events.Take()
			if len(taken) != 1 || taken[0].Reason != test.code || taken[0].Attrs[0].Key != "error" {
				t.Fatalf("events %+v", taken)
			}
			text := taken[0].Attrs[0].Value.String()
			for _, field := range test.fields {
				if !strings.Contains(text, field) {
					t.Errorf("the log says %q, and does not name %s", text, field)
				}
			}
			if strings.Contains(text, "sent.example") || strings.Contains(w.Body.String(), "sent.example") || strings.Contains(w.Body.String(), "bulwark.Edge") {
				t.Errorf("log %q, body %s", text, w.Body)
			}
		})
	}
}
