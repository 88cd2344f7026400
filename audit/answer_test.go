package audit_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
)

// answers is an observer of everything.
type answers struct {
	spy
	got      []audit.Answer
	caller   []string // of the context of each answer
	observed []*audit.Middleware
}

func (a *answers) Answered(ctx context.Context, answer audit.Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, answer)
	a.caller = append(a.caller, bulwark.RequestID(ctx))
}

func (a *answers) Watch(m *audit.Middleware) { a.observed = append(a.observed, m) }

// An answer tells what the access record tells, with or without an access log.
func TestAnswers(t *testing.T) {
	identified := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, scope := bulwark.Identify(r, &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice", Method: "jwt"})
			scope.SetRoute("GET /documents/{id}")
			next.ServeHTTP(w, r)
		})
	}
	for _, test := range []struct {
		name     string
		next     http.Handler
		status   int
		reported bool
		bytes    int64
		caller   string
		panicked bool
	}{
		{"ordinary", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }), 200, false, 5, "", false},
		{"caller", identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })), 204, false, 0, "alice", false},
		{"refused", deny(bulwark.Problem{Status: 404, Code: "test.missing"}), 404, true, -1, "", false},
		{"without_event", deny(bulwark.Problem{Status: 404, Code: "test.missing", Log: bulwark.ProblemLog{Event: bulwark.NoEvent}}), 404, false, -1, "", false},
		{"by_hand", http.NotFoundHandler(), 404, false, 19, "", false},
		{"forbidden_by_hand", identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(403) })), 403, true, 0, "alice", false},
		{"panic", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(errors.New("broken")) }), 500, true, 0, "", true},
	} {
		for _, access := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				seen, out := new(answers), newLog()
				m := build(t, audit.Config{Logger: slog.New(out), AccessLog: access, Observers: []bulwark.Recorder{seen}})
				func() {
					defer func() { _ = recover() }()
					m.Wrap(test.next).ServeHTTP(httptest.NewRecorder(), request("GET", "/documents/42%1b"))
				}()
				if len(seen.got) != 1 {
					t.Fatalf("%d answers", len(seen.got))
				}
				a := seen.got[0]
				if a.Event.Status != test.status || a.Reported != test.reported || a.Panicked != test.panicked || test.bytes >= 0 && a.Size != test.bytes {
					t.Errorf("%+v", a)
				}
				if a.Event.UserID != test.caller || (a.Caller == nil) != (test.caller == "") || a.Caller != nil && a.Caller.Method != "jwt" {
					t.Errorf("caller %+v, %q", a.Caller, a.Event.UserID)
				}
				if a.Event.Path != `/documents/42\x1b` || a.Event.Method != "GET" || a.Event.ClientIP.String() != "192.0.2.1" || a.Event.Name != "" {
					t.Errorf("described as %+v", a.Event)
				}
				if test.caller != "" && a.Event.Route != "GET /documents/{id}" {
					t.Errorf("route %q", a.Event.Route)
				}
				if a.Event.RequestID == "" || a.Event.RequestID != seen.caller[0] {
					t.Errorf("request id %q, of the context %q", a.Event.RequestID, seen.caller[0])
				}
				drain(t, m)
				if n := len(of(out.records(t), "type", "access")); n != map[bool]int{true: 1}[access] {
					t.Errorf("%d access records: %s", n, out)
				}
			})
		}
	}
}

// The duration of an answer is the time of the handler.
func TestAnswerDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := new(answers)
		m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
		m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(3 * time.Second) })).
			ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
		if len(seen.got) != 1 || seen.got[0].Duration != 3*time.Second {
			t.Errorf("%+v", seen.got)
		}
	})
}

// A client that leaves, and an answer that is cut off, are told apart.
func TestAnswerMarks(t *testing.T) {
	seen := new(answers)
	m := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	ctx, cancel := context.WithCancel(t.Context())
	m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })).
		ServeHTTP(httptest.NewRecorder(), request("GET", "/").WithContext(ctx))
	func() {
		defer func() { _ = recover() }()
		m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		})).ServeHTTP(httptest.NewRecorder(), request("GET", "/"))
	}()
	if len(seen.got) != 2 {
		t.Fatalf("%d answers", len(seen.got))
	}
	if a := seen.got[0]; a.Event.Status != 499 || !a.Cancelled || a.CutOff || a.Panicked {
		t.Errorf("left: %+v", a)
	}
	if a := seen.got[1]; a.Event.Status != 200 || !a.CutOff || a.Cancelled || a.Panicked {
		t.Errorf("cut off: %+v", a)
	}
}

