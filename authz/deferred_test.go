package authz_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// uncheckedAnswer is what a handler of a Deferred rule gets that answers
// without a check. No field of the handler leaves.
var uncheckedAnswer = want{status: 500, code: "authz.unchecked", event: bulwark.SysUnavailable,
	header: map[string]string{"X-Title": "", "Etag": "", "Link": "", "Location": "", "Trailer": "", "Content-Type": "application/problem+json"}}

// A lateService serves POST /search behind a Deferred rule, in each way in which
// a rule can stand before a handler.
type lateService struct {
	policy    *authz.Policy
	documents authz.Resource[*document]
}

func newLateService(t *testing.T) *lateService {
	t.Helper()
	s := &lateService{policy: mustPolicy(t, guide()), documents: documents()}
	s.documents.Policy = s.policy
	return s
}

// check is what a handler does with the object of that id.
func (s *lateService) check(r *http.Request, id string) error {
	d, ok := shelf[id]
	if !ok {
		_, err := s.documents.Check(r, "read", nil)
		return err
	}
	_, err := s.documents.Check(r, "read", &d)
	return err
}

func (s *lateService) behind(t *testing.T, h http.Handler) map[string]http.Handler {
	t.Helper()
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), h)
	all := authz.NewMux(s.policy)
	all.Handle("POST /search", authz.All(authz.Require("document:read:own"), authz.All(authz.Deferred())), h, bulwark.LayerFunc(
		func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
		}))
	mounted := authz.NewMux(s.policy)
	mounted.Mount("/", authz.Deferred(), h)
	theirs := http.NewServeMux()
	theirs.Handle("POST /search", h)
	return map[string]http.Handler{
		"mux": mux, "all": all, "mount": mounted,
		"config": bulwark.Must(authz.New(authz.Config{Policy: s.policy, Rule: authz.Deferred()})).Wrap(h),
		"guard":  bulwark.Must(authz.Guard(theirs, s.policy, map[string]authz.Rule{"POST /search": authz.Deferred()})),
		"twice":  bulwark.Must(authz.New(authz.Config{Policy: s.policy, Rule: authz.Deferred()})).Wrap(mux),
	}
}

func search(p *bulwark.Principal) *http.Request { return request("POST", "/search", p) }

func TestDeferred(t *testing.T) {
	s := newLateService(t)
	for name, h := range s.behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Title", "Plan")
		if err := s.check(r, "1"); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "the plan")
	})) {
		t.Run(name, func(t *testing.T) {
			w := serve(h, search(as("alice", "user")))
			if w.Code != 202 || w.Body.String() != "the plan" || w.Header().Get("X-Title") != "Plan" {
				t.Errorf("checked: %d %q %v", w.Code, w.Body, w.Header())
			}
			unauthenticated.check(t, h, search(nil))
			// The refusal has none of the handler's fields, which would tell the
			// object of a stranger from a missing object.
			refused := hidden("authz.not_readable")
			refused.header = map[string]string{"X-Title": "", "Content-Type": "application/problem+json"}
			refused.check(t, h, search(as("mallory", "user")))
		})
	}
}

