package jsondoc_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

type (
	object = map[string]any
	array  = []any
	number = json.Number
)

var accepted = []struct {
	name, src string
	want      any
}{
	{"null", `null`, nil},
	{"true", ` true `, true},
	{"false", "\t\r\nfalse\n", false},
	{"zero", `0`, number("0")},
	{"negative_zero", `-0`, number("-0")},
	{"number_verbatim", `-12.340e+05`, number("-12.340e+05")},
	{"large_integer_verbatim", `123456789012345678901234567890`, number("123456789012345678901234567890")},
	{"largest_float", `1.7976931348623157e308`, number("1.7976931348623157e308")},
	{"smallest_float", `5e-324`, number("5e-324")},
	{"zero_with_exponent", `0.00E-10`, number("0.00E-10")},
	{"number_of_64_bytes", strings.Repeat("9", 64), number(strings.Repeat("9", 64))},
	{"empty_string", `""`, ""},
	{"string", `"a"`, "a"},
	{"delete_is_plain", "\"\x7f\"", "\x7f"},
	{"solidus", `"\/ /"`, "/ /"},
	{"short_escapes", `"\"\\\b\f\n\r\t"`, "\"\\\b\f\n\r\t"},
	{"hex_escapes", `"\u0041\u00e9\u20AC\uffff"`, "Aé€\uffff"},
	{"surrogate_pair", `"x\uD83D\uDE00y"`, "x😀y"},
	{"escaped_nul", `"\u0000"`, "\x00"},
	{"escaped_mark_inside", `"\ufeff"`, "\ufeff"},
	{"utf8", `"سلام नमस्ते 👩‍👩‍👧 𝄞"`, "سلام नमस्ते 👩‍👩‍👧 𝄞"},
	{"utf8_and_escapes", `"é\né"`, "é\né"},
	{"replacement_character_itself", "\"\uFFFD\"", "\uFFFD"},
	{"empty_array", `[ ]`, array{}},
	{"array", `[1 , "a",[null]]`, array{number("1"), "a", array{nil}}},
	{"empty_object", `{ }`, object{}},
	{"object", ` { "a" : 1 , "b":{"c":[]}} `, object{"a": number("1"), "b": object{"c": array{}}}},
	{"empty_name", `{"":""}`, object{"": ""}},
	{"escaped_name", `{"\u0061\n":1}`, object{"a\n": number("1")}},
	{"names_equal_in_other_objects", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`,
		object{"a": object{"a": object{"a": number("1")}}, "b": array{object{"a": number("1")}, object{"a": number("2")}}}},
	{"names_alike_but_not_under_simple_folding", `{"ß":1,"ss":2,"SZ":3,"İ":4,"i":5,"ı":6,"é":7,"e":8}`,
		object{"ß": number("1"), "ss": number("2"), "SZ": number("3"), "İ": number("4"), "i": number("5"), "ı": number("6"),
			"é": number("7"), "e": number("8")}},
	{"proto_is_a_name_like_any", `{"__proto__":{"x":1}}`, object{"__proto__": object{"x": number("1")}}},
}

func TestDecodeValues(t *testing.T) {
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := jsondoc.Decode([]byte(tt.src), jsondoc.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(doc.Value, tt.want) {
				t.Errorf("Decode = %#v, want %#v", doc.Value, tt.want)
			}
			v, err := jsondoc.DecodeValue([]byte(tt.src), jsondoc.Limits{})
			if err != nil || !reflect.DeepEqual(v, tt.want) {
				t.Errorf("DecodeValue = %#v, %v, want %#v", v, err, tt.want)
			}
		})
	}
}

var refused = []struct {
	name, src string
	kind      jsondoc.Kind
	offset    int
}{
	{"nothing", ``, jsondoc.KindSyntax, 0},
	{"white_space_only", " \n", jsondoc.KindSyntax, 2},
	{"other_white_space", "\f1", jsondoc.KindSyntax, 0},
	{"no_break_space", "\u00a01", jsondoc.KindSyntax, 0},
	{"comment", `/**/1`, jsondoc.KindSyntax, 0},
	{"word", `nul`, jsondoc.KindSyntax, 0},
	{"capital_word", `True`, jsondoc.KindSyntax, 0},
	{"word_that_goes_on", `nullx`, jsondoc.KindTrailingData, 4},
	{"nan", `NaN`, jsondoc.KindSyntax, 0},
	{"infinity", `[-Infinity]`, jsondoc.KindSyntax, 2},
	{"plus", `+1`, jsondoc.KindSyntax, 0},
	{"minus", `-`, jsondoc.KindSyntax, 1},
	{"leading_zero", `[01]`, jsondoc.KindSyntax, 2},
	{"no_fraction", `1.`, jsondoc.KindSyntax, 2},
	{"no_whole", `.5`, jsondoc.KindSyntax, 0},
	{"no_exponent", `[1e+]`, jsondoc.KindSyntax, 4},
	{"hexadecimal", `[0x10]`, jsondoc.KindSyntax, 2},
	{"fullwidth_digit", `[１]`, jsondoc.KindSyntax, 1},
	{"single_quotes", `'a'`, jsondoc.KindSyntax, 0},
	{"open_string", `"abc`, jsondoc.KindSyntax, 4},
	{"string_cut_in_escape", `"abc\`, jsondoc.KindSyntax, 4},
	{"string_cut_in_hex", `"\u00`, jsondoc.KindSyntax, 1},
	{"escape_of_quote_only", `"\"`, jsondoc.KindSyntax, 3},
	{"unknown_escape", `"\x41"`, jsondoc.KindSyntax, 1},
	{"capital_escape", `"\U0041"`, jsondoc.KindSyntax, 1},
	{"bad_hex", `"\u00g0"`, jsondoc.KindSyntax, 1},
	{"newline_in_string", "\"a\nb\"", jsondoc.KindSyntax, 2},
	{"raw_nul_in_string", "\"\x00\"", jsondoc.KindSyntax, 1},
	{"raw_nul", "\x00", jsondoc.KindSyntax, 0},
	{"nul_for_white_space", "[1\x00]", jsondoc.KindSyntax, 2},
	{"open_array", `[1`, jsondoc.KindSyntax, 2},
	{"array_comma_last", `[1,]`, jsondoc.KindSyntax, 3},
	{"array_comma_first", `[,1]`, jsondoc.KindSyntax, 1},
	{"array_without_comma", `[1 2]`, jsondoc.KindSyntax, 3},
	{"array_closed_as_object", `[1}`, jsondoc.KindSyntax, 2},
	{"open_object", `{"a":1`, jsondoc.KindSyntax, 6},
	{"object_comma_last", `{"a":1,}`, jsondoc.KindSyntax, 7},
	{"object_without_colon", `{"a" 1}`, jsondoc.KindSyntax, 5},
	{"object_without_value", `{"a":}`, jsondoc.KindSyntax, 5},
	{"object_without_name", `{1:1}`, jsondoc.KindSyntax, 1},
	{"object_closed_as_array", `{"a":1]`, jsondoc.KindSyntax, 6},
	{"broken_name", `{"a`, jsondoc.KindSyntax, 3},
	{"second_document", `{} {}`, jsondoc.KindTrailingData, 3},
	{"trailing_bracket", `[]]`, jsondoc.KindTrailingData, 2},
	{"trailing_nul", "1\x00", jsondoc.KindTrailingData, 1},
	{"mark_utf8", "\uFEFF{}", jsondoc.KindBOM, 0},
	{"mark_utf16le", "\xFF\xFE{\x00}\x00", jsondoc.KindBOM, 0},
	{"mark_utf16be", "\xFE\xFF\x00{\x00}", jsondoc.KindBOM, 0},
	{"mark_later", "[\uFEFF1]", jsondoc.KindSyntax, 1},
	{"continuation_byte", "\"a\x80\"", jsondoc.KindUTF8, 2},
	{"cut_character", "\"\xe2\x82\"", jsondoc.KindUTF8, 1},
	{"overlong", "\"\xc0\xaf\"", jsondoc.KindUTF8, 1},
	{"surrogate_in_utf8", "\"\xed\xa0\x80\"", jsondoc.KindUTF8, 1},
	{"beyond_unicode", "\"\xf4\x90\x80\x80\"", jsondoc.KindUTF8, 1},
	{"utf8_in_name", "{\"\xff\":1}", jsondoc.KindUTF8, 2},
	{"high_surrogate", `"\uD800"`, jsondoc.KindSurrogate, 1},
	{"low_surrogate", `"\uDC00"`, jsondoc.KindSurrogate, 1},
	{"inverted_pair", `"\uDE00\uD83D"`, jsondoc.KindSurrogate, 1},
	{"high_and_high", `"\uD83D\uD83D\uDE00"`, jsondoc.KindSurrogate, 1},
	{"high_and_text", `"ab\uD83Dxxxxxx"`, jsondoc.KindSurrogate, 3},
	{"high_and_other_escape", `"\uD83D\n"`, jsondoc.KindSurrogate, 1},
	{"surrogate_in_name", `{"\uD800":1}`, jsondoc.KindSurrogate, 2},
	{"same_name", `{"a":1,"a":1}`, jsondoc.KindDuplicateKey, 7},
	{"same_name_escaped", `{"role":1,"r\u006fle":2}`, jsondoc.KindDuplicateKey, 10},
	{"same_name_empty", `{"":1,"":2}`, jsondoc.KindDuplicateKey, 6},
	{"same_name_nested", `[{"x":{"a":1,"b":2,"a":3}}]`, jsondoc.KindDuplicateKey, 19},
	{"same_name_but_case", `{"role":1,"ROLE":2}`, jsondoc.KindDuplicateKey, 10},
	{"same_name_but_long_s", `{"status":1,"ſtatuſ":2}`, jsondoc.KindDuplicateKey, 12},
	{"same_name_but_kelvin_sign", "{\"Kind\":1,\"\u212aind\":2}", jsondoc.KindDuplicateKey, 10},
	{"same_name_but_escaped_kelvin_sign", `{"kind":1,"\u212Aind":2}`, jsondoc.KindDuplicateKey, 10},
	{"same_name_but_greek_sigma", `{"Σ":1,"ς":2}`, jsondoc.KindDuplicateKey, 8},
	{"number_that_overflows", `1e400`, jsondoc.KindNumber, 0},
	{"number_that_overflows_negative", `[-1e309]`, jsondoc.KindNumber, 1},
	{"number_that_vanishes", `1e-400`, jsondoc.KindNumber, 0},
	{"number_that_costs", `1e1000001`, jsondoc.KindNumber, 0},
	{"number_that_costs_when_small", `[1e-1000001]`, jsondoc.KindNumber, 1},
	{"zero_that_costs", `0e1000001`, jsondoc.KindNumber, 0},
	{"exponent_beyond_int", `0e99999999999999999999`, jsondoc.KindNumber, 0},
	{"number_too_long", `[1` + strings.Repeat("0", 64) + `]`, jsondoc.KindNumber, 1},
}

func TestDecodeRefusals(t *testing.T) {
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			doc, err := jsondoc.Decode([]byte(tt.src), jsondoc.Limits{})
			if doc != nil {
				t.Errorf("a document came back beside the error: %#v", doc.Value)
			}
			e := refusal(t, err)
			if e.Kind != tt.kind || e.Offset != tt.offset {
				t.Errorf("%s at %d, want %s at %d", e.Kind, e.Offset, tt.kind, tt.offset)
			}
			if e.IsLimit() != (tt.kind == jsondoc.KindNumber) {
				t.Errorf("IsLimit = %v for %s", e.IsLimit(), tt.kind)
			}
			v, err := jsondoc.DecodeValue([]byte(tt.src), jsondoc.Limits{})
			if v != nil || *refusal(t, err) != *e {
				t.Errorf("DecodeValue = %v, %v; Decode says %v", v, err, e)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"k":%d}`, i)
		}
		return "[" + b.String()[1:] + "]"
	}
	items := func(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }
	for _, tt := range []struct {
		name       string
		limits     jsondoc.Limits
		within     string
		beyond     string
		kind       jsondoc.Kind
		atOffset   int
		otherError bool
	}{
		{name: "bytes", limits: jsondoc.Limits{Bytes: 4}, within: `"ab"`, beyond: `"abc"`, kind: jsondoc.KindBytes, atOffset: 4},
		{name: "bytes_counts_white_space", limits: jsondoc.Limits{Bytes: 4}, within: `1   `, beyond: `1    `, kind: jsondoc.KindBytes, atOffset: 4},
		{name: "bytes_default", within: `"` + strings.Repeat("a", 1<<20-2) + `"`, beyond: `"` + strings.Repeat("a", 1<<20-1) + `"`,
			kind: jsondoc.KindBytes, atOffset: 1 << 20},
		{name: "depth", limits: jsondoc.Limits{Depth: 2}, within: `[{},[],1]`, beyond: `[[1],[1,{}]]`, kind: jsondoc.KindDepth, atOffset: 8},
		{name: "depth_of_objects", limits: jsondoc.Limits{Depth: 1}, within: `{"a":1}`, beyond: `{"a":{}}`, kind: jsondoc.KindDepth, atOffset: 5},
		{name: "depth_default", within: nested(32), beyond: nested(33), kind: jsondoc.KindDepth, atOffset: 32},
		{name: "depth_is_capped", limits: jsondoc.Limits{Depth: 1 << 30, Values: 1 << 20}, within: nested(10_000), beyond: nested(10_001),
			kind: jsondoc.KindDepth, atOffset: 10_000},
		{name: "keys", limits: jsondoc.Limits{Keys: 2}, within: `[{"a":1},{"a":1}]`, beyond: `[{"a":1},{"a":1},{"a":1}]`,
			kind: jsondoc.KindKeys, atOffset: 18},
		{name: "keys_default", limits: jsondoc.Limits{Items: 2000}, within: keys(1000), beyond: keys(1001), kind: jsondoc.KindKeys,
			atOffset: strings.Index(keys(1001), `"k":1000`)},
		{name: "items", limits: jsondoc.Limits{Items: 2}, within: `[1,[1,2]]`, beyond: `[[1,2,3]]`, kind: jsondoc.KindItems, atOffset: 6},
		{name: "items_default", within: items(1000), beyond: items(1001), kind: jsondoc.KindItems, atOffset: 2001},
		{name: "values", limits: jsondoc.Limits{Values: 4}, within: `[[1],2]`, beyond: `[[1],2,3]`, kind: jsondoc.KindValues, atOffset: 7},
		{name: "values_default", limits: jsondoc.Limits{Items: 20_000}, within: items(9_999), beyond: items(10_000),
			kind: jsondoc.KindValues, atOffset: 19_999},
		{name: "string", limits: jsondoc.Limits{String: 3}, within: `"abc"`, beyond: ` "abcd"`, kind: jsondoc.KindString, atOffset: 1},
		{name: "string_counts_decoded_bytes", limits: jsondoc.Limits{String: 3}, within: `"\u20ac"`, beyond: `"\u20ac1"`,
			kind: jsondoc.KindString},
		{name: "string_counts_bytes_not_characters", limits: jsondoc.Limits{String: 3}, within: `"é1"`, beyond: `"éé"`, kind: jsondoc.KindString},
		{name: "string_of_a_name", limits: jsondoc.Limits{String: 3}, within: `{"abc":1}`, beyond: `{"abcd":1}`, kind: jsondoc.KindName, atOffset: 1},
		{name: "string_of_a_name_in_capitals", limits: jsondoc.Limits{String: 3}, within: `{"ABC":1}`, beyond: `{"ABCD":1}`,
			kind: jsondoc.KindName, atOffset: 1},
		{name: "name", limits: jsondoc.Limits{Name: 3}, within: `{"abc":"abcd"}`, beyond: `{"a":{"abcd":1}}`, kind: jsondoc.KindName, atOffset: 6},
		{name: "name_counts_decoded_bytes", limits: jsondoc.Limits{Name: 3}, within: `{"\u20ac":1}`, beyond: `{"\u20acA":1}`,
			kind: jsondoc.KindName, atOffset: 1},
		{name: "name_default", within: `{"` + strings.Repeat("a", 1024) + `":1}`, beyond: `{"` + strings.Repeat("a", 1025) + `":1}`,
			kind: jsondoc.KindName, atOffset: 1},
		{name: "name_default_in_capitals", within: `{"` + strings.Repeat("A", 1024) + `":1}`, beyond: `{"` + strings.Repeat("A", 1<<19) + `":1}`,
			kind: jsondoc.KindName, atOffset: 1},
		{name: "number", limits: jsondoc.Limits{Number: 3}, within: `-12`, beyond: `[-123]`, kind: jsondoc.KindNumber, atOffset: 1},
		{name: "number_range_holds_without_exponent", limits: jsondoc.Limits{Number: 1000}, within: "1" + strings.Repeat("0", 308),
			beyond: "1" + strings.Repeat("0", 309), kind: jsondoc.KindNumber},
		{name: "number_vanishes_without_exponent", limits: jsondoc.Limits{Number: 1000}, within: "0." + strings.Repeat("0", 322) + "1",
			beyond: "0." + strings.Repeat("0", 330) + "1", kind: jsondoc.KindNumber},
		{name: "nul", limits: jsondoc.Limits{RefuseNUL: true}, within: `"\u0001\\u0000"`, beyond: `"a\u0000"`, kind: jsondoc.KindNUL,
			atOffset: 2, otherError: true},
		{name: "nul_in_a_name", limits: jsondoc.Limits{RefuseNUL: true}, within: `{"\u0001":1}`, beyond: `{"\u0000":1}`,
			kind: jsondoc.KindNUL, atOffset: 2, otherError: true},
		{name: "negative_is_default", limits: jsondoc.Limits{Bytes: -1, Depth: -1, Keys: -1, Items: -1, Values: -1, String: -1, Number: -1},
			within: `{"a":[1,"b"]}`, beyond: nested(33), kind: jsondoc.KindDepth, atOffset: 32},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := jsondoc.Decode([]byte(tt.within), tt.limits); err != nil {
				t.Errorf("within the limit: %v", err)
			}
			_, err := jsondoc.Decode([]byte(tt.beyond), tt.limits)
			e := refusal(t, err)
			if e.Kind != tt.kind || e.Offset != tt.atOffset || e.IsLimit() == tt.otherError {
				t.Errorf("beyond the limit: %s at %d (limit: %v), want %s at %d", e.Kind, e.Offset, e.IsLimit(), tt.kind, tt.atOffset)
			}
		})
	}
}

// A document of 1 MiB that is refused costs no more memory than twice its size,
// however it tries, even where every limit but the one it meets is out of its
// way.
func TestHostileDocuments(t *testing.T) {
	const size = 1 << 20
	fill := func(piece string) string { return strings.Repeat(piece, (size-10)/len(piece)) }
	many := func(format string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-100; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	var distinct strings.Builder
	for i := range 999 {
		fmt.Fprintf(&distinct, `"k%d":0,`, i)
	}
	for _, tt := range []struct {
		name, src string
		kind      jsondoc.Kind
	}{
		{"arrays_deep", fill("["), jsondoc.KindDepth},
		{"objects_deep", fill(`{"a":`), jsondoc.KindDepth},
		{"many_keys", "{" + many(`"k%d":0,`), jsondoc.KindKeys},
		{"many_keys_in_many_objects", "[" + many(`{"k%d":{"x":0}},`), jsondoc.KindKeys},
		{"many_items", "[" + fill("0,"), jsondoc.KindItems},
		{"many_strings", "[" + fill(`["","","","","","","",""],`), jsondoc.KindItems},
		{"many_empty_arrays", "[" + strings.Repeat("["+strings.Repeat("[],", 999)+"[]],", size/3003), jsondoc.KindValues},
		{"many_strings_in_many_arrays", "[" + strings.Repeat("["+strings.Repeat(`"",`, 999)+`""],`, size/3003), jsondoc.KindValues},
		{"same_key", "{" + fill(`"a":0,`), jsondoc.KindDuplicateKey},
		{"last_key_is_the_first", "{" + distinct.String() + `"K1":0}`, jsondoc.KindDuplicateKey},
		{"huge_number", fill("9"), jsondoc.KindNumber},
		{"huge_fraction", "0." + fill("9"), jsondoc.KindNumber},
		{"huge_exponent", "1e" + fill("9"), jsondoc.KindNumber},
		{"open_string", `"` + fill("a"), jsondoc.KindSyntax},
		{"too_long", `"` + fill("a") + fill("a"), jsondoc.KindBytes},
		{"open_string_of_escapes", `"` + fill(`\u0041`), jsondoc.KindSyntax},
		{"surrogate_at_the_end", `"` + fill(`\n`)[:size-10] + `\ud800"`, jsondoc.KindSurrogate},
		{"utf8_at_the_end", `"` + fill("é")[:size-10] + "\xff\"", jsondoc.KindUTF8},
		{"white_space", fill(" "), jsondoc.KindSyntax},
		{"huge_name_twice", `{"` + strings.Repeat("A", size/2-10) + `":1,"` + strings.Repeat("a", size/2-10) + `":1}`, jsondoc.KindDuplicateKey},
		{"huge_name", `{"` + fill("A") + `":1}`, jsondoc.KindName},
		{"huge_name_of_escapes", `{"` + fill(`\u0041`) + `":1}`, jsondoc.KindName},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := []byte(tt.src)
			limits := jsondoc.Limits{}
			if tt.kind == jsondoc.KindDuplicateKey {
				limits.Name = size
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := jsondoc.Decode(src, limits)
			runtime.ReadMemStats(&after)
			if e := refusal(t, err); e.Kind != tt.kind {
				t.Errorf("%v, want kind %s", e, tt.kind)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 2*size {
				t.Errorf("%d bytes were allocated for a document of %d", spent, len(src))
			}
		})
	}
}

