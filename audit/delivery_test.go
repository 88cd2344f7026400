package audit_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// A sink that hangs under load costs the requests nothing, and everything is in
// a record, in the count of one, or in the count of a gap.
func TestStalledSinkUnderLoad(t *testing.T) {
	sink := &stalling{log: newLog()}
	well := newLog()
	m := build(t, audit.Config{Sinks: []slog.Handler{sink, well}, AccessLog: true, MaxSecurityQueue: 64, MaxAccessQueue: 32})
	refused := m.Wrap(as("alice", deny(bulwark.Problem{Status: 403, Code: "test.no"})))
	anonymous := m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.no"}))
	const workers, each = 8, 1000
	sink.gate.Lock()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				w := httptest.NewRecorder()
				if i%2 == 0 {
					refused.ServeHTTP(w, request("GET", "/known"))
				} else {
					anonymous.ServeHTTP(w, request("GET", "/unknown"))
				}
				if w.Code != 403 && w.Code != 401 {
					t.Errorf("answered %d", w.Code)
				}
			}
		})
	}
	wg.Wait() // the sink has taken at most one record so far
	before := m.Stats()
	if before.Security.Full == 0 || before.Access.Full == 0 {
		t.Errorf("nothing was dropped: %+v", before)
	}
	sink.gate.Unlock()
	drain(t, m)

	for name, l := range map[string]*log{"stalled": sink.log, "well": well} {
		got := l.records(t)
		security, access := 0, 0
		for _, record := range got {
			switch {
			case record["event"] == "audit_gap" && record["rule"] == "security", record["type"] == "security" && record["event"] != "audit_gap":
				security += occurrences([]map[string]any{record})
			default:
				access += occurrences([]map[string]any{record})
			}
		}
		if security != workers*each || access != workers*each {
			t.Errorf("%s: %d events and %d requests are accounted for, want %d each", name, security, access, workers*each)
		}
	}
	gaps := of(sink.records(t), "event", "audit_gap")
	if len(gaps) == 0 {
		t.Fatal("no gap record")
	}
	for _, gap := range gaps {
		first, err1 := time.Parse(time.RFC3339, gap["first"].(string))
		last, err2 := time.Parse(time.RFC3339, gap["last"].(string))
		if err1 != nil || err2 != nil || last.Before(first) || gap["level"] != "ERROR" || gap["reason"] != "audit.queue_full" || gap["count"] == nil {
			t.Errorf("%v", gap)
		}
		field := map[any]string{"security": "audit.Config.MaxSecurityQueue", "access": "audit.Config.MaxAccessQueue"}[gap["rule"]]
		if wanted := fmt.Sprint(gap["error"]); field == "" || !strings.Contains(wanted, field) {
			t.Errorf("the gap of %v does not name %q: %s", gap["rule"], field, wanted)
		}
	}
	after := m.Stats()
	told := occurrences(of(sink.records(t), "event", "audit_gap")) + occurrences(of(well.records(t), "event", "audit_gap"))
	if dropped := after.Security.Full + after.Access.Full; uint64(told) != dropped {
		t.Errorf("gaps tell %d drops, %d are counted", told, dropped)
	}
	if sum := after.Security.Written + after.Security.Full; sum != 2*workers*each {
		t.Errorf("%d of %d accounted for: %+v", sum, 2*workers*each, after)
	}
}

// Half of the security queue is out of reach of what anybody can make.
func TestHalfOfTheQueueIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stuck{newLog(), make(chan struct{})}
		m := build(t, audit.Config{Sinks: []slog.Handler{sink}, MaxSecurityQueue: 16, MaxOneByOne: 10_000})
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: "first"})
		synctest.Wait() // it is with the sink now
		for range 100 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: "garbage"})
		}
		for range 10 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnTokenReuse, Reason: "matters"})
		}
		if s := m.Stats().Security; s.Queued != 16 || s.Full != 92+2 {
			t.Errorf("%+v", s)
		}
		close(sink.release)
		drain(t, m)
		got := sink.records(t)
		if n := len(of(got, "reason", "garbage")); n != 8 {
			t.Errorf("%d of the garbage written, want half of the queue", n)
		}
		if n := len(of(got, "reason", "matters")); n != 8 {
			t.Errorf("%d of what matters written", n)
		}
		if occurrences(got) != 111 {
			t.Errorf("%d accounted for", occurrences(got))
		}
	})
}

// Security is written before the access records that were there first.
func TestAccessIsShedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &stuck{newLog(), make(chan struct{})}
		m := build(t, audit.Config{Sinks: []slog.Handler{sink}, AccessLog: true, MaxAccessQueue: 16})
		ok := m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ok.ServeHTTP(httptest.NewRecorder(), request("GET", "/first"))
		synctest.Wait()
		for range 20 {
			ok.ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
		}
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzAdmin})
		close(sink.release)
		drain(t, m)
		got := sink.records(t)
		if got[0]["path"] != "/first" || got[1]["event"] != "audit_gap" && got[1]["event"] != "authz_admin" {
			t.Errorf("%s", sink)
		}
		for i, record := range got {
			if record["event"] == "authz_admin" && i > 2 {
				t.Errorf("the event is record %d", i)
			}
		}
		if n := len(of(got, "type", "access")); n != 17 {
			t.Errorf("%d access records", n)
		}
		if gap := of(got, "event", "audit_gap"); len(gap) != 1 || gap[0]["count"] != 4.0 || gap[0]["rule"] != "access" {
			t.Errorf("gap %v", gap)
		}
	})
}

