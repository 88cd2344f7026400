package apikey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func pepper(version int) apikey.Pepper {
	return apikey.Pepper{Version: version, Key: bytes.Repeat([]byte{byte(version)}, 32)}
}

func config(store apikey.Store) apikey.Config {
	return apikey.Config{
		Prefix: "acme", Issuer: "https://api.example.com/keys", Peppers: []apikey.Pepper{pepper(1)}, Store: store,
		Header: "X-Api-Key",
	}
}

func newKeys(t testing.TB, c apikey.Config) *apikey.Keys {
	t.Helper()
	keys, err := apikey.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func issue(t testing.TB, keys *apikey.Keys, g apikey.Grant) apikey.Issued {
	t.Helper()
	issued, err := keys.Issue(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// spyStore counts what reaches the store and can be made to fail.
type spyStore struct {
	apikey.Store
	gets atomic.Int64
	fail atomic.Pointer[error]
}

func (s *spyStore) Get(ctx context.Context, id string) (apikey.Record, error) {
	s.gets.Add(1)
	if err := s.fail.Load(); err != nil {
		return apikey.Record{}, *err
	}
	return s.Store.Get(ctx, id)
}

// answer is everything that a request got.
type answer struct {
	*httptest.ResponseRecorder
	caller *bulwark.Principal // nil where next did not run
	events []bulwark.Event
}

func (a answer) problem(t testing.TB) (code string) {
	t.Helper()
	var body struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil {
		t.Fatalf("body %q: %v", a.Body, err)
	}
	return body.Code
}

// send passes a request with the given header lines (name, value, name, …)
// through the auth layer.
func send(t testing.TB, keys *apikey.Keys, lines ...string) answer {
	t.Helper()
	r := httptest.NewRequest("GET", "/documents", nil)
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	return sendRequest(t, keys, r)
}

func sendRequest(t testing.TB, keys *apikey.Keys, r *http.Request) answer {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{keys}})
	if err != nil {
		t.Fatal(err)
	}
	var rec bulwarktest.Recorder
	a := answer{ResponseRecorder: httptest.NewRecorder()}
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.caller, _ = bulwark.PrincipalFrom(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})
	rec.Wrap(layer.Wrap(next)).ServeHTTP(a, r)
	a.events = rec.Events()
	return a
}

// refused asserts a 401 with everything that belongs to it.
func (a answer) refused(t testing.TB, reason string) {
	t.Helper()
	if a.caller != nil {
		t.Fatalf("next ran as %v", a.caller.Subject)
	}
	if a.Code != http.StatusUnauthorized {
		t.Fatalf("status %d, want 401: %s", a.Code, a.Body)
	}
	if got := a.problem(t); got != "auth.invalid_token" {
		t.Errorf("code %q, want auth.invalid_token", got)
	}
	if got := a.Header().Values("WWW-Authenticate"); len(got) != 1 || got[0] != `ApiKey error="invalid_token"` {
		t.Errorf("WWW-Authenticate %q", got)
	}
	if len(a.events) != 1 || a.events[0].Name != bulwark.AuthnTokenInvalid || a.events[0].Reason != reason {
		t.Errorf("events %v, want one authn_token_invalid with reason %q", a.events, reason)
	}
}

func (a answer) accepted(t testing.TB, subject string) {
	t.Helper()
	if a.Code != http.StatusNoContent || a.caller == nil {
		t.Fatalf("status %d, caller %v: %s", a.Code, a.caller, a.Body)
	}
	if a.caller.Subject != subject || a.caller.Method != "api_key" {
		t.Errorf("caller %q by %q, want %q by api_key", a.caller.Subject, a.caller.Method, subject)
	}
}

// only asserts that exactly one event of the name was reported.
func only(t testing.TB, events []bulwark.Event, name bulwark.EventName) bulwark.Event {
	t.Helper()
	var found []bulwark.Event
	for _, e := range events {
		if e.Name == name {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d events %s in %v, want 1", len(found), name, events)
	}
	return found[0]
}

const hour = time.Hour

// calling counts the goroutines that call Lookup or Legacy. The number of all
// goroutines also has those of other tests and of the runtime.
func calling() int {
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("created by github.com/bulwark-go/bulwark/auth/apikey.begin"))
}
