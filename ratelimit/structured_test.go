package ratelimit_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// TestStructuredFieldVectors checks Strings and Integers against the suite of
// github.com/httpwg/structured-field-tests.
func TestStructuredFieldVectors(t *testing.T) {
	dir := os.Getenv("BULWARK_VECTORS")
	if dir == "" {
		dir = "../../shared/data"
	}
	dir = filepath.Join(dir, "structured-field-tests")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("set BULWARK_VECTORS to a folder with https://github.com/httpwg/structured-field-tests in it")
	}
	files := []string{"string.json", "string-generated.json", "number.json", "number-generated.json",
		"serialisation-tests/string-generated.json", "serialisation-tests/number.json"}
	checked := 0
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var vectors []struct {
			Name      string            `json:"name"`
			Raw       []string          `json:"raw"`
			Type      string            `json:"header_type"`
			Expected  []json.RawMessage `json:"expected"`
			Canonical []string          `json:"canonical"`
			MustFail  bool              `json:"must_fail"`
		}
		if err := json.Unmarshal(data, &vectors); err != nil {
			t.Fatal(err)
		}
		for _, v := range vectors {
			if v.Type != "item" || len(v.Expected) == 0 {
				continue // one that only a parser can fail
			}
			got, ok, ours := encode(v.Expected[0])
			if !ours {
				continue
			}
			checked++
			want := v.Canonical
			if want == nil {
				want = v.Raw
			}
			switch {
			case v.MustFail && ok:
				t.Errorf("%s: %s: %q, must fail", file, v.Name, got)
			case !v.MustFail && (!ok || got != want[0]):
				t.Errorf("%s: %s: %q %v, want %q", file, v.Name, got, ok, want)
			}
		}
	}
	if checked < 150 {
		t.Errorf("only %d vectors were checked", checked)
	}
}

// encode serialises a value of the kinds that we have.
func encode(raw json.RawMessage) (text string, ok, ours bool) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		text, ok = ratelimit.String(s)
		return text, ok, true
	}
	var n int64
	if json.Unmarshal(raw, &n) == nil {
		text, ok = ratelimit.Integer(n)
		return text, ok, true
	}
	return "", false, false
}

func TestStructuredFields(t *testing.T) {
	for text, want := range map[string]string{
		"": `""`, "a": `"a"`, `a"b`: `"a\"b"`, `a\`: `"a\\"`, " ~": `" ~"`,
		"\x1f": "", "\x7f": "", "ä": "", "\x80": "", "a\nb": "", "\x00": "",
	} {
		if got, ok := ratelimit.String(text); got != want || ok != (want != "") {
			t.Errorf("%q: %s %v, want %s", text, got, ok, want)
		}
	}
	for n, want := range map[int64]string{
		0: "0", -1: "-1", 999_999_999_999_999: "999999999999999", -999_999_999_999_999: "-999999999999999",
		1_000_000_000_000_000: "", -1_000_000_000_000_000: "", math.MaxInt64: "", math.MinInt64: "",
	} {
		if got, ok := ratelimit.Integer(n); got != want || ok != (want != "") {
			t.Errorf("%d: %s %v, want %s", n, got, ok, want)
		}
	}
}