// deferredAttacks are handlers that answer before their check.
func (s *lateService) attacks() map[string]http.HandlerFunc {
	title := func(w http.ResponseWriter) { w.Header().Set("X-Title", "Plan"); w.Header().Add("Etag", `"1"`) }
	return map[string]http.HandlerFunc{
		"body":        func(w http.ResponseWriter, r *http.Request) { title(w); io.WriteString(w, "the plan") },
		"bytes":       func(w http.ResponseWriter, r *http.Request) { title(w); w.Write([]byte("the plan")) },
		"status":      func(w http.ResponseWriter, r *http.Request) { title(w); w.WriteHeader(204) },
		"nothing":     func(w http.ResponseWriter, r *http.Request) { title(w) },
		"own_404":     func(w http.ResponseWriter, r *http.Request) { title(w); http.Error(w, "the plan", 404) },
		"redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/plan", http.StatusSeeOther) },
		"early_hints": func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Link", "</plan>"); w.WriteHeader(103) },
		"switching":   func(w http.ResponseWriter, r *http.Request) { title(w); w.WriteHeader(101) },
		"flush":       func(w http.ResponseWriter, r *http.Request) { title(w); w.(http.Flusher).Flush() },
		"controller": func(w http.ResponseWriter, r *http.Request) {
			title(w)
			if err := http.NewResponseController(w).Flush(); err == nil {
				panic("flushed")
			}
		},
		"read_from": func(w http.ResponseWriter, r *http.Request) {
			title(w)
			w.(io.ReaderFrom).ReadFrom(strings.NewReader("the plan"))
		},
		"unwrapped": func(w http.ResponseWriter, r *http.Request) {
			title(w)
			for at := w; at != nil; {
				wrapper, ok := at.(interface{ Unwrap() http.ResponseWriter })
				if !ok {
					break
				}
				if at = wrapper.Unwrap(); at != nil {
					io.WriteString(at, "the plan")
				}
			}
		},
		"check_after": func(w http.ResponseWriter, r *http.Request) {
			title(w)
			if _, err := io.WriteString(w, "the plan"); err == nil {
				panic("written")
			}
			s.check(r, "1")
			io.WriteString(w, "the plan")
			w.Header().Set(http.TrailerPrefix+"X-Title", "Plan")
		},
		"refused_check": func(w http.ResponseWriter, r *http.Request) { s.check(r, "2"); io.WriteString(w, "the plan") },
		"missing":       func(w http.ResponseWriter, r *http.Request) { s.check(r, "99"); io.WriteString(w, "the plan") },
		"other_policy": func(w http.ResponseWriter, r *http.Request) {
			other := documents()
			other.Policy = bulwark.Must(authz.NewPolicy(guide()))
			d := shelf["1"]
			if _, err := other.Check(r, "read", &d); err != nil {
				panic(err)
			}
			io.WriteString(w, "the plan")
		},
		"other_caller": func(w http.ResponseWriter, r *http.Request) {
			root := r.WithContext(bulwark.WithPrincipal(r.Context(), as("root", "admin")))
			if err := s.check(root, "2"); err != nil {
				panic(err)
			}
			io.WriteString(w, "the plan")
		},
		"sub_request": func(w http.ResponseWriter, r *http.Request) {
			part := httptest.NewRequest("GET", "http://example.com/documents/1", nil).WithContext(r.Context())
			if err := s.check(part, "1"); err != nil {
				panic(err)
			}
			io.WriteString(w, "the plan")
		},
		"clone": func(w http.ResponseWriter, r *http.Request) {
			if err := s.check(r.Clone(r.Context()), "1"); err != nil {
				panic(err)
			}
			io.WriteString(w, "the plan")
		},
		"shallow_copy": func(w http.ResponseWriter, r *http.Request) {
			if err := s.check(partOf(r, "/documents/1"), "1"); err != nil {
				panic(err)
			}
			io.WriteString(w, "the plan")
		},
		"fake_problem": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(404)
			io.WriteString(w, "the plan")
		},
		"timeout_handler": func(w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { title(w); io.WriteString(w, "the plan") }), time.Minute, "late").
				ServeHTTP(w, r)
		},
		"goroutine": func(w http.ResponseWriter, r *http.Request) {
			var wg sync.WaitGroup
			wg.Go(func() { title(w); io.WriteString(w, "the plan") })
			wg.Wait()
		},
	}
}

// Nothing of an answer without a check leaves, in the body or in the header.
func TestDeferredAnswersAreKeptBack(t *testing.T) {
	s := newLateService(t)
	for attack, handler := range s.attacks() {
		for name, h := range s.behind(t, handler) {
			t.Run(attack+"/"+name, func(t *testing.T) {
				e := uncheckedAnswer.check(t, h, search(as("alice", "user")))
				if e.Name.Level() < 8 || !strings.Contains(wanted(e), "Resource.Check") {
					t.Errorf("the event does not say what to change, or is not an error: %+v", e)
				}
				w := serve(h, search(as("alice", "user")))
				if strings.Contains(w.Body.String(), "the plan") || w.Flushed || len(w.Result().Trailer) > 0 {
					t.Errorf("something has left: %q %v", w.Body, w.Result().Trailer)
				}
				for name, values := range w.Header() {
					if strings.Contains(strings.Join(values, ""), "Plan") {
						t.Errorf("%s: %v has left", name, values)
					}
				}
			})
		}
	}
}

