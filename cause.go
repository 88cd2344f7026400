package bulwark

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// textOf returns the text of a cause without the queries, fragments and user
// information of its URLs: they hold the secrets of whoever was asked. An error
// whose Error panics, as that of a nil pointer may, must not take the refusal
// with it.
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

// withoutSecrets shortens every absolute URL in a text: an error that was
// flattened on the way cannot be asked for its URL any more.
func withoutSecrets(text string) string {
	i := strings.Index(text, "://")
	if i < 0 {
		return text
	}
	var b strings.Builder
	for ; i >= 0; i = strings.Index(text, "://") {
		end := i + 3 + urlEnd(text[i+3:])
		b.WriteString(text[:i])
		b.WriteString(shortURL(text[i:end]))
		text = text[end:]
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

// shortURL returns a URL without query, fragment and user information.
func shortURL(text string) string {
	if i := strings.IndexAny(text, "?#"); i >= 0 {
		text = text[:i]
	}
	i := strings.Index(text, "//")
	if i < 0 {
		return text
	}
	host := text[i+2:]
	end := strings.IndexByte(host, '/')
	if end < 0 {
		end = len(host)
	}
	if at := strings.LastIndexByte(host[:end], '@'); at >= 0 {
		return text[:i+2] + host[at+1:]
	}
	return text
}
