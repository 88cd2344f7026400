package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// another opens the page in a further tab of the same browser.
func (p *tab) another() *tab {
	p.t.Helper()
	q := &tab{t: p.t, url: p.url, marks: map[string]bool{}}
	var cancel func()
	q.ctx, cancel = chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	q.open()
	return q
}

// becomes logs the account of this tab out and another in.
func (p *tab) becomes(name string) {
	p.t.Helper()
	p.click("#logout")
	p.until(`document.documentElement.dataset.view === "out"`)
	p.login(name)
}

// What is typed as one user is never written as another who has logged in in
// the same browser since.
func TestTabsShareOneSession(t *testing.T) {
	p := visit(t)
	p.login("alice")
	q := p.another()
	q.until(`document.getElementById("name").textContent === "alice"`)

	for name, deaf := range map[string]string{"told": "", "not told": `tabs.onmessage = document.onvisibilitychange = null`} {
		p.eval(deaf)
		p.fill("editor", map[string]string{"title": "Of alice", "content": name})
		q.becomes("mallory")
		if deaf != "" {
			p.click("#save")
		}
		p.until(`document.documentElement.dataset.view === "ended"`)
		// Who is told knows of the logout, before there is somebody else.
		says := map[string]string{"told": "Your session has ended.", "not told": "mallory has logged in in another tab."}[name]
		p.equal(`document.getElementById("gate-lead").textContent`, says+" What you typed is still here.")
		q.do(chromedp.Reload())
		q.until(`document.querySelector("#list .empty")`)
		p.equal(`document.getElementById("editor-content").value`, name)
		p.fill("login", map[string]string{"email": "alice@example.com", "password": password})
		p.click("#login button.wide")
		p.until(`document.documentElement.dataset.view === "in"`)
		p.equal(`document.getElementById("editor-content").value`, name)
		p.click("#cancel")
		// A tab in which nothing was typed goes on with the other.
		if deaf == "" {
			q.until(`document.getElementById("name").textContent === "alice"`)
		} else {
			q.do(chromedp.Reload())
			q.until(`document.getElementById("name").textContent === "alice"`)
		}
		p.do(chromedp.Reload())
		p.until(`document.documentElement.dataset.view === "in"`)
	}
	p.console()
	q.console()
}

// Nobody overwrites in one tab what was written in another without knowing.
func TestTabsDoNotOverwriteEachOther(t *testing.T) {
	p := visit(t)
	p.login("alice")
	p.write("Plan", "one")
	q := p.another()
	q.until(listed("Plan"))
	q.click(`button[aria-label="Edit Plan"]`)
	q.until(`document.getElementById("editor-content").value === "one"`)

	p.click(`button[aria-label="Edit Plan"]`)
	p.until(`document.getElementById("editor-content").value === "one"`)
	p.write("Plan B", "two")

	q.fill("editor", map[string]string{"content": "three"})
	q.click("#save")
	q.until(`document.querySelector("#editor .message").textContent.includes("was changed since")`)
	q.equal(`document.getElementById("editor-content").value`, "three")
	q.click("#cancel")
	q.click(`button[aria-label="Edit Plan"]`) // its list is old, what it edits is not
	q.until(`document.getElementById("editor-name").value + document.getElementById("editor-content").value === "Plan Btwo"`)
	q.fill("editor", map[string]string{"content": "three"})
	p.click(`button[aria-label="Edit Plan B"]`)
	p.until(`document.getElementById("editor-content").value === "two"`)
	p.write("Plan C", "four")
	q.click("#save")
	q.until(`document.querySelector("#editor .message").textContent.includes("was changed since")`)
	q.click("#save") // and does, knowing
	q.until(listed("Plan B"))
	q.equal(`document.getElementById("toast").textContent`, "Saved.")
	p.console()
	q.console()
}
