package audit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// refusing is a sink whose Handle returns err.
type refusing struct {
	slog.Handler
	err      error
	messages []string
}

func (s *refusing) Handle(_ context.Context, r slog.Record) error {
	s.messages = append(s.messages, r.Message)
	return s.err
}

// incomparable is a handler that == panics on.
type incomparable struct {
	slog.Handler
	_ []int
}

// byDefault makes h the handler of slog.Default during the test.
func byDefault(t *testing.T, h slog.Handler) {
	before := slog.Default()
	slog.SetDefault(slog.New(h))
	t.Cleanup(func() { slog.SetDefault(before) })
}

// An engineer who is on call has to see why the records are lost, and which
// sink loses them. Nobody else reads the error of Handle.
func TestTheCauseOfAFailingSinkIsSaid(t *testing.T) {
	out := newLog()
	byDefault(t, out)
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("write /var/log/audit.json: disk full")
		sink, well := &refusing{Handler: newLog(), err: full}, newLog()
		m := build(t, audit.Config{Sinks: []slog.Handler{well, sink}, MaxOneByOne: 1000})
		for range 5*60 - 1 { // one in a second, for nearly five minutes
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			time.Sleep(time.Second)
		}
		lines := out.records(t)
		if len(lines) != 5 {
			t.Errorf("%d lines in five minutes: %s", len(lines), out)
		}
		for _, line := range lines {
			if line["level"] != "ERROR" || line["msg"] != "audit sink fails, records are lost" || line["reason"] != "audit.sink_failed" ||
				line["sink"] != "audit.Config.Sinks[1]" || line["error"] != full.Error() {
				t.Errorf("%v", line)
			}
		}
		err := m.Shutdown(t.Context())
		if !errors.Is(err, full) || !strings.Contains(err.Error(), "disk full") || !strings.Contains(err.Error(), "audit.Config.Sinks[1]") {
			t.Errorf("Shutdown: %v", err)
		}
		if n := occurrences(well.records(t)); n != 5*60-1 {
			t.Errorf("the other sink has %d", n)
		}
	})
}

// The line at slog.Default must not go to the sink that fails, or it would only
// fail there again.
func TestTheCauseIsNotToldToTheSinkThatFails(t *testing.T) {
	for name, config := range map[string]func(*refusing) audit.Config{
		"default": func(*refusing) audit.Config { return audit.Config{} },
		"logger":  func(*refusing) audit.Config { return audit.Config{Logger: slog.Default()} },
		"sink":    func(s *refusing) audit.Config { return audit.Config{Sinks: []slog.Handler{s}} },
	} {
		t.Run(name, func(t *testing.T) {
			sink := &refusing{Handler: newLog(), err: errors.New("disk full")}
			byDefault(t, sink)
			m := build(t, config(sink))
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			if err := m.Shutdown(t.Context()); !errors.Is(err, sink.err) {
				t.Errorf("Shutdown: %v", err)
			}
			if len(sink.messages) == 0 {
				t.Error("the sink was not called")
			}
			for _, message := range sink.messages {
				if message != "security event" {
					t.Errorf("the sink got %q", message)
				}
			}
		})
	}
}

// The text of an error may hold anything.
func TestTheCauseIsSafeToLog(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"forged", errors.New("a\nlevel=INFO"), `a\x0alevel=INFO`},
		{"long", errors.New(strings.Repeat("x", 1000)), strings.Repeat("x", 256)},
		{"url", &url.Error{Op: "Post", URL: "https://logs.example/in?token=very-secret", Err: io.EOF}, "very-secret"},
		{"secret", fmt.Errorf("send https://user:very-secret@logs.example/in?key=very-secret: %w", io.EOF), "very-secret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := newLog()
			byDefault(t, out)
			m := build(t, audit.Config{Logger: slog.New(&refusing{Handler: newLog(), err: test.err})})
			m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
			m.Shutdown(t.Context())
			lines := out.records(t)
			if len(lines) != 1 || lines[0]["sink"] != "audit.Config.Logger" {
				t.Fatalf("%s", out)
			}
			got := fmt.Sprint(lines[0]["error"])
			if secret := test.want == "very-secret"; got != test.want && !secret || secret && (strings.Contains(got, "secret") || !strings.Contains(got, "EOF")) {
				t.Errorf("error %q, want %q", got, test.want)
			}
		})
	}
}

// The handler of slog.Default is somebody else's code: it may panic, and it may
// be of a type that cannot be compared.
func TestTheCauseSurvivesTheDefaultLogger(t *testing.T) {
	for name, h := range map[string]slog.Handler{
		"panics":       &failing{log: newLog(), panics: true},
		"incomparable": incomparable{Handler: newLog()},
	} {
		t.Run(name, func(t *testing.T) {
			if f, ok := h.(*failing); ok {
				f.broken.Store(true)
			}
			byDefault(t, h)
			full := errors.New("disk full")
			for _, sink := range []slog.Handler{&refusing{Handler: newLog(), err: full}, incomparable{Handler: &refusing{Handler: newLog(), err: full}}} {
				m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
				m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
				if err := m.Shutdown(t.Context()); !errors.Is(err, full) {
					t.Errorf("Shutdown: %v", err)
				}
			}
		})
	}
	// A panic of the sink has a text of its own: what it panicked with may hold
	// anything.
	out := newLog()
	byDefault(t, out)
	sink := &failing{log: newLog(), panics: true}
	sink.broken.Store(true)
	m := build(t, audit.Config{Sinks: []slog.Handler{sink}})
	m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
	if err := m.Shutdown(t.Context()); err == nil || !strings.Contains(err.Error(), "the sink panicked") {
		t.Errorf("Shutdown: %v", err)
	}
	if lines := out.records(t); len(lines) != 1 || lines[0]["error"] != "audit: the sink panicked" {
		t.Errorf("%s", out)
	}
}
