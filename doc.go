// Package bulwark composes net/http security layers into a defense-in-depth
// chain, and is the vocabulary that the layers share.
//
// # Threat
//
// Every request is taken to be malicious until verified. The risks are those of
// the OWASP API Security Top 10: somebody else's object, a forged or stolen
// credential, a field that should not be written or read, resources used up, a
// function for others, a sensitive flow automated, a server made to fetch,
// a weak configuration, a forgotten route, a trusted third party.
//
// # Defence
//
// Eight packages, each of which wraps an [http.Handler] and knows none of the
// others:
//
//   - audit records what was refused, and every request if asked;
//   - headers sets the response headers that make browsers careful;
//   - cors says which origins may call, and why others may not;
//   - ratelimit says how much;
//   - auth says who calls: tokens, API keys, login sessions;
//   - authz says what the caller may do, to which object;
//   - sanitize takes markup and control characters out of chosen fields;
//   - validate lets through only what a schema describes.
//
// A service imports what it needs, and composes it with [Chain], outermost
// first:
//
//	stack, err := bulwark.Chain(
//		audit.Config{Logger: logger},
//		bulwark.Edge{Hosts: []string{"api.example.com"}},
//		headers.Config{},
//		cors.Config{Origins: origins, Credentials: true},
//		ratelimit.Config{Name: "address", Key: ratelimit.ByIP, Rate: "600/minute"},
//		auth.Config{Authenticators: authenticators, Optional: true},
//		ratelimit.Config{Name: "caller", Key: ratelimit.ByPrincipal, Rate: "100/minute"},
//	)
//	server := transport.Server(stack.Wrap(mux))
//
// Sanitizing, validating and the rule that says who may call belong to a route,
// not to the service. Package authz has a mux that has no route without a rule.
//
// Handlers ask [PrincipalFrom], [ClientIP] and [RequestID]. The layers share
// what they find out through one [Scope] for each request, which costs a chain
// one allocation. Who may act is in the context of a request and flows inward
// only. Who called is on record for the layers outside, and decides nothing.
// One caller is never taken for another.
//
// The Examples show a chain, a chain with mistakes, a refusal, and a layer of
// one's own.
//
// # Not covered
//
// A volumetric attack has to be stopped before it reaches the process.
// Injection is prevented where a query is built, with parameters, not by
// looking at requests. Secrets at rest, dependencies and the build are not seen
// from here. A layer protects only the handlers that it wraps.
//
// # Errors
//
// Every mistake of a Config is a *[ConfigError], and all of them are returned
// at once. Everything refused goes through one door, [Deny], which answers with
// problem details (RFC 9457) and reports a security [Event]; applications use
// the same door. A [Problem] is a refusal as an error. Any other error becomes
// an opaque 500, whose cause only the log sees. A check that cannot be made
// refuses.
package bulwark
