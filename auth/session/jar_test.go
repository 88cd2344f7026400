package session_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

// named gives an application its own cookies and its own issuer.
func named(t testing.TB, name string) func(*session.Config) {
	return func(c *session.Config) {
		c.AccessCookie, c.RefreshCookie = "__Host-"+name+"-access", "__Host-"+name+"-refresh"
		c.Signer = bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: "https://" + name + ".example"}))
	}
}

// A browser has a real jar, and reaches services by the names of their hosts.
type browser struct {
	*http.Client
	jar *cookiejar.Jar
}

func newBrowser(t *testing.T, hosts map[string]http.Handler) *browser {
	t.Helper()
	addresses := map[string]string{}
	for host, handler := range hosts {
		server := httptest.NewTLSServer(handler)
		t.Cleanup(server.Close)
		addresses[host+":443"] = server.Listener.Addr().String()
		clear := httptest.NewServer(handler)
		t.Cleanup(clear.Close)
		addresses[host+":80"] = clear.Listener.Addr().String()
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		// The certificate of httptest names other hosts.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, addresses[address])
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{&http.Client{Jar: jar, Transport: transport}, jar}
}

// ask sends a request and returns the status and the body.
func (b *browser) ask(t *testing.T, method, target string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// sent are the names of the cookies that the browser would send to the address.
func (b *browser) sent(target string) []string {
	u, _ := url.Parse(target)
	names := []string{}
	for _, c := range b.jar.Cookies(u) {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}

// The cookies go to their host alone, over TLS alone, and to each path.
func TestCookiesInAJar(t *testing.T) {
	s := start(t, nil)
	b := newBrowser(t, map[string]http.Handler{"shop.example.com": s.handler})
	if status, text := b.ask(t, "POST", "https://shop.example.com/login/alice"); status != 200 || text != "{\"expires_in\":900}\n" {
		t.Fatalf("%d %s", status, text)
	}
	for target, want := range map[string][]string{
		"https://shop.example.com/":           {access, refresh},
		"https://shop.example.com/deep/below": {access, refresh},
		"https://shop.example.com/refresh":    {access, refresh},
		"http://shop.example.com/":            {},
		"https://example.com/":                {},
		"https://www.shop.example.com/":       {},
		"https://other.example.com/":          {},
	} {
		if got := b.sent(target); !slices.Equal(got, want) {
			t.Errorf("%s gets %q, want %q", target, got, want)
		}
	}
	who := func(want string) {
		t.Helper()
		status, text := b.ask(t, "GET", "https://shop.example.com/me")
		if want == "" && status != 204 || want != "" && !strings.Contains(text, `"subject":"`+want+`"`) {
			t.Errorf("%d %s, want %q", status, text, want)
		}
	}
	who("alice")
	for range 3 {
		if status, text := b.ask(t, "POST", "https://shop.example.com/refresh"); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		who("alice")
	}
	// A login replaces the session and its cookies.
	b.ask(t, "POST", "https://shop.example.com/login/bob")
	who("bob")
	if live, err := s.List(t.Context(), session.Filter{}); err != nil || len(live) != 1 || live[0].Subject != "bob" {
		t.Errorf("%+v, %v", live, err)
	}
	if status, _ := b.ask(t, "POST", "https://shop.example.com/logout"); status != 204 {
		t.Errorf("logout: %d", status)
	}
	if got := b.sent("https://shop.example.com/"); len(got) != 0 {
		t.Errorf("left in the jar: %q", got)
	}
	who("")
}

// Two applications share a host, and with it the cookies of the browser. None
// of them logs the other out.
func TestTwoApplicationsOnOneHost(t *testing.T) {
	shop, wiki := start(t, named(t, "shop")), start(t, named(t, "wiki"))
	host := http.NewServeMux()
	host.Handle("/shop/", http.StripPrefix("/shop", shop.handler))
	host.Handle("/wiki/", http.StripPrefix("/wiki", wiki.handler))
	b := newBrowser(t, map[string]http.Handler{"example.com": host})
	who := func(app, want string) {
		t.Helper()
		if status, text := b.ask(t, "GET", "https://example.com/"+app+"/me"); want == "" && status != 204 || want != "" && !strings.Contains(text, `"subject":"`+want+`"`) {
			t.Errorf("%s: %d %s, want %q", app, status, text, want)
		}
	}
	act := func(app, what string, want int) {
		t.Helper()
		if status, text := b.ask(t, "POST", "https://example.com/"+app+"/"+what); status != want {
			t.Fatalf("%s of %s: %d %s", what, app, status, text)
		}
	}
	act("shop", "login/alice", 200)
	act("wiki", "login/bob", 200)
	both := []string{"__Host-shop-access", "__Host-shop-refresh", "__Host-wiki-access", "__Host-wiki-refresh"}
	if got := b.sent("https://example.com/"); !slices.Equal(got, both) {
		t.Errorf("cookies %q", got)
	}
	who("shop", "alice")
	who("wiki", "bob")
	act("shop", "refresh", 200)
	who("wiki", "bob")
	act("wiki", "refresh", 200)
	act("shop", "login/bob", 200)
	who("wiki", "bob")
	act("shop", "logout", 204)
	who("shop", "")
	who("wiki", "bob")
	if got := b.sent("https://example.com/"); !slices.Equal(got, both[2:]) {
		t.Errorf("cookies %q", got)
	}
	act("shop", "refresh", 401)
	act("wiki", "refresh", 200)
	act("wiki", "logout", 204)
	who("wiki", "")
}

// Two Sessions of different names stand in one layer.
func TestTwoSessionsInOneLayer(t *testing.T) {
	shop, wiki := start(t, named(t, "shop")), start(t, named(t, "wiki"))
	layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{shop.Sessions, wiki.Sessions}, Optional: true}))
	handler := shop.events.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p, ok := bulwark.PrincipalFrom(r.Context()); ok {
			io.WriteString(w, p.Issuer)
		}
	})))
	for app, s := range map[string]*service{"shop": shop, "wiki": wiki} {
		login := s.do("POST", "/login/alice")
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "__Host-"+app+"-access="+login.cookie(t, "__Host-"+app+"-access"))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Body.String() != "https://"+app+".example" {
			t.Errorf("%s: %s", app, w.Body)
		}
		if claim := s.Claim(); claim != "the cookie __Host-"+app+"-access" {
			t.Errorf("claim %q", claim)
		}
	}
}

func TestCookieNamesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		access, refresh string
		want            []string
	}{
		"defaults":      {"", "", nil},
		"own":           {"__Host-shop.1_a", "__Host-shop.1_r", nil},
		"longest":       {"__Host-" + strings.Repeat("a", 57), "", nil},
		"no-prefix":     {"access", "", []string{"session.AccessCookie"}},
		"secure-prefix": {"", "__Secure-refresh", []string{"session.RefreshCookie"}},
		"other-case":    {"__host-access", "", []string{"session.AccessCookie"}},
		"prefix-alone":  {"__Host-", "", []string{"session.AccessCookie"}},
		"too-long":      {"", "__Host-" + strings.Repeat("a", 58), []string{"session.RefreshCookie"}},
		"space":         {"__Host-a b", "", []string{"session.AccessCookie"}},
		"equals":        {"__Host-a=b", "", []string{"session.AccessCookie"}},
		"semicolon":     {"__Host-a;b", "", []string{"session.AccessCookie"}},
		"line-break":    {"", "__Host-a\r\nSet-Cookie: x", []string{"session.RefreshCookie"}},
		"not-ascii":     {"__Host-é", "", []string{"session.AccessCookie"}},
		"the-same":      {"__Host-a", "__Host-a", []string{"session.RefreshCookie"}},
		"the-default":   {"__Host-refresh", "", []string{"session.RefreshCookie"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			c.AccessCookie, c.RefreshCookie = test.access, test.refresh
			_, err := session.New(c)
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) {
				t.Errorf("fields %q, want %q", got, test.want)
			}
		})
	}
}

// The rules of the cookies hold under each name, and the default names mean
// nothing then.
func TestOwnCookieNames(t *testing.T) {
	s := start(t, named(t, "shop"))
	a := s.do("POST", "/login/alice")
	tok := tokens{access: a.cookie(t, "__Host-shop-access"), refresh: a.cookie(t, "__Host-shop-refresh")}
	for i, name := range []string{"access", "refresh"} {
		line := a.Header.Values("Set-Cookie")[i]
		if !strings.HasPrefix(line, "__Host-shop-"+name+"=") || !strings.HasSuffix(line, "; HttpOnly; Secure; SameSite=Strict") || !strings.Contains(line, "; Path=/; ") {
			t.Errorf("cookie %q", line)
		}
	}
	if me := s.do("GET", "/me", "Cookie", access+"="+tok.access); me.StatusCode != 204 || len(me.events) > 0 {
		t.Errorf("under the default name: %d %s", me.StatusCode, me.names())
	}
	s.refresh(tok.refresh).refused(t, 401, "session.cookie_required", "authz_fail/session.cookie_required")
	if me := s.do("GET", "/me", "Cookie", "__Host-shop-access="+tok.access); me.StatusCode != 200 {
		t.Errorf("under its own name: %d", me.StatusCode)
	}
	out := s.do("POST", "/logout", "Cookie", "__Host-shop-refresh="+tok.refresh)
	out.reported(t, "authn_token_revoked/logout")
	if out.cookie(t, "__Host-shop-access") != "" || out.cookie(t, "__Host-shop-refresh") != "" || len(out.Cookies()) != 2 {
		t.Errorf("cookies of the logout %q", out.Header.Values("Set-Cookie"))
	}
}
