package response_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/internal/response"
)

var (
	errRevoked = errors.New("revoked")
	errFull    = errors.New("full")
)

// keeper notes who enters and who leaves.
type keeper struct {
	refusal error
	atOnce  error // ends each stream before Enter returns

	mu      sync.Mutex
	entered int
	open    []*visit
}

type visit struct {
	k      *keeper
	scope  response.Canceler
	stream response.Stream
}

func (k *keeper) Enter(scope response.Canceler, s response.Stream) (response.Stay, error) {
	if k.refusal != nil {
		return nil, k.refusal
	}
	if k.atOnce != nil {
		s.End(k.atOnce)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	v := &visit{k, scope, s}
	k.entered++
	k.open = append(k.open, v)
	return v, nil
}

func (v *visit) Leave() {
	v.k.mu.Lock()
	defer v.k.mu.Unlock()
	n := len(v.k.open)
	if v.k.open = slices.DeleteFunc(v.k.open, func(o *visit) bool { return o == v }); len(v.k.open) != n-1 {
		panic("left twice")
	}
}

func (k *keeper) first() *visit {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open[0]
}

func (k *keeper) count() (entered, open int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.entered, len(k.open)
}

func (k *keeper) are(t *testing.T, entered, open int) {
	t.Helper()
	if e, o := k.count(); e != entered || o != open {
		t.Errorf("%d streams have entered and %d are open, want %d and %d", e, o, entered, open)
	}
}

func (s *scope) cause() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.causes) != 1 {
		return errors.Join(s.causes...)
	}
	return s.causes[0]
}

func TestKeeperIsToldOfStreamsOnly(t *testing.T) {
	inner, s, k := newConnection(), new(scope), new(keeper)
	w, watch := response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	w.Write([]byte("a"))
	k.are(t, 0, 0)
	for range 3 {
		if err := flush(w); err != nil {
			t.Fatal(err)
		}
	}
	k.are(t, 1, 1)
	if k.first().scope != s {
		t.Error("entered with another scope")
	}
	stream := k.first().stream
	watch.Release()
	k.are(t, 1, 0)
	stream.End(errRevoked) // late: the connection serves another request
	if !s.untouched() || inner.cut() != 0 {
		t.Errorf("ended after Release: %v, %v", s.causes, inner.deadlines)
	}
	passes(t, w)
	k.are(t, 1, 0)
}

