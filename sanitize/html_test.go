package sanitize_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/bulwark-go/bulwark/sanitize"
)

const linked = ` rel="nofollow noreferrer noopener"`

// ugcEdits are HTML and what UGC makes of it.
var ugcEdits = []struct{ name, in, want string }{
	{"plain", "one\ntwo", "one\ntwo"},
	{"escaped", `Tom & Jerry's "1 < 2"`, "Tom &amp; Jerry&#39;s &#34;1 &lt; 2&#34;"},
	{"escaped_already", "Tom &amp; Jerry", "Tom &amp; Jerry"},
	{"kept", "<h1>a</h1><p>b <strong>c</strong><br/>d</p>", "<h1>a</h1><p>b <strong>c</strong><br/>d</p>"},
	{"link", `<a href="https://example.com/?a=1&amp;b=2">x</a>`, `<a href="https://example.com/?a=1&amp;b=2"` + linked + `>x</a>`},
	{"link_relative", `<a href="/x">x</a>`, `<a href="/x"` + linked + `>x</a>`},
	{"link_mail", `<a href="mailto:bob@example.com">x</a>`, `<a href="mailto:bob@example.com"` + linked + `>x</a>`},
	{"link_rel", `<a rel="opener" target="_blank" href="/x">x</a>`, `<a href="/x"` + linked + `>x</a>`},
	{"link_script", `<a href="javascript:alert(1)">x</a>`, "x"},
	{"link_vbscript", `<a href="vbscript:x">x</a>`, "x"},
	{"link_data", `<a href="data:text/html,x">x</a>`, "x"},
	{"area_rel", `<area rel="opener x" href="/x">`, `<area href="/x"` + linked + `>`},
	{"link_path_becomes_host", `<a href="/%2fevil.example<x>">x</a>`, "x"},
	{"link_host", `<a href="//example.com/">x</a>`, `<a href="//example.com/"` + linked + `>x</a>`},
	{"rel_in_text", `x rel="opener" y`, "x rel=&#34;opener&#34; y"},
	{"rel_in_title", `<b title=' rel=x'>y</b>`, `<b title=" rel=x">y</b>`},
	{"rel_in_quoted_title", `<b title=' rel="x"'>y</b>`, `<b title=" rel=&#34;x&#34;">y</b>`},
	{"input_in_title", `<b title='<input >'>y</b>`, `<b title="&lt;input &gt;">y</b>`},
	{"image", `<img src="/a.png" alt="a" onerror=alert(1)>`, `<img src="/a.png" alt="a">`},
	{"image_data", `<img src="data:image/png;base64,AAAA" alt="a">`, `<img alt="a">`},
	{"style", `<p style="position:fixed" class="x" onclick=alert(1)>a</p>`, "<p>a</p>"},
	{"script", "a<script>alert(1)</script>b", "ab"},
	{"form", "<form action=/x><input name=y><button>z</button></form>", "z"},
	{"svg", "<svg onload=alert(1)><circle/></svg>x", "x"},
	{"comment", "a<!-- b -->c", "ac"},
	{"control_by_reference", "a&#1;b", "ab"},
	{"bidi_by_reference", "a&#x202e;b", "ab"},
	{"compose_by_reference", "e&#x301;", "é"},
	{"compose_with_tag", "<b>&#x338;<img src=x onerror=alert(1)></b>", "</b>"},
	{"nul", "<scr\x00ipt>alert(1)</scr\x00ipt>", ""},
}

