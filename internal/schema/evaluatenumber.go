package schema

import (
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
)

func (e *evaluation) number(rules *numberRules, v json.Number, report bool) bool {
	for _, b := range [...]*bound{rules.min, rules.above, rules.max, rules.below, rules.multiple} {
		if b != nil && !e.spend(b.work(v)) {
			return false
		}
	}
	ok := true
	if rules.min != nil && rules.min.compare(v) < 0 {
		ok = e.limit(report, codeMinimum, rules.min.text)
	}
	if rules.above != nil && rules.above.compare(v) <= 0 {
		ok = e.limit(report, codeExclusiveMinimum, rules.above.text)
	}
	if rules.max != nil && rules.max.compare(v) > 0 {
		ok = e.limit(report, codeMaximum, rules.max.text)
	}
	if rules.below != nil && rules.below.compare(v) >= 0 {
		ok = e.limit(report, codeExclusiveMaximum, rules.below.text)
	}
	if rules.multiple != nil && !rules.multiple.divides(v) {
		ok = e.limit(report, codeMultipleOf, rules.multiple.text)
	}
	return ok
}

// bound is a number of the schema, exactly.
type bound struct {
	decimal decimal
	digits  *big.Int // of decimal
	whole   int64    // valid if small
	small   bool
	text    json.Number
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

// divides reports whether n is a multiple of b. No power of ten is computed but
// modulo b, so that 1e308 costs no more than 1.
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
		// The digits of a multiple would end in a zero, but those of n do not.
		return false
	}
	digits, _ := new(big.Int).SetString(d.digits, 10)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), b.digits)
	return digits.Mod(digits.Mul(digits, power), b.digits).Sign() == 0
}

// work is what comparing n with b, or dividing, costs in steps: the digits, at
// 16 a step.
func (b *bound) work(n json.Number) int {
	if _, ok := wholeNumber(n); ok && b.small {
		return 0
	}
	return (len(n) + len(b.text)) / 16
}

// wholeNumber reads n if it is written as an integer that int64 holds, which is
// nearly always.
func wholeNumber(n json.Number) (int64, bool) {
	if len(n) > 18 {
		return 0, false
	}
	i, err := strconv.ParseInt(string(n), 10, 64)
	return i, err == nil
}
