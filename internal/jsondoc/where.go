package jsondoc

import "strconv"

// NamePointer returns the JSON pointer (RFC 6901) of the object member whose
// name begins at the offset, for an answer: its names are as [Legible] writes
// them. It is for an [Error] with KindDuplicateKey and its Offset. src is the
// document that Decode has refused, which is well formed up to the offset. If
// the pointer would be longer than 256 bytes, NamePointer returns the pointer
// of the innermost array or object around the member whose pointer is not. It
// returns "" if no name begins at the offset.
func NamePointer(src []byte, offset int) string {
	name, end := nameAt(src, offset)
	if end == 0 {
		return ""
	}
	var out []byte
	ok := true
	for _, step := range wayTo(src[:offset]) {
		segment := ""
		if step.name < 0 {
			segment = strconv.Itoa(step.index)
		} else {
			segment, _ = nameAt(src, step.name)
			segment = Legible(segment)
		}
		if out, ok = AppendSegment(out, segment, maxPointer); !ok {
			return string(out)
		}
	}
	out, _ = AppendSegment(out, Legible(name), maxPointer)
	return string(out)
}

// nameAt decodes the string that begins at the offset. The end is 0 if there is
// none.
func nameAt(src []byte, offset int) (name string, end int) {
	if offset < 0 || offset >= len(src) || src[offset] != '"' {
		return "", 0
	}
	end = skipString(src, offset)
	v, err := DecodeValue(src[offset:end], Limits{Bytes: len(src), Name: len(src)})
	name, ok := v.(string)
	if err != nil || !ok {
		return "", 0
	}
	return name, end
}

// skipString returns where the string that begins at the offset ends.
func skipString(src []byte, offset int) int {
	for i := offset + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(src)
}

// A wayStep is a member or an element on the way to a place in a text.
type wayStep struct {
	name  int // where the name begins, or -1 in an array
	index int
}

// wayTo returns the members and elements that are open at the end of a text,
// without the innermost object itself.
func wayTo(src []byte) []wayStep {
	var open []wayStep
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '{':
			open = append(open, wayStep{name: 0})
		case '[':
			open = append(open, wayStep{name: -1})
		case '}', ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case ',':
			if len(open) > 0 {
				open[len(open)-1].index++
			}
		case '"':
			end := skipString(src, i)
			if n := len(open) - 1; n >= 0 && open[n].name >= 0 && isName(src, end) {
				open[n].name = i
			}
			i = end - 1
		}
	}
	if len(open) == 0 {
		return nil
	}
	return open[:len(open)-1]
}

// isName reports whether a colon follows.
func isName(src []byte, end int) bool {
	for ; end < len(src); end++ {
		switch src[end] {
		case ' ', '\t', '\r', '\n':
		default:
			return src[end] == ':'
		}
	}
	return false
}
