package outbound_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/bulwark-go/bulwark/internal/outbound"
)

// seen is a transport that remembers a request, and says whether its
// connections were dropped.
type seen struct {
	http.Transport
	request *http.Request
	closed  bool
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.request = r
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}

func (s *seen) CloseIdleConnections() { s.closed = true }

func ask(t *testing.T, c *outbound.Client, url string) (*http.Response, error) {
	t.Helper()
	question, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	question.Header.Set("Accept", "text/html")
	question.Header.Set("Accept-Encoding", "gzip")
	question.Header.Set("Authorization", "Bearer secret")
	answer, err := c.Ask(question)
	if err == nil {
		defer answer.Body.Close()
	}
	return answer, err
}

func TestAskSetsTheFields(t *testing.T) {
	transport := &seen{}
	if _, err := ask(t, outbound.NewClient(transport, 1), "https://pdp.example"); err != nil {
		t.Fatal(err)
	}
	want := http.Header{
		"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Authorization": {"Bearer secret"},
		"Idempotency-Key": nil, // not sent, but the question may be asked twice
	}
	if got := transport.request.Header; !reflect.DeepEqual(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// A redirect is an answer, and its target is not asked.
func TestNoRedirectIsFollowed(t *testing.T) {
	var asked atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer target.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, status)
		}))
		for name, transport := range map[string]http.RoundTripper{"own": nil, "given": http.DefaultTransport} {
			client := outbound.NewClient(transport, 1)
			answer, err := ask(t, client, server.URL)
			client.Close()
			if err != nil || answer.StatusCode != status || asked.Load() != 0 {
				t.Errorf("%d, %s transport: %v, %v, the target was asked %d times", status, name, answer, err, asked.Load())
			}
		}
		server.Close()
	}
}

// An answer 101 takes the connection out of HTTP. What the other side says or
// leaves unsaid then is not waited for.
func TestAnotherProtocol(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer close(ended)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(io.Discard, conn) // until the other side closes it
	}))
	defer server.Close()
	client := outbound.NewClient(nil, 1)
	defer client.Close()
	question, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Ask(question)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(answer, err)
	}
	if body, err := io.ReadAll(answer.Body); len(body) != 0 || err != nil {
		t.Errorf("the body is %q, %v", body, err)
	}
	<-ended
}

// The own transport refuses what an attacker on the way, or a hostile service,
// could do with another one.
func TestOwnTransport(t *testing.T) {
	t.Run("old_TLS", func(t *testing.T) {
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		server.StartTLS()
		defer server.Close()
		client := outbound.NewClient(nil, 1)
		defer client.Close()
		if _, err := ask(t, client, server.URL); err == nil || !strings.Contains(err.Error(), "protocol version") {
			t.Errorf("TLS 1.1: %v", err)
		}
	})
	t.Run("long_header", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("a", 128<<10))
		}))
		defer server.Close()
		client := outbound.NewClient(nil, 1)
		defer client.Close()
		if _, err := ask(t, client, server.URL); err == nil || !strings.Contains(err.Error(), "65536") {
			t.Errorf("a header of 128 KiB: %v", err)
		}
	})
}

// Close drops the connections of the own transport only.
func TestClose(t *testing.T) {
	given := &seen{}
	outbound.NewClient(given, 1).Close()
	if given.closed {
		t.Error("Close has dropped the connections of a transport that others may use")
	}

	ended := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			close(ended)
		}
	}
	server.Start()
	defer server.Close()
	client := outbound.NewClient(nil, 1)
	if _, err := ask(t, client, server.URL); err != nil {
		t.Fatal(err)
	}
	client.Close()
	<-ended
}

func TestRead(t *testing.T) {
	text := []byte("0123456789")
	for most, longer := range map[int64]bool{0: true, 1: true, 9: true, 10: false, 11: false} {
		// It reads one byte beyond the bound, and no more.
		answer := &io.LimitedReader{R: bytes.NewReader(text), N: 100}
		got, long, err := outbound.Read(answer, most)
		if want := text[:min(most, 10)]; !bytes.Equal(got, want) || long != longer || err != nil || 100-answer.N != min(most+1, 10) {
			t.Errorf("at most %d: %q, %v, %v after %d bytes", most, got, long, err, 100-answer.N)
		}
	}
	lost := errors.New("lost")
	if got, long, err := outbound.Read(io.MultiReader(bytes.NewReader(text), iotest.ErrReader(lost)), 100); got != nil || long || err != lost {
		t.Errorf("an answer that breaks off: %q, %v, %v", got, long, err)
	}
}
