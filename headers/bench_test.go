package headers_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
	"github.com/bulwark-go/bulwark/internal/race"
	"github.com/bulwark-go/bulwark/internal/response"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// outside installs what the first layer of a chain installs for all: the scope
// and the watched writer.
var outside = bulwark.LayerFunc(func(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = bulwark.Enter(r)
		w, _ = response.Of(w)
		next.ServeHTTP(w, r)
	})
})

var (
	aPage  = headers.Config{Preset: headers.HTML}
	noting = bulwark.LayerFunc(func(next http.Handler) http.Handler { return next })
)

var benches = []struct {
	name   string
	layer  bulwark.Builder
	allocs float64 // beyond the outside
}{
	{"nothing", noting, 0},
	{"API", headers.Config{}, 1},
	{"HTML", aPage, 3},
	{"HTML_inside_API", bulwark.Must(bulwark.Chain(headers.Config{}, aPage)), 3},
}

func BenchmarkHeaders(b *testing.B) {
	for _, bench := range benches {
		b.Run(bench.name, func(b *testing.B) {
			handler := bulwark.Must(bulwark.Chain(outside, bench.layer)).Wrap(http.HandlerFunc(nothing))
			r, w := httptest.NewRequest("GET", "https://a.example/", nil), discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
		})
	}
	b.Run("API_alone_with_a_new_map", func(b *testing.B) {
		handler := bulwark.Must(headers.New(headers.Config{})).Wrap(http.HandlerFunc(nothing))
		r := httptest.NewRequest("GET", "https://a.example/", nil)
		b.ReportAllocs()
		for b.Loop() {
			handler.ServeHTTP(discard{http.Header{}}, r)
		}
	})
}

func TestAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	count := func(layer bulwark.Builder) float64 {
		handler := bulwark.Must(bulwark.Chain(outside, layer)).Wrap(http.HandlerFunc(nothing))
		r, w := httptest.NewRequest("GET", "https://a.example/", nil), discard{http.Header{}}
		return testing.AllocsPerRun(200, func() {
			clear(w.header)
			handler.ServeHTTP(w, r)
		})
	}
	base := count(noting)
	for _, bench := range benches {
		if got := count(bench.layer) - base; got > bench.allocs {
			t.Errorf("%s: %v allocations, want %v", bench.name, got, bench.allocs)
		}
	}
}
