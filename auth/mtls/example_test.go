package mtls_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/mtls"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// whoami answers with the subject of the caller.
var whoami = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	fmt.Fprint(w, "you are ", caller.Subject, " ", caller.Roles)
})

// A service whose clients are services of the same mesh. The server asks for a
// certificate in the handshake, and the Verifier decides about each request.
func Example() {
	ca := newAuthority("mesh")
	callers, err := mtls.New(mtls.Config{
		Issuer:    "https://ca.example.org",
		ClientCAs: ca.pool(),
		URI:       "spiffe://example.org/",
		Map: func(p *bulwark.Principal, c *x509.Certificate) error {
			if strings.HasPrefix(p.Subject, "spiffe://example.org/ns/billing/") {
				p.Roles = []string{"billing"}
			}
			return nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var rec bulwarktest.Recorder
	stack := bulwark.Must(bulwark.Chain(&rec,
		bulwark.Edge{Hosts: []string{"127.0.0.1"}},
		auth.Config{Authenticators: []auth.Authenticator{callers}},
	))

	server := httptest.NewUnstartedServer(stack.Wrap(whoami))
	server.TLS = &tls.Config{
		ClientAuth: tls.RequestClientCert,
		ClientCAs:  ca.pool(), // the authorities that a client is told
	}
	server.StartTLS()
	defer server.Close()

	// call sends one request with a certificate, or without any.
	call := func(as string, certificates ...tls.Certificate) {
		client := server.Client()
		client.Transport.(*http.Transport).CloseIdleConnections()
		config := client.Transport.(*http.Transport).TLSClientConfig
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if len(certificates) == 0 {
				return new(tls.Certificate), nil
			}
			return &certificates[0], nil
		}
		response, err := client.Get(server.URL)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		if response.StatusCode == http.StatusOK {
			fmt.Printf("%s: %s\n", as, body)
		}
		for _, event := range rec.Take() {
			fmt.Printf("%s: %d, the log says %s %s\n", as, response.StatusCode, event.Name, event.Reason)
		}
	}

	reports := "spiffe://example.org/ns/billing/sa/reports"
	call("good", ca.issue(withURI(reports)))
	call("no certificate")
	call("another authority", newAuthority("mesh").issue(withURI(reports)))
	call("expired", ca.issue(withURI(reports), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) }))
	call("of a server", ca.issue(withURI(reports), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))
	call("two names", ca.issue(withURI(reports), withURI("spiffe://example.org/admin")))
	call("common name only", ca.issue(func(c *x509.Certificate) { c.Subject.CommonName = reports }))
	call("another domain", ca.issue(withURI("spiffe://partner.example/ns/billing/sa/reports")))

	// Output:
	// good: you are spiffe://example.org/ns/billing/sa/reports [billing]
	// no certificate: 401, the log says authz_fail auth.credentials_required
	// another authority: 401, the log says authn_token_invalid issuer
	// expired: 401, the log says authn_token_invalid expired
	// of a server: 401, the log says authn_token_invalid type
	// two names: 401, the log says authn_token_invalid malformed
	// common name only: 401, the log says authn_token_invalid malformed
	// another domain: 401, the log says authn_token_invalid claim
}

// A service behind a proxy that ends TLS. The proxy removes the Client-Cert
// header of the client from every request, and sets it to the certificate of
// the handshake. Partners are known by DNS names here.
func Example_proxy() {
	ca := newAuthority("partners")
	callers, err := mtls.New(mtls.Config{
		Issuer:    "https://ca.example.org",
		ClientCAs: ca.pool(),
		DNS:       "partners.example.org",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	stack := bulwark.Must(bulwark.Chain(new(bulwarktest.Recorder),
		bulwark.Edge{
			Hosts:          []string{"api.example.org"},
			ClientCertFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		},
		auth.Config{Authenticators: []auth.Authenticator{callers}},
	))
	handler := stack.Wrap(whoami)

	call := func(peer, header string) {
		r := httptest.NewRequest("GET", "https://api.example.org/", nil)
		r.RemoteAddr = peer
		r.Header.Set("Client-Cert", header)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			fmt.Println(w.Code, w.Body)
			return
		}
		fmt.Println(w.Code)
	}
	header := clientCert(ca.issue(func(c *x509.Certificate) { c.DNSNames = []string{"acme.partners.example.org"} }))
	wildcard := clientCert(ca.issue(func(c *x509.Certificate) { c.DNSNames = []string{"*.partners.example.org"} }))
	call("10.1.2.3:4711", header)
	call("203.0.113.9:4711", header) // not the proxy
	call("10.1.2.3:4711", wildcard)
	call("10.1.2.3:4711", "-----BEGIN%20CERTIFICATE-----") // another form
	// Output:
	// 200 you are acme.partners.example.org []
	// 401
	// 401
	// 400
}

// New reports every mistake at once.
func Example_incorrect() {
	_, err := mtls.New(mtls.Config{
		Issuer: "https://ca.example.org",
		URI:    "spiffe://example.org", // would fit spiffe://example.org.evil.example
	})
	var fields []string
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		var wrong *bulwark.ConfigError
		if errors.As(one, &wrong) {
			fields = append(fields, wrong.Field)
		}
	}
	slices.Sort(fields)
	fmt.Println(fields)
	// Output: [mtls.ClientCAs mtls.URI]
}
