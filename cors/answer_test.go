package cors_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/cors"
)

const protocol = "Access-Control-"

// behind sends a request to a gateway with the layer, whose reverse proxy asks
// a real upstream, and returns the header of the answer.
func behind(t *testing.T, gateway bulwark.Builder, method string, header http.Header, upstream http.HandlerFunc) http.Header {
	t.Helper()
	up := httptest.NewServer(upstream)
	defer up.Close()
	target, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	var rec bulwarktest.Recorder
	front := httptest.NewServer(bulwark.Must(bulwark.Chain(&rec, gateway)).Wrap(httputil.NewSingleHostReverseProxy(target)))
	defer front.Close()
	r, err := http.NewRequest(method, front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(r.Header, header)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.Header
}

// access returns what a header says of the protocol.
func access(h http.Header) http.Header {
	found := http.Header{}
	for name, values := range h {
		if strings.HasPrefix(name, protocol) {
			found[name] = values
		}
	}
	return found
}

// Browsers refuse an answer with two lines, whatever they say (Fetch, CORS
// check).
func TestCaseHc1UpstreamSaysNothingOfCORS(t *testing.T) {
	app := http.Header{"Origin": {"https://app.example.com"}}
	evil := http.Header{"Origin": {"https://evil.example"}}
	granted := http.Header{protocol + "Allow-Origin": {"https://app.example.com"}, protocol + "Allow-Credentials": {"true"}, protocol + "Expose-Headers": {"X-Total-Count"}}
	plain := with(guide, func(c *cors.Config) { c.Credentials, c.Expose = false, nil })
	upstreams := map[string]http.Header{
		"nothing":       {},
		"equal":         granted,
		"everybody":     {protocol + "Allow-Origin": {"*"}},
		"other":         {protocol + "Allow-Origin": {"https://other.example"}, protocol + "Allow-Credentials": {"true"}, protocol + "Expose-Headers": {"X-Secret"}},
		"twice":         {protocol + "Allow-Origin": {"*", "*"}, protocol + "Expose-Headers": {"A", "B"}},
		"all_six":       {protocol + "Allow-Origin": {"null"}, protocol + "Allow-Credentials": {"true"}, protocol + "Expose-Headers": {"*"}, protocol + "Allow-Methods": {"*"}, protocol + "Allow-Headers": {"*"}, protocol + "Max-Age": {"86400"}},
		"without_ours":  {protocol + "Allow-Credentials": {"true"}, protocol + "Expose-Headers": {"X-Secret"}},
		"vary":          {"Vary": {"Accept-Encoding, Cookie"}},
		"vary_doubled":  {"Vary": {"Origin"}},
		"bulwark_again": {protocol + "Allow-Origin": {"https://app.example.com"}, "Vary": {"Origin"}},
	}
	for _, test := range []struct {
		name   string
		config cors.Config
		method string
		header http.Header
		want   http.Header
		varies bool
	}{
		{"granted", guide, "GET", app, granted, true},
		{"granted_post", guide, "POST", app, granted, true},
		{"granted_options", guide, "OPTIONS", app, granted, true},
		{"granted_without_credentials", plain, "GET", app, http.Header{protocol + "Allow-Origin": {"https://app.example.com"}}, true},
		{"everybody", cors.Config{Origins: []string{"*"}}, "GET", evil, http.Header{protocol + "Allow-Origin": {"*"}}, false},
		{"everybody_without_origin", cors.Config{Origins: []string{"*"}}, "GET", nil, http.Header{protocol + "Allow-Origin": {"*"}}, false},
		{"refused", guide, "GET", evil, http.Header{}, true},
		{"refused_method", guide, "PATCH", app, http.Header{}, true},
		{"no_origin", guide, "GET", nil, http.Header{}, true},
	} {
		for name, upstream := range upstreams {
			for _, hints := range []bool{false, true} {
				if hints {
					name += "_after_hints"
				}
				t.Run(test.name+"/"+name, func(t *testing.T) {
					got := behind(t, test.config, test.method, test.header, func(w http.ResponseWriter, _ *http.Request) {
						if hints {
							w.WriteHeader(http.StatusEarlyHints)
						}
						maps.Copy(w.Header(), upstream)
					})
					if !maps.EqualFunc(access(got), test.want, slices.Equal[[]string]) {
						t.Errorf("the answer says %v, want %v", access(got), test.want)
					}
					vary := strings.Join(got["Vary"], ", ")
					if test.varies && !strings.Contains(vary, "Origin") || strings.Contains(strings.Join(upstream["Vary"], ""), "Cookie") && !strings.Contains(vary, "Cookie") {
						t.Errorf("Vary is %q", vary)
					}
					if !test.varies && strings.Contains(vary, "Origin") && upstream["Vary"] == nil {
						t.Errorf("Vary is %q, although the answer is the same for everybody", vary)
					}
				})
			}
		}
	}
}

// A handler that sets Vary anew does not take Origin out of it.
func TestCaseHc1VarySurvives(t *testing.T) {
	for _, origin := range []string{"", "https://app.example.com", "https://evil.example"} {
		for set, want := range map[string][]string{"Accept": {"Accept", "Origin"}, "accept, ORIGIN": {"accept, ORIGIN"}, "*": {"*"}, "X-Origin": {"X-Origin", "Origin"}} {
			for name, write := range map[string]func(http.ResponseWriter){
				"nothing": func(http.ResponseWriter) {},
				"write":   func(w http.ResponseWriter) { io.WriteString(w, "x") },
				"flush":   func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
			} {
				x := exchange{method: "GET", handler: func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Vary", set)
					write(w)
				}}
				if origin != "" {
					x.header = http.Header{"Origin": {origin}}
				}
				if got := x.through(t, guide).w.Header()["Vary"]; !slices.Equal(got, want) {
					t.Errorf("%q, %s: Vary %q becomes %q", origin, name, set, got)
				}
			}
		}
	}
}

