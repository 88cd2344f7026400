package sanitize

import (
	"hash/maphash"
	"strconv"
)

// The rules of Config.Detect.
const (
	ruleNoSQL      = "nosql"
	ruleCRLF       = "crlf"
	ruleTemplate   = "template"
	ruleXSS        = "xss"
	ruleSQLi       = "sqli"
	ruleTraversal  = "traversal"
	ruleUnreadable = "unreadable"
)

// A string is examined in its first and its last bytes. What stands between
// them is not.
const (
	examinedHead = 4 << 10
	examinedTail = 1 << 10
)

// part says where in a request a string stands.
type part uint8

const (
	bodyValue part = iota
	bodyName
	formValue
	formName
	queryValue
	queryName
	pathValue
)

// in is the part of the request, for the event.
func (p part) in() string {
	switch p {
	case formValue, formName:
		return inForm
	case queryValue, queryName:
		return inQuery
	case pathValue:
		return inPath
	}
	return inBody
}

// isName reports whether the string is the name of a member or parameter.
func (p part) isName() bool { return p == bodyName || p == formName || p == queryName }

// isEscaped reports whether the string came with percent escapes. They may have
// been escaped twice.
func (p part) isEscaped() bool { return p != bodyValue && p != bodyName }

// trait is what the bytes of a string give reason to look for.
type trait uint8

const (
	traitSQL      trait = 1 << iota // the marks of SQL, without those of prose
	traitMarkup                     // a tag or an attribute
	traitBrace                      // a template
	traitLine                       // a line break
	traitPath                       // a separator of paths
	traitEscape                     // a percent sign
	traitOperator                   // the mark of an operator of a NoSQL query
)

// triggers are the bytes that make a string worth a closer look. A string
// without any of them is not examined, unless it is counted by startsClause.
var triggers = func() (t [256]trait) {
	for mark, bytes := range map[trait]string{
		traitSQL: "'\"`()=;|<>*&\\", traitMarkup: "<=", traitBrace: "{<", traitLine: "\r\n",
		traitPath: "/\\\xc0\xc1\xe2\xef", traitEscape: "%", traitOperator: "$",
	} {
		for i := range len(bytes) {
			t[bytes[i]] |= mark
		}
	}
	return t
}()

// traits returns the traits of s that matter at a place.
func traits(s string, at part) (t trait) {
	for i := range len(s) {
		t |= triggers[s[i]]
	}
	switch {
	case at == bodyName:
		return t & traitOperator
	case !at.isName():
		t &^= traitOperator
	}
	if at == bodyValue {
		t &^= traitLine
	}
	if t&traitSQL == 0 && startsClause(s) {
		t |= traitSQL
	}
	return t
}

// clip returns the parts of s that are examined.
func clip(s string) (head, tail string) {
	if len(s) <= examinedHead+examinedTail {
		return s, ""
	}
	return s[:examinedHead], s[len(s)-examinedTail:]
}

// suspect looks for an attack in a string as the application will read it. The
// rule is empty if there is none. The fingerprint tells attacks apart and holds
// nothing of the string: it is libinjection's for the rule "sqli", and
// otherwise a hash whose key nobody outside the process knows.
func suspect(s string, at part) (rule, fingerprint string) {
	head, tail := clip(s)
	if rule, fingerprint = suspectPart(head, at); rule != "" || tail == "" {
		return rule, fingerprint
	}
	return suspectPart(tail, at)
}

func suspectPart(s string, at part) (rule, fingerprint string) {
	t := traits(s, at)
	if t == 0 {
		return "", ""
	}
	defer func() {
		if recover() != nil {
			rule, fingerprint = ruleUnreadable, hashOf(s)
		}
	}()
	if rule, fingerprint = match(s, at, t); rule != "" || t&traitEscape == 0 || !at.isEscaped() {
		return rule, fingerprint
	}
	again, changed := unescapeAll(s)
	if !changed {
		return "", ""
	}
	return match(again, at, traits(again, at))
}

// match applies the rules, the more exact ones first.
func match(s string, at part, t trait) (rule, fingerprint string) {
	switch {
	case t&traitOperator != 0 && isOperator(s, at):
		rule = ruleNoSQL
	case t&traitBrace != 0 && !at.isName() && at != bodyValue && hasOperator(s):
		rule = ruleNoSQL
	case t&traitLine != 0 && breaksLine(s, at):
		rule = ruleCRLF
	case t&traitBrace != 0 && hasTemplate(s), t&(traitBrace|traitSQL|traitEscape) != 0 && namesDirectory(s):
		rule = ruleTemplate
	case t&traitMarkup != 0 && isScript(s) && !isAttributeOnly(s):
		rule = ruleXSS
	case t&traitSQL != 0:
		if fingerprint = sqlFingerprint(s); fingerprint != "" && !isStatementOfProse(s, fingerprint, at) {
			return ruleSQLi, fingerprint
		}
	}
	if rule == "" && t&(traitPath|traitEscape) != 0 && traverses(s, at) {
		rule = ruleTraversal
	}
	if rule == "" {
		return "", ""
	}
	return rule, hashOf(s)
}

var seed = maphash.MakeSeed()

// hashOf returns 12 hexadecimal digits. Equal strings have equal hashes for as
// long as the process runs.
func hashOf(s string) string {
	const digits = 12
	return strconv.FormatUint(maphash.String(seed, s)|1<<63, 16)[16-digits:]
}
