package authz_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// server serves h behind a Deferred rule on POST /search, for alice.
func (s *lateService) server(t *testing.T, h http.Handler, around func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), h)
	outer := around(mux)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outer.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", "user"))))
	}))
	t.Cleanup(server.Close)
	return server
}

func asIs(h http.Handler) http.Handler { return h }

// A proxy that answers before the check is refused like any other handler. It
// aborts its own answer by a panic, and the refusal is complete by then.
func TestDeferredProxies(t *testing.T) {
	s := newLateService(t)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Kind") {
		case "hints":
			w.Header().Set("Link", "</plan>")
			w.WriteHeader(http.StatusEarlyHints)
		case "upgrade":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: plan\r\n\r\nthe plan")
				conn.Close()
			}
			return
		}
		w.Header().Set("X-Title", "Plan")
		w.Header().Set("Trailer", "X-End")
		io.WriteString(w, strings.Repeat("the plan ", 1000))
		w.Header().Set("X-End", "Plan")
	}))
	t.Cleanup(behind.Close)
	target, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	server := s.server(t, httputil.NewSingleHostReverseProxy(target), asIs)
	for _, kind := range []string{"plain", "hints", "upgrade"} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL+"/search", strings.NewReader("q"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Kind", kind)
		if kind == "upgrade" {
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "plan")
		}
		response, err := server.Client().Do(r)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 500 || !strings.Contains(string(body), "authz.unchecked") || strings.Contains(string(body), "plan") {
			t.Errorf("%s: %d %q %v", kind, response.StatusCode, body, err)
		}
		if response.Header.Get("X-Title")+response.Header.Get("Link")+response.Header.Get("Upgrade") != "" || len(response.Trailer) > 0 {
			t.Errorf("%s: header %v, trailer %v", kind, response.Header, response.Trailer)
		}
	}
}

// The part of a batch has a path that the batch ends with, and is not the
// batch. The path or the host of another part is another one.
func TestDeferredPartOfTheSameEnding(t *testing.T) {
	s := newLateService(t)
	for name, part := range map[string]func(r *http.Request) *http.Request{
		"method": func(r *http.Request) *http.Request { return partOf(r, "/documents") },
		"path": func(r *http.Request) *http.Request {
			part := partOf(r, "/documents/1")
			part.Method = r.Method
			return part
		},
		"host": func(r *http.Request) *http.Request {
			part := r.WithContext(r.Context())
			part.Host = "other.example"
			return part
		},
		"no_path": func(r *http.Request) *http.Request { part := partOf(r, ""); part.Method = r.Method; return part },
	} {
		t.Run(name, func(t *testing.T) {
			mux := authz.NewMux(s.policy)
			mux.Handle("POST /v1/documents", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := s.check(part(r), "1"); err != nil {
					t.Error(err)
				}
				io.WriteString(w, "the plan")
			}))
			uncheckedAnswer.check(t, mux, request("POST", "/v1/documents", as("alice", "user")))
		})
	}
}

// A goroutine of a handler writes after the handler has returned.
func TestDeferredWritesAfterTheReturn(t *testing.T) {
	s := newLateService(t)
	var kept http.ResponseWriter
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { kept = w }))
	w := serve(mux, search(as("alice", "user")))
	kept.Header().Set("X-Title", "Plan")
	kept.WriteHeader(200)
	if _, err := io.WriteString(kept, "the plan"); err == nil {
		t.Error("a late write had no error")
	}
	if _, err := kept.(io.ReaderFrom).ReadFrom(strings.NewReader("the plan")); err == nil {
		t.Error("a late copy had no error")
	}
	if http.NewResponseController(kept).Flush() == nil {
		t.Error("a late flush had no error")
	}
	if w.Code != 500 || strings.Contains(w.Body.String(), "the plan") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// buffering is a compressor, which sends nothing before its end.
type buffering struct {
	http.ResponseWriter
	status int
	body   strings.Builder
}

func (b *buffering) WriteHeader(status int)      { b.status = status }
func (b *buffering) Write(p []byte) (int, error) { return b.body.Write(p) }
func (b *buffering) Unwrap() http.ResponseWriter { return b.ResponseWriter }
func (b *buffering) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(b.ResponseWriter).Hijack()
}

func buffered(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := &buffering{ResponseWriter: w, status: 200}
		w.Header().Set("Content-Encoding", "plan")
		h.ServeHTTP(b, r)
		w.WriteHeader(b.status)
		io.WriteString(w, b.body.String())
	})
}

// A compressor inside or outside of the rule changes nothing.
func TestDeferredCompressors(t *testing.T) {
	s := newLateService(t)
	attacks := s.attacks()
	for _, name := range []string{"flush", "read_from", "check_after"} {
		delete(attacks, name) // they need a writer that does not buffer
	}
	for name, h := range attacks {
		for place, server := range map[string]*httptest.Server{"inside": s.server(t, buffered(h), asIs), "outside": s.server(t, h, buffered)} {
			response, err := server.Client().Post(server.URL+"/search", "text/plain", strings.NewReader("q"))
			if err != nil {
				t.Errorf("%s %s: %v", name, place, err)
				continue
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil || response.StatusCode != 500 || !strings.Contains(string(body), "authz.unchecked") || strings.Contains(string(body), "the plan") || response.Header.Get("X-Title") != "" {
				t.Errorf("%s %s: %d %v %q %v", name, place, response.StatusCode, response.Header, body, err)
			}
			server.Close()
		}
	}
}

// Another panic after the refusal goes on.
func TestDeferredPanicsAfterTheRefusal(t *testing.T) {
	s := newLateService(t)
	for cause, want := range map[error]error{errOurs: errOurs, http.ErrAbortHandler: nil} {
		mux := authz.NewMux(s.policy)
		mux.Handle("POST /search", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "the plan")
			panic(cause)
		}))
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if got, _ := recover().(error); got != want {
					t.Errorf("recovered %v, want %v", got, want)
				}
			}()
			mux.ServeHTTP(w, search(as("alice", "user")))
		}()
		if w.Code != 500 || strings.Contains(w.Body.String(), "plan") {
			t.Errorf("%v: %d %q", cause, w.Code, w.Body)
		}
	}
	// An answer that was checked is the handler's to abort.
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.check(r, "1")
		io.WriteString(w, "half of the plan")
		panic(http.ErrAbortHandler)
	}))
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the abort did not go on")
		}
	}()
	serve(mux, search(as("alice", "user")))
}
