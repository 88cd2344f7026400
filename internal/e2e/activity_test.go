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

// activity shows the administrators' page, over the link of the main page.
func activity(t *testing.T) *tab {
	t.Helper()
	p := visit(t)
	p.login("root")
	p.click("#activity")
	p.until(`document.title.startsWith("Activity") && document.getElementById("state")?.dataset.state === "live"`)
	p.until(`document.getElementById("sessions").textContent === "1"`)
	return p
}

// rows is how many events the table shows.
const rows = `document.querySelectorAll("#rows tr:not(.raw)").length`

// refuse sends a request that leaves an event, from outside of the browser.
func (p *tab) refuse(path string) {
	p.t.Helper()
	res, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	res.Body.Close()
}

// refusals asserts that the console has nothing but refused requests: no
// violation of the policy of the page, and no exception.
func (p *tab) refusals() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range p.said {
		if len(text) < 5 || text[0] != '4' || text[4] != '/' && text[3] != ' ' {
			p.t.Errorf("on the console: %s", text)
		}
	}
	p.said = nil
}

// The page is linked for administrators only.
func TestActivityIsLinkedForAdministrators(t *testing.T) {
	p := visit(t)
	p.equal(`document.getElementById("activity").checkVisibility()`, "false")
	p.login("bob")
	p.equal(`document.getElementById("activity").checkVisibility()`, "false")
	p.becomes("root")
	p.equal(`document.getElementById("activity").checkVisibility()`, "true")
	p.size(320, 640)
	p.until(`innerWidth === 320`)
	p.equal(`document.documentElement.scrollWidth <= 320`, "true")
	p.shoot("link-320")
	p.console()
}

func TestActivityShowsEventsAsTheyCome(t *testing.T) {
	p := activity(t)
	p.until(rows + ` >= 1`) // the login of root
	p.violations("live")
	p.refuse("/documents")
	p.until(`document.querySelector("#rows tr")?.textContent.includes("authz_fail")`)
	p.equal(`[...document.querySelectorAll("#rows tr:first-child td")].slice(1, 4).map(one => one.innerText.replace(/\s+/g, " ")).join("|")`,
		"authz_fail INFO · authz.unauthenticated|nobody 127.0.0.1|GET /documents answered 401")
	p.until(`document.getElementById("newest").textContent.includes("authz_fail")`)

	// Every record is there as the log has it.
	p.click("#rows tr:first-child button")
	p.until(`document.querySelector("#rows .raw pre")`)
	p.equal(`JSON.parse(document.querySelector("#rows .raw pre").textContent).requestId.length > 10`, "true")
	p.violations("record")
	p.shoot("record")
	p.click("#rows tr:first-child button")
	p.until(`!document.querySelector("#rows .raw")`)

	// Text that came from outside stays text.
	p.refuse("/%3Cimg%20src=x%20onerror=hit()%3E")
	p.until(`document.querySelector("#rows").textContent.includes("<img src=x onerror=hit()>")`)
	p.equal(`document.querySelectorAll("#rows img").length`, "0")

	// Pause keeps what comes until the reader goes on.
	p.click("#pause")
	before := p.text(rows)
	p.refuse("/nowhere")
	p.until(`document.getElementById("pause").textContent === "Go on (1 new)"`)
	p.equal(rows, before)
	p.click("#pause")
	p.until(`document.querySelector("#rows tr").textContent.includes("/nowhere")`)
	p.equal(`document.getElementById("pause").textContent`, "Pause")

	// The counters follow, and say in words what they draw.
	p.until(`document.querySelector('#plots svg[aria-label^="Access denied: 1 in the last 15 minutes."]')`)
	p.equal(`document.querySelectorAll("#plots figure").length`, "10")
	p.equal(`[...document.querySelectorAll("#plots svg")].every(one => one.getAttribute("role") === "img" && one.querySelectorAll("rect").length >= 15)`, "true")
	p.console()
}

func TestActivityFilters(t *testing.T) {
	p := activity(t)
	p.refuse("/documents")
	p.refuse("/nowhere")
	p.until(rows + ` >= 3`)
	choose := func(id, value string) {
		t.Helper()
		p.eval(fmt.Sprintf(`(() => { const list = document.getElementById(%q); list.value = %q; list.dispatchEvent(new Event("change")); return true; })()`, id, value))
	}
	events := `[...document.querySelectorAll("#rows td:nth-child(2) strong")].map(one => one.textContent).join()`
	choose("kind", "input_validation_fail")
	p.until(events + ` === "input_validation_fail"`)
	p.refuse("/documents")
	p.refuse("/nowhere")
	p.until(events + ` === "input_validation_fail,input_validation_fail"`)
	choose("kind", "")
	choose("caller", "anonymous")
	p.until(events + ` === "input_validation_fail,authz_fail,input_validation_fail,authz_fail"`)
	// The caller who logged in is offered, under the name.
	p.until(`[...document.getElementById("caller").options].map(one => one.textContent).includes("root")`)
	choose("caller", p.text(`[...document.getElementById("caller").options].find(one => one.textContent === "root").value`))
	p.until(events + ` === "authn_login_success,authn_token_created,session_created"`)
	p.violations("filtered")
	p.console()
}

// A session that ends elsewhere ends the page, which says so and where to go on.
func TestActivityEndsWithTheSession(t *testing.T) {
	p := activity(t)
	p.elsewhere()
	p.until(`document.getElementById("state").dataset.state === "ended"`)
	p.until(`document.getElementById("notice").textContent.includes("Your session has ended.")`)
	p.equal(`document.querySelector("#notice a").pathname`, "/")
	before := p.text(rows)
	p.refuse("/documents")
	p.equal(rows, before)
	p.shoot("ended")
	p.violations("ended")
	p.refusals()
}

