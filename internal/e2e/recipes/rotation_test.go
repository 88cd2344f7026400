package recipes

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

// signingKeys is the Config of each step. Step 0 is before the rotation.
func signingKeys(step int, old, next crypto.Signer) jwt.SignerConfig {
	c := jwt.SignerConfig{Key: old, Issuer: "https://api.example.com"}
	switch step {
	case 1: // publish the new key and accept its tokens
		c.Retired = []crypto.PublicKey{next.Public()}
	case 2: // sign with the new key, and accept the tokens of the old key
		c.Key, c.Retired = next, []crypto.PublicKey{old.Public()}
	case 3: // refuse the tokens of the old key
		c.Key = next
	}
	return c
}

// storeKeys are the StoreKeys of each step. Step 0 is before the rotation.
func storeKeys(step int, old, next []byte) [][]byte {
	switch step {
	case 1: // accept sessions of the new key
		return [][]byte{old, next}
	case 2: // make new sessions with the new key
		return [][]byte{next, old}
	case 3: // end the sessions of the old key
		return [][]byte{next}
	}
	return [][]byte{old}
}

// peppers are the Peppers of each step. Step 0 is before the rotation.
func peppers(step int, old, next apikey.Pepper) []apikey.Pepper {
	switch step {
	case 1: // verify secrets of the new pepper
		return []apikey.Pepper{old, next}
	case 2: // hash new secrets with the new pepper
		return []apikey.Pepper{next, old}
	case 3: // refuse the secrets of the old pepper
		return []apikey.Pepper{next}
	}
	return []apikey.Pepper{old}
}

// withPepper returns the keys that have a secret of the pepper which still
// works. Rotate these keys before you remove the pepper.
func withPepper(ctx context.Context, keys *apikey.Keys, version int) ([]apikey.Record, error) {
	var found []apikey.Record
	page, now := apikey.Filter{Limit: 100}, time.Now()
	for {
		records, err := keys.List(ctx, page)
		if err != nil {
			return nil, err
		}
		for _, key := range records {
			if !key.RevokedAt.IsZero() || !now.Before(key.ExpiresAt) {
				continue
			}
			for _, secret := range key.Secrets {
				if secret.Pepper == version && (secret.NotAfter.IsZero() || now.Before(secret.NotAfter)) {
					found = append(found, key)
					break
				}
			}
		}
		if len(records) < page.Limit {
			return found, nil
		}
		page.After = records[len(records)-1].ID
	}
}

// A rotating service runs as several processes, which share their stores. Each
// is at a step of the rotation.
type rotating struct {
	handler  http.Handler
	sessions *session.Sessions
	events   *bulwarktest.Recorder
}

// aProcess is one process of the service. Its sessions last a day.
func aProcess(t *testing.T, signer jwt.SignerConfig, storeKeys [][]byte, store session.Store) *rotating {
	t.Helper()
	signs := bulwark.Must(jwt.NewSigner(signer))
	sessions := bulwark.Must(session.New(session.Config{
		Signer: signs, Audience: "https://api.example.com",
		Store: store, StoreKeys: storeKeys, Lookup: twoAccounts{}.Lookup, Lifetime: 24 * time.Hour,
	}))
	p := &rotating{sessions: sessions, events: &bulwarktest.Recorder{}}
	layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true}))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice"}); err != nil {
			bulwark.Deny(w, r, err)
		}
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("GET /jwks.json", signs.JWKSHandler())
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		if caller, ok := bulwark.PrincipalFrom(r.Context()); !ok || caller.Subject != "alice" {
			bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "test.nobody"})
		}
	})
	p.handler = p.events.Wrap(layer.Wrap(mux))
	return p
}

// A browserOf keeps the cookies of a user, wherever a request goes.
type browserOf map[string]string

// send sends a request to a process, and returns the status and the reasons of
// the events.
func (b browserOf) send(p *rotating, method, path string) (status int, reasons string) {
	r := httptest.NewRequest(method, "https://api.example.com"+path, nil)
	for name, value := range b {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	p.events.Take()
	p.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		b[cookie.Name] = cookie.Value
	}
	var all []string
	for _, e := range p.events.Take() {
		all = append(all, e.Reason)
	}
	return w.Code, strings.Join(all, " ")
}

// good asserts that the browser is logged in at each process, and can refresh.
func (b browserOf) good(t *testing.T, when string, processes ...*rotating) {
	t.Helper()
	for i, p := range processes {
		if status, reasons := b.send(p, "GET", "/me"); status != 200 {
			t.Errorf("%s: process %d refuses the access token: %d %s", when, i, status, reasons)
		}
		if status, reasons := b.send(p, "POST", "/refresh"); status != 200 {
			t.Errorf("%s: process %d refuses the refresh token: %d %s", when, i, status, reasons)
		}
	}
}