// The dearest documents that the default limits let pass.
func TestAcceptedDocumentsAreBounded(t *testing.T) {
	row := "[" + strings.Repeat("[],", 999) + "[]]"
	var members strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&members, `,"K%d":""`, i)
	}
	for name, src := range map[string]string{
		"empty_arrays": "[" + strings.Repeat(row+",", 8) + row + "]",
		"names":        "{" + members.String()[1:] + "}",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			doc, err := jsondoc.Decode([]byte(src), jsondoc.Limits{})
			runtime.ReadMemStats(&after)
			if err != nil || doc == nil {
				t.Fatal(err)
			}
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 3<<20 {
				t.Errorf("%d bytes were allocated, want at most 3 MiB", spent)
			}
		})
	}
}

// Two names are refused beside each other exactly if strings.EqualFold holds for them, in small objects and in large ones.
func TestDuplicateNames(t *testing.T) {
	letters := []string{"a", "A", "k", "K", "\u212a", "s", "S", "ſ", "σ", "ς", "Σ", "ß", "ẞ", "i", "I", "İ", "ı", "å", "Å", "\u212b", "1", "_",
		"µ", "μ", "Μ", "ǆ", "ǅ", "Ǆ", "é", "É"}
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		var b strings.Builder
		for range rng.IntN(3) + 1 {
			b.WriteString(letters[rng.IntN(len(letters))])
		}
		return b.String()
	}
	equal := 0
	for range 20_000 {
		one, two := word(), word()
		var src strings.Builder
		fmt.Fprintf(&src, `{%q:1`, one)
		for i := range rng.IntN(40) {
			fmt.Fprintf(&src, `,"filler-%d":1`, i)
		}
		fmt.Fprintf(&src, `,%q:1}`, two)
		_, err := jsondoc.DecodeValue([]byte(src.String()), jsondoc.Limits{})
		if (err != nil) != strings.EqualFold(one, two) {
			t.Fatalf("%s: %v, but EqualFold(%q, %q) = %v", src.String(), err, one, two, err == nil)
		}
		if err != nil {
			equal++
			if e := refusal(t, err); e.Kind != jsondoc.KindDuplicateKey {
				t.Fatalf("%s: %v", src.String(), e)
			}
		}
	}
	if equal < 100 {
		t.Fatalf("only %d pairs were equal", equal)
	}
}

