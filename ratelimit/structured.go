package ratelimit

import "strconv"

// This file holds the part of Structured Field Values (RFC 9651) that the rate
// limit fields need, and the members of these fields
// (draft-ietf-httpapi-ratelimit-headers-11). Their syntax has changed with
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

// describe prepares the texts of a quota whose policies have names. The names
// are made of one that [New] has checked and the numbers are bounded by [Rate],
// so that all of it can be serialised.
func (q *quota) describe() {
	var policies, plain []byte
	for i := range q.spans {
		s := &q.spans[i]
		if i > 0 {
			policies, plain = append(policies, ", "...), append(plain, ", "...)
		}
		name, _ := appendString(nil, s.narrow.Name)
		s.begin = string(name) + ";r="
		policies = append(append(policies, name...), ";q="...)
		policies = s.appendQuota(policies)
		plain = s.appendQuota(plain)
	}
	q.policies, q.plain = string(policies), string(plain)
}

// appendQuota appends the limit and its window.
func (s *span) appendQuota(b []byte) []byte {
	b, _ = appendInteger(b, s.narrow.Limit)
	b = append(b, ";w="...)
	b, _ = appendInteger(b, s.window())
	return b
}

// appendLimit appends a member of RateLimit: what is available, and in how many
// seconds there is more (sections 4.1.1 and 4.1.2 of the draft).
func (s *span) appendLimit(b []byte, remaining, seconds int64) []byte {
	b = append(b, s.begin...)
	b, _ = appendInteger(b, remaining)
	b = append(b, ";t="...)
	b, _ = appendInteger(b, seconds)
	return b
}
