package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

func TestShutdownOfASinkThatFails(t *testing.T) {
	sink := &failing{log: newLog()}
	sink.broken.Store(true)
	m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
	m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
	if m.Shutdown(t.Context()) == nil {
		t.Error("records were lost and nobody is told")
	}
}

// Drain waits for what came before it, not for a quiet moment.
func TestDrainUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		m := build(t, audit.Config{Sinks: []slog.Handler{slowSink{out, 10 * time.Millisecond}}, MaxSecurityQueue: 16, MaxOneByOne: 10_000})
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					m.Record(context.Background(), bulwark.Event{Name: bulwark.AuthzFail})
				}
			}
		})
		time.Sleep(100 * time.Millisecond)
		begin, dropped := time.Now(), m.Stats().Security.Full
		drain(t, m)
		if took := time.Since(begin); took > 500*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if told := occurrences(of(out.records(t), "event", "audit_gap")); dropped == 0 || uint64(told) < dropped {
			t.Errorf("%d of %d drops are told", told, dropped)
		}
		close(stop)
		wg.Wait()
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		slow := slowSink{out, time.Millisecond}
		m := build(t, audit.Config{Sinks: []slog.Handler{slow}})
		for range 100 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: "before"})
		}
		if err := m.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := out.records(t)
		if len(got) != 21 || occurrences(got) != 100 {
			t.Errorf("%d lines for %d occurrences were flushed", len(got), occurrences(got))
		}
		// Afterwards: counted, written nowhere, and no panic.
		h := m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.late"}))
		for range 50 {
			h.ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
		}
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Count: 7})
		if s := m.Stats().Security; s.Closed != 57 || s.Written != 100 || len(out.records(t)) != 21 {
			t.Errorf("%+v", s)
		}
		if err := m.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
		if err := m.Drain(t.Context()); err != nil {
			t.Errorf("Drain after Shutdown: %v", err)
		}
	}) // synctest fails here if a goroutine is left
}

func TestShutdownOfAHungSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, well := &stuck{newLog(), make(chan struct{})}, newLog()
		m := build(t, audit.Config{Sinks: []slog.Handler{hung, well}})
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
		begin := time.Now()
		err := m.Close()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if n := len(well.records(t)); n != 2 {
			t.Errorf("the other sink has %d records", n)
		}
		// When the sink comes back, its goroutine writes what is queued and
		// ends.
		close(hung.release)
		if err := m.Shutdown(t.Context()); err != nil || len(hung.records(t)) != 2 {
			t.Errorf("%v, %s", err, hung)
		}
	})
}

func TestShutdownOfWhatHasNothingToWrite(t *testing.T) {
	m, err := audit.New(audit.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
