package ratelimit_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// The upstream of a reverse proxy has a limit of its own, and the proxy adds
// its fields to ours. Triple and Legacy have one line of each field, as from
// several limits of one chain: that of the limit with the least remaining.
func TestUpstreamTwins(t *testing.T) {
	triple := func(limit, remaining, reset, policy string) http.Header {
		return http.Header{"Ratelimit-Limit": {limit}, "Ratelimit-Remaining": {remaining}, "Ratelimit-Reset": {reset}, "Ratelimit-Policy": {policy}}
	}
	ours := triple("5", "4", "720", "5;w=3600")
	for _, test := range []struct {
		name     string
		syntax   ratelimit.Headers
		upstream http.Header
		want     http.Header
	}{
		{"same", ratelimit.Triple, triple("5", "4", "720", "5;w=3600"), ours},
		{"wider", ratelimit.Triple, triple("100", "99", "1", "100;w=60"), ours},
		{"tighter", ratelimit.Triple, triple("9", "3", "7", "9;w=60"), triple("9", "3", "7", "9;w=60")},
		{"not-a-number", ratelimit.Triple, triple("9", "few", "7", "9;w=60"), ours},
		{"negative", ratelimit.Triple, triple("9", "-1", "7", "9;w=60"), ours},
		{"a-part", ratelimit.Triple, http.Header{"Ratelimit-Remaining": {"3"}}, ours},
		{"without-policy", ratelimit.Triple, http.Header{"Ratelimit-Limit": {"9"}, "Ratelimit-Remaining": {"3"}, "Ratelimit-Reset": {"7"}}, ours},
		{"two-lines", ratelimit.Triple, http.Header{"Ratelimit-Limit": {"9", "8"}, "Ratelimit-Remaining": {"3", "2"}, "Ratelimit-Reset": {"7", "6"}, "Ratelimit-Policy": {"9;w=60", "8;w=60"}}, triple("8", "2", "6", "8;w=60")},
		{"only-a-limit", ratelimit.Triple, http.Header{"Ratelimit-Limit": {"9"}}, ours},
		{"draft", ratelimit.Triple, http.Header{"Ratelimit": {`"up";r=1;t=1`}, "Ratelimit-Policy": {`"up";q=9;w=60`}},
			http.Header{"Ratelimit-Limit": {"5"}, "Ratelimit-Remaining": {"4"}, "Ratelimit-Reset": {"720"}, "Ratelimit": {`"up";r=1;t=1`}, "Ratelimit-Policy": {`"up";q=9;w=60`}}},
		{"legacy", ratelimit.Legacy, http.Header{"X-Ratelimit-Limit": {"9"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1"}},
			http.Header{"X-Ratelimit-Limit": {"9"}, "X-Ratelimit-Remaining": {"3"}, "X-Ratelimit-Reset": {"1"}}},
		{"none", ratelimit.Triple, nil, ours},
		{"another-syntax", ratelimit.Triple, http.Header{"X-Ratelimit-Remaining": {"3"}}, ours},
	} {
		t.Run(test.name, func(t *testing.T) {
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for name, lines := range test.upstream {
					w.Header()[name] = lines
				}
			}))
			defer upstream.Close()
			target, _ := url.Parse(upstream.URL)
			for _, count := range []ratelimit.Count{0, ratelimit.Failures} {
				b := serve(t, ratelimit.Config{Key: ratelimit.ByIP, Rate: "5/hour", Headers: test.syntax, Count: count})
				handler := b.limit.Wrap(httputil.NewSingleHostReverseProxy(target))
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				got := w.Result().Header
				for name, lines := range test.want {
					if !slices.Equal(got[name], lines) {
						t.Errorf("%v: %s is %q, want %q", count, name, got[name], lines)
					}
				}
			}
		})
	}
}
