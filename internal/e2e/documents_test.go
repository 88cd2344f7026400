package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const password = "correct horse battery staple"

// login logs an account of the seed in.
func (p *tab) login(name string) {
	p.t.Helper()
	p.until(`document.getElementById("login").checkVisibility()`)
	p.fill("login", map[string]string{"email": name + "@example.com", "password": password})
	p.click("#login button.wide")
	p.until(`document.documentElement.dataset.view === "in" && document.getElementById("list").children.length > 0 && document.getElementById("devices").children.length > 0`)
}

// listed is whether the list shows a document with the title.
func listed(title string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#list h3")].some(one => one.textContent === %q)`, title)
}

// write saves a document and waits until it stands in the list.
func (p *tab) write(title, content string) {
	p.t.Helper()
	p.fill("editor", map[string]string{"title": title, "content": content})
	p.click("#save")
	p.until(listed(title))
}

// elsewhere ends the session of the tab from another place.
func (p *tab) elsewhere() {
	p.t.Helper()
	r, err := http.NewRequest("POST", p.url+"/api/auth/logout", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	jar := run(p, func(ctx context.Context, target *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
	})
	for _, c := range jar.Cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		p.t.Fatalf("logout elsewhere: %d", res.StatusCode)
	}
}

// A visit of nobody makes no request that is refused, before and after a login.
func TestCaseEx8AVisitIsNoRefusal(t *testing.T) {
	p := visit(t)
	p.equal(`document.documentElement.dataset.view`, "out")
	p.equal(`performance.getEntriesByType("resource").map(one => new URL(one.name).pathname + " " + one.responseStatus).join()`, "/api/auth/me 200")
	p.shoot("out")
	p.login("alice")
	p.click("#logout")
	p.until(`document.documentElement.dataset.view === "out"`)
	p.focused("login-email")
	p.do(chromedp.Reload())
	p.until(`document.documentElement.dataset.view === "out"`)
	p.console()
}

// Whoever comes back with the refresh cookie alone is logged in.
func TestASessionOutlivesItsAccessToken(t *testing.T) {
	p := visit(t)
	p.login("alice")
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.DeleteCookies, network.DeleteCookiesParams{Name: "__Host-access", URL: p.url})
		return err
	}))
	p.do(chromedp.Reload())
	p.until(`document.documentElement.dataset.view === "in"`)
	p.equal(`document.getElementById("name").textContent`, "alice")
	p.console()
}

func TestCaseEx9TextIsKeptWhenASessionEnds(t *testing.T) {
	p := visit(t)
	p.login("alice")
	p.fill("editor", map[string]string{"title": "Half a thought", "content": "<p>that must not be lost</p>"})
	p.elsewhere()
	p.click("#save")
	p.until(`document.documentElement.dataset.view === "ended"`)
	p.console("401 /documents", "401 /api/auth/refresh")
	p.shoot("ended")
	p.violations("ended")
	p.equal(`document.getElementById("login").checkVisibility()`, "true")
	p.equal(`document.getElementById("logout").checkVisibility()`, "false")
	p.equal(`document.getElementById("editor-content").checkVisibility()`, "true")
	p.focused("login-password")
	p.equal(`document.getElementById("login-email").value`, "alice@example.com")
	p.fill("login", map[string]string{"password": password})
	p.click("#login button.wide")
	p.until(`document.documentElement.dataset.view === "in"`)
	p.equal(`document.getElementById("editor-name").value`, "Half a thought")
	p.equal(`document.getElementById("editor-content").value`, "<p>that must not be lost</p>")
	p.equal(`document.getElementById("editor").contains(document.activeElement)`, "true")
	p.click("#save")
	p.until(listed("Half a thought"))
	p.console()

	// Somebody else who logs in does not find it.
	p.fill("editor", map[string]string{"title": "Of alice", "content": "alone"})
	p.elsewhere()
	p.click("#save")
	p.until(`document.documentElement.dataset.view === "ended"`)
	p.fill("login", map[string]string{"email": "mallory@example.com", "password": password})
	p.click("#login button.wide")
	p.until(`document.getElementById("name").textContent === "mallory"`)
	p.equal(`document.getElementById("editor-name").value + document.getElementById("editor-content").value`, "")
	p.equal(`document.querySelectorAll("#list article").length`, "0")
}

