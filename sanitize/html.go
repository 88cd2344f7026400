package sanitize

import (
	"html"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
)

// The policies of bluemonday, made when first used. They are safe for
// concurrent use once made.
var (
	strictPolicy = sync.OnceValue(bluemonday.StrictPolicy)
	ugcPolicy    = sync.OnceValue(func() *bluemonday.Policy {
		p := bluemonday.UGCPolicy()
		p.RequireNoReferrerOnLinks(true)
		return p
	})
)

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
		out := linkRelations(policy().Sanitize(s))
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

const (
	relOpen = ` rel="`
	rel     = "nofollow noreferrer noopener"
)

// linkRelations gives each rel attribute in HTML that bluemonday has written
// the one value that it may have. bluemonday adds noopener only together with a
// target, and on an area it keeps the value that was submitted. In that HTML
// the quote is escaped in text and in values, so that whatever looks like an
// attribute is one.
func linkRelations(s string) string {
	at := strings.Index(s, relOpen)
	if at < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 64)
	for ; at >= 0; at = strings.Index(s, relOpen) {
		at += len(relOpen)
		out.WriteString(s[:at])
		out.WriteString(rel)
		s = s[at:]
		end := strings.IndexByte(s, '"')
		if end < 0 {
			break
		}
		s = s[end:]
	}
	out.WriteString(s)
	return out.String()
}
