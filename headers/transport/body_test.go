package transport_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers/transport"
)

const mebi = 1 << 20

// readAll answers 200 with the size of the body, and refuses what cannot be
// read.
var readAll = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		bulwark.Deny(w, r, err)
		return
	}
	io.WriteString(w, "read "+http.StatusText(200)+" "+strings.Repeat("x", int(n%7)))
})

// limit wraps next with limits, outermost first.
func limit(next http.Handler, limits ...int64) http.Handler {
	for i := len(limits) - 1; i >= 0; i-- {
		next = bulwark.Must(transport.MaxBodyBytes(limits[i]).Build()).Wrap(next)
	}
	return next
}

func TestMaxBodyBytes(t *testing.T) {
	stdlib := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 10)
		readAll(w, r)
	})
	for _, test := range []struct {
		name    string
		handler http.Handler
		size    int64
		limit   int64 // in the problem, 0 where the request passes
	}{
		{"default_fits", readAll, mebi, 0},
		{"default_exceeded", readAll, mebi + 1, mebi},
		{"smaller_fits", limit(readAll, 10), 10, 0},
		{"smaller_exceeded", limit(readAll, 10), 11, 10},
		{"larger_fits", limit(readAll, 3*mebi), 3 * mebi, 0},
		{"larger_exceeded", limit(readAll, 3*mebi), 3*mebi + 1, 3 * mebi},
		{"smaller_inside_larger", limit(readAll, 3*mebi, 10), 11, 10},
		{"larger_inside_smaller", limit(readAll, 10, 3*mebi), 11, 10},
		{"standard_library_inside", stdlib, 11, 10},
		{"standard_library_inside_fits", stdlib, 10, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			server := transport.Server(rec.Wrap(test.handler))
			for _, chunked := range []bool{false, true} {
				r := httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("a", int(test.size))))
				if chunked {
					r.ContentLength = -1
				}
				w := httptest.NewRecorder()
				server.Handler.ServeHTTP(w, r)
				events := rec.Take()
				if test.limit == 0 {
					if w.Code != 200 || len(events) != 0 {
						t.Errorf("status %d with events %v, want 200 and none", w.Code, events)
					}
					continue
				}
				if w.Code != http.StatusRequestEntityTooLarge || !strings.Contains(w.Body.String(), `"code":"body.too_large"`) {
					t.Errorf("answer is %d %s, want 413 body.too_large", w.Code, w.Body)
				}
				if w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("Content-Type is %q", w.Header().Get("Content-Type"))
				}
				if len(events) != 1 || events[0].Name != bulwark.InputValidationFail || events[0].Reason != "body.too_large" {
					t.Errorf("events are %+v", events)
				}
			}
		})
	}
}

// What was read before a limit came cannot be read again under it.
func TestMaxBodyBytesAfterReading(t *testing.T) {
	var got error
	late := limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, got = io.Copy(io.Discard, r.Body)
	}), 3)
	server := transport.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.ReadFull(r.Body, make([]byte, 2))
		late.ServeHTTP(w, r)
	}))
	server.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("123456")))
	if tooLarge := (*http.MaxBytesError)(nil); !errors.As(got, &tooLarge) || tooLarge.Limit != 3 {
		t.Errorf("reading ended with %v, want a limit of 3", got)
	}
}

func TestMaxBodyBytesWithoutServer(t *testing.T) {
	var rec bulwarktest.Recorder
	w := httptest.NewRecorder()
	rec.Wrap(limit(readAll, 5)).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader("123456")))
	if w.Code != http.StatusRequestEntityTooLarge || len(rec.Take()) != 1 {
		t.Errorf("status is %d, want 413 and an event", w.Code)
	}
}

// A request without a body costs nothing, and the request of the server stays
// as it is.
func TestMaxBodyBytesLeavesTheRequestAlone(t *testing.T) {
	var seen *http.Request
	server := transport.Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r }))
	for _, body := range []io.Reader{nil, http.NoBody} {
		r := httptest.NewRequest("GET", "/", body)
		server.Handler.ServeHTTP(httptest.NewRecorder(), r)
		if seen != r {
			t.Error("a request without a body was copied")
		}
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("x"))
	before := r.Body
	server.Handler.ServeHTTP(httptest.NewRecorder(), r)
	if r.Body != before {
		t.Error("the body of the server's own request was replaced")
	}
	if err := seen.Body.Close(); err != nil {
		t.Error(err)
	}
}

// wrapped is a writer that a layer put around the server's.
type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// loop is a writer that unwraps to itself.
type loop struct{ http.ResponseWriter }

func (w loop) Unwrap() http.ResponseWriter { return w }

