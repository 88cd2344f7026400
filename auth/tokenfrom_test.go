package auth_test

import (
	"bufio"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// anywhere accepts tokens from every place.
func anywhere(optional bool) auth.Config {
	return auth.Config{
		Authenticators: []auth.Authenticator{tokens(), keys(), cookies(nil)},
		Optional:       optional,
		TokenFrom:      auth.TokenFrom{Header: "x-access-token", Cookie: "__Host-other", WebSocket: true},
	}
}

const handshake = "Upgrade: websocket"

func TestTokenFrom(t *testing.T) {
	for _, test := range []struct {
		name    string
		headers []string
		want    string // empty is nobody
	}{
		{"nobody", nil, ""},
		{"header", []string{"X-Access-Token: good"}, "token"},
		{"header_of_a_key", []string{"X-Access-Token: key_1"}, "key"},
		{"empty_header", []string{"X-Access-Token: "}, ""},
		{"empty_header_beside_token", []string{"X-Access-Token: ", "Authorization: Bearer good"}, "token"},
		{"header_of_another_name", []string{"X-Token: good"}, ""},
		{"cookie", []string{"Cookie: __Host-other=good"}, "token"},
		{"cookie_among_others", []string{"Cookie: theme=dark; __Host-other=good; lang=de"}, "token"},
		{"cookie_in_quotes", []string{`Cookie: __Host-other="good"`}, "token"},
		{"empty_cookie", []string{"Cookie: __Host-other="}, ""},
		{"cookie_beside_token", []string{"Cookie: __Host-other=bad", "Authorization: Bearer good"}, "token"},
		{"cookie_beside_header", []string{"Cookie: __Host-other=bad", "X-Access-Token: good"}, "token"},
		{"cookie_beside_key", []string{"Cookie: __Host-other=bad", "X-Api-Key: 1"}, "key"},
		{"cookie_of_another_name", []string{"Cookie: __host-other=good"}, ""},
		{"session_beside_header", []string{"Cookie: session=1", "X-Access-Token: good"}, "token"},
		{"protocol", []string{handshake, "Sec-WebSocket-Protocol: bearer, good"}, "token"},
		{"protocol_without_spaces", []string{handshake, "Sec-WebSocket-Protocol: bearer,good,chat"}, "token"},
		{"protocol_after_another", []string{handshake, "Sec-WebSocket-Protocol: chat, bearer, good"}, "token"},
		{"protocol_in_two_lines", []string{handshake, "Sec-WebSocket-Protocol: chat, bearer", "Sec-WebSocket-Protocol: good"}, "token"},
		{"protocol_from_another_site", []string{handshake, "Sec-WebSocket-Protocol: bearer, good", "Origin: https://evil.example"}, "token"},
		{"protocol_without_a_handshake", []string{"Sec-WebSocket-Protocol: bearer, good"}, ""},
		{"other_protocols", []string{handshake, "Sec-WebSocket-Protocol: chat, good"}, ""},
		{"protocol_in_upper_case", []string{handshake, "Sec-WebSocket-Protocol: Bearer, good"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := exchangeWith(t, anywhere(true), request(test.headers...))
			if !x.ran || x.subject != test.want || !x.settled || len(x.events) != 0 {
				t.Errorf("%d %s, %q, events %+v", x.Code, x.Body, x.subject, x.events)
			}
			// Where nothing was configured, there is no token.
			if c := all(true, nil); strings.Contains(test.name, "protocol") || strings.HasPrefix(test.name, "header") {
				if x := exchangeWith(t, c, request(test.headers...)); x.subject != "" {
					t.Errorf("without TokenFrom it is %q", x.subject)
				}
			}
		})
	}
}

func TestBadTokensElsewhere(t *testing.T) {
	challenges := []string{`Bearer error="invalid_token"`, "ApiKey"}
	request400 := []string{`Bearer error="invalid_request"`, "ApiKey"}
	for _, test := range []struct {
		name    string
		headers []string
		status  int
		code    string
		reason  string
	}{
		{"bad_header", []string{"X-Access-Token: bad"}, 401, "auth.invalid_token", "signature"},
		{"unclaimed_header", []string{"X-Access-Token: other"}, 401, "auth.invalid_token", "malformed"},
		{"unclaimed_jwt", []string{"X-Access-Token: " + fakeJWT}, 401, "auth.invalid_token", "issuer"},
		{"scheme_in_header", []string{"X-Access-Token: Bearer good"}, 401, "auth.invalid_token", "malformed"},
		{"two_headers", []string{"X-Access-Token: good", "X-Access-Token: good"}, 400, "auth.ambiguous_credentials", "ambiguous"},
		{"header_beside_token", []string{"X-Access-Token: good", "Authorization: Bearer good"}, 400, "auth.ambiguous_credentials", "ambiguous"},
		{"header_beside_key", []string{"X-Access-Token: good", "X-Api-Key: 1"}, 400, "auth.ambiguous_credentials", "ambiguous"},
		{"header_beside_protocol", []string{"X-Access-Token: good", handshake, "Sec-WebSocket-Protocol: bearer, good"}, 400, "auth.ambiguous_credentials", "ambiguous"},
		{"bad_protocol", []string{handshake, "Sec-WebSocket-Protocol: bearer, bad"}, 401, "auth.invalid_token", "signature"},
		{"unclaimed_protocol", []string{handshake, "Sec-WebSocket-Protocol: bearer, chat"}, 401, "auth.invalid_token", "malformed"},
		{"protocol_without_a_token", []string{handshake, "Sec-WebSocket-Protocol: chat, bearer"}, 401, "auth.invalid_token", "malformed"},
		{"two_protocols", []string{handshake, "Sec-WebSocket-Protocol: bearer, good, bearer, good"}, 400, "auth.ambiguous_credentials", "ambiguous"},
		{"protocol_beside_token", []string{handshake, "Sec-WebSocket-Protocol: bearer, good", "Authorization: Bearer good"}, 400, "auth.ambiguous_credentials", "ambiguous"},
	} {
		for _, optional := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				want := challenges
				if test.status == 400 {
					want = request400
				}
				c := anywhere(optional)
				key := keys()
				c.Authenticators[1] = fielded{key, []string{"X-Api-Key"}}
				x := exchangeWith(t, c, request(test.headers...))
				x.refused(t, test.status, test.code, want, bulwark.AuthnTokenInvalid, test.reason)
				if text := x.events[0].Attrs[0].Value.String(); strings.Contains(text, "no token after it") != (test.name == "protocol_without_a_token") {
					t.Errorf("the log says %q", text)
				}
			})
		}
	}
}

