package headers_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// A compressor between two layers changes nothing: the inner layer has the last
// word, also on what it leaves out, and there is one nonce.
func TestCaseHc1HeadersAroundACompressor(t *testing.T) {
	type ask = func(w http.ResponseWriter, r *http.Request)
	says := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, headers.Nonce(r.Context()))
	}
	for _, test := range []struct {
		name           string
		outside, layer headers.Config
		handler        ask
		gone           []string // of what the layer outside sends
	}{
		{"api_in_html", headers.Config{Preset: headers.HTML}, headers.Config{}, says, []string{"Permissions-Policy", "Cross-Origin-Opener-Policy"}},
		{"without_policy", headers.Config{Preset: headers.HTML}, headers.Config{InsecureOmit: []string{"Content-Security-Policy"}}, says, []string{"Content-Security-Policy"}},
		{"html_in_api", headers.Config{}, headers.Config{Preset: headers.HTML}, says, nil},
		{"html_in_html", headers.Config{Preset: headers.HTML}, headers.Config{Preset: headers.HTML}, says, nil},
		{"not_modified", headers.Config{Preset: headers.HTML, CacheControl: "private, no-cache"}, headers.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotModified)
		}, []string{"Permissions-Policy"}},
		{"after_early_hints", headers.Config{}, headers.Config{Preset: headers.HTML}, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			clear(w.Header()) // as httputil.ReverseProxy does
			says(w, r)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			outside, layer := bulwark.Must(headers.New(test.outside)), bulwark.Must(headers.New(test.layer))
			inner := layer.Wrap(http.HandlerFunc(test.handler))
			serve := func(h http.Handler) (http.Header, string) {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "https://a.example/", nil))
				res := w.Result()
				body, _ := io.ReadAll(res.Body)
				return res.Header, string(body)
			}
			want, _ := serve(outside.Wrap(inner))
			got, nonce := serve(outside.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner.ServeHTTP(struct{ http.ResponseWriter }{w}, r) // without Unwrap, as many have
			})))
			if found := nonceIn.FindStringSubmatch(got.Get("Content-Security-Policy")); found != nil && found[1] != nonce {
				t.Errorf("the policy has the nonce %s, the page %s", found[1], nonce)
			}
			for _, name := range test.gone {
				if got[name] != nil {
					t.Errorf("%s is sent: %q", name, got[name])
				}
			}
			for _, h := range []http.Header{want, got} { // the nonce differs
				h.Set("Content-Security-Policy", nonceIn.ReplaceAllString(h.Get("Content-Security-Policy"), "'nonce-'"))
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("header is\n%v\nwant\n%v", got, want)
			}
		})
	}
}
