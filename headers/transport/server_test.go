package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/headers/transport"
)

func TestServerBounds(t *testing.T) {
	s := transport.Server(readAll)
	got := fmt.Sprint(s.ReadHeaderTimeout, s.ReadTimeout, s.WriteTimeout, s.IdleTimeout, s.MaxHeaderBytes, s.TLSConfig == nil)
	if want := "5s 30s 1m0s 2m0s 32768 true"; got != want {
		t.Errorf("bounds are %s, want %s", got, want)
	}
}

// The line of a panic has the client's address with its port, as the record of
// the audit layer has, so that the two can be joined.
func TestCaseTransport5LinesNameTheConnection(t *testing.T) {
	for line, want := range map[string]any{
		"http: panic serving 192.0.2.7:1234: boom\ngoroutine 7":             "192.0.2.7:1234",
		"http: panic serving [2001:db8::1]:80: boom from 198.51.100.7:9: x": "[2001:db8::1]:80",
		"http2: panic serving 192.0.2.7:5: boom":                            "192.0.2.7:5",
		"http: TLS handshake error from 192.0.2.7:6: EOF":                   "192.0.2.7:6",
		"http: panic serving @: bad error from 198.51.100.7:9: x":           nil,
	} {
		synctest.Test(t, func(t *testing.T) {
			records := capture(t)
			transport.Server(readAll).ErrorLog.Print(line)
			synctest.Wait()
			if got := records(); len(got) != 1 || got[0]["remoteAddr"] != want {
				t.Errorf("%q: %v, want %v", line, got, want)
			}
		})
	}
}

// A mistake of the program in its answer is not an outage, and not a security
// event.
func TestNitTransportMistakesOfTheProgram(t *testing.T) {
	for _, line := range []string{
		"http: superfluous response.WriteHeader call from main.main (main.go:1)",
		"http: response.WriteHeader on hijacked connection from main.main (main.go:1)",
		"http: response.Write on hijacked connection from main.main (main.go:1)",
		`http: invalid Content-Length of "x"`,
		`http: WriteHeader called with both Transfer-Encoding of "gzip" and a Content-Length of 5`,
		`ignoring invalid trailer "X"`,
	} {
		synctest.Test(t, func(t *testing.T) {
			records := capture(t)
			logger := transport.Server(readAll).ErrorLog
			for range 15 {
				logger.Print(line)
			}
			time.Sleep(2 * time.Minute)
			got := records()
			if len(got) != 11 || got[10]["count"] != 5.0 {
				t.Fatalf("%d records, the last is %v", len(got), got[len(got)-1])
			}
			for i, record := range got {
				if record["level"] != "WARN" || record["msg"] != "server message" || record["event"] != nil || record["type"] != nil || record["reason"] != "transport.handler" {
					t.Errorf("%v", record)
				}
				if i < 10 && record["error"] != line {
					t.Errorf("error is %v", record["error"])
				}
			}
		})
	}
}

// A superfluous WriteHeader on a real connection.
func TestNitTransportSuperfluousWriteHeader(t *testing.T) {
	records := capture(t)
	ln := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.WriteHeader(500)
		stop()
	}))
	go func() {
		if res, err := http.Get("http://" + ln.Addr().String()); err == nil {
			res.Body.Close()
		}
	}()
	if err := transport.Serve(ctx, ln, server); err != nil {
		t.Error(err)
	}
	if got := records(); len(got) != 1 || got[0]["level"] != "WARN" || got[0]["event"] != nil {
		t.Errorf("%v", got)
	}
}

// On the wire, a body beyond the cap is refused and the connection closed, and
// a header beyond its bound is 431.
func TestServerOnTheWire(t *testing.T) {
	records := capture(t)
	ln := listen(t)
	server := transport.Server(readAll)
	go server.Serve(ln)
	defer server.Close()

	t.Run("body", func(t *testing.T) {
		conn := dial(t, ln)
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n", 1<<40)
		go io.CopyN(conn, zeros{}, 4*mebi)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusRequestEntityTooLarge || !res.Close {
			t.Errorf("status %d, close %t; want 413 and true", res.StatusCode, res.Close)
		}
	})
	t.Run("header", func(t *testing.T) {
		conn := dial(t, ln)
		go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nA: %s\r\n\r\n", strings.Repeat("a", 40<<10))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d, want 431", res.StatusCode)
		}
	})
	for _, record := range records() {
		if record["reason"] != "body.too_large" {
			t.Errorf("unexpected record %v", record)
		}
	}
}

