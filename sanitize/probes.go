package sanitize

import (
	"strings"
)

// startsClause reports whether a string without any mark looks like the end of
// an SQL statement: a number or "union", and then words of SQL, such as "1 or 1
// like 1". Prose also begins so, such as "1 or 2 people".
func startsClause(s string) bool {
	first, rest, _ := strings.Cut(strings.TrimLeft(s, " \t\r\n+-"), " ")
	if strings.EqualFold(first, "union") {
		return hasWord(rest, "select")
	}
	if first == "" || strings.Trim(first, "0123456789.") != "" {
		return false
	}
	second, rest, _ := strings.Cut(strings.TrimLeft(rest, " \t\r\n+-"), " ")
	switch len(second) {
	case 2, 3:
		if strings.EqualFold(second, "or") || strings.EqualFold(second, "and") || strings.EqualFold(second, "xor") {
			return hasWord(rest, "like", "rlike", "regexp", "between", "is", "not", "exists", "select", "true", "false", "null", "div", "mod")
		}
	case 5:
		if strings.EqualFold(second, "union") {
			return hasWord(rest, "select")
		}
		if strings.EqualFold(second, "order") || strings.EqualFold(second, "group") {
			return hasFoldPrefix(rest, "by ")
		}
		if strings.EqualFold(second, "limit") {
			return rest != "" && isDigit(rest[0])
		}
	case 6:
		return strings.EqualFold(second, "having") && rest != "" && isDigit(rest[0])
	case 7:
		return strings.EqualFold(second, "waitfor")
	case 9:
		return strings.EqualFold(second, "procedure")
	}
	return false
}

// hasWord reports whether one of the words is in s, in any case.
func hasWord(s string, words ...string) bool {
	for word := range strings.FieldsSeq(s) {
		for _, want := range words {
			if strings.EqualFold(word, want) {
				return true
			}
		}
	}
	return false
}

// operators are the operators of MongoDB's queries, updates and expressions
// that change what a query means. Names of other formats that begin with the
// same mark are not among them, such as "$ref", "$schema", "$id" and "$date".
var operators = set(
	`ne eq gt gte lt lte in nin and or nor not exists type expr jsonschema mod
	regex text where all elemmatch size options function accumulator set unset
	inc mul push pull pop addtoset rename setoninsert lookup merge out match
	project group unionwith graphlookup cond search near nearsphere geowithin
	geointersects`,
)

// isOperator reports whether a name is an operator: "$ne" in a body, "x[$ne]"
// in a form or query.
func isOperator(name string, at part) bool {
	if at == bodyName {
		return strings.HasPrefix(name, "$") && isOperatorWord(name[1:])
	}
	for i := strings.IndexByte(name, '$'); i >= 0; {
		rest := name[i+1:]
		if end := strings.IndexByte(rest, ']'); end > 0 && i > 0 && name[i-1] == '[' && isOperatorWord(rest[:end]) {
			return true
		}
		next := strings.IndexByte(rest, '$')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return strings.HasPrefix(name, "$") && isOperatorWord(name[1:])
}

func isOperatorWord(word string) bool {
	return len(word) > 1 && len(word) <= 16 && operators[strings.ToLower(word)]
}

// hasOperator reports whether a value is JSON with the name of an operator in
// it, such as {"$gt":""}.
func hasOperator(s string) bool {
	for i := strings.IndexByte(s, '$'); i >= 0; {
		rest := s[i+1:]
		if i > 0 && (s[i-1] == '"' || s[i-1] == '\'' || s[i-1] == '{') {
			word := rest[:countLetters(rest)]
			after := strings.TrimLeft(rest[len(word):], "\"' \t")
			if isOperatorWord(word) && strings.HasPrefix(after, ":") {
				return true
			}
		}
		next := strings.IndexByte(rest, '$')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	return false
}

func countLetters(s string) (n int) {
	for n < len(s) && n < 32 && isLetter(s[n]) {
		n++
	}
	return n
}

// splitting are the header fields that a split header sets. In a form, a line
// of prose may begin with any other word and a colon.
var splitting = [...]string{"set-cookie", "location", "content-type", "content-length", "content-disposition", "transfer-encoding", "refresh", "link",
	"x-", "access-control-", "bcc", "host", "connection", "http/"}

// splitsHeader reports whether a line break is followed by what begins a header
// field or a status line (RFC 9112 sections 4 and 5).
func splitsHeader(s string, at part) bool {
	for {
		end := strings.IndexAny(s, "\r\n")
		if end < 0 {
			return false
		}
		s = strings.TrimLeft(s[end:], "\r\n \t")
		n := 0
		for n < len(s) && n < 64 && (isLetter(s[n]) || isDigit(s[n]) || s[n] == '-') {
			n++
		}
		if n == 0 {
			continue
		}
		colon := n < len(s) && s[n] == ':'
		if colon && at.in() != inForm {
			return true
		}
		for _, name := range splitting {
			if !hasFoldPrefix(s, name) {
				continue
			}
			if name == "http/" && len(s) > 5 && isDigit(s[5]) || colon && (n == len(name) || name[len(name)-1] == '-') {
				return true
			}
		}
	}
}

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
		case '*', '+', '-', '/', '%':
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

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// hasFoldPrefix reports whether s begins with prefix, which is in lower case,
// in any case.
func hasFoldPrefix(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
