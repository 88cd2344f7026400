package bulwark

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/token"
)

// A Challenge is one way to authenticate that a 401 offers (RFC 9110 section
// 11.6.1).
type Challenge struct {
	// Scheme is the authentication scheme, such as "Bearer".
	Scheme string
	// Params are pairs of a name and a value. They are sent in this order. The
	// values are quoted.
	Params [][2]string
}

// String returns the challenge as a WWW-Authenticate field. A parameter whose
// name is not a token is left out.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString(onlyToken(c.Scheme))
	sent := false
	for _, param := range c.Params {
		if !token.Is(param[0]) {
			continue // would end the challenge, or begin another one
		}
		if sent {
			b.WriteByte(',')
		}
		sent = true
		b.WriteByte(' ')
		b.WriteString(param[0])
		b.WriteString(`="`)
		for _, char := range []byte(param[1]) {
			if char < ' ' || char == 0x7f {
				continue // cannot stand in a quoted-string (RFC 9110 section 5.6.4)
			}
			if char == '"' || char == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(char)
		}
		b.WriteByte('"')
	}
	return b.String()
}

// onlyToken returns the bytes of text that may stand in a token.
func onlyToken(text string) string {
	if token.Is(text) {
		return text
	}
	return strings.Map(func(c rune) rune {
		if c < 0x80 && token.Byte(byte(c)) {
			return c
		}
		return -1
	}, text)
}
