package headers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

func TestNonceIsNew(t *testing.T) {
	stack := bulwark.Must(bulwark.Chain(headers.Config{Preset: headers.HTML, ReportOnly: headers.CSP{DefaultSrc: []string{"'nonce'"}, BaseURI: []string{"'none'"}}}))
	seen := map[string]bool{}
	for range 1000 {
		w := httptest.NewRecorder()
		stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, headers.Nonce(r.Context())) })).
			ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		nonce := w.Body.String()
		if len(nonce) != 24 || seen[nonce] {
			t.Fatalf("nonce %q, seen before: %t", nonce, seen[nonce])
		}
		seen[nonce] = true
		for _, name := range []string{"Content-Security-Policy", "Content-Security-Policy-Report-Only"} {
			if found := nonceIn.FindStringSubmatch(w.Header().Get(name)); found == nil || found[1] != nonce {
				t.Fatalf("%s is %q, and the nonce %q", name, w.Header().Get(name), nonce)
			}
		}
	}
}

func TestNonceWhereThereIsNone(t *testing.T) {
	if nonce := headers.Nonce(t.Context()); nonce != "" {
		t.Errorf("outside any layer the nonce is %q", nonce)
	}
	get(t, "/", func(_ http.ResponseWriter, r *http.Request) {
		if nonce := headers.Nonce(r.Context()); nonce != "" {
			t.Errorf("without a nonce in the policy it is %q", nonce)
		}
	}, headers.Config{})
}