func TestUGC(t *testing.T) {
	for _, tt := range ugcEdits {
		t.Run(tt.name, func(t *testing.T) {
			got := sanitize.String(sanitize.UGC, tt.in)
			if got != tt.want {
				t.Errorf("UGC(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			settled(t, sanitize.UGC, got)
			harmless(t, tt.in, got)
		})
	}
}

func TestUGCAttacks(t *testing.T) {
	for _, in := range attacks {
		for _, in := range []string{in, "<b>" + in, `<p title="` + in + `">`, "<table><td>" + in, "<a href='" + in + "'>"} {
			got := sanitize.String(sanitize.UGC, in)
			settled(t, sanitize.UGC, got)
			harmless(t, in, got)
		}
	}
}

func TestStrict(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "one\ntwo", "one\ntwo"},
		{"escaped", `Tom & Jerry's "1 < 2"`, "Tom &amp; Jerry&#39;s &#34;1 &lt; 2&#34;"},
		{"tags", "<b>a</b> <i title=x>b</i>", "a b"},
		{"references", "&lt;script&gt;", "&lt;script&gt;"},
		{"raw_text", "<xmp>&lt;script&gt;</xmp>", "&amp;lt;script&amp;gt;"},
		{"other_script", "Персона <b>کتاب\u200cها</b>", "Персона کتاب\u200cها"},
		{"other_script_plain", "کتاب\u200cها", "کتاب\u200cها"},
		{"control_by_reference", "a&#1;b", "ab"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := sanitize.String(sanitize.Strict, tt.in)
			if got != tt.want {
				t.Errorf("Strict(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			settled(t, sanitize.Strict, got)
		})
	}
}

// remaining are the elements that the documentation of UGC lists.
var remaining = strings.Fields(`a abbr acronym area article aside b bdi bdo blockquote br caption cite code col colgroup dd del details
dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hgroup hr i img ins kbd li map mark meter ol p pre progress q rp rt ruby s samp
section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr`)

var remainingAttributes = strings.Fields(`abbr align alt cite colspan coords datetime dir headers height high href id lang low max min
name nowrap open optimum rel reversed rowspan scope shape span src start summary title type usemap valign value width`)

func TestUGCElements(t *testing.T) {
	with := map[string]string{"a": `href="/"`, "area": `href="/"`, "map": `name="x"`, "img": `src="/"`, "bdo": `dir="rtl"`, "meter": `value="1"`,
		"progress": `value="1"`}
	for name := range active {
		if name != strings.ToLower(name) || name == "tbody" {
			continue
		}
		got := sanitize.String(sanitize.UGC, "<"+name+" "+with[name]+" title=x>")
		if kept := strings.HasPrefix(got, "<"+name); kept != slices.Contains(remaining, name) {
			t.Errorf("<%s> became %q, against what the documentation says", name, got)
		}
	}
}

// harmless asserts that a page that holds out has nothing in it beyond what is
// documented.
func harmless(t *testing.T, in, out string) {
	t.Helper()
	for _, n := range parse(t, out) {
		for n := range tree(n) {
			if n.Type == html.CommentNode {
				t.Errorf("comment in %q, of %q", out, in)
			}
			if n.Type != html.ElementNode {
				continue
			}
			if n.Data == "input" && taskBox(n) {
				continue
			}
			if !slices.Contains(remaining, n.Data) || n.Namespace != "" {
				t.Errorf("element %s in %q, of %q", n.Data, out, in)
			}
			for _, a := range n.Attr {
				if !slices.Contains(remainingAttributes, a.Key) {
					t.Errorf("attribute %s in %q, of %q", a.Key, out, in)
				}
				switch a.Key {
				case "href", "src", "cite":
					safeURL(t, in, a.Val)
				case "rel":
					if a.Val != "nofollow noreferrer noopener" {
						t.Errorf("rel=%q in %q, of %q", a.Val, out, in)
					}
				}
			}
		}
	}
}

// taskBox reports whether n is a checkbox that nobody can change.
func taskBox(n *html.Node) bool {
	if len(n.Attr) < 2 || n.Attr[0] != (html.Attribute{Key: "type", Val: "checkbox"}) || n.Attr[1] != (html.Attribute{Key: "disabled"}) {
		return false
	}
	return len(n.Attr) == 2 || len(n.Attr) == 3 && n.Attr[2] == html.Attribute{Key: "checked"}
}

func safeURL(t *testing.T, in, value string) {
	t.Helper()
	// Browsers take controls and spaces out of a URL before they look at its
	// scheme (URL standard, basic URL parser).
	value = strings.Map(func(c rune) rune {
		if c <= ' ' {
			return -1
		}
		return c
	}, value)
	u, err := url.Parse(value)
	if err != nil {
		if i := strings.IndexAny(value, ":/?#"); i >= 0 && value[i] == ':' {
			t.Errorf("URL %q of %q", value, in)
		}
		return
	}
	if !slices.Contains([]string{"", "http", "https", "mailto"}, u.Scheme) {
		t.Errorf("scheme %q of %q", u.Scheme, in)
	}
}
