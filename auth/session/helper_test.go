package session_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

const (
	issuer  = "https://api.example.com"
	access  = "__Host-access"
	refresh = "__Host-refresh"
)

func storeKey(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// slowly is a Lookup that takes its time.
func slowly(lookup func(context.Context, string) (*bulwark.Principal, error), takes time.Duration) func(context.Context, string) (*bulwark.Principal, error) {
	return func(ctx context.Context, subject string) (*bulwark.Principal, error) {
		time.Sleep(takes)
		return lookup(ctx, subject)
	}
}

// forged is a token with the id of a session and a made-up rest, or with a rest
// of another token.
func forged(token, rest string) string {
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	made := bytes.Repeat([]byte{0}, len(raw))
	if rest != "" {
		made, _ = base64.RawURLEncoding.DecodeString(rest)
	}
	return base64.RawURLEncoding.EncodeToString(append(bytes.Clone(raw[:17]), made[17:]...))
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSigner(t testing.TB) *jwt.Signer {
	t.Helper()
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// accounts are what Lookup finds; safe to change while requests run.
type accounts struct {
	mu  sync.Mutex
	all map[string]*bulwark.Principal
	err error
}

func (a *accounts) set(subject string, p *bulwark.Principal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[subject] = p
}

func (a *accounts) fail(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err = err
}

func (a *accounts) lookup(_ context.Context, subject string) (*bulwark.Principal, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[subject], a.err
}

// flaky is a store that can be made to fail, call by call.
type flaky struct {
	session.Store
	failing atomic.Pointer[map[string]bool]
	gets    atomic.Int64
	updates atomic.Int64
	touches atomic.Int64
}

var errDown = errors.New("connection refused by 10.0.0.5")

func (f *flaky) breakDown(calls ...string) {
	set := map[string]bool{}
	for _, call := range calls {
		set[call] = true
	}
	f.failing.Store(&set)
}

func (f *flaky) down(call string) error {
	if set := f.failing.Load(); set != nil && (*set)[call] {
		return errDown
	}
	return nil
}

func (f *flaky) Create(ctx context.Context, s session.Session, limit int, replaces []string) ([]string, error) {
	if err := f.down("Create"); err != nil {
		return nil, err
	}
	return f.Store.Create(ctx, s, limit, replaces)
}

func (f *flaky) Get(ctx context.Context, id string) (session.Session, error) {
	f.gets.Add(1)
	if err := f.down("Get"); err != nil {
		return session.Session{}, err
	}
	return f.Store.Get(ctx, id)
}

func (f *flaky) Update(ctx context.Context, s session.Session) error {
	f.updates.Add(1)
	if err := f.down("Update"); err != nil {
		return err
	}
	return f.Store.Update(ctx, s)
}

func (f *flaky) Touch(ctx context.Context, id string, every time.Duration) error {
	f.touches.Add(1)
	if err := f.down("Touch"); err != nil {
		return err
	}
	return f.Store.Touch(ctx, id, every)
}

func (f *flaky) RevokeProvider(ctx context.Context, p session.Provider, until, expires time.Time) error {
	if err := f.down("RevokeProvider"); err != nil {
		return err
	}
	return f.Store.RevokeProvider(ctx, p, until, expires)
}

func (f *flaky) Delete(ctx context.Context, id string) (bool, error) {
	if err := f.down("Delete"); err != nil {
		return false, err
	}
	return f.Store.Delete(ctx, id)
}

func (f *flaky) List(ctx context.Context, filter session.Filter) ([]session.Session, error) {
	if err := f.down("List"); err != nil {
		return nil, err
	}
	return f.Store.List(ctx, filter)
}

// service is an application with a login.
type service struct {
	*session.Sessions
	signer   *jwt.Signer
	store    *flaky
	accounts *accounts
	events   *bulwarktest.Recorder
	handler  http.Handler
}

func config(t testing.TB) session.Config {
	return session.Config{
		Signer: newSigner(t), Audience: issuer, StoreKeys: [][]byte{storeKey(7)},
		Store:  &flaky{Store: &session.MemoryStore{}},
		Lookup: func(context.Context, string) (*bulwark.Principal, error) { return nil, nil },
	}
}

// start serves with the config; change may be nil.
func start(t testing.TB, change func(*session.Config)) *service {
	t.Helper()
	s := &service{events: &bulwarktest.Recorder{}, accounts: &accounts{all: map[string]*bulwark.Principal{
		"alice": {Subject: "alice", Roles: []string{"user"}, Tier: "premium", Scopes: []string{"read", "write"}},
		"bob":   {Subject: "bob"},
	}}}
	c := config(t)
	c.Lookup = s.accounts.lookup
	if change != nil {
		change(&c)
	}
	s.store, _ = c.Store.(*flaky) // nil for a store that cannot break down
	s.signer = c.Signer
	var err error
	if s.Sessions, err = session.New(c); err != nil {
		t.Fatal(err)
	}
	s.handler = s.chain(t)
	return s
}

// chain is the whole service around the sessions.
func (s *service) chain(t testing.TB) http.Handler {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{s.Sessions}, Optional: true})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login/{subject}", func(w http.ResponseWriter, r *http.Request) {
		account, _ := s.accounts.lookup(r.Context(), r.PathValue("subject"))
		tokens, err := s.Issue(w, r, account)
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(tokens)
	})
	mux.Handle("/refresh", s.RefreshHandler())
	mux.Handle("/logout", s.LogoutHandler())
	mux.Handle("/jwks.json", s.signer.JWKSHandler())
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		p, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			w.WriteHeader(http.StatusNoContent) // a public page
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"subject": p.Subject, "issuer": p.Issuer, "method": p.Method, "roles": p.Roles,
			"scopes": p.Scopes, "tier": p.Tier, "sid": p.SessionID, "acr": p.ACR, "auth_time": p.AuthTime.Unix()})
	})
	return s.events.Wrap(layer.Wrap(mux))
}

