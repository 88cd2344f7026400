package compact_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/race"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// The example of RFC 7515 appendix A.1, whose header has line breaks inside.
const rfc7515 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ." +
	"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func TestParse(t *testing.T) {
	token, err := compact.Parse(rfc7515, 8192)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(token.Header), "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}"; got != want {
		t.Errorf("header %q", got)
	}
	if got, want := string(token.Payload), "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"; got != want {
		t.Errorf("payload %q", got)
	}
	if len(token.Signature) != 32 || token.Signature[0] != 116 || token.Signature[31] != 121 {
		t.Errorf("signature %v", token.Signature)
	}
	if got := string(token.Input); got != rfc7515[:strings.LastIndexByte(rfc7515, '.')] {
		t.Errorf("input %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	good := "e30.e30.AAA"
	for _, test := range []struct {
		name, token string
		want        error
	}{
		{"empty", "", compact.ErrSegments},
		{"no-dots", "e30", compact.ErrSegments},
		{"one-dot", "e30.e30", compact.ErrSegments},
		{"three-dots", good + ".AAA", compact.ErrSegments},
		{"many-dots", strings.Repeat(".", 90), compact.ErrSegments},
		{"empty-header", ".e30.AAA", compact.ErrSegments},
		{"empty-signature", "e30.e30.", compact.ErrSegments},
		{"padded", "e30=.e30.AAA", compact.ErrEncoding},
		{"padded-signature", "e30.e30.AA==", compact.ErrEncoding},
		{"one-character", "e.e30.AAA", compact.ErrEncoding},
		{"five-characters", "e30.e30e3.AAA", compact.ErrEncoding},
		{"stray-bits", "e30.e30.AAB", compact.ErrEncoding},
		{"stray-bits-of-two", "e30.e30.AB", compact.ErrEncoding},
		{"standard-alphabet", "e30.e30.AA+/", compact.ErrEncoding},
		{"line-feed", "e3\n0.e30.AAA", compact.ErrEncoding},
		{"carriage-return", "e30.e30.AAA\r", compact.ErrEncoding},
		{"space", "e30.e 30.AAA", compact.ErrEncoding},
		{"not-ascii", "e30.e30.ÄÄ", compact.ErrEncoding},
		{"nul", "e30.e30.AA\x00", compact.ErrEncoding},
		{"too-long", "e30.e30." + strings.Repeat("A", 96), compact.ErrTooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			if token, err := compact.Parse(test.token, 100); !errors.Is(err, test.want) || token.Input != nil {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
	for _, token := range []string{good, "e30..AAA"} {
		if _, err := compact.Parse(token, 100); err != nil {
			t.Error(err)
		}
	}
}

func TestIssuer(t *testing.T) {
	const issuer, most = "https://issuer.example", 64 << 10
	for _, test := range []struct {
		name, payload string
		has, is       bool
	}{
		{"alone", `{"iss":"https://issuer.example"}`, true, true},
		{"last", `{"sub":"a","aud":["x",{"iss":"y"}],"exp":1,"iss":"https://issuer.example"}`, true, true},
		{"white-space", " {\n\t\"iss\" : \r \"https://issuer.example\" } ", true, true},
		{"slashes-escaped", `{"iss":"https:\/\/issuer.example"}`, true, true},
		{"letters-escaped", `{"iss":"https://\u0069ssuer.example"}`, true, true},
		{"name-escaped", `{"\u0069ss":"https://issuer.example"}`, true, true},
		{"escape-in-another-value", `{"name":"Jos\u00e9 \"\\","iss":"https://issuer.example"}`, true, true},
		{"escape-in-another-name", `{"a\"b":1,"iss":"https://issuer.example"}`, true, true},
		{"other", `{"iss":"https://other.example"}`, true, false},
		{"prefix", `{"iss":"https://issuer.example.evil.example"}`, true, false},
		{"other-escaped", `{"iss":"https:\/\/other.example"}`, true, false},
		{"upper-case", `{"ISS":"https://issuer.example"}`, false, false},
		{"inside", `{"act":{"iss":"https://issuer.example"}}`, false, false},
		{"in-a-list", `["iss","https://issuer.example"]`, false, false},
		{"as-a-value", `{"x":"iss","y":"https://issuer.example"}`, false, false},
		{"in-a-string", `{"x":"\"iss\":\"https://issuer.example\""}`, false, false},
		{"number", `{"iss":1}`, false, false},
		{"number-escaped-name", `{"\u0069ss":1}`, false, false},
		{"null", `{"iss":null}`, false, false},
		{"empty", `{"iss":""}`, false, false},
		{"absent", `{}`, false, false},
		{"absent-escaped", `{"a\u0062":1}`, false, false},
		{"all-escapes", `{"x":"\"\\\/\b\f\n\r\t","iss":"https:\/\/issuer.example"}`, true, true},
		{"pair-of-surrogates", `{"\ud83d\ude00":1,"iss":"https:\/\/issuer.example"}`, true, true},
		{"surrogate-in-the-issuer", `{"iss":"https://issuer.example\ud83d\ude00"}`, true, false},
		{"half-a-surrogate", `{"iss":"https:\/\/issuer.example\ud83d"}`, false, false},
		{"escape-of-no-letter", `{"iss":"https:\x/issuer.example"}`, false, false},
		{"escape-of-no-number", `{"iss":"https:\u00zzissuer.example"}`, false, false},
		{"escape-cut-short", `{"iss":"https:\u00`, false, false},
		{"long-escaped", `{"\u0078":"` + strings.Repeat(`\u0078`, 900) + `","\u0069\u0073\u0073":"https:\/\/issuer.example"}`, true, true},
		{"cut-short", `{"iss"`, false, false},
		{"cut-short-after-colon", `{"iss":`, false, false},
		{"broken-escape", `{"a\`, false, false},
		{"escaped-and-broken", `{"a\u0062":1,`, false, false},
		{"not-json", `iss`, false, false},
		{"long", `{"x":"` + strings.Repeat("x", 4000) + `","iss":"https://issuer.example"}`, true, true},
		{"beyond-bounds", `{"x":"` + strings.Repeat("x", 64<<10) + `","iss":"https://issuer.example"}`, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := "e30." + encode(test.payload) + ".AAA"
			found, has := compact.Issuer(token, most)
			if has != test.has || (found == issuer) != test.is {
				t.Errorf("Issuer %q, %t", found, has)
			}
			if got := compact.IsFrom(token, issuer, most); got != test.is {
				t.Errorf("IsFrom %t", got)
			}
			if _, has := compact.Issuer(token, len(token)-1); has || compact.IsFrom(token, issuer, len(token)-1) {
				t.Error("it looks into a token that is too long")
			}
		})
	}
	for _, token := range []string{"", "e30", "e30.=.AAA", "..", encode(`{"iss":"x"}`)} {
		if _, has := compact.Issuer(token, most); has || compact.IsFrom(token, issuer, most) {
			t.Errorf("%q has an issuer", token)
		}
	}
	if compact.IsFrom("e30."+encode(`{"iss":""}`)+".AAA", "", most) {
		t.Error("no issuer is taken for an empty one")
	}
}

func TestIssuerAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for name, payload := range map[string]string{
		"plain":   `{"sub":"` + strings.Repeat(".", 90) + `\u00e9","iss":"https://issuer.example"}`,
		"escaped": `{"a\u0062":1,"\u0069ss":"https:\/\/issuer.example"}`,
		"long":    `{"a\u0062":"` + strings.Repeat(`\n`, 2400) + `","iss":"https:\/\/issuer.example"}`,
	} {
		token := "e30." + encode(payload) + ".AAA"
		if n := testing.AllocsPerRun(100, func() {
			if !compact.IsFrom(token, "https://issuer.example", 8<<10) {
				t.Fatal("not found")
			}
		}); n != 0 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}

func BenchmarkIsFrom(b *testing.B) {
	token := rfc7515
	b.ReportAllocs()
	for b.Loop() {
		compact.IsFrom(token, "joe", 8<<10)
	}
}

func FuzzParse(f *testing.F) {
	for _, token := range []string{rfc7515, "", "..", "e30.e30.AAA", "e30.e30.AAB", "e30=.e30.AAA", "e3\n0.e30.AAA", "e30.eyJpc3MiOiJhIn0.AAA", `e30.eyJpc3MiOiJcdTAwNjEifQ.AAA`} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if issuer, ok := compact.Issuer(token, 1024); ok != compact.IsFrom(token, issuer, 1024) {
			t.Errorf("%q: issuer %q, found %t", token, issuer, ok)
		}
		parsed, err := compact.Parse(token, 1024)
		if err != nil {
			return
		}
		// Whatever is read has exactly this one spelling.
		again := encode(string(parsed.Header)) + "." + encode(string(parsed.Payload)) + "." + encode(string(parsed.Signature))
		if again != token || string(parsed.Input)+"."+encode(string(parsed.Signature)) != token {
			t.Errorf("%q is spelled %q", token, again)
		}
	})
}
