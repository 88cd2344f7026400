package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/mtls"
)

// pipes is a listener for connections inside the process.
type pipes struct {
	conns chan net.Conn
	end   chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.end:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.end); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443} }

// located is the server's end of a pipe, with the address of a client. It
// writes behind, as a socket does: in a handshake both sides may write at once.
type located struct {
	net.Conn
	out  chan []byte
	gone chan struct{}
	once *sync.Once
}

func locate(c net.Conn) located {
	l := located{c, make(chan []byte, 64), make(chan struct{}), new(sync.Once)}
	go func() {
		for {
			select {
			case b := <-l.out:
				c.Write(b)
			case <-l.gone:
				return
			}
		}
	}()
	return l
}

func (l located) Write(b []byte) (int, error) {
	select {
	case l.out <- slices.Clone(b):
		return len(b), nil
	case <-l.gone:
		return 0, net.ErrClosed
	}
}

func (l located) Close() error {
	l.once.Do(func() { close(l.gone) })
	return l.Conn.Close()
}

func (located) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(198, 51, 100, 1), Port: 4711} }

// start serves over TLS inside a bubble. It returns a client and the number of
// connections that it has made.
func start(t *testing.T, h http.Handler, server, client *tls.Config) (*http.Client, *int) {
	listener, dials := &pipes{make(chan net.Conn), make(chan struct{})}, 0
	s := &http.Server{Handler: h, TLSConfig: server, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(listener, "", "") }()
	transport := &http.Transport{TLSClientConfig: client, DialContext: func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		listener.conns <- locate(there)
		dials++
		return here, nil
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return &http.Client{Transport: transport}, &dials
}

func get(t *testing.T, c *http.Client) (status int) {
	t.Helper()
	response, err := c.Get("https://example.com/")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return response.StatusCode
}

// A connection lives longer than the certificate that it began with.
func TestACertificateExpiresOnALivingConnection(t *testing.T) {
	for _, mode := range []tls.ClientAuthType{tls.RequestClientCert, tls.VerifyClientCertIfGiven, tls.RequireAndVerifyClientCert} {
		t.Run(mode.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := authority(t, "ca", nil)
				host := signed(t, &ca, x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, dns("example.com"))
				me := client(t, ca, uris(alice), validity(-time.Hour, 10*time.Minute))
				s := serve(t, mtls.Config{ClientCAs: ca.pool()})
				subjects := 0
				c, dials := start(t, s.stack.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					if p, _ := bulwark.PrincipalFrom(r.Context()); p != nil && p.Subject == alice {
						subjects++
					}
				})), &tls.Config{Certificates: []tls.Certificate{host.pair()}, ClientAuth: mode, ClientCAs: ca.pool()},
					&tls.Config{RootCAs: ca.pool(), ServerName: "example.com", Certificates: []tls.Certificate{me.pair()}})
				for range 4 {
					if status := get(t, c); status != 200 {
						t.Fatal(status)
					}
					time.Sleep(3 * time.Minute)
				}
				if status := get(t, c); status != 401 || subjects != 4 || *dials != 1 {
					t.Errorf("%d after the end, %d requests by alice, %d connections", status, subjects, *dials)
				}
				if events := s.rec.Take(); len(events) != 1 || events[0].Reason != "expired" {
					t.Errorf("events %+v", events)
				}
			})
		})
	}
}

// A client that resumes a session does not show its certificate again. The
// server resumes no session whose certificate has expired.
func TestACertificateExpiresInAResumedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := authority(t, "ca", nil)
		host := signed(t, &ca, x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, dns("example.com"))
		s := serve(t, mtls.Config{ClientCAs: ca.pool()})
		var resumed bool
		c, dials := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			resumed = r.TLS.DidResume
			s.stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		}), &tls.Config{Certificates: []tls.Certificate{host.pair()}, ClientAuth: tls.RequestClientCert, ClientCAs: ca.pool()},
			&tls.Config{RootCAs: ca.pool(), ServerName: "example.com", ClientSessionCache: tls.NewLRUClientSessionCache(2),
				Certificates: []tls.Certificate{client(t, ca, uris(alice), validity(-time.Hour, 10*time.Minute)).pair()}})
		for i, want := range []int{200, 200, 401} {
			if status := get(t, c); status != want || resumed != (i == 1) || *dials != i+1 {
				t.Errorf("%d, want %d; resumed %t, %d connections", status, want, resumed, *dials)
			}
			c.CloseIdleConnections()
			time.Sleep(6 * time.Minute)
		}
	})
}

// A stream of a caller ends with the certificate.
func TestAStreamEndsWithTheCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := authority(t, "ca", nil)
		s := serve(t, mtls.Config{ClientCAs: ca.pool()})
		begin := time.Now()
		var lasted time.Duration
		s.stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
			lasted = time.Since(begin)
		})).ServeHTTP(newSink(), from(client(t, ca, uris(alice), validity(-time.Hour, 10*time.Minute))))
		if lasted != 10*time.Minute {
			t.Errorf("the stream lasted %v", lasted)
		}
	})
}

// sink is an answer that nobody reads.
type sink struct{ h http.Header }

func newSink() *sink                            { return &sink{http.Header{}} }
func (s *sink) Header() http.Header             { return s.h }
func (s *sink) Flush()                          {}
func (s *sink) WriteHeader(int)                 {}
func (s *sink) Write(b []byte) (int, error)     { return len(b), nil }
func (s *sink) SetReadDeadline(time.Time) error { return nil }

var _ auth.Reviewer = (*mtls.Verifier)(nil)

// Two Verifiers see the same certificate, so that every request with one would
// be ambiguous: the layer refuses the pair.
func TestTwoVerifiersInOneLayer(t *testing.T) {
	ca, other := authority(t, "ca", nil), authority(t, "other", nil)
	first, err := mtls.New(mtls.Config{Issuer: issuerName, ClientCAs: ca.pool(), URI: trust})
	if err != nil {
		t.Fatal(err)
	}
	second, err := mtls.New(mtls.Config{Issuer: "https://other.example.org", ClientCAs: other.pool(), DNS: "example.org"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = auth.New(auth.Config{Authenticators: []auth.Authenticator{first, second}})
	var wrong *bulwark.ConfigError
	if !errors.As(err, &wrong) || wrong.Field != "auth.Authenticators[1]" || !strings.Contains(wrong.Reason, "would never be asked") {
		t.Errorf("%v", err)
	}
	for _, alone := range []*mtls.Verifier{first, second} {
		if _, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{alone}}); err != nil {
			t.Error(err)
		}
	}
}
