package recipes

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func TestSessionStore(t *testing.T) {
	authtest.TestSessionStore(t, func(t *testing.T) session.Store {
		db, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), "sessions.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		hasty(t, db)
		return &SessionStore{DB: db}
	})
}

func TestRevocationStore(t *testing.T) {
	authtest.TestRevocations(t, func(t *testing.T) auth.Revocations {
		db, err := openDatabase(t.Context(), filepath.Join(t.TempDir(), "revocations.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		hasty(t, db)
		return &RevocationStore{DB: db}
	})
}

// hasty lets a suite, which writes thousands of rows, go on without waiting for
// the disk: the disk of a busy machine may take longer than storePatience.
func hasty(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), "PRAGMA synchronous=OFF"); err != nil {
		t.Fatal(err)
	}
}

// A revocation outlives the process. An id is bytes: "\xff" is not text.
func TestRevocationsSurviveAReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "revocations.db")
	ids := []string{"plain", "with\x00zero", "\xff", "\"quoted\""}
	open := func() *RevocationStore {
		db, err := openDatabase(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return &RevocationStore{DB: db}
	}

	before := open()
	for _, id := range ids {
		revocation := auth.Revocation{Issuer: "https://login.example.com", TokenID: id, Expires: time.Now().Add(time.Hour)}
		if err := before.Revoke(t.Context(), revocation); err != nil {
			t.Fatal(err)
		}
	}
	before.DB.Close()

	after := open()
	for _, id := range append(ids, "\xfe") {
		caller := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice", TokenID: id}
		revoked, err := after.Revoked(t.Context(), caller)
		if want := id != "\xfe"; err != nil || revoked != want {
			t.Errorf("%q: revoked %v, %v, want %v", id, revoked, err, want)
		}
	}
}

// storeProcess is one of several processes of a service, with a pool of its own
// to the database that all of them share.
type storeProcess struct {
	db      *sql.DB
	events  bulwarktest.Recorder
	handler http.Handler
}

// storeSecrets are what all processes of the service share besides.
type storeSecrets struct {
	file     string
	key      *ecdsa.PrivateKey
	storeKey []byte
	issuer   *authtest.Issuer
}

func (c storeSecrets) start(t *testing.T) *storeProcess {
	t.Helper()
	db, err := openDatabase(t.Context(), c.file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	account := &bulwark.Principal{Subject: "alice", Roles: []string{"editor"}}
	forSessions, forTokens := ownStoreConfigs(db, session.Config{
		Signer:    bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: c.key, Issuer: "https://api.example.com"})),
		Audience:  "https://api.example.com",
		StoreKeys: [][]byte{c.storeKey},
		Lookup:    func(context.Context, string) (*bulwark.Principal, error) { return account, nil },
	}, c.issuer.Config())
	sessions := bulwark.Must(session.New(forSessions))
	tokens := bulwark.Must(jwt.New(forTokens))
	layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{sessions, tokens}}))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Issue(w, r, account); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.Handle("POST /revoke", layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		if err := auth.Revoke(r.Context(), forTokens.Revocations, auth.RevocationOf(caller)); err != nil {
			bulwark.Deny(w, r, err)
		}
	})))
	mux.Handle("GET /me", layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		json.NewEncoder(w).Encode(caller.Subject)
	})))
	p := &storeProcess{db: db}
	p.handler = p.events.Wrap(mux)
	return p
}

// send is a request of a browser with cookies, or of a client with a token.
func (p *storeProcess) send(target string, cookies []*http.Cookie, token string) *http.Response {
	method := http.MethodPost
	if target == "/me" {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, "https://api.example.com"+target, nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w.Result()
}

// storeDown is what the client gets while the database does not answer.
const storeDown = `HTTP/1.1 503 Service Unavailable
Content-Type: application/problem+json
Retry-After: 5

{
  "code": "auth.unavailable",
  "detail": "The credentials cannot be checked at the moment.",
  "status": 503,
  "title": "Service Unavailable",
  "type": "about:blank"
}
`

func TestProcessesShareAStore(t *testing.T) {
	c := storeSecrets{file: filepath.Join(t.TempDir(), "service.db"), issuer: authtest.NewIssuer(t), storeKey: make([]byte, 32)}
	rand.Read(c.storeKey)
	var err error
	if c.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	one, two := c.start(t), c.start(t)
	status := func(p *storeProcess, target string, cookies []*http.Cookie, token string, want int, reason string) {
		t.Helper()
		res := p.send(target, cookies, token)
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, res.StatusCode, want)
		}
		for _, e := range p.events.Take() {
			if e.Status != 0 && e.Reason != reason {
				t.Errorf("%s: %+v, want the reason %q", target, e, reason)
			}
		}
	}
	login := one.send("/login", nil, "")
	cookies := login.Cookies()
	if login.StatusCode != 200 || len(cookies) == 0 {
		t.Fatalf("login: %d, %d cookies", login.StatusCode, len(cookies))
	}
	status(two, "/me", cookies, "", 200, "")
	status(c.start(t), "/me", cookies, "", 200, "") // a process that has been started since
	status(one, "/logout", cookies, "", 204, "")
	status(two, "/me", cookies, "", 401, "revoked")

	token := c.issuer.Token(authtest.Claims{"jti": "one"})
	status(two, "/me", nil, token, 200, "")
	status(one, "/revoke", nil, token, 200, "")
	status(two, "/me", nil, token, 401, "revoked")

	one.events.Take()
	one.db.Close()
	if got := shown(t, one.send("/me", nil, token), "Content-Type", "Retry-After"); got != storeDown {
		t.Errorf("without the database:\n%s", got)
	}
	if events := one.events.Take(); len(events) != 1 || events[0].Name != bulwark.SysUnavailable || events[0].Reason != "store_unavailable" {
		t.Errorf("events without the database: %+v", events)
	}
}

type sweeper struct {
	swept int
	err   error
}

func (s *sweeper) Sweep(context.Context) error { s.swept++; return s.err }

func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		sessions, revocations := &sweeper{err: errors.New("down")}, &sweeper{}
		go sweepEvery(ctx, time.Minute, sessions, revocations)
		time.Sleep(3*time.Minute + time.Second)
		cancel()
		synctest.Wait()
		if sessions.swept != 3 || revocations.swept != 3 {
			t.Errorf("swept %d and %d times in 3 minutes", sessions.swept, revocations.swept)
		}
	})
}
