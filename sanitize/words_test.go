package sanitize_test

import (
	"testing"

	"golang.org/x/net/html"

	"github.com/bulwark-go/bulwark/sanitize"
)

// What people write in angle brackets is kept. A space behind the "<" makes
// text of it where a reader could take it for a custom element.
func TestCaseSanitize3Placeholders(t *testing.T) {
	for in, want := range map[string]string{
		"curl https://h/<user-id>/files":           "curl https://h/< user-id>/files",
		"press <ctrl-c>, then <page-up>":           "press < ctrl-c>, then < page-up>",
		"#include <c-ares.h>":                      "#include < c-ares.h>",
		"call <tel:+1-555-1234>":                   "call < tel:+1-555-1234>",
		"<!here> lunch":                            "< !here> lunch",
		"<!subteam^S1|@devs>":                      "< !subteam^S1|@devs>",
		"&lt;!channel>":                            "&lt; !channel>",
		"<!DOCTYPE html>x":                         "x",
		"<!entity a SYSTEM 'file:///etc/passwd'>x": "x",
		"<urn:a-b>":                                "< urn:a-b>",
		"</end-of-file>":                           "< /end-of-file>",
		"<my-app>x</my-app>":                       "< my-app>x< /my-app>",
		"Map<String,List<a-b>>":                    "Map< String,List< a-b>>",
		`<user-id onclick="alert(1)">x`:            "x",
		"<my-app autofocus>x":                      "x",
		"#include <sys/types.h>":                   "#include < sys/types.h>",
		"&lt;user-id&gt;":                          "&lt; user-id&gt;",
		"<user-id":                                 "< user-id",
		"#include <stdio.h> and <linux.h>, <Ctrl>": "#include <stdio.h> and <linux.h>, <Ctrl>",
		"<tel:+15551234>":                          "<tel:+15551234>",
	} {
		textBecomes(t, in, want)
	}
}

// A control character that breaks a line, or separates fields, separates words
// afterwards as well.
func TestCaseSanitize4Separators(t *testing.T) {
	for in, want := range map[string]string{
		"one\vtwo":                       "one\ntwo",
		"one\ftwo":                       "one\ntwo",
		"one\u0085two":                   "one\ntwo",
		"one\x1ctwo\x1dthree":            "one two three",
		"a\x1eb\x1fc":                    "a b c",
		"one\u2028two\u2029three":        "one\u2028two\u2029three",
		"one\x00two\x07\x1b\u0090x":      "onetwox",
		"<scr\vipt>alert(1)":             "< scr\nipt>alert(1)",
		"<script\v>alert(1)</script\f>x": "x",
	} {
		textBecomes(t, in, want)
	}
	for _, p := range []sanitize.Policy{sanitize.Strict, sanitize.UGC, sanitize.Custom(func(s string) string { return s })} {
		if got := sanitize.String(p, "one\vtwo"); got != "one\ntwo" {
			t.Errorf("%T %v: %q", p, p, got)
		}
	}
	if got := sanitize.String(sanitize.Reject, "one\vtwo"); got != "" {
		t.Errorf("Reject took %q", got)
	}
}

// Form C replaces CJK compatibility ideographs by others, which look different
// and in which nobody wrote the name.
func TestCaseSanitize5Ideographs(t *testing.T) {
	for _, in := range []string{"\ufa19\u6238", "\uf900", "\ufaff", "\U0002f800\U0002fa1d", "髙\ufa11\u5d0e", "e\u0301\ufa19"} {
		want := in
		if in == "e\u0301\ufa19" {
			want = "\u00e9\ufa19"
		}
		for _, p := range []sanitize.Policy{sanitize.Text, sanitize.Reject, sanitize.Strict, sanitize.UGC} {
			if got := sanitize.String(p, in); got != want {
				t.Errorf("%v: %q became %q, want %q", p, in, got, want)
			}
		}
	}
	// The passes that look for markup compose as well.
	textBecomes(t, "<b>\ufa19</b> & e<b>\u0301</b>", "\ufa19 & \u00e9")
	textBecomes(t, "\ufa19\u0327\u0301", "\ufa19\u0327\u0301")
}

// An open tag of one letter with white space behind it becomes an element when
// a page goes on behind the text.
func TestCaseSanitize6OpenLetters(t *testing.T) {
	for in, want := range map[string]string{
		"a<b c":      "a< b c",
		"a<i\tx":     "a< i\tx",
		"x <q and":   "x < q and",
		"n<s/2":      "n< s/2",
		"a</b c":     "a< /b c",
		"a&lt;b c":   "a&lt; b c",
		"a<b":        "a<b",
		"x<y and":    "x<y and",
		"a<b+c":      "a<b+c",
		"x<u, then":  "x<u, then",
		"x<b":        "x<b",
		"p<i[0] and": "p<i[0] and",
	} {
		textBecomes(t, in, want)
		page := "<p>" + sanitize.String(sanitize.Text, in) + "</p>"
		for _, n := range parse(t, page) {
			for n := range tree(n) {
				if n.Type == html.ElementNode && n.Data != "p" && active[n.Data] {
					t.Errorf("element %s in the page %q", n.Data, page)
				}
			}
		}
	}
}

// Text in brackets that cannot open an element is kept as it is.
func TestCaseSanitize7Brackets(t *testing.T) {
	for _, in := range []string{
		"see <https://example.com/a>",
		"see <http://example.com/a/b.html#c> and <ftp://ftp.example.com/x>",
		"<https://example.com/some-page/>",
		"Map<K, V>",
		"Map<String, List<Integer>>",
		"HashMap<String, Vec<u8>> x",
		"dict<int, str> d",
		"fn f<T, U>(t: T, u: U)",
		"Either<L, R> e",
	} {
		textBecomes(t, in, in)
		if got := sanitize.String(sanitize.Reject, in); got != in {
			t.Errorf("Reject(%q) = %q", in, got)
		}
	}
	// These would do something to what stands behind them.
	for in, want := range map[string]string{
		"<https://x/hidden>":              "< https://x/hidden>",
		"<K, hidden>":                     "< K, hidden>",
		"<x:, inert>":                     "< x:, inert>",
		"<https://x/contenteditable>":     "< https://x/contenteditable>",
		"<https://x/onclick>":             "< https://x/onclick>",
		"<https://x/data-toggle>":         "< https://x/data-toggle>",
		"<a, b onclick=alert(1)>":         "",
		"<https://x/ onclick=alert(1)>":   "< https://x/ onclick=alert(1)>",
		"<my-app, x>":                     "",
		"Map<K, <img src=x onerror=a>>":   "Map< K, >",
		"Map<K, <img src=x onerror=a(1) ": "Map< K, < img src=x onerror=a(1) ",
	} {
		got := sanitize.String(sanitize.Text, in)
		if want != "" && got != want {
			t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
		}
		settled(t, sanitize.Text, got)
		inert(t, in, got)
	}
}

func textBecomes(t *testing.T, in, want string) {
	t.Helper()
	got := sanitize.String(sanitize.Text, in)
	if got != want {
		t.Errorf("Text(%q)\n got %q\nwant %q", in, got, want)
	}
	settled(t, sanitize.Text, got)
	inert(t, in, got)
}
