package sanitize

import (
	"strings"

	"golang.org/x/net/html"
)

const (
	relOpen = ` rel="`
	rel     = "nofollow noreferrer noopener"
)

// linkRelations gives each rel attribute in HTML that bluemonday has written
// the one value that it may have. bluemonday adds noopener only together with a
// target, and on an area it keeps the value that was submitted.
//
// In that HTML a "<" begins a tag, and every attribute has a value in double
// quotes. So the quotes of a tag come in pairs. The text between two values may
// end a name, but the text in a value may not: the value of title=" rel=" ends
// like the start of an attribute.
func linkRelations(s string) string {
	if !strings.Contains(s, relOpen) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 64)
	kept := 0
	for i := strings.IndexByte(s, '<'); i >= 0; {
		at := strings.IndexAny(s[i:], `">`)
		if at < 0 {
			break
		}
		start := i + at + 1
		if s[start-1] == '>' {
			next := strings.IndexByte(s[start:], '<')
			if next < 0 {
				break
			}
			i = start + next
			continue
		}
		end := strings.IndexByte(s[start:], '"')
		if end < 0 {
			break
		}
		if strings.HasSuffix(s[i:start], relOpen) {
			out.WriteString(s[kept:start])
			out.WriteString(rel)
			kept = start + end
		}
		i = start + end + 1
	}
	out.WriteString(s[kept:])
	return out.String()
}

const boxOpen = "<input "

// taskBoxes makes a disabled checkbox, as lists of tasks have it, of each input
// element in HTML that bluemonday has written, and takes out every other one:
// an input without a type is a field of a form. In that HTML, every
// text that looks like a tag is a tag.
func taskBoxes(s string) string {
	at := strings.Index(s, boxOpen)
	if at < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 64)
	for ; at >= 0; at = strings.Index(s, boxOpen) {
		out.WriteString(s[:at])
		s = s[at+len(boxOpen):]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			break
		}
		tag := " " + lower(s[:end])
		s = s[end+1:]
		if !strings.Contains(tag, ` type="checkbox"`) {
			continue
		}
		out.WriteString(`<input type="checkbox" disabled=""`)
		if strings.Contains(tag, ` checked="`) {
			out.WriteString(` checked=""`)
		}
		out.WriteByte('>')
	}
	out.WriteString(s)
	return out.String()
}

// urls are the attributes that hold a URL.
var urls = []string{"href", "src", "cite"}

// encodeSpaces writes the spaces inside of URLs in tags as "%20", as browsers
// read them (URL standard, path state). bluemonday refuses such a URL.
func encodeSpaces(s string) string {
	if !spaced(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 64)
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.String()
		}
		raw := string(z.Raw())
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken || !spaced(raw) {
			out.WriteString(raw)
			continue
		}
		token := z.Token()
		for i, a := range token.Attr {
			for _, name := range urls {
				if a.Key == name {
					token.Attr[i].Val = strings.ReplaceAll(strings.Trim(a.Val, " "), " ", "%20")
				}
			}
		}
		out.WriteString(token.String())
	}
}

// spaced reports whether a quoted value of a URL attribute in s may have a
// space inside, perhaps as a character reference.
func spaced(s string) bool {
	for {
		at := strings.IndexByte(s, '=')
		if at < 0 {
			return false
		}
		name := strings.TrimRight(s[:at], " \t\r\n\f")
		s = strings.TrimLeft(s[at+1:], " \t\r\n\f")
		if s == "" || s[0] != '"' && s[0] != '\'' || !endsWithURL(name) {
			continue
		}
		end := strings.IndexByte(s[1:], s[0])
		if end < 0 {
			return false
		}
		if url := strings.Trim(s[1:end+1], " "); strings.IndexByte(url, ' ') >= 0 || strings.Contains(url, "&#") {
			return true
		}
		s = s[end+2:]
	}
}

func endsWithURL(name string) bool {
	for _, url := range urls {
		if cut := len(name) - len(url); cut > 0 && strings.EqualFold(name[cut:], url) {
			return true
		}
	}
	return false
}
