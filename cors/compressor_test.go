package cors_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
	"github.com/bulwark-go/bulwark/internal/response"
)

// A compressor between two layers changes nothing of that.
func TestCaseHc1CORSAroundACompressor(t *testing.T) {
	everybody := cors.Config{Origins: []string{"*"}}
	other := with(guide, func(c *cors.Config) { c.Origins = []string{"https://other.example"} })
	dry := with(guide, func(c *cors.Config) { c.DryRun = true })
	for _, test := range []struct {
		name           string
		outside, layer cors.Config
		apart          bool // the compressor has a header of its own
		origin         string
		want           []string
	}{
		{"inside_refuses", guide, other, false, "https://app.example.com", nil},
		{"inside_grants", guide, other, false, "https://other.example", []string{"https://other.example"}},
		{"strict_inside", everybody, guide, false, "https://evil.example", nil},
		{"strict_inside_grants", everybody, guide, false, "https://app.example.com", []string{"https://app.example.com"}},
		{"public_inside", guide, everybody, false, "https://evil.example", []string{"*"}},
		{"denied_inside", everybody, with(guide, func(c *cors.Config) { c.DenyRefused = true }), false, "https://evil.example", nil},
		{"dry_run_inside", guide, dry, false, "https://app.example.com", []string{"https://app.example.com"}},
		// Another response does not belong to the layer outside.
		{"apart", guide, everybody, true, "https://evil.example", nil},
	} {
		for _, watched := range []bool{false, true} { // by a layer that needs the status, such as audit
			t.Run(fmt.Sprint(test.name, watched), func(t *testing.T) {
				inner := bulwark.Must(test.layer.Build()).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					fmt.Fprint(w, "text")
				}))
				compressor := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					own := compressing{w, w.Header()}
					if test.apart {
						own.header = http.Header{}
						w.Header().Set(protocol+"Allow-Origin", "https://upstream.example")
					}
					if watched {
						w, _ := response.Of(own)
						inner.ServeHTTP(w, r)
						return
					}
					inner.ServeHTTP(own, r)
				})
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Origin", test.origin)
				w := httptest.NewRecorder()
				var rec bulwarktest.Recorder
				rec.Wrap(bulwark.Must(test.outside.Build()).Wrap(compressor)).ServeHTTP(w, r)
				if got := w.Header()[protocol+"Allow-Origin"]; !slices.Equal(got, test.want) {
					t.Errorf("the answer may be read by %q, want %q", got, test.want)
				}
				if got := strings.Join(w.Header()["Vary"], ","); !strings.Contains(got, "Origin") {
					t.Errorf("Vary is %q", got)
				}
			})
		}
	}
}

// compressing is what a compressor gives to the handler inside it.
type compressing struct {
	http.ResponseWriter
	header http.Header
}

func (c compressing) Header() http.Header         { return c.header }
func (c compressing) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// What a middleware of somebody else outside has granted is gone, whatever the
// request, and what it says of an origin that may read the answer is said once.
func TestCaseHc1AnotherMiddlewareOutside(t *testing.T) {
	denying := with(guide, func(c *cors.Config) { c.DenyRefused = true })
	for _, test := range []struct {
		name    string
		config  cors.Config
		method  string
		header  http.Header
		status  int
		granted []string
	}{
		{"no_origin", guide, "GET", nil, 200, nil},
		{"listed", guide, "GET", http.Header{"Origin": {"https://app.example.com"}}, 200, []string{"https://app.example.com"}},
		{"everybody", cors.Config{Origins: []string{"*"}}, "GET", http.Header{"Origin": {"https://evil.example"}}, 200, []string{"*"}},
		{"unlisted", guide, "GET", http.Header{"Origin": {"https://evil.example"}}, 200, nil},
		{"denied", denying, "GET", http.Header{"Origin": {"https://evil.example"}}, 403, nil},
		{"two_origins", guide, "GET", http.Header{"Origin": {"https://app.example.com", "https://evil.example"}}, 400, nil},
		{"method", guide, "PATCH", http.Header{"Origin": {"https://app.example.com"}}, 200, nil},
		{"preflight", guide, "OPTIONS", preflight("https://app.example.com", "PUT"), 204, []string{"https://app.example.com"}},
		{"preflight_unlisted", guide, "OPTIONS", preflight("https://evil.example", "PUT"), 403, nil},
		{"preflight_method", guide, "OPTIONS", preflight("https://app.example.com", "PATCH"), 403, nil},
		{"plain_options", guide, "OPTIONS", http.Header{"Origin": {"https://evil.example"}}, 200, nil},
	} {
		for _, handler := range []string{"writes", "flushes", "says_nothing", "panics"} {
			t.Run(test.name+"/"+handler, func(t *testing.T) {
				inner := bulwark.Must(cors.New(test.config)).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch handler {
					case "writes":
						fmt.Fprint(w, "text")
					case "flushes":
						http.NewResponseController(w).Flush()
					case "panics":
						w.WriteHeader(http.StatusOK)
						panic(http.ErrAbortHandler)
					}
				}))
				foreign := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h := w.Header()
					h.Set(protocol+"Allow-Origin", "https://evil.example")
					h.Set(protocol+"Allow-Credentials", "true")
					h.Set(protocol+"Allow-Methods", "PATCH")
					h.Set(protocol+"Expose-Headers", "X-Secret")
					inner.ServeHTTP(w, r)
				})
				r := httptest.NewRequest(test.method, "/", nil)
				r.Header = test.header.Clone()
				w := httptest.NewRecorder()
				var rec bulwarktest.Recorder
				func() {
					defer func() { _ = recover() }()
					rec.Wrap(foreign).ServeHTTP(w, r)
				}()
				h := w.Header()
				if got := h[protocol+"Allow-Origin"]; w.Code != test.status || !slices.Equal(got, test.granted) {
					t.Errorf("answer is %d and may be read by %q, want %d and %q", w.Code, got, test.status, test.granted)
				}
				if len(test.granted) == 0 && (h[protocol+"Allow-Credentials"] != nil || h[protocol+"Allow-Methods"] != nil) {
					t.Errorf("a refusal carries %v", h)
				}
				if strings.Contains(fmt.Sprint(h), "X-Secret") {
					t.Errorf("header is %v", h)
				}
			})
		}
	}
}