// The same over connections of HTTP/1 and HTTP/2, whose writers can do more.
func TestDeferredOnTheWire(t *testing.T) {
	s := newLateService(t)
	attacks := s.attacks()
	attacks["hijack"] = func(w http.ResponseWriter, r *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe plan")
			conn.Close()
		}
	}
	attacks["push"] = func(w http.ResponseWriter, r *http.Request) {
		if pusher, ok := w.(http.Pusher); ok && pusher.Push("/plan", nil) == nil {
			panic("pushed")
		}
	}
	for _, version := range []string{"HTTP/1.1", "HTTP/2.0"} {
		for attack, handler := range attacks {
			t.Run(strings.ReplaceAll(version, "/", "")+"/"+attack, func(t *testing.T) {
				h := s.behind(t, handler)["mux"]
				server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), as("alice", "user"))))
				}))
				server.EnableHTTP2 = version == "HTTP/2.0"
				server.StartTLS()
				defer server.Close()
				response, err := server.Client().Post(server.URL+"/search", "text/plain", strings.NewReader("q"))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.Proto != version || response.StatusCode != 500 || !strings.Contains(string(body), "authz.unchecked") || strings.Contains(string(body), "the plan") {
					t.Errorf("%s %d %q %v", response.Proto, response.StatusCode, body, err)
				}
				if response.Header.Get("X-Title") != "" || response.Header.Get("Etag") != "" || len(response.Trailer) > 0 {
					t.Errorf("header %v trailer %v", response.Header, response.Trailer)
				}
			})
		}
	}
}

// What the handler adds to a refusal of its own does not leave.
func TestDeferredRefusals(t *testing.T) {
	s := newLateService(t)
	teapot := &bulwark.Problem{Status: 418, Code: "service.teapot", Header: http.Header{"X-Pot": {"tea"}}}
	for name, handler := range map[string]http.HandlerFunc{
		"plain": func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, teapot) },
		"goes_on": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Title", "Plan")
			bulwark.Deny(w, r, teapot)
			io.WriteString(w, "the plan")
			w.Header().Set("X-Title", "Plan")
		},
		"into_a_buffer": func(w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Title", "Plan")
				bulwark.Deny(w, r, teapot)
				io.WriteString(w, "the plan")
			}), time.Minute, "late").ServeHTTP(w, r)
		},
		"goroutine": func(w http.ResponseWriter, r *http.Request) {
			var wg sync.WaitGroup
			wg.Go(func() { bulwark.Deny(w, r, teapot) })
			wg.Wait()
		},
	} {
		for way, h := range s.behind(t, handler) {
			t.Run(name+"/"+way, func(t *testing.T) {
				want{status: 418, code: "service.teapot", event: bulwark.InputValidationFail, header: map[string]string{"X-Pot": "tea", "X-Title": ""}}.
					check(t, h, search(as("alice", "user")))
				if w := serve(h, search(as("alice", "user"))); strings.Contains(w.Body.String(), "plan") {
					t.Errorf("body %q", w.Body)
				}
			})
		}
	}
}

// A Responder renders the refusals of a Deferred route, too.
func TestDeferredResponder(t *testing.T) {
	s := newLateService(t)
	edge := bulwark.Must(bulwark.NewEdge(bulwark.Edge{Hosts: []string{"example.com"}, Responder: func(w http.ResponseWriter, r *http.Request, p *bulwark.Problem) {
		w.WriteHeader(p.Status)
		io.WriteString(w, "own "+p.Code)
	}}))
	for code, handler := range map[string]http.HandlerFunc{
		"authz.unchecked": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the plan") },
		"authz.not_found": func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, s.check(r, "2")) },
	} {
		for way, h := range s.behind(t, handler) {
			if w := serve(edge.Wrap(h), search(as("alice", "user"))); w.Body.String() != "own "+code {
				t.Errorf("%s: %d %q, want own %s", way, w.Code, w.Body, code)
			}
		}
	}
}

