package schema

import (
	"encoding/json"
	"math"
	"math/big"
)

// ranges are the least and the greatest value of each format of integers.
var ranges = func() map[string][2]*big.Int {
	all := map[string][2]*big.Int{}
	for bits, names := range map[int][2]string{8: {"int8", "uint8"}, 16: {"int16", "uint16"}, 32: {"int32", "uint32"}, 64: {"int64", "uint64"}} {
		half := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		most := func(beyond *big.Int) *big.Int { return new(big.Int).Sub(beyond, big.NewInt(1)) }
		all[names[0]] = [2]*big.Int{new(big.Int).Neg(half), most(half)}
		all[names[1]] = [2]*big.Int{new(big.Int), most(new(big.Int).Lsh(half, 1))}
	}
	return all
}()

// integers finds bounds of integers between which there is none.
func (s *strictness) integers(schema map[string]any, pointer string) {
	if schema["type"] != "integer" {
		return
	}
	format, _ := schema["format"].(string)
	bounds := ranges[format]
	low, high := bounds[0], bounds[1]
	for _, keyword := range [...]struct {
		name  string
		lower bool
		step  int64 // from the bound to what passes, if the bound is an integer
	}{{"minimum", true, 0}, {"exclusiveMinimum", true, 1}, {"maximum", false, 0}, {"exclusiveMaximum", false, -1}} {
		n, ok := schema[keyword.name].(json.Number)
		if !ok {
			continue
		}
		floor, whole, ok := floorOf(n)
		if !ok {
			return
		}
		switch {
		case whole:
			floor.Add(floor, big.NewInt(keyword.step))
		case keyword.lower:
			floor.Add(floor, big.NewInt(1))
		}
		if keyword.lower && (low == nil || floor.Cmp(low) > 0) {
			low = floor
		}
		if !keyword.lower && (high == nil || floor.Cmp(high) < 0) {
			high = floor
		}
	}
	if low != nil && high != nil && low.Cmp(high) > 0 {
		s.wrong(pointer, "allows no integer between its bounds, so that no value passes; the bounds are minimum, exclusiveMinimum, maximum, exclusiveMaximum and format")
	}
}

// floorOf returns the greatest integer that is not above n, and whether it is n
// itself. It computes no long numbers.
func floorOf(n json.Number) (floor *big.Int, whole, ok bool) {
	const most = 400
	if d := decimalOf(n); len(d.digits) > most || math.Abs(float64(d.exponent)) > most {
		return nil, false, false
	}
	exact, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil, false, false
	}
	// The divisor is positive, so that the remainder is not negative.
	return new(big.Int).Div(exact.Num(), exact.Denom()), exact.IsInt(), true
}
