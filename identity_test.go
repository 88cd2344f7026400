package bulwark_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/audit"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// One caller is never taken for another. The tests here are the stories of that
// sentence: who may act is a context and flows inward; who called is a record
// and flows outward; what has been refused belongs to one answer.

// ways in which a handler makes a sub-request with its own context.
var ways = map[string]func(r *http.Request) *http.Request{
	"NewRequest": func(r *http.Request) *http.Request {
		return httptest.NewRequestWithContext(r.Context(), "GET", "/part", nil)
	},
	"shallow_copy": func(r *http.Request) *http.Request { return r.WithContext(r.Context()) },
	"Clone":        func(r *http.Request) *http.Request { return r.Clone(r.Context()) },
}

// writers that a part of a batch answers into.
var writers = map[string]func(w http.ResponseWriter) http.ResponseWriter{
	"recorder":    func(http.ResponseWriter) http.ResponseWriter { return httptest.NewRecorder() },
	"same_writer": func(w http.ResponseWriter) http.ResponseWriter { return begun{w} },
}

// begun is one answer that several goroutines may refuse: nothing is written to
// it any more.
type begun struct{ inner http.ResponseWriter }

func (w begun) Header() http.Header         { return w.inner.Header() }
func (w begun) WriteHeader(int)             {}
func (w begun) Write(p []byte) (int, error) { return len(p), nil }
func (w begun) Started() bool               { return true }

// as is an authentication layer that takes everybody for one caller.
func as(p *bulwark.Principal) bulwark.LayerFunc {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, scope := bulwark.Identify(r, p)
			defer scope.Cancel(nil)
			next.ServeHTTP(w, r)
		})
	}
}

func named(subject string) *bulwark.Principal {
	if subject == "" {
		return nil
	}
	return &bulwark.Principal{Issuer: "test", Subject: subject}
}

// each runs the parts of a batch one after another, or all at once.
func each(parallel bool, n int, part func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		if !parallel {
			part(i)
			continue
		}
		all.Go(func() { part(i) })
	}
	all.Wait()
}

// A part of a batch acts as whom its own authentication has found, wherever
// that stands, and nobody around or beside it does. Run with -race.
// Case root-1.
func TestPartsOfABatchActForThemselves(t *testing.T) {
	for way, sub := range ways {
		for kind, writer := range writers {
			for _, outer := range []string{"open", "", "root"} {
				for _, parallel := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s/%s/outer_%s/parallel_%v", way, kind, outer, parallel), func(t *testing.T) {
						want := outer
						if outer == "" || outer == "open" {
							want = "nobody"
						}
						batch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							around := r.Context()
							settled := bulwark.Settled(around)
							each(parallel, 8, func(i int) {
								me := []string{"", "alice", "mallory", "service"}[i%4]
								saw := me
								if me == "" {
									saw = "nobody"
								}
								inner := as(named(me)).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
									for range 50 {
										if got := who(r.Context()); got != saw {
											t.Errorf("a part of %s ran as %s", saw, got)
										}
									}
								}))
								inner.ServeHTTP(writer(w), sub(r))
								if got := who(around); got != want || bulwark.Settled(around) != settled {
									t.Errorf("after a part of %s the handler runs as %s, want %s", saw, got, want)
								}
								if got := who(sub(r).Context()); got != want {
									t.Errorf("the next part begins as %s, want %s", got, want)
								}
							})
						})
						h := http.Handler(batch)
						if outer != "open" {
							h = as(named(outer)).Wrap(batch)
						}
						r, _ := bulwark.Enter(httptest.NewRequest("POST", "/batch", nil))
						h.ServeHTTP(httptest.NewRecorder(), r)
					})
				}
			}
		}
	}
}

