package headers_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/bulwark-go/bulwark"
)

// get sends a request through the layers, outermost first, and returns the
// header of the answer.
func get(t *testing.T, url string, handler http.HandlerFunc, layers ...bulwark.Builder) http.Header {
	t.Helper()
	stack, err := bulwark.Chain(layers...)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	stack.Wrap(handler).ServeHTTP(w, httptest.NewRequest("GET", url, nil))
	return w.Result().Header
}

func nothing(http.ResponseWriter, *http.Request) {}

var httpNothing = http.HandlerFunc(nothing)

// api is the default set over TLS.
func api() http.Header {
	return http.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Referrer-Policy":              {"no-referrer"},
		"Strict-Transport-Security":    {"max-age=31536000; includeSubDomains"},
		"X-Content-Type-Options":       {"nosniff"},
		"X-Frame-Options":              {"DENY"},
	}
}

func without(h http.Header, names ...string) http.Header {
	for _, name := range names {
		if _, ok := h[name]; !ok {
			panic("no " + name)
		}
		delete(h, name)
	}
	return h
}

func with(h http.Header, name, value string) http.Header {
	h[name] = []string{value}
	return h
}

var nonceIn = regexp.MustCompile(`'nonce-([A-Za-z0-9_-]{24})'`)
