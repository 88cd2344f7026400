// Package cors decides which other web origins may read the answers of a
// service, by the CORS protocol of the Fetch standard.
//
// # Threat
//
// A browser sends the cookies of a user with requests that any page makes. The
// page cannot read the answers, and can send only simple requests, unless the
// service names the origin of the page in its CORS headers. One wrong entry in
// the list of origins opens everything:
//
//   - "null" is the origin of every sandboxed frame.
//   - "https://*example.com" matches https://evilexample.com.
//   - "https://*.co.uk" matches every company of a country.
//   - "http://app.example.com" can be any server on a network that an attacker
//     controls.
//
// # Defence
//
// Name the origins. For an API with cookies that a single-page application
// calls, write:
//
//	cors.Config{
//		Origins:     []string{"https://app.example.com"},
//		Methods:     []string{"GET", "POST", "PUT", "DELETE"},
//		Headers:     []string{"Content-Type"},
//		Credentials: true, // cookies; not needed for an Authorization header
//	}
//
// For an API with tokens, leave Credentials out, and add "Authorization" to
// Headers. [Origins] makes the list from the text of an environment variable.
//
// Wrap the layer around the router, and not around a handler of the router: a
// preflight is an OPTIONS request. A pattern such as "POST /documents" does not
// match OPTIONS, so the router would answer 405 before the layer sees the
// request.
//
// The protocol is implemented by github.com/rs/cors. This package checks its
// configuration. [New] refuses:
//
//   - an origin that browsers never send, such as one with a path;
//   - an origin that allows more than it seems to;
//   - a header that pages cannot set or cannot read.
//
// A wildcard does not match names that anybody can register under the domain.
// The package finds such names in the public suffix list that the program was
// built with.
//
// What happens to a request:
//
//   - A refused preflight is 403 with the reason, without any Access-Control
//     header.
//   - A refused actual request goes to the handler, and its answer has no
//     Access-Control header, so that the page cannot read it. With
//     [Config.DenyRefused] it is 403 instead.
//   - A page of the service itself needs no permission. Its origin is the host
//     that [bulwark.Edge] has accepted for this request.
//   - A request with two Origin lines is 400, because two programs could read
//     different lines.
//   - Each refusal is a malicious_cors event. Its attribute "error" says what
//     was wanted, and names the field of the [Config] that changes it.
//
// The CORS headers of an answer are those of this layer alone, each on one
// line, because browsers refuse an answer with two lines. CORS headers of a
// handler, or of the upstream of a reverse proxy, are removed. Names that they
// add to Vary stay. For a handler with rules of its own, put another cors layer
// inside this one. With the origin * every answer has the same headers and does
// not vary by Origin, so that a cache can serve one answer to everybody.
//
// # Not covered
//
// The browser enforces CORS, by what the answer to the preflight says. CORS
// keeps pages of other origins from reading answers. It does not keep requests
// out: a simple POST from any page arrives and takes effect. A service with
// cookies therefore also needs protection against cross-site requests, see
// package auth. Clients that are not browsers ignore CORS. The package never
// grants private network access.
//
// # Errors
//
// New returns every mistake at once, each as a [*bulwark.ConfigError] with the
// path of its field. The layer refuses with:
//
//	403 cors.origin     the origin is not in Config.Origins
//	403 cors.method     the method is not in Config.Methods
//	403 cors.header     a request header is not in Config.Headers
//	400 cors.ambiguous  two lines of Origin or Access-Control-Request-Method
//
// A Middleware that was made without New answers 500 "cors.unconfigured".
//
// Example shows an API behind a single-page application. The incorrect example
// shows what New says about mistakes.
package cors
