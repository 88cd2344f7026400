package auth_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

const (
	fakeJWT    = "e30.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUifQ.c2ln" // of https://other.example
	anonymousJ = "e30.e30.c2ln"
)

func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header[http.CanonicalHeaderKey(name)] = append(r.Header[http.CanonicalHeaderKey(name)], value)
	}
	return r
}

// all is a service with every kind of credential. Both Bearer kinds share a
// challenge.
func all(optional bool, cookie error) auth.Config {
	return auth.Config{
		Authenticators:   []auth.Authenticator{tokens(), keys(), cookies(cookie)},
		Optional:         optional,
		Realm:            "api",
		ResourceMetadata: "https://api.example.com/.well-known/oauth-protected-resource",
	}
}

const (
	meta       = `, resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"`
	bareBearer = `Bearer realm="api"` + meta
	badBearer  = bareBearer + `, error="invalid_token"`
	bareKey    = `ApiKey realm="api"`
)

func TestWhoCalls(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		want    string // empty is nobody
	}{
		{"nobody", nil, ""},
		{"token", []string{"Authorization: Bearer good"}, "token"},
		{"token-lower-case", []string{"Authorization: bearer good"}, "token"},
		{"token-two-spaces", []string{"Authorization: Bearer  good"}, "token"},
		{"key", []string{"X-Api-Key: 1"}, "key"},
		{"key-as-bearer", []string{"Authorization: Bearer key_1"}, "key"},
		{"cookie", []string{"Cookie: session=1"}, "cookie"},
		{"cookie-beside-token", []string{"Cookie: session=1", "Authorization: Bearer good"}, "token"},
		{"cookie-beside-key", []string{"Cookie: session=1", "X-Api-Key: 1"}, "key"},
		{"other-cookie", []string{"Cookie: theme=dark"}, ""},
		{"cross-site-token", []string{"Authorization: Bearer good", "Sec-Fetch-Site: cross-site"}, "token"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := exchangeWith(t, all(true, nil), request(test.headers...))
			if !x.ran || x.subject != test.want || !x.settled || len(x.events) != 0 {
				t.Errorf("ran %t as %q, settled %t, events %v; %d %s", x.ran, x.subject, x.settled, x.events, x.Code, x.Body)
			}
			if len(x.challenges) != 2 || x.challenges[0].String() != bareBearer || x.challenges[1].String() != bareKey {
				t.Errorf("later refusals offer %v", x.challenges)
			}
		})
	}
}

