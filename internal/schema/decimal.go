package schema

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// decimal is a number in the one form that equal numbers share: its digits
// without zeros at either end, and the power of ten.
type decimal struct {
	digits   string
	exponent int
	negative bool
}

// decimalOf compares and hashes without big numbers: many long numbers that
// differ in their last digit must not cost more than others.
func decimalOf(n json.Number) decimal {
	mantissa, exponent := string(n), 0
	if mark := strings.IndexAny(mantissa, "eE"); mark >= 0 {
		exponent, _ = strconv.Atoi(mantissa[mark+1:])
		mantissa = mantissa[:mark]
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	significant := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(significant) - len(fraction)
	if significant = strings.TrimLeft(significant, "0"); significant == "" {
		return decimal{}
	}
	return decimal{significant, exponent, negative}
}

// compare returns the sign of d minus other, for all exponents, without
// computing a power of ten.
func (d decimal) compare(other decimal) int {
	if by := cmp.Compare(d.sign(), other.sign()); by != 0 || d.digits == "" {
		return by
	}
	magnitude := cmp.Or(cmp.Compare(len(d.digits)+d.exponent, len(other.digits)+other.exponent), strings.Compare(d.digits, other.digits))
	return magnitude * d.sign()
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// isInteger reports whether n is a whole number however it is written: 1.0 and
// 1e2 are.
func isInteger(n json.Number) bool {
	if !strings.ContainsAny(string(n), ".eE") {
		return true
	}
	return decimalOf(n).exponent >= 0
}
