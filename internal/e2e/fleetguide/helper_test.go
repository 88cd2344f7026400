package fleetguide

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/engine"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// alone is the Common of a service of one process: its stores are its own
// memory, and it has made its secrets itself.
func alone() Common {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return Common{
		Limits: &ratelimit.MemoryStore{}, Sessions: &session.MemoryStore{}, Keys: &apikey.MemoryStore{},
		SigningKey: key, StoreKey: random(), Pepper: random(),
		Edge: bulwark.Edge{Hosts: []string{"api.example.com"}},
	}
}

func random() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// lookup knows every account.
func lookup(_ context.Context, subject string) (*bulwark.Principal, error) {
	return &bulwark.Principal{Issuer: "https://api.example.com", Subject: subject}, nil
}

// A process asks a Process as clients do.
type process struct {
	*Process
	t      *testing.T
	events *bulwarktest.Recorder
	log    *lines
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

func run(t *testing.T, c Common) *process {
	t.Helper()
	log := &lines{}
	if c.Observer == nil {
		c.Observer = &bulwarktest.Recorder{}
	}
	p, err := NewProcess(c, lookup, slog.New(slog.NewJSONHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stack.Shutdown(context.Background()) })
	return &process{p, t, nil, log}
}

func (p *process) ask(header ...string) *http.Response {
	p.t.Helper()
	return p.askFrom("192.0.2.1:4000", "/orders", header...)
}

func (p *process) askFrom(peer, path string, header ...string) *http.Response {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), "GET", "http://api.example.com"+path, nil)
	r.RemoteAddr = peer
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result()
}

func (p *process) want(status int, what string, header ...string) {
	p.t.Helper()
	if got := p.ask(header...); got.StatusCode != status {
		p.t.Errorf("%s: %d, want %d\n%s", what, got.StatusCode, status, p.log.text.String())
	}
}

// login makes a session, and returns the header of its access token and the
// refresh token.
func (p *process) login(subject string) (header []string, refresh string) {
	p.t.Helper()
	who, _ := lookup(p.t.Context(), subject)
	r := httptest.NewRequestWithContext(p.t.Context(), "POST", "http://api.example.com/login", nil)
	tokens, err := p.Sessions.IssueTokens(r, who)
	if err != nil {
		p.t.Fatal(err)
	}
	return []string{"Authorization", "Bearer " + tokens.AccessToken}, tokens.RefreshToken
}

// logout ends the session of a refresh token.
func (p *process) logout(refresh string) {
	p.t.Helper()
	r := httptest.NewRequestWithContext(p.t.Context(), "POST", "http://api.example.com/logout", strings.NewReader(`{"refresh_token":"`+refresh+`"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.Sessions.LogoutHandler().ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		p.t.Fatalf("logout: %d %s", w.Code, w.Body)
	}
}

func (p *process) key(name string) apikey.Issued {
	p.t.Helper()
	made, err := p.Keys.Issue(p.t.Context(), apikey.Grant{Name: name})
	if err != nil {
		p.t.Fatal(err)
	}
	return made
}

func header(key apikey.Issued) []string { return []string{"Authorization", "ApiKey " + key.Key} }

// passed asks n times in turn, and counts what passes.
func passed(n int, header []string, all ...*process) (count int) {
	for i := range n {
		if all[i%len(all)].ask(header...).StatusCode == http.StatusNoContent {
			count++
		}
	}
	return count
}

// redis starts a server with lines of configuration, as the page has them.
func redis(t *testing.T, conf string) *engine.Server {
	t.Helper()
	engine.Need(t, engine.RedisServer)
	s, err := engine.Redis(t.Context(), t.TempDir(), engine.RedisConfig{Options: strings.Split(strings.TrimSpace(conf), "\n")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// find returns the events with a reason.
func find(r *bulwarktest.Recorder, reason string) (found []bulwark.Event) {
	for _, e := range r.Events() {
		if e.Reason == reason {
			found = append(found, e)
		}
	}
	return found
}

// record finds a record of the log by its reason.
func (p *process) record(reason string) bool {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	for line := range strings.Lines(p.log.text.String()) {
		var record map[string]any
		if json.Unmarshal([]byte(line), &record) == nil && record["reason"] == reason {
			return true
		}
	}
	return false
}
