package introspection_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

const (
	issuerURL = "https://issuer.example"
	audience  = "https://api.example.com"
	endpoint  = "https://issuer.example/introspect"
	// good is the answer about a token that nothing is wrong with.
	good = `{"active":true,"iss":"https://issuer.example","aud":"https://api.example.com","sub":"alice","exp":4102444800}`
)

// server answers for an endpoint, in memory.
type server struct {
	mu     sync.Mutex
	answer func(*http.Request) (*http.Response, error)
	asked  atomic.Int64
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	return answer(r)
}

func (s *server) become(answer func(*http.Request) (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// says answers every question with one document.
func says(body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return respond(http.StatusOK, "application/json", strings.NewReader(body))(r)
	}
}

// status answers every question with a status.
func status(code int) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		return respond(code, "application/json", strings.NewReader(good))(r)
	}
}

func respond(code int, media string, body io.Reader) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		header := http.Header{"Content-Type": {media}}
		return &http.Response{StatusCode: code, Header: header, Body: io.NopCloser(body), Request: r, ContentLength: -1}, nil
	}
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func refuse(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

// tokenOf is the token that a question is about.
func tokenOf(r *http.Request) string {
	if r.ParseForm() != nil {
		return ""
	}
	return r.PostForm.Get("token")
}

// changed is good with members replaced by the given ones, or taken out where
// the text is empty.
func changed(changes map[string]string) string {
	all := map[string]string{
		"active": `true`, "iss": `"` + issuerURL + `"`, "aud": `"` + audience + `"`, "sub": `"alice"`, "exp": `4102444800`,
	}
	for name, value := range changes {
		all[name] = value
	}
	var members []string
	for name, value := range all {
		if value != "" {
			members = append(members, `"`+name+`":`+value)
		}
	}
	slices.Sort(members)
	return "{" + strings.Join(members, ",") + "}"
}

// with is changed by one member.
func with(name, value string) string { return changed(map[string]string{name: value}) }

// config is that of an introspector which asks s.
func config(s http.RoundTripper) introspection.Config {
	return introspection.Config{
		Endpoint: endpoint, Issuer: issuerURL, Audience: []string{audience},
		Client: introspection.Client{ID: "documents", Secret: "hunter2", Transport: s},
	}
}

func mustNew(t testing.TB, c introspection.Config) *introspection.Introspector {
	t.Helper()
	i, err := introspection.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		i.Shutdown(ctx)
	})
	return i
}

// service is a handler behind auth and one introspector, with what it has seen.
type service struct {
	testing.TB
	introspector *introspection.Introspector
	handler      http.Handler
	recorder     bulwarktest.Recorder
	caller       *bulwark.Principal // of the last request that came through
	ran          bool
}

func newService(t testing.TB, c introspection.Config) *service {
	t.Helper()
	s := &service{TB: t, introspector: mustNew(t, c)}
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{s.introspector}, Realm: "api"})
	if err != nil {
		t.Fatal(err)
	}
	s.handler = s.recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran = true
		s.caller, _ = bulwark.PrincipalFrom(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})))
	return s
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func (s *service) do(r *http.Request) *httptest.ResponseRecorder {
	s.ran, s.caller = false, nil
	s.recorder.Take()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *service) send(token string) *httptest.ResponseRecorder { return s.do(bearer(token)) }

// accepts fails unless the token's caller gets through.
func (s *service) accepts(token string) *bulwark.Principal {
	s.Helper()
	w := s.send(token)
	if w.Code != http.StatusNoContent || !s.ran || s.caller == nil {
		s.Fatalf("a good token got %d %s, events %v", w.Code, w.Body, s.recorder.Events())
	}
	return s.caller
}

// refuses fails unless the token is refused as a bad one, whole: status, code,
// challenge, event, and nothing of the token or of the answer in the body.
func (s *service) refuses(token, reason string) {
	s.Helper()
	s.refused(s.send(token), reason)
	if text := cause(s.last()); strings.Contains(text, token) {
		s.Errorf("the event has the token: %s", text)
	}
}

func (s *service) last() bulwark.Event {
	events := s.recorder.Events()
	if len(events) == 0 {
		return bulwark.Event{}
	}
	return events[len(events)-1]
}

func (s *service) refused(w *httptest.ResponseRecorder, reason string) {
	s.Helper()
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"auth.invalid_token"`) {
		s.Errorf("%d %s, want 401 auth.invalid_token", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "alice") {
		s.Errorf("the answer tells what the token stands for: %s", w.Body)
	}
	challenges := w.Header()["Www-Authenticate"]
	if len(challenges) != 1 || !strings.HasSuffix(challenges[0], ` realm="api", error="invalid_token"`) {
		s.Errorf("challenges %q", challenges)
	}
	events := s.recorder.Events()
	if s.ran || len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != reason || events[0].Status != 401 {
		s.Errorf("ran %t, events %+v, want one with reason %s", s.ran, events, reason)
	}
}

// unavailable fails unless the token is refused as one that nobody can be asked
// about.
func (s *service) unavailable(token string) *httptest.ResponseRecorder {
	s.Helper()
	w := s.send(token)
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), `"code":"auth.unavailable"`) || w.Header().Get("Retry-After") == "" {
		s.Errorf("%d, Retry-After %q, %s; want 503", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if got := w.Header()["Www-Authenticate"]; got != nil {
		s.Errorf("our own outage asks for credentials: %q", got)
	}
	events := s.recorder.Events()
	if s.ran || len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "introspection_unavailable" || events[0].Status != 503 {
		s.Errorf("ran %t, events %+v", s.ran, events)
	}
	return w
}

// reason is why an error refuses.
func reason(err error) string {
	var p *bulwark.Problem
	if !errors.As(err, &p) {
		return "no problem"
	}
	return p.Log.Reason
}

// cause is what an event says of the error.
func cause(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}