// What is said about one context never changes.
func TestWhatAContextSaysNeverChanges(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	anonymous, _ := bulwark.Identify(r, nil)
	alices, _ := bulwark.Identify(anonymous, alice())
	bobs := alices.WithContext(bulwark.WithPrincipal(alices.Context(), named("bob")))
	nobodys := bobs.WithContext(bulwark.WithPrincipal(bobs.Context(), nil))
	roots, _ := bulwark.Identify(nobodys, named("root"))
	check := func(when string) {
		for _, test := range []struct {
			name    string
			ctx     context.Context
			who     string
			settled bool
		}{
			{"as it came", r.Context(), "nobody", false},
			{"its scope", s, "nobody", false},
			{"anonymous", anonymous.Context(), "nobody", true},
			{"alice", alices.Context(), "alice", true},
			{"assumed", bobs.Context(), "bob", true},
			{"assumed nobody", nobodys.Context(), "nobody", true},
			{"root", roots.Context(), "root", true},
			{"no request", t.Context(), "nobody", false},
		} {
			if got := who(test.ctx); got != test.who || bulwark.Settled(test.ctx) != test.settled {
				t.Errorf("%s, %s: %s, settled %v", when, test.name, got, bulwark.Settled(test.ctx))
			}
		}
	}
	check("at first")
	bulwark.Identify(r, named("mallory"))
	bulwark.Identify(r.WithContext(r.Context()), named("mallory"))
	bulwark.Identify(alices, nil)
	check("after others")
	if got := s.Caller(); got != nil {
		t.Errorf("the first to be identified was nobody, and the record says %v", got)
	}
}

// Who called is a record: the first who is identified in the request itself. It
// crosses what stands between the layers, and no sub-request touches it.
func TestCallerOnRecord(t *testing.T) {
	between := map[string]func(http.Handler) http.Handler{
		"nothing":        func(h http.Handler) http.Handler { return h },
		"StripPrefix":    func(h http.Handler) http.Handler { return http.StripPrefix("/v1", h) },
		"TimeoutHandler": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Hour, "") },
		"MaxBytes":       func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) },
		"buffering": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				buffer := httptest.NewRecorder()
				h.ServeHTTP(buffer, r)
				maps.Copy(w.Header(), buffer.Header())
				w.WriteHeader(buffer.Code)
				w.Write(buffer.Body.Bytes())
			})
		},
		"embedding": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				h.ServeHTTP(struct{ http.ResponseWriter }{w}, r)
			})
		},
		"ServeMux": func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/", h)
			return mux
		},
		"context_and_copy": func(h http.Handler) http.Handler { // as gin and echo hand a request on
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				carried := &struct{ request *http.Request }{r}
				carried.request = carried.request.WithContext(context.WithValue(r.Context(), carried, 1))
				h.ServeHTTP(w, carried.request)
			})
		},
	}
	for name, layer := range between {
		t.Run(name, func(t *testing.T) {
			inside := as(alice()).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sub := httptest.NewRequestWithContext(r.Context(), "GET", "/", nil)
				as(named("mallory")).Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), sub)
				as(named("mallory")).Wrap(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r.WithContext(r.Context()))
				bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.no"})
			}))
			var rec bulwarktest.Recorder
			stack := bulwark.Must(bulwark.Chain(audit.Config{Observers: []bulwark.Recorder{&rec}}))
			var seen *bulwark.Scope
			outer := bulwark.LayerFunc(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, seen = bulwark.Enter(r)
					next.ServeHTTP(w, r)
				})
			})
			w := httptest.NewRecorder()
			stack.Wrap(outer.Wrap(layer(inside))).ServeHTTP(w, httptest.NewRequest("GET", "/v1/x", nil))
			if w.Code != 403 {
				t.Fatalf("status %d", w.Code)
			}
			if got := seen.Caller(); got == nil || got.Subject != "alice" {
				t.Errorf("the record says %v", got)
			}
			if who(seen) != "nobody" || bulwark.Settled(seen) {
				t.Error("the identity flowed outward")
			}
			events := rec.Take()
			if len(events) != 1 || events[0].UserID != "alice" || events[0].Reason != "test.no" {
				t.Errorf("events %+v, want the one of alice", events)
			}
		})
	}
}

