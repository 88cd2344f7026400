package headers_test

import (
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// The zero Config is the strict set for an API.
func Example() {
	stack, err := bulwark.Chain(headers.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "[]")
	})
	handler := stack.Wrap(mux)

	// What a browser gets over TLS:
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/documents", nil))
	for _, name := range slices.Sorted(maps.Keys(w.Header())) {
		fmt.Println(name+":", w.Header().Get(name))
	}
	// Output:
	// Cache-Control: no-store
	// Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
	// Content-Type: application/json
	// Cross-Origin-Resource-Policy: same-origin
	// Referrer-Policy: no-referrer
	// Strict-Transport-Security: max-age=31536000; includeSubDomains
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: DENY
}

// show prints one header that a layer sends to a browser over TLS.
func show(layer bulwark.Builder, name string) {
	stack := bulwark.Must(bulwark.Chain(layer))
	w := httptest.NewRecorder()
	stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
		ServeHTTP(w, httptest.NewRequest("GET", "https://app.example.com/", nil))
	fmt.Println(w.Header().Get(name))
}

// Pages may load scripts and styles of their own origin, and of one host each.
// The last lists are in the policy unless the CSP has lists of its own for
// them.
func ExampleCSP() {
	config := headers.Config{CSP: headers.CSP{
		DefaultSrc: []string{"'self'"},
		ScriptSrc:  []string{"'self'", "https://cdn.example.com"},
		StyleSrc:   []string{"'self'", "https://fonts.example.com"},
	}}
	show(config, "Content-Security-Policy")
	// Output:
	// default-src 'self'; script-src 'self' https://cdn.example.com; style-src 'self' https://fonts.example.com; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; upgrade-insecure-requests
}

// Inline styles weaken a policy, so the policy needs a field that begins with
// Insecure.
func ExampleCSP_inlineStyles() {
	config := headers.Config{CSP: headers.CSP{
		DefaultSrc:          []string{"'self'"},
		ScriptSrc:           []string{"'self'"},
		StyleSrc:            []string{"'self'", "'unsafe-inline'"},
		ImgSrc:              []string{"'self'", "data:", "https:"},
		InsecureInlineStyle: true,
	}}
	show(config, "Content-Security-Policy")
	// Output:
	// default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; upgrade-insecure-requests
}

func ExampleHSTS() {
	show(headers.Config{HSTS: headers.HSTS{MaxAge: 365 * 24 * time.Hour, Preload: true}}, "Strict-Transport-Security")
	// Output:
	// max-age=31536000; includeSubDomains; preload
}

// One page behind an API has the headers of a page, and its script carries the
// nonce of the response.
func ExampleNonce() {
	page := template.Must(template.New("").Parse(`<script nonce="{{.Nonce}}">start()</script>`))
	pages := bulwark.Must(bulwark.Chain(headers.Config{Preset: headers.HTML}))

	mux := http.NewServeMux()
	mux.Handle("GET /{$}", pages.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		page.Execute(w, map[string]string{"Nonce": headers.Nonce(r.Context())})
	})))
	api := bulwark.Must(bulwark.Chain(headers.Config{}))
	handler := api.Wrap(mux) // the inner layer replaces the headers of the outer layer

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/", nil))
	_, nonce, _ := strings.Cut(w.Body.String(), `nonce="`)
	nonce, _, _ = strings.Cut(nonce, `"`)
	policy := w.Header().Get("Content-Security-Policy")
	fmt.Println(len(nonce), "characters, in the policy:", strings.Contains(policy, "'nonce-"+nonce+"'"))
	// Output:
	// 24 characters, in the policy: true
}

// A browser reports a violation of the policy, and the report becomes an event.
func ExampleReportsHandler() {
	stack := bulwark.Must(bulwark.Chain(headers.Config{
		Preset:    headers.HTML,
		CSP:       headers.CSP{ReportTo: "csp"},
		Endpoints: map[string]string{"csp": "/reports/csp"},
	}))
	reports, err := headers.ReportsHandler(headers.Reports{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /reports/csp", reports)
	handler := stack.Wrap(mux)

	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // the event
	r := httptest.NewRequest("POST", "https://app.example.com/reports/csp", strings.NewReader(
		`{"csp-report": {"effective-directive": "script-src", "blocked-uri": "https://evil.example/x.js"}}`))
	r.Header.Set("Content-Type", "application/csp-report")
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Println(w.Code)
	// Output:
	// 204
}

// The answer to a logout empties the storage of the browser.
func ExampleClearSiteData() {
	logout := func(w http.ResponseWriter, r *http.Request) {
		headers.ClearSiteData(w)
		w.WriteHeader(http.StatusNoContent)
	}
	w := httptest.NewRecorder()
	logout(w, httptest.NewRequest("POST", "https://app.example.com/logout", nil))
	fmt.Println(w.Header().Get("Clear-Site-Data"))
	// Output:
	// "cache", "cookies", "storage"
}

func ExampleSecurityTxtHandler() {
	handler, err := headers.SecurityTxtHandler(headers.SecurityTxt{
		Contact: []string{"mailto:security@example.com"},
		Expires: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/security.txt", handler)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/security.txt", nil))
	fmt.Print(w.Body)
	// Output:
	// Contact: mailto:security@example.com
	// Expires: 2099-01-01T00:00:00Z
}

// New returns every mistake at once, when the program starts.
func Example_incorrect() {
	_, err := headers.New(headers.Config{
		HSTS:           headers.HSTS{MaxAge: 30 * 24 * time.Hour, Preload: true},
		FrameOptions:   "ALLOW-FROM https://partner.example",
		ReferrerPolicy: "unsafe-url",
		OpenerPolicy:   "unsafe-none",
	})
	fmt.Println(err)
	// Output:
	// headers.OpenerPolicy: unsafe-none: is the same as no header; name the header in InsecureOmit to send none
	// headers.ReferrerPolicy: unsafe-url: shows the full URL to other sites; use strict-origin-when-cross-origin
	// headers.FrameOptions: ALLOW-FROM https://partner.example: is not supported by any browser; use CSP.FrameAncestors
	// headers.HSTS.MaxAge: 720h0m0s: must be at least one year, 8760h, for Preload; leave MaxAge or Preload out
}

// The mistakes that people make most often in a policy.
func ExampleCSP_incorrect() {
	_, err := headers.New(headers.Config{CSP: headers.CSP{
		DefaultSrc: []string{"self"},
		ScriptSrc:  []string{"'self' https://cdn.example.com", "'unsafe-inline'"},
		ImgSrc:     []string{"'none'", "data:"},
	}})
	fmt.Println(err)
	// Output:
	// headers.CSP.DefaultSrc[0]: self: is a keyword, which needs single quotes: 'self'
	// headers.CSP.ScriptSrc[0]: 'self' https://cdn.example.com: has white space, a control character or a character that is not ASCII; write each source as a string of its own
	// headers.CSP.ScriptSrc[1]: 'unsafe-inline': lets injected markup run script; use 'nonce', or set InsecureInlineScript if you need it
	// headers.CSP.ImgSrc[0]: 'none': stands beside other sources, so that browsers ignore it; write it alone
}
