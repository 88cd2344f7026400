package sanitize

// maxRounds is how often a text may have been escaped on top of what a server
// decodes.
const maxRounds = 3

// unescapeAll decodes the percent escapes of s until none is left.
func unescapeAll(s string) (text string, changed bool) {
	var room [examinedHead + examinedTail]byte
	out, changed := unescapeBytes(room[:0], s)
	if !changed {
		return s, false
	}
	return string(out), true
}

// unescapeBytes appends s to dst, with the percent escapes decoded until none
// is left, and with other spellings of ".", "/" and "\" replaced. What does not
// begin an escape stays.
func unescapeBytes(dst []byte, s string) (out []byte, changed bool) {
	out = append(dst, s...)
	for range maxRounds {
		n, again := 0, false
		for i := 0; i < len(out); {
			c, width := spelled(out[i:])
			out[n] = c
			again = again || width > 1
			n++
			i += width
		}
		out = out[:n]
		if !again {
			break
		}
		changed = true
	}
	return out, changed
}

// spelled returns the byte that b begins with, and how many bytes spell it.
func spelled(b []byte) (c byte, width int) {
	switch {
	case b[0] == '%' && len(b) >= 3 && isHex(b[1]) && isHex(b[2]):
		return unhex(b[1])<<4 | unhex(b[2]), 3
	case b[0] == '%' && len(b) >= 6 && b[1]|0x20 == 'u' && isHex(b[2]) && isHex(b[3]) && isHex(b[4]) && isHex(b[5]):
		switch high, low := unhex(b[2])<<4|unhex(b[3]), unhex(b[4])<<4|unhex(b[5]); {
		case high == 0:
			return low, 6
		case high == 0xff && low > 0 && low < 0x5f: // full width
			return low + 0x20, 6
		case high == 0x22 && low == 0x15, high == 0x20 && low == 0x44: // a division or fraction slash
			return '/', 6
		case high == 0x22 && low == 0x16: // a set minus
			return '\\', 6
		}
	case len(b) >= 2 && b[0] == 0xc0 && b[1]&0xc0 == 0x80: // two bytes for one of ASCII
		return b[1] & 0x3f, 2
	case len(b) >= 2 && b[0] == 0xc1 && b[1]&0xc0 == 0x80:
		return b[1]&0x3f | 0x40, 2
	case len(b) >= 3 && b[0] == 0xef && b[1] == 0xbc && (b[2] == 0x8e || b[2] == 0x8f): // full width
		return b[2] - 0x60, 3
	case len(b) >= 3 && b[0] == 0xe2 && (b[1] == 0x88 && b[2] == 0x95 || b[1] == 0x81 && b[2] == 0x84):
		return '/', 3
	}
	return b[0], 1
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
