package auth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// passive is an authenticator that finds no credential.
type passive struct{}

func (passive) Detect(*http.Request) auth.Presence                     { return auth.None }
func (passive) Authenticate(*http.Request) (*bulwark.Principal, error) { return nil, nil }
func (passive) Challenges() []bulwark.Challenge                        { return []bulwark.Challenge{{Scheme: "Bearer"}} }

// ofOne is for the callers of one issuer, and ofMany for those of several.
type (
	ofOne struct {
		passive
		name string
	}
	ofMany struct {
		passive
		names []string
	}
	// template has a name that nobody compares.
	template struct{ ofMany }
)

func (o ofOne) Issuer() string     { return o.name }
func (o ofMany) Issuers() []string { return o.names }
func (template) Issuer() string    { return "https://login.example.com/{tenantid}" }

// Two authenticators never accept tokens of the same issuer, also if one of
// them accepts many.
func TestIssuersOfSeveralAuthenticators(t *testing.T) {
	tenants := ofMany{names: []string{"https://login.example.com/*", "https://*.tenants.example.com"}}
	for _, test := range []struct {
		name string
		all  []auth.Authenticator
		want string // "" is accepted
	}{
		{"apart", []auth.Authenticator{tenants, ofOne{name: "https://accounts.example.com"}, ofOne{name: "https://login.example.com/a/b"}}, ""},
		{"one-twice", []auth.Authenticator{ofOne{name: "i"}, ofOne{name: "i"}}, "has the same issuer as Authenticators[0]"},
		{"one-that-the-first-accepts", []auth.Authenticator{tenants, ofOne{name: "https://login.example.com/acme"}}, "accepts issuers that Authenticators[0] (https://login.example.com/*) accepts also"},
		{"one-that-the-second-accepts", []auth.Authenticator{ofOne{name: "https://acme.tenants.example.com"}, tenants}, "accepts issuers that Authenticators[0] (https://acme.tenants.example.com) accepts also"},
		{"patterns-that-overlap", []auth.Authenticator{tenants, ofMany{names: []string{"https://x.example", "https://login.example.com/acme"}}}, "accepts also"},
		{"the-same-pattern", []auth.Authenticator{tenants, ofMany{names: []string{"https://login.example.com/*"}}}, "has the same issuer"},
		{"patterns-of-one", []auth.Authenticator{ofMany{names: []string{"https://a.example/*", "https://a.example/b"}}}, ""},
		{"templates-of-other-tenants", []auth.Authenticator{template{ofMany{names: []string{"https://login.example.com/a"}}}, template{ofMany{names: []string{"https://login.example.com/b"}}}}, ""},
		{"none", []auth.Authenticator{ofMany{}}, "was made without its New"},
		{"an-empty-one", []auth.Authenticator{ofMany{names: []string{"i", ""}}}, "was made without its New"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := auth.New(auth.Config{Authenticators: test.all})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || len(faulttest.Sorted(err)) != 1 {
				t.Errorf("%v, want %q in it", err, test.want)
			}
		})
	}
}

// The log names the patterns, and tells a token that no authenticator is for
// from one whose authenticator has passed it over.
func TestUnclaimedTokenOfAPattern(t *testing.T) {
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{ofMany{names: []string{"https://login.example.com/*"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ token, reason, want string }{
		{"e30.eyJpc3MiOiJodHRwczovL2xvZ2luLmV4YW1wbGUuY29tL2FjbWUifQ.AAAA", "malformed", "jwt.Config.MaxTokenBytes"}, // …/acme
		{"e30.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.AAAA", "issuer", "theirs are https://login.example.com/*"},  // https://other.example
	} {
		var events bulwarktest.Recorder
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+test.token)
		events.Wrap(layer.Wrap(http.NotFoundHandler())).ServeHTTP(w, r)
		got := events.Events()
		if w.Code != 401 || len(got) != 1 || got[0].Reason != test.reason || !strings.Contains(got[0].Attrs[0].Value.String(), test.want) {
			t.Errorf("%d, %+v, want 401 with the reason %s and %q", w.Code, got, test.reason, test.want)
		}
	}
}
