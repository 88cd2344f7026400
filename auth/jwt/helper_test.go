package jwt_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// service is a handler behind auth and one verifier, with what it has seen.
type service struct {
	*testing.T
	verifier *jwt.Verifier
	handler  http.Handler
	recorder bulwarktest.Recorder
	caller   *bulwark.Principal // of the last request that came through
	ran      bool
}

func newService(t *testing.T, c jwt.Config) *service {
	t.Helper()
	verifier := mustNew(t, c)
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{verifier}, Realm: "api"})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{T: t, verifier: verifier}
	s.handler = s.recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran = true
		s.caller, _ = bulwark.PrincipalFrom(r.Context())
		w.WriteHeader(http.StatusNoContent)
	})))
	return s
}

func mustNew(t testing.TB, c jwt.Config) *jwt.Verifier {
	t.Helper()
	verifier, err := jwt.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { verifier.Shutdown(context.Background()) })
	return verifier
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func (s *service) send(token string) *httptest.ResponseRecorder {
	s.ran, s.caller = false, nil
	s.recorder.Take()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, bearer(token))
	return w
}

// accepts fails unless the token's caller gets through.
func (s *service) accepts(token string) *bulwark.Principal {
	s.Helper()
	w := s.send(token)
	if w.Code != http.StatusNoContent || !s.ran || s.caller == nil {
		s.Fatalf("a good token got %d %s, events %v", w.Code, w.Body, s.recorder.Events())
	}
	return s.caller
}

// reason is why an error refuses.
func reason(err error) string {
	var p *bulwark.Problem
	if !errors.As(err, &p) {
		return "no problem"
	}
	return p.Log.Reason
}

// signer makes tokens in the same process.
func issuerAndConfig(t testing.TB) (*authtest.Issuer, jwt.Config) {
	issuer := authtest.NewIssuer(t)
	return issuer, issuer.Config()
}

// jwksOf is the key set that a signer publishes.
func jwksOf(signer *jwt.Signer) string {
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Body.String()
}

// fieldsOf returns the paths of all ConfigErrors in err, sorted and without the
// issuer. [TestErrorsNameTheIssuer] is about the issuer.
func fieldsOf(err error) []string {
	fields := faulttest.Sorted(err)
	for i := range fields {
		fields[i] = withoutIssuer(fields[i])
	}
	return fields
}

var namedIssuer = regexp.MustCompile(`(?m)^jwt\((https?:|issuer\.)[^)]*\)`)

func withoutIssuer(text string) string { return namedIssuer.ReplaceAllString(text, "jwt") }

// cause is what an event says of the error.
func cause(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}