// With the refresh cookie alone the page goes on, and shows each event once.
func TestActivityGoesOnAfterItsToken(t *testing.T) {
	p := activity(t)
	p.refuse("/documents")
	p.until(`document.querySelector("#rows tr")?.textContent.includes("authz_fail")`)
	p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, network.DeleteCookies, network.DeleteCookiesParams{Name: "__Host-access", URL: p.url})
		return err
	}))
	before := p.text(rows)
	p.eval(`(() => { const after = stream.after; stream.stop(); resumed = []; stream = follow("", { after, onRecord: record => resumed.push(record.event + " " + record.path), onState: state }); return true; })()`)
	p.until(`resumed.some(one => one.startsWith("session_renewed") || one.startsWith("authn_token_created"))`)
	p.equal(`document.getElementById("state").dataset.state`, "live")
	p.equal(`resumed.includes("authz_fail /documents")`, "false") // which the table has already
	p.equal(rows, before)
	p.refusals()
}

// The keyboard reaches everything, and a button does what a click does.
func TestActivityByKeyboard(t *testing.T) {
	p := activity(t)
	p.until(rows + ` >= 3`)
	var reached []string
	for range 24 {
		p.do(chromedp.KeyEvent("\t"))
		reached = append(reached, p.text(`document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.className || document.activeElement.localName`))
	}
	got := strings.Join(reached, ", ")
	for _, want := range []string{"brand", "pause", "kind", "caller", "scroll", "Show the record of", "Send: A token without a signature"} {
		if !strings.Contains(got, want) {
			t.Errorf("the keyboard does not reach %q: %s", want, got)
		}
	}
	p.eval(`document.querySelector(".attack button").focus()`)
	p.do(chromedp.KeyEvent("\r"))
	p.until(`document.querySelector(".attack .says").textContent === "401 auth.invalid_token"`)
	p.equal(`document.activeElement.getAttribute("aria-label")`, "Send: A token without a signature")
	p.refusals()
}

// Each button sends its attack and shows the answer beside the record.
func TestActivityTryToBreakIt(t *testing.T) {
	p := activity(t)
	for _, attack := range []struct{ name, says, event string }{
		{"A token without a signature", "401 auth.invalid_token", "authn_token_invalid"},
		{"A token signed with another key", "401 auth.invalid_token", "authn_token_invalid"},
		{"A stranger’s document", "404 authz.not_found", "authz_fail"},
		{"A route of administrators", "403 authz.forbidden", "authz_fail"},
		{"An extra field", "403 authz.field_forbidden", "authz_fail"},
		{"A script in a title", "201 allowed", "malicious_extraneous"},
		{"SQL in a title", "201 allowed", "malicious_sqli"},
		{"A path out of the folder", "400 authz.path_value", "input_validation_fail"},
		{"Ten thousand brackets", "400 body.too_complex", "input_validation_fail"},
		{"A body that is too large", "413 body.too_large", "input_validation_fail"},
		{"A burst", " 200 allowed, then ", "excess_rate_limit_exceeded"},
		{"A wrong password, ten times", "10 × 401 login.failed, then 429 ratelimit.exceeded", "authn_login_fail_max"},
	} {
		t.Run(strings.ReplaceAll(attack.name, " ", "_"), func(t *testing.T) {
			card := fmt.Sprintf(`[...document.querySelectorAll(".attack")].find(one => one.querySelector("h3").textContent === %q)`, attack.name)
			p.eval(card + `.scrollIntoView({ block: "center" })`)
			p.click(fmt.Sprintf(`button[aria-label=%q]`, "Send: "+attack.name))
			p.until(card + `.querySelector(".result").children.length > 0`)
			if says := p.text(card + `.querySelector(".says").textContent`); !strings.Contains(says, attack.says) {
				t.Errorf("%s says %q, want %q", attack.name, says, attack.says)
			}
			result := p.text(card + `.querySelector(".result").innerText`)
			if attack.event != "" && !strings.Contains(result, attack.event) {
				t.Errorf("%s left %q, want the record %s", attack.name, result, attack.event)
			}
			if strings.HasPrefix(attack.event, "excess") && !strings.Contains(result, "Retry-After") {
				t.Errorf("%s shows no Retry-After: %q", attack.name, result)
			}
		})
	}
	// The detector has seen the guesses, and both records are shown.
	p.equal(`[...document.querySelectorAll(".attack:last-child .result dl:first-child code")].map(one => one.textContent).filter(text => text.startsWith("authn")).sort().join()`,
		"authn_login_fail,authn_login_fail_max")
	// Nothing of it has acted, the session of the administrator is whole, and no document is left.
	p.equal(`document.querySelectorAll("#attacks script, #attacks img").length`, "0")
	p.equal(`document.getElementById("state").dataset.state`, "live")
	left := run(p, chromedp.Evaluate[string](`fetch("/documents").then(async answer => { await answer.text(); return answer.status + " " + answer.headers.get("X-Total-Count"); })`, chromedp.EvalAwaitPromise))
	if left != "200 0" {
		t.Errorf("the documents of the administrator: %s, want 200 and none", left)
	}
	p.refusals()
	p.violations("after the attacks")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		p.size(1100, 820)
		p.shoot(scheme)
		for _, width := range []int64{320, 768} {
			p.size(width, 740)
			p.until(fmt.Sprintf(`innerWidth === %d`, width))
			p.equal(fmt.Sprintf(`document.documentElement.scrollWidth <= %d`, width), "true")
			p.shoot(fmt.Sprint(scheme, "-", width))
		}
	}
	p.size(320, 740)
	p.violations("at 320 px")
}
