package sanitize

import "strings"

// passes bounds how often a text is looked through. Removing one tag may put
// together another one ("<<b>b>"), which the next pass finds.
const passes = 4

// stripMarkup takes markup out of a normalised text. The result holds no tag
// that does anything, also after a reader has resolved its character references
// once. Another call leaves the result unchanged.
func stripMarkup(s string) string {
	for range passes {
		next := compose(interruptReferences(removeTags(s)))
		if next == s {
			return s
		}
		s = next
	}
	return interruptAll(s)
}

// removeTags takes out the tags, comments and declarations that the reader
// recognises. Where the reader is in doubt, it puts a space behind the "<".
func removeTags(s string) string {
	t := newReader(s)
	i := t.next(0)
	if i < 0 {
		return s
	}
	var out strings.Builder
	kept := 0
	parted := false // by a block, of which nothing has been written yet
	write := func(text string) {
		if text == "" {
			return
		}
		if parted && out.Len() > 0 && !isSpace(out.String()[out.Len()-1]) && !isSpace(text[0]) {
			out.WriteByte(' ')
		}
		parted = false
		out.WriteString(text)
	}
	for ; i >= 0; i = t.next(i) {
		switch m := t.judge(i); m.verdict {
		case keep:
			i++
		case interrupt:
			i++
			write(s[kept:i])
			out.WriteByte(' ')
			kept = i
		default:
			write(s[kept:i])
			parted = parted || m.verdict == separate
			i, kept = m.end, m.end
		}
	}
	if kept == 0 {
		return s
	}
	write(s[kept:])
	return out.String()
}

// interruptReferences looks at the text that s becomes when its character
// references are resolved: "&lt;script&gt;" is text until somebody resolves it.
// Nothing is removed here, because the writer may want readers to see the
// references. Every "<" that would open markup gets a space behind it.
func interruptReferences(s string) string {
	if !mayResolve(s) {
		return s
	}
	u := resolve(s)
	t := newReader(u.text)
	var places []int
	for i := t.next(0); i >= 0; i = t.next(i + 1) {
		if t.judge(i).verdict != keep {
			places = append(places, u.behind(i))
		}
	}
	return insertSpaces(s, places)
}

// interruptAll puts a space behind every "<" that might open markup.
func interruptAll(s string) string {
	u := resolve(s)
	t := newReader(u.text)
	var places []int
	for i := t.next(0); i >= 0; i = t.next(i + 1) {
		places = append(places, u.behind(i))
	}
	return insertSpaces(s, places)
}

func insertSpaces(s string, places []int) string {
	if len(places) == 0 {
		return s
	}
	out := make([]byte, 0, len(s)+len(places))
	kept := 0
	for _, at := range places {
		out = append(append(out, s[kept:at]...), ' ')
		kept = at
	}
	return string(append(out, s[kept:]...))
}
