package watch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type scope struct{}

func (scope) Cancel(error) {}

// stream counts its ends.
type stream struct{ ends chan error }

func (s stream) End(cause error) { s.ends <- cause }

func newStream() stream { return stream{make(chan error, 2)} }

func good(context.Context) error { return nil }

// Streams come and go in any order. Afterwards nothing is left.
func TestNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(30*time.Second, 2*time.Minute, 1000, 100, func(End) { t.Error("an end is reported") })
		var open []*Visit
		for i := range 3000 {
			if len(open) > 0 && (i%3 == 0 || len(open) == 1000) {
				at := rand.N(len(open))
				open[at].Leave()
				open[at] = open[len(open)-1]
				open = open[:len(open)-1]
				continue
			}
			v, err := w.Enter(Name{Of: i % 2, Text: fmt.Sprint(rand.N(20))}, fmt.Sprint(rand.N(5)), good, scope{}, newStream())
			if err == ErrShare {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, v)
			time.Sleep(10 * time.Millisecond)
		}
		for name, s := range w.names {
			for i, v := range s.streams {
				if v.at != i || v.on != s || s.name != name {
					t.Fatalf("a stream of %v is lost", name)
				}
			}
		}
		for _, v := range open {
			v.Leave()
		}
		if w.open != 0 || len(w.names) != 0 || w.queue.Len() != 0 || w.Tight() || len(w.shares) != 0 || w.sated != 0 {
			t.Errorf("%d streams, %d names, %d in the queue, %d shares, %d of them used up", w.open, len(w.names), w.queue.Len(), len(w.shares), w.sated)
		}
	})
}

// A name that leaves while it waits for its question takes its place along, and
// its timer.
func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(30*time.Second, 2*time.Minute, 1000, 1000, func(End) {})
		release := make(chan struct{})
		var all []*Visit
		for i := range 100 {
			v, _ := w.Enter(Name{Text: fmt.Sprint(i)}, "caller", func(context.Context) error { <-release; return nil }, scope{}, newStream())
			all = append(all, v)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if n := w.queue.Len(); n != 100-Concurrent {
			t.Fatalf("%d names wait", n)
		}
		for _, v := range all {
			if v.on.timer.Stop() == false {
				t.Error("a name without a timer")
			}
			v.on.timer.Reset(time.Second)
			v.Leave()
			if v.on.timer.Stop() {
				t.Error("the timer of a name that has left runs")
			}
		}
		if w.queue.Len() != 0 {
			t.Errorf("%d names wait after they have left", w.queue.Len())
		}
		close(release)
		synctest.Wait()
		if w.asking != 0 {
			t.Errorf("%d goroutines ask", w.asking)
		}
	})
}

// A name that comes again after its end is asked about again.
func TestNameAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(time.Second, time.Second, 10, 10, func(End) {})
		for range 2 {
			s := newStream()
			v, err := w.Enter(Name{Text: "alice"}, "caller", func(context.Context) error { return errors.New("down") }, scope{}, s)
			if err != nil {
				t.Fatal(err)
			}
			<-s.ends
			v.Leave()
		}
		if w.open != 0 || len(w.names) != 0 {
			t.Errorf("%d streams, %d names", w.open, len(w.names))
		}
	})
}

// The value of a panic may hold anything: no error has it. A question that ends
// its goroutine is no answer either, and gives its place back.
func TestQuestionsThatBreakOff(t *testing.T) {
	const secret = "a-secret-that-nobody-may-see"
	for name, again := range map[string]func(context.Context) error{
		"text":   func(context.Context) error { panic(secret) },
		"error":  func(context.Context) error { panic(errors.New(secret)) },
		"nil":    nil,
		"goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var ends []End
				w := New(time.Second, 10*time.Second, 100, 100, func(e End) {
					mu.Lock()
					defer mu.Unlock()
					ends = append(ends, e)
				})
				s := stream{make(chan error, 100)}
				var all []*Visit
				for i := range 2 * Concurrent {
					v, err := w.Enter(Name{Text: fmt.Sprint(i)}, "caller", again, scope{}, s)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, v)
				}
				time.Sleep(9 * time.Second)
				if n := len(s.ends); n != 0 {
					t.Errorf("%d streams have ended too early", n)
				}
				time.Sleep(5 * time.Minute)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				streams := 0
				for _, e := range ends {
					streams += e.Streams
					if e.Refusal != nil || e.Err != errPanicked {
						t.Errorf("refusal %v, error %v", e.Refusal, e.Err)
					}
				}
				if streams != len(all) || len(s.ends) != len(all) {
					t.Errorf("%d of %d streams are reported, and %d have ended", streams, len(all), len(s.ends))
				}
				for _, v := range all {
					v.Leave()
				}
				if w.asking != 0 || len(w.names) != 0 || w.open != 0 {
					t.Errorf("%d goroutines ask, %d names, %d streams", w.asking, len(w.names), w.open)
				}
			})
		})
	}
}