func newP256(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Tokens are made at each step, at each of two processes, of which one is a
// step ahead. Nobody is refused, here and at a service that fetches the keys.
func TestRotateSigningKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := newP256(t), newP256(t)
		store, storeKey := &session.MemoryStore{}, [][]byte{[]byte(strings.Repeat("s", 32))}
		var processes []*rotating
		for step := range 4 {
			processes = append(processes, aProcess(t, signingKeys(step, old, next), storeKey, store))
		}
		published := processes[0] // where another service fetches the keys
		other := bulwark.Must(jwt.New(jwt.Config{
			Issuer: "https://api.example.com", Audience: []string{"https://api.example.com"}, Types: []string{"session+jwt"},
			Keys: jwt.RemoteKeys("https://api.example.com/jwks.json", jwt.RemoteConfig{
				Transport: roundTrip(func(r *http.Request) *http.Response {
					w := httptest.NewRecorder()
					published.handler.ServeHTTP(w, r)
					return w.Result()
				}),
			}),
		}))
		accepted := func(when string, b browserOf) {
			t.Helper()
			if _, err := other.Verify(t.Context(), b["__Host-access"]); err != nil {
				t.Errorf("%s: the other service refuses the token: %v", when, reasonOf(err))
			}
		}
		var browsers []browserOf
		for step, process := range processes {
			together := []*rotating{process} // a process that is ahead, and one that is behind
			if step > 0 {
				together = []*rotating{processes[step-1], process}
			}
			for _, p := range together {
				b := browserOf{}
				if status, reasons := b.send(p, "POST", "/login"); status != 200 {
					t.Fatalf("step %d: login: %d %s", step, status, reasons)
				}
				browsers = append(browsers, b)
			}
			for _, b := range browsers {
				for _, from := range together { // the newest token of one, at both
					b.send(from, "POST", "/refresh")
					b.good(t, fmt.Sprint("step ", step), together...)
					published = process
					accepted(fmt.Sprint("step ", step), b)
				}
			}
			// What the page says to wait: the time of an access token. What was
			// made before the step has ended.
			time.Sleep(16 * time.Minute)
			for _, b := range browsers {
				b.send(process, "POST", "/refresh")
			}
		}

		// The old key is worth nothing afterwards: neither here nor there.
		signer := bulwark.Must(jwt.NewSigner(signingKeys(0, old, next)))
		b := browsers[0]
		forged := bulwark.Must(signer.Sign("session+jwt", map[string]any{
			"sub": "alice", "aud": "https://api.example.com", "sid": sessionIDOf(t, processes[3]), "jti": "1", "iat": time.Now().Unix(), "exp": time.Now().Unix() + 600}))
		if status, reasons := (browserOf{"__Host-access": forged}).send(processes[3], "GET", "/me"); status != 401 || !strings.Contains(reasons, "unknown_key") {
			t.Errorf("a token of the old key: %d %s, want 401 unknown_key", status, reasons)
		}
		if status, _ := (browserOf{"__Host-access": forged}).send(processes[2], "GET", "/me"); status != 200 {
			t.Error("the forged token is bad in another way, so that this test shows nothing")
		}
		b.good(t, "at the end", processes[3])
		time.Sleep(16 * time.Minute)
		b.send(processes[3], "POST", "/refresh")
		other.Verify(t.Context(), b["__Host-access"]) // fetches the keys again
		synctest.Wait()
		if _, err := other.Verify(t.Context(), forged); reasonOf(err) == "" {
			t.Error("the other service accepts the old key")
		}
	})
}

// After a leak the old key goes at once. Access tokens end with it, and
// sessions do not: a refresh brings a token of the new key.
func TestLeakedSigningKey(t *testing.T) {
	old, next := newP256(t), newP256(t)
	store, storeKey := &session.MemoryStore{}, [][]byte{[]byte(strings.Repeat("s", 32))}
	before := aProcess(t, signingKeys(0, old, next), storeKey, store)
	after := aProcess(t, signingKeys(3, old, next), storeKey, store)
	b := browserOf{}
	b.send(before, "POST", "/login")
	if status, reasons := b.send(after, "GET", "/me"); status != 401 || !strings.Contains(reasons, "unknown_key") {
		t.Errorf("a token of the leaked key: %d %s, want 401 unknown_key", status, reasons)
	}
	if status, reasons := b.send(after, "POST", "/refresh"); status != 200 {
		t.Fatalf("the refresh: %d %s", status, reasons)
	}
	b.good(t, "after the refresh", after)
}