func TestCaseEx10ErrorsStandBesideTheirFields(t *testing.T) {
	p := visit(t)
	p.login("alice")
	for _, test := range []struct{ title, content, field, says string }{
		{"", "c", "editor-name", "needs some text"},
		{"   ", "c", "editor-name", "needs some text"},
		{"<b></b>", "c", "editor-name", "needs some text"},
		{"\u2003\u3000", "c", "editor-name", "needs some text"},
		{strings.Repeat("x", 201), "c", "editor-name", "200"},
		{"T", strings.Repeat("x", 60_001), "editor-content", "60,000"},
	} {
		p.fill("editor", map[string]string{"title": test.title, "content": test.content})
		p.click("#save")
		p.until(fmt.Sprintf(`document.getElementById("%s-error").textContent.includes(%q)`, test.field, test.says))
		p.equal(fmt.Sprintf(`document.getElementById(%q).getAttribute("aria-invalid")`, test.field), "true")
		p.focused(test.field)
		p.equal(`document.querySelectorAll("[aria-invalid]").length`, "1")
	}
	p.shoot("invalid")
	p.violations("invalid")
	p.fill("editor", map[string]string{"title": "Good", "content": "c"})
	p.equal(`document.querySelectorAll("[aria-invalid]").length`, "0")
	p.click("#save")
	p.until(listed("Good"))
}

func TestCaseEx10RetryAfterIsCountedDown(t *testing.T) {
	p := visit(t)
	for i := range 11 {
		p.fill("login", map[string]string{"email": "alice@example.com", "password": fmt.Sprint("wrong ", i)})
		p.click("#login button.wide")
		p.until(`document.querySelector("#login .message").textContent && !document.getElementById("login").busy`)
	}
	p.until(`document.querySelector("#login .timer")`)
	p.shoot("wait")
	p.violations("wait")
	p.equal(`/^That was too often\. You can go on in [1-6]?\d:\d\d$/.test(document.querySelector("#login .message").textContent)`, "true")
	first := p.text(`document.querySelector("#login .timer").textContent`)
	p.until(fmt.Sprintf(`document.querySelector("#login .timer").textContent !== %q`, first))
	p.equal(`document.querySelector("#login button.wide").getAttribute("aria-disabled")`, "true")
	// The wait is that of one account: another may be tried at once.
	p.fill("login", map[string]string{"email": "bob@example.com"})
	p.until(`!document.querySelector("#login button.wide").hasAttribute("aria-disabled")`)
	p.equal(`document.querySelector("#login .message").textContent`, "")
}

func TestSignUp(t *testing.T) {
	p := visit(t)
	p.click("#to-signup")
	p.focused("signup-name")
	p.shoot("signup")
	p.violations("signup")
	p.fill("signup", map[string]string{"name": "<i></i>", "email": "nobody", "password": "short"})
	p.click("#signup button.wide")
	p.until(`document.getElementById("signup-email-error").textContent.includes("not an e-mail")`)
	p.equal(`document.getElementById("signup-password-error").textContent.includes("8")`, "true")
	p.fill("signup", map[string]string{"email": "eve@example.com", "password": "        ", "name": strings.Repeat("\U0001F642", 300)})
	p.click("#signup button.wide")
	p.until(`document.getElementById("signup-name-error").textContent === "This is too long."`)
	p.equal(`document.activeElement.id + document.querySelector("#signup .message").textContent`, "signup-name")
	p.fill("signup", map[string]string{"name": "<i></i>"})
	p.click("#signup button.wide")
	p.until(`document.getElementById("signup-name-error").textContent.includes("needs some text")`)
	p.fill("signup", map[string]string{"name": "Eve", "email": "alice@example.com"})
	p.click("#signup button.wide")
	p.until(`document.getElementById("signup-email-error").textContent.includes("has an account")`)
	p.console("400 /users", "422 /users", "409 /users")
	p.fill("signup", map[string]string{"email": "eve@example.com"})
	p.click("#signup button.wide")
	p.until(`document.documentElement.dataset.view === "in"`)
	p.equal(`document.getElementById("name").textContent + " " + document.getElementById("role").textContent`, "Eve user")
	p.console()
}

func TestCaseEx11EveryPageOfAListIsShown(t *testing.T) {
	p := visit(t)
	p.login("alice")
	run(p, chromedp.Evaluate[bool](`(async () => {
		for (let i = 1; i <= 45; i++) {
			const made = await fetch("/documents", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ title: "Document " + i }) });
			await made.text();
		}
		return true;
	})()`, chromedp.EvalAwaitPromise))
	p.do(chromedp.Reload())
	p.until(`document.querySelectorAll("#list article").length === 20`)
	seen := map[string]bool{}
	for page := 1; ; page++ {
		for title := range strings.SplitSeq(p.text(`[...document.querySelectorAll("#list h3")].map(one => one.textContent).join("\n")`), "\n") {
			seen[title] = true
		}
		p.equal(`document.getElementById("page").textContent`, fmt.Sprintf("Page %d of 3", page))
		if page == 3 {
			break
		}
		p.click("#older")
		p.until(fmt.Sprintf(`document.getElementById("page").textContent.startsWith("Page %d ")`, page+1))
		p.until(`document.activeElement.id === "shelf-title"`)
	}
	if len(seen) != 45 {
		t.Errorf("%d documents were shown, want 45", len(seen))
	}
	p.equal(`document.getElementById("count").textContent`, "41–45 of 45")
	p.equal(`document.getElementById("older").disabled`, "true")
	p.violations("last page")
	p.console()
}