func TestFailingSink(t *testing.T) {
	for name, panics := range map[string]bool{"error": false, "panic": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sink := &failing{log: newLog(), panics: panics}
				m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
				sink.broken.Store(true)
				m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: "lost"})
				if err := m.Drain(t.Context()); err == nil {
					t.Error("Drain is content with a sink that refuses")
				}
				time.Sleep(time.Minute) // it is tried again and again
				sink.broken.Store(false)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				got := sink.records(t)
				if len(got) != 1 || got[0]["event"] != "audit_gap" || got[0]["reason"] != "audit.sink_failed" || got[0]["count"] != 1.0 ||
					!strings.Contains(fmt.Sprint(got[0]["error"]), "audit.Config.Sinks") {
					t.Errorf("%s", sink)
				}
				if s := m.Stats().Security; s.Failed != 1 || s.Written != 0 {
					t.Errorf("%+v", s)
				}
				m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail, Reason: "well"})
				drain(t, m)
				if got := of(sink.records(t), "reason", "well"); len(got) != 1 {
					t.Errorf("%s", sink)
				}
			})
		})
	}
}

// A sink that ends its goroutine loses that record, which is counted, and no
// other.
func TestGoexitSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &exiting{log: newLog()}
		sink.left.Store(2)
		m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
		for range 5 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginSuccess, UserID: "alice"})
		}
		synctest.Wait()
		if s := m.Stats().Security; s.Failed != 2 || s.Written != 3 || s.Queued != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		sink.left.Store(1)
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginSuccess, UserID: "bob"})
		time.Sleep(2 * time.Second) // it is told meanwhile
		if err := m.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		got := sink.records(t)
		gaps := of(got, "event", "audit_gap")
		if len(of(got, "userId", "alice")) != 3 || len(of(got, "userId", "bob")) != 0 || occurrences(gaps) != 3 {
			t.Errorf("%s", sink)
		}
		for _, gap := range gaps {
			if gap["reason"] != "audit.sink_failed" {
				t.Errorf("%v", gap)
			}
		}
	})
}

// The record of a gap, too, is tried again after a sink has ended its
// goroutine.
func TestGoexitSinkForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &exiting{log: newLog()}
		sink.left.Store(1 << 40)
		m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
		for range 3 {
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginSuccess, UserID: "alice"})
		}
		time.Sleep(10 * time.Second)
		if m.Drain(t.Context()) == nil {
			t.Error("Drain is content with a sink that writes nothing")
		}
		sink.left.Store(0)
		if err := m.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		got := sink.records(t)
		if len(got) != 1 || got[0]["event"] != "audit_gap" || got[0]["count"] != 3.0 {
			t.Errorf("%s", sink)
		}
		if s := m.Stats().Security; s.Failed != 3 || s.Written != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// While a flood goes on, gaps are recorded now and then, not once per record.
func TestGapsAreRecordedWhileTheFloodGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newLog()
		slow := slowSink{out, 10 * time.Millisecond}
		m := build(t, audit.Config{Sinks: []slog.Handler{slow}, MaxSecurityQueue: 16, MaxOneByOne: 10_000})
		for range 5000 { // one in a millisecond, for 5 seconds
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			time.Sleep(time.Millisecond)
		}
		gaps := of(out.records(t), "event", "audit_gap")
		if len(gaps) < 4 || len(gaps) > 6 {
			t.Errorf("%d gap records in 5 seconds", len(gaps))
		}
		drain(t, m)
		if n := occurrences(out.records(t)); n != 5000 {
			t.Errorf("%d accounted for", n)
		}
	})
}

// Records, drains and a shutdown at once: for the race detector, and nothing is
// lost uncounted.
func TestConcurrentUse(t *testing.T) {
	out := newLog()
	m := build(t, audit.Config{Sinks: []slog.Handler{out}, AccessLog: true, MaxSecurityQueue: 16, MaxAccessQueue: 16, MaxPrefixes: 16, MaxOneByOne: 1})
	h := m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.no"}))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 500 {
				h.ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
				if i == 0 {
					m.Drain(t.Context())
				}
				m.Stats()
			}
		})
	}
	wg.Go(func() {
		time.Sleep(time.Millisecond)
		m.Shutdown(t.Context())
	})
	wg.Wait()
	if err := m.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	s := m.Stats()
	if sum := s.Security.Written + s.Security.Full + s.Security.Closed; sum != 2000 {
		t.Errorf("%d events accounted for: %+v", sum, s)
	}
	if sum := s.Access.Written + s.Access.Full + s.Access.Closed; sum != 2000 {
		t.Errorf("%d requests accounted for: %+v", sum, s)
	}
}