// Layers further out learn the pattern, and those with a writer of their own do
// not keep the server from closing the connection. It is a plain server: that
// of [transport.Server] has put its own body outside of all that already.
func TestMaxBodyBytesInAChain(t *testing.T) {
	patterns := make(chan string, 1)
	outer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { patterns <- r.Pattern }()
			next.ServeHTTP(wrapped{wrapped{w}}, r)
		})
	})
	var rec bulwarktest.Recorder
	stack := bulwark.Must(bulwark.Chain(&rec, outer, transport.MaxBodyBytes(1000)))
	mux := http.NewServeMux()
	mux.Handle("/docs/{id}", readAll)
	ln := listen(t)
	server := &http.Server{Handler: stack.Wrap(mux)}
	go server.Serve(ln)
	defer server.Close()
	for _, test := range []struct {
		name   string
		size   int
		status int
		events int
	}{{"no_body", 0, 200, 0}, {"fits", 1000, 200, 0}, {"exceeds", 100_000, http.StatusRequestEntityTooLarge, 1}} {
		t.Run(test.name, func(t *testing.T) {
			conn := dial(t, ln)
			go fmt.Fprintf(conn, "POST /docs/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", test.size, strings.Repeat("a", test.size))
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != test.status || res.Close != (test.status != 200) {
				t.Errorf("status %d, close %t; want %d", res.StatusCode, res.Close, test.status)
			}
			if got := <-patterns; got != "/docs/{id}" {
				t.Errorf("the layer outside reads the pattern %q", got)
			}
			if events := rec.Take(); len(events) != test.events {
				t.Errorf("events are %+v, want %d", events, test.events)
			}
		})
	}
}

func TestMaxBodyBytesUnderALoop(t *testing.T) {
	w := httptest.NewRecorder()
	limit(readAll, 5).ServeHTTP(loop{w}, httptest.NewRequest("POST", "/", strings.NewReader("123456")))
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status is %d, want 413", w.Code)
	}
}

func TestMaxBodyBytesFaults(t *testing.T) {
	for _, n := range []int64{0, -1} {
		layer, err := transport.MaxBodyBytes(n).Build()
		fault := (*bulwark.ConfigError)(nil)
		if layer != nil || !errors.As(err, &fault) || fault.Field != "transport.MaxBodyBytes" {
			t.Errorf("%d is %v, %v; want a ConfigError", n, layer, err)
		}
	}
	layer := bulwark.Must(transport.MaxBodyBytes(1).Build())
	if same, err := layer.Build(); same != layer || err != nil {
		t.Error("Build of a layer is not the layer")
	}
	if kind := layer.(bulwark.Kinded).Kind(); kind != "transport.body" {
		t.Errorf("Kind is %q", kind)
	}
}

// A length that is beyond the limit by itself is refused at once: nothing is
// asked for, nothing is read, and the connection closes.
func TestCaseTransport4RefusedUnread(t *testing.T) {
	for _, test := range []struct {
		name   string
		limits []int64
		header string
		body   string
		status int
		asked  bool // for the body, with 100 Continue
		read   int64
	}{
		{"server", nil, "Content-Length: 99999999999\r\nExpect: 100-continue", "", 413, false, 0},
		{"server_unasked", nil, "Content-Length: 99999999999", "", 413, false, 0},
		{"one_byte_more", nil, "Content-Length: 1048577\r\nExpect: 100-continue", "", 413, false, 0},
		{"route", []int64{10}, "Content-Length: 11\r\nExpect: 100-continue", "", 413, false, 0},
		{"route_within_another", []int64{100, 10}, "Content-Length: 11\r\nExpect: 100-continue", "", 413, false, 0},
		{"larger_route", []int64{2 << 20}, "Content-Length: 1048577\r\nExpect: 100-continue", strings.Repeat("a", 1048577), 200, true, 1048577},
		{"fits", []int64{10}, "Content-Length: 10\r\nExpect: 100-continue", "0123456789", 200, true, 10},
		{"no_length", []int64{10}, "Transfer-Encoding: chunked\r\nExpect: 100-continue", "b\r\n01234567890\r\n0\r\n\r\n", 413, true, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			read := make(chan int64, 1)
			var rec bulwarktest.Recorder
			server := transport.Server(rec.Wrap(limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				read <- n
				if again, _ := r.Body.Read(make([]byte, 1)); err != nil && again != 0 {
					t.Error("a body that was refused can be read")
				}
				if err != nil {
					bulwark.Deny(w, r, err)
				}
			}), test.limits...)))
			ln := listen(t)
			go server.Serve(ln)
			defer server.Close()
			conn := dial(t, ln)
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n", test.header)
			lines := bufio.NewReader(conn)
			res, err := http.ReadResponse(lines, nil)
			if err != nil {
				t.Fatal(err)
			}
			if asked := res.StatusCode == 100; asked != test.asked {
				t.Fatalf("the first status is %d", res.StatusCode)
			}
			if test.asked {
				go io.WriteString(conn, test.body)
				if res, err = http.ReadResponse(lines, nil); err != nil {
					t.Fatal(err)
				}
			}
			if n := <-read; n != test.read {
				t.Errorf("%d bytes were read, want %d", n, test.read)
			}
			body, _ := io.ReadAll(res.Body)
			events := rec.Take()
			if res.StatusCode != test.status {
				t.Fatalf("status is %d, want %d", res.StatusCode, test.status)
			}
			if test.status == 200 {
				if res.Close || len(events) != 0 {
					t.Errorf("close %t, events %+v", res.Close, events)
				}
				return
			}
			if !res.Close || !strings.Contains(string(body), `"code":"body.too_large"`) {
				t.Errorf("close %t, body %s", res.Close, body)
			}
			if len(events) != 1 || events[0].Reason != "body.too_large" || events[0].Status != 413 {
				t.Errorf("events are %+v", events)
			}
		})
	}
}
