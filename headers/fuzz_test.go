package headers_test

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/headers"
)

// FuzzSource puts a source into a policy. What New accepts must come out as
// this one source of this one directive, for a reader that splits a policy as
// browsers do (CSP, 2.2.1): by commas, semicolons and white space.
func FuzzSource(f *testing.F) {
	f.Add("'self'")
	for _, test := range badPolicies {
		for _, sources := range [][]string{test.csp.ScriptSrc, test.csp.ImgSrc} {
			for _, source := range sources {
				f.Add(source)
			}
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		for _, csp := range []headers.CSP{image(source), script(source)} {
			m, err := headers.New(headers.Config{CSP: csp})
			if err != nil {
				continue
			}
			w := httptest.NewRecorder()
			m.Wrap(httpNothing).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			text := w.Header().Get("Content-Security-Policy")
			directives := strings.Split(text, ";")
			if strings.Contains(text, ",") || len(directives) != 6 {
				t.Fatalf("%q makes the policy %q", source, text)
			}
			words := strings.Fields(directives[1])
			if len(words) != 2 || words[1] != source && source != "'nonce'" {
				t.Fatalf("%q makes the directive %q", source, directives[1])
			}
			for _, c := range []byte(text) {
				if c < ' ' || c >= 0x7f {
					t.Fatalf("%q puts %x into a header", source, c)
				}
			}
			weak := []string{"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "https:"}
			if csp.ScriptSrc != nil && slices.Contains(weak, strings.ToLower(words[1])) {
				t.Errorf("%q is accepted for scripts", source)
			}
		}
	})
}

// FuzzReports sends anything. The receiver answers with one of its statuses,
// and no event holds a query.
func FuzzReports(f *testing.F) {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	f.Cleanup(func() { slog.SetDefault(before) })
	f.Add(true, oneReport)
	f.Add(false, twoReports)
	f.Add(true, `{"csp-report":{"blocked-uri":"https://a?b#c?d"}}`)
	f.Add(true, `{"csp-report":[]}`)
	f.Add(false, `[{"type":"csp-violation","body":{"documentURL":"//a@b?c"}}]`)
	f.Add(false, `[`)
	f.Fuzz(func(t *testing.T, old bool, body string) {
		h, err := headers.ReportsHandler(headers.Reports{Window: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		contentType := reportsJSON
		if old {
			contentType = cspReport
		}
		var rec bulwarktest.Recorder
		w := post(rec.Wrap(h), contentType, body)
		if !slices.Contains([]int{204, 400, 413, 415}, w.Code) {
			t.Errorf("answer is %d %s", w.Code, w.Body)
		}
		for _, e := range rec.Take() {
			for _, attr := range e.Attrs {
				if text := attr.Value.String(); attr.Key != "" && e.Reason == "headers.csp_violation" && (strings.ContainsAny(text, "?#\n\r\x00") || len(text) > 256) {
					t.Errorf("an event holds %q", attr)
				}
			}
		}
	})
}
