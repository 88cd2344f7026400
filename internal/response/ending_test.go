package response_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/internal/response"
)

// The record tells what the client has seen: no status that never left, and no
// success for a client that had gone.
func TestCaseAudit4Ending(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	stopped, stop := context.WithCancelCause(t.Context())
	stop(errors.New("the server stops"))
	late, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	nothing := func(http.ResponseWriter) {}
	flushed := func(w http.ResponseWriter) { w.WriteHeader(206); w.(http.Flusher).Flush() }
	hijacked := func(w http.ResponseWriter) { w.(http.Hijacker).Hijack() }
	wrote := func(n int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { fmt.Fprint(w, strings.Repeat("a", n)) }
	}
	status := func(w http.ResponseWriter) { w.WriteHeader(404) }
	for _, test := range []struct {
		name   string
		ctx    context.Context
		answer func(http.ResponseWriter)
		how    response.How
		http2  bool
		want   response.Ending
	}{
		{"returned", t.Context(), nothing, response.Returned, false, response.Ending{Status: 200}},
		{"returned_with_status", t.Context(), status, response.Returned, false, response.Ending{Status: 404}},
		{"unseen", left, status, response.Returned, false, response.Ending{Status: 404, Cancelled: true}},
		{"too_late_for_the_body", left, func(w http.ResponseWriter) { w.WriteHeader(408) }, response.Returned, false, response.Ending{Status: 408}},
		{"unseen_and_aborted", left, status, response.Aborted, false, response.Ending{Status: 499, Cancelled: true}},
		{"unseen_and_panicked", left, status, response.Panicked, false, response.Ending{Status: 500}},
		{"seen_in_part", left, wrote(2049), response.Returned, false, response.Ending{Status: 200}},
		{"returned_after_flush", left, flushed, response.Returned, false, response.Ending{Status: 206}},
		{"unanswered", left, nothing, response.Returned, false, response.Ending{Status: 499, Cancelled: true}},
		{"unanswered_with_hints", left, func(w http.ResponseWriter) { w.WriteHeader(103) }, response.Returned, false, response.Ending{Status: 499, Cancelled: true}},
		{"unanswered_and_aborted", left, nothing, response.Aborted, true, response.Ending{Status: 499, Cancelled: true}},
		{"unanswered_and_panicked", left, nothing, response.Panicked, false, response.Ending{Status: 500}},
		{"server_stops", stopped, nothing, response.Returned, false, response.Ending{Status: 200}},
		{"deadline", late, nothing, response.Returned, false, response.Ending{Status: 200}},
		{"aborted", t.Context(), nothing, response.Aborted, false, response.Ending{Status: 500}},
		{"aborted_with_status_in_the_buffer", t.Context(), status, response.Aborted, false, response.Ending{Status: 500}},
		{"aborted_after_flush", t.Context(), flushed, response.Aborted, false, response.Ending{Status: 206, CutOff: true}},
		{"aborted_after_flush_client_gone", left, flushed, response.Aborted, false, response.Ending{Status: 206, CutOff: true}},
		{"panicked_after_flush", t.Context(), flushed, response.Panicked, true, response.Ending{Status: 206, CutOff: true}},
		{"aborted_with_body_in_the_buffer", t.Context(), wrote(2048), response.Aborted, false, response.Ending{Status: 500}},
		{"aborted_with_body_beyond_it", t.Context(), wrote(2049), response.Aborted, false, response.Ending{Status: 200, CutOff: true}},
		{"http2_aborted_with_body_in_the_buffer", t.Context(), wrote(4096), response.Aborted, true, response.Ending{Status: 500}},
		{"http2_aborted_with_body_beyond_it", t.Context(), wrote(4097), response.Panicked, true, response.Ending{Status: 200, CutOff: true}},
		{"hijacked", left, hijacked, response.Returned, false, response.Ending{Status: 101}},
		{"hijacked_and_panicked", left, hijacked, response.Panicked, false, response.Ending{Status: 101}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, watch := response.Of(withFlushAndHijack{&withFlush{bare: newBare()}, withHijack{newBare(), nil}})
			test.answer(w)
			r := httptest.NewRequest("GET", "/", nil).WithContext(test.ctx)
			if test.http2 {
				r.ProtoMajor = 2
			}
			if got := watch.Ending(r, test.how); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if test.want.Cancelled && test.want.Status == 499 && watch.Started() && test.how != response.Aborted {
				t.Error("an answer of which nothing was seen has started")
			}
		})
	}
}

// An answer that is shorter than its Content-Length is not whole: the server
// breaks the connection off, and the client sees an unexpected end.
func TestEndingOfAShortAnswer(t *testing.T) {
	long := func(status int, length, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", length)
			if status != 0 {
				w.WriteHeader(status)
			}
			if body != "" {
				w.Write([]byte(body))
			}
		}
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter)
		want   response.Ending
		head   response.Ending
	}{
		{"short", long(0, "10", "12345"), response.Ending{Status: 200, CutOff: true}, response.Ending{Status: 200}},
		{"short_with_status", long(404, "10", "12345"), response.Ending{Status: 404, CutOff: true}, response.Ending{Status: 404}},
		{"status_only", long(206, "10", ""), response.Ending{Status: 206, CutOff: true}, response.Ending{Status: 206}},
		{"nothing", func(w http.ResponseWriter) { w.Header().Set("Content-Length", "10") }, response.Ending{Status: 200, CutOff: true}, response.Ending{Status: 200}},
		{"whole", long(0, "5", "12345"), response.Ending{Status: 200}, response.Ending{Status: 200}},
		{"empty", long(0, "0", ""), response.Ending{Status: 200}, response.Ending{Status: 200}},
		{"not_modified", long(304, "10", ""), response.Ending{Status: 304}, response.Ending{Status: 304}},
		{"no_content", long(204, "10", ""), response.Ending{Status: 204}, response.Ending{Status: 204}},
		{"no_number", long(0, "ten", "12345"), response.Ending{Status: 200}, response.Ending{Status: 200}},
		{"too_late", func(w http.ResponseWriter) { w.Write([]byte("12345")); w.Header().Set("Content-Length", "10") }, response.Ending{Status: 200}, response.Ending{Status: 200}},
		{"copied", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "10")
			io.Copy(w, struct{ io.Reader }{strings.NewReader("12345")})
		}, response.Ending{Status: 200, CutOff: true}, response.Ending{Status: 200}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for method, want := range map[string]response.Ending{"GET": test.want, "HEAD": test.head} {
				w, watch := response.Of(&withFlush{bare: newBare()})
				test.answer(w)
				if got := watch.Ending(httptest.NewRequest(method, "/", nil), response.Returned); got != want {
					t.Errorf("%s: %+v, want %+v", method, got, want)
				}
			}
		})
	}
}

