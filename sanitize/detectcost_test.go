package sanitize_test

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/sanitize"
)

// dear are strings that make rules look far ahead or back, once for each of
// their bytes.
var dear = []string{
	"'", "\"", "`", "(", "<", "<a ", "<a b=", "a=", "'a", "/*", "/*!", "--\n", "1,", `\'`, "{{", "${", "#{", "{{ ", "#{ * ", "{% ", "<%", "#{((", "$[", "[$", "[$a]", "\"$", "{$a:", "../", ".", "./", "..",
	"..;", "/etc/", "\\", "%", "%2", "%25", "%u", "%2525", "\xc0", "\r\n", "\r\na", "\nGET ", "\nGET HTTP/", "\nx-a", "on", "=on", "onx=", "javascript", "q'(", "$a$", "&#x", "u&'", "<!--", "]]", "\x00",
	"select ", "1 or ", "union ",
}

// The time grows with the length of the examined part, and not faster. Eight
// times the length may take 40 times as long, which is far less than the square.
func TestSuspectCost(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector changes the costs")
	}
	fastest := func(s string) time.Duration {
		least := time.Duration(math.MaxInt64)
		for range 25 {
			start := time.Now()
			sanitize.Suspect(s, sanitize.QueryValue)
			least = min(least, time.Since(start))
		}
		return least
	}
	for _, shape := range dear {
		short, long := strings.Repeat(shape, 640/len(shape)), strings.Repeat(shape, 5120/len(shape))
		a, b := max(fastest(short), 5*time.Microsecond), fastest(long)
		if b > 40*a {
			t.Errorf("%q: %v for 640 bytes, %v for 5,120 bytes", shape, a, b)
		}
		// Beyond the examined parts, length is free.
		if c := fastest(strings.Repeat(shape, 512<<10/len(shape))); c > 8*max(b, 20*time.Microsecond) {
			t.Errorf("%q: %v for 5,120 bytes, %v for 512 KiB", shape, b, c)
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	for name, body := range map[string]string{"plain": user1K, "prose": `{"text":"` + strings.Repeat("It's Alice's \\\"cat\\\" (or dog); a < b & c. ", 24) + `"}`} {
		r := read(b, body)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				reports.Clean(r)
			}
		})
	}
	b.Run("worst", func(b *testing.B) {
		list := make([]string, 20)
		for i := range list {
			list[i] = strings.Repeat("<", 5000)
		}
		text, _ := json.Marshal(list)
		r := read(b, string(text))
		for b.Loop() {
			reports.Clean(r)
		}
	})
}

// FuzzDetect holds a request with one text in each of its parts: nothing
// panics, both modes agree, and neither the events nor the answer have the
// text.
func FuzzDetect(f *testing.F) {
	for _, list := range payloads {
		for _, s := range list {
			f.Add(s)
		}
	}
	for _, list := range [][]string{prose, dear} {
		for _, s := range list {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 10_000 {
			return
		}
		secret := "c4nary" + s
		for _, tt := range []struct {
			text    string
			request func(s string) *http.Request
		}{
			{secret, func(s string) *http.Request { text, _ := json.Marshal([]string{s}); return post(asJSON, string(text)) }},
			{s + "c4nary", func(s string) *http.Request { text, _ := json.Marshal([]string{s}); return post(asJSON, string(text)) }},
			{s + "c4nary", func(s string) *http.Request { return post(asForm, "a="+url.QueryEscape(s)) }},
			{s + "c4nary", func(s string) *http.Request { return get("/x", "a="+url.QueryEscape(s)) }},
			{s + "c4nary", func(s string) *http.Request { return get("/x", "a="+s) }},
			{s + "c4nary", func(s string) *http.Request { return get("/x", url.QueryEscape(s)) }},
			{s + "c4nary", func(s string) *http.Request { return post(asForm, url.QueryEscape(s)) }},
			{s + "c4nary", func(s string) *http.Request { r := get("/x", ""); r.URL.Path = "/" + s; return r }},
		} {
			reported := send(t, reports, tt.request(tt.text))
			if !reported.ran {
				if !utf8.ValidString(s) {
					continue
				}
				t.Fatalf("DetectReport refused %q: %s", tt.text, reported.answer.Body)
			}
			rejected := send(t, rejects, tt.request(tt.text))
			a, b := reported.events.Events(), rejected.events.Events()
			if len(a) != len(b) || rejected.ran != (len(a) == 0) {
				t.Errorf("%q: reported %+v, rejected %+v", tt.text, a, b)
			}
			if slices.ContainsFunc(a, func(e bulwark.Event) bool { return e.Rule == "nosql" }) {
				continue // the name of an operator is shown
			}
			if told := logged(reported) + logged(rejected) + rejected.answer.Body.String(); strings.Contains(told, "c4nary") {
				t.Errorf("%q is in %s", tt.text, told)
			}
			for _, e := range a {
				if !sanitize.IsRule(e.Rule) {
					t.Errorf("%q is found by the rule %q", tt.text, e.Rule)
				}
			}
		}
	})
}
