package jsondoc

import (
	"encoding/json"
	"strconv"
	"strings"
)

// maxExponent is more than any float64 needs, with any digits, in a token
// of a few hundred bytes.
const maxExponent = 1_000

// number reads the number token at hand.
func (d *decoder) number() (json.Number, *Error) {
	start := d.pos
	size, ok := scanNumber(d.src[start:])
	if !ok {
		return "", d.fail(KindSyntax, start+size)
	}
	token := d.src[start : start+size]
	if len(token) > d.limit.Number || !inRange(token) {
		return "", d.fail(KindNumber, start)
	}
	d.pos += size
	return json.Number(token), nil
}

// scanNumber measures the number at the start of s (RFC 8259, section 6). If
// there is none, size is where it went wrong.
func scanNumber(s string) (size int, ok bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	whole := i
	if i = digits(s, i); i == whole {
		return i, false
	}
	if s[whole] == '0' {
		i = whole + 1 // no leading zeros: the number ends here
	}
	if i < len(s) && s[i] == '.' {
		fraction := i + 1
		if i = digits(s, fraction); i == fraction {
			return i, false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		exponent := i
		if i = digits(s, exponent); i == exponent {
			return i, false
		}
	}
	return i, true
}

func digits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}

// inRange reports whether float64 can hold the number. A number that rounds to
// zero is refused, and a zero with an absurd exponent. For a program that
// computes exactly (a multipleOf in a schema, through math/big), 1e-999999
// costs as much as 1e999999.
func inRange(token string) bool {
	mark := strings.IndexAny(token, "eE")
	if mark < 0 && len(token) < 300 {
		return true
	}
	mantissa := token
	if mark >= 0 {
		mantissa = token[:mark]
		if n, err := strconv.Atoi(token[mark+1:]); err != nil || n > maxExponent || n < -maxExponent {
			return false
		}
	}
	f, err := strconv.ParseFloat(token, 64)
	if err != nil {
		return false
	}
	return f != 0 || strings.Trim(mantissa, "-0.") == ""
}