// With a KeyID of one's own, the tokens of the new key name a key that the
// processes of step 1 do not know. The page says to leave it out.
func TestSigningKeysWithAKeyID(t *testing.T) {
	old, next := newP256(t), newP256(t)
	store, storeKey := &session.MemoryStore{}, [][]byte{[]byte(strings.Repeat("s", 32))}
	ahead := signingKeys(2, old, next)
	ahead.KeyID = "2026"
	one, two := aProcess(t, signingKeys(1, old, next), storeKey, store), aProcess(t, ahead, storeKey, store)
	b := browserOf{}
	b.send(two, "POST", "/login")
	if status, reasons := b.send(one, "GET", "/me"); status != 401 || !strings.Contains(reasons, "unknown_key") {
		t.Errorf("a token with a KeyID: %d %s; if it is accepted now, the page is out of date", status, reasons)
	}
}

// sessionIDOf returns the id of a live session of alice.
func sessionIDOf(t *testing.T, p *rotating) string {
	t.Helper()
	live, err := p.sessions.List(t.Context(), session.Filter{Subject: "alice"})
	if err != nil || len(live) == 0 {
		t.Fatalf("no session of alice: %v", err)
	}
	return live[0].ID
}

// roundTrip is a transport without a network.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// reasonOf is the reason of a refusal, or empty.
func reasonOf(err error) string {
	var p *bulwark.Problem
	if errors.As(err, &p) {
		return p.Log.Reason
	}
	return ""
}

// Sessions of each step live on until the old key goes, a Lifetime later.
func TestRotateStoreKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
		key, store := newP256(t), &session.MemoryStore{}
		at := func(step int) *rotating {
			return aProcess(t, signingKeys(0, key, nil), storeKeys(step, old, next), store)
		}
		login := func(p *rotating) browserOf {
			b := browserOf{}
			if status, reasons := b.send(p, "POST", "/login"); status != 200 {
				t.Fatalf("login: %d %s", status, reasons)
			}
			return b
		}
		var browsers []browserOf
		for step := range 3 {
			together := []*rotating{at(max(step-1, 0)), at(step)} // one is ahead
			browsers = append(browsers, login(together[0]), login(together[1]))
			for _, b := range browsers {
				b.good(t, fmt.Sprint("step ", step), together...)
			}
		}
		// All processes are at step 2 now. The last session of the old key ends
		// a Lifetime later, and the sessions since then go on without that key.
		time.Sleep(23 * time.Hour)
		late := login(at(2))
		for _, b := range browsers {
			b.send(at(2), "POST", "/refresh")
			b.good(t, "before the end of their Lifetime", at(2))
		}
		time.Sleep(time.Hour)
		late.send(at(2), "POST", "/refresh")
		late.good(t, "after the old key", at(3), at(2))
		login(at(3)).good(t, "of step 3", at(2), at(3))
	})
}

// After a leak of the store key its sessions end at once, with their access
// tokens.
func TestLeakedStoreKey(t *testing.T) {
	old, next := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	key, store := newP256(t), &session.MemoryStore{}
	before := aProcess(t, signingKeys(0, key, nil), storeKeys(0, old, next), store)
	after := aProcess(t, signingKeys(0, key, nil), storeKeys(3, old, next), store)
	b := browserOf{}
	b.send(before, "POST", "/login")
	b.good(t, "before", before)
	if status, reasons := b.send(after, "GET", "/me"); status != 401 || !strings.Contains(reasons, "session") {
		t.Errorf("an access token of the session: %d %s, want 401 session", status, reasons)
	}
	if status, reasons := b.send(after, "POST", "/refresh"); status != 401 || reasons == "" {
		t.Errorf("a refresh token of the session: %d %q", status, reasons)
	}
}

// keysWith are the API keys of one process.
func keysWith(store apikey.Store, peppers []apikey.Pepper) *apikey.Keys {
	return bulwark.Must(apikey.New(apikey.Config{Prefix: "acme", Issuer: "https://api.example.com/keys", Peppers: peppers, Store: store}))
}

