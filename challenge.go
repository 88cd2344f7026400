package bulwark

import "strings"

// A Challenge is one way to authenticate that a 401 offers (RFC 9110 section
// 11.6.1).
type Challenge struct {
	// Scheme is the authentication scheme, such as "Bearer".
	Scheme string
	// Params are name and value pairs, sent in this order, values quoted.
	Params [][2]string
}

// String returns the challenge as it stands in WWW-Authenticate.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString(c.Scheme)
	for i, param := range c.Params {
		if i > 0 {
			b.WriteByte(',')
		}
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
