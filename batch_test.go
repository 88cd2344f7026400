package bulwark_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func reasons(events []bulwark.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Reason)
	}
	return all
}

func audited(rec *bulwarktest.Recorder) *audit.Middleware {
	return bulwark.Must(audit.New(audit.Config{Observers: []bulwark.Recorder{rec}}))
}

// badToken is an authenticator that finds a bad token in every request.
type badToken struct{}

func (badToken) Detect(*http.Request) auth.Presence { return auth.Explicit }
func (badToken) Authenticate(*http.Request) (*bulwark.Principal, error) {
	return nil, auth.Invalid("signature", nil)
}
func (badToken) Challenges() []bulwark.Challenge { return []bulwark.Challenge{{Scheme: "Bearer"}} }

// A part with a bad token is an event, and explains no 401 of another part nor
// of the batch itself.
func TestABadTokenExplainsNoOtherPart(t *testing.T) {
	login := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{badToken{}}}))
	for way, sub := range ways {
		t.Run(way, func(t *testing.T) {
			var rec bulwarktest.Recorder
			audited(&rec).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				login.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), sub(r))
				for i := range 49 {
					bulwark.Deny(httptest.NewRecorder(), sub(r), &bulwark.Problem{Status: 401, Code: fmt.Sprintf("rpc.m%d", i)})
				}
				bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "batch.unauthenticated"})
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
			if got := rec.Take(); len(got) != 51 {
				t.Errorf("%d events of 50 refused parts and the refused batch", len(got))
			}
		})
	}
}

// A bad cookie explains one 401: whoever adds one does not probe 50 parts with
// one event.
func TestABadCookieExplainsOneAnswer(t *testing.T) {
	for way, sub := range ways {
		t.Run(way, func(t *testing.T) {
			var rec bulwarktest.Recorder
			audited(&rec).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r, _ = bulwark.Identify(r, nil)
				bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired"})
				for i := range 50 {
					bulwark.Deny(httptest.NewRecorder(), sub(r), &bulwark.Problem{Status: 401, Code: fmt.Sprintf("rpc.m%d", i)})
				}
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
			if got := rec.Take(); len(got) < 50 {
				t.Errorf("%d events of a bad cookie and 50 refused parts", len(got))
			}
		})
	}
}

// A 401 that its cause has explained is told, whatever buffer it passes.
func TestABadCookieBehindABufferIsOneEvent(t *testing.T) {
	var rec bulwarktest.Recorder
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Identify(r, nil)
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired"})
		bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "authz.unauthenticated"})
	})
	audited(&rec).Wrap(http.TimeoutHandler(h, time.Minute, "")).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if got := reasons(rec.Take()); !slices.Equal(got, []string{"expired"}) {
		t.Errorf("events %q", got)
	}
}

// A stream or WebSocket that sends sub-requests keeps nothing of those that are
// over, though their handlers derive contexts.
func TestSubRequestsOfAStreamAreNotKept(t *testing.T) {
	type payload struct{ b [1 << 10]byte }
	type key struct{}
	var freed atomic.Int64
	const parts = 200
	part := audited(new(bulwarktest.Recorder)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
		defer cancel()
		if ctx.Err() != nil {
			t.Error(ctx.Err())
		}
	}))
	audited(new(bulwarktest.Recorder)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for range parts {
			p := new(payload)
			runtime.SetFinalizer(p, func(*payload) { freed.Add(1) })
			q := httptest.NewRequestWithContext(context.WithValue(r.Context(), key{}, p), "GET", "/part", nil)
			part.ServeHTTP(httptest.NewRecorder(), q)
		}
		for range 1000 {
			if freed.Load() >= parts*9/10 {
				break
			}
			runtime.GC()
			runtime.Gosched()
		}
		if n := freed.Load(); n < parts*9/10 {
			t.Errorf("while the stream goes on, %d of its %d sub-requests that have ended are still held", parts-n, parts)
		}
		runtime.KeepAlive(r)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/stream", nil))
}

type fault struct{ text string }

func (f *fault) Error() string { return f.text }

// An error that is nil inside is an event and an answer like any other.
func TestTypedNilErrors(t *testing.T) {
	for name, err := range map[string]error{
		"problem":       (*bulwark.Problem)(nil),
		"config":        (*bulwark.ConfigError)(nil),
		"maxbytes":      (*http.MaxBytesError)(nil),
		"cause":         &bulwark.Problem{Status: 403, Code: "test.no", Err: (*fault)(nil)},
		"joined":        errors.Join((*fault)(nil)),
		"fault":         (*fault)(nil),
		"nil_in_joined": fmt.Errorf("x: %w", (*bulwark.Problem)(nil)),
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			audited(&rec).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					if p := recover(); p != nil {
						t.Errorf("panics: %v", p)
						http.Error(w, "no", http.StatusForbidden)
					}
				}()
				bulwark.Deny(w, r, err)
			})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if got := rec.Take(); len(got) != 1 {
				t.Errorf("events %q, status %d", reasons(got), w.Code)
			}
		})
	}
}

