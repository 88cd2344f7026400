package jsondoc

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

func bindNumber(n string, dst reflect.Value) error {
	t := dst.Type()
	if !isNumber(n) {
		return mismatch(t, "not a JSON number", nil)
	}
	switch {
	case t == numberType:
		dst.SetString(strings.Clone(n))
		return nil
	case dst.CanInt():
		i, ok := parseInt(n, t.Bits())
		if !ok {
			return mismatch(t, "a number that is fractional or out of range", nil)
		}
		dst.SetInt(i)
		return nil
	case dst.CanUint():
		u, ok := parseUint(n, t.Bits())
		if !ok {
			return mismatch(t, "a number that is fractional, negative or out of range", nil)
		}
		dst.SetUint(u)
		return nil
	case dst.CanFloat():
		f, ok := parseFloat(n, t.Bits())
		if !ok {
			return mismatch(t, "a number out of range", nil)
		}
		dst.SetFloat(f)
		return nil
	}
	return mismatch(t, "a number", nil)
}

func parseInt(n string, bits int) (int64, bool) {
	i, err := strconv.ParseInt(integral(n), 10, bits)
	return i, err == nil
}

func parseUint(n string, bits int) (uint64, bool) {
	u, err := strconv.ParseUint(integral(n), 10, bits)
	return u, err == nil
}

func parseFloat(n string, bits int) (float64, bool) {
	f, err := strconv.ParseFloat(n, bits)
	return f, err == nil
}

// FitsInt reports whether a signed integer type of so many bits holds the
// number, so that [Bind] stores it there.
func FitsInt(n json.Number, bits int) bool {
	_, ok := parseInt(string(n), bits)
	return ok
}

// FitsUint is [FitsInt] for an unsigned type.
func FitsUint(n json.Number, bits int) bool {
	_, ok := parseUint(string(n), bits)
	return ok
}

// FitsFloat is [FitsInt] for a floating-point type.
func FitsFloat(n json.Number, bits int) bool {
	_, ok := parseFloat(string(n), bits)
	return ok
}

// integral writes a JSON number that is a whole one without fraction and
// exponent, and any other as "". It cannot be made to write more than 20 zeros.
func integral(n string) string {
	if !strings.ContainsAny(n, ".eE") {
		return n
	}
	mantissa, exponent := n, 0
	if mark := strings.IndexAny(n, "eE"); mark >= 0 {
		e, err := strconv.Atoi(n[mark+1:])
		if err != nil {
			return ""
		}
		mantissa, exponent = n[:mark], e
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := whole + fraction
	significant := strings.TrimRight(all, "0")
	zeros := len(all) - len(significant) + exponent - len(fraction)
	significant = strings.TrimLeft(significant, "0")
	switch {
	case significant == "":
		return "0"
	case zeros < 0 || zeros > 20:
		return ""
	case negative:
		significant = "-" + significant
	}
	return significant + strings.Repeat("0", zeros)
}