// A check on another goroutine, or inside a TimeoutHandler, opens the answer.
func TestDeferredElsewhere(t *testing.T) {
	s := newLateService(t)
	answers := func(w http.ResponseWriter, r *http.Request) {
		if err := s.check(r, "1"); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		io.WriteString(w, "the plan")
	}
	for name, handler := range map[string]http.HandlerFunc{
		"timeout_handler": func(w http.ResponseWriter, r *http.Request) {
			http.TimeoutHandler(http.HandlerFunc(answers), time.Minute, "late").ServeHTTP(w, r)
		},
		"goroutine": func(w http.ResponseWriter, r *http.Request) {
			checked := make(chan error)
			go func() { checked <- s.check(r, "1") }()
			if err := <-checked; err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			io.Copy(w, strings.NewReader("the plan"))
		},
		"without_header": func(w http.ResponseWriter, r *http.Request) {
			if err := s.check(new(http.Request).WithContext(r.Context()), "1"); err == nil {
				io.WriteString(w, "the plan")
			}
		},
		"stripped": func(w http.ResponseWriter, r *http.Request) {
			http.StripPrefix("/sea", http.HandlerFunc(answers)).ServeHTTP(w, r)
		},
		"controller": func(w http.ResponseWriter, r *http.Request) {
			if http.NewResponseController(w).SetReadDeadline(time.Time{}) == nil {
				panic("a recorder has no deadlines")
			}
			answers(w, r)
			if http.NewResponseController(w).Flush() != nil {
				panic("not flushed")
			}
		},
	} {
		for way, h := range s.behind(t, handler) {
			if name == "stripped" && way == "twice" {
				continue // its path is another one to the inner mux
			}
			t.Run(name+"/"+way, func(t *testing.T) {
				if w := serve(h, search(as("alice", "user"))); w.Code != 200 || w.Body.String() != "the plan" {
					t.Errorf("%d %q", w.Code, w.Body)
				}
			})
		}
	}
}

// The timeout of a TimeoutHandler is an answer without a check.
func TestDeferredTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newLateService(t)
		done := make(chan bool)
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Hour)
			s.check(r, "1")
			io.WriteString(w, "the plan")
			close(done)
		})
		mux := authz.NewMux(s.policy)
		mux.Handle("POST /search", authz.Deferred(), http.TimeoutHandler(slow, time.Minute, "late"))
		uncheckedAnswer.check(t, mux, search(as("alice", "user")))
		<-done
	})
}

var errOurs = errors.New("ours")

// A panic goes on, and leaves none of the handler's fields to who answers it.
func TestDeferredPanics(t *testing.T) {
	s := newLateService(t)
	for way, h := range s.behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Title", "Plan")
		panic(errOurs)
	})) {
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if v := recover(); v != errOurs {
					t.Errorf("%s: recovered %v", way, v)
				}
			}()
			h.ServeHTTP(w, search(as("alice", "user")))
		}()
		if w.Header().Get("X-Title") != "" || w.Body.Len() != 0 {
			t.Errorf("%s: %v %q", way, w.Header(), w.Body)
		}
	}
}

// A batch behind a Deferred rule sends parts to Deferred routes. Each part has
// its own answer, and its check does not open the answer of the batch.
func TestDeferredBatches(t *testing.T) {
	s := newLateService(t)
	var mux *authz.Mux
	build := func(opens bool) {
		mux = authz.NewMux(s.policy)
		mux.Handle("GET /documents/{id}", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := s.check(r, r.PathValue("id")); err != nil {
				bulwark.Deny(w, r, err)
				return
			}
			io.WriteString(w, "document "+r.PathValue("id"))
		}))
		mux.Handle("POST /batch", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var parts sync.WaitGroup
			answers := make([]*httptest.ResponseRecorder, 4)
			for i, id := range []string{"1", "2", "1", "99"} {
				part := httptest.NewRequest("GET", "http://example.com/documents/"+id, nil).WithContext(r.Context())
				if i == 2 {
					part = partOf(r, "/documents/1")
				}
				answers[i] = httptest.NewRecorder()
				parts.Go(func() { mux.ServeHTTP(answers[i], part) })
			}
			parts.Wait()
			for i, status := range []int{200, 404, 200, 404} {
				if answers[i].Code != status {
					t.Errorf("part %d: %d, want %d: %s", i, answers[i].Code, status, answers[i].Body)
				}
			}
			if opens {
				if err := s.check(r, "1"); err != nil {
					t.Error(err)
				}
			}
			io.WriteString(w, "all")
		}))
	}
	build(true)
	if w := serve(mux, request("POST", "/batch", as("alice", "user"))); w.Code != 200 || w.Body.String() != "all" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	build(false)
	if w := serve(mux, request("POST", "/batch", as("alice", "user"))); w.Code != 500 || !strings.Contains(w.Body.String(), "authz.unchecked") {
		t.Errorf("parts have opened the batch: %d %q", w.Code, w.Body)
	}
}

