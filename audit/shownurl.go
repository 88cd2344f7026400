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
	isOne          bool // and only a URL, with any characters
}

func newShownHeader(name string) shownHeader {
	h := shownHeader{canonical: http.CanonicalHeaderKey(name), key: strings.ToLower(name)}
	switch h.key {
	case "referer", "referrer", "origin", "location", "content-location", "link", "refresh", "destination", "sourcemap", "ping-from", "ping-to":
		h.isURL = true
	default:
		h.isURL = strings.HasSuffix(h.key, "url") || strings.HasSuffix(h.key, "uri") || strings.HasSuffix(h.key, "referer")
	}
	h.isOne = h.isURL && h.key != "link" && h.key != "refresh" && h.key != "origin"
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
// still percent-encoded, and one [redacted] for all others. Their names are
// redacted as well, because some clients send a bare token as a name. A pair
// with a semicolon is also redacted: some servers read several parameters
// there, and net/url none. A value that holds a URL is shown as URLs are.
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

// show returns the value of the header as a record shows it.
func (h *shownHeader) show(value string, allowed []string) string {
	if h.isOne && strings.ContainsAny(value, separators) {
		// No URL has such a character. Split there, the rest would be shown.
		value = strings.Map(func(c rune) rune {
			if strings.ContainsRune(separators, c) {
				return '_'
			}
			return c
		}, shorten(value))
	}
	return showURLs(value, h.isURL, allowed, 0)
}

// separators are what ends a URL in a text.
const separators = " \t<>\""

// showURLs returns text in which the secret parts of URLs are redacted: user
// information, parameters of a path, fragments, and the parameters of a query
// that are not allowed (RFC 3986 sections 3.2.1 and 3.3 to 3.5). If isURL is
// false, only a word that looks like a URL is read as a URL. Text that is
// percent-encoded as a whole is decoded for the search.
func showURLs(text string, isURL bool, allowed []string, depth int) string {
	text = shorten(text)
	if !strings.ContainsAny(text, "?#@%;&") {
		return text
	}
	if depth >= shownDepth {
		return redacted
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		end := strings.IndexAny(rest, separators)
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
	isURL = isURL || looksLikeURL(before)
	if isURL {
		before = showPath(hideUsers(before))
	}
	query, fragment, _ := strings.Cut(strings.TrimPrefix(after, "?"), "#")
	if !isURL && !strings.Contains(after, "=") { // a question, or a boolean (RFC 9651)
		return word
	}
	if after != "" { // otherwise showURLs decodes the word as a whole
		before = showURLs(before, isURL, allowed, depth+1)
	}
	if query != "" {
		before += "?" + showQuery(query, allowed, depth)
	}
	if fragment != "" {
		before += "#" + redacted
	}
	return before
}

// slashes returns text with the slashes that browsers read in it.
func slashes(text string) string { return strings.ReplaceAll(text, `\`, "/") }

func looksLikeURL(before string) bool {
	before = slashes(before)
	return strings.HasPrefix(before, "/") || strings.Contains(before, "//") || strings.Contains(before, ":/")
}

// hideUsers redacts the user information in what stands before the query. An
// authority begins after slashes, however many a client writes, or where the
// word begins. A list may hold several.
func hideUsers(before string) string {
	var b strings.Builder
	for first := true; before != ""; first = false {
		start := authority(before, first)
		if start < 0 {
			break
		}
		end := strings.IndexByte(slashes(before[start:]), '/')
		if end < 0 {
			end = len(before) - start
		}
		host := before[start : start+end]
		user := strings.LastIndexByte(host, '@')
		port := strings.LastIndexByte(host, ':')
		if user < 0 && port > strings.LastIndexByte(host, ']') && strings.Trim(host[port+1:], "0123456789") != "" {
			// What looks like a port is a password with a slash in it, or what
			// a question mark in one has left.
			user = strings.LastIndexByte(before[start:], '@')
			if user < 0 {
				user = end
			}
			end = max(end, user)
		}
		b.WriteString(before[:start])
		if user >= 0 {
			b.WriteString(redacted)
		}
		b.WriteString(before[start+max(0, user) : start+end])
		before = before[start+end:]
	}
	return b.String() + before
}

// authority returns where the next authority begins, or -1.
func authority(text string, first bool) int {
	text = slashes(text)
	start := strings.Index(text, ":/") + 1
	if start == 0 {
		start = strings.Index(text, "//")
	}
	switch {
	case start >= 0:
	case !first || strings.HasPrefix(text, "/"): // a path
		return -1
	default:
		start = 0
	}
	for start < len(text) && text[start] == '/' {
		start++
	}
	return start
}

// showPath redacts the parameters in the segments of a path, such as
// ";jsessionid=…" (RFC 3986 section 3.3), and those of a query that has lost
// its question mark.
func showPath(before string) string {
	if !strings.ContainsAny(before, ";&") {
		return before
	}
	segments := strings.Split(before, "/")
	for i, segment := range segments {
		if at := strings.IndexAny(segment, ";&"); at >= 0 && strings.Contains(segment[at:], "=") {
			segments[i] = segment[:at+1] + redacted
		}
	}
	return strings.Join(segments, "/")
}

// showRequestPath returns the path of a request, in which the same parts are
// redacted as in the path of a URL. A query is there if its question mark was
// encoded. Everything else stays as it came, because a path without secrets is
// what an attack is recognized by.
func showRequestPath(path string, allowed []string) string {
	before, query, _ := strings.Cut(path, "?")
	rest := path[len(before):]
	if strings.Contains(query, "=") {
		rest = "?" + showQuery(query, allowed, 0)
	}
	if strings.Contains(before, "@") && strings.Contains(before, ":/") {
		before = hideUsers(before)
	}
	return showPath(before) + rest
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

// shorten cuts text that is longer than any record shows. The cut may remove
// the end of a user information. The @ that shorten adds makes the rest still
// count as one.
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
