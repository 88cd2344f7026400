package bulwark

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// textOf returns the text of a cause. The queries, fragments and user
// information of its URLs are left out, because they hold secrets. The Error
// method of a nil pointer may panic: such a panic must not prevent the refusal.
func textOf(err error) (text string) {
	text = "an error without a text"
	defer func() { _ = recover() }()
	all := err.Error()
	left := maxCauses
	return withoutSecrets(withoutQueries(all, err, &left))
}

// maxCauses bounds how many errors of a tree are looked at.
const maxCauses = 100

// withoutQueries shortens the URL of each *url.Error in the tree of err, where
// it stands in the text. Such a URL may be relative.
func withoutQueries(text string, err error, left *int) string {
	if *left--; err == nil || *left < 0 {
		return text
	}
	if at, ok := err.(*url.Error); ok && at != nil && at.URL != "" {
		if short := shortURL(at.URL); short != at.URL {
			text = strings.ReplaceAll(text, strconv.Quote(at.URL), strconv.Quote(short))
			text = strings.ReplaceAll(text, at.URL, short)
		}
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return withoutQueries(text, wrapper.Unwrap(), left)
	case interface{ Unwrap() []error }:
		for _, each := range wrapper.Unwrap() {
			text = withoutQueries(text, each, left)
		}
	}
	return text
}

// anyCause reports whether one of the errors in the tree of err is such.
func anyCause(err error, is func(error) bool) bool {
	left := maxCauses
	var visit func(error) bool
	visit = func(err error) bool {
		if left--; err == nil || left < 0 {
			return false
		}
		if is(err) {
			return true
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			return visit(wrapper.Unwrap())
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(wrapper.Unwrap(), visit)
		}
		return false
	}
	return visit(err)
}

// withoutSecrets shortens every absolute URL in a text, and every path between
// quotation marks. An error that was flattened to text does not give its URL
// any more.
func withoutSecrets(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		quoted := text[i] == '/' && i > 0 && text[i-1] == '"'
		if !quoted && !strings.HasPrefix(text[i:], "://") {
			continue
		}
		end := i + urlEnd(text[i:])
		b.WriteString(text[:i])
		b.WriteString(shortURL(text[i:end]))
		text, i = text[end:], -1
	}
	return b.String() + text
}

// urlEnd returns where a URL ends in a text. A quotation mark that is escaped
// belongs to it.
func urlEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c <= ' ', c == '"', c == '`', c == '<', c == '>':
			return i
		}
	}
	return len(text)
}

// shortURL returns a URL without query, fragment, parameters of its path and
// user information. What stands behind a comma may be another URL.
func shortURL(text string) string {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i]
	}
	var b strings.Builder
	for text != "" {
		end := strings.IndexByte(text, '/') + 1
		if end == 0 {
			end = len(text)
		}
		if strings.HasSuffix(b.String(), "//") {
			user := userEnd(text, end)
			text, end = text[user:], max(0, end-user)
			if end == 0 {
				continue
			}
			if i := noPort(text[:end]); i >= 0 { // the rest of a password with a question mark in it
				b.WriteString(text[:i])
				text = strings.TrimLeft(text[end:], "/")
				continue
			}
		}
		segment := text[:end]
		if i := strings.IndexByte(segment, ';'); i >= 0 && strings.Contains(segment[i:], "=") { // RFC 3986 section 3.3
			segment = segment[:i] + strings.Repeat("/", strings.Count(segment[i:], "/"))
		}
		b.WriteString(segment)
		text = text[end:]
	}
	return b.String()
}

// userEnd returns where the user information in front of a host ends. The
// authority ends at end. If the port is not a number, it is the rest of a
// password with a slash in it, which should have been escaped.
func userEnd(text string, end int) int {
	if at := strings.LastIndexByte(text[:end], '@'); at >= 0 {
		return at + 1
	}
	if noPort(text[:end]) >= 0 {
		return strings.LastIndexByte(text, '@') + 1
	}
	return 0
}

// noPort returns the place of a port that is not a number, or -1.
func noPort(authority string) int {
	i := strings.LastIndexByte(authority, ':')
	if i > strings.LastIndexByte(authority, ']') && strings.Trim(strings.TrimSuffix(authority[i+1:], "/"), "0123456789") != "" {
		return i
	}
	return -1
}
