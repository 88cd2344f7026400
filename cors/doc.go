// Package cors says which other web origins may read what this service answers,
// by the CORS protocol of the Fetch standard.
//
// # Threat
//
// A browser sends a user's cookies with requests that any page makes. The page
// can neither read the answers nor send anything but simple requests, as long
// as the service does not name the page's origin in its CORS headers. One wrong
// entry in a list of origins opens everything: "null" is the origin of every
// sandboxed frame, "https://*example.com" matches https://evilexample.com,
// "*.co.uk" is half a country, and http://app.example.com belongs to whoever
// runs the next wireless network.
//
// # Defence
//
// The protocol is that of github.com/rs/cors. This package makes it impossible
// to configure badly. An entry that is not an origin that a browser sends is an
// error of [New], and so are a header that no page can set or read, and an
// entry that admits more than it seems to. A
// wildcard does not reach names that anybody can register under the domain. For
// this the package asks the public suffix list that the program was built with.
//
// A preflight that is refused is answered 403 with the reason, and without any
// Access-Control header. An actual request from a refused origin gets no
// Access-Control header either; where the Config says so, it is answered 403.
// Pages of the service itself need no permission: their origin is the host that
// [bulwark.Edge] has accepted for this very request. Each refusal is a
// malicious_cors event. A request with two Origin lines is
// 400, because two readers might each see another line.
//
// What the layer says of an answer is what goes out, on one line: browsers
// refuse an answer with two. What a handler or the upstream of a reverse proxy
// says besides is removed, and what it adds to Vary stays. A handler that is to
// be read by others has a cors layer of its own, inside this one. With the
// origin * every answer says so, and does not vary by Origin, so that caches
// serve one answer to everybody.
//
// Wrap the layer around the router and not around one of its handlers: a
// preflight is an OPTIONS request. A pattern such as "POST /documents" does not
// match it, and the router answers 405 before the layer has seen it.
//
// # Not covered
//
// The browser refuses methods and headers on the word of the preflight. CORS
// keeps the pages of strangers from reading; it does not keep requests out. A
// simple POST from anywhere arrives and takes effect. Cookies therefore need
// protection against cross-site requests besides, see package auth. Clients
// that are not browsers do not ask. Private network access is not granted.
//
// # Errors
//
// New returns every mistake at once, each as a [*bulwark.ConfigError] with the
// path of its field. The layer refuses with 403 "cors.origin", "cors.method"
// and "cors.header", and with 400 "cors.ambiguous". A Middleware that was made
// without New answers 500 "cors.unconfigured".
//
// The examples show an API behind a single-page application, and what New says
// to a Config with mistakes.
package cors
