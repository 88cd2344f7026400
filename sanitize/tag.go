package sanitize

import (
	"slices"
	"strings"
)

// A verdict decides what happens to one "<" that may open markup.
type verdict int

const (
	keep      verdict = iota // it is text, or a tag that does nothing
	remove                   // a tag, comment or declaration
	separate                 // a tag between two texts: a space takes its place
	interrupt                // in doubt: a space behind the "<" makes it text
)

// markup is what the reader found at one "<".
type markup struct {
	verdict verdict
	end     int // where it ends, for remove and separate
}

// reader judges each "<" of one text as the tokenizer of the HTML standard
// (section 13.2.5) would read it.
//
// Unfinished tags and open quotes make that tokenizer read ahead from each "<"
// anew, which takes quadratic time. The reader counts the bytes that it reads
// ahead. When a text has used up its budget, every further "<" that could open
// something is interrupted unread.
type reader struct {
	text      string
	lastClose int // of ">" in text, -1 if there is none
	lastEqual int // of "=" in text, -1 if there is none
	budget    int
}

func newReader(text string) reader {
	return reader{
		text:      text,
		lastClose: strings.LastIndexByte(text, '>'),
		lastEqual: strings.LastIndexByte(text, '='),
		budget:    8*len(text) + 256,
	}
}

// opens reports whether c, behind a "<", begins markup. Behind any other
// character a "<" is text (tag open state).
func opens(c byte) bool { return isLetter(c) || c == '/' || c == '!' || c == '?' }

// next returns the place of the first "<" at or behind i that may open markup,
// and -1 if there is none.
func (t *reader) next(i int) int {
	for {
		at := strings.IndexByte(t.text[i:], '<')
		if at < 0 || i+at+1 >= len(t.text) {
			return -1
		}
		i += at
		if opens(t.text[i+1]) {
			return i
		}
		i++
	}
}

// judge reads what the "<" at i opens.
func (t *reader) judge(i int) markup {
	if t.budget <= 0 {
		return markup{verdict: interrupt}
	}
	switch t.text[i+1] {
	case '!', '?':
		return t.declaration(i)
	case '/':
		if i+2 >= len(t.text) || !isLetter(t.text[i+2]) {
			return t.stray(i)
		}
		return t.tag(i, i+2)
	}
	return t.tag(i, i+1)
}

// stray reads a "</", "<!" or "<?" that begins no tag or declaration. A browser
// reads a comment there, up to the next ">" (bogus comment state), but the
// writer means no comment. Where no ">" follows in the text, the next ">" of
// the page would end it. Then only the common cases are kept: "</3", and the
// two characters alone.
func (t *reader) stray(i int) markup {
	alone := i+2 >= len(t.text) || isSpace(t.text[i+2])
	if t.lastClose < i && (alone || t.text[i+1] == '/' && t.text[i+2] >= '0' && t.text[i+2] <= '9') {
		return markup{verdict: keep}
	}
	return markup{verdict: interrupt}
}

// declaration reads a comment, a doctype, a CDATA section or a processing
// instruction.
func (t *reader) declaration(i int) markup {
	rest := t.text[i:]
	if strings.HasPrefix(rest, "<!--") {
		return t.comment(i)
	}
	if len(rest) < 3 || !isLetter(rest[2]) && rest[2] != '[' {
		return t.stray(i)
	}
	if t.lastClose < i || rest[1] == '!' && rest[2] != '[' && !declares(rest[2:]) {
		return markup{verdict: interrupt}
	}
	// In HTML a CDATA section ends at its first ">" like every other
	// declaration (markup declaration open state).
	end := strings.IndexByte(rest, '>') + 1
	t.budget -= end
	return markup{remove, i + end}
}

// declarations are those of HTML, SGML and XML. A chat writes "<!here>".
var declarations = []string{"doctype", "element", "attlist", "entity", "notation"}

// declares reports whether s begins with the name of a declaration.
func declares(s string) bool {
	name := lower(leading(s[:min(len(s), longest)]))
	return slices.Contains(declarations, name)
}