// A request without a Header asks a question about a context. It is not a
// sub-request, and does not set the caller of the request around it.
func TestARequestWithoutHeaderChangesNoRecord(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	bare := new(http.Request).WithContext(r.Context())
	if _, same := bulwark.Enter(bare); same != s {
		t.Error("it got a scope of its own")
	}
	inside, _ := bulwark.Identify(bare, alice())
	if who(inside.Context()) != "alice" || s.Caller() != nil {
		t.Errorf("%s, and on record %v", who(inside.Context()), s.Caller())
	}
	if _, again := bulwark.Enter(r.WithContext(inside.Context())); again == s {
		t.Error("the identity of the bare request is lost")
	}
}

// A layer may hand on the request with a header of its own.
func TestWithHeader(t *testing.T) {
	r, outer := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	r, _ = bulwark.Identify(r, alice())
	_, scope := bulwark.Enter(r)
	changed := http.Header{"X-Changed": {"yes"}}
	same := scope.WithHeader(r, changed)
	if r.Header.Get("X-Changed") != "" || same.Header.Get("X-Changed") != "yes" {
		t.Error("the wrong request has the header")
	}
	_, inside := bulwark.Enter(same)
	inside.SetRoute("GET /")
	if outer.Route() != "GET /" || who(same.Context()) != "alice" {
		t.Error("the copy is another request")
	}
	if _, s := bulwark.Enter(same.Clone(same.Context())); s == inside {
		t.Error("a clone of the copy is no sub-request")
	}
}

// refusing answers 403 through the one door, once for each way in which a part
// is made and a writer is given.
// Case root-2.
func TestEachRefusedPartIsAnEvent(t *testing.T) {
	const parts = 50
	for way, sub := range ways {
		for kind, writer := range writers {
			for _, parallel := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/parallel_%v", way, kind, parallel), func(t *testing.T) {
					var rec bulwarktest.Recorder
					rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						each(parallel, parts, func(int) {
							bulwark.Deny(writer(w), sub(r), &bulwark.Problem{Status: 403, Code: "rpc.forbidden"})
						})
					})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/rpc", nil))
					want := parts
					if way == "shallow_copy" && kind == "same_writer" {
						want = 1 // one request and one answer, told again and again
					}
					if events := rec.Take(); len(events) != want {
						t.Errorf("%d events, want %d", len(events), want)
					}
				})
			}
		}
	}
}

// What a neighbour was told says nothing about this request: the 401 of a part
// without credentials stands, though another part had a bad cookie.
func TestANeighboursBadCookieExplainsNothing(t *testing.T) {
	for way, sub := range ways {
		t.Run(way, func(t *testing.T) {
			var rec bulwarktest.Recorder
			part := func(bad bool) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r, _ = bulwark.Identify(r, nil)
					if bad {
						bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired"})
					}
					bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "authz.unauthenticated"})
				})
			}
			rec.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				part(true).ServeHTTP(httptest.NewRecorder(), sub(r))
				part(false).ServeHTTP(httptest.NewRecorder(), sub(r))
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
			var names []bulwark.EventName
			for _, e := range rec.Take() {
				names = append(names, e.Name)
			}
			if !slices.Equal(names, []bulwark.EventName{bulwark.AuthnTokenInvalid, bulwark.AuthzFail}) {
				t.Errorf("events %v: the bad cookie's own 401 is its consequence, the other's is not", names)
			}
		})
	}
}

