package audit

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// shownHeader is a header of the allow-list.
type shownHeader struct {
	canonical, key string
	isURL          bool // the value is a URL, absolute or not
}

func newShownHeader(name string) shownHeader {
	h := shownHeader{canonical: http.CanonicalHeaderKey(name), key: strings.ToLower(name)}
	switch h.key {
	case "referer", "referrer", "origin", "location", "content-location", "link", "refresh", "destination", "sourcemap", "ping-from", "ping-to":
		h.isURL = true
	default:
		h.isURL = strings.HasSuffix(h.key, "url") || strings.HasSuffix(h.key, "uri") || strings.HasSuffix(h.key, "referer")
	}
	return h
}

const (
	// redacted stands for what a log must not show.
	redacted = "[redacted]"
	// shownBytes is enough for any text that is cut at 256 bytes afterwards.
	shownBytes = 1024
	// shownParams bounds how many parameters of a query are looked at.
	shownParams = 64
	// shownDepth bounds how often text is looked at that is percent-encoded
	// again, or stands in a parameter of a URL in a parameter.
	shownDepth = 5
)

// showQuery returns the query with the parameters in allowed as they came,
// still percent-encoded, and one [redacted] for all others. Names are redacted,
// too: some clients send a bare token where a name belongs. So is a pair with a
// semicolon: some servers read several parameters there, and net/url none. A
// value that holds a URL is shown as URLs are.
func showQuery(raw string, allowed []string, depth int) string {
	var b strings.Builder
	hidden := false
	for range shownParams {
		if raw == "" || b.Len() > shownBytes {
			break
		}
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		escaped, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(escaped)
		if err != nil || strings.Contains(pair, ";") || !slices.Contains(allowed, name) {
			hidden = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(showURLs(value, false, allowed, depth+1))
	}
	if hidden || raw != "" {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(redacted)
	}
	return b.String()
}

// showURLs returns text with what may be secret in its URLs redacted: user
// information, fragments, and the parameters of a query that are not allowed
// (RFC 3986 sections 3.2.1, 3.4 and 3.5). Where isURL is false, only what looks
// like a URL is taken for one. Text that is percent-encoded as a whole is
// decoded to look.
func showURLs(text string, isURL bool, allowed []string, depth int) string {
	text = shorten(text)
	if !strings.ContainsAny(text, "?#@%") {
		return text
	}
	if depth >= shownDepth {
		return redacted
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		end := strings.IndexAny(rest, " \t<>\"")
		if end < 0 {
			end = len(rest)
		}
		b.WriteString(showURL(rest[:end], isURL, allowed, depth))
		if end < len(rest) {
			b.WriteByte(rest[end])
			end++
		}
		rest = rest[end:]
	}
	if shown := b.String(); shown != text {
		return shown
	}
	if decoded := decode(text); decoded != text {
		if shown := showURLs(decoded, isURL, allowed, depth+1); shown != decoded {
			return shown
		}
	}
	return text
}

// showURL is showURLs for one word.
func showURL(word string, isURL bool, allowed []string, depth int) string {
	at := strings.IndexAny(word, "?#")
	if at < 0 {
		at = len(word)
	}
	before, after := word[:at], word[at:]
	// Browsers read a backslash as a slash.
	slashes := strings.ReplaceAll(before, `\`, "/")
	isURL = isURL || strings.HasPrefix(slashes, "/") || strings.Contains(slashes, "//") || strings.Contains(slashes, ":/")
	if isURL {
		before = hideUser(before, slashes)
	}
	query, fragment, _ := strings.Cut(strings.TrimPrefix(after, "?"), "#")
	if !isURL && !strings.Contains(after, "=") { // a question, or a boolean (RFC 9651)
		return word
	}
	if query != "" {
		before += "?" + showQuery(query, allowed, depth)
	}
	if fragment != "" {
		before += "#" + redacted
	}
	return before
}

// hideUser redacts the user information in what stands before the query. The
// authority begins after the slashes, however many a client writes, or where
// the word begins.
func hideUser(before, slashes string) string {
	start := 0
	if scheme := strings.Index(slashes, ":/"); scheme >= 0 {
		start = scheme + 1
	} else if relative := strings.Index(slashes, "//"); relative >= 0 {
		start = relative
	} else if strings.HasPrefix(slashes, "/") {
		return before // a path
	}
	for start < len(slashes) && slashes[start] == '/' {
		start++
	}
	end := strings.IndexByte(slashes[start:], '/')
	if end < 0 {
		end = len(slashes) - start
	}
	user := strings.LastIndexByte(slashes[start:start+end], '@')
	if user < 0 {
		return before
	}
	return before[:start] + redacted + before[start+user:]
}

// decode replaces the percent-encoded bytes of text, and leaves alone what only
// looks like one.
func decode(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// shorten cuts text that is longer than any record shows. The sign at its end
// makes sure that a user information which the cut has left without its end is
// still taken for one.
func shorten(text string) string {
	if len(text) > shownBytes {
		return text[:shownBytes] + "@"
	}
	return text
}

// joined returns the lines of a header as one (RFC 9110 section 5.3), bounded.
func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	var b strings.Builder
	for i, line := range lines {
		if b.Len() > shownBytes {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(shorten(line))
	}
	return b.String()
}
