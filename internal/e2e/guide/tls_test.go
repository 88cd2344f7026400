package guide

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark/headers/transport"
)

// secured is our way to serve over TLS.
func secured(handler http.Handler, certificate tls.Certificate) *http.Server {
	server := transport.Server(handler)
	server.TLSConfig = transport.TLS()
	server.TLSConfig.Certificates = []tls.Certificate{certificate}
	return server
}

func TestTLS(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // its certificate is good enough
	defer lender.Close()
	server := secured(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), lender.TLS.Certificates[0])
	listener := httptest.NewUnstartedServer(server.Handler).Listener
	go server.ServeTLS(listener, "", "")
	defer server.Close()
	for _, tt := range []struct {
		name     string
		version  uint16
		suites   []uint16
		accepted bool
	}{
		{"TLS 1.1", tls.VersionTLS11, nil, false},
		{"TLS 1.2 with AES-128-GCM", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, true},
		{"TLS 1.2 with AES-256-GCM", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}, false},
		{"TLS 1.2 with CBC", tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}, false},
		{"TLS 1.2 without forward secrecy", tls.VersionTLS12, []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, false},
		{"TLS 1.3", tls.VersionTLS13, nil, true},
	} {
		conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{
			InsecureSkipVerify: true, MinVersion: tt.version, MaxVersion: tt.version, CipherSuites: tt.suites})
		if (err == nil) != tt.accepted {
			t.Errorf("%s: %v, want accepted %v", tt.name, err, tt.accepted)
		}
		if err == nil {
			conn.Close()
		}
	}
}
