package authz_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/internal/race"
)

// flat and deep are bodies that alice may send.
const (
	flat = `{"title":"A title of some length","kind":"letter","status":"open","pages":12,"tags":["one","two"],"note":"a note"}`
	deep = `{"title":"A title","labels":{"x":"1","z":"3"},"free":{"m":{"p":"9"}},"layout":{"columns":3,"font":{"name":"Mono"}},"cover":{"text":"Cover"},"shares":{"bob":{"note":"hello"},"eve":{"note":"hi"}}}`
)

// A rewound is a request whose body can be sent again and again.
type rewound struct {
	*http.Request
	body *strings.Reader
	text string
}

func newRewound(method, text string) *rewound {
	b := &rewound{bodied(method, text, as("alice", "user")), strings.NewReader(text), text}
	return b
}

func (b *rewound) again() *http.Request {
	b.body.Reset(b.text)
	b.Body, b.ContentLength = io.NopCloser(b.body), int64(len(b.text))
	return b.Request
}

// inRoute runs a function in a route, as the handler with the grant of alice.
func inRoute(tb testing.TB, r *http.Request, f func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper])) {
	tb.Helper()
	mux := authz.NewMux(paperPolicy(tb))
	for _, method := range []string{"PUT", "PATCH"} {
		authz.HandleObject(mux, method+" /papers/{id}", papers().Can("update"), f)
	}
	serve(mux, scoped(r, as("alice", "user")))
}

// What Decode allocates does not grow beyond what the values need.
func TestDecodeAllocates(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for name, test := range map[string]struct {
		method, body string
		most         float64
	}{"flat_put": {"PUT", flat, 42}, "flat_patch": {"PATCH", flat, 39}, "deep_patch": {"PATCH", deep, 108}, "nothing": {"PATCH", `{}`, 17}} {
		t.Run(name, func(t *testing.T) {
			b := newRewound(test.method, test.body)
			inRoute(t, b.Request, func(w http.ResponseWriter, r *http.Request, g authz.Granted[*paper]) {
				b.Request = r
				got := testing.AllocsPerRun(100, func() {
					if _, err := authz.Decode(w, b.again(), g); err != nil {
						t.Fatal(err)
					}
				})
				if got > test.most {
					t.Errorf("%v allocations, at most %v", got, test.most)
				}
			})
		})
	}
}

// BenchmarkDecode stands beside encoding/json of the same body, which checks
// nothing.
func BenchmarkDecode(b *testing.B) {
	for _, test := range []struct{ name, method, body string }{{"flat_put", "PUT", flat}, {"flat_patch", "PATCH", flat}, {"deep_patch", "PATCH", deep}} {
		b.Run(test.name+"/authz", func(b *testing.B) {
			r := newRewound(test.method, test.body)
			inRoute(b, r.Request, func(w http.ResponseWriter, in *http.Request, g authz.Granted[*paper]) {
				r.Request = in
				b.ReportAllocs()
				for b.Loop() {
					if _, err := authz.Decode(w, r.again(), g); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
		b.Run(test.name+"/encoding_json", func(b *testing.B) {
			r := newRewound(test.method, test.body)
			b.ReportAllocs()
			for b.Loop() {
				text, err := io.ReadAll(r.again().Body)
				var p paper
				if err != nil || json.Unmarshal(text, &p) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
