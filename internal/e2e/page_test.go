package e2e

import (
	"fmt"
	"testing"
)

const password = "correct horse battery staple"

// login logs an account of the seed in.
func (p *tab) login(name string) {
	p.t.Helper()
	p.until(`document.getElementById("login").checkVisibility()`)
	p.fill("login", map[string]string{"email": name + "@example.com", "password": password})
	p.click("#login button.wide")
	p.until(`document.documentElement.dataset.view === "in" && document.getElementById("list").children.length > 0`)
}

// write saves a document and waits until it stands in the list.
func (p *tab) write(title, content string) {
	p.t.Helper()
	p.fill("editor", map[string]string{"title": title, "content": content})
	p.click("#save")
	p.until(fmt.Sprintf(`[...document.querySelectorAll("#list h3")].some(one => one.textContent === %q)`, title))
}

func TestLook(t *testing.T) {
	p := visit(t)
	p.shoot("out")
	p.login("alice")
	p.shoot("empty")
	p.write("Minutes of Tuesday", `<h2>Agenda</h2><p>We met at <b>nine</b> and agreed on <a href="https://example.com">the plan</a>:</p><ul><li>write less</li><li>read more</li></ul><blockquote>Nobody can read this but us.</blockquote>`)
	p.write("Shopping", `<p>Bread, butter, and a very long receipt number</p>`)
	p.shoot("in")
	p.size(360, 740)
	p.shoot("in-360")
	p.size(1100, 820)
	p.console()
}
