package sanitize_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bulwark-go/bulwark/sanitize"
)

// likeAttributes are elements in which a value looks like the start of another
// attribute.
var likeAttributes = []string{
	`<img alt=" rel=" title="x onerror=alert(1) y" src="a">`,
	`<a title=" rel=" href="/x" id="onclick">q</a>`,
	`<a href="/x" title=" rel=">q</a><p title="onclick=alert(1) "> rel="x"</p>`,
	`<a href="/x" rel="me" title="a rel='x' rel=">q</a>`,
	`<area title=" rel=" alt="autofocus onfocus=alert(1)" href="b" rel="opener">`,
	`<input type="checkbox" title=" checked=" alt=" type=">`,
	`<input alt=" type=" title="checkbox onfocus=alert(1)">`,
	`<img src="a" alt=" href=" title="b c onerror=alert(1)">`,
	`<p title="<a rel=">q</p><p title=" onclick=alert(1)">`,
	`<blockquote cite=" rel=" title=" onclick=alert(1) x">q</blockquote>`,
}

// The value of an attribute may look like the start of another attribute. It
// stays a value, and what stands behind it stays in its own quotes.
func TestCaseSanitize8ValuesThatLookLikeAttributes(t *testing.T) {
	for _, text := range likeAttributes {
		t.Run(text, func(t *testing.T) {
			got := sanitize.String(sanitize.UGC, text)
			if again := sanitize.String(sanitize.UGC, got); again != got {
				t.Errorf("%s\nand then %s", got, again)
			}
			want := attributesOf(text)
			for place, value := range attributesOf(got) {
				switch {
				case strings.HasSuffix(place, " rel"):
					if value != "nofollow noreferrer noopener" {
						t.Errorf("%s: rel is %q", got, value)
					}
				case strings.HasPrefix(place, "input "):
				case strings.ReplaceAll(want[place], " ", "") != strings.ReplaceAll(strings.ReplaceAll(value, "%20", ""), " ", ""):
					t.Errorf("%s: %s is %q, was %q", got, place, value, want[place])
				}
			}
		})
	}
}

// attributesOf returns the values of "element attribute" as a browser reads
// them.
func attributesOf(text string) map[string]string {
	values := map[string]string{}
	for z := html.NewTokenizer(strings.NewReader(text)); z.Next() != html.ErrorToken; {
		token := z.Token()
		for _, a := range token.Attr {
			values[token.Data+" "+a.Key] = a.Val
		}
	}
	return values
}
