package sanitize_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/microcosm-cc/bluemonday"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/body"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/sanitize"
)

// clean100 is plain text of 100 bytes.
const clean100 = "Alice's caterpillar sat on a mushroom, quietly smoking a long hookah: 3 > 2, he said, and so it was.."

// page1K is about 1 KB of HTML as a user writes it.
var page1K = strings.Repeat(`<h2>Title</h2><p>Some <b>bold</b> and <i>italic</i> text with <a href="https://example.com/a?b=c&amp;d=e">a link</a>`+
	` &amp; an <img src="/a.png" alt="image" onerror="alert(1)"> and <script>alert(1)</script> more.</p><ul><li>x</li></ul>`, 4)

// user1K has 1 KB, and five fields that are named in its Config.
const user1K = `{
	"id": "3f2b8c1e-9a47-4d0f-8b6e-2c5a7f1d9e30",
	"email": "alice.liddell@example.com",
	"name": "Alice Pleasance Liddell",
	"password": "correct horse battery staple",
	"role": "moderator",
	"age": 31,
	"score": 97.25,
	"active": true,
	"created_at": "2026-02-11T08:30:00Z",
	"bio": "Down the rabbit hole and back again: gardener of white roses, painter of red ones, occasional player of croquet with flamingos. Writes about looking glasses, unbirthdays, tarts and the manners of caterpillars, mostly in the afternoon and never before tea. Has strong opinions on clocks, on pocket watches above all, and on the right number of impossible things to believe before breakfast, which is six on a working day and rather more on holidays.",
	"address": {"street": "1 Christ Church Meadow", "city": "Oxford", "postcode": "OX1 1DP", "country": "GB"},
	"tags": ["reader", "gardener", "early adopter"],
	"settings": {"locale": "en-GB", "timezone": "Europe/London", "newsletter": false, "theme": null}
}`

func user1KLayer() *sanitize.Middleware {
	return bulwark.Must(sanitize.New(sanitize.Config{Fields: sanitize.Fields{"/name": sanitize.Text, "/bio": sanitize.Text,
		"/role": sanitize.Reject, "/address/street": sanitize.Text, "/address/city": sanitize.Text}}))
}

// read returns a request whose body an outer layer has read and decoded.
func read(tb testing.TB, src string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(src))
	r.Header.Set("Content-Type", "application/json")
	r, _, err := body.Read(nil, r, body.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	m, r := user1KLayer(), read(t, user1K)
	for name, run := range map[string]func(){
		"text":   func() { sanitize.String(sanitize.Text, clean100) },
		"reject": func() { sanitize.String(sanitize.Reject, clean100) },
		"angle":  func() { sanitize.String(sanitize.Text, "1 < 2, 2 << 3, fish & chips") },
		"ugc":    func() { sanitize.String(sanitize.UGC, "Plain text has nothing to escape.") },
		"other": func() {
			sanitize.String(sanitize.Text, "کتاب\u200cها हिन्दी 👩\u200d👩\u200d👧\u200d👦")
		},
		"body": func() { m.Clean(r) },
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, run); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkString(b *testing.B) {
	for _, bb := range []struct {
		name   string
		policy sanitize.Policy
		in     string
	}{
		{"text/clean", sanitize.Text, clean100},
		{"reject/clean", sanitize.Reject, clean100},
		{"text/persian", sanitize.Text, strings.Repeat("کتاب\u200cها ", 7)},
		{"text/references", sanitize.Text, "AT&T <att@example.com> &lt;b&gt;"},
		{"text/html", sanitize.Text, page1K},
		{"strict/html", sanitize.Strict, page1K},
		{"ugc/html", sanitize.UGC, page1K},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sanitize.String(bb.policy, bb.in)
			}
		})
	}
	b.Run("ugc/bluemonday", func(b *testing.B) {
		p := bluemonday.UGCPolicy()
		b.ReportAllocs()
		for b.Loop() {
			p.Sanitize(page1K)
		}
	})
}

// BenchmarkClean is what a clean body costs beyond its decoding, which the
// layers share.
func BenchmarkClean(b *testing.B) {
	m, r := user1KLayer(), read(b, user1K)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Clean(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile is 1 MB of what makes a tokenizer read ahead again and
// again.
func BenchmarkHostile(b *testing.B) {
	for name, unit := range map[string]string{
		"open":     "<",
		"tags":     "<b>",
		"nested":   "<<b>",
		"quotes":   `<a "'="`,
		"comments": "<!--",
		"scripts":  "<script>",
		"names":    "<a<",
		"less":     "&lt;",
		"escaped":  "&lt;script",
		"marks":    "e\u0301",
		"zalgo":    "\u0301",
		"cites":    "<p><q cite='//x'>",
		"links":    "<a href=/x>",
		"hosts":    "<a href='/%2f a'>",
		"images":   "<img src=' a b '>",
		"boxes":    "<input type=checkbox>",
	} {
		in := strings.Repeat(unit, 1<<20/len(unit)) + ">"
		for _, p := range []sanitize.Builtin{sanitize.Text, sanitize.UGC} {
			b.Run(name+[]string{"", "/text", "", "/ugc"}[p], func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				b.ReportAllocs()
				for b.Loop() {
					sanitize.String(p, in)
				}
			})
		}
	}
}