// comment reads a comment. It ends with "-->" or "--!>". "<!-->" and "<!--->"
// are whole comments (comment start state).
func (t *reader) comment(i int) markup {
	if t.lastClose < i {
		return markup{verdict: interrupt}
	}
	end := len(t.text)
	at := strings.Index(t.text[i+len("<!"):], "-->")
	if at >= 0 {
		end = i + len("<!") + at + len("-->")
	}
	t.budget -= end - i
	if bang := strings.Index(t.text[i+len("<!--"):end], "--!>"); bang >= 0 {
		return markup{remove, i + len("<!--") + bang + len("--!>")}
	}
	if at < 0 {
		return markup{verdict: interrupt}
	}
	return markup{remove, end}
}

// tag reads the start or end tag at i whose name begins at start.
func (t *reader) tag(i, start int) markup {
	end := start
	for end < len(t.text) && !isSpace(t.text[end]) && t.text[end] != '/' && t.text[end] != '>' {
		end++
	}
	t.budget -= end - i
	name := t.text[start:end]
	if t.lastClose < i {
		return t.unfinished(i, end, name)
	}
	if strings.IndexByte(name, '<') >= 0 {
		return t.nested(name, end)
	}
	known := meaningful(name)
	if !known && strings.ContainsAny(name, ",:") && t.words(end) { // Map<K, V>, <https://example.com/a>
		return markup{verdict: keep}
	}
	a := t.attributes(end)
	t.budget -= a.end - end
	switch {
	case !a.closed:
		return markup{verdict: interrupt}
	case a.count == 0 && !known: // List<String>, <bob@example.com>
		return markup{verdict: keep}
	case a.count == 0 && !element(name): // <user-id>
		return markup{verdict: interrupt}
	case !known && (!a.values || strings.HasSuffix(name, ":") && strings.HasPrefix(t.text[end:], "//")):
		return markup{verdict: interrupt} // x<y and z>0, <https://example.com/?q=1>
	case known && len(name) == 1 && a.count > 0 && !a.values: // a<b and c>d
		return markup{verdict: interrupt}
	case blocks[lower(name)]:
		return markup{separate, a.end}
	case t.text[i+1] != '/':
		return markup{remove, t.content(name, a.end)}
	}
	return markup{remove, a.end}
}

// unfinished reads a tag that no ">" ends. A parser drops it together with the
// rest of the text, so by itself it does nothing. The page behind the text may
// complete it. So a tag with a value in it is interrupted, and a tag of an
// element whose name is longer than one letter, or ends with white space or a
// slash: "a<b c" and "</p>" together are an element. Every other text is a
// formula, which people write: "a<b", "count<max". A name that stands at the
// end of the text still goes on in a page that does not escape it. The rules
// for one value cannot prevent that.
func (t *reader) unfinished(i, end int, name string) markup {
	if t.lastEqual > i || end < len(t.text) && meaningful(name) {
		return markup{verdict: interrupt}
	}
	if name = leading(name); len(name) > 1 && meaningful(name) {
		return markup{verdict: interrupt}
	}
	return markup{verdict: keep}
}

// nested reads a tag whose name holds another "<". It is kept only for a type
// such as Map<String,List<Integer>>, where no part is the name of an element.
func (t *reader) nested(name string, end int) markup {
	if end == len(t.text) || t.text[end] != '>' || custom(name) {
		return markup{verdict: interrupt}
	}
	for part := range strings.SplitSeq(name, "<") {
		if meaningful(leading(part)) || part == "" || !isLetter(part[0]) {
			return markup{verdict: interrupt}
		}
	}
	return markup{verdict: keep}
}

// leading returns the letters, digits, hyphens and colons that name begins
// with.
func leading(name string) string {
	for i := 0; i < len(name); i++ {
		if c := name[i]; !isLetter(c) && (c < '0' || c > '9') && c != '-' && c != ':' && c < 0x80 {
			return name[:i]
		}
	}
	return name
}

// content returns the end of a start tag that has been read up to i, together
// with its content where that is removed too. The content of script and style
// is not meant to be seen: it ends behind the end tag, if there is one.
func (t *reader) content(name string, i int) int {
	if name = lower(name); name != "script" && name != "style" {
		return i
	}
	start := i
	for {
		at := strings.Index(t.text[i:], "</")
		if at < 0 {
			t.budget -= len(t.text) - start
			return start
		}
		i += at + 2
		if end := i + len(name); end < len(t.text) && strings.EqualFold(t.text[i:end], name) &&
			(isSpace(t.text[end]) || t.text[end] == '/' || t.text[end] == '>') {
			a := t.attributes(end)
			t.budget -= a.end - start
			if a.closed {
				return a.end
			}
			return start
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }
