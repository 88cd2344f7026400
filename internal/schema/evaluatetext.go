package schema

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

func (e *evaluation) string(n *node, s string, report bool) bool {
	if !e.spend(len(s) / 256) {
		return false
	}
	ok := true
	if rules := n.text; rules != nil {
		// A string that is too long is not looked at any further: patterns and
		// formats cost its length. A character has at most four bytes, so that
		// it need not be counted either where it is much too long.
		if rules.max >= 0 && (len(s)/4 > rules.max || len(s) > rules.max && utf8.RuneCountInString(s) > rules.max) {
			return e.limit(report, codeMaxLength, rules.max)
		}
		if len(s) < rules.min || rules.min > 0 && len(s)/4 < rules.min && utf8.RuneCountInString(s) < rules.min {
			ok = e.limit(report, codeMinLength, rules.min)
		}
		if rules.pattern != nil && !e.matches(rules.pattern, s) {
			ok = e.fault(report, codePattern, n)
		}
	}
	if e.exhausted {
		return false
	}
	if n.accepts != nil && !n.accepts(s) {
		ok = e.fault(report, codeFormat, n)
	}
	if n.base64 && !isBase64(s) {
		ok = e.note(report, Fault{Code: codeFormat, Params: map[string]any{"format": "base64"}})
	}
	return ok
}

// bytesPerStep is how many bytes, times instructions of a pattern, are matched
// in one step. Package regexp takes some 10 ns for each at worst, so that the
// default of validate.Config.MaxSteps, 100,000, is a quarter of a second; most
// patterns take a small part of that.
//
// A string costs its price again for each longBytes that it has: a pattern for
// a string that nobody has bounded by maxLength is a mistake more often than
// not.
const (
	bytesPerStep = 256
	longBytes    = 64 << 10
)

// matches pays for a pattern and then asks it. Package regexp is linear in the
// string, and in the pattern.
func (e *evaluation) matches(p *pattern, s string) bool {
	return e.spend(1+len(s)*p.size/bytesPerStep*(1+len(s)/longBytes)) && p.MatchString(s)
}

// pattern is a regular expression, and what it costs.
type pattern struct {
	*regexp.Regexp
	// size is the number of instructions of the program. At worst package
	// regexp looks at each of them for each byte.
	size int
}

func newPattern(re *regexp.Regexp) *pattern {
	if re == nil {
		return nil
	}
	size := len(re.String())
	if parsed, err := syntax.Parse(re.String(), syntax.Perl); err == nil {
		if program, err := syntax.Compile(parsed.Simplify()); err == nil {
			size = len(program.Inst)
		}
	}
	return &pattern{re, size}
}
