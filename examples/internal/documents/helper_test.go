package documents_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark/examples/internal/documents"
)

const password = "correct horse battery staple"

// A service is the API in this process, so that a test chooses where a request
// comes from.
type service struct {
	t      *testing.T
	app    *documents.App
	log    *lines
	apiKey string // of nobody but itself
}

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func start(t *testing.T) *service {
	t.Helper()
	log := &lines{}
	app, err := documents.New(documents.Config{
		BaseURL: "https://api.example.com", Hosts: []string{"api.example.com"},
		Origins: []string{"https://app.example.com"}, Logger: slog.New(slog.NewJSONHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	app.HashCheaply()
	seeds, err := app.Seed(t.Context(), io.Discard, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, held := range app.Held() {
			held.Shutdown(t.Context())
		}
	})
	return &service{t, app, log, seeds.Keys["default"]}
}

// events waits until every record is written, and returns those of a name.
func (s *service) events(name string) (found []map[string]any) {
	s.t.Helper()
	for _, held := range s.app.Held() {
		if err := held.Shutdown(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	for line := range strings.Lines(s.log.text.String()) {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			s.t.Fatal(err)
		}
		if event["event"] == name {
			found = append(found, event)
		}
	}
	return found
}

// An answer is a response, read.
type answer struct {
	*http.Response
	body map[string]any
	text string
}

func (a answer) String() string { return fmt.Sprintf("%d %v %v", a.StatusCode, a.Header, a.body) }

// do sends JSON from an address. The header is name, value, name, value.
func (s *service) do(from, method, path string, body any, header ...string) answer {
	s.t.Helper()
	text := []byte{}
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, "https://api.example.com"+path, bytes.NewReader(text))
	r.RemoteAddr = net.JoinHostPort(from, "40000")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return s.pass(r)
}

// pass sends a request through the chain.
func (s *service) pass(r *http.Request) answer {
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	a := answer{Response: w.Result(), text: w.Body.String()}
	json.Unmarshal(w.Body.Bytes(), &a.body)
	return a
}

func (s *service) login(from, name, password string, header ...string) answer {
	s.t.Helper()
	return s.do(from, "POST", "/api/auth/login", map[string]string{"email": name + "@example.com", "password": password}, header...)
}

// bearer logs in and returns a header.
func (s *service) bearer(name string) string {
	s.t.Helper()
	a := s.login("198.51.100.200", name, password)
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("login of %s: %v", name, a)
	}
	return "Bearer " + a.body["access_token"].(string)
}

// refused asserts a refusal by status, code and the headers that go with it.
func (s *service) refused(a answer, status int, code string) {
	s.t.Helper()
	if a.StatusCode != status || a.body["code"] != code || a.Header.Get("Content-Type") != "application/problem+json" {
		s.t.Errorf("got %v, want %d %s", a, status, code)
	}
	if (status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable) && a.Header.Get("Retry-After") == "" {
		s.t.Errorf("%d without Retry-After: %v", status, a)
	}
}

// serveTo sends a request from this machine to a handler.
func serveTo(handler http.Handler, method, host, path string) answer {
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	r.RemoteAddr, r.URL.Scheme, r.URL.Host = "127.0.0.1:40000", "", ""
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	a := answer{Response: w.Result()}
	json.Unmarshal(w.Body.Bytes(), &a.body)
	return a
}

// exposition returns the text of the metrics.
func exposition(handler http.Handler) string {
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/metrics", nil))
	return w.Body.String()
}
