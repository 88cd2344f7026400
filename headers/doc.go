// Package headers sets the response headers by which a browser defends the user
// of a service. It also receives the reports that browsers send about them, and
// serves security.txt.
//
// # Threat
//
// A browser does with an answer whatever the answer lets it do. It guesses
// types and runs text as script. It shows a page in somebody else's frame. It
// runs what an attacker injected. It tells the next site which document was
// read. It keeps private answers in its cache. It uses plain http where a link
// says so.
//
// # Defence
//
// [New] with the zero [Config] is the strict set for a JSON API: exactly seven
// headers, of which HSTS goes out over TLS only. [HTML] is the set for pages.
// Its Content-Security-Policy runs only scripts that carry the nonce of this
// response:
//
//	<script nonce="{{.Nonce}}">…</script>      with headers.Nonce(r.Context())
//
// A field of the Config replaces a header or leaves it out. Policies are built
// from checked sources. A keyword without quotes, a semicolon in a source,
// 'none' beside other sources, and 'unsafe-inline' without a field that says
// Insecure are errors of New, not holes that somebody finds later. New also
// refuses a page with a nonce that shared caches may store, and a policy that
// allows what the embedder policy makes browsers block.
//
// A headers layer inside another layer of this package replaces what the outer
// layer set, so that one page behind an API has the headers of a page. A
// handler may replace any of these headers by Set, and the handler's value goes
// out. A header that is added to ours, as a reverse proxy adds those of its
// upstream, does not count beside ours, because browsers find no policy on two
// lines; see [Config.FromHandler]. A header that is missing when the answer is
// sent is put back: [http.ServeContent] removes Cache-Control from errors, and
// a reverse proxy removes everything after a 103. A 304 carries no policy with
// a nonce, because the browser keeps the page with the nonce before. Nor does
// the answer to a HEAD, unless its Cache-Control has no-store. A page whose
// handler has asked for the nonce is kept from shared caches.
//
// [ReportsHandler] receives what browsers report about violations of a policy.
// What one client sends does not keep it from telling what others send.
// [SecurityTxtHandler] tells people where to report a weakness. [ClearSiteData]
// empties the browser's stores at a logout.
//
// # Not covered
//
// Browsers enforce these headers; other clients ignore them. A policy makes an
// injection harder to use; escaping prevents it, see [html/template]. CORS is
// package cors.
//
// # Errors
//
// New, ReportsHandler and SecurityTxtHandler return every mistake at once, each
// as a [*bulwark.ConfigError] with the path of its field. The layer itself
// refuses nothing, unless it was made without New: then each request is 500
// "headers.unconfigured". The handlers refuse with 405 "headers.method", with
// 400 "headers.report", and with the codes of a request body, such as 413
// "body.too_large" and 415 "body.unsupported_media_type".
//
// The examples show the strict set, a policy of your own, a page with a nonce,
// and what New says to a Config with mistakes.
package headers