// Whatever explicit credentials are bad refuse the request, whether or not it
// might be anonymous and whether or not there is a good cookie beside.
func TestBadCredentials(t *testing.T) {
	badRequest := []string{bareBearer + `, error="invalid_request"`, bareKey}
	for _, test := range []struct {
		name       string
		headers    []string
		status     int
		code       string
		challenges []string
		reason     string
	}{
		{"bad-token", []string{"Authorization: Bearer bad"}, 401, "auth.invalid_token", []string{badBearer, bareKey}, "signature"},
		{"unclaimed-token", []string{"Authorization: Bearer x"}, 401, "auth.invalid_token", []string{badBearer, bareKey}, "malformed"},
		{"unclaimed-issuer", []string{"Authorization: Bearer " + fakeJWT}, 401, "auth.invalid_token", []string{badBearer, bareKey}, "issuer"},
		{"unclaimed-without-issuer", []string{"Authorization: Bearer " + anonymousJ}, 401, "auth.invalid_token", []string{badBearer, bareKey}, "malformed"},
		{"token-with-space", []string{"Authorization: Bearer a b"}, 401, "auth.invalid_token", []string{badBearer, bareKey}, "malformed"},
		{"basic", []string{"Authorization: Basic dXNlcjpwYXNz"}, 401, "auth.unsupported_scheme", []string{bareBearer, bareKey}, "scheme"},
		{"digest", []string{`Authorization: Digest username="a", realm="b"`}, 401, "auth.unsupported_scheme", []string{bareBearer, bareKey}, "scheme"},
		{"api-key-scheme", []string{"Authorization: ApiKey 1"}, 401, "auth.unsupported_scheme", []string{bareBearer, bareKey}, "scheme"},
		{"two-lines", []string{"Authorization: Bearer good", "Authorization: Bearer good"}, 400, "auth.ambiguous_credentials", badRequest, "ambiguous"},
		{"token-and-key", []string{"Authorization: Bearer good", "X-Api-Key: 1"}, 400, "auth.ambiguous_credentials", badRequest, "ambiguous"},
		{"unclaimed-token-and-key", []string{"Authorization: Bearer x", "X-Api-Key: 1"}, 400, "auth.ambiguous_credentials", badRequest, "ambiguous"},
		{"basic-and-key", []string{"Authorization: Basic eDp5", "X-Api-Key: 1"}, 400, "auth.ambiguous_credentials", badRequest, "ambiguous"},
		{"two-keys", []string{"Authorization: Bearer key_1", "X-Api-Key: 1"}, 400, "auth.ambiguous_credentials", badRequest, "ambiguous"},
		{"no-scheme", []string{"Authorization: good"}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"no-credentials", []string{"Authorization: Bearer"}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"only-spaces", []string{"Authorization: Bearer   "}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"empty", []string{"Authorization: "}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"leading-space", []string{"Authorization:  Bearer good"}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"trailing-space", []string{"Authorization: Bearer good "}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"tab", []string{"Authorization: Bearer\tgood"}, 400, "auth.invalid_request", badRequest, "authorization_header"},
		{"scheme-of-no-token", []string{"Authorization: B(earer) good"}, 400, "auth.invalid_request", badRequest, "authorization_header"},
	} {
		for _, beside := range []struct {
			name     string
			optional bool
			header   []string
		}{{"", false, nil}, {"-optional", true, nil}, {"-optional-beside-cookie", true, []string{"Cookie: session=1"}}} {
			t.Run(test.name+beside.name, func(t *testing.T) {
				x := exchangeWith(t, all(beside.optional, nil), request(append(beside.header, test.headers...)...))
				x.refused(t, test.status, test.code, test.challenges, bulwark.AuthnTokenInvalid, test.reason)
			})
		}
	}
}

func TestCredentialsRequired(t *testing.T) {
	x := exchangeWith(t, all(false, nil), request())
	x.refused(t, 401, "auth.credentials_required", []string{bareBearer, bareKey}, bulwark.AuthzFail, "auth.credentials_required")
}

func TestFallback(t *testing.T) {
	for _, test := range []struct {
		name    string
		all     []auth.Authenticator
		headers []string
		want    string // or the code of the refusal
	}{
		{"taken", []auth.Authenticator{opaque(), tokens()}, []string{"Authorization: Bearer x"}, "opaque"},
		{"before-a-cookie", []auth.Authenticator{cookies(nil), opaque()}, []string{"Authorization: Bearer x", "Cookie: session=1"}, "opaque"},
		{"not-beside-explicit", []auth.Authenticator{opaque(), tokens()}, []string{"Authorization: Bearer good"}, "token"},
		{"not-when-that-is-bad", []auth.Authenticator{opaque(), tokens()}, []string{"Authorization: Bearer bad"}, "auth.invalid_token"},
		{"two", []auth.Authenticator{opaque(), opaque()}, []string{"Authorization: Bearer x"}, "auth.ambiguous_credentials"},
		{"beside-key", []auth.Authenticator{opaque(), keys()}, []string{"Authorization: Bearer x", "X-Api-Key: 1"}, "auth.ambiguous_credentials"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := exchangeWith(t, auth.Config{Authenticators: test.all, Optional: true}, request(test.headers...))
			if x.subject != test.want && !strings.Contains(x.Body.String(), `"code":"`+test.want+`"`) {
				t.Errorf("%q, %d %s", x.subject, x.Code, x.Body)
			}
		})
	}
}

func TestExactlyOneIsAsked(t *testing.T) {
	first, second := tokens(), opaque()
	exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{first, second}}, request("Authorization: Bearer bad"))
	if first.asked != 1 || second.asked != 0 {
		t.Errorf("asked %d and %d times", first.asked, second.asked)
	}
}

