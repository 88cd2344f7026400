package ratelimit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// spy is a handler that counts how often it ran.
type spy struct {
	ran    int
	status int
}

func (s *spy) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.ran++
	if s.status != 0 {
		w.WriteHeader(s.status)
	}
}

// rig is a limit around a spy, with a recorder outside.
type rig struct {
	*spy
	rec     *bulwarktest.Recorder
	limit   *ratelimit.Middleware
	handler http.Handler
}

func serve(t testing.TB, c ratelimit.Config, between ...func(http.Handler) http.Handler) *rig {
	t.Helper()
	if c.Name == "" {
		c.Name = "test"
	}
	if c.MaxKeys == 0 && c.Store == nil {
		c.MaxKeys = 1024
	}
	m, err := ratelimit.New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	b := &rig{spy: &spy{}, rec: &bulwarktest.Recorder{}, limit: m}
	b.handler = m.Wrap(b.spy)
	for _, layer := range between {
		b.handler = layer(b.handler)
	}
	b.handler = b.rec.Wrap(b.handler)
	return b
}

// from sends a request from an address.
func (b *rig) from(addr string, change ...func(*http.Request)) *http.Response {
	r := httptest.NewRequest("GET", "/x", nil)
	r.RemoteAddr = addr
	if a, err := netip.ParseAddr(addr); err == nil {
		r.RemoteAddr = netip.AddrPortFrom(a, 4711).String()
	}
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Result()
}

// passes counts how many of n requests from an address pass.
func (b *rig) passes(n int, addr string, change ...func(*http.Request)) int {
	before := b.ran
	for range n {
		b.from(addr, change...)
	}
	return b.ran - before
}

// as is an auth layer that settles a fixed caller; nil is nobody.
func as(p *bulwark.Principal) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, _ = bulwark.Identify(r, p)
			next.ServeHTTP(w, r)
		})
	}
}

// caller makes a request one of p.
func caller(p *bulwark.Principal) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(bulwark.WithPrincipal(r.Context(), p)) }
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

type answer struct {
	Type     string   `json:"type"`
	Title    string   `json:"title"`
	Status   int      `json:"status"`
	Code     string   `json:"code"`
	Violated []string `json:"violated-policies"`
}

func body(t *testing.T, res *http.Response) answer {
	t.Helper()
	var a answer
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatalf("body: %v", err)
	}
	return a
}

// refused asserts a refusal by status, code, header, event and that next did
// not run.
func (b *rig) refused(t *testing.T, res *http.Response, ranBefore, status int, code string, event bulwark.EventName) {
	t.Helper()
	if b.ran != ranBefore {
		t.Error("next ran")
	}
	if res.StatusCode != status {
		t.Errorf("status %d, want %d", res.StatusCode, status)
	}
	if got := res.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q", got)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if a := body(t, res); a.Code != code || a.Status != status {
		t.Errorf("body %+v, want code %s", a, code)
	}
	events := b.rec.Take()
	if len(events) != 1 || events[0].Name != event || events[0].Reason != code || events[0].Status != status {
		t.Errorf("events %+v, want one %s for %s", events, event, code)
	}
}
