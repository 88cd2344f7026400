package redisstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/redisstore"
)

// process is one process of a service: it has nothing but the store in common
// with others.
func process(t *testing.T, key *ecdsa.PrivateKey, store session.Store) http.Handler {
	t.Helper()
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := session.New(session.Config{Signer: signer, Audience: issuer, Store: store, StoreKeys: [][]byte{secret(7)},
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"})
		if err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		json.NewEncoder(w).Encode(tokens)
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if _, ok := bulwark.PrincipalFrom(r.Context()); !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	return bulwark.Must(bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true})).Wrap(mux)
}

func send(h http.Handler, method, path string, cookies []*http.Cookie) *http.Response {
	r := httptest.NewRequest(method, "https://issuer.example"+path, strings.NewReader(""))
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// A login at one process works at all, and so does a logout. Of many refreshes
// of one token at once there is one successor.
func TestProcessesShareSessions(t *testing.T) {
	client := redisstore.Rueidis(redisOf(t))
	var prefix string
	store := open(t, client, func(c *redisstore.Config) { prefix = c.Prefix })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var processes []http.Handler
	for range 4 {
		other := open(t, client, func(c *redisstore.Config) { c.Prefix = prefix })
		processes = append(processes, process(t, key, other.Sessions()))
	}
	login := send(processes[0], "POST", "/login", nil).Cookies()
	for i, p := range processes {
		if got := send(p, "GET", "/me", login); got.StatusCode != http.StatusOK {
			t.Errorf("process %d: %s", i, got.Status)
		}
	}
	successors := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			got := send(processes[i%4], "POST", "/refresh", login)
			mu.Lock()
			defer mu.Unlock()
			for _, cookie := range got.Cookies() {
				if strings.Contains(cookie.Name, "refresh") && cookie.Value != "" {
					successors[cookie.Value]++
				}
			}
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors of one refresh token", len(successors))
	}
	all, err := store.Sessions().List(t.Context(), session.Filter{})
	if err != nil || len(all) != 1 || all[0].Generation != 1 {
		t.Errorf("%d sessions, %v", len(all), err)
	}
	again := send(processes[1], "POST", "/login", nil).Cookies()
	if got := send(processes[2], "POST", "/logout", again); got.StatusCode >= 300 {
		t.Errorf("logout: %s", got.Status)
	}
	for i, p := range processes {
		if got := send(p, "GET", "/me", again); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("after the logout, process %d: %s", i, got.Status)
		}
	}
}

// What a request costs, seen from outside: a check of a session is one round
// trip, a refresh is two.
func TestRoundTripsOfARequest(t *testing.T) {
	count := &counter{Client: redisstore.Rueidis(redisOf(t))}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := process(t, key, open(t, count).Sessions())
	login := send(p, "POST", "/login", nil).Cookies()
	login = send(p, "POST", "/refresh", login).Cookies() // Redis knows the scripts now
	send(p, "GET", "/me", login)                         // the first use of a generation is noted
	var refresh []*http.Cookie
	for _, cookie := range login {
		if strings.Contains(cookie.Name, "refresh") {
			refresh = append(refresh, cookie) // with the other one, the auth layer asks as well
		}
	}
	for _, test := range []struct {
		method, path string
		cookies      []*http.Cookie
		calls        int64
		sends        string
	}{{"GET", "/me", login, 1, "GET TIME"}, {"POST", "/refresh", refresh, 2, "GET TIME EVALSHA"}} {
		count.since()
		if got := send(p, test.method, test.path, test.cookies); got.StatusCode >= 300 {
			t.Errorf("%s: %s", test.path, got.Status)
		}
		if calls, sends := count.since(); calls != test.calls || sends != test.sends {
			t.Errorf("%s: %d round trips of %q, want %d of %q", test.path, calls, sends, test.calls, test.sends)
		}
	}
}