type panickingAnswers struct{ spy }

func (*panickingAnswers) Answered(context.Context, audit.Answer) { panic("secret of the observer") }

// An observer that panics at an answer takes neither the answer, nor the other
// observers, nor the access record with it.
func TestAnswerObserverThatPanics(t *testing.T) {
	seen, out := new(answers), newLog()
	m := build(t, audit.Config{Logger: slog.New(out), AccessLog: true, Observers: []bulwark.Recorder{new(panickingAnswers), seen}})
	w := httptest.NewRecorder()
	m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201) })).ServeHTTP(w, request("GET", "/"))
	drain(t, m)
	if w.Code != 201 || len(seen.got) != 1 || len(out.records(t)) != 1 {
		t.Errorf("answered %d, %d answers seen, recorded %s", w.Code, len(seen.got), out)
	}
}

// Each Middleware introduces itself to its watchers once.
func TestWatcher(t *testing.T) {
	seen := new(answers)
	one := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen, new(spy)}})
	two := build(t, audit.Config{Logger: slog.New(newLog()), Observers: []bulwark.Recorder{seen}})
	if len(seen.observed) != 2 || seen.observed[0] != one || seen.observed[1] != two {
		t.Errorf("%v", seen.observed)
	}
	if _, err := audit.New(audit.Config{MaxPrefixes: 1, Observers: []bulwark.Recorder{seen}}); err == nil || len(seen.observed) != 2 {
		t.Errorf("%v, watched %d", err, len(seen.observed))
	}
}

type oddAnswers struct{ spy }

func (*oddAnswers) Answered(audit.Answer) {}

type oddWatcher struct{ spy }

func (*oddWatcher) Watch(audit.Middleware) {}

// A method that nobody would call is a mistake of the Config.
func TestObserversOfOtherSignatures(t *testing.T) {
	_, err := audit.New(audit.Config{Observers: []bulwark.Recorder{new(oddAnswers), new(oddWatcher), nil}})
	for _, wanted := range []string{
		"audit.Observers[0]", "write Answered(context.Context, audit.Answer)",
		"audit.Observers[1]", "write Watch(*audit.Middleware)",
		"audit.Observers[2]", "is nil",
	} {
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%v, without %q", err, wanted)
		}
	}
}

// balking is a sink that refuses records for a while.
type balking struct {
	*log
	refuse atomic.Bool
}

func (r *balking) Handle(ctx context.Context, record slog.Record) error {
	if r.refuse.Load() {
		return errors.New("full")
	}
	return r.log.Handle(ctx, record)
}

// Stats tells the sinks apart: how often each has failed, and when it wrote.
func TestSinkStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &balking{log: newLog()}
		bad.refuse.Store(true)
		m := build(t, audit.Config{Sinks: []slog.Handler{newLog(), bad}})
		if s := m.Stats().Sinks; len(s) != 2 || s[0].Field != "Sinks[0]" || s[1].Field != "Sinks[1]" || !s[0].LastWrite.IsZero() {
			t.Fatalf("at first %+v", s)
		}
		time.Sleep(time.Second)
		m.Record(t.Context(), bulwark.Event{Name: bulwark.AuthzFail})
		synctest.Wait()
		now := time.Now()
		s := m.Stats()
		if s.Sinks[0].Errors != 0 || !s.Sinks[0].LastWrite.Equal(now) || s.Sinks[0].Security.Written != 1 {
			t.Errorf("the good sink %+v", s.Sinks[0])
		}
		if s.Sinks[1].Errors != 1 || !s.Sinks[1].LastWrite.IsZero() || s.Sinks[1].Security.Failed != 1 {
			t.Errorf("the bad sink %+v", s.Sinks[1])
		}
		if s.Security.Written != 1 || s.Security.Failed != 1 {
			t.Errorf("over all %+v", s.Security)
		}
		bad.refuse.Store(false)
		time.Sleep(2 * time.Second) // its gap record is written
		synctest.Wait()
		if s := m.Stats().Sinks[1]; s.Errors != 1 || s.LastWrite.IsZero() {
			t.Errorf("the sink that works again %+v", s)
		}
		m.Shutdown(t.Context())
	})
}
