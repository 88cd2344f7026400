// Package transport runs the server of a service. It configures TLS, and limits
// the time and the size of each request. It stops the server cleanly, and
// redirects or refuses requests over plain http.
//
// # Threat
//
//   - Old protocol versions and cipher suites let an attacker on the path read
//     or change what is sent.
//   - A few thousand connections that send one byte a minute hold a server that
//     has no timeouts.
//   - A few bodies that never end hold a server that has no limit on bodies.
//   - A process that just exits cuts off requests in the middle of a write.
//   - A redirect that trusts the Host header sends people, and caches, to a
//     host that an attacker has chosen.
//
// # Defence
//
// A program serves with TLS, and stops cleanly, in this way:
//
//	ctx, stop := signal.NotifyContext(context.Background(),
//		os.Interrupt, syscall.SIGTERM)
//	defer stop()
//	cert, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
//	…
//	ln, err := net.Listen("tcp", ":8443")
//	…
//	server := transport.Server(stack.Wrap(mux))
//	server.TLSConfig = transport.TLS()
//	server.TLSConfig.Certificates = []tls.Certificate{cert}
//	err = transport.Serve(ctx, ln, server, stack)
//
// Without a TLSConfig the server speaks plain http, for use behind a proxy that
// terminates TLS.
//
//   - [TLS] speaks TLS 1.3, and TLS 1.2 with two forward-secret AEAD suites.
//     The post-quantum key exchange comes first. A session can be resumed for
//     one day.
//   - [Server] sets every timeout and every size. It limits the body of each
//     route to 1 MiB. [MaxBodyBytes] sets another limit for a route.
//   - [Serve] serves until ctx ends. Then it takes no more requests, and lets
//     the requests in flight finish within 6 seconds. At the end it shuts the
//     chain down. [Grace] sets other times. [Stopping] tells a handler that the
//     stop has begun.
//   - [HTTPSOnly] is a layer that lets only requests over TLS pass. It
//     redirects plain requests for pages, and refuses plain requests to an API.
//     [RedirectHandler] redirects on a listener of its own. Both redirect only
//     to the hosts that they list.
//
// # Not covered
//
// This package makes no certificates: set Certificates or GetCertificate on the
// result of TLS. It does not limit the number of open connections: use a
// listener that limits it. HSTS is a header: see package headers.
//
// The package does not change how net/http reads a request. A request with both
// Content-Length and Transfer-Encoding is read as chunked, and its connection
// stays open. RFC 9112 section 6.1 requires that the connection is closed. To
// refuse such requests, use a proxy in front.
//
// A handler that streams for longer than the WriteTimeout of Server is cut off,
// and its client sees an unexpected end. Such a handler moves its own deadline,
// see Server. A connection that a handler hijacks belongs to the handler.
// Libraries for WebSockets write the 101 on such a connection themselves,
// without the headers that the layers have set.
//
// # Errors
//
// RedirectHandler, HTTPSOnly, MaxBodyBytes and Serve return mistakes of their
// arguments as [*bulwark.ConfigError]. Serve returns [ErrCutOff] if the only
// failure is that requests were cut off.
//
// Requests are refused with:
//
//	421 transport.misdirected    a host that is not on the list of the redirect
//	403 transport.https_required a plain http request to an API
//	413 body.too_large           a body beyond its limit
//
// The ErrorLog of Server makes events of what net/http logs itself. Their
// reasons are "transport.tls_handshake", "transport.protocol",
// "transport.panic", "transport.accept" and "transport.server". The attribute
// "error" has the first line that net/http has logged. The rule of a failed
// handshake is the TLSConfig of the server, which says what a client must
// offer. A mistake of a handler, such as a second WriteHeader, is not an event:
// it is a record "server message" of level WARN with the reason
// "transport.handler".
//
// Example shows a program that serves with TLS and stops. The example of
// [Serve] is the same without TLS, and there are examples of [HTTPSOnly],
// [MaxBodyBytes] and [RedirectHandler].
package transport
