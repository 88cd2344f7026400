package ratelimit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/ratelimit"
)

// httputil.ReverseProxy empties the header after a 103 of its upstream. The
// fields of a limit behind a layer that watches the answer are there
// nevertheless, and what an upstream says itself stays.
func TestFieldsSurviveEarlyHints(t *testing.T) {
	for _, test := range []struct {
		name   string
		syntax ratelimit.Headers
		final  http.Header // of the upstream
		want   http.Header
	}{
		{"draft", ratelimit.Draft, nil, http.Header{"Ratelimit-Policy": {`"api";q=5;w=3600`}, "Ratelimit": {`"api";r=4;t=720`}, "Link": nil}},
		{"triple", ratelimit.Triple, nil, http.Header{"Ratelimit-Policy": {`5;w=3600`}, "Ratelimit-Limit": {"5"}, "Ratelimit-Remaining": {"4"}, "Ratelimit-Reset": {"720"}}},
		{"legacy", ratelimit.Legacy, nil, http.Header{"X-Ratelimit-Limit": {"5"}, "X-Ratelimit-Remaining": {"4"}}},
		{"none", ratelimit.NoHeaders, nil, http.Header{"Ratelimit": nil, "X-Ratelimit-Limit": nil}},
		{"theirs", ratelimit.Draft, http.Header{"Ratelimit": {`"up";r=1;t=1`}}, http.Header{"Ratelimit": {`"up";r=1;t=1`}}},
		{"link", ratelimit.Draft, http.Header{"Link": {"</b.css>"}}, http.Header{"Link": {"</b.css>"}, "Ratelimit": {`"api";r=4;t=720`}}},
	} {
		for name, status := range map[string]int{"200": 200, "304": 304, "404": 404, "nothing": 0} {
			t.Run(test.name+"/"+name, func(t *testing.T) {
				upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Link", "</a.css>; rel=preload")
					for range 2 {
						w.WriteHeader(http.StatusEarlyHints)
					}
					w.Header().Del("Link")
					for name, lines := range test.final {
						w.Header()[name] = lines
					}
					if status != 0 {
						w.WriteHeader(status)
					}
				}))
				defer upstream.Close()
				target, _ := url.Parse(upstream.URL)
				gateway := httptest.NewServer(bulwark.Must(bulwark.Chain(
					bulwark.Edge{InsecureAnyHost: true},
					ratelimit.Config{Name: "api", Key: ratelimit.ByIP, Rate: "5/hour", MaxKeys: 8, Headers: test.syntax},
				)).Wrap(httputil.NewSingleHostReverseProxy(target)))
				defer gateway.Close()
				res, err := gateway.Client().Get(gateway.URL)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				for name, lines := range test.want {
					if got := res.Header[name]; !slices.Equal(got, lines) {
						t.Errorf("%s is %q, want %q", name, got, lines)
					}
				}
			})
		}
	}
}