// fielded is a fake that reads further fields.
type fielded struct {
	*fake
	fields []string
}

func (c fielded) Fields() []string { return c.fields }

// A bad cookie alone counts as no credential.
func TestBadCookiesOfAnotherService(t *testing.T) {
	for _, test := range []struct{ name, cookie, reason, cause string }{
		{"bad", "__Host-other=bad", "signature", "cause"},
		{"unclaimed", "__Host-other=other", "malformed", "is not a signed token"},
		{"of_another_issuer", "__Host-other=" + fakeJWT, "issuer", "the iss is not"},
		{"twice", "__Host-other=good; __Host-other=good", "malformed", "more than once"},
		{"beside_a_session", "__Host-other=good; session=1", "ambiguous", "an auth.Config of its own"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := exchangeWith(t, anywhere(true), request("Cookie: "+test.cookie))
			if !x.ran || x.subject != "" || !x.settled || len(x.events) != 1 || x.events[0].Name != bulwark.AuthnTokenInvalid || x.events[0].Reason != test.reason {
				t.Fatalf("%q, events %+v", x.subject, x.events)
			}
			if text := x.events[0].Attrs[0].Value.String(); !strings.Contains(text, test.cause) {
				t.Errorf("the log says %q", text)
			}
			code, challenges := "auth.invalid_token", []string{`Bearer error="invalid_token"`, "ApiKey"}
			if test.reason == "ambiguous" {
				code, challenges = "auth.ambiguous_credentials", []string{"Bearer", "ApiKey"}
			}
			x = exchangeWith(t, anywhere(false), request("Cookie: "+test.cookie))
			x.refused(t, 401, code, challenges, bulwark.AuthnTokenInvalid, test.reason)
		})
	}
	// An outage is not a bad cookie.
	down := tokens()
	detect := down.presence
	down.presence = func(r *http.Request) auth.Presence {
		p := detect(r)
		down.principal, down.err = nil, auth.Unavailable("store_unavailable", nil, 1)
		return p
	}
	c := anywhere(true)
	c.Authenticators[0] = down
	exchangeWith(t, c, request("Cookie: __Host-other=good")).refused(t, 503, "auth.unavailable", nil, bulwark.SysUnavailable, "store_unavailable")
}

