package headers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/headers"
)

// events sends a body and returns the events that it makes at once.
func events(t *testing.T, contentType, body string) []string {
	t.Helper()
	h, rec := receiver(t, headers.Reports{MaxClientGroups: 100})
	w := post(h, contentType, body)
	if w.Code != http.StatusNoContent || w.Body.Len() != 0 {
		t.Errorf("answer is %d %q, want an empty 204", w.Code, w.Body)
	}
	var lines []string
	for _, e := range rec.Take() {
		lines = append(lines, told(e))
	}
	return lines
}

// Browsers send either format under either media type.
func TestCaseHc2ReportsByShape(t *testing.T) {
	const (
		current = `{"type":"csp-violation","url":"https://e/","body":{"documentURL":"https://e/","effectiveDirective":"script-src-elem","blockedURL":"inline","disposition":"enforce"}}`
		old     = `{"csp-report":{"document-uri":"https://e/","effective-directive":"script-src-elem","blocked-uri":"inline"}}`
		other   = `{"type":"deprecation","url":"https://e/","body":{"id":"x"}}`
		line    = "malicious_csp_violation headers.csp_violation script-src-elem 0 document=https://e/ blocked=inline disposition=enforce"
	)
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"alone", current, 1},
		{"old", old, 1},
		{"list", "[" + current + "]", 1},
		{"list_of_old", "[" + old + "]", 1},
		{"list_of_both", "[" + other + "," + old + "]", 1},
		{"other_kind_alone", other, 0},
		{"empty_list", " [ ] ", 0},
		{"white_space", "\r\n\t " + current + "\n", 1},
		{"byte_order_mark", "\uFEFF" + current, 1},
		{"byte_order_mark_before_a_list", "\uFEFF[" + current + "]", 1},
	} {
		for _, contentType := range []string{cspReport, reportsJSON} {
			inBubble(t, test.name+"/"+contentType[len("application/"):], func(t *testing.T) {
				if got, want := events(t, contentType, test.body), slices.Repeat([]string{line}, test.want); !slices.Equal(got, want) {
					t.Errorf("events are %q, want %q", got, want)
				}
			})
		}
	}
}

// What is thrown away anyway refuses nothing.
func TestCaseHc5ReportsDecodedWithReplacement(t *testing.T) {
	for _, text := range []string{
		`abc \ud83d`, `\uDE00 abc`, `\ud83d\ud83d\ude00`, `\ud83d\\u`, `\\\ud83d`, `\ud83dx`, `\ud83d\u0041`, `\ud83d\ude00`, `\\ud83d`,
		"\xff", "\xed\xa0\xbd", "\xf0\x9f\x98", "a\x80b", "\uFFFD",
	} {
		for name, body := range map[string]string{
			"old":     `{"csp-report":{"document-uri":"https://e/","effective-directive":"script-src","blocked-uri":"inline","script-sample":"` + text + `"}}`,
			"current": `[{"type":"csp-violation","body":{"documentURL":"https://e/","effectiveDirective":"script-src","blockedURL":"inline","sample":"` + text + `"}}]`,
			"name":    `{"` + text + `":1,"csp-report":{"document-uri":"https://e/","effective-directive":"script-src","blocked-uri":"inline"}}`,
		} {
			inBubble(t, fmt.Sprintf("%s/%x", name, text), func(t *testing.T) {
				for _, contentType := range []string{cspReport, reportsJSON} {
					got := events(t, contentType, body)
					if len(got) != 1 || !strings.Contains(got[0], " script-src 0 document=https://e/ blocked=inline ") {
						t.Errorf("events of %s are %q", contentType, got)
					}
				}
			})
		}
	}
}

// A batch is read as far as it can be.
func TestNitHeadersReportsInPart(t *testing.T) {
	good := func(i int) string {
		return fmt.Sprintf(`{"type":"csp-violation","body":{"documentURL":"https://e/","effectiveDirective":"img-src","blockedURL":"https://e/%d,[]{}\"\\"}}`, i)
	}
	many := func(n int) string {
		var items []string
		for i := range n {
			items = append(items, good(i))
		}
		return "[" + strings.Join(items, ",\n ") + "]"
	}
	for _, test := range []struct {
		name, body string
		want       int
	}{
		{"hundred", many(100), 100},
		{"hundred_and_one", many(101), 100},
		{"three_hundred", many(300), 100},
		{"not_an_object", "[1," + good(1) + `,"x",null,[` + good(2) + "]]", 1},
		{"broken", `[{"a"},` + good(1) + `,{"body":tru}]`, 1},
		{"duplicate_names", `[{"type":"x","type":"y"},` + good(1) + "]", 1},
		{"deep", "[" + strings.Repeat("[", 50) + strings.Repeat("]", 50) + "," + good(1) + "]", 1},
		{"trailing_comma", "[" + good(1) + ",]", 1},
	} {
		inBubble(t, test.name, func(t *testing.T) {
			if got := events(t, reportsJSON, test.body); len(got) != test.want {
				t.Errorf("%d events, want %d: %q", len(got), test.want, got)
			}
		})
	}
}
