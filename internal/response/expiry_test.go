package response_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// scope notes what it is cancelled with.
type scope struct {
	mu     sync.Mutex
	causes []error
}

func (s *scope) Cancel(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.causes = append(s.causes, cause)
}

func (s *scope) cancelled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Equal(s.causes, []error{response.ErrExpired})
}

func (s *scope) untouched() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.causes) == 0
}

// connection is a writer with all that one of net/http has. Once stuck, a write
// waits for the deadline.
type connection struct {
	*bare
	taken     net.Conn
	mu        sync.Mutex
	stuck     bool
	deadlines []time.Time
	late      chan struct{} // closed by a deadline that has passed
	flushed   int
}

func newConnection() *connection {
	return &connection{bare: newBare(), late: make(chan struct{})}
}

func (c *connection) Flush() { c.flushed++ }

func (c *connection) Write(p []byte) (int, error) {
	if c.stuck {
		<-c.late
		return 0, errFlush
	}
	return c.bare.Write(p)
}

func (c *connection) WriteString(s string) (int, error) { return c.Write([]byte(s)) }

func (c *connection) ReadFrom(src io.Reader) (int64, error) { return io.Copy(&c.body, src) }

func (c *connection) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadlines = append(c.deadlines, at)
	if len(c.deadlines) == 1 && at.Before(time.Now()) {
		close(c.late)
	}
	return nil
}

func (c *connection) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if c.taken == nil {
		return nil, nil, errFlush
	}
	return c.taken, bufio.NewReadWriter(bufio.NewReader(c.taken), bufio.NewWriter(c.taken)), nil
}

// cut counts the deadlines that were set.
func (c *connection) cut() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.deadlines)
}

func flush(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }

// refuses asserts that nothing gets through w any more.
func refuses(t *testing.T, w http.ResponseWriter, inner *connection) {
	t.Helper()
	length, flushed := inner.body.Len(), inner.flushed
	for name, write := range map[string]func() error{
		"Write":       func() error { _, err := w.Write([]byte("late")); return err },
		"WriteString": func() error { _, err := io.WriteString(w, "late"); return err },
		"ReadFrom":    func() error { _, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("late")); return err },
		"Copy":        func() error { _, err := io.Copy(w, strings.NewReader("late")); return err },
		"Flush":       func() error { return flush(w) },
		"Hijack":      func() error { _, _, err := w.(http.Hijacker).Hijack(); return err },
	} {
		if err := write(); err != response.ErrExpired {
			t.Errorf("%s: %v", name, err)
		}
	}
	if w.(http.Flusher).Flush(); inner.body.Len() != length || inner.flushed != flushed {
		t.Error("something got through all the same")
	}
}

// passes asserts that w takes what is written.
func passes(t *testing.T, w http.ResponseWriter) {
	t.Helper()
	if _, err := w.Write([]byte("data: 1\n\n")); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := flush(w); err != nil {
		t.Errorf("flush: %v", err)
	}
}

func TestStreamEndsAtItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, s := newConnection(), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		passes(t, w)
		time.Sleep(time.Minute - 1)
		synctest.Wait()
		passes(t, w)
		if !s.untouched() || inner.cut() != 0 {
			t.Error("ended too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !s.cancelled() || !slices.Equal(inner.deadlines, []time.Time{time.Unix(1, 0)}) {
			t.Errorf("cancelled with %v, deadlines %v", s.causes, inner.deadlines)
		}
		refuses(t, w, inner)
		watch.Release()
		time.Sleep(time.Hour)
		refuses(t, w, inner)
		if !s.cancelled() || inner.cut() != 1 || watch.Status() != 200 {
			t.Errorf("afterwards: cancelled with %v, deadlines %v", s.causes, inner.deadlines)
		}
	})
}

// However late it is: an answer that is written in one piece ends well.
func TestAnswersInOnePieceAreNotCutShort(t *testing.T) {
	for name, at := range map[string]time.Duration{"expires": time.Minute, "expired": -time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inner, s := newConnection(), new(scope)
				w, watch := response.Of(inner)
				watch.EndAt(time.Now().Add(at), s)
				w.Write([]byte("first, "))
				time.Sleep(time.Hour)
				io.WriteString(w, "second, ")
				if _, err := io.Copy(w, strings.NewReader("third")); err != nil {
					t.Error(err)
				}
				if watch.StopTimer() {
					t.Error("there is a timer")
				}
				watch.Release()
				if inner.body.String() != "first, second, third" || !s.untouched() || inner.cut() != 0 {
					t.Errorf("%q, cancelled with %v, deadlines %v", &inner.body, s.causes, inner.deadlines)
				}
			})
		})
	}
}

