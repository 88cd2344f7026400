package sanitize

import "strings"

// maxExpression bounds the text between the braces of a template, in bytes.
const maxExpression = 256

// hasTemplate reports whether s has an expression that a template engine would
// compute: a call, an operator, or a lookup. A bare name such as {{name}} is
// prose in many texts and is not an expression.
func hasTemplate(s string) bool {
	for i := 0; i+2 < len(s); i++ {
		c, next := s[i], s[i+1]
		var ends string
		switch {
		case c == '{' && next == '{':
			ends = "}}"
		case c == '{' && next == '%', c == '<' && next == '%':
			ends = "%}"
			if c == '<' {
				ends = "%>"
			}
		case (c == '$' || c == '#') && next == '{':
			ends = "}"
		default:
			continue
		}
		inner := s[i+2 : min(len(s), i+2+maxExpression)]
		if c == '$' && isLookup(inner) {
			return true
		}
		end := strings.Index(inner, ends)
		if end < 0 {
			continue
		}
		if c == '<' || isExpression(inner[:end]) {
			return true
		}
	}
	return false
}

// namesDirectory reports whether s has a lookup of JNDI, such as
// "jndi:ldap://example.com". Log4j decodes several other spellings of "${".
func namesDirectory(s string) bool {
	const name = "jndi"
	for i := strings.IndexByte(s, ':'); i >= 0; {
		rest := s[i+1:]
		if i >= len(name) && strings.EqualFold(s[i-len(name):i], name) {
			for _, scheme := range [...]string{"ldap", "rmi", "dns", "iiop", "nis", "corba", "nds", "http"} {
				if hasFoldPrefix(rest, scheme) {
					return true
				}
			}
		}
		next := strings.IndexByte(rest, ':')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

// isLookup reports whether the text after "${" is a lookup of Log4j (such as
// "jndi:"), also one that is hidden in another lookup.
func isLookup(s string) bool {
	if strings.HasPrefix(s, "${") || strings.HasPrefix(s, "::-") {
		return true
	}
	for _, name := range [...]string{"jndi:", "lower:", "upper:", "env:", "sys:", "java:", "ctx:", "main:", "date:", "script:", "dns:", "url:", "base64decoder:"} {
		if hasFoldPrefix(s, name) {
			return true
		}
	}
	return false
}

// isExpression reports whether the text between braces computes something.
func isExpression(s string) bool {
	for i := range len(s) {
		var before, after byte
		if i > 0 {
			before = s[i-1]
		}
		rest := strings.TrimLeft(s[i+1:], " ")
		if rest != "" {
			after = rest[0]
		}
		switch s[i] {
		case '(': // a call
			if isLetter(before) || isDigit(before) || before == '_' || before == ')' || before == ']' {
				return true
			}
		case '*', '+':
			left := strings.TrimRight(s[:i], " ")
			if left != "" && isOperand(left[len(left)-1]) && isOperand(after) && (isDigit(left[len(left)-1]) || isDigit(after)) && (left[0] != '/' && !isLetter(left[0])) {
				return true
			}
		case '_':
			if before == '_' && isLetter(after) {
				return true
			}
		case '.':
			if hasFoldPrefix(rest, "constructor") || hasFoldPrefix(rest, "class") || hasFoldPrefix(rest, "prototype") {
				return true
			}
		}
	}
	return false
}

// isOperand reports whether a byte ends or begins a number or a string.
func isOperand(c byte) bool { return isDigit(c) || c == '\'' || c == '"' }
