package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// house is a service that accepts sessions, signed tokens and API keys, with
// the real authenticators.
type house struct {
	sessions    *session.Sessions
	keys        *apikey.Keys
	idp         *jwt.Signer
	revocations *auth.MemoryRevocations
	closed      atomic.Bool // the accounts
	looks       atomic.Int64
	events      bulwarktest.Recorder
	layer       *auth.Middleware
}

// counted counts the look-ups of sessions.
type counted struct {
	session.MemoryStore
	gets *atomic.Int64
}

func (c *counted) Get(ctx context.Context, id string) (session.Session, error) {
	c.gets.Add(1)
	return c.MemoryStore.Get(ctx, id)
}

func newHouse(t *testing.T) *house {
	h := &house{revocations: &auth.MemoryRevocations{}}
	signer := func(issuer string) *jwt.Signer {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer}))
	}
	owner := func(_ context.Context, p *bulwark.Principal) (*bulwark.Principal, error) {
		if h.closed.Load() {
			return nil, nil
		}
		return p, nil
	}
	account := func(ctx context.Context, subject string) (*bulwark.Principal, error) {
		return owner(ctx, &bulwark.Principal{Subject: subject})
	}
	h.sessions = bulwark.Must(session.New(session.Config{
		Signer: signer("https://api.example.com"), Audience: "https://api.example.com", Store: &counted{gets: &h.looks},
		StoreKeys: [][]byte{bytes.Repeat([]byte{7}, 32)}, Lookup: account, Idle: 3 * time.Minute,
	}))
	h.keys = bulwark.Must(apikey.New(apikey.Config{
		Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
		Peppers: []apikey.Pepper{{Version: 1, Key: bytes.Repeat([]byte{8}, 32)}}, Lookup: owner,
	}))
	h.idp = signer("https://login.example.com")
	tokens := bulwark.Must(jwt.New(jwt.Config{
		Issuer: "https://login.example.com", Audience: []string{"api"}, Keys: h.idp.Keys(), Revocations: h.revocations,
	}))
	h.layer = bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{h.sessions, h.keys, tokens}}))
	return h
}

// login returns an access token of a new session, and its id.
func (h *house) login(t *testing.T, subject string) (token, id string) {
	t.Helper()
	issued, err := h.sessions.Issue(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), &bulwark.Principal{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	all, err := h.sessions.List(t.Context(), session.Filter{Subject: subject})
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + issued.AccessToken, all[len(all)-1].ID
}

func (h *house) token(t *testing.T, id string) string {
	t.Helper()
	now := time.Now().Unix()
	token, err := h.idp.Sign("at+jwt", map[string]any{"sub": "alice", "aud": "api", "jti": id, "sid": "s-" + id, "iat": now, "exp": now + 3600})
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

// open opens a stream, and sends how long it lasted when its context ends.
func (h *house) open(credential string, lasted chan<- time.Duration) {
	begin := time.Now()
	r := httptest.NewRequest("GET", "/events", nil)
	r.Header.Set("Authorization", credential)
	h.events.Wrap(h.layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		lasted <- time.Since(begin)
	}))).ServeHTTP(httptest.NewRecorder(), r)
}

