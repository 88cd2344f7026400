package authzen_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/authz/authzen"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/outbound"
)

// pipes is a listener without a network.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A machine that hangs takes connections and says nothing, not even its part of
// the TLS handshake. The Transport goes on with a connection whose question has
// ended, so the handshake has a bound of its own. Otherwise MaxConcurrent
// connections were taken for ever, also after the decision point is back.
func TestHandshakeThatHangs(t *testing.T) {
	certified := httptest.NewUnstartedServer(http.NotFoundHandler())
	certified.StartTLS()
	defer certified.Close()
	roots := certified.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	synctest.Test(t, func(t *testing.T) {
		back := make(pipes, 1)
		server := &http.Server{Handler: says(allow)}
		go server.Serve(tls.NewListener(back, &tls.Config{Certificates: certified.TLS.Certificates}))
		dialed, dropped := 0, 0
		transport := outbound.Transport(1)
		transport.Proxy, transport.TLSClientConfig.RootCAs = nil, roots
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			if dialed++; dialed > 1 {
				back <- theirs
				return ours, nil
			}
			go func() {
				io.Copy(io.Discard, theirs)
				dropped++
			}()
			return ours, nil
		}
		c, err := authzen.New(authzen.Config{URL: "https://example.com", Transport: transport, MaxConcurrent: 1, Recorder: new(bulwarktest.Recorder)})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			d, err := c.Decide(t.Context(), query("1"))
			denied(t, d, err, "no answer in time")
		}
		time.Sleep(10 * time.Second) // of the bubble
		if d, err := c.Decide(t.Context(), query("1")); !d.Allowed || err != nil {
			t.Errorf("after it is back: %v, %v", d, err)
		}
		synctest.Wait()
		if dialed != 2 || dropped != 1 {
			t.Errorf("%d connections, %d dropped", dialed, dropped)
		}
		transport.CloseIdleConnections()
		close(back)
		server.Close()
	})
}

// Shutdown closes the connections that are kept, long before they would end by
// themselves after a minute.
func TestShutdownClosesConnections(t *testing.T) {
	closed := make(chan struct{})
	server := httptest.NewUnstartedServer(says(allow))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			close(closed)
		}
	}
	server.Start()
	defer server.Close()
	c := client(t, authzen.Config{URL: server.URL})
	if d, err := c.Decide(t.Context(), query("1")); !d.Allowed || err != nil {
		t.Fatal(d, err)
	}
	if err := c.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(30 * time.Second):
		t.Error("the connection is still open")
	}
}

// A connection that the decision point closes when a question comes, because it
// was kept for too long, is not a failure. The question is sent again.
func TestConnectionThatEnds(t *testing.T) {
	var asked atomic.Int64
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 2 {
			hijack(w, func(net.Conn) {})
			return
		}
		if r.Header.Values("Idempotency-Key") != nil {
			t.Errorf("sent %v", r.Header)
		}
		says(allow)(w, r)
	}))
	c := client(t, authzen.Config{URL: server.URL})
	for range 2 {
		if d, err := c.Decide(t.Context(), query("1")); !d.Allowed || err != nil {
			t.Errorf("%v, %v", d, err)
		}
	}
	if asked.Load() != 3 {
		t.Errorf("sent %d times", asked.Load())
	}
}

// The names in a certificate are chosen by the other side, which may be an https
// proxy.
func TestNamesOfACertificateAreNotSaid(t *testing.T) {
	untrusted := &tls.CertificateVerificationError{Err: x509.HostnameError{Host: "example.com", Certificate: &x509.Certificate{DNSNames: []string{marker}}}}
	for name, err := range map[string]error{
		"service": untrusted,
		"proxy":   &net.OpError{Op: "proxyconnect", Net: "tcp", Err: untrusted},
	} {
		said := authzen.Readable(&url.Error{Op: "Post", URL: "https://example.com", Err: err}).Error()
		if strings.Contains(said, marker) || !strings.Contains(said, "authzen.Config.Transport") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
