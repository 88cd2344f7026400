package schema_test

import (
	"encoding/json"
	"math/big"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/schema"
)

// Exact arithmetic costs steps, and never a power of ten.
func TestArithmeticIsBounded(t *testing.T) {
	t.Run("MultipleOf", func(t *testing.T) {
		numbers := func(n int, number string) string { return "[" + strings.Repeat(number+",", n-1) + number + "]" }
		short, _ := schema.Steps(`{"items":{"multipleOf":3}}`, numbers(100, "3"))
		long, _ := schema.Steps(`{"items":{"multipleOf":3}}`, numbers(100, strings.Repeat("3", 64)))
		if long < short+300 {
			t.Errorf("short numbers take %d steps, long ones %d", short, long)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 1_000 {
			schema.Divides("1e308", "1.234567e-300")
		}
		runtime.ReadMemStats(&after)
		if spent := (after.TotalAlloc - before.TotalAlloc) / 1_000; spent > 4_096 {
			t.Errorf("a division allocates %d bytes", spent)
		}
	})
	t.Run("UniqueItems", func(t *testing.T) {
		const lists = `{"$ref":"#/$defs/l","$defs":{"l":{"uniqueItems":true,"items":{"$ref":"#/$defs/l"}}}}`
		// On each level the values of all levels below are looked at.
		at := func(depth int) int {
			steps, _ := schema.Steps(lists, nested("[", "1", "]", depth))
			return steps
		}
		if got := at(200) - at(100); got < 200*200/2-100*100/2 {
			t.Errorf("a hundred levels more take %d steps", got)
		}
		few, _ := schema.Steps(`{"uniqueItems":true,"items":true}`, `["a","b"]`)
		text, _ := schema.Steps(`{"uniqueItems":true,"items":true}`, `["a","`+strings.Repeat("b", 32_000)+`"]`)
		if text < few+1_000 {
			t.Errorf("short text takes %d steps, long text %d", few, text)
		}
		s := compile(t, `{"uniqueItems":true,"items":true}`, schema.Options{})
		check(t, s, `[{"a":[1,2]},{"a":[1.0,2]}]`).refused(t, " unique_items")
		check(t, s, `[{"a":[1,2]},{"a":[2,1]}]`).passed(t)
	})
}

// Numbers are compared exactly, as package math/big does.
func FuzzNumbers(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"-0", "0e5"}, {"12.5", "0"}, {"1e2", "100"}, {"-1e-3", "-0.001"}, {"99", "100"}, {"0.1", "0.09"}, {"123456789012345678901", "1e20"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := jsondoc.DecodeValue([]byte(a), jsondoc.Limits{})
		y, errY := jsondoc.DecodeValue([]byte(b), jsondoc.Limits{})
		n, isNumber := x.(json.Number)
		m, isNumberToo := y.(json.Number)
		if errX != nil || errY != nil || !isNumber || !isNumberToo {
			return
		}
		exact := func(n json.Number) *big.Rat {
			r, _ := new(big.Rat).SetString(n.String())
			return r
		}
		if got, want := schema.Equal(n, m), exact(n).Cmp(exact(m)) == 0; got != want {
			t.Errorf("%s equals %s: %v", n, m, got)
		}
		if got, want := schema.IsInteger(n), exact(n).IsInt(); got != want {
			t.Errorf("%s is an integer: %v", n, got)
		}
		if got, want := schema.Compare(n, m), exact(n).Cmp(exact(m)); got != want {
			t.Errorf("%s compared with %s: %d, want %d", n, m, got, want)
		}
	})
}

// Whether a number is a multiple is what package math/big says.
func FuzzDivides(f *testing.F) {
	for _, pair := range [][2]string{{"0", "3"}, {"9", "3"}, {"10", "3"}, {"19.99", "0.01"}, {"0.075", "0.01"}, {"1e308", "1e-300"}, {"5", "10"},
		{"-1e20", "1e19"}, {"1e20", "7"}, {"123456789012345678901234567890", "10"}, {"0.5", "2.5"}, {"2.5e1", "0.5"}, {"1e2", "8"}, {"1e3", "8"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, errX := jsondoc.DecodeValue([]byte(a), jsondoc.Limits{})
		y, errY := jsondoc.DecodeValue([]byte(b), jsondoc.Limits{})
		n, isNumber := x.(json.Number)
		m, isNumberToo := y.(json.Number)
		if errX != nil || errY != nil || !isNumber || !isNumberToo {
			return
		}
		numerator, _ := new(big.Rat).SetString(n.String())
		divisor, _ := new(big.Rat).SetString(m.String())
		if divisor.Sign() <= 0 {
			return
		}
		if got, want := schema.Divides(n, m), new(big.Rat).Quo(numerator, divisor).IsInt(); got != want {
			t.Errorf("%s is a multiple of %s: %v", n, m, got)
		}
	})
}