// One refusal is one event, though the audit layer stands around it twice.
func TestTheAuditLayerTwice(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"by_hand": func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"door": func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "x.y"})
		},
		"reported": func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Status: 403})
			http.Error(w, "no", http.StatusForbidden)
		},
		"panic": func(w http.ResponseWriter, r *http.Request) { panic("x") },
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			m := audited(&rec)
			defer func() { recover() }()
			defer func() {
				if got := rec.Take(); len(got) != 1 {
					t.Errorf("events %q", reasons(got))
				}
			}()
			m.Wrap(m.Wrap(h)).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		})
	}
}

// An adapter that keeps its request, and takes the context of inside, hands on
// the same request with the Header of outside.
func TestTheOldHeaderInsideIsTheSameRequest(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := bulwark.Enter(r)
		inside := s.WithHeader(r, r.Header.Clone())
		back := r.WithContext(inside.Context()) // as adapters of gin and echo do
		bulwark.Identify(back, alice())
		if s.Caller() == nil {
			t.Error("no caller")
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// A sub-request has come the way of the request around it. It has no address of
// its own to ask for.
func TestASubRequestThroughTheFirstEdge(t *testing.T) {
	var rec bulwarktest.Recorder
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"example.com"}}))
	audited(&rec).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, _ := http.NewRequestWithContext(r.Context(), "GET", "http://example.com/stats", nil)
		part := httptest.NewRecorder()
		edge.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})).ServeHTTP(part, q)
		if part.Code != 200 {
			t.Error(part.Code, part.Body)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// partWriter is one part of a streamed batch.
type partWriter struct {
	http.ResponseWriter
	h      http.Header
	status int
}

func (p *partWriter) Header() http.Header         { return p.h }
func (p *partWriter) WriteHeader(status int)      { p.status = status }
func (p *partWriter) Write(b []byte) (int, error) { return p.ResponseWriter.Write(b) }
func (p *partWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// That the batch has begun its answer says nothing about the answer of a part.
func TestARefusedPartOfAStreamedBatchIsAnswered(t *testing.T) {
	audited(new(bulwarktest.Recorder)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		p := &partWriter{w, http.Header{}, 0}
		bulwark.Deny(p, r.Clone(r.Context()), &bulwark.Problem{Status: 403, Code: "x.y"})
		if p.status != 403 {
			t.Errorf("status of the part %d", p.status)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// A sub-request stays one, whatever scope a layer has at hand.
func TestWithHeaderGoesByTheScopeOfTheRequest(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, outer := bulwark.Enter(r)
		q, _ := bulwark.Enter(httptest.NewRequestWithContext(r.Context(), "GET", "/part", nil))
		q = outer.WithHeader(q, q.Header.Clone())
		bulwark.Identify(q, named("service"))
		if outer.Caller() != nil {
			t.Error("caller", outer.Caller().Subject)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// Inside a Responder Deny writes the standard body, and does not call it again.
func TestAResponderMayFallBack(t *testing.T) {
	depth := 0
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"other.example"}, Responder: func(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
		if depth++; depth < 100 {
			bulwark.Deny(w, r, p)
		}
	}}))
	edge.Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if depth > 1 {
		t.Errorf("called %d times", depth)
	}
}

//lint:file-ignore U1000 what Go does not promote looks unused, which is the point

type (
	closes1 struct{}
	closes2 struct{}
	// twoHeld holds two Shutdowners; the method of neither is promoted.
	twoHeld struct {
		bare
		closes1
		closes2
	}
	wrapped struct{ bulwark.Layer }
)

func (closes1) Shutdown(context.Context) error   { return nil }
func (closes2) Shutdown(context.Context) error   { return nil }
func (l *twoHeld) Build() (bulwark.Layer, error) { return l, nil }

// A layer that embeds two Shutdowners has no Shutdown, and one around nil has
// no Build.
func TestChainRefusesLayersThatCannotWork(t *testing.T) {
	for name, part := range map[string]bulwark.Builder{"ambiguous": &twoHeld{}, "around_nil": wrapped{}} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("panics: %v", p)
				}
			}()
			if _, err := bulwark.Chain(part); err == nil {
				t.Error("no error")
			}
		})
	}
}

// Of several answers each is told apart, whatever was refused in between.
func TestCaseRoot2AnswersInTurn(t *testing.T) {
	_, events := answered(func(_ http.ResponseWriter, r *http.Request) {
		answers := []http.ResponseWriter{httptest.NewRecorder(), httptest.NewRecorder(), httptest.NewRecorder()}
		for range 3 {
			for _, w := range answers {
				bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "a.b"})
			}
		}
	}, nil)
	if len(events) != 3 {
		t.Errorf("%d events, want 3", len(events))
	}
}
