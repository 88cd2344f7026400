package jsondoc_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
)

// undecided are the files of JSONTestSuite on which RFC 8259 leaves readers
// free, and what this one does: the kind of its refusal, or nothing where it
// accepts.
var undecided = map[string]jsondoc.Kind{
	"i_number_double_huge_neg_exp.json":                   jsondoc.KindNumber, // vanishes
	"i_number_huge_exp.json":                              jsondoc.KindNumber,
	"i_number_neg_int_huge_exp.json":                      jsondoc.KindNumber,
	"i_number_pos_double_huge_exp.json":                   jsondoc.KindNumber,
	"i_number_real_neg_overflow.json":                     jsondoc.KindNumber,
	"i_number_real_pos_overflow.json":                     jsondoc.KindNumber,
	"i_number_real_underflow.json":                        jsondoc.KindNumber, // vanishes
	"i_number_too_big_neg_int.json":                       "",                 // kept as it is written
	"i_number_too_big_pos_int.json":                       "",
	"i_number_very_big_negative_int.json":                 "",
	"i_object_key_lone_2nd_surrogate.json":                jsondoc.KindSurrogate,
	"i_string_1st_surrogate_but_2nd_missing.json":         jsondoc.KindSurrogate,
	"i_string_1st_valid_surrogate_2nd_invalid.json":       jsondoc.KindSurrogate,
	"i_string_UTF-16LE_with_BOM.json":                     jsondoc.KindBOM,
	"i_string_UTF-8_invalid_sequence.json":                jsondoc.KindUTF8,
	"i_string_UTF8_surrogate_U+D800.json":                 jsondoc.KindUTF8,
	"i_string_incomplete_surrogate_and_escape_valid.json": jsondoc.KindSurrogate,
	"i_string_incomplete_surrogate_pair.json":             jsondoc.KindSurrogate,
	"i_string_incomplete_surrogates_escape_valid.json":    jsondoc.KindSurrogate,
	"i_string_invalid_lonely_surrogate.json":              jsondoc.KindSurrogate,
	"i_string_invalid_surrogate.json":                     jsondoc.KindSurrogate,
	"i_string_invalid_utf-8.json":                         jsondoc.KindUTF8,
	"i_string_inverted_surrogates_U+1D11E.json":           jsondoc.KindSurrogate,
	"i_string_iso_latin_1.json":                           jsondoc.KindUTF8,
	"i_string_lone_second_surrogate.json":                 jsondoc.KindSurrogate,
	"i_string_lone_utf8_continuation_byte.json":           jsondoc.KindUTF8,
	"i_string_not_in_unicode_range.json":                  jsondoc.KindUTF8,
	"i_string_overlong_sequence_2_bytes.json":             jsondoc.KindUTF8,
	"i_string_overlong_sequence_6_bytes.json":             jsondoc.KindUTF8,
	"i_string_overlong_sequence_6_bytes_null.json":        jsondoc.KindUTF8,
	"i_string_truncated-utf-8.json":                       jsondoc.KindUTF8,
	"i_string_utf16BE_no_BOM.json":                        jsondoc.KindSyntax,
	"i_string_utf16LE_no_BOM.json":                        jsondoc.KindSyntax,
	"i_structure_500_nested_arrays.json":                  jsondoc.KindDepth,
	"i_structure_UTF-8_BOM_empty_object.json":             jsondoc.KindBOM,
}

// repeated are the files that the suite wants accepted because RFC 8259,
// section 4, only recommends unique names. To refuse them is the point of this
// package, so their syntax must be accepted and nothing but the repetition
// refused.
var repeated = map[string]bool{
	"y_object_duplicated_key.json":           true,
	"y_object_duplicated_key_and_value.json": true,
}

func TestJSONTestSuite(t *testing.T) {
	folder := filepath.Join(vectors(t), "JSONTestSuite", "test_parsing")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Skipf("JSONTestSuite is not here (%v); it is published at https://github.com/nst/JSONTestSuite", err)
	}
	// One number of the y_ files has 80 bytes.
	limits := jsondoc.Limits{Number: 128}
	count := map[byte]int{}
	for _, file := range files {
		name := file.Name()
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			count[name[0]]++
			_, err = jsondoc.Decode(src, limits)
			switch decision, decided := undecided[name]; {
			case repeated[name]:
				if e := refusal(t, err); e.Kind != jsondoc.KindDuplicateKey {
					t.Errorf("%v, want kind %s", e, jsondoc.KindDuplicateKey)
				}
			case name[0] == 'y' || decided && decision == "":
				if err != nil {
					t.Errorf("refused: %v", err)
				}
			case name[0] == 'n':
				if e := refusal(t, err); e.Kind.IsLimit() && e.Kind != jsondoc.KindDepth {
					t.Errorf("refused for a limit: %v", e)
				}
				// With all limits out of the way the syntax itself is refused.
				_, err := jsondoc.Decode(src, wide)
				if e := refusal(t, err); e.Kind.IsLimit() && !bytes.HasPrefix(src, []byte(strings.Repeat("[", 10_001))) && name != "n_structure_open_array_object.json" {
					t.Errorf("refused for a limit only: %v", e)
				}
			case decided:
				if e := refusal(t, err); e.Kind != decision {
					t.Errorf("%v, want kind %s", e, decision)
				}
			default:
				t.Errorf("nothing is decided about this file: %v", err)
			}
		})
	}
	if count['y'] < 95 || count['n'] < 188 || count['i'] != len(undecided) {
		t.Errorf("the suite is incomplete: %d y_, %d n_ and %d i_ files", count['y'], count['n'], count['i'])
	}
}

// vectors returns the folder of the public test suites: $BULWARK_VECTORS, or
// ../shared/data beside the checkout.
func vectors(t *testing.T) string {
	t.Helper()
	if folder := os.Getenv("BULWARK_VECTORS"); folder != "" {
		return folder
	}
	at, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module github.com/bulwark-go/bulwark\n")) {
			return filepath.Join(at, "..", "shared", "data")
		}
		up := filepath.Dir(at)
		if up == at {
			t.Skip("not inside a checkout of the module")
		}
		at = up
	}
}