// The browser attaches the cookie of another service to the requests of any page.
func TestCookieOfAnotherServiceIsGuarded(t *testing.T) {
	r := request("Cookie: __Host-other=good", "Sec-Fetch-Site: cross-site", "Origin: https://evil.example")
	r.Method = http.MethodPost
	exchangeWith(t, anywhere(true), r).refused(t, 403, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
	r = request("Cookie: __Host-other=good", handshake, "Origin: https://evil.example")
	exchangeWith(t, anywhere(true), r).refused(t, 403, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
}

// A proxy logs the user in by a cookie of its own, and adds the token to every
// request that has the cookie: also to those of another site's page.
func TestHeaderOfAProxyIsGuarded(t *testing.T) {
	const name = "X-Access-Token: good"
	for _, test := range []struct {
		name, method string
		headers      []string
		trusted      bool
		refused      bool
	}{
		{"form_of_another_site", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, false, true},
		{"form_of_a_sibling", "POST", []string{"Sec-Fetch-Site: same-site", "Origin: https://evil.example"}, false, true},
		{"old_browser", "POST", []string{"Origin: https://evil.example"}, false, true},
		{"socket_of_another_site", "GET", []string{handshake, "Origin: https://evil.example"}, false, true},
		{"own_page", "POST", []string{"Sec-Fetch-Site: same-origin", "Origin: https://evil.example"}, false, false},
		{"trusted_page", "POST", []string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, true, false},
		{"trusted_page_with_a_socket", "GET", []string{handshake, "Origin: https://evil.example"}, true, false},
		{"link", "GET", []string{"Sec-Fetch-Site: cross-site"}, false, false},
		{"no_browser", "POST", nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(append(test.headers, name)...)
			r.Method = test.method
			c := anywhere(true)
			if test.trusted {
				c.TrustedOrigins = []string{"https://evil.example"}
			}
			x := exchangeWith(t, c, r)
			if test.refused {
				x.refused(t, 403, "auth.cross_site", nil, bulwark.MaliciousCSRF, "auth.cross_site")
			} else if !x.ran || x.subject != "token" || len(x.events) != 0 {
				t.Errorf("%d %s, %q, events %+v", x.Code, x.Body, x.subject, x.events)
			}
		})
	}
}

func TestTokenFromConfig(t *testing.T) {
	for _, test := range []struct {
		from  auth.TokenFrom
		fault string
	}{
		{auth.TokenFrom{Header: "X-Forwarded-Access-Token", Cookie: "__Host-a", WebSocket: true}, ""},
		{auth.TokenFrom{Header: "cf-access-jwt-assertion"}, ""},
		{auth.TokenFrom{Cookie: "access", InsecureCookieName: true}, ""},
		{auth.TokenFrom{Header: "a b"}, "auth.TokenFrom.Header: must be the name"},
		{auth.TokenFrom{Header: strings.Repeat("a", 65)}, "auth.TokenFrom.Header: must be the name"},
		{auth.TokenFrom{Header: "authorization"}, "auth.TokenFrom.Header: authorization: has another meaning"},
		{auth.TokenFrom{Header: "Cookie"}, "auth.TokenFrom.Header: Cookie: has another meaning"},
		{auth.TokenFrom{Header: "Host"}, "auth.TokenFrom.Header: Host: has another meaning"},
		{auth.TokenFrom{Header: "Origin"}, "auth.TokenFrom.Header: Origin: has another meaning"},
		{auth.TokenFrom{Header: "DPoP"}, "auth.TokenFrom.Header: DPoP: has another meaning"},
		{auth.TokenFrom{Header: "x-forwarded-for"}, "auth.TokenFrom.Header: x-forwarded-for: has another meaning"},
		{auth.TokenFrom{Header: "Sec-WebSocket-Protocol"}, "auth.TokenFrom.Header: Sec-WebSocket-Protocol: has another meaning"},
		{auth.TokenFrom{Header: "X-API-key"}, "auth.TokenFrom.Header: X-API-key: is read by one of Authenticators already"},
		{auth.TokenFrom{Cookie: "a;b"}, "auth.TokenFrom.Cookie: must be the name"},
		{auth.TokenFrom{Cookie: "access"}, "auth.TokenFrom.Cookie: access: must begin with __Host-"},
		{auth.TokenFrom{Cookie: "__Secure-access"}, "auth.TokenFrom.Cookie: __Secure-access: must begin with __Host-"},
		{auth.TokenFrom{Cookie: "__Host-a", InsecureCookieName: true}, "auth.TokenFrom.InsecureCookieName: is not needed"},
		{auth.TokenFrom{InsecureCookieName: true}, "auth.TokenFrom.InsecureCookieName: needs Cookie"},
	} {
		c := auth.Config{Authenticators: []auth.Authenticator{fielded{keys(), []string{"X-Api-Key"}}}, TokenFrom: test.from}
		_, err := auth.New(c)
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.HasPrefix(err.Error(), test.fault)) {
			t.Errorf("%+v: %v, want %s", test.from, err, test.fault)
		}
	}
}

