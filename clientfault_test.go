package bulwark_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/response"
)

// An outcome is what a server has made of a request: the answer as it was
// written, whether or not anybody has read it, and the events.
type outcome struct {
	status int
	body   string
	events []bulwark.Event
}

// written keeps what a handler writes.
type written struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (w *written) Unwrap() http.ResponseWriter { return w.ResponseWriter }
func (w *written) WriteHeader(status int)      { w.status = status; w.ResponseWriter.WriteHeader(status) }
func (w *written) Write(p []byte) (int, error) {
	w.body.Write(p)
	return w.ResponseWriter.Write(p)
}

// protocols are servers of both versions, over TLS and not.
var protocols = map[string]func(*httptest.Server){
	"HTTP1":    func(s *httptest.Server) { s.Start() },
	"HTTP1TLS": func(s *httptest.Server) { s.StartTLS() },
	"HTTP2":    func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() },
}

// served starts a server of h and returns where its one outcome goes.
func served(t *testing.T, protocol string, h http.HandlerFunc) (*httptest.Server, <-chan outcome) {
	t.Helper()
	outcomes := make(chan outcome, 1)
	var rec bulwarktest.Recorder
	guarded := rec.Wrap(h)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want := strings.HasPrefix(protocol, "HTTP2"); want != (r.ProtoMajor == 2) {
			t.Errorf("the request came over %s", r.Proto)
		}
		kept := &written{ResponseWriter: w}
		guarded.ServeHTTP(kept, r)
		outcomes <- outcome{kept.status, kept.body.String(), rec.Take()}
	}))
	protocols[protocol](server)
	t.Cleanup(server.Close)
	return server, outcomes
}

// check asserts the outcome of a refusal; a nil level means that there is no event.
func (o outcome) check(t *testing.T, status int, code string, name bulwark.EventName, level slog.Leveler) {
	t.Helper()
	if o.status != status || !strings.Contains(o.body, `"code":"`+code+`"`) {
		t.Errorf("%d %s, want %d %s", o.status, o.body, status, code)
	}
	if level == nil {
		if len(o.events) != 0 {
			t.Errorf("events %+v", o.events)
		}
		return
	}
	checkEvent(t, o.events, name, code, status, level.Level())
}

func TestCaseRoot3TheClientHasLeft(t *testing.T) {
	for protocol := range protocols {
		for name, wrap := range map[string]func(error) error{
			"plain":     func(err error) error { return err },
			"wrapped":   func(err error) error { return fmt.Errorf("query: %w", err) },
			"joined":    func(err error) error { return errors.Join(errors.New("query"), err) },
			"flattened": func(err error) error { return fmt.Errorf("rpc error: code = Canceled desc = %v", err) },
			"dialling":  func(error) error { return errors.New("dial tcp: lookup a: operation was canceled") },
		} {
			t.Run(protocol+"_"+name, func(t *testing.T) {
				ctx, leave := context.WithCancel(t.Context())
				server, outcomes := served(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					leave()
					<-r.Context().Done()
					bulwark.Deny(w, r, wrap(r.Context().Err()))
				})
				r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
				if answer, err := server.Client().Do(r); err == nil {
					answer.Body.Close() // it may still come, to nobody
				}
				(<-outcomes).check(t, 499, "request.canceled", "", nil)
			})
		}
	}
}

// Writing to a client that has left is not our failure, whatever version of
// HTTP says so.
func TestCaseRoot3TheClientHasLeftTheAnswer(t *testing.T) {
	for protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			server, outcomes := served(t, protocol, func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).Flush()
				leave()
				<-r.Context().Done()
				for {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						bulwark.Deny(w, r, fmt.Errorf("copy: %w", err))
						return
					}
				}
			})
			r, _ := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
			if answer, err := server.Client().Do(r); err == nil {
				answer.Body.Close()
			}
			if o := <-outcomes; len(o.events) != 0 {
				t.Errorf("events %+v", o.events)
			}
		})
	}
}

func TestCaseRoot3WhatWasDecidedIsReported(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		event bulwark.EventName
		level slog.Level
	}{
		"refused":     {&bulwark.Problem{Status: 403, Code: "a.b"}, bulwark.AuthzFail, slog.LevelWarn},
		"down":        {&bulwark.Problem{Status: 503, Code: "a.b", Err: errors.New("no route")}, bulwark.SysUnavailable, slog.LevelError},
		"late":        {&bulwark.Problem{Status: 503, Code: "a.b", Err: context.DeadlineExceeded}, bulwark.SysUnavailable, slog.LevelError},
		"interrupted": {&bulwark.Problem{Status: 503, Code: "a.b", Err: fmt.Errorf("query: %w", context.Canceled)}, bulwark.SysUnavailable, slog.LevelInfo},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			leave()
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, test.err) })).
				ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
			var p *bulwark.Problem
			errors.As(test.err, &p)
			checkProblem(t, w, p.Status, "a.b")
			checkEvent(t, rec.Take(), test.event, "a.b", p.Status, test.level)
		})
	}
}

