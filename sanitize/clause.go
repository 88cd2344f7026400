package sanitize

import "strings"

// startsClause reports whether a string without any mark looks like the end of
// an SQL statement: a number or "union", and then words of SQL, such as "1 or 1
// like 1". Prose also begins so, such as "1 or 2 people".
func startsClause(s string) bool {
	if s == "" || isLetter(s[0]) && s[0]|0x20 != 'u' {
		return false
	}
	if comments(s) {
		return true
	}
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

// comments reports whether s is a number with a comment directly behind it,
// such as "1--". A range of years such as "1914--1918" is not one.
func comments(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	return len(rest) < len(s) && strings.HasPrefix(rest, "--") && (len(rest) == 2 || !isDigit(rest[2]))
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

// verbs are words that an injection into SQL has if it has neither a quote, nor
// a comment, nor a number at its beginning.
var verbs = set(
	`alter ascii benchmark case cast char concat convert create database declare delete drop dump exec execute extractvalue from grant having if ifnull insert
	into load_file merge null pg_sleep procedure revoke rlike select shutdown sleep substr substring truncate union update updatexml user utl_http version waitfor
	where xp_cmdshell`,
)

// isStatementOfProse reports whether libinjection takes prose for SQL: words
// with brackets and operators, or a sentence with two quoted marks. Only values
// of a body or form are prose.
func isStatementOfProse(s, fingerprint string, at part) bool {
	if at != bodyValue && at != formValue {
		return false
	}
	if fingerprint == "sos" || fingerprint == "so(n)" {
		return isSentence(s)
	}
	if s == "" || !isLetter(s[0]) && s[0] < 0x80 || strings.ContainsAny(s, "'\"`;#") || strings.Contains(s, "--") || strings.Contains(s, "/*") {
		return false
	}
	return !hasVerb(s)
}

// isSentence reports whether s has seven words or more.
func isSentence(s string) bool { return strings.Count(strings.TrimSpace(s), " ") >= 6 }

// hasVerb reports whether one of the verbs is in s.
func hasVerb(s string) bool {
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r != '_' && (r >= 0x80 || !isLetter(byte(r)) && !isDigit(byte(r))) }) {
		if len(word) <= 12 && verbs[strings.ToLower(word)] {
			return true
		}
	}
	return false
}

// isAttributeOnly reports whether a string that libinjection takes for a script
// has neither a tag, nor a handler, nor a URL with a script. It is then at most
// a harmless attribute, such as width="5" style="color:red".
func isAttributeOnly(s string) bool {
	if strings.IndexByte(s, '<') >= 0 {
		return false
	}
	for i := range len(s) {
		rest := s[i:]
		switch s[i] | 0x20 {
		case 'o':
			if isHandler(rest) && (i == 0 || !isLetter(s[i-1])) {
				return false
			}
		case 'j', 'v', 'd', 'e', 'b':
			for _, word := range [...]string{"javascript", "vbscript", "data:", "expression", "behavior"} {
				if hasFoldPrefix(rest, word) {
					return false
				}
			}
		}
	}
	return true
}

// isHandler reports whether s begins with an attribute such as onload=.
func isHandler(s string) bool {
	if !hasFoldPrefix(s, "on") {
		return false
	}
	n := 2
	for n < len(s) && n < 48 && isLetter(s[n]) {
		n++
	}
	return n > 4 && strings.HasPrefix(strings.TrimLeft(s[n:], " \t\r\n\x00\v\f/"), "=")
}
