package ratelimit

import "strconv"

// This file holds the part of Structured Field Values (RFC 9651) that the rate
// limit fields need, and the members of these fields
// (draft-ietf-httpapi-ratelimit-headers-10). Their syntax has changed with
// every few revisions of the draft.

// maxInteger bounds an Integer on both sides (RFC 9651 section 3.3.1).
const maxInteger = 999_999_999_999_999

// appendInteger serialises an Integer (RFC 9651 section 4.1.4).
func appendInteger(b []byte, n int64) ([]byte, bool) {
	if n < -maxInteger || n > maxInteger {
		return b, false
	}
	return strconv.AppendInt(b, n, 10), true
}

// appendString serialises a String (RFC 9651 section 4.1.6).
func appendString(b []byte, text string) ([]byte, bool) {
	start := len(b)
	b = append(b, '"')
	for i := range len(text) {
		char := text[i]
		if char < ' ' || char >= 0x7f {
			return b[:start], false
		}
		if char == '"' || char == '\\' {
			b = append(b, '\\')
		}
		b = append(b, char)
	}
	return append(b, '"'), true
}

// describe prepares the texts of a quota whose policy has that name. The name
// is one that [New] has checked and the numbers are bounded by [Rate], so that
// all of it can be serialised.
func (q *quota) describe(name string) {
	b, _ := appendString(nil, name)
	q.begin = string(b) + ";r="
	b = append(b, ";q="...)
	b, _ = appendInteger(b, q.narrow.Limit)
	b = append(b, ";w="...)
	b, _ = appendInteger(b, q.window())
	q.text = string(b)
	q.plain = strconv.FormatInt(q.narrow.Limit, 10) + ";w=" + strconv.FormatInt(q.window(), 10)
}

// appendLimit appends a member of RateLimit: what remains, and in how many
// seconds there is more (sections 4.1.1 and 4.1.2 of the draft).
func (q *quota) appendLimit(b []byte, remaining, seconds int64) []byte {
	b = append(b, q.begin...)
	b, _ = appendInteger(b, remaining)
	b = append(b, ";t="...)
	b, _ = appendInteger(b, seconds)
	return b
}
