package audit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/internal/race"
)

// An outlet is a writer whose file can be put aside for another one, as a
// program does that is told to reopen its log.
type outlet struct {
	mu   sync.Mutex
	file io.Writer
}

func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.file.Write(p)
}

func (o *outlet) turn(to io.Writer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.file = to
}

// refuse sends n requests of different callers that are refused.
func refuse(t *testing.T, m *audit.Middleware, n int) {
	t.Helper()
	for i := range n {
		w := httptest.NewRecorder()
		m.Wrap(as("caller"+strconv.Itoa(i), deny(bulwark.Problem{Status: 403, Code: "test.no"}))).ServeHTTP(w, request("GET", "/"))
		if w.Code != 403 {
			t.Fatalf("answered %d", w.Code)
		}
	}
}

// A disk that is full and a pipe that nobody reads any more lose records, which
// are counted, and told as soon as there is room again.
func TestFilesThatFail(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (io.Writer, error){
		"full_disk": func(t *testing.T) (io.Writer, error) {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Skip("no /dev/full here")
			}
			t.Cleanup(func() { full.Close() })
			return full, syscall.ENOSPC
		},
		"closed_pipe": func(t *testing.T) (io.Writer, error) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			t.Cleanup(func() { w.Close() })
			return w, syscall.EPIPE
		},
	} {
		t.Run(name, func(t *testing.T) {
			file, cause := open(t)
			out, room := &outlet{file: file}, newLog()
			m := build(t, audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(out, nil)}, MaxSecurityQueue: 1 << 12})
			const requests = 200
			refuse(t, m, requests)
			if err := m.Drain(t.Context()); !errors.Is(err, cause) {
				t.Fatalf("Drain says %v, want %v", err, cause)
			}
			before := m.Stats()
			if s := before.Security; s.Failed != requests || s.Written+s.Queued != 0 || before.Sinks[0].Errors < requests || !before.Sinks[0].LastWrite.IsZero() {
				t.Fatalf("%+v", before)
			}
			again := build(t, audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(out, nil)}})
			refuse(t, again, 1)
			for range 2 { // the second comes when the goroutine of the sink has ended
				if err := again.Shutdown(t.Context()); !errors.Is(err, cause) {
					t.Errorf("Shutdown says %v, want %v", err, cause)
				}
			}

			out.turn(room)
			drain(t, m)
			gaps := of(room.records(t), "event", "audit_gap")
			if told := occurrences(gaps); told != requests || gaps[0]["reason"] != "audit.sink_failed" {
				t.Errorf("the gaps tell %d of %d: %s", told, requests, room)
			}
			refuse(t, m, 1)
			drain(t, m)
			if got := of(room.records(t), "event", "authz_fail"); len(got) != 1 {
				t.Errorf("after the gap: %s", room)
			}
		})
	}
}

// A pipe that nobody reads takes 64 KiB and then holds its writer. Requests and
// the stop do not wait for it, and when it is read again, all that was lost is
// in the count of a gap.
func TestPipeThatNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := build(t, audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(w, nil)}, MaxSecurityQueue: 64})
	const requests = 2000
	refuse(t, m, requests)
	before := m.Stats().Security
	if before.Full == 0 || before.Queued > 64 {
		t.Errorf("%+v", before)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Shutdown(ctx); err == nil {
		t.Error("the stop has waited for the pipe")
	}

	var read bytes.Buffer
	done := make(chan struct{})
	go func() { defer close(done); io.Copy(&read, r) }()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Close()
	<-done
	got := new(log)
	got.buf = read
	records := got.records(t)
	dropped := m.Stats().Security.Full
	if told := occurrences(of(records, "event", "audit_gap")); uint64(told) != dropped {
		t.Errorf("the gaps tell %d drops, %d are counted", told, dropped)
	}
	if sum := occurrences(of(records, "type", "security")); sum != requests {
		t.Errorf("%d of %d requests are accounted for", sum, requests)
	}
}

// A log that is renamed and opened anew, as logrotate has it done, loses no
// record and tears none.
func TestRotatedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit.log")
	open := func() *os.File {
		f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	out := &outlet{file: open()}
	m := build(t, audit.Config{Sinks: []slog.Handler{slog.NewJSONHandler(out, nil)}, MaxSecurityQueue: 1 << 12})
	const rotations, requests = 5, 100
	for i := range rotations {
		refuse(t, m, requests)
		if err := os.Rename(name, name+"."+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		refuse(t, m, requests) // into the renamed file, or the next one
		out.turn(open())
	}
	drain(t, m)
	names, err := filepath.Glob(name + "*")
	if err != nil || len(names) != rotations+1 {
		t.Fatalf("%v, %v", names, err)
	}
	sum := 0
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got := new(log)
		got.buf.Write(text)
		sum += occurrences(got.records(t))
	}
	if s := m.Stats().Security; sum != 2*rotations*requests || s.Full+s.Failed != 0 {
		t.Errorf("%d of %d records: %+v", sum, 2*rotations*requests, s)
	}
}

// A sink that hangs for a minute, under 20,000 events a second.
func TestAMinuteOfStall(t *testing.T) {
	if race.Enabled {
		t.Skip("1.2 million events take half a minute under the race detector")
	}
	synctest.Test(t, func(t *testing.T) {
		sink := &stuck{newLog(), make(chan struct{})}
		m, err := audit.New(audit.Config{Sinks: []slog.Handler{sink}})
		if err != nil {
			t.Fatal(err)
		}
		const seconds, rate = 60, 20_000
		h := m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			for range rate / 1000 {
				bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnLoginFail, Reason: "password"})
			}
		}))
		heap := func() uint64 {
			var s runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&s)
			return s.HeapAlloc
		}
		var after uint64 // the first second, in which queues and tables are filled
		for second := range seconds {
			begin := time.Now()
			for i := range 1000 {
				r := request("GET", "/login")
				r.RemoteAddr = "198.18." + strconv.Itoa(second) + "." + strconv.Itoa(i%250) + ":1"
				h.ServeHTTP(httptest.NewRecorder(), r)
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(begin); took != time.Second {
				t.Fatalf("a second of requests took %v: a request has waited for the sink", took)
			}
			if second == 0 {
				after = heap()
			}
		}
		if now := heap(); now > after+16<<20 {
			t.Errorf("the heap has grown from %d to %d bytes", after, now)
		}
		counted := m.Stats().Security
		close(sink.release)
		drain(t, m)
		m.Shutdown(t.Context())
		records := sink.records(t)
		gaps := occurrences(of(records, "event", "audit_gap"))
		if total := m.Stats().Security; uint64(gaps) != total.Full || counted.Full == 0 {
			t.Errorf("the gaps tell %d drops, %d are counted", gaps, total.Full)
		}
		if sum := occurrences(of(records, "type", "security")); sum != seconds*rate {
			t.Errorf("%d of %d events are accounted for", sum, seconds*rate)
		}
	})
}