// A layer inside another one decides, and a dry run leaves what others say.
func TestCaseHc1InnerLayersAndDryRuns(t *testing.T) {
	says := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(protocol+"Allow-Origin", "https://own.example")
	}
	everybody := cors.Config{Origins: []string{"*"}}
	dry := with(guide, func(c *cors.Config) { c.DryRun = true })
	for _, test := range []struct {
		name   string
		layers []bulwark.Builder
		origin string
		want   []string
	}{
		{"public_inside", []bulwark.Builder{guide, everybody}, "https://evil.example", []string{"*"}},
		{"strict_inside", []bulwark.Builder{everybody, guide}, "https://evil.example", nil},
		{"strict_inside_grants", []bulwark.Builder{everybody, guide}, "https://app.example.com", []string{"https://app.example.com"}},
		{"dry_run", []bulwark.Builder{dry}, "https://evil.example", []string{"https://own.example"}},
		{"dry_run_grants", []bulwark.Builder{dry}, "https://app.example.com", []string{"https://app.example.com"}},
		{"dry_run_inside", []bulwark.Builder{guide, dry}, "https://evil.example", []string{"https://own.example"}},
		{"dry_run_denying", []bulwark.Builder{guide, with(dry, func(c *cors.Config) { c.DenyRefused = true })}, "https://evil.example", []string{"https://own.example"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			stack := http.Handler(http.HandlerFunc(says))
			for _, layer := range slices.Backward(test.layers) {
				stack = bulwark.Must(layer.Build()).Wrap(stack)
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Origin", test.origin)
			w := httptest.NewRecorder()
			rec.Wrap(stack).ServeHTTP(w, r)
			if got := w.Header()[protocol+"Allow-Origin"]; !slices.Equal(got, test.want) {
				t.Errorf("the answer may be read by %q, want %q", got, test.want)
			}
		})
	}
}

// An answer that is the same for everybody is cached once for everybody (Fetch,
// CORS protocol and HTTP caches).
func TestNitCorsEverybodyDoesNotVary(t *testing.T) {
	everybody := cors.Config{Origins: []string{"*"}, Expose: []string{"X-Total-Count"}}
	var first http.Header
	for _, origin := range []string{"", "https://a.example", "null"} {
		x := exchange{method: "GET"}
		if origin != "" {
			x.header = http.Header{"Origin": {origin}}
		}
		got := x.through(t, everybody).w.Header()
		if first == nil {
			first = got
		}
		if _, varies := got["Vary"]; varies || !maps.EqualFunc(got, first, slices.Equal[[]string]) || got.Get(protocol+"Allow-Origin") != "*" {
			t.Errorf("for the origin %q the header is %v", origin, got)
		}
	}
	// A refusal differs by Origin.
	x := exchange{method: "PUT", header: http.Header{"Origin": {"https://a.example"}}}
	if got := x.through(t, with(everybody, func(c *cors.Config) { c.DenyRefused = true })).w.Header()["Vary"]; !slices.Equal(got, []string{"Origin"}) {
		t.Errorf("Vary of a refusal is %q", got)
	}
}

// A handler may write to the map past the methods of http.Header, in another
// spelling. net/http would send both lines.
func TestSpellingsOfOneHeader(t *testing.T) {
	c := bulwark.Must(cors.New(cors.Config{Origins: []string{"https://app.example"}, Credentials: true}))
	for _, origin := range []string{"https://app.example", "https://evil.example", ""} {
		for spelling, spell := range map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper} {
			t.Run(spelling+"/"+origin, func(t *testing.T) {
				w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
				want := http.Header{}
				if origin != "" {
					r.Header.Set("Origin", origin)
				}
				if origin == "https://app.example" {
					want = http.Header{"Access-Control-Allow-Origin": {origin}, "Access-Control-Allow-Credentials": {"true"}}
				}
				c.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					for _, name := range []string{"Allow-Origin", "Allow-Credentials", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age"} {
						w.Header()[spell(protocol+name)] = []string{"*"}
					}
					w.Header()[spell("Accept-Ranges")] = []string{"bytes"}
					w.WriteHeader(http.StatusOK)
				})).ServeHTTP(w, r)
				got := http.Header{}
				for name, values := range w.Result().Header {
					if strings.HasPrefix(strings.ToLower(name), "access-control-") {
						got[name] = values
					}
				}
				if !maps.EqualFunc(got, want, slices.Equal) || w.Result().Header[spell("Accept-Ranges")] == nil {
					t.Errorf("%v, want %v", w.Result().Header, want)
				}
			})
		}
	}
}
