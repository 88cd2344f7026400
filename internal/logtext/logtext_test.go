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
		{"delete_and_C1", "a\x7f\u0085b", 64, `a\x7f\u0085b`},
		{"separators", "a\u2028b\u2029", 64, `a\u2028b\u2029`},
		{"bidirectional", "a\u202eb\u200f", 64, `a\u202eb\u200f`},
		{"not_UTF-8", "a\xffb", 64, `a\xffb`},
		{"backslash", `a\x0ab`, 64, `a\\x0ab`},
		{"backslashes", `\\`, 64, `\\\\`},
		{"zero_width", "ad\u200bmin\u200c\u200d\u2060\ufeff", 64, `ad\u200bmin\u200c\u200d\u2060\ufeff`},
		{"soft_hyphen", "a\u00adb", 64, `a\u00adb`},
		{"filler", "a\u3164\u115f\uffa0\u034f", 64, `a\u3164\u115f\uffa0\u034f`},
		{"variation", "a\ufe0f\U000e0100\u180b", 64, `a\ufe0f\U000e0100\u180b`},
		{"tags", "a\U000e0041\U000e007f", 64, `a\U000e0041\U000e007f`},
		{"reserved", "a\u2065\ufff0\U000e0fff", 64, `a\u2065\ufff0\U000e0fff`},
		{"noncharacters", "a\ufdd0\uffff\U0010fffe", 64, `a\ufdd0\uffff\U0010fffe`},
		{"annotation", "a\ufff9\U000110bd", 64, `a\ufff9\U000110bd`},
		{"shown", "é\u0301🙂\u00a0、\ufffd", 64, "é\u0301🙂\u00a0、\ufffd"},
		{"cut_at_a_backslash", `ab\`, 3, "ab"},
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

// What has been escaped is not escaped anew, and what was added since is.
func TestAgain(t *testing.T) {
	for _, text := range []string{"plain", "a\nb", `a\x0ab`, "ad\u200bmin", "a\xffb"} {
		once := logtext.Clip(text, 64)
		if got := logtext.Again(once, 64); got != once {
			t.Errorf("%q, then %q", once, got)
		}
		if got := logtext.Again(once+"\n", 64); got != once+`\x0a` {
			t.Errorf("%q with a line feed is %q", once, got)
		}
	}
	if got := logtext.Again("abcdef", 4); got != "abcd" {
		t.Errorf("%q", got)
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
		if again := logtext.Clip(got, 4*limit); strings.ReplaceAll(again, `\\`, `\`) != got {
			t.Errorf("%q is not safe yet: %q", got, again)
		}
	})
}
