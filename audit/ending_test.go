package audit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// An answer that was cut off has the status that the client has seen, and a
// mark. To cut it off on purpose is not a fault.
func TestCaseAudit4CutOff(t *testing.T) {
	for _, test := range []struct {
		name     string
		handler  http.HandlerFunc
		client   int // 0: the client sees no status
		record   float64
		cutOff   any
		panicked any
		event    string
	}{
		{"flush_and_abort", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 200, 200, true, nil, ""},
		{"large_body_and_abort", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(206)
			w.Write(make([]byte, 100_000))
			panic(http.ErrAbortHandler)
		}, 206, 206, true, nil, ""},
		{"copied_and_abort", func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, strings.NewReader(strings.Repeat("a", 100_000)))
			panic(http.ErrAbortHandler)
		}, 200, 200, true, nil, ""},
		{"refused_and_abort", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(403)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 403, 403, true, nil, "authz_fail audit.unreported 403"},
		{"flush_and_panic", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			panic("secret of the handler")
		}, 200, 200, true, true, "sys_unavailable audit.panic 200"},
		{"abort_alone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 500, nil, true, ""},
		{"status_and_abort", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			panic(http.ErrAbortHandler)
		}, 0, 500, nil, true, ""},
		{"whole", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, 200, 200, nil, nil, ""},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s_http%d", test.name, version), func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
				server := serve(t, version, m.Wrap(test.handler))
				status := 0
				if resp, err := server.Client().Get(server.URL + "/x"); err == nil {
					status = resp.StatusCode
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				server.Close()
				drain(t, m)
				got := out.records(t)
				access := of(got, "type", "access")
				if len(access) != 1 || access[0]["status"] != test.record || access[0]["cutOff"] != test.cutOff || access[0]["panicked"] != test.panicked {
					t.Errorf("access %v", access)
				}
				if status != test.client {
					t.Errorf("the client sees %d, want %d", status, test.client)
				}
				var events []string
				for _, e := range of(got, "type", "security") {
					events = append(events, fmt.Sprint(e["event"], " ", e["reason"], " ", e["status"]))
				}
				if strings.Join(events, ", ") != test.event {
					t.Errorf("events %v, want %q", events, test.event)
				}
			})
		}
	}
}

// A request that nobody waited for any more is not a success.
func TestCaseAudit4Cancelled(t *testing.T) {
	for _, test := range []struct {
		name string
		// handler calls gone, which lets the client leave and waits until it
		// has.
		handler   func(w http.ResponseWriter, r *http.Request, gone func())
		record    float64
		cancelled any
	}{
		{"unanswered", func(_ http.ResponseWriter, _ *http.Request, gone func()) { gone() }, 499, true},
		{"unanswered_and_aborted", func(_ http.ResponseWriter, _ *http.Request, gone func()) { gone(); panic(http.ErrAbortHandler) }, 499, true},
		{"hints_alone", func(w http.ResponseWriter, _ *http.Request, gone func()) { w.WriteHeader(103); gone() }, 499, true},
		{"answered_before", func(w http.ResponseWriter, _ *http.Request, gone func()) {
			w.WriteHeader(201)
			w.(http.Flusher).Flush()
			gone()
		}, 201, nil},
		{"answered_afterwards", func(w http.ResponseWriter, _ *http.Request, gone func()) { gone(); io.WriteString(w, "late") }, 200, true},
		{"answered_afterwards_at_length", func(w http.ResponseWriter, _ *http.Request, gone func()) {
			gone()
			w.Write(make([]byte, 1<<16))
			w.(http.Flusher).Flush()
		}, 200, true},
		{"answered_into_the_buffer", func(w http.ResponseWriter, _ *http.Request, gone func()) { w.WriteHeader(201); gone() }, 201, true},
		{"denied", func(w http.ResponseWriter, r *http.Request, gone func()) {
			gone()
			bulwark.Deny(w, r, r.Context().Err())
		}, 499, true},
		{"timed", func(w http.ResponseWriter, r *http.Request, gone func()) {
			over := make(chan struct{}) // or the handler may return before its TimeoutHandler gives it up
			defer close(over)
			http.TimeoutHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { gone(); <-over }), time.Hour, "").ServeHTTP(w, r)
		}, 503, true},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s_http%d", test.name, version), func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
				entered := make(chan struct{})
				server := serve(t, version, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					test.handler(w, r, func() { close(entered); <-r.Context().Done() })
				})))
				ctx, leave := context.WithCancel(t.Context())
				go func() { <-entered; leave() }()
				r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
				if resp, err := server.Client().Do(r); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				server.Close()
				drain(t, m)
				got := out.records(t)
				if len(got) != 1 || got[0]["status"] != test.record || got[0]["cancelled"] != test.cancelled || got[0]["panicked"] != nil {
					t.Errorf("%s", out)
				}
			})
		}
	}
	// A deadline is ours, and a context that a layer inside ends is not the
	// client's.
	for name, within := range map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Unix(1, 0))
		},
		"stop": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			cancel(errors.New("the server stops"))
			return ctx, func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := newLog()
			m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
			ctx, cancel := within(t.Context())
			defer cancel()
			m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(httptest.NewRecorder(), request("GET", "/").WithContext(ctx))
			drain(t, m)
			if got := out.records(t); len(got) != 1 || got[0]["status"] != 200.0 || got[0]["cancelled"] != nil {
				t.Errorf("%s", out)
			}
		})
	}
}

