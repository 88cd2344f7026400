package bulwark_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/race"
)

func alice() *bulwark.Principal {
	return &bulwark.Principal{Issuer: "https://id.example", Subject: "alice"}
}

// identifying is an authentication layer that believes the X-Who header.
func identifying(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p *bulwark.Principal
		if who := r.Header.Get("X-Who"); who != "" {
			p = &bulwark.Principal{Issuer: "test", Subject: who}
		}
		r, scope := bulwark.Identify(r, p)
		defer scope.Cancel(nil)
		next.ServeHTTP(w, r)
	})
}

func who(ctx context.Context) string {
	p, ok := bulwark.PrincipalFrom(ctx)
	if ok != (p != nil) {
		return "somebody who is nobody"
	}
	if !ok {
		return "nobody"
	}
	return p.Subject
}

// A batch handler sends sub-requests with its own context through the same
// chain. Both confusions were possible while the identity lived in one place.
func TestSubRequestsAreNotConfusedWithTheirBatch(t *testing.T) {
	for _, test := range []struct {
		outer, inner string
		wantInner    string
	}{
		{"root", "mallory", "mallory"},
		{"root", "", "nobody"}, // must not run as root
		{"", "mallory", "mallory"},
		{"", "", "nobody"},
	} {
		t.Run(fmt.Sprintf("%s_calls_%s", test.outer, test.inner), func(t *testing.T) {
			innerSaw, outerSaw := "", ""
			leaf := identifying(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, s := bulwark.Enter(r)
				s.SetRoute("GET /leaf")
				innerSaw = who(r.Context())
			}))
			batch := identifying(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, s := bulwark.Enter(r)
				s.SetRoute("POST /batch")
				sub := httptest.NewRequestWithContext(r.Context(), "GET", "/leaf", nil)
				sub.Header.Set("X-Who", test.inner)
				leaf.ServeHTTP(w, sub)
				outerSaw = who(r.Context())
			}))
			r := httptest.NewRequest("POST", "/batch", nil)
			r.Header.Set("X-Who", test.outer)
			r, outside := bulwark.Enter(r) // what an audit layer holds
			batch.ServeHTTP(httptest.NewRecorder(), r)

			if innerSaw != test.wantInner {
				t.Errorf("the sub-request ran as %s, want %s", innerSaw, test.wantInner)
			}
			wantOuter := test.outer
			if wantOuter == "" {
				wantOuter = "nobody"
			}
			if outerSaw != wantOuter {
				t.Errorf("after the sub-request the batch ran as %s, want %s", outerSaw, wantOuter)
			}
			if got := outside.Caller(); (got == nil) != (test.outer == "") || got != nil && got.Subject != test.outer {
				t.Errorf("outside sees %v, want %q", got, test.outer)
			}
			if outside.Route() != "POST /batch" {
				t.Errorf("outside sees route %q", outside.Route())
			}
		})
	}
}

func TestScopeIsOnePerRequest(t *testing.T) {
	r, s := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	derived, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	if _, again := bulwark.Enter(r.WithContext(derived)); again != s {
		t.Error("a derived context has another scope")
	}
	type key struct{}
	r2, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil).WithContext(context.WithValue(t.Context(), key{}, 1)))
	if r2.Context().Value(key{}) != 1 {
		t.Error("values of the parent context are lost")
	}
}

func TestChainOfLayersAllocatesOnce(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	p := alice()
	if race.Enabled {
		t.Skip("the race detector allocates on its own account")
	}
	got := testing.AllocsPerRun(200, func() {
		r, s := bulwark.Enter(r)
		r, _ = bulwark.Enter(r)
		r, _ = bulwark.Identify(r, p)
		s.SetRoute("GET /")
		if _, ok := bulwark.PrincipalFrom(r.Context()); !ok || !bulwark.ClientIP(r).IsValid() {
			t.Fatal("lost")
		}
	})
	if got > 1 {
		t.Errorf("%v allocations, want one for scope, identity and both requests", got)
	}
}

