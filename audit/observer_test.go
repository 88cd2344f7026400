package audit_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

type spy struct {
	mu     sync.Mutex
	events []bulwark.Event
}

func (s *spy) Record(_ context.Context, e bulwark.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// Observers see each event, also those that are folded or dropped.
func TestObservers(t *testing.T) {
	seen := new(spy)
	m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	for range 50 {
		m.Wrap(deny(bulwark.Problem{Status: 401, Code: "test.no"})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
	}
	m.Shutdown(t.Context())
	m.Record(t.Context(), bulwark.Event{Name: "Not A Name\n"})
	if n := len(seen.events); n != 51 {
		t.Fatalf("%d events", n)
	}
	if last := seen.events[50]; last.Name != "_OTHER" || last.Level != slog.LevelWarn || last.Time.IsZero() {
		t.Errorf("%+v", last)
	}
}

// An observer that panics loses neither the event, nor the answer, nor what the
// observers after it see.
func TestObserverThatPanics(t *testing.T) {
	out, seen := newLog(), new(spy)
	m := build(t, audit.Config{Logger: slog.New(out), Observers: []bulwark.Recorder{panicking{}, seen}})
	w := httptest.NewRecorder()
	m.Wrap(deny(bulwark.Problem{Status: 403, Code: "test.no"})).ServeHTTP(w, request("GET", "/"))
	drain(t, m)
	if w.Code != 403 || !strings.Contains(w.Body.String(), `"test.no"`) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	got := out.records(t)
	if len(got) != 1 || got[0]["event"] != "authz_fail" || got[0]["reason"] != "test.no" || len(seen.events) != 1 {
		t.Errorf("the other observer saw %d, recorded %s", len(seen.events), out)
	}
	if s := m.Stats().Security; s.Written != 1 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

type panicking struct{}

func (panicking) Record(context.Context, bulwark.Event) { panic("secret of the observer") }

// Observers see safe texts also of an event that needs nothing else.
func TestObserversSeeSafeTexts(t *testing.T) {
	seen := new(spy)
	m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthnLoginFail, Level: slog.LevelWarn, Time: time.Now(),
		Path: "/a\n\x1b[2Jforged", Attrs: [4]slog.Attr{slog.String("k", "v\u202e")}})
	if len(seen.events) != 1 {
		t.Fatalf("%d events", len(seen.events))
	}
	if e := seen.events[0]; e.Path != `/a\x0a\x1b[2Jforged` || e.Attrs[0].Value.String() != `v\u202e` {
		t.Errorf("path %q, attribute %q", e.Path, e.Attrs[0].Value)
	}
}
