// Package transport is how a service meets the wire: which TLS it speaks, how
// long and how large a request may be, how it stops, and where plain HTTP goes.
//
// # Threat
//
// Old protocol versions and cipher suites let whoever sits on the path read or
// change what is sent. A server without timeouts is held by a few thousand
// connections that send one byte a minute; one without a limit on bodies is held
// by a few that never end. A process that just exits cuts off requests in the
// middle of a write. A redirect that believes the Host header sends people, and
// caches, wherever a stranger likes.
//
// # Defence
//
// [TLS] speaks TLS 1.3 and, for TLS 1.2, two forward-secret AEAD suites, with
// post-quantum key exchange first and resumption for one day. [Server] has every
// timeout and size set, and a cap on the body of each route that has set none
// with [MaxBodyBytes]. [Serve] stops taking requests when its context ends, lets
// those in flight finish within a bound, and shuts the chain down after them.
// [RedirectHTTPS] answers with hosts from its own list only.
//
// # Not covered
//
// Certificates come from elsewhere: set Certificates or GetCertificate on what
// TLS returns. How many connections there may be at once is a matter for the
// listener. HSTS is a header: see package headers.
package transport