func TestFirstFlushAfterItsTimeSendsNothing(t *testing.T) {
	for _, late := range []time.Duration{0, -time.Nanosecond, -time.Hour} {
		inner, s := newConnection(), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(late), s)
		if _, err := io.WriteString(w, "data"); err != nil {
			t.Error(err)
		}
		if err := flush(w); err != response.ErrExpired || inner.flushed != 0 || !s.cancelled() || inner.cut() != 1 {
			t.Errorf("%v late: %v, flushed %d times, cancelled with %v", -late, err, inner.flushed, s.causes)
		}
		refuses(t, w, inner)
	}
}

func TestZeroTimeIsNever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		inner, s := newConnection(), new(scope)
		inner.taken = server
		w, watch := response.Of(inner)
		watch.EndAt(time.Time{}, s)
		passes(t, w)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil || conn != server {
			t.Errorf("%v, %T", err, conn)
		}
		time.Sleep(1000 * time.Hour)
		go conn.Write([]byte("a"))
		if _, err := client.Read(make([]byte, 1)); err != nil || !s.untouched() {
			t.Errorf("ended: %v", err)
		}
	})
}

func TestBlockedWriteIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, s := newConnection(), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		defer watch.Release()
		passes(t, w)
		inner.stuck = true
		start := time.Now()
		if _, err := w.Write([]byte("more")); !errors.Is(err, errFlush) || time.Since(start) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// plainFlush can be flushed and nothing else.
type plainFlush struct{ *withFlush }

// explosive panics where it is asked for a deadline.
type explosive struct{ *withFlush }

func (explosive) SetWriteDeadline(time.Time) error { panic("not now") }

func TestInnerWriterWithoutDeadlines(t *testing.T) {
	for name, inner := range map[string]http.ResponseWriter{
		"unsupported": plainFlush{&withFlush{bare: newBare()}}, "panics": explosive{&withFlush{bare: newBare()}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(scope)
				w, watch := response.Of(inner)
				watch.EndAt(time.Now().Add(time.Minute), s)
				passes(t, w)
				time.Sleep(time.Minute)
				synctest.Wait()
				if _, err := w.Write(nil); err != response.ErrExpired || !s.cancelled() {
					t.Errorf("%v, cancelled with %v", err, s.causes)
				}
				watch.Release() // would wait for ever for a lock that was kept
			})
		})
	}
}

func TestReleaseLeavesTheInnerWriterAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, s := newConnection(), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		passes(t, w)
		watch.Release()
		watch.Release() // once too often
		if watch.StopTimer() {
			t.Error("the timer still runs")
		}
		time.Sleep(time.Hour)
		if !s.untouched() || inner.cut() != 0 {
			t.Errorf("cancelled with %v, deadlines %v", s.causes, inner.deadlines)
		}
		passes(t, w) // of a layer outside
	})
}

// Release and the timer at the very same time: whoever comes first, nothing is
// touched once Release has returned. Run with -race.
func TestReleaseAgainstTheTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 200 {
			inner, s := newConnection(), new(scope)
			w, watch := response.Of(inner)
			watch.EndAt(time.Now().Add(time.Minute), s)
			passes(t, w)
			time.Sleep(time.Minute)
			watch.Release()
			before := inner.cut()
			synctest.Wait()
			if inner.cut() != before || s.cancelled() != (before == 1) {
				t.Fatalf("%d deadlines before and %d after Release, cancelled with %v", before, inner.cut(), s.causes)
			}
		}
	})
}

