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
// when its context ends, lets the requests in flight finish within a bound, and
// then shuts the chain down. [RedirectHandler] answers with hosts from its own
// list only.
//
// # Not covered
//
// Certificates come from elsewhere: set Certificates or GetCertificate on what
// TLS returns. The listener bounds how many connections there may be at once.
// HSTS is a header: see package headers.
//
// # Errors
//
// RedirectHandler, MaxBodyBytes and Serve return mistakes of their arguments as
// [*bulwark.ConfigError]. Serve returns [ErrCutOff] where all that went wrong
// is that requests were cut off. A redirect refuses a host that it does not
// know with 421 "transport.misdirected". A body beyond its limit is 413
// "body.too_large". What net/http logs itself becomes events with the reasons
// "transport.tls_handshake", "transport.protocol", "transport.panic",
// "transport.accept" and "transport.server".
//
// The examples show a program that serves until it is told to stop, and a
// redirect.
package transport