// The token does not get further in. The layers outside keep their header.
func TestTokenIsTakenOutOfTheProtocols(t *testing.T) {
	layer, err := auth.New(anywhere(false))
	if err != nil {
		t.Fatal(err)
	}
	var events bulwarktest.Recorder
	r := request(handshake, "Sec-WebSocket-Protocol: chat, bearer", "Sec-WebSocket-Protocol: good, soap", "X-Other: 1")
	before, outer := r.Header.Clone(), (*bulwark.Scope)(nil)
	h := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header["Sec-Websocket-Protocol"]; !slices.Equal(got, []string{"chat, bearer, soap"}) || r.Header.Get("X-Other") != "1" {
			t.Errorf("inside: %q", r.Header)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the handler sees an Authorization")
		}
		if p, ok := bulwark.PrincipalFrom(r.Context()); !ok || p.Subject != "token" {
			t.Errorf("%v", p)
		}
		// Still the same request: what is reported inside belongs to it.
		_, inner := bulwark.Enter(r)
		bulwark.Report(r, bulwark.Event{Name: bulwark.AuthzFail, Reason: "inside"})
		if !outer.Reported(nil, bulwark.AuthzFail, 0) || inner.Caller() == nil {
			t.Error("the request inside is another request")
		}
		r.Header.Set("X-Other", "2")
		w.Header().Set("Sec-WebSocket-Protocol", "good") // whoever told it
		w.WriteHeader(http.StatusSwitchingProtocols)
	}))
	w := httptest.NewRecorder()
	events.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, outer = bulwark.Enter(r)
		h.ServeHTTP(w, r)
		if outer.Caller() == nil || outer.Caller().Subject != "token" {
			t.Errorf("the layers outside see %v", outer.Caller())
		}
		if !maps.EqualFunc(r.Header, before, slices.Equal) {
			t.Errorf("outside: %q", r.Header)
		}
	})).ServeHTTP(w, r)
	if got := w.Header()["Sec-Websocket-Protocol"]; !slices.Equal(got, []string{"bearer"}) {
		t.Errorf("answered with %q", got)
	}
	if e := events.Take(); len(e) != 1 || e[0].UserID != "token" {
		t.Errorf("events %+v", e)
	}
}

func TestProtocolOfTheAnswer(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		chosen []string
		want   []string
	}{
		{"chosen", 101, []string{"chat"}, []string{"chat"}},
		{"bearer", 101, []string{"bearer"}, []string{"bearer"}},
		{"missing", 101, nil, []string{"bearer"}},
		{"token", 101, []string{"good"}, []string{"bearer"}},
		{"token_among_others", 101, []string{"chat, good"}, []string{"chat"}},
		{"token_in_an_answer", 200, []string{"good"}, nil},
		{"token_among_others_in_an_answer", 200, []string{"good", "chat"}, []string{"chat"}},
		{"answer", 200, nil, nil},
		{"token_without_a_write", 0, []string{"good"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			layer, _ := auth.New(anywhere(false))
			w := httptest.NewRecorder()
			layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Sec-Websocket-Protocol"] = test.chosen
				if test.chosen == nil {
					w.Header().Del("Sec-WebSocket-Protocol")
				}
				if test.status != 0 {
					w.WriteHeader(test.status)
				}
			})).ServeHTTP(w, request(handshake, "Sec-WebSocket-Protocol: bearer, good, chat"))
			if got := w.Header()["Sec-Websocket-Protocol"]; !slices.Equal(got, test.want) {
				t.Errorf("answered with %q, want %q", got, test.want)
			}
		})
	}
}

