package cors_test

import (
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	rscors "github.com/rs/cors"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/internal/race"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

var cases = []struct {
	name, method string
	header       http.Header
}{
	{"no_origin", "GET", nil},
	{"actual", "GET", http.Header{"Origin": {"https://app.example.com"}}},
	{"actual_subdomain", "GET", http.Header{"Origin": {"https://a.apps.example.com:8443"}}},
	{"preflight", "OPTIONS", preflight("https://app.example.com", "PUT", "authorization,content-type")},
}

// handlers returns ours and that of rs/cors with the same configuration.
func handlers() map[string]http.Handler {
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	theirs := rscors.New(rscors.Options{AllowedOrigins: guide.Origins, AllowedMethods: guide.Methods, AllowedHeaders: guide.Headers,
		ExposedHeaders: guide.Expose, AllowCredentials: true, MaxAge: int(guide.MaxAge / time.Second)})
	return map[string]http.Handler{
		"bulwark": bulwark.Must(cors.New(guide)).Wrap(next),
		"rs":      theirs.Handler(next),
	}
}

func request(method string, header http.Header) *http.Request {
	r, _ := http.NewRequest(method, "https://api.example.com/documents", nil)
	maps.Copy(r.Header, header)
	return r
}

func BenchmarkCORS(b *testing.B) {
	all := handlers()
	for _, c := range cases {
		for _, who := range []string{"rs", "bulwark"} {
			b.Run(c.name+"/"+who, func(b *testing.B) {
				r, w := request(c.method, c.header), discard{http.Header{}}
				b.ReportAllocs()
				for b.Loop() {
					clear(w.header)
					all[who].ServeHTTP(w, r)
				}
			})
		}
	}
}

// BenchmarkAdversarial shows that the length of what a client sends does not
// count. What it measures is the whole refusal, event and body included.
func BenchmarkAdversarial(b *testing.B) {
	var rec forgetful
	handler := rec.wrap(bulwark.Must(cors.New(guide)).Wrap(http.NotFoundHandler()))
	for name, header := range map[string]http.Header{
		"header_short":  preflight("https://app.example.com", "PUT", "x-evil"),
		"header_1MiB":   preflight("https://app.example.com", "PUT", strings.Repeat("x", 1<<20)),
		"commas_1MiB":   preflight("https://app.example.com", "PUT", strings.Repeat(",", 1<<20)),
		"origin_1MiB":   preflight("https://"+strings.Repeat("a.", 1<<19), "PUT"),
		"method_1MiB":   preflight("https://app.example.com", strings.Repeat("P", 1<<20)),
		"allowed_short": preflight("https://app.example.com", "PUT", "authorization"),
	} {
		b.Run(name, func(b *testing.B) {
			r, w := request("OPTIONS", header), discard{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
		})
	}
}

// forgetful takes events and keeps none.
type forgetful struct{ bulwarktest.Recorder }

func (rec *forgetful) wrap(next http.Handler) http.Handler {
	next = rec.Wrap(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		rec.Take()
	})
}

// What is allowed is answered as rs/cors answers it.
func TestSameAsRS(t *testing.T) {
	const everyone = "everyone"
	for name, c := range map[string]cors.Config{
		"guide":  guide,
		"bare":   {Origins: []string{"https://app.example.com"}, Methods: guide.Methods, Headers: guide.Headers},
		everyone: {Origins: []string{"*"}, Methods: guide.Methods, Headers: guide.Headers, Expose: []string{"x-total-count", "etag"}, MaxAge: -time.Second},
	} {
		next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		ours := bulwark.Must(cors.New(c)).Wrap(next)
		theirs := rscors.New(rscors.Options{AllowedOrigins: c.Origins, AllowedMethods: c.Methods, AllowedHeaders: c.Headers,
			ExposedHeaders: c.Expose, AllowCredentials: c.Credentials, MaxAge: int(c.MaxAge / time.Second)}).Handler(next)
		for _, test := range cases {
			if test.name == "actual_subdomain" && name == "bare" {
				continue // not in the list
			}
			for _, outer := range []http.Header{{}, {"Vary": {"Accept"}}} {
				got, want := discard{outer.Clone()}, discard{outer.Clone()}
				ours.ServeHTTP(got, request(test.method, test.header))
				theirs.ServeHTTP(want, request(test.method, test.header))
				if name == everyone && test.method == "GET" {
					// The answer is the same for everybody, and says so to everybody
					// (Fetch, CORS protocol and HTTP caches).
					want.header = outer.Clone()
					want.header["Access-Control-Allow-Origin"] = []string{"*"}
					want.header["Access-Control-Expose-Headers"] = []string{"X-Total-Count, Etag"}
				}
				if !reflect.DeepEqual(got.header, want.header) {
					t.Errorf("%s, %s: headers are %v, those of rs/cors %v", name, test.name, got.header, want.header)
				}
			}
		}
	}
}

func TestAllocs(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	all := handlers()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			allocs := map[string]float64{}
			for who, handler := range all {
				r, w := request(c.method, c.header), discard{http.Header{}}
				allocs[who] = testing.AllocsPerRun(100, func() {
					clear(w.header)
					handler.ServeHTTP(w, r)
				})
			}
			// One for the values that are this response's own. Where no layer
			// outside has brought the Writer, that is in it.
			if allocs["bulwark"] > allocs["rs"]+1 {
				t.Errorf("%v allocations, rs/cors has %v", allocs["bulwark"], allocs["rs"])
			}
		})
	}
}