func TestKeeperEndsAStream(t *testing.T) {
	inner, s, k := newConnection(), new(scope), new(keeper)
	w, watch := response.Of(inner)
	watch.EndAt(time.Now().Add(time.Hour), s)
	watch.KeepBy(k)
	passes(t, w)
	k.first().stream.End(errRevoked)
	k.first().stream.End(errFull) // the first counts
	if s.cause() != errRevoked || !slices.Equal(inner.deadlines, []time.Time{time.Unix(1, 0)}) {
		t.Errorf("cancelled with %v, deadlines %v", s.causes, inner.deadlines)
	}
	for name, err := range map[string]error{
		"flush": flush(w), "deadline": watch.SetWriteDeadline(time.Now().Add(time.Hour)),
		"write": func() error { _, err := io.WriteString(w, "late"); return err }(),
	} {
		if err != errRevoked {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.(http.Hijacker).Hijack(); err != errRevoked {
		t.Errorf("hijack: %v", err)
	}
	watch.Release()
	k.are(t, 1, 0)
	if inner.body.String() != "data: 1\n\n" || inner.cut() != 1 {
		t.Errorf("%q, deadlines %v", &inner.body, inner.deadlines)
	}
}

func TestKeeperRefusesAStream(t *testing.T) {
	inner, s, k := newConnection(), new(scope), &keeper{refusal: errFull}
	w, watch := response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	w.Write([]byte("a"))
	if err := flush(w); err != errFull || inner.flushed != 0 || s.cause() != errFull || inner.cut() != 1 {
		t.Errorf("%v, flushed %d times, cancelled with %v", err, inner.flushed, s.causes)
	}
	if _, err := w.Write([]byte("b")); err != errFull {
		t.Errorf("a write: %v", err)
	}
	watch.Release()
}

// A refused hijack is no answer yet: the handler may say why.
func TestKeeperRefusesAHijack(t *testing.T) {
	_, server := net.Pipe()
	inner, s, k := newConnection(), new(scope), &keeper{refusal: errFull}
	inner.taken = server
	w, watch := response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	if _, _, err := w.(http.Hijacker).Hijack(); err != errFull || watch.Hijacked() || !s.untouched() {
		t.Errorf("%v, cancelled with %v", err, s.causes)
	}
	if n, err := io.WriteString(w, "no"); n != 2 || err != nil {
		t.Error(err)
	}
	watch.Release()
}

func TestHijackThatFailsLeaves(t *testing.T) {
	inner, s, k := newConnection(), new(scope), new(keeper)
	w, watch := response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	if _, _, err := w.(http.Hijacker).Hijack(); err != errFlush {
		t.Errorf("%v", err)
	}
	k.are(t, 1, 0)
	watch.Release()
}

func TestKeeperEndsAHijackedConnection(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		for _, ends := range []string{"keeper", "handler", "time"} {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				inner, s, k := newConnection(), new(scope), new(keeper)
				inner.taken = server
				w, watch := response.Of(inner)
				at, entered := time.Time{}, 1
				if ends == "time" {
					at = time.Now().Add(time.Minute)
				}
				watch.EndAt(at, s)
				watch.KeepBy(k)
				if flushed {
					passes(t, w)
					entered++
				}
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Fatal(err)
				}
				watch.Release()
				k.are(t, entered, 1)
				stream := k.first().stream
				time.Sleep(time.Minute - 1)
				if !s.untouched() {
					t.Error("ended too early")
				}
				want := errRevoked
				switch ends {
				case "keeper":
					stream.End(errRevoked)
				case "handler":
					want = nil
					conn.Close()
					stream.End(errRevoked)
				case "time":
					want = response.ErrExpired
					time.Sleep(time.Nanosecond)
					synctest.Wait()
					stream.End(errRevoked)
				}
				if _, err := client.Read(make([]byte, 1)); err != io.EOF || s.cause() != want {
					t.Errorf("%s: %v, cancelled with %v", ends, err, s.causes)
				}
				k.are(t, entered, 0)
				conn.Close()
				if inner.cut() != 0 {
					t.Errorf("deadlines %v", inner.deadlines)
				}
			})
		}
	}
}

// A keeper may know already that the credential has ended.
func TestKeeperThatEndsAtOnce(t *testing.T) {
	inner, s, k := newConnection(), new(scope), &keeper{atOnce: errRevoked}
	w, watch := response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	if err := flush(w); err != errRevoked || inner.flushed != 0 || s.cause() != errRevoked {
		t.Errorf("%v, cancelled with %v", err, s.causes)
	}
	watch.Release()
	k.are(t, 1, 0)

	client, server := net.Pipe()
	inner, s, k = newConnection(), new(scope), &keeper{atOnce: errRevoked}
	inner.taken = server
	w, watch = response.Of(inner)
	watch.EndAt(time.Time{}, s)
	watch.KeepBy(k)
	if _, _, err := w.(http.Hijacker).Hijack(); err != errRevoked || s.cause() != errRevoked {
		t.Errorf("%v, cancelled with %v", err, s.causes)
	}
	watch.Release()
	k.are(t, 1, 0)
	client.Close()
}

