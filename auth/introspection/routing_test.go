package introspection_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// counted counts what an authenticator is asked.
type counted struct {
	auth.Authenticator
	issuer string
	asked  int
}

func (c *counted) Issuer() string { return c.issuer }

func (c *counted) Authenticate(r *http.Request) (*bulwark.Principal, error) {
	c.asked++
	return c.Authenticator.Authenticate(r)
}

// Three kinds of credential behind one layer: each goes to exactly one of them,
// in whatever order they are listed, and its answer is final.
func TestRouting(t *testing.T) {
	signed, opaque := authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	verifier, err := jwt.New(signed.Config())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := apikey.New(apikey.Config{
		Prefix: "acme", Issuer: "https://api.example.com/keys", Store: &apikey.MemoryStore{},
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("0123456789abcdef0123456789abcdef")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := keys.Issue(t.Context(), apikey.Grant{Name: "partner"})
	if err != nil {
		t.Fatal(err)
	}
	const (
		toKeys = iota
		toTokens
		toEndpoint
		toNobody
	)
	stranger := authtest.NewIssuer(t)
	for _, test := range []struct {
		name, authorization string
		asked               int // who
		status              int
		code, reason        string
		questions           int
	}{
		{"key", "ApiKey " + issued.Key, toKeys, 204, "", "", 0},
		{"key-as-bearer", "Bearer " + issued.Key, toKeys, 204, "", "", 0},
		{"key-mistyped", "Bearer " + issued.Key + "x", toKeys, 401, "auth.invalid_token", "malformed", 0},
		{"signed", "Bearer " + signed.Token(nil), toTokens, 204, "", "", 0},
		{"signed-for-another-audience", "Bearer " + signed.Token(authtest.Claims{"aud": "other"}), toTokens, 401, "auth.invalid_token", "audience", 0},
		{"signed-by-a-stranger", "Bearer " + stranger.Token(nil), toEndpoint, 401, "auth.invalid_token", "issuer", 0},
		{"signed-for-the-endpoint", "Bearer " + signed.Token(authtest.Claims{"iss": opaque.URL()}), toEndpoint, 401, "auth.invalid_token", "inactive", 1},
		{"opaque", "Bearer " + opaque.Token(nil), toEndpoint, 204, "", "", 1},
		{"opaque-lower-case", "bearer " + opaque.Token(nil), toEndpoint, 204, "", "", 1},
		{"opaque-unknown", "Bearer unknown", toEndpoint, 401, "auth.invalid_token", "inactive", 1},
		{"opaque-malformed", "Bearer un known", toEndpoint, 401, "auth.invalid_token", "malformed", 0},
		{"opaque-under-dpop", "DPoP " + opaque.Token(nil), toNobody, 401, "auth.unsupported_scheme", "scheme", 0},
		{"basic", "Basic dXNlcjpwYXNz", toNobody, 401, "auth.unsupported_scheme", "scheme", 0},
		{"nothing", "", toNobody, 401, "auth.credentials_required", "auth.credentials_required", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, order := range [][3]int{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
				introspector, err := introspection.New(opaque.Config())
				if err != nil {
					t.Fatal(err)
				}
				all := []*counted{
					{Authenticator: keys, issuer: keys.Issuer()},
					{Authenticator: verifier, issuer: verifier.Issuer()},
					{Authenticator: introspector, issuer: introspector.Issuer()},
				}
				var listed []auth.Authenticator
				for _, n := range order {
					listed = append(listed, all[n])
				}
				before := opaque.Asked()
				w, events, ran := exchange(t, listed, test.authorization)
				if w.Code != test.status || ran != (test.status == 204) || !strings.Contains(w.Body.String(), test.code) {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				if test.reason != "" && (len(events) != 1 || events[0].Reason != test.reason) {
					t.Errorf("events %+v", events)
				}
				for n, a := range all {
					if want := n == test.asked; (a.asked == 1) != want || a.asked > 1 {
						t.Errorf("order %v: authenticator %d was asked %d times", order, n, a.asked)
					}
				}
				if n := opaque.Asked() - before; n != test.questions {
					t.Errorf("%d questions, want %d", n, test.questions)
				}
				introspector.Shutdown(t.Context())
			}
		})
	}
}

func exchange(t *testing.T, all []auth.Authenticator, authorization string) (w *httptest.ResponseRecorder, events []bulwark.Event, ran bool) {
	t.Helper()
	layer, err := auth.New(auth.Config{Authenticators: all})
	if err != nil {
		t.Fatal(err)
	}
	var recorder bulwarktest.Recorder
	w = httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran = true
		w.WriteHeader(http.StatusNoContent)
	}))).ServeHTTP(w, r)
	return w, recorder.Events(), ran
}

// Who asks Authenticate without having asked Detect is refused.
func TestAuthenticateWithoutToken(t *testing.T) {
	i := mustNew(t, config(&server{answer: says(good)}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, authorization := range []string{"", "Bearer", "Basic dXNlcjpwYXNz", "DPoP opaque"} {
		r.Header.Set("Authorization", authorization)
		if p, err := i.Authenticate(r); p != nil || reason(err) != "malformed" {
			t.Errorf("%q: %v, %v", authorization, p, err)
		}
	}
}
