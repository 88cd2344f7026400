// Package headers sets the response headers by which a browser protects the
// user of a service. It also receives the reports that browsers send about a
// policy, and it serves security.txt.
//
// # Threat
//
// Without the right headers, a browser does dangerous things with an answer:
//
//   - It guesses content types, and runs text as script.
//   - It shows a page in a frame of another site.
//   - It runs a script that an attacker has injected.
//   - It sends the URL of the page to the next site.
//   - It keeps private answers in its cache.
//   - It uses plain http if a link says so.
//
// # Defence
//
// The zero [Config] is the strict set for a JSON API:
//
//	stack, err := bulwark.Chain(headers.Config{})
//
// It sends seven headers, and Strict-Transport-Security over TLS only:
//
//	Cache-Control: no-store
//	Content-Security-Policy: default-src 'none'; frame-ancestors 'none'
//	Cross-Origin-Resource-Policy: same-origin
//	Referrer-Policy: no-referrer
//	Strict-Transport-Security: max-age=31536000; includeSubDomains
//	X-Content-Type-Options: nosniff
//	X-Frame-Options: DENY
//
// The preset [HTML] is the set for pages. A script runs only if it carries the
// nonce of the response, or if a script with the nonce loads it. The handler
// gives the nonce to its template:
//
//	headers.Config{Preset: headers.HTML}
//
//	nonce := headers.Nonce(r.Context())          // in the handler
//	<script nonce="{{.Nonce}}">start()</script>  // in the template
//
// To allow scripts or styles of one host, write a [CSP] of your own. Its lists
// replace the lists of the preset:
//
//	headers.Config{CSP: headers.CSP{
//		DefaultSrc: []string{"'self'"},
//		ScriptSrc:  []string{"'self'", "https://cdn.example.com"},
//		StyleSrc:   []string{"'self'", "https://fonts.example.com"},
//	}}
//
// Each other header has a field in [Config], which replaces its value.
// [Config.InsecureOmit] leaves a header out. [New] checks every value and every
// source, so that a mistake in a policy is an error when the program starts.
//
// What goes out when other code sets the same header:
//
//   - A headers layer inside another headers layer replaces what the outer
//     layer has set. In this way a page behind an API gets the headers of a
//     page.
//   - If a handler replaces a header with Set, the value of the handler goes
//     out.
//   - If a handler adds a second value, as a reverse proxy does, only the value
//     of this layer goes out. Browsers ignore a policy that is on two lines.
//     For the headers in [Config.FromHandler] the added value goes out instead.
//   - A header that is missing when the answer is sent is put back.
//     [http.ServeContent] removes Cache-Control from errors. A reverse proxy
//     removes every header after a 103.
//   - A policy with a nonce is not sent with a 304, because the browser keeps
//     the page with the earlier nonce. It is also not sent in answer to HEAD,
//     unless the Cache-Control has no-store.
//   - Shared caches may not store a page whose handler has asked for the nonce.
//
// [ReportsHandler] receives reports of browsers about violations of a policy,
// and reports them as events. Many reports of one client do not hide the
// reports of other clients. [SecurityTxtHandler] tells people where to report a
// weakness. [ClearSiteData] empties the storage of the browser at a logout.
//
// # Not covered
//
// Browsers obey these headers; other clients ignore them. A policy limits what
// an injected script can do. It does not prevent the injection. Escape values
// for that, see [html/template]. CORS is package cors.
//
// # Errors
//
// New, ReportsHandler and SecurityTxtHandler return every mistake at once, each
// as a [*bulwark.ConfigError] with the path of its field. A layer that New has
// made does not refuse requests. A layer that was made without New answers each
// request with 500 "headers.unconfigured".
//
// The handlers refuse with:
//
//	405 headers.method               a method that the handler does not take
//	400 headers.report               a body that is not a report
//	408 body.timeout                 a report that takes longer than 10 seconds
//	413 body.too_large               a report beyond Reports.MaxBodyBytes
//	415 body.unsupported_media_type  a media type that is not one of reports
//
// Example shows the strict set. The examples of [CSP] show one host for
// scripts, and a policy with inline styles. The example of [Nonce] is a page.
// The incorrect examples show what New says about mistakes.
package headers
