// Package bulwark composes net/http security layers into a defense-in-depth
// chain, and is the vocabulary that the layers share.
//
// # The threat
//
// Every request is taken to be malicious until verified. The risks are those of
// the OWASP API Security Top 10: somebody else's object, a forged or stolen
// credential, a field that should not be written or read, resources used up, a
// function for others, a sensitive flow automated, a server made to fetch,
// a weak configuration, a forgotten route, a trusted third party.
//
// # The defence
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
// A service imports what it needs, and composes it with [Chain], outermost first:
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
// not to the service: see package authz for a mux that has no route without a
// rule.
//
// The layers share what they find out through one [Scope] per request, which
// costs a chain one allocation. Handlers ask [PrincipalFrom], [ClientIP] and
// [RequestID]. Everything refused goes through one door, [Deny], which answers
// with problem details (RFC 9457) and reports a security [Event]; applications
// use the same door. A check that cannot be made refuses.
//
// # What it does not cover
//
// A volumetric attack has to be stopped before it reaches the process. Injection
// is prevented where a query is built, with parameters, not by looking at
// requests. Secrets at rest, dependencies and the build are not seen from here.
// And a layer protects only the handlers that it wraps.
package bulwark