// The sub-requests of a batch handler share its Writer.
func TestEndAtWithinAnother(t *testing.T) {
	const short, long, never = time.Minute, 2 * time.Minute, time.Duration(-1)
	in := func(d time.Duration) time.Time {
		if d == never {
			return time.Time{}
		}
		return time.Now().Add(d)
	}
	for _, test := range []struct {
		name         string
		outer, inner time.Duration
		first        bool          // the outer handler flushes before
		within       bool          // the inner handler flushes
		stay         time.Duration // in the inner handler
		endsOuter    bool          // while the inner handler runs
		endsInner    bool
	}{
		{"inner_is_earlier", long, short, true, true, short, false, true},
		{"inner_is_earlier_and_first", long, short, false, true, short, false, true},
		{"inner_is_earlier_in_one_piece", long, short, true, false, short, false, false},
		{"inner_is_earlier_in_one_piece_that_takes_long", long, short, true, false, long, true, false},
		{"inner_is_expired_in_one_piece", long, 0, true, false, short, false, false},
		{"inner_is_expired", long, 0, true, true, 0, false, true},
		{"inner_is_later", short, long, true, true, short, true, false},
		{"inner_is_later_and_first", short, long, false, true, short, true, false},
		{"inner_is_later_in_one_piece", short, long, true, false, short, true, false},
		{"inner_in_time", long, short, true, true, short / 2, false, false},
		{"inner_in_time_and_first", long, short, false, true, short / 2, false, false},
		{"inner_is_for_ever", short, never, true, true, short, true, false},
		{"outer_is_for_ever", never, short, true, true, short, false, true},
		{"nobody_flushes", short, short, false, false, long, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				under, outer, inner := newConnection(), new(scope), new(scope)
				w, watch := response.Of(under)
				watch.EndAt(in(test.outer), outer)
				if test.first {
					passes(t, w)
				}
				watch.EndAt(in(test.inner), inner)
				if test.within {
					_ = flush(w)
				}
				time.Sleep(test.stay)
				synctest.Wait()
				if outer.cancelled() != test.endsOuter || inner.cancelled() != test.endsInner {
					t.Errorf("outer cancelled with %v, inner with %v", outer.causes, inner.causes)
				}
				over := test.endsOuter || test.endsInner
				if over {
					refuses(t, w, under)
				} else if _, err := w.Write([]byte("a")); err != nil {
					t.Error(err)
				}
				watch.Release()
				if over {
					refuses(t, w, under) // half of an answer is no place for another
				}

				// And now the outer time again.
				time.Sleep(max(test.outer-test.stay, 0))
				synctest.Wait()
				streams := test.first || test.within
				if ends := test.endsOuter || streams && !over && test.outer != never; outer.cancelled() != ends {
					t.Errorf("after the sub-request the outer one is cancelled with %v", outer.causes)
				}
				watch.Release()
				time.Sleep(time.Hour)
				if !test.endsInner && !inner.untouched() || under.cut() > 1 {
					t.Errorf("inner cancelled with %v, deadlines %v", inner.causes, under.deadlines)
				}
			})
		})
	}
}

// One sub-request after the other, within a handler whose own time does not end.
func TestEndAtAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, first, second := newConnection(), new(scope), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), first)
		passes(t, w)
		watch.Release()
		watch.EndAt(time.Now().Add(time.Hour), second)
		passes(t, w)
		time.Sleep(time.Hour - 1)
		synctest.Wait()
		if !first.untouched() || !second.untouched() {
			t.Error("ended by the first one's time")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !first.untouched() || !second.cancelled() {
			t.Error("not ended by the second one's time")
		}
	})
}

// taken is a hijacked connection; its other end is client.
func taken(t *testing.T, d time.Duration, wrap func(net.Conn) net.Conn) (client, conn net.Conn, watch *response.Writer, s *scope) {
	t.Helper()
	client, server := net.Pipe()
	inner := newConnection()
	inner.taken = wrap(server)
	w, watch := response.Of(inner)
	s = new(scope)
	watch.EndAt(time.Now().Add(d), s)
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil || buffered == nil {
		t.Fatal(err)
	}
	if under := conn.(interface{ NetConn() net.Conn }).NetConn(); under != inner.taken {
		t.Errorf("NetConn is %T", under)
	}
	return client, conn, watch, s
}

func itself(c net.Conn) net.Conn { return c }

func TestHijackedConnectionEndsAtItsTime(t *testing.T) {
	for _, returned := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			client, conn, watch, s := taken(t, time.Minute, itself)
			if returned {
				watch.Release()
			}
			go conn.Write([]byte("hello"))
			got := make([]byte, 5)
			if _, err := io.ReadFull(client, got); err != nil || string(got) != "hello" {
				t.Errorf("%q, %v", got, err)
			}
			start := time.Now()
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) || time.Since(start) != time.Minute {
				t.Errorf("%v after %s", err, time.Since(start))
			}
			if _, err := client.Read(make([]byte, 1)); err != io.EOF || !s.cancelled() {
				t.Errorf("%v, cancelled with %v", err, s.causes)
			}
			_ = conn.Close()
			if !returned {
				watch.Release()
			}
			if !watch.Hijacked() || !s.cancelled() {
				t.Errorf("cancelled with %v", s.causes)
			}
		})
	}
}

// closes counts how often it is closed.
type closes struct {
	net.Conn
	n *int
}

func (c closes) Close() error { *c.n++; return c.Conn.Close() }

func TestClosedConnectionHasNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		_, conn, watch, s := taken(t, time.Minute, func(c net.Conn) net.Conn { return closes{c, &n} })
		time.Sleep(time.Second)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		watch.Release()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n != 1 || !s.untouched() {
			t.Errorf("closed %d times, cancelled with %v", n, s.causes)
		}
		if err := conn.Close(); err != nil || n != 2 {
			t.Errorf("a second Close: %v", err)
		}
	})
}

