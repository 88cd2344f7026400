package token_test

import (
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/token"
)

// The delimiters are those that RFC 9110 section 5.6.2 names, and the rest of
// what is not a tchar is what nobody can see.
func TestByte(t *testing.T) {
	const delimiters = `"(),/:;<=>?@[\]{}`
	for c := range 256 {
		visible := c > ' ' && c < 0x7f
		want := visible && !strings.ContainsRune(delimiters, rune(c))
		if got := token.Byte(byte(c)); got != want {
			t.Errorf("%#x: %v, want %v", c, got, want)
		}
	}
}

func TestIs(t *testing.T) {
	for text, want := range map[string]bool{
		"GET": true, "X-Request-Id": true, "a": true, "!#$%&'*+-.^_`|~": true,
		"": false, " ": false, "X Id": false, "X-Id:": false, "Größe": false, "a\x00": false,
	} {
		if got := token.Is(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
