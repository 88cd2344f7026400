package audit_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID      = "00f067aa0ba902b7"
	traceparent = "00-" + traceID + "-" + spanID + "-01"
)

// However an exchange goes, its record has the route, the path, the caller and
// the span, and the status that the client has received.
func TestEveryExchangeIsDescribed(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(large, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen chan struct{} // closed when the client has the status
	for _, test := range []struct {
		name     string
		handler  http.HandlerFunc
		body     string
		client   int // 0: the client sees no status
		record   float64
		cutOff   any
		panicked any
		event    string
		only     int // the version of HTTP that has this
	}{
		{name: "flushed", client: 200, record: 200, handler: func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				io.WriteString(w, "part")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
		}},
		{name: "early_hints", client: 204, record: 204, handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNoContent)
		}},
		{name: "expected_continue", client: 200, record: 200, body: "body", handler: func(_ http.ResponseWriter, r *http.Request) {
			if text, err := io.ReadAll(r.Body); err != nil || string(text) != "body" {
				t.Errorf("%q, %v", text, err)
			}
		}},
		{name: "superfluous_header", client: 201, record: 201, handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
		}},
		{name: "panic", record: 500, panicked: true, event: "sys_unavailable audit.panic 500",
			handler: func(http.ResponseWriter, *http.Request) { panic("secret of the handler") }},
		{name: "panic_after_header", client: 202, record: 202, cutOff: true, panicked: true, event: "sys_unavailable audit.panic 202",
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				http.NewResponseController(w).Flush()
				panic("secret of the handler")
			}},
		{name: "abort", client: 200, record: 200, cutOff: true, handler: func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}},
		{name: "forbidden_by_hand", client: 403, record: 403, event: "authz_fail audit.unreported 403",
			handler: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }},
		{name: "file", client: 200, record: 200, handler: func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, large) }},
		{name: "write_deadline", client: 200, record: 200, cutOff: true, handler: func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			select {
			case <-seen:
			case <-r.Context().Done():
			}
			if err := http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)); err != nil {
				t.Error(err)
			}
			w.Write(make([]byte, 1<<20))
			http.NewResponseController(w).Flush()
		}},
		{name: "full_duplex", body: "ping", client: 200, record: 200, handler: func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).EnableFullDuplex(); err != nil && r.ProtoMajor == 1 {
				t.Error(err)
			}
			io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
			if text, err := io.ReadAll(r.Body); err != nil || string(text) != "ping" {
				t.Errorf("the body after the answer began: %q, %v", text, err)
			}
		}},
		{name: "websocket", client: 101, record: 101, only: 1, handler: func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
			buffered.Write([]byte{0x88, 0x00}) // a frame that closes, RFC 6455 section 5.5.1
			buffered.Flush()
		}},
	} {
		for _, version := range []int{1, 2} {
			if test.only != 0 && test.only != version {
				continue
			}
			t.Run(fmt.Sprintf("%s_http%d", test.name, version), func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
				mux := http.NewServeMux()
				recorded := bulwark.RecordRoute(func(r *http.Request) string { return r.Pattern })
				mux.Handle("/documents/{id}", recorded.Wrap(test.handler))
				server := serve(t, version, m.Wrap(as("alice", mux)))
				seen = make(chan struct{})
				if got := send(t, server, version, test.body, seen); got != test.client {
					t.Errorf("the client sees %d, want %d", got, test.client)
				}
				server.Close()
				drain(t, m)
				records := out.records(t)
				access := of(records, "type", "access")
				if len(access) != 1 || access[0]["status"] != test.record || access[0]["cutOff"] != test.cutOff || access[0]["panicked"] != test.panicked {
					t.Fatalf("%s", out)
				}
				var events []string
				for _, e := range of(records, "type", "security") {
					events = append(events, fmt.Sprint(e["event"], " ", e["reason"], " ", e["status"]))
				}
				if strings.Join(events, ", ") != test.event {
					t.Errorf("events %v, want %q", events, test.event)
				}
				for _, record := range records {
					for key, want := range map[string]any{"path": "/documents/42", "route": "/documents/{id}", "method": "POST",
						"userId": "alice", "issuer": "test", "traceId": traceID, "spanId": spanID, "ip": "127.0.0.1"} {
						if record[key] != want {
							t.Errorf("%s of the %v record is %v, want %v", key, record["type"], record[key], want)
						}
					}
				}
			})
		}
	}
}

// send sends one request, and returns the status of the answer, or 0. It closes
// seen when it has the status.
func send(t *testing.T, server *running, version int, body string, seen chan struct{}) int {
	t.Helper()
	if version == 1 {
		return sendByHand(t, server, body, seen)
	}
	r, err := http.NewRequest("POST", server.URL+"/documents/42", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Traceparent", traceparent)
	r.Header.Set("Expect", "100-continue")
	res, err := server.Client().Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	close(seen)
	io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// sendByHand does without http.Transport, which does not send the rest of a
// body when an answer has begun.
func sendByHand(t *testing.T, server *running, body string, seen chan struct{}) int {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if server.TLS != nil {
		conn = tls.Client(conn, server.Client().Transport.(*http.Transport).TLSClientConfig)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /documents/42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTraceparent: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", traceparent, len(body), body)
	status := 0
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return status
		}
		if n, _ := fmt.Sscanf(line, "HTTP/1.1 %d", &status); n == 1 && (status >= 200 || status == 101) {
			close(seen)
			io.Copy(io.Discard, reader)
			return status
		}
		status = 0
	}
}
