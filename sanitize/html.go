package sanitize

import (
	"html"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// The policies of bluemonday, made when first used. They are safe for
// concurrent use once made.
var (
	strictPolicy = sync.OnceValue(makeStrict)
	ugcPolicy    = sync.OnceValue(makeUGC)
)

// makeStrict makes the policy that the documentation of [Strict] describes.
func makeStrict() *bluemonday.Policy { return keepText(bluemonday.StrictPolicy()) }

// keepText keeps the text of elements that a policy removes. Only the content
// of script and style goes with them.
func keepText(p *bluemonday.Policy) *bluemonday.Policy {
	return p.AllowElementsContent("frame", "frameset", "iframe", "noembed", "noframes", "noscript", "nostyle", "object", "title")
}

// makeUGC makes the policy that the documentation of [UGC] describes. It names
// each attribute itself: the ready-made rules of bluemonday look at a part of
// some values only, and refuse the punctuation of ordinary text.
func makeUGC() *bluemonday.Policy {
	p := keepText(bluemonday.NewPolicy())
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.AllowURLSchemes("http", "https", "mailto")
	p.RequireNoFollowOnLinks(true)
	p.RequireNoReferrerOnLinks(true)

	p.AllowElements("article", "aside", "figure", "figcaption", "section", "summary", "hgroup", "h1", "h2", "h3", "h4", "h5", "h6",
		"br", "div", "hr", "p", "span", "wbr", "abbr", "acronym", "cite", "code", "dfn", "em", "kbd", "mark", "s", "samp", "strong",
		"sub", "sup", "var", "b", "i", "pre", "small", "strike", "tt", "u", "rp", "rt", "ruby", "dl", "dt", "dd", "caption")
	allow := func(form string, names ...string) interface {
		OnElements(...string) *bluemonday.Policy
		Globally() *bluemonday.Policy
	} {
		attributes := p.AllowAttrs(names...)
		if form == "" {
			return attributes
		}
		return attributes.Matching(regexp.MustCompile(`^(?i:` + form + `)$`))
	}
	const (
		name    = `[\p{L}\p{N}:._-]+`
		number  = `[-+]?[0-9]*\.?[0-9]+(?:e[-+]?[0-9]+)?`
		integer = `-?[0-9]+`
		length  = `[0-9]+%?`
		date    = `[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2}(?:[ T][0-9]{2}(?::[0-9]{2}){1,2}(?:\.[0-9]{1,9})?(?:Z|[-+][0-9]{2}:?[0-9]{2})?)?)?)?`
	)
	allow(`rtl|ltr|auto`, "dir").Globally()
	allow(`[a-z]{2,8}(?:-[a-z0-9]{1,8})*`, "lang").Globally()
	allow(name, "id").Globally()
	allow(``, "title").Globally()

	allow(``, "href").OnElements("a", "area")
	allow(name, "name").OnElements("a", "map")
	allow(``, "alt").OnElements("img", "area")
	allow(`(?:[0-9]+,)+[0-9]+`, "coords").OnElements("area")
	allow(`default|circle|rect|poly`, "shape").OnElements("area")
	allow(``, "src").OnElements("img")
	allow(`#`+name, "usemap").OnElements("img")
	allow(length, "height", "width").OnElements("img", "table", "col", "colgroup", "td", "th")
	allow(`left|right|top|texttop|middle|absmiddle|baseline|bottom|absbottom`, "align").OnElements("img")

	allow(`left|right|center|justify|char`, "align").OnElements("table", "caption", "col", "colgroup", "thead", "tbody", "tfoot",
		"tr", "td", "th", "div", "p", "hr", "h1", "h2", "h3", "h4", "h5", "h6")
	allow(`baseline|bottom|middle|top`, "valign").OnElements("col", "colgroup", "thead", "tbody", "tfoot", "tr", "td", "th")
	allow(``, "summary").OnElements("table")
	allow(``, "abbr").OnElements("td", "th")
	allow(integer, "span").OnElements("col", "colgroup")
	allow(integer, "colspan", "rowspan").OnElements("td", "th")
	allow(`(?:row|col)(?:group)?`, "scope").OnElements("td", "th")
	allow(name+`(?: `+name+`)*`, "headers").OnElements("td", "th")
	allow(`(?:nowrap)?`, "nowrap").OnElements("td", "th")

	allow(`circle|disc|square|a|i|1`, "type").OnElements("ol", "ul", "li")
	allow(integer, "start").OnElements("ol")
	allow(`(?:reversed)?`, "reversed").OnElements("ol")
	allow(integer, "value").OnElements("li")
	allow(`checkbox`, "type").OnElements("input") // see taskBoxes
	allow(`(?:checked)?`, "checked").OnElements("input")

	allow(``, "cite").OnElements("blockquote", "q", "del", "ins")
	allow(date, "datetime").OnElements("time", "del", "ins")
	allow(`(?:open)?`, "open").OnElements("details")
	allow(number, "value", "min", "max", "low", "high", "optimum").OnElements("meter", "progress")
	p.AllowNoAttrs().OnElements("bdi", "bdo", "blockquote", "col", "colgroup", "del", "details", "ins", "li", "ol", "ul", "q", "table",
		"tbody", "tfoot", "thead", "td", "th", "tr", "time")
	return p
}

// markupOf makes HTML of s, whose bytes ask for all.
//
// The result of bluemonday may need another pass, until nothing changes any
// more, for two reasons. bluemonday resolves character references: they may
// stand for characters that normalising removes, or for a U+0338 behind a tag,
// which composes with its ">". And it writes URLs through net/url, which makes
// "//" of "/%2f" where the path has other faults, so that a path becomes a
// host.
func markupOf(policy func() *bluemonday.Policy, s string, all byte) string {
	if all&(unusual|special) == 0 {
		return s
	}
	if all&unusual != 0 {
		if s = normalize(s); classes(s)&special == 0 {
			return s
		}
	}
	for range passes {
		out := taskBoxes(linkRelations(policy().Sanitize(encodeSpaces(s))))
		again := out
		if classes(out)&unusual != 0 {
			again = normalize(out)
		}
		if out == s || again == out && !strings.Contains(out, `="//`) {
			return out
		}
		s = again
	}
	return html.EscapeString(s)
}
