package cors_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

// A handler that scribbles over its response's headers must reach neither those
// of anybody else nor its request's. A preflight has no handler.
func TestSlicesAreOnesOwn(t *testing.T) {
	m := bulwark.Must(cors.New(with(guide, func(c *cors.Config) { c.Methods = append(c.Methods, "OPTIONS") })))
	for _, test := range []struct {
		name, method string
		header       http.Header
	}{
		{"actual", "GET", http.Header{"Origin": {"https://app.example.com"}}},
		{"no_origin", "GET", nil},
		{"refused", "GET", http.Header{"Origin": {"http://example.com"}}},
		{"preflight", "OPTIONS", preflight("https://app.example.com", "PUT", "authorization")},
		{"preflight_lines", "OPTIONS", preflight("https://app.example.com", "PUT", "authorization", "content-type")},
		{"preflight_refused", "OPTIONS", preflight("https://evil.example", "PUT")},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			once := func() (http.Header, http.Header) {
				r := httptest.NewRequest(test.method, "/", nil)
				for name, values := range test.header {
					r.Header[name] = slices.Clone(values)
				}
				w := httptest.NewRecorder()
				rec.Wrap(m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))).ServeHTTP(w, r)
				return w.Header(), r.Header
			}
			first, request := once()
			want := first.Clone()
			for _, values := range first {
				for i := range values {
					values[i] = "poison"
				}
				_ = append(values, "poison")
			}
			for name, values := range test.header {
				if test.method != "OPTIONS" && !slices.Equal(request[name], values) {
					t.Errorf("the request's %s became %q", name, request[name])
				}
			}
			second, _ := once()
			for name := range want {
				if !slices.Equal(second[name], want[name]) {
					t.Errorf("the next response's %s is %q, want %q", name, second[name], want[name])
				}
			}
		})
	}
}

func TestVaryOfOthersStays(t *testing.T) {
	m := bulwark.Must(cors.New(guide))
	for _, header := range []http.Header{nil, {"Origin": {"https://app.example.com"}}, {"Origin": {"https://evil.example"}}} {
		var rec bulwarktest.Recorder
		r := httptest.NewRequest("GET", "/", nil)
		maps.Copy(r.Header, header)
		w := httptest.NewRecorder()
		shared := append(make([]string, 0, 4), "Accept-Encoding")
		w.Header()["Vary"] = shared
		rec.Wrap(m.Wrap(http.NotFoundHandler())).ServeHTTP(w, r)
		if got := w.Header()["Vary"]; !slices.Equal(got, []string{"Accept-Encoding", "Origin"}) {
			t.Errorf("Vary is %q", got)
		}
	}
}
