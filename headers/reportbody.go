package headers

import (
	"bytes"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// perRequest is how many reports of one request are read. Browsers put up to a
// hundred into one.
const perRequest = 100

// reportLimits bound one report.
var reportLimits = jsondoc.Limits{Depth: 8, Keys: 200, Items: 100}

// violationsIn finds the violations in a body, and counts the reports that it
// does not read. It decides by the shape of the body and not by the media type:
// Safari sends a single report of the Reporting API as application/csp-report.
// Reports of other kinds, such as deprecations, are not violations and are
// ignored. It reports false if nothing in the body is a report.
func violationsIn(data []byte) (found []violation, unread int, ok bool) {
	data = wellFormed(data)
	items, more, list, whole := itemsOf(data)
	if !whole {
		return nil, 0, false
	}
	if !list {
		report, ok := object(data)
		if !ok || !isReport(report) {
			return nil, 0, false
		}
		return appendViolation(nil, report), 0, true
	}
	broken := 0
	for _, item := range items {
		report, ok := object(item)
		if !ok {
			broken++
			continue
		}
		found = appendViolation(found, report)
	}
	return found, more + broken, len(items) == 0 || broken < len(items)
}

// object decodes one report.
func object(data []byte) (map[string]any, bool) {
	limits := reportLimits
	limits.Bytes = len(data)
	value, err := jsondoc.DecodeValue(data, limits)
	report, ok := value.(map[string]any)
	return report, ok && err == nil
}

// isReport reports whether an object is a report of either format.
func isReport(report map[string]any) bool {
	_, old := report["csp-report"].(map[string]any)
	_, current := report["body"].(map[string]any)
	return old || current
}

// appendViolation adds the violation that a report is about, if it is about
// one: by report-uri (CSP Level 2) or by report-to (Reporting API).
func appendViolation(found []violation, report map[string]any) []violation {
	if inner, ok := report["csp-report"].(map[string]any); ok {
		return append(found, violationOf(inner, "effective-directive", "document-uri", "blocked-uri", "source-file", "line-number"))
	}
	if inner, ok := report["body"].(map[string]any); ok && report["type"] == "csp-violation" {
		return append(found, violationOf(inner, "effectiveDirective", "documentURL", "blockedURL", "sourceFile", "lineNumber"))
	}
	return found
}

// itemsOf returns the first items of an array, as text, and how many more there
// are. It looks at brackets and strings alone; each item is still to be
// decoded. List is false where data is not an array, and whole is false where
// its brackets do not match.
func itemsOf(data []byte) (items [][]byte, more int, list, whole bool) {
	data = bytes.Trim(data, " \t\r\n")
	if len(data) == 0 || data[0] != '[' {
		return nil, 0, false, true
	}
	depth, begin := 0, 1
	end := func(i int) {
		if len(items) < perRequest {
			items = append(items, data[begin:i])
		} else {
			more++
		}
		begin = i + 1
	}
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			if i = closing(data, i); i == len(data) {
				return nil, 0, true, false
			}
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				end(i)
			}
		}
		if depth == 0 {
			if i != len(data)-1 || data[i] != ']' {
				return nil, 0, true, false
			}
			if len(items) > 0 || len(bytes.Trim(data[1:i], " \t\r\n")) > 0 {
				end(i)
			}
			return items, more, true, true
		}
	}
	return nil, 0, true, false
}

// closing returns the place of the quote that closes the string at i, or the
// length of data.
func closing(data []byte, i int) int {
	for i++; i < len(data) && data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return min(i, len(data))
}

// wellFormed returns a copy of data as browsers decode it: without a byte order
// mark, and with U+FFFD in place of what is not UTF-8 (Encoding, UTF-8 decode)
// and of each half of a surrogate pair. A browser cuts the sample of a script
// after 40 UTF-16 units, and so through the middle of an emoji.
func wellFormed(data []byte) []byte {
	data = bytes.ToValidUTF8(data, []byte("\uFFFD")) // which is a copy
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		unit, ok := escaped(data[i:])
		switch next, _ := escaped(data[min(i+6, len(data)):]); {
		case !ok:
			i++ // past the character that is escaped
		case 0xD800 <= unit && unit <= 0xDBFF && 0xDC00 <= next && next <= 0xDFFF:
			i += 11
		case 0xD800 <= unit && unit <= 0xDFFF:
			copy(data[i+2:], "fffd")
			i += 5
		default:
			i += 5
		}
	}
	return data
}

// escaped returns the UTF-16 unit that text begins with as \uXXXX.
func escaped(text []byte) (unit int, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | int(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | int(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}
