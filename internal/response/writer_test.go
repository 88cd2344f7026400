package response_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// bare is a ResponseWriter with nothing optional.
type bare struct {
	header http.Header
	status []int
	body   bytes.Buffer
}

func newBare() *bare                              { return &bare{header: http.Header{}} }
func (b *bare) Header() http.Header               { return b.header }
func (b *bare) WriteHeader(status int)            { b.status = append(b.status, status) }
func (b *bare) Write(p []byte) (int, error)       { return b.body.Write(p) }
func (b *bare) WriteString(s string) (int, error) { return b.body.WriteString("s:" + s) }

var errFlush = errors.New("connection is gone")

type withFlush struct {
	*bare
	flushed int
}

func (f *withFlush) Flush() { f.flushed++ }

type withFlushError struct{ *bare }

func (withFlushError) FlushError() error { return errFlush }

type withBoth struct{ *bare }

func (withBoth) Flush()            {}
func (withBoth) FlushError() error { return errFlush }

type withHijack struct {
	*bare
	err error
}

func (h withHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, h.err }

type withFlushAndHijack struct {
	*withFlush
	withHijack
}

func (w withFlushAndHijack) Header() http.Header         { return w.withFlush.Header() }
func (w withFlushAndHijack) WriteHeader(status int)      { w.withFlush.WriteHeader(status) }
func (w withFlushAndHijack) Write(p []byte) (int, error) { return w.withFlush.Write(p) }

// foreign is somebody else's wrapper.
type foreign struct{ http.ResponseWriter }

func (f foreign) Unwrap() http.ResponseWriter { return f.ResponseWriter }

type withReadFrom struct {
	*bare
	src []io.Reader
}

func (r *withReadFrom) ReadFrom(src io.Reader) (int64, error) {
	r.src = append(r.src, src)
	return io.Copy(&r.body, src)
}

func TestOptionalMethodsAreThoseOfTheInnerWriter(t *testing.T) {
	for _, test := range []struct {
		name                        string
		inner                       http.ResponseWriter
		flusher, controller, hijack bool
	}{
		{"bare", newBare(), false, false, false},
		{"flush", &withFlush{bare: newBare()}, true, true, false},
		{"flush_error", withFlushError{newBare()}, false, true, false},
		{"both_flushes", withBoth{newBare()}, true, true, false},
		{"hijack", withHijack{newBare(), nil}, false, false, true},
		{"flush_and_hijack", withFlushAndHijack{&withFlush{bare: newBare()}, withHijack{newBare(), nil}}, true, true, true},
		{"behind_a_foreign_wrapper", foreign{&withFlush{bare: newBare()}}, false, true, false},
		{"hijack_behind_a_foreign_wrapper", foreign{withHijack{newBare(), nil}}, false, false, true},
		{"wrapper_of_nothing", foreign{}, false, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, watch := response.Of(test.inner)
			if _, ok := w.(http.Flusher); ok != test.flusher {
				t.Errorf("Flusher %v", ok)
			}
			if _, ok := w.(http.Hijacker); ok != test.hijack {
				t.Errorf("Hijacker %v", ok)
			}
			ran := false
			watch.BeforeHeader(response.HookFunc(func(http.Header, int) { ran = true }))
			if test.name == "wrapper_of_nothing" {
				return
			}
			err := http.NewResponseController(w).Flush()
			if supported := !errors.Is(err, errors.ErrUnsupported); supported != test.controller || ran != supported || watch.Started() != supported {
				t.Errorf("flush: %v, hook ran %v, started %v", err, ran, watch.Started())
			}
		})
	}
}

func TestFlushErrorsAreKept(t *testing.T) {
	for name, inner := range map[string]http.ResponseWriter{"alone": withFlushError{newBare()}, "beside_flush": withBoth{newBare()}, "behind_wrapper": foreign{withBoth{newBare()}}} {
		t.Run(name, func(t *testing.T) {
			w, watch := response.Of(inner)
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, errFlush) {
				t.Errorf("%v", err)
			}
			if watch.Status() != 200 {
				t.Errorf("status %d", watch.Status())
			}
			if f, ok := w.(http.Flusher); ok {
				f.Flush() // has nowhere to say it
			}
		})
	}
	inner := &withFlush{bare: newBare()}
	w, _ := response.Of(inner)
	w.(http.Flusher).Flush()
	if inner.flushed != 1 {
		t.Error("Flush did not reach the inner writer")
	}
}