// hijackable is a writer whose connection can be taken over.
type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	panic("the connection was taken over")
}

func TestDeferredHijack(t *testing.T) {
	s := newLateService(t)
	for way, h := range s.behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); err == nil {
			t.Error("taken over")
		}
	})) {
		w := hijackable{httptest.NewRecorder()}
		h.ServeHTTP(w, search(as("alice", "user")))
		if w.Code != 500 {
			t.Errorf("%s: %d", way, w.Code)
		}
	}
}

func TestDeferredRegistrations(t *testing.T) {
	s := newLateService(t)
	mux := authz.NewMux(s.policy)
	for name, rule := range map[string]authz.Rule{
		"any":    authz.Any(authz.Deferred(), authz.RequireRole("admin")),
		"deeper": authz.Any(authz.RequireRole("admin"), authz.All(authz.Deferred())),
		"inside": authz.All(authz.Any(authz.Deferred())),
	} {
		t.Run(name, func(t *testing.T) {
			mustRefuse(t, "Mux(POST /search)", ".rule: has Deferred inside Any", func() { mux.Handle("POST /search", rule, ok()) })
			if _, err := authz.New(authz.Config{Policy: s.policy, Rule: rule}); !hasFault(err, "authz.Rule", "has Deferred inside Any") {
				t.Errorf("New: %v", err)
			}
		})
	}
	mux.Handle("POST /search", authz.Deferred(), ok())
	mux.Handle("POST /find", authz.All(authz.Require("document:read:own"), authz.Deferred()).Scopes("find"), ok())
	routes := mux.Routes()
	if r := routes[1]; r.Rule != "deferred" || r.Weak != "the handler checks late" || !r.Admits("user") || r.Admits("") || r.Roles[0] != "*" {
		t.Errorf("%+v", r)
	}
	if r := routes[0]; r.Rule != "all of (permission document:read:own; deferred), scope find" || r.Weak != "the reach own is for the handler to check; the handler checks late" {
		t.Errorf("%+v", r)
	}
}

// Check of a Middleware does not see the answer, and so never lets pass.
func TestDeferredCheckWithoutAWriter(t *testing.T) {
	s := newLateService(t)
	m := bulwark.Must(authz.New(authz.Config{Policy: s.policy, Rule: authz.Deferred()}))
	ran := false
	unconfigured.check(t, denied(m, &ran), search(as("alice", "user")))
	unauthenticated.check(t, denied(m, &ran), search(nil))
	if ran {
		t.Error("the handler ran")
	}
}

// Replace keeps a Deferred rule what it is.
func TestDeferredSurvivesReplace(t *testing.T) {
	s := newLateService(t)
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), ok())
	if err := s.policy.Replace(tenantPolicy()); err != nil {
		t.Fatal(err)
	}
	uncheckedAnswer.check(t, mux, search(as("alice", "user")))
}

// A recorder outside sees the answer that was sent in place of the handler's.
func TestDeferredIsRecordedOnce(t *testing.T) {
	s := newLateService(t)
	var rec bulwarktest.Recorder
	mux := authz.NewMux(s.policy)
	mux.Handle("POST /search", authz.Deferred(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a")
		io.WriteString(w, "b")
		w.WriteHeader(200)
	}))
	serve(rec.Wrap(mux), search(as("alice", "user")))
	if events := rec.Take(); len(events) != 1 || events[0].Route != "POST /search" || events[0].Rule != "deferred" {
		t.Errorf("%+v", events)
	}
}
