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

// markupOf makes HTML of s, whose bytes ask for all. What bluemonday returns
// may call for another look, until nothing changes any more: it has resolved
// character references, which may have stood for what normalising removes, or
// for a U+0338 behind a tag, which composes with its ">"; and net/url, through
// which it writes URLs, makes "//" of "/%2f" where the path has other faults,
// so that a path becomes a host.
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

// linkRelations gives each rel attribute in HTML that bluemonday has written the one value it may have. There is no other way to ask
// bluemonday for noopener but with a target, and on an area it keeps what was submitted. The quote stands in no text and no value
// there, where it is escaped, so that what looks like an attribute is one.
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
