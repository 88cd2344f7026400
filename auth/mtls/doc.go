// Package mtls takes the certificate of a client for its credential: a service
// of a mesh, a device, or the server of a partner.
//
// # Threat
//
// A certificate has many names and is not a secret. Attackers pass for another
// caller if a service:
//
//   - takes the common name, or the first of several names. A certificate
//     authority may have checked another name.
//   - accepts certificates of any authority, such as those that the operating
//     system trusts.
//   - accepts the certificate of a server, which the same authority has issued
//     for another purpose.
//   - accepts a header with a certificate from anybody.
//   - verifies only in the handshake. A connection can live for days, and a
//     session can be resumed.
//
// A browser sends its certificate without asking the user, also with a request
// that another site has made.
//
// # Defence
//
//	callers, err := mtls.New(mtls.Config{
//		Issuer:    "https://ca.example.org",
//		ClientCAs: pool,                    // your own authority
//		URI:       "spiffe://example.org/", // or DNS
//	})
//	…
//	auth.Config{Authenticators: []auth.Authenticator{tokens, callers}}
//
// The server must ask for a certificate. With package headers/transport:
//
//	server.TLSConfig = transport.TLS()
//	server.TLSConfig.ClientAuth = tls.RequestClientCert
//	server.TLSConfig.ClientCAs = pool // the authorities that a client is told
//
// With tls.RequestClientCert the handshake accepts any certificate or none, and
// the [Verifier] decides about each request: a bad certificate is a 401 with a
// reason in the log. With tls.VerifyClientCertIfGiven a bad certificate ends
// the handshake, and the client learns only that. Both are safe.
//
// Behind a proxy that ends TLS, set [bulwark.Edge.ClientCertFrom]. Then the
// certificate is the one in the Client-Cert header of the proxy (RFC 9440), and
// the Verifier verifies it in the same way. A proxy does not forward
// intermediate certificates, so [Config.Intermediates] must have them.
//
// The Verifier accepts a certificate if all of this is true:
//
//   - A chain leads to [Config.ClientCAs], and each certificate of the chain
//     may issue the next one, with its name constraints and path lengths (RFC
//     5280 section 6).
//   - The certificate, and each certificate of the chain, is valid at the time
//     of the request. There is no allowance for clocks: let the authority date
//     certificates back by a minute.
//   - The certificate names the purpose clientAuth. A certificate without an
//     extended key usage is refused, also if it may be used for anything else.
//   - It is not the certificate of an authority, and its key may sign.
//   - It has exactly one name of the kind that is configured: a URI or a DNS
//     name in the subject alternative names. This name is the Subject. The
//     common name, addresses and e-mail addresses never count. Names of the
//     other kinds do not matter.
//   - [Config.Revocations] does not name it.
//
// The result of the first check is kept for at most one minute, under the
// SHA-256 of the certificate, or of all certificates that the client has sent
// if there is no chain. The dates are compared and Revocations is asked
// on every request.
//
// The caller has the Method "mtls". Its TokenID is the base64url of the SHA-256
// of the certificate, as in x5t#S256 (RFC 8705 section 3.1). Its IssuedAt is
// the beginning of the certificate's validity, and its ExpiresAt is the end of
// the validity of the chain. [Config.Map] adds roles, scopes and a tier.
//
// The credential is [auth.Ambient]: a token or an API key in the same request
// comes first, and [auth.CrossSite] guards the request. If a request also has a
// login cookie, neither counts, because they could name two people. A
// sub-request that a handler sends does not act as the caller of the
// certificate, because its header does not say which page has caused it.
//
// One auth layer has at most one [Verifier], because two would both claim the
// certificate of a request. Put clients of two authorities that need different
// rules behind two layers, each around its own routes.
//
// There is no registered authentication scheme for client certificates, and a
// 401 must have a challenge (RFC 9110 section 15.5.2). The challenge of this
// package has the scheme ClientCertificate, which is not in the registry of
// IANA. Clients ignore a scheme that they do not know. They can only answer it
// with another connection.
//
// # Not covered
//
// Revocation lists and OCSP are not fetched: use short-lived certificates, or
// [Config.Revocations]. A connection without a certificate is not asked again
// later: TLS 1.3 authentication after the handshake is not part of HTTP/2 (RFC
// 8740 section 3). The package does not issue certificates. It does not decide
// which proxies may forward certificates: that is bulwark.Edge.ClientCertFrom.
// An access token that is bound to a certificate (RFC 8705 section 3) needs
// only jwt.Config.MutualTLS, and not this package.
//
// # Errors
//
//   - 401 "auth.invalid_token": the certificate is not accepted.
//     [Verifier.Authenticate] lists the reasons, which only the log shows. With
//     [auth.Config.Optional] the request is anonymous, and the event is
//     reported.
//   - 503 "auth.unavailable": Revocations does not answer.
//   - 403 "auth.cross_site": another site has made the request.
//
// A [Verifier] that was made without [New] is 500 "mtls.unconfigured". New
// joins a *[bulwark.ConfigError] for each mistake.
//
// The first Example is a service that its clients call with certificates.
// Example (Proxy) is the same service behind a proxy.
package mtls