func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name     string
		answer   func(w http.ResponseWriter)
		status   int
		final    int
		panicked int
		bytes    int64
	}{
		{"nothing", func(http.ResponseWriter) {}, 0, 200, 500, 0},
		{"write", func(w http.ResponseWriter) { w.Write([]byte("abc")) }, 200, 200, 500, 3},
		{"empty_write", func(w http.ResponseWriter) { w.Write(nil) }, 200, 200, 500, 0},
		{"string", func(w http.ResponseWriter) { io.WriteString(w, "abc") }, 200, 200, 500, 5},
		{"status", func(w http.ResponseWriter) { w.WriteHeader(404) }, 404, 404, 500, 0},
		{"second_status", func(w http.ResponseWriter) { w.WriteHeader(404); w.WriteHeader(500) }, 404, 404, 500, 0},
		{"informational", func(w http.ResponseWriter) { w.WriteHeader(100); w.WriteHeader(103) }, 0, 200, 500, 0},
		{"informational_first", func(w http.ResponseWriter) { w.WriteHeader(103); w.WriteHeader(404) }, 404, 404, 500, 0},
		{"switching", func(w http.ResponseWriter) { w.WriteHeader(101); w.WriteHeader(200) }, 101, 101, 500, 0},
		{"too_low", func(w http.ResponseWriter) { w.WriteHeader(0) }, 0, 200, 500, 0},
		{"too_high", func(w http.ResponseWriter) { w.WriteHeader(1000) }, 0, 200, 500, 0},
		{"own_range", func(w http.ResponseWriter) { w.WriteHeader(999) }, 999, 999, 500, 0},
		{"hijack", func(w http.ResponseWriter) { w.(http.Hijacker).Hijack() }, 101, 101, 101, 0},
		{"status_then_hijack", func(w http.ResponseWriter) { w.WriteHeader(200); w.(http.Hijacker).Hijack() }, 200, 200, 200, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, watch := response.Of(withHijack{newBare(), nil})
			test.answer(w)
			if watch.Status() != test.status || watch.Final(false) != test.final || watch.Final(true) != test.panicked || watch.Bytes() != test.bytes {
				t.Errorf("status %d, final %d, panicked %d, %d bytes", watch.Status(), watch.Final(false), watch.Final(true), watch.Bytes())
			}
			if started := test.status != 0; watch.Started() != started {
				t.Errorf("started %v", watch.Started())
			}
		})
	}
}

func TestFailedHijack(t *testing.T) {
	w, watch := response.Of(withHijack{newBare(), errFlush})
	if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, errFlush) || watch.Hijacked() || watch.Started() {
		t.Errorf("%v, hijacked %v", err, watch.Hijacked())
	}
	w, watch = response.Of(withFlushAndHijack{&withFlush{bare: newBare()}, withHijack{newBare(), nil}})
	if _, _, err := w.(http.Hijacker).Hijack(); err != nil || !watch.Hijacked() {
		t.Errorf("%v, hijacked %v", err, watch.Hijacked())
	}
}

