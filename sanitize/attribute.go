package sanitize

import "strings"

// attributes are the text between the name of a tag and its end.
type attributes struct {
	count  int
	values bool // one of them has a value
	closed bool
	end    int // behind the ">", or where reading stopped
}

// attributes reads on from i, behind the name. It stops at a "<" outside of
// quotes. There an attribute would be called "<…", which nobody means. The next
// pass looks at what this "<" opens.
func (t *reader) attributes(i int) (a attributes) {
	s := t.text
	for {
		for i < len(s) && (isSpace(s[i]) || s[i] == '/') {
			i++
		}
		if a.end = i; i >= len(s) || s[i] == '<' {
			return a
		}
		if s[i] == '>' {
			a.closed, a.end = true, i+1
			return a
		}
		a.count++
		for i++; i < len(s) && !isSpace(s[i]) && s[i] != '/' && s[i] != '>' && s[i] != '=' && s[i] != '<'; {
			i++
		}
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i >= len(s) || s[i] != '=' {
			continue
		}
		a.values = true
		i = value(s, i+1)
	}
}

// value reads an attribute's value from i and returns where it ends.
func value(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		end := strings.IndexByte(s[i+1:], s[i])
		if end < 0 {
			return len(s)
		}
		return i + 1 + end + 1
	}
	for i < len(s) && !isSpace(s[i]) && s[i] != '>' && s[i] != '<' {
		i++
	}
	return i
}

// words reports whether the text from i up to the next ">" is words that do
// nothing as attributes: the path of a URL, or the parameters of a generic
// type. A browser makes attributes without a value of them. Some attributes do
// not need a value, and some programs give names a meaning of their own.
func (t *reader) words(i int) bool {
	rest := t.text[i:]
	end := strings.IndexByte(rest, '>')
	if end < 0 {
		return false
	}
	t.budget -= end
	rest = rest[:end]
	if strings.ContainsAny(rest, "=\"'`") {
		return false
	}
	for word := range strings.FieldsFuncSeq(rest, parts) {
		if effective(lower(word)) {
			return false
		}
	}
	return true
}

// parts separates words. Inside a tag a "<" is a part of a name.
func parts(c rune) bool { return c < 0x80 && isSpace(byte(c)) || c == '/' || c == '<' || c == ',' }

// globals are the attributes that every element has (HTML standard, section
// 3.2.6).
var globals = set(`accesskey autocapitalize autocorrect autofocus class contenteditable dir draggable enterkeyhint exportparts
	headingoffset headingreset hidden id inert inputmode is itemid itemprop itemref itemscope itemtype lang nonce part popover slot
	spellcheck style tabindex title translate writingsuggestions`)

// prefixes begin the names that browsers, and the programs of pages, give a
// meaning to on any element.
var prefixes = []string{"on", "data-", "aria-", "x-", "v-", "ng-", "hx-", "@", ":", "*", "[", "(", "{"}

// effective reports whether an attribute of this name, in lower case, may do
// something without a value on an element that nobody knows.
func effective(name string) bool {
	if globals[name] {
		return true
	}
	for _, prefix := range prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
