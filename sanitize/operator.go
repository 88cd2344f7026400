package sanitize

import "strings"

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