func TestBadCookie(t *testing.T) {
	bad := auth.Invalid("revoked", errors.New("the session was ended"))
	t.Run("counts-as-none", func(t *testing.T) {
		x := exchangeWith(t, all(true, bad), request("Cookie: session=1"))
		if !x.ran || x.subject != "" || !x.settled {
			t.Errorf("ran %t as %q", x.ran, x.subject)
		}
		if len(x.events) != 1 || x.events[0].Name != bulwark.AuthnTokenInvalid || x.events[0].Reason != "revoked" || x.events[0].Attrs[0].Value.String() != "the session was ended" {
			t.Errorf("events %+v", x.events)
		}
		if x.Header().Get("Set-Cookie") != "" || x.Header().Get("Www-Authenticate") != "" {
			t.Errorf("header %v", x.Header())
		}
	})
	t.Run("refused-where-somebody-must-call", func(t *testing.T) {
		x := exchangeWith(t, all(false, bad), request("Cookie: session=1"))
		x.refused(t, 401, "auth.invalid_token", []string{badBearer, bareKey}, bulwark.AuthnTokenInvalid, "revoked")
	})
	t.Run("of-another-kind", func(t *testing.T) {
		x := exchangeWith(t, all(true, &bulwark.Problem{Status: 401, Code: "other.bad"}), request("Cookie: session=1"))
		if !x.ran || len(x.events) != 1 || x.events[0].Name != bulwark.AuthnTokenInvalid || x.events[0].Reason != "other.bad" {
			t.Errorf("ran %t, events %+v", x.ran, x.events)
		}
	})
	for _, optional := range []bool{false, true} {
		x := exchangeWith(t, all(optional, auth.Unavailable("store_unavailable", nil, 7*time.Second)), request("Cookie: session=1"))
		x.refused(t, 503, "auth.unavailable", nil, bulwark.SysUnavailable, "store_unavailable")
		if got := x.Header().Get("Retry-After"); got != "7" {
			t.Errorf("Retry-After %q", got)
		}
	}
}

// Two applications on one host, behind one layer: nobody knows which of the two
// callers the user wants to be.
func TestTwoCookies(t *testing.T) {
	first, second := cookies(nil), cookies(nil)
	c := auth.Config{Authenticators: []auth.Authenticator{first, tokens(), second}}
	x := exchangeWith(t, c, request("Cookie: session=1"))
	x.refused(t, 401, "auth.ambiguous_credentials", []string{"Bearer"}, bulwark.AuthnTokenInvalid, "ambiguous")
	if text := x.events[0].Attrs[0].Value.String(); !strings.Contains(text, "an auth.Config of its own") {
		t.Errorf("the log says %q", text)
	}
	c.Optional = true
	x = exchangeWith(t, c, request("Cookie: session=1"))
	if !x.ran || x.subject != "" || !x.settled || len(x.events) != 1 || x.events[0].Name != bulwark.AuthnTokenInvalid || x.events[0].Reason != "ambiguous" {
		t.Errorf("%q, events %+v", x.subject, x.events)
	}
	x = exchangeWith(t, c, request("Cookie: session=1", "Authorization: Bearer good"))
	if x.subject != "token" || len(x.events) != 0 {
		t.Errorf("%q, events %+v", x.subject, x.events)
	}
	if first.asked+second.asked != 0 {
		t.Error("a cookie was verified")
	}
}

func TestCrossSiteCookie(t *testing.T) {
	post := func(headers ...string) *http.Request {
		r := request(append(headers, "Cookie: session=1")...)
		r.Method = http.MethodPost
		return r
	}
	config := all(true, nil)
	config.TrustedOrigins = []string{"https://app.example.com"}
	x := exchangeWith(t, config, post("Sec-Fetch-Site: cross-site", "Origin: https://evil.example"))
	x.refused(t, 403, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
	x = exchangeWith(t, config, post("Sec-Fetch-Site: same-site", "Origin: https://app.example.com"))
	if x.subject != "cookie" {
		t.Errorf("a trusted origin got %d %s", x.Code, x.Body)
	}
	// A token is not attached by a browser on its own.
	x = exchangeWith(t, config, post("Sec-Fetch-Site: cross-site", "Origin: https://evil.example", "Authorization: Bearer good"))
	if x.subject != "token" {
		t.Errorf("a token got %d %s", x.Code, x.Body)
	}
}

func TestContractBreakers(t *testing.T) {
	for name, p := range map[string]*bulwark.Principal{"nil": nil, "no-subject": {Issuer: "i"}, "no-issuer": {Subject: "s"}} {
		for _, f := range []*fake{keys(), cookies(nil)} {
			f.principal = p
			x := exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{f}, Optional: true}, request("X-Api-Key: 1", "Cookie: session=1"))
			if x.ran || x.Code != 500 {
				t.Errorf("%s: ran %t, %d %s", name, x.ran, x.Code, x.Body)
			}
		}
	}
	f := keys()
	f.err = errors.New("dial tcp 10.0.0.1: refused")
	x := exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{f}}, request("X-Api-Key: 1"))
	x.refused(t, 500, "internal.error", nil, bulwark.SysUnavailable, "internal.error")
	if strings.Contains(x.Body.String(), "10.0.0.1") {
		t.Errorf("the cause is told: %s", x.Body)
	}
}

