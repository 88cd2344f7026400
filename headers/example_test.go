package headers_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/headers"
)

// show prints what a layer sends to a browser over TLS.
func show(layer bulwark.Builder, names ...string) {
	stack := bulwark.Must(bulwark.Chain(layer))
	w := httptest.NewRecorder()
	stack.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
		ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/documents", nil))
	if names == nil {
		names = slices.Sorted(maps.Keys(w.Header()))
	}
	for _, name := range names {
		fmt.Println(name+":", w.Header().Get(name))
	}
}

// The zero Config is the strict set for an API.
func Example() {
	show(headers.Config{})
	// Output:
	// Cache-Control: no-store
	// Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
	// Cross-Origin-Resource-Policy: same-origin
	// Referrer-Policy: no-referrer
	// Strict-Transport-Security: max-age=31536000; includeSubDomains
	// X-Content-Type-Options: nosniff
	// X-Frame-Options: DENY
}

// A policy of one's own. Inline styles weaken it, which has to be said. The
// last lists are there unless the policy says otherwise.
func ExampleCSP() {
	show(headers.Config{
		CSP: headers.CSP{
			DefaultSrc:          []string{"'self'"},
			ScriptSrc:           []string{"'self'"},
			StyleSrc:            []string{"'self'", "'unsafe-inline'"},
			ImgSrc:              []string{"'self'", "data:", "https:"},
			InsecureInlineStyle: true,
		},
		HSTS: headers.HSTS{MaxAge: 365 * 24 * time.Hour, Preload: true},
	}, "Content-Security-Policy", "Strict-Transport-Security")
	// Output:
	// Content-Security-Policy: default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; upgrade-insecure-requests
	// Strict-Transport-Security: max-age=31536000; includeSubDomains; preload
}

// Every mistake is reported when the program starts, and all of them at once.
func Example_incorrect() {
	_, err := headers.New(headers.Config{
		HSTS:           headers.HSTS{MaxAge: 30 * 24 * time.Hour, Preload: true},
		FrameOptions:   "ALLOW-FROM https://partner.example",
		ReferrerPolicy: "unsafe-url",
		OpenerPolicy:   "unsafe-none",
	})
	fmt.Println(err)
	// Output:
	// headers.OpenerPolicy: unsafe-none: is the same as no header; leave it out with InsecureOmit
	// headers.ReferrerPolicy: unsafe-url: tells other sites the full URL; use strict-origin-when-cross-origin
	// headers.FrameOptions: ALLOW-FROM https://partner.example: is supported by no browser; use frame-ancestors of the CSP
	// headers.HSTS.MaxAge: 720h0m0s: must be at least a year, 8760h, for Preload
}

// A policy has mistakes of its own.
func ExampleCSP_incorrect() {
	_, err := headers.New(headers.Config{CSP: headers.CSP{
		DefaultSrc: []string{"self"},
		ScriptSrc:  []string{"'self'", "'unsafe-inline'"},
		ImgSrc:     []string{"'none'", "data:"},
	}})
	fmt.Println(err)
	// Output:
	// headers.CSP.DefaultSrc[0]: self: is a keyword, which needs single quotes: 'self'
	// headers.CSP.ScriptSrc[1]: 'unsafe-inline': lets injected markup run script; use 'nonce', or set InsecureInlineScript if it has to be
	// headers.CSP.ImgSrc[0]: 'none': stands in company, where browsers ignore it; write it alone
}

// One page behind an API: the inner layer replaces what the outer one set, and
// the script carries the nonce of the response.
func ExampleNonce() {
	page := bulwark.Must(bulwark.Chain(headers.Config{
		Preset:    headers.HTML,
		CSP:       headers.CSP{ReportTo: "csp"},
		Endpoints: map[string]string{"csp": "/reports/csp"},
	}))
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<script nonce=%q>start()</script>", headers.Nonce(r.Context()))
	})))
	api := bulwark.Must(bulwark.Chain(headers.Config{})).Wrap(mux)

	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest("GET", "https://api.example.com/", nil))
	fmt.Println(w.Header().Get("Cross-Origin-Opener-Policy"), len(w.Header()["Content-Security-Policy"]))
	// Output:
	// same-origin 1
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
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/security.txt", nil))
	fmt.Print(w.Body)
	// Output:
	// Contact: mailto:security@example.com
	// Expires: 2099-01-01T00:00:00Z
}
