// Package token knows the tokens of HTTP (RFC 9110 section 5.6.2): names of
// methods, of header fields and of authentication schemes are tokens.
package token

// Is reports whether text is a token: one or more token bytes.
func Is(text string) bool {
	for i := range len(text) {
		if !Byte(text[i]) {
			return false
		}
	}
	return text != ""
}

// Byte reports whether c may stand in a token.
func Byte(c byte) bool { return c < 128 && bytes[c] }

var bytes = table("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

func table(allowed string) (set [128]bool) {
	for i := range len(allowed) {
		set[allowed[i]] = true
	}
	return set
}
