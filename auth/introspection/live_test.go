package introspection_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/introspection"
)

// over is a config that asks a handler over a real connection, with the
// transport of its own.
func over(t *testing.T, handler http.HandlerFunc) introspection.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // a server that has read all sees a client that goes
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	c := config(nil)
	c.Endpoint, c.Client.Transport, c.Client.Timeout = server.URL, nil, 500*time.Millisecond
	return c
}

func TestLive(t *testing.T) {
	issuer := authtest.NewOpaqueIssuer(t)
	s := newService(t, issuer.Config())
	token := issuer.Token(authtest.Claims{"sub": "bob", "scope": "documents.read"})
	for range 3 {
		if p := s.accepts(token); p.Subject != "bob" || p.Issuer != issuer.URL() || !p.HasScope("documents.read") {
			t.Errorf("%+v", p)
		}
	}
	if n := issuer.Asked(); n != 1 {
		t.Errorf("%d questions", n)
	}
	s.refuses("unknown", "inactive")
	revoked := issuer.Token(nil)
	issuer.Revoke(revoked)
	s.refuses(revoked, "inactive")
	issuer.Down(true)
	s.unavailable(issuer.Token(nil))
	issuer.Down(false)
	stranger := issuer.Config()
	stranger.Client.Secret = "guessed"
	other := newService(t, stranger)
	other.unavailable(token)
	if text := cause(other.last()); !strings.Contains(text, "credentials of this service: the answer is 401") {
		t.Errorf("event %q", text)
	}
}

// The same without connections, under a clock of the test's own.
func TestInMemory(t *testing.T) {
	issuer := authtest.NewOpaqueIssuer(t) // its listener must stay outside
	synctest.Test(t, func(t *testing.T) {
		c := issuer.Config()
		c.Client.Transport = issuer.Transport()
		s := newService(t, c)
		token := issuer.Token(nil)
		s.accepts(token)
		issuer.Revoke(token)
		time.Sleep(time.Minute)
		s.refuses(token, "inactive")
		s.refuses(issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Hour).Unix()}), "expired")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := http.NewRequestWithContext(gone, http.MethodPost, c.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Client.Transport.RoundTrip(r); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// The ways in which a real endpoint fails, over a real connection.
func TestLiveFailures(t *testing.T) {
	var bomb bytes.Buffer
	zipped := gzip.NewWriter(&bomb)
	zipped.Write([]byte(good + strings.Repeat(" ", 20<<20)))
	zipped.Close()
	var followed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		followed.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(good))
	}))
	t.Cleanup(elsewhere.Close)
	json := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/json") }
	for name, handler := range map[string]http.HandlerFunc{
		"hang": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"hang-after-the-header": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		},
		"drip": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			for _, c := range []byte(good) {
				w.Write([]byte{c})
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		},
		"cut-off": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			w.Header().Set("Content-Length", "1000")
			w.Write([]byte(good))
			panic(http.ErrAbortHandler)
		},
		"five-megabytes": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			w.Write([]byte(padded(5 << 20)))
		},
		"gzip-bomb": func(w http.ResponseWriter, r *http.Request) {
			json(w)
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb.Bytes())
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"header-without-end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", 1<<20))
			json(w)
			w.Write([]byte(good))
		},
		"not-http": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Write([]byte("SSH-2.0-x\r\n"))
				conn.Close()
			}
		},
		"informational-for-ever": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				w.WriteHeader(http.StatusProcessing)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, over(t, handler))
			s.unavailable("opaque") // at the end of the Timeout at the latest
		})
	}
	t.Cleanup(func() {
		if n := followed.Load(); n != 0 {
			t.Errorf("%d redirects were followed", n)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // not before: somebody else might get the port
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	}()
	c := config(nil)
	c.Endpoint, c.Client.Transport = "http://"+listener.Addr().String(), nil
	newService(t, c).unavailable("opaque")
}

// The transport of a user's own that unpacks what it gets is bounded, too.
func TestAnswersAreNotUnpacked(t *testing.T) {
	c := over(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(good))
	})
	c.Client.Transport = http.DefaultTransport
	newService(t, c).accepts("opaque")
}

// A certificate that nobody vouches for is no endpoint of ours.
func TestUntrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("the token went to a stranger")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	c := config(nil)
	c.Endpoint, c.Client.Transport = server.URL, nil
	newService(t, c).unavailable("opaque")
}

// RFC 8705 section 2: the connection authenticates this service.
func TestClientCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.ProtoMajor != 2 || r.Header["Idempotency-Key"] != nil {
			t.Errorf("%s %v", r.Proto, r.Header)
		}
		if len(r.TLS.PeerCertificates) != 1 || r.PostFormValue("client_id") != "documents" || r.Header["Authorization"] != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Write([]byte(good))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = server.TLS.Certificates
	c := config(transport)
	c.Endpoint, c.Client.Secret, c.Client.Certificate = server.URL, "", true
	newService(t, c).accepts("opaque")
	transport.CloseIdleConnections()
}

// A connection that is kept, and that the server has closed meanwhile, is no
// outage.
func TestStaleConnections(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(good), good)
	var connections, questions atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() { // answers one question, reads the next and hangs up
				defer conn.Close()
				reader := bufio.NewReader(conn)
				for n := range 2 {
					r, err := http.ReadRequest(reader)
					if err != nil || r.ParseForm() != nil {
						return
					}
					if r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil {
						t.Error("the mark for the transport was sent")
					}
					questions.Add(1)
					if n == 0 {
						conn.Write([]byte(answer))
					}
				}
			}()
		}
	}()
	c := config(nil)
	c.Endpoint, c.Client.Transport = "http://"+listener.Addr().String(), nil
	s := newService(t, c)
	for n := range 3 {
		s.accepts(fmt.Sprint("opaque", n))
	}
	if connections.Load() != 3 || questions.Load() != 5 {
		t.Errorf("%d connections, %d questions; want 3 and 5", connections.Load(), questions.Load())
	}
}

// Connections are kept, and dropped in the end.
func TestConnectionsAreReused(t *testing.T) {
	var opened, closed atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write([]byte(good))
	}))
	gone := make(chan struct{}, 8)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			closed.Add(1)
			gone <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	c := config(nil)
	c.Endpoint, c.Client.Transport = server.URL, nil
	s := newService(t, c)
	for n := range 10 {
		s.accepts(fmt.Sprint("opaque", n))
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for ten questions", n)
	}
	if err := s.introspector.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case <-gone:
	case <-time.After(5 * time.Second):
		t.Error("the connection is kept after the shutdown")
	}
}

// An answer that is no HTTP is quoted by net/http in its error, and may be our
// own question, with the token in it.
func TestAnswersAreNotQuoted(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+string(body)+strings.Repeat("x", 50_000)+"\r\n\r\n")
	}))
	defer server.Close()
	c := config(nil)
	c.Endpoint, c.Client.Transport = server.URL, nil
	service := newService(t, c)
	for _, token := range []string{"hunter2", "other"} {
		service.unavailable(token)
		if text := fmt.Sprint(service.last()); strings.Contains(text, "hunter2") || len(text) > 1000 {
			t.Errorf("the event says %.300s", text)
		}
	}
}