// A new secret and the old one work together, to the end of the overlap.
func TestRotateAnAPIKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := keysWith(&apikey.MemoryStore{}, []apikey.Pepper{{Version: 1, Key: []byte(strings.Repeat("p", 32))}})
		first := bulwark.Must(keys.Issue(t.Context(), apikey.Grant{Name: "partner"}))
		second, err := rotateKey(t.Context(), keys, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		reason := func(key string) string {
			_, err := keys.Verify(t.Context(), key)
			return reasonOf(err)
		}
		time.Sleep(7*24*time.Hour - time.Nanosecond)
		if reason(first.Key) != "" || reason(second.Key) != "" {
			t.Errorf("within the overlap: %q, %q", reason(first.Key), reason(second.Key))
		}
		time.Sleep(time.Nanosecond)
		if reason(first.Key) != "expired" || reason(second.Key) != "" {
			t.Errorf("at the end of the overlap: %q, %q", reason(first.Key), reason(second.Key))
		}

		// To go back is one more rotation: the key and its owner stay.
		third, err := rotateKey(t.Context(), keys, first.ID)
		if err != nil || third.ID != first.ID || reason(second.Key) != "" || reason(third.Key) != "" {
			t.Errorf("once more: %v %q %q", err, reason(second.Key), reason(third.Key))
		}
		// A secret that has leaked ends now, and nothing else does.
		fourth, err := replaceLeaked(t.Context(), keys, first.ID)
		if err != nil || reason(second.Key) != "key" || reason(third.Key) != "key" || reason(fourth.Key) != "" {
			t.Errorf("after a leak: %v %q %q %q", err, reason(second.Key), reason(third.Key), reason(fourth.Key))
		}
	})
}

// rotateKey gives a partner a week to change to the new secret.
func rotateKey(ctx context.Context, keys *apikey.Keys, id string) (apikey.Issued, error) {
	return keys.Rotate(ctx, id, 7*24*time.Hour)
}

// replaceLeaked ends all secrets of the key now.
func replaceLeaked(ctx context.Context, keys *apikey.Keys, id string) (apikey.Issued, error) {
	return keys.Rotate(ctx, id, 0)
}

// No secret is refused before the pepper goes, and each is rotated before.
func TestRotatePeppers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, next := apikey.Pepper{Version: 1, Key: []byte(strings.Repeat("o", 32))}, apikey.Pepper{Version: 2, Key: []byte(strings.Repeat("n", 32))}
		store := &apikey.MemoryStore{}
		at := func(step int) *apikey.Keys { return keysWith(store, peppers(step, old, next)) }
		var given []string // every key that a partner has
		issue := func(keys *apikey.Keys) {
			given = append(given, bulwark.Must(keys.Issue(t.Context(), apikey.Grant{Name: "partner"})).Key)
		}
		for step := range 3 {
			together := []*apikey.Keys{at(max(step-1, 0)), at(step)}
			for _, keys := range together {
				issue(keys)
			}
			for _, keys := range together {
				for i, key := range given {
					if _, err := keys.Verify(t.Context(), key); err != nil {
						t.Errorf("step %d: key %d is refused: %s", step, i, reasonOf(err))
					}
				}
			}
		}
		keys := at(2)
		stale, err := withPepper(t.Context(), keys, 1)
		if err != nil || len(stale) != 5 { // all but the last, which the new pepper has made
			t.Fatalf("%d keys with the old pepper, want 5: %v", len(stale), err)
		}
		for _, key := range stale {
			given = append(given, bulwark.Must(rotateKey(t.Context(), keys, key.ID)).Key)
		}
		if left, err := withPepper(t.Context(), keys, 1); err != nil || len(left) != 5 {
			t.Errorf("within the overlap %d keys are left: %v", len(left), err)
		}
		time.Sleep(7 * 24 * time.Hour)
		if left, err := withPepper(t.Context(), keys, 1); err != nil || len(left) != 0 {
			t.Errorf("after the overlap %d keys are left: %v", len(left), err)
		}
		last := at(3)
		for i, key := range given[5:] { // that of step 2, and the new secrets
			if _, err := last.Verify(t.Context(), key); err != nil {
				t.Errorf("without the old pepper key %d is refused: %s", i, reasonOf(err))
			}
		}

		// Whoever has the old pepper and writes to the store makes no key.
		forger := keysWith(store, []apikey.Pepper{old})
		forged := bulwark.Must(forger.Issue(t.Context(), apikey.Grant{Name: "forged", Roles: []string{"admin"}}))
		if _, err := at(2).Verify(t.Context(), forged.Key); err != nil {
			t.Errorf("the forged key is bad in another way, so that this test shows nothing: %s", reasonOf(err))
		}
		if _, err := last.Verify(t.Context(), forged.Key); reasonOf(err) != "key" {
			t.Errorf("a key of the old pepper: %q, want the reason key", reasonOf(err))
		}
	})
}