// A stream that was ended because the caller's credential expired is not whole.
func TestCaseAudit4EndingOfAnExpiredStream(t *testing.T) {
	inner, s := newConnection(), new(scope)
	w, watch := response.Of(inner)
	watch.EndAt(time.Now().Add(-time.Second), s)
	w.WriteHeader(200)
	if err := flush(w); err != response.ErrExpired {
		t.Fatal(err)
	}
	if got := watch.Ending(httptest.NewRequest("GET", "/", nil), response.Returned); got != (response.Ending{Status: 200, CutOff: true}) {
		t.Errorf("got %+v", got)
	}
}

// An answer that begins when the client has gone is not seen, however long it
// is.
func TestCaseAudit4EndingOfALateAnswer(t *testing.T) {
	for how, want := range map[response.How]response.Ending{
		response.Returned: {Status: 206, Cancelled: true},
		response.Aborted:  {Status: 499, Cancelled: true},
		response.Panicked: {Status: 206, CutOff: true},
	} {
		client, leave := context.WithCancel(t.Context())
		w, watch := response.Of(&withFlush{bare: newBare()})
		watch.From(client)
		leave()
		w.WriteHeader(206)
		flush(w)
		if got := watch.Ending(httptest.NewRequest("GET", "/", nil).WithContext(client), how); got != want {
			t.Errorf("%v: %+v, want %+v", how, got, want)
		}
	}
}

// A short writer fails when so many bytes of the body have been written, as the
// connection does that is cut off by its deadline.
type shortWriter struct {
	*bare
	room int
	err  error
}

func (s *shortWriter) Write(p []byte) (int, error) {
	if len(p) > s.room {
		return 0, s.err
	}
	s.room -= len(p)
	return len(p), nil
}

func (s *shortWriter) WriteString(text string) (int, error) { return s.Write([]byte(text)) }
func (s *shortWriter) FlushError() error                    { _, err := s.Write([]byte("the buffer")); return err }

// A shortCopier copies by itself, as net/http does on HTTP/1.
type shortCopier struct{ *shortWriter }

func (s shortCopier) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{s.shortWriter}, src)
}

// An answer whose handler returns although its body could not be sent is not
// whole.
func TestEndingOfAnAnswerThatCouldNotBeSent(t *testing.T) {
	late := &net.OpError{Op: "write", Net: "tcp", Err: os.ErrDeadlineExceeded}
	const sent, more = 3000, 100
	part := strings.Repeat("a", more)
	for _, test := range []struct {
		name   string
		err    error
		copies bool
		answer func(w http.ResponseWriter)
		want   bool
	}{
		{"write", late, false, func(w http.ResponseWriter) { w.Write([]byte(part)) }, true},
		{"write_string", late, false, func(w http.ResponseWriter) { io.WriteString(w, part) }, true},
		{"flush", late, false, func(w http.ResponseWriter) { flush(w) }, true},
		{"copy", late, true, func(w http.ResponseWriter) { io.Copy(w, struct{ io.Reader }{strings.NewReader(part)}) }, true},
		{"copy_without_read_from", late, false, func(w http.ResponseWriter) { io.Copy(w, struct{ io.Reader }{strings.NewReader(part)}) }, true},
		{"stream_closed", errors.New("http2: stream closed"), false, func(w http.ResponseWriter) { io.WriteString(w, part) }, true},
		{"source_fails", &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, true,
			func(w http.ResponseWriter) { io.Copy(w, struct{ io.Reader }{strings.NewReader(part)}) }, false},
		{"body_not_allowed", http.ErrBodyNotAllowed, false, func(w http.ResponseWriter) { io.WriteString(w, part) }, false},
		{"beyond_content_length", http.ErrContentLength, false, func(w http.ResponseWriter) { io.WriteString(w, part) }, false},
		{"whole", late, true, func(http.ResponseWriter) {}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			short := &shortWriter{newBare(), sent, test.err}
			var inner http.ResponseWriter = short
			if test.copies {
				inner = shortCopier{short}
			}
			w, watch := response.Of(inner)
			w.Write(make([]byte, sent))
			test.answer(w)
			got := watch.Ending(httptest.NewRequest("GET", "/", nil), response.Returned)
			if want := (response.Ending{Status: 200, CutOff: test.want}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	// Nothing has left: the client sees no status, and net/http says nothing.
	w, watch := response.Of(&shortWriter{newBare(), 0, late})
	w.Write([]byte(part))
	if got := watch.Ending(httptest.NewRequest("GET", "/", nil), response.Returned); got.CutOff {
		t.Errorf("got %+v of an answer that has not begun", got)
	}
}