// A refusal that a handler wrote itself leaves a record whatever else was
// reported, and one that went through the door leaves one record.
// Case audit-2.
func TestHandwrittenRefusals(t *testing.T) {
	byHand := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", status) }
	}
	for _, test := range []struct {
		name string
		h    http.HandlerFunc
		want []string // reasons
	}{
		{"403", byHand(403), []string{"audit.unreported"}},
		{"404_is_nobodys", byHand(404), nil},
		{"after_an_unrelated_event", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.MaliciousCORS, Reason: "cors.origin"})
			byHand(403)(w, r)
		}, []string{"cors.origin", "audit.unreported"}},
		{"after_an_event_of_another_status", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(httptest.NewRecorder(), r, &bulwark.Problem{Status: 401, Code: "test.cookie"})
			byHand(403)(w, r)
		}, []string{"test.cookie", "audit.unreported"}},
		{"through_the_door", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "test.no"})
		}, []string{"test.no"}},
		{"reported_and_by_hand", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Status: 403, Reason: "test.no"})
			byHand(403)(w, r)
		}, []string{"test.no"}},
		{"told_by_its_cause", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Report(r, bulwark.Event{Name: bulwark.AuthnTokenInvalid, Reason: "expired"})
			bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "authz.unauthenticated"})
		}, []string{"expired"}},
		{"a_sub_request_was_refused", func(w http.ResponseWriter, r *http.Request) {
			sub := httptest.NewRequestWithContext(r.Context(), "GET", "/part", nil)
			bulwark.Deny(httptest.NewRecorder(), sub, &bulwark.Problem{Status: 403, Code: "test.part"})
			byHand(403)(w, r)
		}, []string{"test.part", "audit.unreported"}},
		{"a_sub_request_answers_for_it", func(w http.ResponseWriter, r *http.Request) {
			bulwark.Deny(w, r.Clone(r.Context()), &bulwark.Problem{Status: 403, Code: "test.part"})
		}, []string{"test.part"}},
		{"buffered", func(w http.ResponseWriter, r *http.Request) {
			buffer := httptest.NewRecorder()
			bulwark.Deny(buffer, r, &bulwark.Problem{Status: 403, Code: "test.no"})
			w.WriteHeader(buffer.Code)
		}, []string{"test.no"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			m := bulwark.Must(audit.New(audit.Config{Observers: []bulwark.Recorder{&rec}}))
			m.Wrap(test.h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			var got []string
			for _, e := range rec.Take() {
				got = append(got, e.Reason)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("events %q, want %q", got, test.want)
			}
		})
	}
}

// What a request was told before says nothing about a sub-request that passes
// the audit layer again.
func TestASubRequestThroughTheSameChain(t *testing.T) {
	for way, sub := range ways {
		t.Run(way, func(t *testing.T) {
			var rec bulwarktest.Recorder
			m := bulwark.Must(audit.New(audit.Config{Observers: []bulwark.Recorder{&rec}}))
			byHand := m.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
			m.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Status: 403, Reason: "test.before"})
				byHand.ServeHTTP(httptest.NewRecorder(), sub(r))
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
			events := rec.Take()
			if len(events) != 2 || events[1].Reason != "audit.unreported" {
				t.Errorf("events %+v", events)
			}
		})
	}
}

// A sub-request through the chain of another application answers to that one's
// audit, and leaves the request around it alone.
// Case root-9.
func TestAnotherApplicationsChain(t *testing.T) {
	for way, sub := range ways {
		t.Run(way, func(t *testing.T) {
			var ours, theirs bulwarktest.Recorder
			other := bulwark.Must(audit.New(audit.Config{Observers: []bulwark.Recorder{&theirs}})).Wrap(
				as(named("service")).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, s := bulwark.Enter(r)
					s.SetRoute("GET /theirs")
					s.SetChallenges([]bulwark.Challenge{{Scheme: "Theirs"}})
					bulwark.Deny(w, r, &bulwark.Problem{Status: 403, Code: "theirs.no"})
				})))
			w := httptest.NewRecorder()
			bulwark.Must(audit.New(audit.Config{Observers: []bulwark.Recorder{&ours}})).Wrap(
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, s := bulwark.Enter(r)
					s.SetRoute("GET /ours")
					s.SetChallenges([]bulwark.Challenge{{Scheme: "Ours"}})
					other.ServeHTTP(httptest.NewRecorder(), sub(r))
					bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "ours.no"})
				})).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, []string{"Ours"}) {
				t.Errorf("challenges %q", got)
			}
			for _, test := range []struct {
				rec                 *bulwarktest.Recorder
				reason, route, user string
			}{{&ours, "ours.no", "GET /ours", ""}, {&theirs, "theirs.no", "GET /theirs", "service"}} {
				events := test.rec.Take()
				if len(events) != 1 || events[0].Reason != test.reason || events[0].Route != test.route || events[0].UserID != test.user {
					t.Errorf("events %+v, want %s of %s by %q", events, test.reason, test.route, test.user)
				}
			}
		})
	}
}

