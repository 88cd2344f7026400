// Package transport is how a service meets the wire: which TLS it speaks, how
// long and how large a request may be, how it stops, and where plain HTTP goes.
//
// # Threat
//
// Old protocol versions and cipher suites let whoever sits on the path read or
// change what is sent. A few thousand connections that send one byte a minute
// hold a server without timeouts. A few bodies that never end hold a server
// without a limit on bodies. A process that just exits cuts off requests in the
// middle of a write. A redirect that believes the Host header sends people, and
// caches, wherever a stranger likes.
//
// # Defence
//
// [TLS] speaks TLS 1.3. For TLS 1.2 it has two forward-secret AEAD suites. The
// post-quantum key exchange comes first, and a session resumes for one day.
// [Server] sets every timeout and size, and caps the body of each route that
// has no limit of its own from [MaxBodyBytes]. [Serve] stops taking requests
// when its context ends, tells those that ask for [Stopping], lets the requests
// in flight finish within a bound, and then shuts the chain down.
// [RedirectHandler] answers with hosts from its own list only. [HTTPSOnly] is a
// layer that lets through what came over TLS: it redirects pages, and refuses
// the plain requests of an API.
//
// # Not covered
//
// Certificates come from elsewhere: set Certificates or GetCertificate on what
// TLS returns. The listener bounds how many connections there may be at once.
// HSTS is a header: see package headers.
//
// What net/http does with a request before any handler runs is its own. A
// request with both Content-Length and Transfer-Encoding is read as chunked,
// and its connection stays open, where RFC 9112 section 6.1 wants it closed:
// put a proxy in front that does not forward such requests.
//
// A handler that streams longer than the WriteTimeout of Server is cut off, and
// its client sees an unexpected end: such a handler moves its own deadline, see
// Server. A connection that a handler hijacks is the handler's: whoever answers
// an upgrade on it, as libraries for WebSockets do, writes the 101 without the
// header that the layers have set.
//
// # Errors
//
// RedirectHandler, HTTPSOnly, MaxBodyBytes and Serve return mistakes of their
// arguments as [*bulwark.ConfigError]. Serve returns [ErrCutOff] where all that
// went wrong is that requests were cut off. A redirect refuses a host that it
// does not know with 421 "transport.misdirected". An API refuses plain HTTP
// with 403 "transport.https_required". A body beyond its limit is 413
// "body.too_large". What net/http logs itself becomes events with the reasons
// "transport.tls_handshake", "transport.protocol", "transport.panic",
// "transport.accept" and "transport.server". A mistake of a handler that
// net/http notices, such as a second WriteHeader, is no event: it is a record
// "server message" of level WARN with the reason "transport.handler".
//
// The examples show a program that serves until it is told to stop, and a
// redirect.
package transport