// A handler that has flushed before has a timer already, which is not the
// connection's.
func TestHijackAfterFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		inner, s := newConnection(), new(scope)
		inner.taken = server
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		passes(t, w)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if watch.StopTimer() {
			t.Error("the timer of the stream still runs")
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		synctest.Wait()
		if !s.cancelled() || inner.cut() != 0 {
			t.Errorf("cancelled with %v, deadlines %v", s.causes, inner.deadlines)
		}
	})
}

// Within a sub-request, the connection has the earlier time and keeps it.
func TestHijackWithinAnother(t *testing.T) {
	for name, test := range map[string]struct{ outer, inner time.Duration }{
		"inner_is_earlier": {time.Hour, time.Minute}, "inner_is_later": {time.Minute, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				under, outer, inner := newConnection(), new(scope), new(scope)
				under.taken = server
				w, watch := response.Of(under)
				watch.EndAt(time.Now().Add(test.outer), outer)
				watch.EndAt(time.Now().Add(test.inner), inner)
				if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
					t.Fatal(err)
				}
				watch.Release()
				watch.Release()
				start := time.Now()
				if _, err := client.Read(make([]byte, 1)); err != io.EOF || time.Since(start) != time.Minute {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				if inner.cancelled() != (test.inner < test.outer) || outer.cancelled() == inner.cancelled() {
					t.Errorf("outer cancelled with %v, inner with %v", outer.causes, inner.causes)
				}
			})
		})
	}
}

func TestHijackAfterItsTime(t *testing.T) {
	inner, s := newConnection(), new(scope)
	inner.taken, _ = net.Pipe()
	w, watch := response.Of(inner)
	watch.EndAt(time.Now(), s)
	if conn, _, err := w.(http.Hijacker).Hijack(); err != response.ErrExpired || conn != nil || watch.Hijacked() || !s.cancelled() {
		t.Errorf("%v, hijacked %v, cancelled with %v", err, watch.Hijacked(), s.causes)
	}
	// The connection is still the response's.
	w.WriteHeader(500)
	if _, err := io.WriteString(w, "sorry"); err != nil || watch.Status() != 500 || inner.cut() != 0 {
		t.Errorf("an answer to that: %v", err)
	}
	if err := flush(w); err != response.ErrExpired {
		t.Errorf("a stream after that: %v", err)
	}
}

func TestFailedHijackLeavesAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, s := newConnection(), new(scope)
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		defer watch.Release()
		passes(t, w)
		if conn, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, errFlush) || conn != nil {
			t.Errorf("%v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		refuses(t, w, inner)
	})
}

type half struct {
	net.Conn
	closed *bool
}

func (h half) CloseWrite() error { *h.closed = true; return nil }

func TestLeaseHasTheMethodsOfItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, conn, _, _ := taken(t, time.Minute, itself)
		if _, ok := conn.(interface{ CloseWrite() error }); ok {
			t.Error("promises what a pipe cannot do")
		}
		conn.Close()

		closed := false
		client, conn, _, s := taken(t, time.Minute, func(c net.Conn) net.Conn { return half{c, &closed} })
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil || !closed {
			t.Errorf("%v, closed %v", err, closed)
		}
		if _, err := client.Read(make([]byte, 1)); err != io.EOF || !s.cancelled() {
			t.Errorf("%v, cancelled with %v", err, s.causes)
		}
	})
}

// Who neither flushes nor hijacks pays nothing.
func TestEndAtAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	var w http.ResponseWriter = newConnection()
	s, at, body := new(scope), time.Now().Add(time.Hour), []byte(nil)
	if got := testing.AllocsPerRun(100, func() {
		w, watch := response.Of(w)
		watch.EndAt(at, s)
		defer watch.Release()
		w.Write(body)
	}); got != 1 {
		t.Errorf("%v allocations, want that of the Writer alone", got)
	}
}

// A handler that moves the deadline, for each event or beside a copy, does not go on
// past the end by it.
func TestTheDeadlineStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner, s := newConnection(), &scope{}
		w, watch := response.Of(inner)
		watch.EndAt(time.Now().Add(time.Minute), s)
		control := http.NewResponseController(w)
		if err := control.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Error(err)
		}
		passes(t, w)
		time.Sleep(time.Minute)
		synctest.Wait()
		if err := control.SetWriteDeadline(time.Now().Add(time.Hour)); err != response.ErrExpired {
			t.Error(err)
		}
		if n := inner.cut(); n != 2 || !inner.deadlines[1].Equal(time.Unix(1, 0)) {
			t.Errorf("deadlines %v", inner.deadlines)
		}
		watch.Release()
	})
	w, _ := response.Of(newBare())
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now()); !errors.Is(err, http.ErrNotSupported) {
		t.Error(err)
	}
}