// An event names who called, and beside that whom the caller acts as.
// Case root-5.
func TestWhoActsAsSomebodyElseIsOnRecord(t *testing.T) {
	victim := named("victim")
	for _, test := range []struct {
		name          string
		request       func(r *http.Request) *http.Request
		user, assumed string
	}{
		{"caller", func(r *http.Request) *http.Request { r, _ = bulwark.Identify(r, named("support")); return r }, "support", ""},
		{"caller_as_victim", func(r *http.Request) *http.Request {
			r, _ = bulwark.Identify(r, named("support"))
			return r.WithContext(bulwark.WithPrincipal(r.Context(), victim))
		}, "support", "victim"},
		{"anonymous_as_victim", func(r *http.Request) *http.Request {
			r, _ = bulwark.Identify(r, nil)
			return r.WithContext(bulwark.WithPrincipal(r.Context(), victim))
		}, "", "victim"},
		{"identified_inside", func(r *http.Request) *http.Request {
			r = r.WithContext(bulwark.WithPrincipal(r.Context(), victim))
			r, _ = bulwark.Identify(r, named("support"))
			return r
		}, "support", ""},
		// A service whose own middleware uses WithPrincipal has said all that
		// is known.
		{"nobody_has_verified_anything", func(r *http.Request) *http.Request {
			return r.WithContext(bulwark.WithPrincipal(r.Context(), victim))
		}, "victim", ""},
		{"on_record_only", func(r *http.Request) *http.Request {
			bulwark.Identify(r, named("support"))
			return r
		}, "support", ""},
		{"on_record_only_as_victim", func(r *http.Request) *http.Request {
			bulwark.Identify(r, named("support"))
			return r.WithContext(bulwark.WithPrincipal(r.Context(), victim))
		}, "support", "victim"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Deny(w, test.request(r), &bulwark.Problem{Status: 403, Code: "x.y"})
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			e := rec.Take()[0]
			if e.UserID != test.user || e.AssumedID != test.assumed {
				t.Errorf("event of %q as %q, want %q as %q", e.UserID, e.AssumedID, test.user, test.assumed)
			}
			var keys []string
			for _, attr := range e.AppendAttrs(nil) {
				if attr.Key == "assumedUserId" || attr.Key == "assumedIssuer" {
					keys = append(keys, attr.Key+"="+attr.Value.String())
				}
			}
			if test.assumed != "" && !slices.Equal(keys, []string{"assumedUserId=victim", "assumedIssuer=test"}) || test.assumed == "" && keys != nil {
				t.Errorf("keys %q", keys)
			}
		})
	}
}

// A sub-request has come the way of the request around it, runs as its caller
// until it is identified itself, and is told apart by its own path.
func TestASubRequestInherits(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(as(alice()).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sub := httptest.NewRequestWithContext(r.Context(), "DELETE", "/part", nil)
		sub.RemoteAddr = "203.0.113.66:1"
		bulwark.Deny(httptest.NewRecorder(), sub, &bulwark.Problem{Status: 403, Code: "x.y"})
		_, inner := bulwark.Enter(sub)
		if bulwark.RequestID(inner) != bulwark.RequestID(r.Context()) {
			t.Error("the sub-request has another id")
		}
		if inner.Caller() != nil || inner.Route() != "" {
			t.Error("the sub-request has the caller or the route of the request around it on record")
		}
	}))).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/batch", nil))
	e := rec.Take()[0]
	if e.UserID != "alice" || e.ClientIP.String() != "192.0.2.1" || e.Path != "/part" || e.Method != "DELETE" {
		t.Errorf("event %+v", e)
	}
}

