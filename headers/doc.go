// Package headers sets the response headers by which a browser defends the user
// of a service, receives the reports that browsers send about them, and serves
// security.txt.
//
// # Threat
//
// A browser does with an answer what the answer lets it do: it guesses types and
// runs text as script, shows a page in somebody else's frame, runs whatever an
// attacker managed to inject, tells the next site which document was read, keeps
// private answers in caches, and uses plain http where a link says so.
//
// # Defence
//
// [New] with the zero [Config] is the strict set for a JSON API: exactly seven
// headers, of which HSTS only over TLS. [HTML] is the set for pages, with a
// Content-Security-Policy that runs only scripts which carry the nonce of this
// response:
//
//	<script nonce="{{.Nonce}}">…</script>      with headers.Nonce(r.Context())
//
// Each header can be replaced or left out by a field of the Config. Policies are
// built from checked sources: a keyword without quotes, a semicolon in a source,
// 'none' in company, and 'unsafe-inline' without a field that says Insecure are
// errors of New, not holes found later.
//
// A headers layer inside another replaces what the outer one set, so that one
// page behind an API has the headers of a page. A handler may set any of these
// headers itself, and then has the last word; only a missing Cache-Control is put
// back when the answer is sent, because [http.ServeContent] removes it from errors.
//
// # Not covered
//
// Browsers enforce these headers and other clients ignore them. A policy makes an
// injection harder to use; escaping prevents it, see [html/template]. CORS is
// package cors.
package headers
