package bulwark_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/bulwark-go/bulwark"
)

// A service behind a proxy that appends the address of the client to
// X-Forwarded-For. Only the proxy is trusted to name the client.
func ExampleEdge() {
	stack := bulwark.Must(bulwark.Chain(bulwark.Edge{
		Hosts:           []string{"api.example.com"},
		TrustedProxies:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		ForwardedHeader: "X-Forwarded-For",
	}))
	handler := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println(bulwark.ClientIP(r))
	}))
	get := func(peer, forwarded string) {
		r := httptest.NewRequest("GET", "https://api.example.com/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", forwarded)
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	get("10.0.0.7:5000", "203.0.113.9")            // through the proxy
	get("10.0.0.7:5000", "127.0.0.1, 203.0.113.9") // the client wrote the first address
	get("198.51.100.4:5000", "127.0.0.1")          // past the proxy
	// Output:
	// 203.0.113.9
	// 203.0.113.9
	// 198.51.100.4
}

// A health check asks by the address of the service, which is not in Hosts.
// Serve its path outside the stack, or name the path in HealthPaths.
func ExampleEdge_probes() {
	stack := bulwark.Must(bulwark.Chain(bulwark.Edge{
		Hosts:       []string{"api.example.com"},
		HealthPaths: []string{"/ready"},
		HealthHosts: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}))
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	root := http.NewServeMux()
	root.Handle("GET /health", ok)
	root.Handle("/", stack.Wrap(ok))

	for _, path := range []string{"/health", "/ready", "/documents"} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = "10.1.2.3:8080"
		w := httptest.NewRecorder()
		root.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /health 200
	// /ready 200
	// /documents 421
}

// Each mistake is an error that says what to write instead.
func ExampleEdge_incorrect() {
	_, err := bulwark.NewEdge(bulwark.Edge{
		Hosts:          []string{"*.com"},
		BaseURL:        "https://api.example.com/v1",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
	})
	fmt.Println(err)
	// Output:
	// edge.Hosts[0]: *.com: matches every name of a top-level domain; also name the domain, such as *.example.com
	// edge.BaseURL: must be scheme and host only, such as https://api.example.com, without path, trailing slash, query or user
	// edge.TrustedProxies[0]: 0.0.0.0/0: trusts every client to choose its own address; name the networks of the proxies only, such as 10.0.0.0/8
	// edge.ForwardedHeader: is empty, and TrustedProxies or TrustUnixSocket needs it; name the one header that the proxies set: "X-Forwarded-For", "Forwarded" or a header such as "X-Real-IP"
}