func TestChallengesOfAuthenticatorAreKept(t *testing.T) {
	f := keys()
	shared := auth.Invalid("key", nil)
	f.err = shared
	x := exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{f}}, request("X-Api-Key: 1"))
	x.refused(t, 401, "auth.invalid_token", []string{`ApiKey error="invalid_token"`}, bulwark.AuthnTokenInvalid, "key")
	if shared.Challenges != nil {
		t.Error("the error of the authenticator was changed")
	}
	f.err = &bulwark.Problem{Status: 401, Code: "auth.invalid_token", Challenges: []bulwark.Challenge{{Scheme: "DPoP", Params: [][2]string{{"error", "use_dpop_nonce"}}}}}
	x = exchangeWith(t, auth.Config{Authenticators: []auth.Authenticator{f}}, request("X-Api-Key: 1"))
	if got := x.Header()["Www-Authenticate"]; !slices.Equal(got, []string{`DPoP error="use_dpop_nonce"`}) {
		t.Errorf("%q", got)
	}
}

func TestLaterRefusalCarriesChallenges(t *testing.T) {
	layer, err := auth.New(all(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	var recorder bulwarktest.Recorder
	w := httptest.NewRecorder()
	recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bulwark.Deny(w, r, &bulwark.Problem{Status: 401, Code: "authz.unauthenticated"})
	}))).ServeHTTP(w, request())
	if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, []string{bareBearer, bareKey}) {
		t.Errorf("%q", got)
	}
}

// A sub-request of a batch handler neither inherits the caller nor changes it.
func TestSubRequests(t *testing.T) {
	layer, err := auth.New(all(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	var inner []string
	seen := func(r *http.Request) string {
		p, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			return "nobody"
		}
		return p.Subject
	}
	sub := layer.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inner = append(inner, seen(r)) }))
	outer := ""
	layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sub.ServeHTTP(httptest.NewRecorder(), request().WithContext(r.Context()))
		sub.ServeHTTP(httptest.NewRecorder(), request("X-Api-Key: 1").WithContext(r.Context()))
		outer = seen(r)
	})).ServeHTTP(httptest.NewRecorder(), request("Authorization: Bearer good"))
	if !slices.Equal(inner, []string{"nobody", "key"}) || outer != "token" {
		t.Errorf("sub-requests ran as %q, the request as %q", inner, outer)
	}
}

func TestAuthenticateAlone(t *testing.T) {
	layer, err := auth.New(all(true, nil))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := layer.Authenticate(request("Authorization: Bearer good")); err != nil || p.Subject != "token" {
		t.Errorf("%v, %v", p, err)
	}
	if p, err := layer.Authenticate(request()); err != nil || p != nil {
		t.Errorf("%v, %v", p, err)
	}
	var problem *bulwark.Problem
	if p, err := layer.Authenticate(request("Authorization: Bearer bad")); p != nil || !errors.As(err, &problem) || problem.Status != 401 {
		t.Errorf("%v, %v", p, err)
	}
}

