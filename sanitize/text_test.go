package sanitize_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	stdhtml "html"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/unicode/norm"

	"github.com/bulwark-go/bulwark/sanitize"
)

// plainTexts are texts that Text gives back as they are, and Reject takes.
var plainTexts = []string{
	"",
	"Tom & Jerry",
	"O'Brien",
	`say "hello"`,
	"1 < 2",
	"1<2",
	"a<b",
	"if a<y and c<d then",
	"Map<String, List<Integer>>",
	"x<y",
	"it's 5 > 3, isn't it",
	"a<b+c",
	"speed<limit",
	"count<max",
	"count<max and then",
	"salary<min",
	"foo <bar",
	"Ann<zz",
	"Ann</zz",
	"Ann&lt;zz",
	"x > y, Ann<zz+1",
	"Ann<" + strings.Repeat("z", 300),
	"x <= y",
	"p << 2 >> q",
	"I <3 you",
	"broken </3 heart",
	"List<String>",
	"Map<String,List<Integer>>",
	"vector<int> v",
	"std::vector<std::string>",
	"Bob <bob@example.com>",
	"Bob Smith <bob-smith@mail.example.com>",
	"<mailto:bob@example.com>",
	"<placeholder>",
	"?a=1&copy=2",
	"https://example.com/?a=1&lt=2&gt=3",
	"AT&T <att@example.com> & more",
	"fish &amp; chips",
	"&copy; 2026",
	"a &lt; b",
	"a &lt;&lt; b",
	"List&lt;String&gt;",
	"one\r\ntwo\n\tthree\rfour",
	"  spaces  ",
	"javascript:alert(1)",
	"C:\\> dir",
	"a -> b => c",
	"100% <!",
	"wow <? hm",
	"👩\u200d👩\u200d👧\u200d👦 👍🏽 🏳️\u200d🌈 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
	"می\u200cخواهم",
	"کتاب\u200cها",
	"हिन्दी क्\u200dष क्\u200cष",
	"עברית \u200fabc\u200e",
	"日本語 中文 한국어",
	"Ωµ ﬁ ① ½ ℌ ｆｕｌｌ",
	"＜script＞alert(1)＜/script＞",
	"Zoë Ångström",
	"∀x∈ℝ: x≮y",
	"�",
}

