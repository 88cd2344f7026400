package logtext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark/internal/logtext"
)

func TestClip(t *testing.T) {
	for _, test := range []struct {
		name, text string
		limit      int
		want       string
	}{
		{"plain", "GET /documents", 64, "GET /documents"},
		{"plain_too_long", "abcdef", 4, "abcd"},
		{"letters", "Größe 日本", 64, "Größe 日本"},
		{"line_feed", "a\nb", 64, `a\x0ab`},
		{"delete_and_C1", "a\x7f\u0085b", 64, `a\x7f\x85b`},
		{"separators", "a\u2028b\u2029", 64, `a\u2028b\u2029`},
		{"bidirectional", "a\u202eb\u200f", 64, `a\u202eb\u200f`},
		{"not_UTF-8", "a\xffb", 64, `a\xffb`},
		{"cut_at_a_character", "ab日", 4, "ab"},
		{"cut_at_an_escape", "ab\n", 5, "ab"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := logtext.Clip(test.text, test.limit); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func FuzzClip(f *testing.F) {
	f.Add("a\nb\u202e\xff", 8)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = max(limit%300, 0)
		got := logtext.Clip(text, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r\u2028\u2029\u202e") {
			t.Errorf("%q of %q, limit %d", got, text, limit)
		}
		if logtext.Clip(got, limit) != got {
			t.Errorf("%q is not safe yet", got)
		}
	})
}
