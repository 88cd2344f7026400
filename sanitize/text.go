package sanitize

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// passes bounds how often a text is looked through. What one removal puts
// together ("<<b>b>") is for the next look.
const passes = 4

// stripMarkup takes markup out of a normalised text. What it returns is left
// alone by another call, holds no tag that does anything, and still holds none
// when a reader resolves its character references, once.
func stripMarkup(s string) string {
	for range passes {
		next := norm.NFC.String(interruptReferences(removeTags(s)))
		if next == s {
			return s
		}
		s = next
	}
	return interruptAll(s)
}

// removeTags takes out what the reader knows for markup, and separates the "<"
// of what is doubtful from what follows it.
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

// interruptReferences does the same for what s becomes when its character
// references are resolved: "&lt;script&gt;" is text, until somebody resolves
// it. Nothing is removed here, as the references may well be what the writer
// wants to be read.
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

// interruptAll interrupts whatever might open markup, harmless or not.
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