// readAndDeny is what a handler does with a body.
func readAndDeny(wrap func(error) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			bulwark.Deny(w, r, wrap(err))
		}
	}
}

var wrappings = map[string]func(error) error{
	"plain":     func(err error) error { return err },
	"wrapped":   func(err error) error { return fmt.Errorf("upload: %w", err) },
	"flattened": func(err error) error { return fmt.Errorf("upload: %v", err) },
}

func TestCaseRoot3TheBodyBreaksOff(t *testing.T) {
	for name, head := range map[string]string{
		"length":    "Content-Length: 100\r\n\r\nabc",
		"chunk":     "Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
		"size":      "Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n",
		"delimiter": "Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
		"huge_size": "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"trailer":   "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nbad trailer\r\n\r\n",
	} {
		for how, wrap := range wrappings {
			t.Run(name+"_"+how, func(t *testing.T) {
				server, outcomes := served(t, "HTTP1", readAndDeny(wrap))
				conn, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\n"+head)
				conn.(*net.TCPConn).CloseWrite()
				(<-outcomes).check(t, 400, "body.incomplete", bulwark.InputValidationFail, slog.LevelWarn)
			})
		}
	}
	t.Run("HTTP2", func(t *testing.T) {
		begun := make(chan struct{})
		server, outcomes := served(t, "HTTP2", func(w http.ResponseWriter, r *http.Request) {
			close(begun)
			readAndDeny(wrappings["wrapped"])(w, r)
		})
		body := io.MultiReader(strings.NewReader("abc"), waiting{begun}, iotest.ErrReader(errors.New("disk on fire")))
		if answer, err := server.Client().Post(server.URL, "text/plain", body); err == nil {
			answer.Body.Close() // it may come before the client knows
		}
		(<-outcomes).check(t, 400, "body.incomplete", bulwark.InputValidationFail, slog.LevelWarn)
	})
}

// waiting is an empty reader that ends when the channel is closed.
type waiting struct{ until <-chan struct{} }

func (w waiting) Read([]byte) (int, error) { <-w.until; return 0, io.EOF }

func TestCaseRoot3TheBodyIsLate(t *testing.T) {
	for protocol := range protocols {
		for how, wrap := range wrappings {
			t.Run(protocol+"_"+how, func(t *testing.T) {
				server, outcomes := served(t, protocol, func(w http.ResponseWriter, r *http.Request) {
					if err := http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)); err != nil {
						t.Error(err)
					}
					readAndDeny(wrap)(w, r)
				})
				never := make(chan struct{})
				go func() {
					r, _ := http.NewRequest("POST", server.URL, waiting{never})
					if answer, err := server.Client().Do(r); err == nil {
						answer.Body.Close()
					}
				}()
				(<-outcomes).check(t, 408, "body.timeout", bulwark.InputValidationFail, slog.LevelWarn)
				close(never)
			})
		}
	}
}

// What is the program's own is an error, whatever the client does meanwhile.
func TestCaseRoot3OurOwnFaults(t *testing.T) {
	late := func() error {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		ours.SetReadDeadline(time.Unix(1, 0))
		_, err := ours.Read(make([]byte, 1))
		return fmt.Errorf("database: %w", err)
	}
	elsewhere := &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 9), Port: 5432}, Err: os.ErrDeadlineExceeded}
	own := func(r *http.Request) error {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		return ctx.Err()
	}
	deadline := func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), 0)
		defer cancel()
		return ctx.Err()
	}
	for name, test := range map[string]struct {
		err  func(r *http.Request) error
		left bool
	}{
		"deadline":                 {deadline, false},
		"deadline_and_left":        {func(*http.Request) error { return context.DeadlineExceeded }, true},
		"cancelled_by_the_handler": {own, false},
		"flattened":                {func(r *http.Request) error { return fmt.Errorf("rpc: %v", own(r)) }, false},
		"stream_of_a_service":      {func(*http.Request) error { return errors.New("http2: stream closed") }, false},
		"database":                 {func(*http.Request) error { return late() }, false},
		"database_by_TCP":          {func(*http.Request) error { return elsewhere }, false},
		"answer_of_a_service":      {func(*http.Request) error { return fmt.Errorf("billing: %w", io.ErrUnexpectedEOF) }, false},
		"URL_of_ours":              {func(*http.Request) error { _, err := url.Parse(strings.Repeat("%zz", 1)); return err }, false},
		"deadline_beside_it":       {func(*http.Request) error { return errors.Join(context.DeadlineExceeded, context.Canceled) }, true},
		"another_error":            {func(*http.Request) error { return errors.New("disk full") }, true},
		"closed_by_the_handler":    {func(r *http.Request) error { r.Body.Close(); _, err := r.Body.Read(make([]byte, 1)); return err }, false},
	} {
		t.Run(name, func(t *testing.T) {
			handler := func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasPrefix(name, "closed") {
					io.Copy(io.Discard, r.Body)
				}
				bulwark.Deny(w, r, test.err(r))
			}
			if test.left {
				ctx, leave := context.WithCancel(t.Context())
				leave()
				var rec bulwarktest.Recorder
				w := httptest.NewRecorder()
				rec.Wrap(http.HandlerFunc(handler)).ServeHTTP(w, httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader("abc")))
				checkProblem(t, w, 500, "internal.error")
				checkEvent(t, rec.Take(), bulwark.SysUnavailable, "internal.error", 500, slog.LevelError)
				return
			}
			server, outcomes := served(t, "HTTP1", handler)
			answer, err := server.Client().Post(server.URL, "text/plain", strings.NewReader("abc"))
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			(<-outcomes).check(t, 500, "internal.error", bulwark.SysUnavailable, slog.LevelError)
		})
	}
	t.Run("cancelled_with_a_cause", func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		stop(errors.New("the server stops"))
		var rec bulwarktest.Recorder
		rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, r.Context().Err()) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/", nil))
		checkEvent(t, rec.Take(), bulwark.SysUnavailable, "internal.error", 500, slog.LevelError)
	})
}

// Without any layer outside nobody has watched the body: the kind of the error
// decides, and a request without a body has none that could break off.
func TestCaseRoot3WithoutLayers(t *testing.T) {
	client := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1234} // as of httptest.NewRequest
	reset := errors.New("connection reset by peer")
	for _, test := range []struct {
		name   string
		body   bool
		err    error
		status int
		code   string
	}{
		{"cut", true, io.ErrUnexpectedEOF, 400, "body.incomplete"},
		{"cut_and_wrapped", true, fmt.Errorf("upload: %w", io.ErrUnexpectedEOF), 400, "body.incomplete"},
		{"malformed", true, errors.New("malformed chunked encoding"), 400, "body.incomplete"},
		{"long_line", true, http.ErrLineTooLong, 400, "body.incomplete"},
		{"late", true, os.ErrDeadlineExceeded, 408, "body.timeout"},
		{"late_on_the_connection", true, &net.OpError{Op: "read", Addr: client, Err: os.ErrDeadlineExceeded}, 408, "body.timeout"},
		{"reset", true, &net.OpError{Op: "read", Addr: client, Err: reset}, 400, "body.incomplete"},
		{"gone_while_written_to", false, &net.OpError{Op: "write", Addr: client, Err: reset}, 499, "request.canceled"},
		{"form_too_large", true, fmt.Errorf("form: %w", multipart.ErrMessageTooLarge), 413, "body.too_large"},
		{"not_a_form", true, http.ErrNotMultipart, 415, "body.unsupported_media_type"},
		{"no_boundary", true, http.ErrMissingBoundary, 400, "body.malformed"},
		{"no_file", true, http.ErrMissingFile, 400, "body.malformed"},
		{"too_large", true, &http.MaxBytesError{Limit: 3}, 413, "body.too_large"},
		{"no_body", false, io.ErrUnexpectedEOF, 500, "internal.error"},
		{"no_body_and_late", false, os.ErrDeadlineExceeded, 500, "internal.error"},
		{"deadline", true, context.DeadlineExceeded, 500, "internal.error"},
		{"canceled_and_still_there", true, context.Canceled, 500, "internal.error"},
		{"other", true, errors.New("disk full"), 500, "internal.error"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", nil)
			if test.body {
				r.Body = io.NopCloser(strings.NewReader("abc"))
			}
			w := httptest.NewRecorder()
			bulwark.Deny(w, r, test.err)
			checkProblem(t, w, test.status, test.code)
		})
	}
	t.Run("left", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		bulwark.Deny(w, r, r.Context().Err())
		checkProblem(t, w, 499, "request.canceled")
	})
}

// A stream that ends with the credential of its caller is nobody's fault.
func TestCaseRoot3TheCredentialHasExpired(t *testing.T) {
	for cause, want := range map[error]string{response.ErrExpired: "expired", response.ErrRevoked: "revoked", response.ErrUnchecked: "unchecked"} {
		for name, err := range map[string]error{"context": context.Canceled, "write": fmt.Errorf("write: %w", cause)} {
			t.Run(want+"_"+name, func(t *testing.T) {
				w, events := answered(func(w http.ResponseWriter, r *http.Request) {
					r, s := bulwark.Identify(r, alice())
					s.Cancel(cause)
					bulwark.Deny(w, r, err)
				}, nil)
				if cause == response.ErrUnchecked { // the authentication layer has reported it
					if checkProblem(t, w, 503, "request.credential_unchecked"); len(events) != 0 {
						t.Errorf("events %v", events)
					}
					return
				}
				checkProblem(t, w, 401, "request.credential_"+want)
				checkEvent(t, events, bulwark.SessionExpired, "request.credential_"+want, 401, slog.LevelInfo)
			})
		}
	}
}
