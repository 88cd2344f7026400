package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// An outsider is a client that is not the browser of the test.
type outsider struct {
	t     *testing.T
	url   string
	token string
}

// outside logs an account in from outside of the browser.
func (p *tab) outside(name, userAgent string) outsider {
	p.t.Helper()
	r, err := http.NewRequest("POST", p.url+"/api/auth/login", strings.NewReader(fmt.Sprintf(`{"email":"%s@example.com","password":"%s"}`, name, password)))
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", userAgent)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var said struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil || said.AccessToken == "" {
		p.t.Fatalf("login of %s: %s %v", name, res.Status, err)
	}
	return outsider{p.t, p.url, "Bearer " + said.AccessToken}
}

// is asserts how a request with the credential is answered.
func (o outsider) is(status int) {
	o.t.Helper()
	r, err := http.NewRequest("GET", o.url+"/documents", nil)
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("Authorization", o.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != status {
		o.t.Errorf("answered %d, want %d", res.StatusCode, status)
	}
}

const (
	aPhone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	aLaptop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// logins is what the page says of where the user is logged in.
const logins = `[...document.querySelectorAll("#devices strong")].map(one => one.parentElement.textContent).join()`

func TestWhereOneIsLoggedIn(t *testing.T) {
	p := visit(t)
	stranger := p.outside("mallory", aPhone)
	phone, laptop := p.outside("alice", aPhone), p.outside("alice", aLaptop)
	p.login("alice")
	p.equal(logins, "Chrome on Linux this browser,Firefox on Linux,Safari on iPhone")
	p.equal(`document.querySelector("#devices li").innerText.includes("127.0.0.1") && document.querySelectorAll("#devices time").length`, "6")
	p.violations("three sessions")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.shoot(scheme)
		for _, width := range []int64{320, 360} {
			p.size(width, 740)
			p.until(fmt.Sprintf(`innerWidth === %d`, width))
			p.equal(fmt.Sprintf(`document.documentElement.scrollWidth <= %d`, width), "true")
			p.shoot(fmt.Sprint(scheme, "-", width))
		}
		p.size(1100, 820)
	}
	p.scheme("light")

	// One of them.
	p.click(`#devices button[aria-label^="Log out Safari on iPhone, 127.0.0.1"]`)
	p.until(logins + ` === "Chrome on Linux this browser,Firefox on Linux" && document.getElementById("toast").textContent === "Safari on iPhone is logged out."`)
	p.focused("devices-title")
	phone.is(401)
	laptop.is(200)

	// All others. A session that came since the list was shown is one of them.
	later := p.outside("alice", aPhone)
	p.click("#logout-others")
	p.until(logins + ` === "Chrome on Linux this browser"`)
	p.equal(`document.getElementById("logout-others").checkVisibility()`, "false")
	laptop.is(401)
	later.is(401)
	stranger.is(200)

	// What has ended elsewhere in the meantime is no error.
	gone := p.outside("alice", aLaptop)
	p.do(chromedp.Reload())
	p.until(logins + ` === "Chrome on Linux this browser,Firefox on Linux"`)
	r, _ := http.NewRequest("DELETE", p.url+"/api/sessions/others", nil)
	r.Header.Set("Authorization", gone.token) // ends the browser's and keeps its own
	p.violations("two sessions")
	p.console()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	p.click(`#devices button[aria-label^="Log out Firefox on Linux"]`)
	p.until(`document.documentElement.dataset.view === "ended"`)
	gone.is(200)
}

// The button of the own session is the button of the page.
func TestTheOwnSessionIsLoggedOut(t *testing.T) {
	p := visit(t)
	p.login("alice")
	p.click(`#devices button[aria-label^="Log out this browser"]`)
	p.until(`document.documentElement.dataset.view === "out"`)
	p.focused("login-email")
	p.do(chromedp.Reload())
	p.until(`document.documentElement.dataset.view === "out"`)
	p.console()
}

// tableOf is the text of a table of the administrators' page.
func tableOf(id string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#%s-rows tr")].map(one => [...one.cells].slice(0, 2).map(cell => cell.innerText.replace(/\s+/g, " ").trim()).join("|")).join()`, id)
}

func TestActivitySessionsInUse(t *testing.T) {
	p := visit(t)
	alice, bob := p.outside("alice", aPhone), p.outside("bob", aLaptop)
	p.login("root")
	p.click("#activity")
	p.until(`document.querySelectorAll("#in-use-rows tr").length === 3`)
	p.until(tableOf("in-use") + `.includes("alice|Safari on iPhone 127.0.0.1")`)
	p.equal(tableOf("in-use")+`.includes("root this session|Chrome on Linux 127.0.0.1")`, "true")
	p.click(`#in-use-rows button[aria-label^="End the session of alice on Safari on iPhone"]`)
	p.until(`document.querySelectorAll("#in-use-rows tr").length === 2`)
	p.until(`document.getElementById("in-use-says").textContent === "The session of alice has ended."`)
	p.focused("in-use-says")
	alice.is(401)
	bob.is(200)
	p.violations("ended a session")

	// Ten on a page.
	for range 10 {
		p.outside("alice", aPhone)
	}
	p.do(chromedp.Reload())
	p.until(`document.querySelectorAll("#in-use-rows tr").length === 10 && document.getElementById("in-use-page").textContent === "1–10 of 12"`)
	p.click("#in-use-older")
	p.until(`document.querySelectorAll("#in-use-rows tr").length === 2 && document.getElementById("in-use-page").textContent === "11–12 of 12"`)
	p.equal(`document.getElementById("in-use-older").disabled`, "true")
	p.violations("the second page")
	p.console()
	p.click("#in-use-newer")
	p.until(`document.querySelectorAll("#in-use-rows tr").length === 10`)

	// The own session: the page is over. When it was used last is written once
	// a minute, so it may be on either page: here it is asked for with all.
	p.eval(`sessionTable.path = () => "/admin/sessions?limit=100"; sessionTable.show()`)
	p.until(tableOf("in-use") + `.includes("this session")`)
	p.click(`#in-use-rows button[aria-label^="End the session of root"]`)
	p.until(`document.getElementById("state").dataset.state === "ended"`)
	p.refusals()
}

func TestActivityKeysInUse(t *testing.T) {
	p := activity(t)
	made := func(name, owner string) outsider {
		key := run(p, chromedp.Evaluate[string](fmt.Sprintf(`asAdmin("POST", "/admin/keys", { name: %q, tier: "default", owner: [...names].find(one => one[1] === %q)?.[0] }).then(made => made.key)`, name, owner), chromedp.EvalAwaitPromise))
		return outsider{p.t, p.url, "ApiKey " + key}
	}
	one, two, other := made("first of alice", "alice"), made("second of alice", "alice"), made("of bob", "bob")
	two.is(200)
	p.do(chromedp.Reload())
	p.until(`document.querySelectorAll("#keys-in-use-rows tr").length === 6`)
	p.equal(tableOf("keys-in-use")+`.includes("seeded premium premium|its own caller") && `+tableOf("keys-in-use")+`.startsWith("second of alice default|alice,")`, "true")
	choose := func(id, value string) {
		t.Helper()
		p.eval(fmt.Sprintf(`(() => { const list = document.getElementById(%q); list.value = [...list.options].find(one => one.textContent === %q).value; list.dispatchEvent(new Event("change")); return true; })()`, id, value))
	}
	choose("key-tier", "enterprise")
	p.until(tableOf("keys-in-use") + ` === "seeded enterprise enterprise|its own caller"`)
	choose("key-tier", "Every tier")
	choose("key-age", "More than 90 days")
	p.until(`document.getElementById("keys-in-use-none").checkVisibility()`)
	p.violations("no key")
	choose("key-age", "Any age")

	// A rotation shows the new secret once, and the old one goes on.
	p.until(`document.querySelector('#keys-in-use-rows button[aria-label="Rotate the key “of bob”"]')`)
	p.click(`#keys-in-use-rows button[aria-label="Rotate the key “of bob”"]`)
	p.until(`document.querySelector("#keys-in-use-says code")?.textContent.startsWith("docs_")`)
	outsider{p.t, p.url, "ApiKey " + p.text(`document.querySelector("#keys-in-use-says code").textContent`)}.is(200)
	other.is(200)
	p.violations("a new secret")
	p.shoot("rotated")
	p.click(`#keys-in-use-rows button[aria-label="Revoke the key “first of alice”"]`)
	p.until(`!` + tableOf("keys-in-use") + `.includes("first of alice")`)
	one.is(401)
	two.is(200)

	// All keys of an owner need the password again. The server wants it five
	// minutes after the last one; here the first answer is made up.
	choose("key-owner", "alice")
	p.until(tableOf("keys-in-use") + ` === "second of alice default|alice"`)
	p.equal(`document.getElementById("revoke-owner").textContent`, "Revoke all keys of alice")
	p.eval(`(() => { const real = fetch; let first = true; fetch = (path, options) => {
		if (!first || options?.method !== "DELETE") return real(path, options);
		first = false;
		return Promise.resolve(new Response('{"code":"authz.insufficient_user_authentication"}', { status: 401, headers: { "Content-Type": "application/problem+json" } }));
	}; return true; })()`)
	p.click("#revoke-owner")
	p.until(`document.getElementById("confirm").open`)
	p.focused("confirm-password")
	p.violations("asked for the password")
	p.shoot("confirm")
	p.size(320, 640)
	p.until(`innerWidth === 320`)
	p.shoot("confirm-320")
	p.equal(`document.documentElement.scrollWidth <= 320`, "true")
	p.size(1100, 820)
	p.click("#confirm button.danger")
	p.equal(`document.getElementById("confirm-message").textContent`, "This needs your password.")
	p.fill("confirm", map[string]string{"password": "wrong password"})
	p.click("#confirm button.danger")
	p.until(`document.getElementById("confirm-message").textContent === "The password is wrong."`)
	p.violations("a wrong password")
	two.is(200)
	p.fill("confirm", map[string]string{"password": password})
	p.do(chromedp.KeyEvent("\r"))
	p.until(`!document.getElementById("confirm").open`)
	p.until(`document.getElementById("keys-in-use-says").textContent === "All keys of alice are revoked."`)
	p.equal(`document.getElementById("confirm-password").value`, "")
	two.is(401)
	other.is(200)
	p.console("401 /api/auth/confirm")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, width := range []int64{320, 768, 1100} {
			p.size(width, 740)
			p.until(fmt.Sprintf(`innerWidth === %d`, width))
			p.equal(fmt.Sprintf(`document.documentElement.scrollWidth <= %d`, width), "true")
			p.shoot(fmt.Sprint(scheme, "-", width))
		}
	}
}

// A page that nobody touches asks for nothing, so that its session can end.
func TestActivityRests(t *testing.T) {
	p := activity(t)
	p.eval(`(() => { touched -= 2 * restless; asked = 0; const real = fetch; fetch = (...all) => { asked++; return real(...all); }; return true; })()`)
	p.refuse("/documents")
	p.until(`document.querySelector("#rows tr")?.textContent.includes("authz_fail")`) // the open stream goes on
	p.eval(`begin()`)
	p.until(`document.getElementById("state").dataset.state === "resting"`)
	p.equal(`asked`, "0")
	p.violations("resting")
	p.do(chromedp.KeyEvent("\t"))
	p.until(`document.getElementById("state").dataset.state === "live"`)
	p.console()
}