// edits are markup and what Text makes of it.
var edits = []struct{ name, in, want string }{
	{"bold", "a <b>bold</b> word", "a bold word"},
	{"attributes", `<a href="https://example.com/?a>b" title='x>y' download>link</a>`, "link"},
	{"blocks", "<p>one</p><p>two</p>", "one two"},
	{"lines", "one<br>two<BR/>three", "one two three"},
	{"blocks_and_spaces", "one <div> two</div>\nthree", "one  two\nthree"},
	{"table", "<table><tr><td>1</td><td>2</td></tr></table>", "1 2"},
	{"inline_glue", "b<b>o</b>ld", "bold"},
	{"script", "a<script>alert(1)</script>b", "ab"},
	{"script_case", "<ScRiPt type=x>alert(1)</sCrIpT\n>b", "b"},
	{"script_prefix", "<script>a</scripty>b</script>c", "c"},
	{"script_unclosed", "<script>alert(1)", "alert(1)"},
	{"script_end_unclosed", "<script>alert(1)</script", "alert(1)< /script"},
	{"style", "<style>p{}</style>x", "x"},
	{"entities", "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt; script&gt;alert(1)&lt; /script&gt;"},
	{"entities_no_semicolon", "&ltscript&gtalert(1)", "&lt script&gtalert(1)"},
	{"entities_decimal", "&#60;img src=x onerror=alert(1)&#62;", "&#60; img src=x onerror=alert(1)&#62;"},
	{"entities_zeros", "&#000060img src=x>", "&#000060 img src=x>"},
	{"entities_hex", "&#X3C;img src=x>", "&#X3C; img src=x>"},
	{"entities_hex_zeros", "&#x003cscript>", "&#x003c script>"},
	{"entity_of_letter", "<&#115;cript>alert(1)</script>", "< &#115;cript>alert(1)"},
	{"entity_of_slash", "&LT;&sol;script&gt;", "&LT; &sol;script&gt;"},
	{"entity_of_space", "<x&Tab;onclick&equals;alert(1)>", "< x&Tab;onclick&equals;alert(1)>"},
	{"entities_twice", "&amp;lt;script&amp;gt;", "&amp;lt;script&amp;gt;"},
	{"unknown_with_value", "<x onclick=alert(1) src=a>X</x>", "X</x>"},
	{"unknown_without_value", "x<y and z>0", "x< y and z>0"},
	{"letter_without_value", "a<b and c>d", "a< b and c>d"},
	{"link_with_value", "see <https://example.com/?q=1>", "see < https://example.com/?q=1>"},
	{"custom_element", "<my-app x=y>x</my-app>", "x< /my-app>"},
	{"custom_element_odd", "<A-!>", "< A-!>"},
	{"custom_element_prefix", "<A-:><a-b:c>", "< A-:>< a-b:c>"},
	{"custom_element_nested", "Map<x,List<a-b>>", "Map< x,List< a-b>>"},
	{"prefixed", "<svg:script>alert(1)</svg:script>", "alert(1)"},
	{"unfinished_with_value", "<img src=x onerror=alert(1) ", "< img src=x onerror=alert(1) "},
	{"unfinished_element", "x <script", "x < script"},
	{"unfinished_quote", `<a title="x>y`, `< a title="x>y`},
	{"stray_declaration", "Ann<!:", "Ann< !:"},
	{"stray_end_tag", `Ann</\`, `Ann< /\`},
	{"stray_instruction", "Ann<?=1", "Ann< ?=1"},
	{"stray_reference", "Ann&lt;!:", "Ann&lt; !:"},
	{"comment", "a<!-- b -->c", "ac"},
	{"type_of_an_element", "List<Object> and Vec<Line>", "List and Vec"},
	{"name_in_brackets", "<urn:a-b> by a<b>c", "< urn:a-b> by ac"},
	{"comment_empty", "a<!-->b<!--->c", "abc"},
	{"comment_bang", "a<!-- b --!>c-->", "ac-->"},
	{"comment_unclosed", "a<!-- <b>c</b>", "a< !-- c"},
	{"comment_at_end", "a<!-- b", "a< !-- b"},
	{"doctype", "<!DOCTYPE html>x", "x"},
	{"doctype_unclosed", "x<!DOCTYPE html", "x< !DOCTYPE html"},
	{"instruction", "<?xml version='1.0'?>x", "x"},
	{"cdata", "<![CDATA[<script>alert(1)</script>]]>", "alert(1)]]>"},
	{"stray_end", "a</ b>c", "a< / b>c"},
	{"nested", "<scr<script>ipt>alert(1)</scr</script>ipt>", "< script>"},
	{"layered", "<<b>script>alert(1)<<b>/script>", ""},
	{"layered_deep", "<<<<<<b>b>b>b>b>b>x", "<< b>b>x"},
	{"nul", "<scr\x00ipt>alert(1)</scr\x00ipt>", ""},
	{"controls", "a\x00b\x07c\x1b[0md\x7fe\u0085f", "abc[0mde\nf"},
	{"bidi", "user\u202e\u2066// txt\u2069 \u202c", "user// txt "},
	{"bidi_in_tag", "<scr\u202eipt>alert(1)</script>", ""},
	{"compose", "e\u0301 \u212b \u1100\u1161", "é Å 가"},
	{"compose_over_tag", "e<b>\u0301</b>", "é"},
	{"compose_over_bidi", "e\u202e\u0301", "é"},
	{"greek_question_mark", "&lt\u037escript>", "&lt; script>"},
	{"not_utf8", "a\xffb\xc3", "a\ufffdb\ufffd"},
	{"surrogate", "\xed\xa0\x80", "\ufffd"},
}

// attacks are strings that have got past one sanitizer or another.
var attacks = []string{
	"<script>alert(1)</script>",
	"&lt;script&gt;alert(1)&lt;/script&gt;",
	"<xmp>&lt;script&gt;alert(1)&lt;/script&gt;</xmp>",
	"<xmp><p title=\"</xmp><img src=x onerror=alert(1)>\">",
	"<svg/onload=alert(1)>",
	"<svg onload=alert(1)//",
	"<img src=x onerror=alert(1)>",
	"<img src=x onerror=alert(1)",
	"<img src=`x` onerror=alert(1)>",
	"<img src=\"x\"onerror=\"alert(1)\">",
	"<img/src/onerror=alert(1)>",
	"<img\nsrc=x\tonerror=alert(1)\f>",
	"<IMG SRC=x OnErRoR=alert(1)>",
	"<a href=javascript:alert(1)>x</a>",
	"<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
	"<a href=&#106;avascript:alert(1)>x</a>",
	"<scr<script>ipt>alert(1)</scr</script>ipt>",
	"<<script>script>alert(1)</script>",
	"<<<<<<b>b>b>b>b>img src=x onerror=alert(1)>",
	"<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
	"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
	"<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
	"<svg><style><img src=x onerror=alert(1)></style></svg>",
	"<svg><![CDATA[<img src=x onerror=alert(1)>]]></svg>",
	"<![CDATA[<script>alert(1)</script>]]>",
	"<!--><script>alert(1)</script>-->",
	"<!---><img src=x onerror=alert(1)>-->",
	"<!-- --!><img src=x onerror=alert(1)> -->",
	"<!--<img src=\"--><img src=x onerror=alert(1)//\">",
	"<?xml <img src=x onerror=alert(1)>",
	"<!doctype <img src=x onerror=alert(1)>",
	"</ <img src=x onerror=alert(1)>",
	"<template><script>alert(1)</script></template>",
	"<plaintext><img src=x onerror=alert(1)>",
	"<textarea></textarea><img src=x onerror=alert(1)>",
	"<title></title><svg onload=alert(1)>",
	"<iframe srcdoc=\"&lt;script&gt;alert(1)&lt;/script&gt;\">",
	"<iframe src=javascript:alert(1)>",
	"<object data=data:text/html,<script>alert(1)</script>>",
	"<form><button formaction=javascript:alert(1)>x",
	"<details open ontoggle=alert(1)>",
	"<x onclick=alert(1)>y</x>",
	"<x/onclick=alert(1)>",
	"<x-y onclick=alert(1)>",
	"<a<b onclick=alert(1)>",
	"<a b=\"<a 'c='<a d=\"><img src=x onerror=alert(1)>",
	"<a title='\"><img src=x onerror=alert(1)>",
	"<a =\"x\" ='><img src=x onerror=alert(1)>'>",
	"<img src=x onerror\u0000=alert(1)>",
	"<\u0000script>alert(1)</script>",
	"<\u202escript>alert(1)</script>",
	"＜script＞alert(1)＜/script＞",
	"<ſcript>alert(1)</ſcript>",
	"<scrİpt>alert(1)</scrİpt>",
	"&#60;script&#62;alert(1)",
	"&#x3c;script&#x3e;alert(1)",
	"&#0000000000060script>alert(1)",
	"&lt&#115;cript&gt;alert(1)",
	"<&#105;mg src=x onerror=alert(1)>",
	"<&NewLine;b&#32;onclick=alert(1)>",
	"&l<b></b>t;script>alert(1)",
	"&#6<b></b>0;script>alert(1)",
	"&amp;lt;script&amp;gt;",
	"&am&#112;lt;script>",
	"<base href=//evil.example>",
	"<meta http-equiv=refresh content=0;url=javascript:alert(1)>",
	"<link rel=stylesheet href=//evil.example>",
	"<b>\u0338<img src=x onerror=alert(1)>",
	"<p>x</p <img src=x onerror=alert(1)>",
	"<script/src=//evil.example></script>",
	"<script\x0b>alert(1)</script\x0b>",
	"<style>@import '//evil.example'</style>",
	"<image href=x onerror=alert(1)>",
	"<isindex action=javascript:alert(1) type=image>",
	"<portal src=javascript:alert(1)>",
	"<animate onbegin=alert(1) attributeName=x>",
	"<annotation-xml encoding=text/html><script>alert(1)</script></annotation-xml>",
	"<foreignObject><img src=x onerror=alert(1)></foreignObject>",
}

func TestTextUnchanged(t *testing.T) {
	for _, in := range plainTexts {
		if got := sanitize.String(sanitize.Text, in); got != in {
			t.Errorf("Text(%q) = %q", in, got)
		}
		if got := sanitize.String(sanitize.Reject, in); got != in {
			t.Errorf("Reject(%q) = %q", in, got)
		}
		inert(t, in, in)
	}
}

func TestTextEdits(t *testing.T) {
	for _, tt := range edits {
		t.Run(tt.name, func(t *testing.T) {
			got := sanitize.String(sanitize.Text, tt.in)
			if got != tt.want {
				t.Errorf("Text(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
			settled(t, sanitize.Text, got)
			inert(t, tt.in, got)
		})
	}
}

func TestTextAttacks(t *testing.T) {
	for _, in := range attacks {
		got := sanitize.String(sanitize.Text, in)
		settled(t, sanitize.Text, got)
		inert(t, in, got)
		// What surrounds an attack does not help it.
		for _, frame := range [][2]string{{"x ", " y"}, {"<b", ">"}, {"&lt;", "&gt;"}, {`<a title="`, `">`}, {"<!--", "-->"}, {"<", ">"}} {
			in := frame[0] + in + frame[1]
			got := sanitize.String(sanitize.Text, in)
			settled(t, sanitize.Text, got)
			inert(t, in, got)
		}
	}
}

// Two values side by side, in a page that does not escape them. No promise
// covers that; these are strays that swallow what stands behind them, and
// nobody's words.
func TestTextBeside(t *testing.T) {
	for _, pair := range [][2]string{
		{"Ann<!:", "<b>"},
		{`Ann</\`, "x>"},
		{"Ann<?=", "x>"},
		{"Ann&lt;!:", "<b>"},
		{"Ann <script", " src=//evil.example>"},
		{"Ann<zz title=", "x>"},
	} {
		first, second := sanitize.String(sanitize.Text, pair[0]), sanitize.String(sanitize.Text, pair[1])
		for _, page := range []string{first + second, first + " " + second, stdhtml.UnescapeString(first + " " + second)} {
			for _, n := range parse(t, page) {
				for n := range tree(n) {
					if n.Type != html.TextNode {
						t.Errorf("%q and %q make %q of the page %q", pair[0], pair[1], n.Data, page)
					}
				}
			}
		}
		if sanitize.String(sanitize.Reject, pair[0]) != "" {
			t.Errorf("Reject takes %q", pair[0])
		}
	}
}

// settled asserts that the policy leaves its own result alone.
func settled(t *testing.T, p sanitize.Policy, out string) {
	t.Helper()
	if again := sanitize.String(p, out); again != out {
		t.Errorf("not idempotent:\nonce  %q\ntwice %q", out, again)
	}
	if !utf8.ValidString(out) || !norm.NFC.IsNormalString(strings.Map(ideograph, out)) {
		t.Errorf("not normalised: %q", out)
	}
}

// ideograph replaces the CJK compatibility ideographs, which no policy composes.
func ideograph(c rune) rune {
	if c >= 0xf900 && c <= 0xfaff || c >= 0x2f800 && c <= 0x2fa1f {
		return '一'
	}
	return c
}

// inert asserts that nothing in out does anything where it is taken for HTML,
// as it is and with its references resolved.
func inert(t *testing.T, in, out string) {
	t.Helper()
	for _, page := range []string{out, stdhtml.UnescapeString(out)} {
		for _, n := range parse(t, page) {
			for n := range tree(n) {
				if n.Type != html.ElementNode {
					continue
				}
				if active[n.Data] || strings.Contains(n.Data, "-") && !strings.Contains(n.Data, "@") {
					t.Errorf("element %s in %q, of %q", n.Data, page, in)
				}
				for _, a := range n.Attr {
					if !strings.ContainsAny(n.Data, ",:") || a.Val != "" || strings.HasPrefix(a.Key, "on") || slices.Contains(globalAttributes, a.Key) {
						t.Errorf("attribute %s in %q, of %q", a.Key, page, in)
					}
				}
				if n.Namespace != "" {
					t.Errorf("namespace %s in %q, of %q", n.Namespace, page, in)
				}
			}
		}
	}
}

func parse(t *testing.T, page string) []*html.Node {
	t.Helper()
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(strings.NewReader(page), body)
	if err != nil {
		t.Skipf("the parser refuses it: %v", err) // nested too deeply, as it says
	}
	return nodes
}

// tree yields n and all below it.
func tree(n *html.Node) func(yield func(*html.Node) bool) {
	return func(yield func(*html.Node) bool) {
		if !yield(n) {
			return
		}
		for below := range n.Descendants() {
			if !yield(below) {
				return
			}
		}
	}
}
