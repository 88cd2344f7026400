// Package cors says which other web origins may read what this service answers,
// by the CORS protocol of the Fetch standard.
//
// # Threat
//
// A browser sends a user's cookies with requests that any page makes. What keeps
// that page from reading the answers, and from sending anything but simple
// requests, is that the service does not name the page's origin in its CORS
// headers. One wrong entry in a list of origins opens everything: "null" is the
// origin of every sandboxed frame, "https://*example.com" matches
// https://evilexample.com, "*.co.uk" is half a country, and http://app.example.com
// belongs to whoever runs the next wireless network.
//
// # Defence
//
// The protocol is that of github.com/rs/cors. This package makes it impossible
// to configure badly: every entry that is no origin that a browser sends, or that
// admits more than it seems to, is an error of [New]. A wildcard does not reach
// names that anybody can register under the domain, as far as the public suffix
// list knows them that the program was built with. A preflight that is refused is
// answered 403 with the reason, "cors.origin", "cors.method" or "cors.header",
// and without any Access-Control header; an actual request from a refused origin
// gets none either, or a 403 where the Config says so. Each is a malicious_cors
// event. A request with two Origin lines is 400: two readers might each see the
// one they like.
//
// Methods and headers are refused by the browser on the word of the preflight.
// CORS keeps strangers' pages from reading; it does not keep requests out. A
// simple POST from anywhere arrives and takes effect, so cookies need protection
// against cross-site requests besides, see package auth.
//
// # Not covered
//
// Clients that are no browsers do not ask. Private network access is not granted.
package cors