// A handler under http.TimeoutHandler outlives its request. Run with -race.
func TestHandlerThatOutlivesItsRequest(t *testing.T) {
	release := make(chan struct{})
	var done sync.WaitGroup
	done.Add(1)
	slow := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer done.Done()
		<-release
		r, s := bulwark.Identify(r, alice())
		s.SetRoute("GET /slow")
		s.SetChallenges([]bulwark.Challenge{{Scheme: "Bearer"}})
		bulwark.Deny(httptest.NewRecorder(), r, &bulwark.Problem{Status: 403, Code: "test.late"})
	}), time.Millisecond, "late")
	var rec bulwarktest.Recorder
	h := rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slow.ServeHTTP(w, r)
		_, s := bulwark.Enter(r)
		close(release)
		for range 100 {
			s.Caller()
			s.Route()
			s.Reported(w.Header(), "", 403)
			s.Challenges()
		}
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/slow", nil))
	done.Wait()
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	if events := rec.Take(); len(events) != 1 || events[0].UserID != "alice" {
		t.Errorf("events %+v", events)
	}
}

func TestPrincipal(t *testing.T) {
	var nobody *bulwark.Principal
	if nobody.Key() != "" || nobody.HasRole("") || nobody.HasScope("") {
		t.Error("nobody is somebody")
	}
	if _, ok := nobody.Claim("sub"); ok {
		t.Error("nobody has claims")
	}
	p := &bulwark.Principal{Roles: []string{"admin"}, Scopes: []string{"read"},
		Claims: func(name string) (any, bool) { return 7, name == "n" }}
	if !p.HasRole("admin") || p.HasRole("Admin") || !p.HasScope("read") || p.HasScope("write") {
		t.Error("roles or scopes are compared wrongly")
	}
	if v, ok := p.Claim("n"); v != 7 || !ok {
		t.Error("claim lost")
	}
	if _, ok := alice().Claim("n"); ok {
		t.Error("a claim from nowhere")
	}
}

func FuzzKeyIsInjective(f *testing.F) {
	f.Add("a", "b", "a", "b")
	f.Add("ab", "c", "a", "bc")
	f.Add("1:a", "", "", "1:a")
	f.Add("", "12:x", "1", "2:x")
	f.Fuzz(func(t *testing.T, i1, s1, i2, s2 string) {
		a, b := &bulwark.Principal{Issuer: i1, Subject: s1}, &bulwark.Principal{Issuer: i2, Subject: s2}
		if same := i1 == i2 && s1 == s2; same != (a.Key() == b.Key()) {
			t.Errorf("keys %q and %q", a.Key(), b.Key())
		}
	})
}

func TestRouteLayer(t *testing.T) {
	for _, late := range []bool{false, true} {
		pattern := ""
		if !late {
			pattern = "/users/{id}"
		}
		h := bulwark.RecordRoute(func(*http.Request) string { return pattern }).Wrap(
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pattern = "/users/{id}" }))
		r, s := bulwark.Enter(httptest.NewRequest("GET", "/users/1", nil))
		h.ServeHTTP(httptest.NewRecorder(), r)
		if s.Route() != "/users/{id}" {
			t.Errorf("late %v: route %q", late, s.Route())
		}
	}
}

func TestRequestIDs(t *testing.T) {
	r, _ := bulwark.Enter(httptest.NewRequest("GET", "/", nil))
	id := bulwark.RequestID(r.Context())
	if len(id) != 36 || id[14] != '4' || !strings.ContainsRune("89ab", rune(id[19])) {
		t.Errorf("%q is no UUID of version 4", id)
	}
	if bulwark.RequestID(r.Context()) != id {
		t.Error("the id changes")
	}
	if bulwark.RequestID(t.Context()) != "" {
		t.Error("an id without a request")
	}
}

func TestClientIPWithoutEdge(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:80":             "192.0.2.1",
		"[::ffff:192.0.2.1]:80":    "192.0.2.1",
		"[fe80::1%eth0]:80":        "fe80::1",
		"192.0.2.1":                "192.0.2.1",
		"@":                        "",
		"":                         "",
		"203.0.113.9, 192.0.2.1:1": "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-For", "198.51.100.7") // a client's own word
		addr, _ := netip.ParseAddr(want)
		if got := bulwark.ClientIP(r); got != addr {
			t.Errorf("%q: %v, want %q", remote, got, want)
		}
		r, _ = bulwark.Enter(r)
		if got := bulwark.ClientIP(r); got != addr {
			t.Errorf("%q in a scope: %v, want %q", remote, got, want)
		}
	}
}

type discard struct{}

func (discard) Record(context.Context, bulwark.Event) {}
