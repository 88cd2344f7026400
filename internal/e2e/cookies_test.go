package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

// An application is on one host. Anybody who asks for /login is logged in. A
// page sets the cookies of its query, as a server of an attacker would.
type application struct {
	http.Handler
	moved atomic.Int64 // how often somebody who is logged in has sent a POST
}

func site(t *testing.T, name string, change func(*session.Config)) *application {
	t.Helper()
	app := &application{}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	config := session.Config{
		Signer: bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://" + name + ".test"})), Audience: "https://" + name + ".test",
		Store: &session.MemoryStore{}, StoreKeys: [][]byte{[]byte(strings.Repeat("k", 32))},
		Lookup: func(_ context.Context, subject string) (*bulwark.Principal, error) {
			return &bulwark.Principal{Subject: subject}, nil
		},
	}
	if change != nil {
		change(&config)
	}
	sessions := bulwark.Must(session.New(config))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if _, err := sessions.Issue(w, r, &bulwark.Principal{Subject: "alice of " + name}); err != nil {
			bulwark.Deny(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.Handle("POST /refresh", sessions.RefreshHandler())
	mux.Handle("POST /logout", sessions.LogoutHandler())
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		caller, ok := bulwark.PrincipalFrom(r.Context())
		if !ok {
			io.WriteString(w, "nobody")
			return
		}
		if r.Method == http.MethodPost {
			app.moved.Add(1)
		}
		io.WriteString(w, caller.Subject)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		for _, cookie := range r.URL.Query()["plant"] {
			w.Header().Add("Set-Cookie", cookie)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><title>%s</title><a id="out" href=%q>a link</a>`, name, r.URL.Query().Get("to"))
	})
	layer := bulwark.Must(auth.New(auth.Config{Authenticators: []auth.Authenticator{sessions}, Optional: true}))
	app.Handler = layer.Wrap(mux)
	return app
}

// over serves the handler over TLS or in the clear, and returns the URL of a
// host. Names that end with .test lead to this machine.
func over(t *testing.T, scheme, host string, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	if scheme == "https" {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return scheme + "://" + host + ":" + port
}

// amongSites starts a browser for names of .test, which has no certificates.
func amongSites(t *testing.T) *tab {
	t.Helper()
	p := browse(t, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP *.test 127.0.0.1"))
	if err := chromedp.Do(p.ctx); err != nil {
		t.Fatal(err)
	}
	return p
}

// at goes to a page.
func (p *tab) at(url string) {
	p.t.Helper()
	p.do(chromedp.Navigate(url))
	p.until(`document.readyState === "complete"`)
}

// asks sends a request from the page that is shown, and returns the status and
// the body.
func (p *tab) asks(method, url string) string {
	p.t.Helper()
	return run(p, chromedp.Evaluate[string](fmt.Sprintf(`fetch(%q, { method: %q, credentials: "include" }).then(async answer => answer.status + " " + await answer.text(), error => "refused by the browser")`, url, method), chromedp.EvalAwaitPromise))
}

// jar returns the cookies that the browser has for a URL, by name.
func (p *tab) jar(url string) map[string]*network.Cookie {
	p.t.Helper()
	kept := run(p, func(ctx context.Context, target *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	})
	all := map[string]*network.Cookie{}
	for _, cookie := range kept.Cookies {
		if all[cookie.Name] != nil {
			p.t.Errorf("%s is there twice", cookie.Name)
		}
		all[cookie.Name] = cookie
	}
	return all
}

// TestCookiesInABrowser holds the flags of the cookies against what a browser
// makes of them.
func TestCookiesInABrowser(t *testing.T) {
	p := amongSites(t)
	target := site(t, "app", nil)
	app := over(t, "https", "app.example.test", target)
	p.at(app)
	if got := p.asks("POST", "/login"); got != "204 " {
		t.Fatalf("login: %s", got)
	}
	for name, cookie := range p.jar(app) {
		if !cookie.HTTPOnly || !cookie.Secure || cookie.SameSite != network.CookieSameSiteStrict || cookie.Path != "/" || cookie.Domain != "app.example.test" || cookie.Session {
			t.Errorf("%s: %+v", name, cookie)
		}
	}
	if jar := p.jar(app); len(jar) != 2 || jar["__Host-access"] == nil || jar["__Host-refresh"] == nil {
		t.Fatalf("cookies %v", jar)
	}

	// Script neither reads nor replaces them.
	p.equal(`document.cookie`, "")
	p.eval(`document.cookie = "__Host-access=planted; Secure; Path=/"; document.cookie = "__Host-refresh=; Secure; Path=/; Max-Age=0"`)
	if got := p.asks("GET", "/me"); got != "200 alice of app" {
		t.Errorf("after a script: %s", got)
	}

	// No other host gets them, not even of the same site, and not by http.
	for _, url := range []string{"https://example.test", "https://api.app.example.test", "https://evil.example.test", "http://app.example.test"} {
		if jar := p.jar(url); len(jar) != 0 {
			t.Errorf("%s gets %v", url, jar)
		}
	}

	// Nobody plants them: not a host beside, not this host in the clear, and
	// not with a Domain, another Path or without Secure.
	before := p.jar(app)
	evil := over(t, "https", "evil.example.test", site(t, "evil", nil))
	clear := over(t, "http", "app.example.test", site(t, "clear", nil))
	for name, plant := range map[string]string{
		"a Domain, from a host beside": evil + "/?plant=__Host-access%3Dplanted%3B+Domain%3Dexample.test%3B+Secure%3B+Path%3D/",
		"in the clear":                 clear + "/?plant=__Host-access%3Dplanted%3B+Path%3D/",
		"Secure, in the clear":         clear + "/?plant=__Host-access%3Dplanted%3B+Secure%3B+Path%3D/",
		"a Domain":                     app + "/?plant=__Host-access%3Dplanted%3B+Domain%3Dapp.example.test%3B+Secure%3B+Path%3D/",
		"another Path":                 app + "/?plant=__Host-access%3Dplanted%3B+Secure%3B+Path%3D/me",
		"without Secure":               app + "/?plant=__Host-access%3Dplanted%3B+Path%3D/",
		"a name in other letters":      evil + "/?plant=__host-Access%3Dplanted%3B+Domain%3Dexample.test%3B+Secure%3B+Path%3D/",
	} {
		p.at(plant)
		p.equal(`["app", "evil", "clear"].includes(document.title)`, "true") // and no error page of the browser
		for _, url := range []string{app, app + "/me"} {
			for cookie, kept := range p.jar(url) {
				if before[cookie] == nil || kept.Value != before[cookie].Value {
					t.Errorf("%s has planted %s=%.20s for %s", name, cookie, kept.Value, url)
				}
			}
		}
	}
	p.at(app)
	if got := p.asks("GET", "/me"); got != "200 alice of app" {
		t.Errorf("after the plants: %s", got)
	}

	// A server on another port of this host shares the cookies: what it plants
	// replaces them. It is a bad cookie, and the next refresh mends it.
	port := over(t, "https", "app.example.test", site(t, "port", nil))
	p.at(port + "/?plant=__Host-access%3Dplanted%3B+Secure%3B+Path%3D/")
	p.at(app)
	if got := p.asks("GET", "/me"); got != "200 nobody" {
		t.Errorf("with a planted cookie: %s", got)
	}
	if got := p.asks("POST", "/refresh"); got != "200 {\"expires_in\":900}\n" && got != `200 {"expires_in":900}` {
		t.Errorf("the refresh: %q", got)
	}
	if got := p.asks("GET", "/me"); got != "200 alice of app" {
		t.Errorf("after the refresh: %s", got)
	}

	// A page of the same site sends them, and the layer refuses what it sends.
	// A link on a page of another site does not send them at all.
	p.at(evil)
	if got := p.asks("POST", app+"/me"); got != "refused by the browser" || target.moved.Load() != 0 { // 403, which the page may not read
		t.Errorf("of a page beside: %s, and it was done %d times", got, target.moved.Load())
	}
	other := over(t, "https", "other.test", site(t, "other", nil))
	p.at(other + "/?to=" + app + "/me")
	p.click("#out")
	p.until(`document.body?.innerText === "nobody"`)
	p.at(app + "/me") // as a person who types the address
	p.equal(`document.body.innerText`, "alice of app")
	p.at(app)
	if got := p.asks("POST", "/me"); got != "200 alice of app" || target.moved.Load() != 1 {
		t.Errorf("of the own page: %s, %d times", got, target.moved.Load())
	}

	// A logout takes both, and leaves those of others.
	p.at(app + "/?plant=theme%3Ddark")
	if got := p.asks("POST", "/logout"); got != "204 " {
		t.Errorf("logout: %s", got)
	}
	if jar := p.jar(app); len(jar) != 1 || jar["theme"] == nil {
		t.Errorf("after the logout: %v", jar)
	}
}

// Two applications on one host share a jar, whatever their ports are. With
// names of their own they leave each other alone.
func TestTwoApplicationsOnOneHost(t *testing.T) {
	p := amongSites(t)
	named := func(name string) func(*session.Config) {
		return func(c *session.Config) {
			c.AccessCookie, c.RefreshCookie = "__Host-"+name+"-access", "__Host-"+name+"-refresh"
		}
	}
	who := func(urls ...string) (all []string) {
		t.Helper()
		for _, url := range urls {
			p.at(url + "/me")
			all = append(all, p.text(`document.body.innerText`))
		}
		return all
	}
	login := func(url string) {
		t.Helper()
		p.at(url)
		if got := p.asks("POST", "/login"); got != "204 " {
			t.Fatalf("login: %s", got)
		}
	}
	shop := over(t, "https", "host.test", site(t, "shop", named("shop")))
	mail := over(t, "https", "host.test", site(t, "mail", named("mail")))
	login(shop)
	login(mail)
	if got := who(shop, mail); !slices.Equal(got, []string{"alice of shop", "alice of mail"}) {
		t.Errorf("logged in: %q", got)
	}
	if jar := p.jar(shop); len(jar) != 4 {
		t.Errorf("cookies %v", jar)
	}
	for _, url := range []string{shop, mail} { // each with its own, the other's beside it
		p.at(url)
		if got := p.asks("POST", "/refresh"); !strings.HasPrefix(got, "200 ") {
			t.Errorf("refresh of %s: %s", url, got)
		}
	}
	if got := who(shop, mail); !slices.Equal(got, []string{"alice of shop", "alice of mail"}) {
		t.Errorf("refreshed: %q", got)
	}
	p.at(shop)
	p.asks("POST", "/logout")
	if got := who(shop, mail); !slices.Equal(got, []string{"nobody", "alice of mail"}) {
		t.Errorf("after the logout of the shop: %q", got)
	}

	// With the default names the second login ends the first.
	one, two := over(t, "https", "both.test", site(t, "one", nil)), over(t, "https", "both.test", site(t, "two", nil))
	login(one)
	login(two)
	if got := who(one, two); !slices.Equal(got, []string{"nobody", "alice of two"}) {
		t.Errorf("with the same names: %q; if both are logged in, Config.AccessCookie is not needed", got)
	}
}