// The record of a panic can be joined with the line of the server: both have
// the client's address with its port.
func TestCaseTransport5PanicNamesTheConnection(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out)})
	server := serve(t, 1, m.Wrap(as("alice", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret of the handler") }))))
	var local string
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		if conn, err = new(net.Dialer).DialContext(ctx, network, addr); err == nil {
			local = conn.LocalAddr().String()
		}
		return conn, err
	}}}
	if resp, err := client.Get(server.URL); err == nil {
		resp.Body.Close()
	}
	server.Close()
	drain(t, m)
	if got := out.records(t); len(got) != 1 || got[0]["remoteAddr"] != local || local == "" || got[0]["userId"] != "alice" {
		t.Errorf("%s, want the address %s", out, local)
	}
}

// A router that asserts http.CloseNotifier, as gin's Stream does, gets it from
// behind the layer.
func TestCaseTransport1BehindAudit(t *testing.T) {
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gone := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
		for range 3 {
			select {
			case <-gone:
				return
			default:
				io.WriteString(w, "x")
				w.(http.Flusher).Flush()
			}
		}
	})
	for _, version := range []int{1, 2} {
		m := build(t, audit.Config{Logger: slog.New(newLog())})
		server := serve(t, version, m.Wrap(stream))
		resp, err := server.Client().Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := bufio.NewReader(resp.Body).ReadString(0); body != "xxx" || err != io.EOF {
			t.Errorf("http%d: %q, %v", version, body, err)
		}
		resp.Body.Close()
	}
	// httptest's recorder has no such method, and the layer makes up none.
	m := build(t, audit.Config{Logger: slog.New(newLog())})
	m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, ok := w.(interface{ CloseNotify() <-chan bool }); ok {
			t.Error("promises what the recorder cannot do")
		}
		if _, ok := w.(http.Pusher); ok {
			t.Error("promises to push")
		}
	})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
}

// What a request reported before counts for no sub-request, whatever it was,
// and not for the request itself where it is passed on to another audit layer.
func TestMissingAuditBeforeTheSubRequest(t *testing.T) {
	events := map[string]bulwark.Event{
		"nothing":          {},
		"another_event":    {Name: bulwark.AuthzAdmin},
		"the_same_status":  {Name: bulwark.AuthzFail, Status: 403, Reason: "test.before"},
		"a_failed_login":   {Name: bulwark.AuthnLoginFail, Status: 403, Reason: "test.before"},
		"the_same_refusal": {Name: bulwark.AuthzFail, Status: 403, Reason: "test.before", Rule: "x"},
	}
	for name, before := range events {
		for kind, part := range map[string]func(r *http.Request) *http.Request{
			"new_request": func(r *http.Request) *http.Request { return request("GET", "/inner").WithContext(r.Context()) },
			"clone":       func(r *http.Request) *http.Request { return r.Clone(r.Context()) },
			"itself":      func(r *http.Request) *http.Request { return r },
		} {
			t.Run(name+"_"+kind, func(t *testing.T) {
				out := newLog()
				m := build(t, audit.Config{Logger: slog.New(out)})
				inner := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }))
				m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if before.Name != "" {
						bulwark.Report(r, before)
					}
					for range 3 {
						inner.ServeHTTP(httptest.NewRecorder(), part(r))
					}
				})).ServeHTTP(httptest.NewRecorder(), request("GET", "/inner"))
				drain(t, m)
				got := of(out.records(t), "reason", "audit.unreported")
				if len(got) != 3 {
					t.Fatalf("%d of 3 silent refusals are reported: %s", len(got), out)
				}
				for _, record := range got {
					if record["event"] != "authz_fail" || record["status"] != 403.0 || record["path"] != "/inner" {
						t.Errorf("%v", record)
					}
				}
			})
		}
	}
}

// A client that is too slow is there: it reads the 408, and the record says so.
func TestTooSlowIsNotGone(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true})
	server := serve(t, 1, m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // long ago
		_, err := io.ReadAll(r.Body)
		bulwark.Deny(w, r, err)
	})))
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestTimeout {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
	server.Close()
	drain(t, m)
	for _, record := range out.records(t) {
		if record["status"] != 408.0 || record["cancelled"] != nil {
			t.Errorf("%v", record)
		}
	}
}