// The sub-requests of a batch share the Writer. The end of the outer caller
// ends the stream of the inner caller. The end of the inner caller's credential
// leaves the context of the outer handler alone.
func TestKeepersOfSubRequests(t *testing.T) {
	for _, revoked := range []string{"outer", "inner", "inner_released"} {
		t.Run(revoked, func(t *testing.T) {
			under, outer, inner := newConnection(), new(scope), new(scope)
			k1, k2 := new(keeper), new(keeper)
			w, watch := response.Of(under)
			watch.EndAt(time.Now().Add(time.Minute), outer)
			watch.KeepBy(k1)
			watch.EndAt(time.Now().Add(time.Hour), inner)
			watch.KeepBy(k2)
			passes(t, w)
			k1.are(t, 1, 1)
			k2.are(t, 1, 1)
			first, second := k1.first().stream, k2.first().stream
			switch revoked {
			case "outer":
				first.End(errRevoked)
				if outer.cause() != errRevoked || !inner.untouched() {
					t.Errorf("outer cancelled with %v, inner with %v", outer.causes, inner.causes)
				}
			case "inner":
				second.End(errRevoked)
				if inner.cause() != errRevoked || !outer.untouched() {
					t.Errorf("outer cancelled with %v, inner with %v", outer.causes, inner.causes)
				}
			case "inner_released":
				watch.Release()
				k1.are(t, 1, 1)
				k2.are(t, 1, 0)
				second.End(errRevoked)
				if !inner.untouched() || !outer.untouched() {
					t.Errorf("outer cancelled with %v, inner with %v", outer.causes, inner.causes)
				}
				passes(t, w)
				watch.Release()
				k1.are(t, 1, 0)
				return
			}
			if err := flush(w); err != errRevoked || under.cut() != 1 {
				t.Errorf("%v, deadlines %v", err, under.deadlines)
			}
			watch.Release()
			watch.Release()
			k1.are(t, 1, 0)
			k2.are(t, 1, 0)
		})
	}
}

// A sub-request hijacks: both callers keep the connection.
func TestKeepersOfAHijackInASubRequest(t *testing.T) {
	client, server := net.Pipe()
	under, outer, inner := newConnection(), new(scope), new(scope)
	under.taken = server
	k1, k2 := new(keeper), new(keeper)
	w, watch := response.Of(under)
	watch.EndAt(time.Time{}, outer)
	watch.KeepBy(k1)
	watch.EndAt(time.Time{}, inner)
	watch.KeepBy(k2)
	if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
		t.Fatal(err)
	}
	watch.Release()
	watch.Release()
	k1.are(t, 1, 1)
	k2.are(t, 1, 1)
	k1.first().stream.End(errRevoked)
	if _, err := client.Read(make([]byte, 1)); err != io.EOF || outer.cause() != errRevoked || !inner.untouched() {
		t.Errorf("%v, outer cancelled with %v, inner with %v", err, outer.causes, inner.causes)
	}
	k1.are(t, 1, 0)
	k2.are(t, 1, 0)

	k2.refusal = errFull
	_, under.taken = net.Pipe()
	w, watch = response.Of(under)
	watch.EndAt(time.Time{}, outer)
	watch.KeepBy(k2)
	watch.EndAt(time.Time{}, inner)
	watch.KeepBy(k1)
	if _, _, err := w.(http.Hijacker).Hijack(); err != errFull {
		t.Error(err)
	}
	k1.are(t, 2, 0)
}

// Run with -race: a keeper against the handler.
func TestKeeperAgainstTheHandler(t *testing.T) {
	for range 200 {
		for _, hijacks := range []bool{false, true} {
			client, server := net.Pipe()
			inner, s, k := newConnection(), new(scope), new(keeper)
			inner.taken = server
			w, watch := response.Of(inner)
			watch.EndAt(time.Now().Add(time.Hour), s)
			watch.KeepBy(k)
			passes(t, w)
			stream := k.first().stream
			done := make(chan struct{})
			go func() { stream.End(errRevoked); close(done) }()
			if hijacks {
				if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
					conn.Close()
				}
			}
			watch.Release()
			before := inner.cut()
			<-done
			if inner.cut() != before {
				t.Fatal("the inner writer was touched after Release")
			}
			k.mu.Lock()
			if len(k.open) != 0 {
				t.Fatal("a stream has not left")
			}
			k.mu.Unlock()
			client.Close()
		}
	}
}