// The stream of each kind of credential ends at most 32 seconds after the
// credential. Whoever keeps the credential keeps the stream.
func TestStreamsOfRealCredentialsEnd(t *testing.T) {
	const late = 32 * time.Second
	ctx := context.Background()
	key := func(t *testing.T, h *house, owner *bulwark.Principal) apikey.Issued {
		t.Helper()
		issued, err := h.keys.Issue(ctx, apikey.Grant{Name: "k", Owner: owner})
		if err != nil {
			t.Fatal(err)
		}
		return issued
	}
	alice := &bulwark.Principal{Issuer: "https://api.example.com", Subject: "alice"}
	for name, test := range map[string]struct {
		// begin returns the credential, and how it ends.
		begin  func(t *testing.T, h *house) (credential string, end func() error)
		allows time.Duration // beside what is late
		reason string
	}{
		"session-revoked": {func(t *testing.T, h *house) (string, func() error) {
			token, id := h.login(t, "alice")
			return token, func() error { return h.sessions.Revoke(ctx, "alice", id) }
		}, 0, "revoked"},
		"all-sessions-revoked": {func(t *testing.T, h *house) (string, func() error) {
			token, _ := h.login(t, "alice")
			return token, func() error { return h.sessions.RevokeAll(ctx, "alice") }
		}, 0, "revoked"},
		"session-idle": {func(t *testing.T, h *house) (string, func() error) {
			token, _ := h.login(t, "alice")
			return token, func() error { return nil } // an open stream is no activity
		}, 3 * time.Minute, "idle"},
		"token-revoked": {func(t *testing.T, h *house) (string, func() error) {
			return h.token(t, "j1"), func() error {
				return auth.Revoke(ctx, h.revocations, auth.Revocation{Issuer: "https://login.example.com", TokenID: "j1"})
			}
		}, 0, "revoked"},
		"session-of-a-token-revoked": {func(t *testing.T, h *house) (string, func() error) {
			return h.token(t, "j1"), func() error {
				return auth.Revoke(ctx, h.revocations, auth.Revocation{Issuer: "https://login.example.com", SessionID: "s-j1"})
			}
		}, 0, "revoked"},
		"caller-of-a-token-revoked": {func(t *testing.T, h *house) (string, func() error) {
			return h.token(t, "j1"), func() error {
				return auth.Revoke(ctx, h.revocations, auth.Revocation{Issuer: "https://login.example.com", Subject: "alice", IssuedUntil: time.Now()})
			}
		}, 0, "revoked"},
		"key-revoked": {func(t *testing.T, h *house) (string, func() error) {
			k := key(t, h, nil)
			return "ApiKey " + k.Key, func() error { return h.keys.Revoke(ctx, k.ID) }
		}, 0, "revoked"},
		"keys-of-an-owner-revoked": {func(t *testing.T, h *house) (string, func() error) {
			return "ApiKey " + key(t, h, alice).Key, func() error { return h.keys.RevokeOwner(ctx, alice) }
		}, 0, "revoked"},
		"secret-rotated": {func(t *testing.T, h *house) (string, func() error) {
			k := key(t, h, nil)
			return "ApiKey " + k.Key, func() error { _, err := h.keys.Rotate(ctx, k.ID, 10*time.Second); return err }
		}, 10 * time.Second, "expired"},
		"account-of-a-key-closed": {func(t *testing.T, h *house) (string, func() error) {
			return "ApiKey " + key(t, h, alice).Key, func() error { h.closed.Store(true); return nil }
		}, time.Minute, "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				credential, end := test.begin(t, h)
				lasted, other := make(chan time.Duration, 1), make(chan time.Duration, 1)
				go h.open(credential, lasted)
				go h.open(h.token(t, "another"), other)
				before := time.Duration(0)
				if test.reason != "idle" {
					before = 90 * time.Second
					time.Sleep(before)
				}
				if len(lasted) > 0 {
					t.Fatalf("the stream ended after %v, for nothing", <-lasted)
				}
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if took := <-lasted - before; took > test.allows+late || took < 0 {
					t.Errorf("the stream ended %v after its credential, want at most %v", took, test.allows+late)
				}
				synctest.Wait()
				found := false
				for _, e := range h.events.Take() {
					found = found || e.Name == bulwark.SessionExpired && e.Reason == test.reason
				}
				if !found {
					t.Errorf("no event session_expired with the reason %q", test.reason)
				}
				if name != "caller-of-a-token-revoked" && len(other) > 0 {
					t.Error("the stream of somebody else ended also")
				}
				<-other // at its expiry
			})
		})
	}
}

// A session with many streams is looked up once in 30 seconds.
func TestManyStreamsOfRealSessionsCostOneLookUpEach(t *testing.T) {
	const sessions, streams = 50, 20
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		lasted := make(chan time.Duration, sessions*streams)
		for i := range sessions {
			token, _ := h.login(t, strconv.Itoa(i))
			for range streams {
				go h.open(token, lasted)
			}
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		for range 3 {
			before := h.looks.Load()
			time.Sleep(30 * time.Second)
			synctest.Wait()
			if got := h.looks.Load() - before; got < sessions-1 || got > sessions+1 {
				t.Errorf("%d look-ups in 30 seconds for %d sessions", got, sessions)
			}
		}
		if len(lasted) > 0 {
			t.Errorf("%d streams ended", len(lasted))
		}
		for i := range sessions {
			if err := h.sessions.RevokeAll(t.Context(), strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
		}
		for range sessions * streams {
			<-lasted
		}
	})
}
