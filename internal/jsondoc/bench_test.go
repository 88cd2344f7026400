package jsondoc_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/bulwark-go/bulwark/internal/race"
)

// userJSON is a sign-up of 13 properties and about 1 KB.
const userJSON = `{
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
	"address": {
		"street": "1 Christ Church Meadow",
		"city": "Oxford",
		"postcode": "OX1 1DP",
		"country": "GB"
	},
	"tags": ["reader", "gardener", "early adopter"],
	"settings": {
		"locale": "en-GB",
		"timezone": "Europe/London",
		"newsletter": false,
		"theme": null
	}
}`

const headerJSON = `{"alg":"RS256","kid":"2026-02-key-1","typ":"at+jwt"}`

type address struct {
	Street   string `json:"street"`
	City     string `json:"city"`
	Postcode string `json:"postcode"`
	Country  string `json:"country"`
}

type user struct {
	ID        string         `json:"id"`
	Email     string         `json:"email"`
	Name      string         `json:"name"`
	Password  string         `json:"password"`
	Role      string         `json:"role"`
	Age       int            `json:"age"`
	Score     float64        `json:"score"`
	Active    bool           `json:"active"`
	CreatedAt string         `json:"created_at"`
	Bio       string         `json:"bio"`
	Address   *address       `json:"address"`
	Tags      []string       `json:"tags"`
	Settings  map[string]any `json:"settings"`
}

func BenchmarkDecode(b *testing.B) {
	src := []byte(userJSON)
	b.Run("document", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			if _, err := jsondoc.Decode(src, jsondoc.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("value", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			if _, err := jsondoc.DecodeValue(src, jsondoc.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encodingjson", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			if _, err := standard(src); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	src := []byte(headerJSON)
	b.Run("members", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var buf [8]jsondoc.Member
			if _, err := jsondoc.Members(buf[:0], src, jsondoc.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("value", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jsondoc.DecodeValue(src, jsondoc.Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encodingjson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := standard(src); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkBind(b *testing.B) {
	v, err := jsondoc.DecodeValue([]byte(userJSON), jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var u user
			if err := jsondoc.Bind(v, &u); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encodingjson", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var u user
			if err := json.Unmarshal([]byte(userJSON), &u); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPatch(b *testing.B) {
	d, err := jsondoc.Decode([]byte(userJSON), jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	repl := map[int]string{2: "Alice", 6: "gardener"}
	b.ReportAllocs()
	for b.Loop() {
		d.Patch(repl)
	}
}

func BenchmarkAppend(b *testing.B) {
	v, err := jsondoc.DecodeValue([]byte(userJSON), jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jsondoc.Append(buf, v); err != nil {
			b.Fatal(err)
		}
	}
}

// standard is what services do without this package.
func standard(src []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errTrailing
	}
	return v, nil
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates too")
	}
	src, header := []byte(userJSON), []byte(headerJSON)
	doc := decode(t, userJSON)
	pattern := []string{"address", "*"}
	buf := make([]byte, 0, 2048)
	for name, tt := range map[string]struct {
		most float64
		run  func()
	}{
		"document": {40, func() { jsondoc.Decode(src, jsondoc.Limits{}) }},
		"value":    {37, func() { jsondoc.DecodeValue(src, jsondoc.Limits{}) }},
		"members": {4, func() {
			var buf [8]jsondoc.Member
			jsondoc.Members(buf[:0], header, jsondoc.Limits{})
		}},
		"match":  {0, func() { doc.Match(9, pattern) }},
		"string": {0, func() { doc.String(9) }},
		"append": {0, func() { jsondoc.Append(buf, doc.Value) }},
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tt.run); n > tt.most {
				t.Errorf("%v allocations, want at most %v", n, tt.most)
			}
		})
	}
}