// reply is an answer with its body read and its events taken.
type reply struct {
	*http.Response
	body   string
	events []bulwark.Event
}

func (a reply) json(t testing.TB) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return all
}

// cookie returns what the answer sets a cookie to.
func (a reply) cookie(t testing.TB, name string) string {
	t.Helper()
	var found []string
	for _, c := range a.Cookies() {
		if c.Name == name {
			found = append(found, c.Value)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d cookies %s in status %d %s", len(found), name, a.StatusCode, a.body)
	}
	return found[0]
}

func (a reply) noCookies(t testing.TB) {
	t.Helper()
	if set := a.Header.Values("Set-Cookie"); len(set) > 0 {
		t.Errorf("the answer sets cookies: %q", set)
	}
}

// names are the events of the answer as "name/reason".
func (a reply) names() string {
	var all []string
	for _, e := range a.events {
		all = append(all, string(e.Name)+"/"+e.Reason)
	}
	return strings.Join(all, " ")
}

func (a reply) reported(t testing.TB, want string) {
	t.Helper()
	if got := a.names(); got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

// refused asserts status, code and events, and that no cookie is touched.
func (a reply) refused(t testing.TB, status int, code, events string) {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if got := a.json(t)["code"]; got != code {
		t.Errorf("code %v, want %s", got, code)
	}
	if status == 401 && a.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate")
	}
	if status == 503 && a.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	if a.Header.Get("Clear-Site-Data") != "" {
		t.Error("a refusal clears the site's data")
	}
	if strings.Contains(a.body, "10.0.0.5") {
		t.Error("the answer shows the cause")
	}
	a.noCookies(t)
	a.reported(t, events)
}

// do sends a request with header lines (name, value, …); "Cookie" lines are
// added up.
func (s *service) do(method, path string, lines ...string) reply {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	res := w.Result()
	return reply{Response: res, body: w.Body.String(), events: s.events.Take()}
}

// tokens are what a client has after a login or a refresh.
type tokens struct{ access, refresh, bearer string }

func (s *service) login(t testing.TB, subject string, lines ...string) tokens {
	t.Helper()
	a := s.do("POST", "/login/"+subject, lines...)
	if a.StatusCode != 200 {
		t.Fatalf("login: status %d: %s", a.StatusCode, a.body)
	}
	bearer, _ := a.json(t)["access_token"].(string)
	return tokens{a.cookie(t, access), a.cookie(t, refresh), bearer}
}

func (s *service) refresh(token string) reply {
	return s.do("POST", "/refresh", "Cookie", refresh+"="+token)
}

// renewed asserts a good refresh and returns the new tokens.
func (a reply) renewed(t testing.TB, how string) tokens {
	t.Helper()
	if a.StatusCode != 200 {
		t.Fatalf("refresh: status %d: %s", a.StatusCode, a.body)
	}
	a.reported(t, "session_renewed/"+how)
	return tokens{access: a.cookie(t, access), refresh: a.cookie(t, refresh)}
}

func (s *service) withCookie(token string) reply {
	return s.do("GET", "/me", "Cookie", access+"="+token)
}

func (s *service) withBearer(token string) reply {
	return s.do("GET", "/me", "Authorization", "Bearer "+token)
}

// alive asserts that the tokens are still good, where they are to be used.
func (s *service) alive(t testing.TB, tok tokens) {
	t.Helper()
	if a := s.withCookie(tok.access); a.StatusCode != 200 {
		t.Errorf("the access cookie is not accepted: %d, %s", a.StatusCode, a.names())
	}
}

// dead asserts that the session is over for its access tokens.
func (s *service) dead(t testing.TB, tok tokens, reason string) {
	t.Helper()
	a := s.withCookie(tok.access)
	if a.StatusCode != http.StatusNoContent { // the page for nobody
		t.Errorf("the access cookie still counts: %d %s", a.StatusCode, a.body)
	}
	a.noCookies(t)
	a.reported(t, "authn_token_invalid/"+reason)
	if tok.bearer != "" {
		s.withBearer(tok.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/"+reason)
	}
}

// segment decodes a part of a JWT.
func segment(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

const minute = time.Minute

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