// A document is shown as it looks, and nothing in it runs.
func TestDocuments(t *testing.T) {
	p := visit(t)
	p.login("bob")
	p.write("Notes", `<h2>Agenda</h2><p onclick="x()">We met at <b>nine</b>.</p><script>parent.hit = 1</script><img src=x onerror="parent.hit = 1" alt="a map"><img src="https://example.com/x.png"><a href="https://example.com"><img src=y></a>`)
	frame := `document.querySelector("#list iframe")`
	p.until(frame + `.contentDocument.querySelector("h2")?.textContent === "Agenda"`)
	p.equal(frame+`.contentDocument.querySelectorAll("script, img, [onclick], [onerror]").length`, "0")
	p.equal(frame+`.contentDocument.querySelector("a.picture").textContent`, "Picture: a map")
	p.equal(frame+`.sandbox.contains("allow-scripts")`, "false")
	p.equal(frame+`.sandbox.contains("allow-forms")`, "false")
	p.equal(`typeof hit`, "undefined")
	p.equal(`document.getElementById("role").textContent`, "moderator")
	p.until(frame + `.offsetHeight >= ` + frame + `.contentDocument.documentElement.offsetHeight`)

	p.click(`button[aria-label="Edit Notes"]`)
	p.until(`document.getElementById("editor-title").textContent + " " + document.activeElement.id === "Edit document editor-name"`)
	p.fill("editor", map[string]string{"content": "Half a thought"})
	p.click(`button[aria-label="Edit Notes"]`)
	p.until(`document.getElementById("confirm").open`)
	p.click(`#confirm-no`)
	p.until(`!document.getElementById("confirm").open`)
	p.equal(`document.getElementById("editor-content").value`, "Half a thought")
	p.write("Better notes", `<p>Short.</p>`)
	p.until(`document.activeElement.textContent === "Better notes"`)
	p.equal(`document.querySelectorAll("#list article").length`, "1")
	p.until(frame + `.contentDocument.querySelector("p")?.textContent === "Short."`)

	p.click(`button[aria-label="Delete Better notes"]`)
	p.until(`document.getElementById("confirm").open`)
	p.shoot("confirm")
	p.violations("confirm")
	p.click(`#confirm button[value="no"]`)
	p.until(`!document.getElementById("confirm").open`)
	p.equal(listed("Better notes"), "true")
	p.click(`button[aria-label="Delete Better notes"]`)
	p.until(`document.getElementById("confirm").open`)
	p.click(`#confirm button[value="yes"]`)
	p.until(`document.querySelector("#list .empty")`)
	p.until(`document.activeElement.id === "shelf-title"`)
	p.console() // nothing was fetched for the pictures
}

// What the role does not allow has no button.
func TestCaseEx13LandmarksAndRoles(t *testing.T) {
	p := visit(t)
	p.violations("out")
	p.equal(`document.querySelectorAll("main, header, footer").length`, "3")
	p.login("alice")
	p.focused("editor-name")
	p.violations("empty")
	p.write("Minutes of Tuesday", `<h2>Agenda</h2><p>We met at <b>nine</b> and agreed on <a href="https://example.com">the plan</a>:</p><ul><li>write less</li><li>read more</li></ul><blockquote>Nobody can read this but us.</blockquote>`)
	p.write("Shopping", `<p>Bread, butter, and a very long receipt number: 0123456789012345678901234567890123456789012345678901234567890123456789</p>`)
	p.equal(`document.querySelectorAll(".danger").length - document.querySelectorAll("dialog .danger").length`, "0")
	p.violations("in")
	p.until(`[...document.querySelectorAll("#list iframe")].every(one => one.contentDocument.body.textContent.trim())`)
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.size(1100, 820)
		p.shoot("in-" + scheme)
		p.size(360, 740)
		p.until(`innerWidth === 360`)
		p.equal(`document.documentElement.scrollWidth <= 360`, "true")
		p.shoot("in-" + scheme + "-360")
	}
	p.violations("in, at 360 px")
	p.click("#logout")
	p.until(`document.documentElement.dataset.view === "out"`)
	p.equal(`document.documentElement.scrollWidth <= 360`, "true")
	p.scheme("dark")
	p.shoot("out-dark-360")
	p.console()
}

// A browser that logs out stays a device that is known.
func TestCaseEx1ALogoutKeepsTheDevice(t *testing.T) {
	p := visit(t)
	p.login("alice")
	p.click("#logout")
	p.until(`document.documentElement.dataset.view === "out"`)
	jar := run(p, func(ctx context.Context, target *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, target, network.GetCookies, network.GetCookiesParams{})
	})
	var names []string
	for _, c := range jar.Cookies {
		names = append(names, c.Name)
	}
	if strings.Join(names, " ") != "__Host-device" {
		t.Errorf("cookies after a logout: %v, want the device alone", names)
	}
}