func TestHooks(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(w http.ResponseWriter, watch *response.Writer)
		ran    []int
	}{
		{"status", func(w http.ResponseWriter, _ *response.Writer) { w.WriteHeader(404); w.WriteHeader(500) }, []int{404}},
		{"write", func(w http.ResponseWriter, _ *response.Writer) { w.Write([]byte("a")); w.Write([]byte("b")) }, []int{200}},
		{"string", func(w http.ResponseWriter, _ *response.Writer) { io.WriteString(w, "a") }, []int{200}},
		{"copy", func(w http.ResponseWriter, _ *response.Writer) { io.Copy(w, strings.NewReader("a")) }, []int{200}},
		{"flush", func(w http.ResponseWriter, _ *response.Writer) { http.NewResponseController(w).Flush() }, []int{200}},
		{"informational", func(w http.ResponseWriter, _ *response.Writer) { w.WriteHeader(103) }, nil},
		{"hijack", func(w http.ResponseWriter, watch *response.Writer) { w.(http.Hijacker).Hijack(); watch.Finish() }, nil},
		{"nothing", func(http.ResponseWriter, *response.Writer) {}, nil},
		{"nothing_and_finish", func(_ http.ResponseWriter, watch *response.Writer) { watch.Finish(); watch.Finish() }, []int{200}},
		{"status_and_finish", func(w http.ResponseWriter, watch *response.Writer) { w.WriteHeader(201); watch.Finish() }, []int{201}},
	} {
		t.Run(test.name, func(t *testing.T) {
			inner := withFlushAndHijack{&withFlush{bare: newBare()}, withHijack{newBare(), nil}}
			w, watch := response.Of(inner)
			var ran []int
			var order []string
			for _, layer := range []string{"outer", "middle", "inner"} {
				_, same := response.Of(w) // as an inner layer finds it
				if same != watch {
					t.Fatal("a second Writer was installed")
				}
				same.BeforeHeader(response.HookFunc(func(h http.Header, status int) {
					order = append(order, layer)
					h.Set("X-Layer", layer)
					if layer == "outer" {
						ran = append(ran, status)
					}
				}))
			}
			test.answer(w, watch)
			if !slices.Equal(ran, test.ran) {
				t.Errorf("ran with %v, want %v", ran, test.ran)
			}
			if len(ran) > 0 && (!slices.Equal(order, []string{"inner", "middle", "outer"}) || inner.Header().Get("X-Layer") != "outer") {
				t.Errorf("in the order %v", order)
			}
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errFlush }

func TestReadFrom(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("0123456789", 1000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	t.Run("keeps_the_way_of_the_inner_writer", func(t *testing.T) {
		for _, begun := range []bool{false, true} {
			inner := &withReadFrom{bare: newBare()}
			w, watch := response.Of(inner)
			if begun {
				w.WriteHeader(206)
			}
			f := open()
			n, err := w.(io.ReaderFrom).ReadFrom(f)
			if n != 10_000 || err != nil || inner.body.String() != content || watch.Bytes() != n {
				t.Errorf("%d, %v, %d bytes counted", n, err, watch.Bytes())
			}
			// The file itself, or the kernel cannot send it.
			if len(inner.src) != 1 || inner.src[0] != io.Reader(f) {
				t.Errorf("the inner writer was given %T", inner.src)
			}
			if want := map[bool]int{false: 200, true: 206}[begun]; watch.Status() != want {
				t.Errorf("status %d", watch.Status())
			}
		}
	})
	t.Run("short_source", func(t *testing.T) {
		inner := &withReadFrom{bare: newBare()}
		w, watch := response.Of(inner)
		if n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("short")); n != 5 || err != nil || inner.body.String() != "short" || watch.Bytes() != 5 {
			t.Errorf("%d, %v", n, err)
		}
	})
	for name, inner := range map[string]http.ResponseWriter{"inner_reader_from": &withReadFrom{bare: newBare()}, "inner_plain": newBare()} {
		t.Run("failing_source_has_begun_nothing_"+name, func(t *testing.T) {
			w, watch := response.Of(inner)
			hook := false
			watch.BeforeHeader(response.HookFunc(func(http.Header, int) { hook = true }))
			if _, err := io.Copy(w, broken{}); !errors.Is(err, errFlush) {
				t.Error(err)
			}
			if watch.Started() || hook {
				t.Error("the response has begun, so that no error can be answered")
			}
			w.WriteHeader(502)
			if watch.Status() != 502 {
				t.Errorf("status %d", watch.Status())
			}
		})
	}
	t.Run("inner_plain", func(t *testing.T) {
		inner := newBare()
		w, watch := response.Of(inner)
		if n, err := io.Copy(w, open()); n != 10_000 || err != nil || watch.Bytes() != n || inner.body.String() != content {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestUnwrapReachesTheInnerWriter(t *testing.T) {
	inner := newBare()
	w, watch := response.Of(inner)
	if watch.Unwrap() != http.ResponseWriter(inner) {
		t.Error("lost")
	}
	if err := http.NewResponseController(w).EnableFullDuplex(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w, _ = response.Of(w)
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

// A foreign wrapper may buffer: what the Writer outside of it knows comes late,
// so that a layer inside gets a Writer of its own.
func TestOfDoesNotLookThroughOthers(t *testing.T) {
	w, outer := response.Of(newBare())
	buffered := &holding{ResponseWriter: w}
	through, inner := response.Of(buffered)
	if inner == outer {
		t.Fatal("the Writer outside the buffer was returned")
	}
	through.WriteHeader(401)
	if inner.Final(false) != 401 || outer.Started() {
		t.Errorf("inside %d, outside started %v", inner.Final(false), outer.Started())
	}
	buffered.release()
	if outer.Final(false) != 401 {
		t.Errorf("outside %d", outer.Final(false))
	}
}

// holding keeps the status back, as a compressor does that waits for the size.
type holding struct {
	http.ResponseWriter
	status int
}

func (h *holding) Unwrap() http.ResponseWriter { return h.ResponseWriter }
func (h *holding) WriteHeader(status int)      { h.status = status }
func (h *holding) release()                    { h.ResponseWriter.WriteHeader(h.status) }

func TestOfAllocatesOnce(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	inner := withFlushAndHijack{&withFlush{bare: newBare()}, withHijack{newBare(), nil}}
	var w http.ResponseWriter = &inner
	if got := testing.AllocsPerRun(100, func() {
		outer, watch := response.Of(w)
		if _, again := response.Of(outer); again != watch {
			t.Fatal("a second Writer was installed")
		}
	}); got != 1 {
		t.Errorf("%v allocations", got)
	}
}

// noted is a hook with a type of its own.
type noted struct{ name string }

func (*noted) BeforeHeader(http.Header, int) {}

func TestHooked(t *testing.T) {
	if hook, ok := response.Hooked[*noted](response.Around(newBare())); ok || hook != nil {
		t.Errorf("found %v where nobody watches", hook)
	}
	w, watch := response.Of(newBare())
	watch.BeforeHeader(response.HookFunc(func(http.Header, int) {}))
	if hook, ok := response.Hooked[*noted](response.Around(w)); ok || hook != nil {
		t.Errorf("found %v where there is not one", hook)
	}
	first, last := &noted{"first"}, &noted{"last"}
	for _, hook := range []response.Hook{first, last, response.HookFunc(func(http.Header, int) {})} {
		watch.BeforeHeader(hook)
	}
	if hook, ok := response.Hooked[*noted](response.Around(w)); !ok || hook != last {
		t.Errorf("found %v, want the last", hook)
	}
}

// A layer may bring the room for the Writer.
func TestInstall(t *testing.T) {
	inner, hook := newConnection(), &counted{}
	var layer struct {
		watch response.Writer
		other int
	}
	w := layer.watch.Install(inner)
	layer.watch.BeforeHeader(hook)
	if again, watch := response.Of(w); again != w || watch != &layer.watch || response.Around(w) != watch {
		t.Error("Of does not know it")
	}
	if _, ok := w.(http.Hijacker); !ok {
		t.Error("it has lost Hijack")
	}
	if w.WriteHeader(204); hook.calls != 1 || layer.watch.Status() != 204 {
		t.Errorf("%d calls, status %d", hook.calls, layer.watch.Status())
	}
}

// counted counts its calls.
type counted struct{ calls int }

func (c *counted) BeforeHeader(http.Header, int) { c.calls++ }

func TestInformed(t *testing.T) {
	for status, want := range map[int]bool{100: true, 103: true, 199: true, 101: false, 200: false, 404: false} {
		w, watch := response.Of(newBare())
		if watch.Informed() {
			t.Error("informed before anything was written")
		}
		if w.WriteHeader(status); watch.Informed() != want {
			t.Errorf("after %d informed is %t", status, watch.Informed())
		}
	}
}