func TestDuplicateAmongMany(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 18, 500} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"Key-%d":{"Key-%d":1},`, i, i)
		}
		for i := range n {
			src := fmt.Sprintf(`{%s"kEY-%d":1}`, b.String(), i)
			_, err := jsondoc.DecodeValue([]byte(src), wide)
			if e := refusal(t, err); e.Kind != jsondoc.KindDuplicateKey || e.Offset != b.Len()+1 {
				t.Fatalf("%d members, %d again: %v", n, i, e)
			}
		}
		if _, err := jsondoc.DecodeValue([]byte("{"+b.String()+`"other":1}`), wide); err != nil {
			t.Fatalf("%d members: %v", n, err)
		}
	}
}

func TestMembers(t *testing.T) {
	var buf [4]jsondoc.Member
	got, err := jsondoc.Members(buf[:1], []byte(` {"typ":"at+jwt","alg":"RS256","n":7,"x":{"b":[1]},"t":true,"z":null} `), jsondoc.Limits{})
	want := []any{"at+jwt", "RS256", number("7"), object{"b": array{number("1")}}, true, nil}
	if err != nil || len(got) != 1+len(want) {
		t.Fatalf("Members = %v, %v", got, err)
	}
	for i, name := range []string{"typ", "alg", "n", "x", "t", "z"} {
		m := &got[1+i]
		text, isText := m.Text()
		n, isNumber := m.Number()
		if m.Name != name || !reflect.DeepEqual(m.Value(), want[i]) {
			t.Errorf("%s is %v, want %s %v", m.Name, m.Value(), name, want[i])
		}
		if wantText, ok := want[i].(string); ok != isText || text != wantText {
			t.Errorf("%s: text %q, %t", name, text, isText)
		}
		if wantNumber, ok := want[i].(json.Number); ok != isNumber || n != wantNumber {
			t.Errorf("%s: number %q, %t", name, n, isNumber)
		}
	}
	for _, tt := range []struct {
		name, src string
		kind      jsondoc.Kind
	}{
		{"array", `[]`, jsondoc.KindSyntax},
		{"string", `"a"`, jsondoc.KindSyntax},
		{"nothing", ``, jsondoc.KindSyntax},
		{"mark", "\uFEFF{}", jsondoc.KindBOM},
		{"duplicate", `{"alg":"RS256","ALG":"none"}`, jsondoc.KindDuplicateKey},
		{"trailing", `{}{}`, jsondoc.KindTrailingData},
		{"depth", `{"a":[]}`, jsondoc.KindDepth},
		{"long", `{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1}`, jsondoc.KindBytes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jsondoc.Members(nil, []byte(tt.src), jsondoc.Limits{Depth: 1, Bytes: 40})
			if e := refusal(t, err); e.Kind != tt.kind || len(got) != 0 {
				t.Errorf("Members = %v, %v, want kind %s", got, e, tt.kind)
			}
		})
	}
}

func TestErrorTellsNothingSubmitted(t *testing.T) {
	const secret = "hunter2"
	texts := map[string]bool{}
	for _, src := range []string{
		`"` + secret, `{"` + secret + `":1,"` + secret + `":2}`, `[` + secret + `]`, `{} ` + secret, `"` + secret + `\ud800"`,
		`"` + secret + "\xff\"", "\uFEFF" + secret, `{"a":1,"b":2}`, `[1,2,3]`, `[[[1]]]`, `[[1],[2,3]]`, `"` + strings.Repeat(secret, 5) + `"`,
		`12345678`, `"` + secret + `\u0000"`, strings.Repeat(secret, 50),
	} {
		_, err := jsondoc.Decode([]byte(src), jsondoc.Limits{Bytes: 100, Depth: 2, Keys: 1, Items: 2, Values: 4, String: 20, Number: 4, RefuseNUL: true})
		if e := refusal(t, err); strings.Contains(e.Error(), secret) || !strings.HasPrefix(e.Error(), "") || texts[string(e.Kind)+e.Error()] {
			t.Errorf("Error() = %q for %q", e.Error(), src)
		}
	}
}

func TestErrorText(t *testing.T) {
	for src, want := range map[string]string{
		`{"a":1,"a":2}`: "duplicate name in an object at byte 7",
		`{"a":1,"A":2}`: "duplicate name in an object, and the two names differ by case only, at byte 7",
	} {
		_, err := jsondoc.Decode([]byte(src), jsondoc.Limits{})
		if got := err.Error(); got != want {
			t.Errorf("Error() = %q, want %q", got, want)
		}
	}
	if v, err := jsondoc.DecodeValue([]byte(`{"a":1,"A":2}`), jsondoc.Limits{ExactNames: true}); err != nil || len(v.(map[string]any)) != 2 {
		t.Errorf("ExactNames: %v, %v", v, err)
	}
	if _, err := jsondoc.DecodeValue([]byte(`{"A":1,"A":2}`), jsondoc.Limits{ExactNames: true}); err == nil {
		t.Error("ExactNames takes a name twice")
	}
}