// The first stream that an outage ends is reported at once, also in the second
// outage. Those of the next minute are reported together.
func TestOutagesAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type told struct{ at, streams int }
		var all []told
		start := time.Now()
		w := New(time.Second, time.Minute, 10, 10, func(e End) {
			all = append(all, told{int(time.Since(start) / time.Minute), e.Streams})
			panic("a recorder panics")
		})
		lose := func(n int) { w.lose(End{Scope: scope{}, Streams: n}) }
		lose(1)
		lose(2)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		lose(3)
		time.Sleep(time.Minute)
		synctest.Wait()
		lose(4) // within a minute of the last report
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		lose(5)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got, want := fmt.Sprint(all), "[{0 1} {1 5} {2 4} {6 5}]"; got != want {
			t.Errorf("reported %s, want %s", got, want)
		}
	})
}

func TestFull(t *testing.T) {
	w := New(time.Minute, time.Minute, 2, 2, func(End) {})
	first, _ := w.Enter(Name{Text: "a"}, "caller", good, scope{}, newStream())
	second, _ := w.Enter(Name{Text: "a"}, "caller", good, scope{}, newStream())
	if !w.Tight() {
		t.Error("there is room")
	}
	if v, err := w.Enter(Name{Text: "b"}, "caller", good, scope{}, newStream()); err != ErrFull || v != nil {
		t.Errorf("%v, %v", v, err)
	}
	first.Leave()
	if w.Tight() {
		t.Error("there is no room")
	}
	second.Leave()
}

// A caller has a share, whatever the names of the streams. The others have
// theirs.
func TestShares(t *testing.T) {
	w := New(time.Minute, time.Minute, 4, 2, func(End) {})
	enter := func(caller, name string, want error) *Visit {
		t.Helper()
		if got := w.Room(caller); got != want {
			t.Errorf("room for %s: %v", caller, got)
		}
		v, err := w.Enter(Name{Text: name}, caller, good, scope{}, newStream())
		if err != want || (v == nil) != (want != nil) {
			t.Errorf("%s: %v, want %v", caller, err, want)
		}
		return v
	}
	enter("alice", "a", nil)
	if w.Tight() {
		t.Error("tight with one stream")
	}
	second := enter("alice", "b", nil)
	if !w.Tight() {
		t.Error("not tight, and alice has her share")
	}
	enter("alice", "c", ErrShare)
	bob := enter("bob", "a", nil)
	second.Leave()
	if w.Tight() {
		t.Error("tight, and alice has room again")
	}
	enter("alice", "c", nil)
	enter("carol", "d", nil)
	enter("dave", "e", ErrFull)
	enter("alice", "e", ErrFull)
	bob.Leave()
	enter("alice", "e", ErrShare)
	enter("dave", "e", nil)
}

// What a stream costs besides its connection is documented at
// auth.Config.MaxStreams.
func TestBytesOfAStream(t *testing.T) {
	const n = 10_000
	w := New(time.Hour, 2*time.Hour, n, n, func(End) {})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range n {
		id := fmt.Sprintf("session:%032d", i)
		w.Enter(Name{Text: id}, id, func(context.Context) error { return errors.New(id) }, scope{}, stream{})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (after.HeapAlloc - before.HeapAlloc) / n; each > 900 {
		t.Errorf("a stream takes %d bytes", each)
	} else {
		t.Logf("a stream takes %d bytes", each)
	}
	runtime.KeepAlive(w)
}

// BenchmarkEnter is what a first flush costs.
func BenchmarkEnter(b *testing.B) {
	w := New(30*time.Second, 2*time.Minute, 10, 10, func(End) {})
	s := newStream()
	b.ReportAllocs()
	for b.Loop() {
		v, _ := w.Enter(Name{Text: "alice"}, "caller", good, scope{}, s)
		v.Leave()
	}
}
