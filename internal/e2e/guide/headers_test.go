package guide

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// pages is our way to set the header fields of pages.
func pages(page http.Handler) (http.Handler, error) {
	stack, err := bulwark.Chain(headers.Config{
		Preset: headers.HTML,
		CSP: headers.CSP{
			DefaultSrc: []string{"'self'"},
			ScriptSrc:  []string{"'self'"},
			StyleSrc:   []string{"'self'", "'unsafe-inline'"},
			ImgSrc:     []string{"'self'", "data:", "https:"},

			InsecureInlineStyle: true, // for 'unsafe-inline'; a nonce needs no such field
		},
		EmbedderPolicy: "credentialless", // images of every host may be shown, without cookies
		HSTS:           headers.HSTS{Preload: true},
	})
	if err != nil {
		return nil, err
	}
	return stack.Wrap(page), nil
}

// TestHeaders compares the answers of both with the table of the page, row by
// row, so that the page cannot say of a field what is not so.
func TestHeaders(t *testing.T) {
	handler := bulwark.Must(pages(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<p>hello</p>")) })))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/page", nil))
	they, we := fields(call{"GET", "/page", "", nil}.of(t, theirs(t)).header), fields(w.Header())
	for _, row := range tables(t, "Response headers") {
		name := row[0]
		for i, have := range []map[string]string{they, we} {
			value, sent := have[strings.ToLower(name)]
			shown := "–"
			if sent {
				shown = "`" + value + "`"
				if value == "" { // a directive without a value
					shown = "sent"
				}
			}
			if row[1+i] != shown {
				t.Errorf("%s: the page has %s in column %d, and the answer %s", name, row[1+i], 1+i, shown)
			}
			delete(have, strings.ToLower(name))
		}
	}
	for _, rest := range []map[string]string{they, we} {
		for name, value := range rest {
			t.Errorf("the page lacks a row for %s: %s", name, value)
		}
	}
}

// fields returns the header fields by name, and those of the policy as
// directives of their own.
func fields(h http.Header) map[string]string {
	all := map[string]string{}
	for name := range h {
		if name != "Content-Security-Policy" {
			all[strings.ToLower(name)] = h.Get(name)
			continue
		}
		for directive := range strings.SplitSeq(h.Get(name), ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), " ")
			all["csp "+name] = value
		}
	}
	for _, plain := range []string{"connection", "content-length", "content-type", "date", "etag", "keep-alive", "permissions-policy"} {
		delete(all, plain)
	}
	return all
}