// The trace of a request is that of the layer that recorded it first.
func TestTheFirstTraceCounts(t *testing.T) {
	for _, later := range []string{"", "other"} {
		r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
		r, s = s.Record(r, discard{}, "trace", "span")
		r, s = s.Record(r, discard{}, later, later)
		var e bulwark.Event
		if s.Describe(r, &e); e.TraceID != "trace" || e.SpanID != "span" {
			t.Errorf("after %q: %q %q", later, e.TraceID, e.SpanID)
		}
	}
}

// Challenges flow inward: what a layer offers holds for all inside it, until
// one of them offers something else.
func TestChallengesFlowInward(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	s.SetChallenges([]bulwark.Challenge{{Scheme: "Outer"}})
	inside, _ := bulwark.Identify(r, nil)
	deeper, scope := bulwark.Identify(inside, nil)
	scope.SetChallenges([]bulwark.Challenge{{Scheme: "Inner"}})
	for want, r := range map[string]*http.Request{"Outer": inside, "Inner": deeper} {
		w := httptest.NewRecorder()
		bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "x.y"})
		if got := w.Header().Get("WWW-Authenticate"); got != want {
			t.Errorf("offered %q, want %q", got, want)
		}
	}
}

// A scope never waits for itself: whatever panics inside it, the next who asks
// is answered.
// Case root-6.
func TestNothingWaitsAfterAPanic(t *testing.T) {
	var rec bulwarktest.Recorder
	rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, s := bulwark.Enter(r)
		func() {
			defer func() { _ = recover() }()
			// A writer whose Header panics, and one that cannot be compared.
			bulwark.Deny(panicking{}, r, &bulwark.Problem{Status: 403, Code: "x.y"})
		}()
		bulwark.Deny(uncomparable{w, nil}, r, &bulwark.Problem{Status: 403, Code: "x.z"})
		s.SetRoute("GET /")
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail})
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if events := rec.Take(); len(events) != 2 {
		t.Errorf("%d events", len(events))
	}
}

type panicking struct{ http.ResponseWriter }

func (panicking) Header() http.Header { panic("no header") }

type uncomparable struct {
	http.ResponseWriter
	_ []int
}

// ReportContext is what acts outside a handler report with.
func TestReportContext(t *testing.T) {
	var inside, outside bulwarktest.Recorder
	inside.Wrap(as(alice()).Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		bulwark.ReportContext(r.Context(), &outside, bulwark.Event{Name: bulwark.AuthnTokenRevoked})
	}))).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/logout", nil))
	events := inside.Take()
	if len(events) != 1 || events[0].UserID != "alice" || events[0].RequestID == "" || !events[0].ClientIP.IsValid() ||
		events[0].Method != "POST" || events[0].Path != "/logout" {
		t.Errorf("in a request: %+v", events)
	}
	bulwark.ReportContext(t.Context(), &outside, bulwark.Event{Name: bulwark.AuthnTokenRevoked, Reason: "a\nb"})
	events = outside.Take()
	if len(events) != 1 || events[0].Time.IsZero() || events[0].Reason != `a\x0ab` || events[0].Level != bulwark.AuthnTokenRevoked.Level() {
		t.Errorf("in a job: %+v", events)
	}
	out := loggedBy(t, func() { bulwark.ReportContext(t.Context(), nil, bulwark.Event{Name: bulwark.AuthnTokenRevoked}) })
	if !bytes.Contains(out, []byte("authn_token_revoked")) {
		t.Errorf("without a recorder: %s", out)
	}
}
