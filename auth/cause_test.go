package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// carrier is an authenticator with an issuer and a field of its own.
type carrier struct{ named }

func (c *carrier) Fields() []string { return []string{"X-Api-Key"} }

// errorIn returns the attribute "error" of an event: what an operator reads who
// wants to know why a request was refused.
func errorIn(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}

// ownJWT is a token of an issuer of the service, and no authenticator reads it.
const ownJWT = "e30.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIn0.c2ln"

// Where a field of the Config changes the decision, the event names the field
// and what it holds. It never repeats what the client has sent.
func TestRefusalsNameTheField(t *testing.T) {
	service := auth.Config{Authenticators: []auth.Authenticator{
		&named{*tokens(), "https://issuer.example"}, &carrier{named{*keys(), "https://api.example.com/keys"}},
	}}
	opaques := auth.Config{Authenticators: []auth.Authenticator{opaque(), opaque()}}
	for name, test := range map[string]struct {
		config  auth.Config
		headers []string
		reason  string
		want    []string
	}{
		"no-credential": {service, nil, "auth.credentials_required", []string{"expected for a client that has not logged in", "auth.Config.Optional"}},
		"scheme":        {service, []string{"Authorization: Hunter2 hunter2"}, "scheme", []string{"auth.Config.Authenticators", "Bearer, ApiKey"}},
		"header":        {service, []string{"Authorization: hunter2"}, "authorization_header", []string{"auth.Config.Authenticators", "Bearer, ApiKey"}},
		"two-lines": {service, []string{"Authorization: Bearer good-hunter2", "X-Api-Key: hunter2"}, "ambiguous",
			[]string{"auth.Config.Authenticators", "Authorization, X-Api-Key"}},
		"two-fallbacks": {opaques, []string{"Authorization: Bearer hunter2"}, "ambiguous", []string{"two of auth.Config.Authenticators", "leave one"}},
		"issuer": {service, []string{"Authorization: Bearer " + fakeJWT}, "issuer",
			[]string{"auth.Config.Authenticators", "https://issuer.example, https://api.example.com/keys"}},
		"opaque": {service, []string{"Authorization: Bearer hunter2"}, "malformed",
			[]string{"not a signed token", "auth.Config.Authenticators", "introspection.Introspector"}},
		"encrypted": {service, []string{"Authorization: Bearer a.hunter2.c.d.e"}, "malformed", []string{"not a signed token"}},
		"no-iss":    {service, []string{"Authorization: Bearer " + anonymousJ}, "malformed", []string{"iss of the token is missing", "jwt.Config.Issuer"}},
		"no-iss-that-can-be-read": {service, []string{"Authorization: Bearer a.hunter2!.c"}, "malformed",
			[]string{"cannot be read", "jwt.Config.Issuer"}},
		"unsigned": {service, []string{"Authorization: Bearer " + strings.TrimSuffix(fakeJWT, "c2ln")}, "malformed",
			[]string{"no signature", "the alg none", "jwt.Config.Algorithms"}},
		"too-long": {service, []string{"Authorization: Bearer " + strings.Repeat("hunter2", 2000)}, "malformed",
			[]string{"longer than 8192 bytes", "jwt.Config.MaxTokenBytes"}},
		"own-iss": {service, []string{"Authorization: Bearer " + ownJWT}, "malformed",
			[]string{"does not read the token", "jwt.Config.MaxTokenBytes", "jwt.Config.DPoP"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := exchangeWith(t, test.config, request(test.headers...))
			if x.ran || len(x.events) != 1 || x.events[0].Reason != test.reason {
				t.Fatalf("ran %t, events %+v, want the reason %s", x.ran, x.events, test.reason)
			}
			explained(t, x.events[0], test.want...)
			if strings.Contains(x.Body.String(), "Config") {
				t.Errorf("the client learns of the configuration: %s", x.Body)
			}
		})
	}
}

// explained asserts that the error of an event holds the texts, whole, and
// nothing that a client has sent.
func explained(t *testing.T, e bulwark.Event, want ...string) {
	t.Helper()
	got := errorIn(e)
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("the error is %q, want %q in it", got, text)
		}
	}
	if strings.Contains(strings.ToLower(got), "hunter2") || strings.Contains(got, "other.example") {
		t.Errorf("the error repeats what the client has sent: %s", got)
	}
	if len(got) >= 256 {
		t.Errorf("the log cuts the error: %d bytes", len(got))
	}
}

// Many or long issuers are cut, so that the rest of the text fits into the log.
func TestTheListOfIssuersIsBounded(t *testing.T) {
	var c auth.Config
	for _, letter := range "abcdefgh" {
		c.Authenticators = append(c.Authenticators, &named{*tokens(), "https://" + strings.Repeat(string(letter), 60) + ".example"})
	}
	x := exchangeWith(t, c, request("Authorization: Bearer "+fakeJWT))
	x.refused(t, 401, "auth.invalid_token", []string{`Bearer error="invalid_token"`}, bulwark.AuthnTokenInvalid, "issuer")
	explained(t, x.events[0], "https://aaaa", "bbb", "…")
}

func TestCrossSiteRefusalsNameTheField(t *testing.T) {
	const websocket = "Upgrade: websocket"
	guard := bulwark.Must(auth.NewCrossSite(nil))
	for name, test := range map[string]struct {
		method  string
		headers []string
		want    string
	}{
		"fetch-site":          {"POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://other.example"}, "Sec-Fetch-Site says"},
		"old-browser":         {"POST", []string{"Origin: https://other.example"}, "the Origin is not the service's own"},
		"websocket":           {"GET", []string{websocket, "Origin: https://other.example"}, "from another origin"},
		"websocket-no-origin": {"GET", []string{websocket}, "exactly one Origin"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(test.headers...)
			r.Method = test.method
			x := through(guard, r)
			x.refused(t, 403, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
			explained(t, x.events[0], test.want, "auth.Config.TrustedOrigins", "session.Config.TrustedOrigins", "auth.NewCrossSite")
		})
	}
}

func TestRevokeNamesTheStore(t *testing.T) {
	full := &auth.MemoryRevocations{Max: 1}
	expires := time.Now().Add(time.Hour)
	for _, id := range []string{"first", "second"} {
		var recorder bulwarktest.Recorder
		recorder.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := auth.Revoke(r.Context(), full, auth.Revocation{Issuer: "i", TokenID: id, Expires: expires}); err != nil {
				if !errors.Is(err, auth.ErrFull) {
					t.Errorf("the cause is lost: %v", err)
				}
				bulwark.Deny(w, r, err)
			}
		})).ServeHTTP(httptest.NewRecorder(), request())
		if id == "second" {
			events := recorder.Events()
			if len(events) != 1 || events[0].Reason != "store_full" {
				t.Fatalf("events %+v", events)
			}
			explained(t, events[0], "MemoryRevocations.Max")
		}
	}
}

// Outside a chain, too, a bad cookie that counts as no credential is reported.
func TestAuthenticateAloneReportsABadCookie(t *testing.T) {
	layer := bulwark.Must(auth.New(all(true, auth.Invalid("revoked", errors.New("the session was ended")))))
	var recorder bulwarktest.Recorder
	recorder.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if p, err := layer.Authenticate(r); p != nil || err != nil {
			t.Errorf("%v, %v", p, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), request("Cookie: session=1"))
	events := recorder.Events()
	if len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != "revoked" {
		t.Fatalf("events %+v", events)
	}
	explained(t, events[0], "the session was ended")
}
