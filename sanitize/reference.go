package sanitize

import (
	"html"
	"slices"
	"strings"
)

// mayResolve reports whether resolving the character references of s could
// produce a "<", or could make markup of a "<" that s has already.
func mayResolve(s string) bool {
	raw := strings.IndexByte(s, '<') >= 0
	for i := strings.IndexByte(s, '&'); i >= 0 && i+1 < len(s); {
		switch c := s[i+1]; {
		case c == '#', raw && isLetter(c), c == 'l', c == 'L':
			return true
		}
		at := strings.IndexByte(s[i+1:], '&')
		if at < 0 {
			return false
		}
		i += 1 + at
	}
	return false
}

// resolved is a text after its character references have been resolved once.
type resolved struct {
	text string
	less []place // of each "<", in order
}

// place is a "<": its offset in the resolved text, and the end of the text that
// stands for it in the original.
type place struct{ at, behind int }

// resolve resolves the character references of s.
func resolve(s string) resolved {
	var r resolved
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '&' {
			if s[i] == '<' {
				r.less = append(r.less, place{len(out), i + 1})
			}
			out = append(out, s[i])
			i++
			continue
		}
		width := referenceWidth(s[i:])
		text := html.UnescapeString(s[i : i+width])
		if text[0] == '<' {
			r.less = append(r.less, place{len(out), i + lessWidth(s[i:i+width])})
		}
		out = append(out, text...)
		i += width
	}
	r.text = string(out)
	return r
}

// behind returns, for the "<" at i in the resolved text, its end in the
// original.
func (r *resolved) behind(i int) int {
	n, _ := slices.BinarySearchFunc(r.less, i, func(p place, i int) int { return p.at - i })
	return r.less[n].behind
}

// referenceWidth returns the length of the longest text at the start of s that
// could be one reference. Resolved alone, this text gives the same result as
// within s.
func referenceWidth(s string) int {
	i := 1
	if i < len(s) && s[i] == '#' {
		i++
	}
	for i < len(s) && (isLetter(s[i]) || s[i] >= '0' && s[i] <= '9') {
		i++
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return i
}

// lessWidth returns the length of the reference for "<" at the start of s:
// "&lt", "&#60" or "&#x3c", with or without the semicolon. "LT" in capitals
// counts, and so do numbers with zeros before them. ("&nvlt;" is "<" with an
// overlay, which opens nothing.)
func lessWidth(s string) int {
	i := len("&lt")
	switch {
	case s[1] == '#' && s[2]|0x20 == 'x':
		i = strings.IndexByte(s, '3') + len("3c")
	case s[1] == '#':
		i = strings.IndexByte(s, '6') + len("60")
	}
	if i < len(s) && s[i] == ';' {
		i++
	}
	return i
}
