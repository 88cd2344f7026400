package sanitize_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/sanitize"
)

// Harmless attributes and elements of pages stay, and text never goes with a
// tag that is removed.
func TestCaseSanitize8Pages(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"alt", `<img src="/a.png" alt="License: MIT">`, `<img src="/a.png" alt="License: MIT">`},
		{"alt_reference", `<img src="/a.png" alt="a &amp; b">`, `<img src="/a.png" alt="a &amp; b">`},
		{"alt_badge", `<img src="/a.png" alt="coverage: 97% (main)">`, `<img src="/a.png" alt="coverage: 97% (main)">`},
		{"title", `<b title='x > y & "z"'>a</b>`, `<b title="x &gt; y &amp; &#34;z&#34;">a</b>`},
		{"summary", `<table summary="A: b"></table>`, `<table summary="A: b"></table>`},
		{"abbr", `<th abbr="No.: 1">a</th>`, `<th abbr="No.: 1">a</th>`},
		{"start", `<ol start="3"><li>c</li></ol>`, `<ol start="3"><li>c</li></ol>`},
		{"start_negative", `<ol start="-1" reversed><li value="-2">c</li></ol>`, `<ol start="-1" reversed=""><li value="-2">c</li></ol>`},
		{"start_form", `<ol start="x">c</ol>`, `<ol>c</ol>`},
		{"align_table", `<table align="center"><td align="right">1</td></table>`, `<table align="center"><td align="right">1</td></table>`},
		{"align_paragraph", `<p align="center">x</p><h1 align=center>y</h1>`, `<p align="center">x</p><h1 align="center">y</h1>`},
		{"align_form", `<p align="x">x</p>`, `<p>x</p>`},
		{"kbd", `<kbd>Ctrl</kbd>`, `<kbd>Ctrl</kbd>`},
		{"task", `<li><input type="checkbox" disabled checked> a</li>`, `<li><input type="checkbox" disabled="" checked=""> a</li>`},
		{"task_open", `<input type=checkbox>b`, `<input type="checkbox" disabled="">b`},
		{"task_name", `<input type=checkbox name=x value=y onclick=z>b`, `<input type="checkbox" disabled="">b`},
		{"input", `<input type=text disabled>b<input checked>c<input type=image src=x>`, "bc"},
		{"dir_auto", `<p dir="auto">x</p><bdo dir="rtl">y</bdo>`, `<p dir="auto">x</p><bdo dir="rtl">y</bdo>`},
		{"anchor", `<a name="part-1">x</a>`, `<a name="part-1">x</a>`},
		{"object", "any<object> text after", "any text after"},
		{"iframe", "a<iframe>b</iframe>c", "abc"},
		{"iframe_markup", "a<iframe><b>b</b></iframe>c", "a&lt;b&gt;b&lt;/b&gt;c"},
		{"frameset", "a<frameset>b<frame>c", "abc"},
		{"noscript", "a<noscript>b</noscript>c", "abc"},
		{"noembed", "a<noembed>b</noembed><noframes>c</noframes>d", "abcd"},
		{"title_element", "a<title>b</title>c", "abc"},
		{"svg", "a<svg><text>b</text></svg>c", "abc"},
		{"select", "a<select><option>b</option></select>c", "abc"},
		{"script", "a<script>b</script>c<style>d</style>e", "ace"},
		{"space_in_url", `<a href="/my photo.jpg">x</a>`, `<a href="/my%20photo.jpg"` + linked + `>x</a>`},
		{"space_in_image", `<p>y <img alt="a" src=' /my photo (1).jpg '> href="a b"</p>`, `<p>y <img alt="a" src="/my%20photo%20(1).jpg"> href=&#34;a b&#34;</p>`},
		{"space_in_scheme", `<a href="java script:alert(1)">x</a>`, "x"},
		{"task_capitals", `<INPUT TYPE="CHECKBOX" CHECKED>a<input type="Checkbox">b`, `<input type="checkbox" disabled="" checked="">a<input type="checkbox" disabled="">b`},
		{"reference_in_url", `<a href="/my&#32;photo.jpg">x</a><a href='/a&#x20;b'>y</a>`, `<a href="/my%20photo.jpg"` + linked + `>x</a><a href="/a%20b"` + linked + `>y</a>`},
		{"reference_in_scheme", `<a href="java&#32;script:alert(1)">x</a><a href="&#106;avascript:alert(1)">y</a>`, "xy"},
		{"tab_in_scheme", "<a href=\"java\tscript:alert(1) \">x</a>", "x"},
	} {
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

// Strict removes every tag, and no text but that of script and style.
func TestCaseSanitize8TextOfStrict(t *testing.T) {
	for in, want := range map[string]string{
		"any<object> text after":                             "any text after",
		"a<iframe src=x>b":                                   "ab",
		"a<iframe><b>b</b></iframe>c":                        "a&lt;b&gt;b&lt;/b&gt;c",
		"a<frameset>b<frame>c":                               "abc",
		"a<noscript>b</noscript>c":                           "abc",
		"a<noembed>b</noembed><noframes>c</noframes>d":       "abcd",
		"a<title>b</title>c":                                 "abc",
		"a<object><param><b>b</b></object>c":                 "abc",
		"a<script>b</script>c<style>d</style>e":              "ace",
		"a<noscript><img src=x onerror=alert(1)></noscript>": "a&lt;img src=x onerror=alert(1)&gt;",
	} {
		got := sanitize.String(sanitize.Strict, in)
		if got != want {
			t.Errorf("Strict(%q)\n got %q\nwant %q", in, got, want)
		}
		settled(t, sanitize.Strict, got)
		harmless(t, in, got)
	}
}

// An attribute stays where its whole value has the right form.
func TestNitSanitizeForms(t *testing.T) {
	for in, want := range map[string]string{
		`<b id="part-1.2:a_b">x</b>`:          `<b id="part-1.2:a_b">x</b>`,
		`<b id="über">x</b>`:                  `<b id="über">x</b>`,
		`<b id="a b%&lt;">x</b>`:              `<b>x</b>`,
		`<b lang="de-CH">x</b>`:               `<b lang="de-CH">x</b>`,
		`<b lang="<en>">x</b>`:                `<b>x</b>`,
		`<td scope="row">x</td>`:              `<td scope="row">x</td>`,
		`<td scope="xrowx" nowrap="y">x</td>`: `<td>x</td>`,
		`<map name="a b">x</map>`:             `x`,
	} {
		got := sanitize.String(sanitize.UGC, in)
		if got != want {
			t.Errorf("UGC(%q)\n got %q\nwant %q", in, got, want)
		}
		settled(t, sanitize.UGC, got)
	}
}
