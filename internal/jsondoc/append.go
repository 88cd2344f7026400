package jsondoc

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Append appends the JSON text of v to dst, always the same for equal values:
// names sorted by their bytes, no white space, a json.Number as it is written.
// Characters that mean something in HTML are not escaped; U+2028 and U+2029,
// which end a line in JavaScript, are.
//
// v is a value as Decode makes it. An int, int64 or float64 may stand for a
// number. Append returns dst as it was and an error for:
//
//   - a value of any other type;
//   - a string that is not UTF-8;
//   - names in one object that differ only by case folding;
//   - a json.Number or float64 that is not a JSON number, or is beyond the
//     range that Decode reads;
//   - a nesting beyond 10,000, which a value that contains itself reaches.
//
// So Decode can read the text that Append writes, under limits that are wide
// enough.
func Append(dst []byte, v any) ([]byte, error) {
	out, err := appendValue(dst, v, 0)
	if err != nil {
		return dst, err
	}
	return out, nil
}

var (
	errTooDeep    = errors.New("value nested too deeply")
	errNotUTF8    = errors.New("string is not UTF-8")
	errNotNumber  = errors.New("number has no JSON text")
	errOutOfRange = errors.New("number out of range")
	errAmbiguous  = errors.New("names that differ only by case")
)

func appendValue(dst []byte, v any, depth int) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		if !utf8.ValidString(v) {
			return nil, errNotUTF8
		}
		return appendString(dst, v), nil
	case json.Number:
		if !isNumber(string(v)) {
			return nil, errNotNumber
		}
		if !inRange(string(v)) {
			return nil, errOutOfRange
		}
		return append(dst, v...), nil
	case []any:
		return appendArray(dst, v, depth)
	case map[string]any:
		return appendObject(dst, v, depth)
	case int:
		return strconv.AppendInt(dst, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, errNotNumber
		}
		format := byte('f')
		if size := math.Abs(v); size != 0 && (size < 1e-6 || size >= 1e21) {
			format = 'e'
		}
		return strconv.AppendFloat(dst, v, format, -1, 64), nil
	}
	return nil, fmt.Errorf("no JSON text for the Go type %T", v)
}

func appendArray(dst []byte, list []any, depth int) ([]byte, error) {
	if depth == maxDepth {
		return nil, errTooDeep
	}
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, v, depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, object map[string]any, depth int) ([]byte, error) {
	if depth == maxDepth {
		return nil, errTooDeep
	}
	var buf [16]string
	dst = append(dst, '{')
	names := sortedNames(buf[:0], object)
	if ambiguous(names) {
		return nil, errAmbiguous
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !utf8.ValidString(name) {
			return nil, errNotUTF8
		}
		dst = append(appendString(dst, name), ':')
		var err error
		if dst, err = appendValue(dst, object[name], depth+1); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

func sortedNames(names []string, object map[string]any) []string {
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// ambiguous reports whether two names differ only by case. All the names of
// nearly every object are their own folded form.
func ambiguous(names []string) bool {
	if !slices.ContainsFunc(names, func(name string) bool { return !isFolded(name) }) {
		return false
	}
	folded := make(map[string]struct{}, len(names))
	for _, name := range names {
		folded[Fold(name)] = struct{}{}
	}
	return len(folded) < len(names)
}

func isNumber(s string) bool {
	size, ok := scanNumber(s)
	return ok && size == len(s)
}

// appendString appends s as a string token. What is not UTF-8 in s becomes
// U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	kept := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		r, width := rune(c), 1
		if c >= utf8.RuneSelf {
			r, width = utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || width > 1) {
				i += width
				continue
			}
		}
		dst = append(dst, s[kept:i]...)
		i += width
		kept = i
		switch r {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		}
	}
	return append(append(dst, s[kept:]...), '"')
}