// A WebSocket through the layer: a library that writes the answer itself, and a
// proxy whose upstream chooses a protocol or does not.
func TestTokenOfAWebSocket(t *testing.T) {
	hijacks := func(t *testing.T, answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header["Sec-Websocket-Protocol"]; !slices.Equal(got, []string{"bearer, chat"}) {
				t.Errorf("the handler is offered %q", got)
			}
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			buffered.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + answer + "\r\nframe")
			buffered.Flush()
		}
	}
	for _, test := range []struct{ name, answer, want string }{
		{"chosen", "Sec-WebSocket-Protocol: chat\r\n", "chat"},
		{"bearer", "sec-websocket-protocol: bearer\r\n", "bearer"},
		{"missing", "", "bearer"},
	} {
		for _, proxied := range []bool{false, true} {
			name := test.name
			if proxied {
				name += "_by_the_upstream"
			}
			t.Run(name, func(t *testing.T) {
				handler := http.Handler(hijacks(t, test.answer))
				if proxied {
					upstream := httptest.NewServer(handler)
					t.Cleanup(upstream.Close)
					target, _ := url.Parse(upstream.URL)
					handler = &httputil.ReverseProxy{ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
						Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
				}
				layer, err := auth.New(anywhere(false))
				if err != nil {
					t.Fatal(err)
				}
				server := httptest.NewServer(layer.Wrap(handler))
				t.Cleanup(server.Close)
				conn, reader := upgradeAs(t, server, "/", "", "Sec-WebSocket-Protocol: bearer, good, chat\r\n")
				defer conn.Close()
				resp, err := http.ReadResponse(reader, nil)
				if err != nil || resp.StatusCode != 101 || !slices.Equal(resp.Header["Sec-Websocket-Protocol"], []string{test.want}) {
					t.Fatalf("%v, %v", resp, err)
				}
				if rest, err := io.ReadAll(bufio.NewReader(reader)); string(rest) != "frame" || err != nil {
					t.Errorf("%q, %v", rest, err)
				}
			})
		}
	}
}

func TestScopesInTheChallenge(t *testing.T) {
	c := anywhere(false)
	c.Realm, c.Scopes = "api", []string{"documents:read", "documents:write"}
	scoped := `Bearer realm="api", scope="documents:read documents:write"`
	exchangeWith(t, c, request()).refused(t, 401, "auth.credentials_required", []string{scoped, `ApiKey realm="api"`}, bulwark.AuthzFail, "auth.credentials_required")
	// A client that has a token does not learn which scopes exist.
	x := exchangeWith(t, c, request("Authorization: Bearer bad"))
	x.refused(t, 401, "auth.invalid_token", []string{`Bearer realm="api", error="invalid_token"`, `ApiKey realm="api"`}, bulwark.AuthnTokenInvalid, "signature")
	c.Optional = true
	if x := exchangeWith(t, c, request()); len(x.challenges) != 2 || x.challenges[0].String() != scoped {
		t.Errorf("the layers inside offer %v", x.challenges)
	}
	if x := exchangeWith(t, c, request("Authorization: Bearer good")); len(x.challenges) != 2 || x.challenges[0].String() != `Bearer realm="api"` {
		t.Errorf("the layers inside offer %v", x.challenges)
	}
	for _, test := range []struct {
		scopes []string
		fault  string
	}{
		{[]string{""}, "auth.Scopes[0]: must be printable ASCII"},
		{[]string{"a", "b c"}, "auth.Scopes[1]: must be printable ASCII"},
		{[]string{`a"b`}, "auth.Scopes[0]: must be printable ASCII"},
		{[]string{`a\b`}, "auth.Scopes[0]: must be printable ASCII"},
		{[]string{"ä"}, "auth.Scopes[0]: must be printable ASCII"},
		{[]string{"a\x7f"}, "auth.Scopes[0]: must be printable ASCII"},
		{[]string{"a", "a"}, "auth.Scopes[1]: a: is there twice"},
		{[]string{strings.Repeat("a", 1025)}, "auth.Scopes: 1: must have at most 64 scopes, and at most 1024 bytes together"},
		{slices.Repeat([]string{"a"}, 65), "auth.Scopes: 65: must have at most 64 scopes, and at most 1024 bytes together"},
	} {
		c.Scopes = test.scopes
		if _, err := auth.New(c); err == nil || !strings.HasPrefix(err.Error(), test.fault) {
			t.Errorf("%v, want %s", err, test.fault)
		}
	}
	c.Scopes = []string{strings.Repeat("a", 1024)}
	if _, err := auth.New(c); err != nil {
		t.Error(err)
	}
}