func TestZeroMiddleware(t *testing.T) {
	for _, layer := range []*auth.Middleware{nil, {}} {
		x := through(layer, request("Authorization: Bearer good"))
		x.refused(t, 500, "auth.unconfigured", nil, bulwark.SysUnavailable, "auth.unconfigured")
		if err := layer.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	var missing *fake
	for _, test := range []struct {
		name   string
		config auth.Config
		want   []string
	}{
		{"zero", auth.Config{}, []string{"auth.Authenticators"}},
		{"nil", auth.Config{Authenticators: []auth.Authenticator{nil, tokens(), missing}}, []string{"auth.Authenticators[0]", "auth.Authenticators[2]"}},
		{"one-issuer-twice", auth.Config{Authenticators: []auth.Authenticator{&named{*tokens(), "a"}, &named{*keys(), "b"}, &named{*tokens(), "a"}}}, []string{"auth.Authenticators[2]"}},
		{"all-at-once", auth.Config{Realm: "a\nb", ResourceMetadata: "/relative", TrustedOrigins: []string{"*"}},
			[]string{"auth.Authenticators", "auth.Realm", "auth.ResourceMetadata", "auth.TrustedOrigins[0]"}},
		{"metadata-fragment", auth.Config{Authenticators: []auth.Authenticator{tokens()}, ResourceMetadata: "https://a.example/x#y"}, []string{"auth.ResourceMetadata"}},
		{"metadata-scheme", auth.Config{Authenticators: []auth.Authenticator{tokens()}, ResourceMetadata: "ftp://a.example/x"}, []string{"auth.ResourceMetadata"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := auth.New(test.config)
			if got := faulttest.Sorted(err); m != nil || !slices.Equal(got, test.want) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
			if layer, err := test.config.Build(); layer != nil || err == nil {
				t.Errorf("Build returned %v, %v", layer, err)
			}
		})
	}
}

func TestBuildAndShutdown(t *testing.T) {
	first, second := tokens(), keys()
	second.closed = errors.New("still busy")
	layer, err := auth.Config{Authenticators: []auth.Authenticator{first, second}}.Build()
	if err != nil {
		t.Fatal(err)
	}
	m := layer.(*auth.Middleware)
	if again, err := m.Build(); err != nil || again != layer || m.Kind() != "auth" {
		t.Errorf("%v %v %q", again, err, m.Kind())
	}
	if err := m.Shutdown(t.Context()); !errors.Is(err, second.closed) || first.shut != 1 || second.shut != 1 {
		t.Errorf("%v, %d, %d", err, first.shut, second.shut)
	}
}

func TestAs(t *testing.T) {
	p, ok := bulwark.PrincipalFrom(authtest.As(request(), caller("alice")).Context())
	if !ok || p.Subject != "alice" {
		t.Errorf("%v %t", p, ok)
	}
	if _, ok := bulwark.PrincipalFrom(authtest.As(request(), nil).Context()); ok {
		t.Error("nobody is somebody")
	}
}

func TestCredentials(t *testing.T) {
	for _, test := range []struct {
		line, scheme, want string
		ok                 bool
	}{
		{"Bearer abc", "Bearer", "abc", true},
		{"BEARER abc", "Bearer", "abc", true},
		{"Bearer   abc def", "Bearer", "abc def", true},
		{"ApiKey abc", "Bearer", "", false},
		{"Bearer", "Bearer", "", false},
		{"", "Bearer", "", false},
	} {
		got, ok := auth.Credentials(request("Authorization: "+test.line), test.scheme)
		if ok != test.ok || ok && got != test.want {
			t.Errorf("%q: %q %t", test.line, got, ok)
		}
	}
	if _, ok := auth.Credentials(request("Authorization: Bearer a", "Authorization: Bearer b"), "Bearer"); ok {
		t.Error("two lines are taken for one")
	}
	if _, ok := auth.Credentials(request(), "Bearer"); ok {
		t.Error("no line is taken for one")
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, line := range []string{"", " ", "Bearer", "Bearer ", "Bearer good", "Bearer bad", "Bearer " + fakeJWT, "Basic x", "a\x00 b", "\t", "Bearer good\n", "é x"} {
		f.Add(line)
	}
	layer, err := auth.New(all(true, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := request()
		r.Header["Authorization"] = []string{line}
		x := through(layer, r)
		// With an Authorization header nobody is anonymous.
		if x.ran != (x.subject != "") || !x.ran && len(x.events) != 1 {
			t.Errorf("%q: ran %t as %q, events %v", line, x.ran, x.subject, x.events)
		}
	})
}