// What net/http would answer by itself is the chain's to answer.
func TestServerOptions(t *testing.T) {
	ln := listen(t)
	server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Seen", r.Method+" "+r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
	}))
	go server.Serve(ln)
	defer server.Close()
	conn := dial(t, ln)
	fmt.Fprint(conn, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusTeapot || res.Header.Get("X-Seen") != "OPTIONS *" {
		t.Errorf("answer is %d %v; want that of the handler", res.StatusCode, res.Header)
	}
}

func TestServerNilHandler(t *testing.T) {
	w := httptest.NewRecorder()
	transport.Server(nil).Handler.ServeHTTP(w, httptest.NewRequest("GET", "/nothing", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status is %d, want the 404 of http.DefaultServeMux", w.Code)
	}
}

func TestErrorLog(t *testing.T) {
	for _, test := range []struct {
		name, line string
		want       map[string]any
	}{
		{"handshake", "http: TLS handshake error from 192.0.2.7:1234: EOF\n", map[string]any{
			"level": "WARN", "event": "input_validation_fail", "reason": "transport.tls_handshake", "rule": "http.Server.TLSConfig", "ip": "192.0.2.7",
			"error": "http: TLS handshake error from 192.0.2.7:1234: EOF"}},
		{"panic", "http: panic serving [::1]:80: boom\ngoroutine 7 [running]:\nmain.main()\n", map[string]any{
			"level": "ERROR", "event": "sys_unavailable", "reason": "transport.panic", "ip": "::1",
			"error": "http: panic serving [::1]:80: boom", "stack": `goroutine 7 [running]:\nmain.main()`}},
		{"panic_http2", "http2: panic serving 192.0.2.7:1: boom\ngoroutine\n", map[string]any{
			"reason": "transport.panic", "ip": "192.0.2.7", "stack": "goroutine"}},
		{"accept", "http: Accept error: too many open files; retrying in 5ms", map[string]any{
			"level": "ERROR", "reason": "transport.accept", "ip": ""}},
		{"other", "http: error reading directory: no such file", map[string]any{
			"level": "ERROR", "reason": "transport.server", "ip": ""}},
		{"http2_connection_error", "http2: server connection error from 192.0.2.7:1234: connection error: PROTOCOL_ERROR", map[string]any{
			"level": "WARN", "event": "input_validation_fail", "reason": "transport.protocol", "ip": "192.0.2.7",
			"error": "http2: server connection error from 192.0.2.7:1234: connection error: PROTOCOL_ERROR"}},
		{"http2_preface", "http2: server: error reading preface from client [2001:db8::1]:443: bogus greeting", map[string]any{
			"level": "WARN", "event": "input_validation_fail", "reason": "transport.protocol", "ip": "2001:db8::1"}},
		{"http2_frame", "http2: server closing client connection: http2: frame too large", map[string]any{
			"level": "WARN", "event": "input_validation_fail", "reason": "transport.protocol", "ip": ""}},
		{"http2_goaway", "http2: received GOAWAY [FrameHeader GOAWAY len=8], starting graceful shutdown", map[string]any{
			"level": "WARN", "reason": "transport.protocol"}},
		{"http2_settings", "timeout waiting for SETTINGS frames from 192.0.2.7:1234", map[string]any{
			"level": "WARN", "reason": "transport.protocol", "ip": "192.0.2.7"}},
		{"http2_ping", "timeout waiting for PING response", map[string]any{"level": "WARN", "reason": "transport.protocol"}},
		{"http2_other", "http2: something new", map[string]any{"level": "ERROR", "reason": "transport.server"}},
		// Whoever makes a handler panic with words of their own chooses no
		// address.
		{"panic_forged", "http: panic serving 192.0.2.7:1: bad error from 198.51.100.7:443: x", map[string]any{
			"reason": "transport.panic", "ip": "192.0.2.7"}},
		{"panic_forged_without_address", "http: panic serving pipe: bad error from 198.51.100.7:443: x", map[string]any{
			"reason": "transport.panic", "ip": ""}},
		{"other_forged", "http: proxy error: error from 198.51.100.7:443: x", map[string]any{
			"reason": "transport.server", "ip": ""}},
		{"no_address", "http: panic serving @: boom", map[string]any{"reason": "transport.panic", "ip": ""}},
		{"forged", "http: TLS handshake error from 192.0.2.7:1: bad \"x\"\x1b[2J \u2028 \xff", map[string]any{
			"error": `http: TLS handshake error from 192.0.2.7:1: bad "x"\x1b[2J \u2028 \xff`}},
		{"long", strings.Repeat("x", 100_000), map[string]any{"error": strings.Repeat("x", 256)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				records := capture(t)
				transport.Server(readAll).ErrorLog.Print(test.line)
				synctest.Wait()
				got := records()
				if len(got) != 1 {
					t.Fatalf("%d records, want 1", len(got))
				}
				if got[0]["type"] != "security" {
					t.Errorf("type is %v", got[0]["type"])
				}
				for key, want := range test.want {
					if got[0][key] != want {
						t.Errorf("%s is %q, want %q", key, got[0][key], want)
					}
				}
			})
		})
	}
}

func TestErrorLogSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		records := capture(t)
		logger := transport.Server(readAll).ErrorLog
		for range 1000 {
			logger.Print("http: TLS handshake error from 192.0.2.7:1234: EOF")
		}
		logger.Print("http: panic serving 192.0.2.7:1: a panic is not drowned by handshakes")
		synctest.Wait()
		if got := len(records()); got != 11 {
			t.Errorf("%d records at first, want 10 and the panic", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		got := records()
		if len(got) != 1 || got[0]["count"] != 990.0 || got[0]["reason"] != "transport.tls_handshake" {
			t.Errorf("records after a minute are %v, want one that counts 990", got)
		}
		logger.Print("http: TLS handshake error from 192.0.2.7:1234: EOF")
		synctest.Wait()
		if got := len(records()); got != 1 {
			t.Errorf("%d records in the next window, want 1", got)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := records(); len(got) != 0 {
			t.Errorf("a window without surplus ended with %v", got)
		}
	})
}

// A real handshake that fails becomes a record.
func TestErrorLogOfAHandshake(t *testing.T) {
	records := capture(t)
	cert, pool := certificate(t, ecdsaKey(t))
	ln := listen(t)
	server := transport.Server(readAll)
	server.TLSConfig = transport.TLS()
	server.TLSConfig.Certificates = []tls.Certificate{cert}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- transport.Serve(ctx, ln, server, nil) }()
	_, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10})
	if err == nil {
		t.Fatal("TLS 1.1 was accepted")
	}
	// The server logs before it closes the connection, and Serve writes the log
	// out.
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	got := records()
	if len(got) != 1 || got[0]["reason"] != "transport.tls_handshake" || got[0]["ip"] != "127.0.0.1" {
		t.Errorf("records are %v, want one failed handshake", got)
	}
}

// A real HTTP/2 connection on which a client breaks the protocol becomes a
// record.
func TestErrorLogOfAProtocolError(t *testing.T) {
	records := capture(t)
	cert, pool := certificate(t, ecdsaKey(t))
	ln := listen(t)
	server := transport.Server(readAll)
	server.TLSConfig = transport.TLS()
	server.TLSConfig.Certificates = []tls.Certificate{cert}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- transport.Serve(ctx, ln, server, nil) }()
	conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Settings, and then DATA on stream 0 (RFC 9113 section 6.1).
	io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00x")
	io.Copy(io.Discard, conn) // until the server hangs up
	stop()
	if err := <-done; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	got := records()
	if len(got) != 1 || got[0]["reason"] != "transport.protocol" || got[0]["event"] != "input_validation_fail" || got[0]["ip"] != "127.0.0.1" {
		t.Errorf("records are %v, want one broken protocol", got)
	}
}

// capture makes slog.Default write JSON that the returned function takes.
func capture(t *testing.T) func() []map[string]any {
	t.Helper()
	var mu sync.Mutex
	var buf bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return buf.Write(p)
	}), nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return func() []map[string]any {
		mu.Lock()
		defer mu.Unlock()
		var records []map[string]any
		for line := range bytes.Lines(buf.Bytes()) {
			var record map[string]any
			if err := json.Unmarshal(line, &record); err != nil {
				t.Errorf("not JSON: %s", line)
			}
			records = append(records, record)
		}
		buf.Reset()
		return records
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func dial(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}
