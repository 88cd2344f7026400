package schema

import (
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// wholeNumber reads n if it is written as an integer that int64 holds, which is nearly always.
func wholeNumber(n json.Number) (int64, bool) {
	if len(n) > 18 {
		return 0, false
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}

// decimal is a number in the one form that equal numbers share: its digits without zeros at either end, and the power of ten.
type decimal struct {
	digits   string
	exponent int
	negative bool
}

// decimalOf compares and hashes without big numbers: many long numbers that differ in their last digit must not cost more than others.
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

// compare returns the sign of d minus other, whatever their exponents, without computing a power of ten.
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

// isInteger reports whether n is a whole number however it is written: 1.0 and 1e2 are.
func isInteger(n json.Number) bool {
	if !strings.ContainsAny(string(n), ".eE") {
		return true
	}
	return decimalOf(n).exponent >= 0
}

func newBound(exact *big.Rat, text any) *bound {
	if exact == nil {
		return nil
	}
	b := &bound{}
	b.text, _ = text.(json.Number)
	b.decimal = decimalOf(b.text)
	b.digits, _ = new(big.Int).SetString("0"+b.decimal.digits, 10)
	if exact.IsInt() && exact.Num().IsInt64() {
		b.whole, b.small = exact.Num().Int64(), true
	}
	return b
}

// compare returns the sign of n minus b.
func (b *bound) compare(n json.Number) int {
	if i, ok := wholeNumber(n); ok && b.small {
		return cmp.Compare(i, b.whole)
	}
	return decimalOf(n).compare(b.decimal)
}

// divides reports whether n is a multiple of b. No power of ten is computed but modulo b, so that 1e308 costs no more than 1.
func (b *bound) divides(n json.Number) bool {
	if i, ok := wholeNumber(n); ok && b.small && b.whole > 0 {
		return i%b.whole == 0
	}
	d := decimalOf(n)
	if d.digits == "" || b.decimal.digits == "" {
		return d.digits == ""
	}
	exponent := d.exponent - b.decimal.exponent
	if exponent < 0 {
		return false // the digits of n end in no zero, as those of a multiple of b would, times ten
	}
	digits, _ := new(big.Int).SetString(d.digits, 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), b.digits)
	return digits.Mod(digits.Mul(digits, power), b.digits).Sign() == 0
}

// work is what comparing n with b, or dividing, costs in steps: the digits, at 16 a step.
func (b *bound) work(n json.Number) int {
	if _, ok := wholeNumber(n); ok && b.small {
		return 0
	}
	return (len(n) + len(b.text)) / 16
}
