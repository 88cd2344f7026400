package sanitize

import "strings"

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// hasFoldPrefix reports whether s begins with prefix, which is in lower case,
// in any case.
func hasFoldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
