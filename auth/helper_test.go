package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// fake is an authenticator of which everything can be said.
type fake struct {
	presence  func(*http.Request) auth.Presence
	principal *bulwark.Principal
	err       error
	challenge bulwark.Challenge
	asked     int
	closed    error
	shut      int
}

func (f *fake) Detect(r *http.Request) auth.Presence { return f.presence(r) }
func (f *fake) Challenges() []bulwark.Challenge      { return []bulwark.Challenge{f.challenge} }
func (f *fake) Shutdown(context.Context) error       { f.shut++; return f.closed }

func (f *fake) Authenticate(*http.Request) (*bulwark.Principal, error) {
	f.asked++
	return f.principal, f.err
}

// named is a fake with an issuer.
type named struct {
	fake
	issuer string
}

func (n *named) Issuer() string { return n.issuer }

func caller(name string) *bulwark.Principal {
	return &bulwark.Principal{Subject: name, Issuer: "test", Method: "test"}
}

// tokens claims Bearer tokens that begin with "good" or "bad", verifies the one
// kind and refuses the other.
func tokens() *fake {
	f := &fake{challenge: bulwark.Challenge{Scheme: "Bearer"}, principal: caller("token")}
	f.presence = func(r *http.Request) auth.Presence {
		token, ok := auth.Credentials(r, "Bearer")
		if !ok || !strings.HasPrefix(token, "good") && !strings.HasPrefix(token, "bad") {
			return auth.None
		}
		f.principal, f.err = caller("token"), nil
		if strings.HasPrefix(token, "bad") {
			f.principal, f.err = nil, auth.Invalid("signature", errors.New("cause"))
		}
		return auth.Explicit
	}
	return f
}

// keys claims the field X-Api-Key, and Bearer tokens with a prefix.
func keys() *fake {
	return &fake{challenge: bulwark.Challenge{Scheme: "ApiKey"}, principal: caller("key"), presence: func(r *http.Request) auth.Presence {
		token, _ := auth.Credentials(r, "Bearer")
		if r.Header.Get("X-Api-Key") != "" || strings.HasPrefix(token, "key_") {
			return auth.Explicit
		}
		return auth.None
	}}
}

// opaque takes any Bearer token, but only if nobody else does.
func opaque() *fake {
	return &fake{challenge: bulwark.Challenge{Scheme: "Bearer"}, principal: caller("opaque"), presence: func(r *http.Request) auth.Presence {
		if _, ok := auth.Credentials(r, "Bearer"); ok {
			return auth.Fallback
		}
		return auth.None
	}}
}

// cookies claims a cookie; err is its answer.
func cookies(err error) *fake {
	f := &fake{challenge: bulwark.Challenge{Scheme: "Bearer"}, principal: caller("cookie"), err: err, presence: func(r *http.Request) auth.Presence {
		if _, err := r.Cookie("session"); err == nil {
			return auth.Ambient
		}
		return auth.None
	}}
	if err != nil {
		f.principal = nil
	}
	return f
}

// exchange is what came of a request.
type exchange struct {
	*httptest.ResponseRecorder
	ran        bool
	subject    string // of the caller that the handler saw
	settled    bool
	challenges []bulwark.Challenge
	events     []bulwark.Event
}

func exchangeWith(t *testing.T, c auth.Config, r *http.Request) exchange {
	t.Helper()
	layer, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return through(layer, r)
}

func through(layer bulwark.Layer, r *http.Request) exchange {
	x := exchange{ResponseRecorder: httptest.NewRecorder()}
	var recorder bulwarktest.Recorder
	recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, scope := bulwark.Enter(r)
		x.ran, x.settled, x.challenges = true, bulwark.Settled(r.Context()), scope.Challenges()
		if p, ok := bulwark.PrincipalFrom(r.Context()); ok {
			x.subject = p.Subject
		}
		w.WriteHeader(http.StatusNoContent)
	}))).ServeHTTP(x.ResponseRecorder, r)
	x.events = recorder.Events()
	return x
}

// refused asserts the refusal whole: status, code, challenges and the one
// event.
func (x exchange) refused(t *testing.T, status int, code string, challenges []string, event bulwark.EventName, reason string) {
	t.Helper()
	if x.ran {
		t.Error("the handler ran")
	}
	if x.Code != status || !strings.Contains(x.Body.String(), `"code":"`+code+`"`) {
		t.Errorf("%d %s, want %d %s", x.Code, x.Body, status, code)
	}
	if got := x.Header()["Www-Authenticate"]; !slices.Equal(got, challenges) {
		t.Errorf("challenges %q, want %q", got, challenges)
	}
	if len(x.events) != 1 || x.events[0].Name != event || x.events[0].Reason != reason || x.events[0].Status != status {
		t.Errorf("events %+v, want one %s with reason %s", x.events, event, reason)
	}
}
