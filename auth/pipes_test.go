package auth_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// pipes is a listener in memory, for servers in a bubble of testing/synctest:
// there the life of a credential passes at once, and on a busy machine nothing
// comes too late.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// piped starts a server on pipes, with TLS for version 2 of HTTP and on demand.
func piped(t testing.TB, version int, secure bool, h http.Handler) *httptest.Server {
	t.Helper()
	server, lines := httptest.NewUnstartedServer(h), &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server.Listener.Close()
	server.Listener = lines
	if server.EnableHTTP2 = version == 2; server.EnableHTTP2 || secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	server.Client().Transport.(*http.Transport).DialContext = lines.dial
	t.Cleanup(server.Close)
	return server
}
