// Package bulwark composes net/http security layers into a defense-in-depth
// chain. It also holds the vocabulary that the layers share.
//
// List the layers of a service, outermost first, and wrap the router in them:
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
//	if err != nil {
//		log.Fatal(err) // shows every mistake of every Config at once
//	}
//	server := transport.Server(stack.Wrap(mux))
//
// A service leaves out the layers that it does not need. A rule, sanitizing and
// validation belong to a single route. Give them to Handle of authz.Mux
// together with the route. Handle does not accept a route without a rule.
//
// The Examples are complete programs, in the files example*_test.go: a chain
// ([Chain]), a refusal ([Deny]), a service behind a proxy ([Edge]), a security
// event ([Report]) and a layer of your own ([Enter]). In the repository,
// docs/recipes.md has one recipe for each task, and docs/codes.md explains each
// refusal and event.
//
// # Threat
//
// The layers treat every request as malicious until it is verified. The risks
// are those of the OWASP API Security Top 10:
//
//   - access to the object of another user;
//   - a forged or stolen credential;
//   - a field that the caller must not read or write;
//   - resources that are used up;
//   - a function that belongs to other users;
//   - automation of a sensitive flow, such as a purchase;
//   - a server that fetches an address which the attacker chose;
//   - a weak configuration;
//   - a route that was forgotten;
//   - a third party that is trusted too much.
//
// # Defence
//
// Eight packages each wrap an [http.Handler]. They do not depend on each other:
//
//   - audit records each refusal, and each request if configured;
//   - headers sets the response headers that restrict what a browser allows;
//   - cors decides which origins may call, and explains each refusal;
//   - ratelimit decides how often a client may call;
//   - auth finds out who calls, by tokens (auth/jwt, auth/introspection), API
//     keys (auth/apikey) or login sessions (auth/session);
//   - authz decides what the caller may do, and to which object;
//   - sanitize removes markup and control characters from chosen fields;
//   - validate accepts only requests that a schema describes.
//
// What they keep between requests is in the memory of the process, unless a
// Config names a store. The modules redisstore and sqlstore have stores for
// several processes; docs/fleet.md in the repository leads there.
//
// The import path of a package is github.com/bulwark-go/bulwark and its folder.
// The server is in headers/transport. A package whose name ends in test is for
// the tests of your service.
//
// The life of a request:
//
//   - The request passes the layers from the outermost to the innermost, and
//     then reaches the handler. The response passes them in reverse.
//   - [Edge] determines the host, the address of the client and the request id.
//     The auth layer identifies the caller.
//   - A layer that refuses the request calls [Deny]. Deny writes the answer and
//     reports the security [Event]. The layers inside and the handler never
//     see the request.
//   - A handler asks [PrincipalFrom], [ClientIP] and [RequestID], and refuses
//     with Deny like the layers do.
//   - The audit layer records the events and, if configured, the response.
//
// The layers of one request share one [Scope], which costs a chain one
// allocation. The caller is stored in the context of the request, and only the
// layers inside auth see this context. The layers outside auth get a record of
// the caller for their logs, and no layer decides by that record. So one caller
// is never taken for another. See docs/architecture.md in the repository.
//
// # Not covered
//
//   - A volumetric attack must be stopped before it reaches the process.
//   - Injection is prevented by parameters in the code that builds a query. No
//     layer can see injection reliably in a request.
//   - Secrets at rest, dependencies and the build are outside of this module.
//   - A layer protects only the handlers that it wraps.
//
// # Errors
//
// Every mistake of a Config is a *[ConfigError]. A constructor returns all of
// them at once.
//
// A refusal at request time goes through [Deny], in layers and applications
// alike. The answer is problem details (RFC 9457), and a security [Event] is
// reported:
//
//   - A [Problem] is a refusal as an error. Deny answers with it.
//   - An error that the client caused, such as a broken upload, becomes a 4xx.
//   - Any other error becomes an opaque 500. Only the log sees the cause.
//   - If a check cannot be made, the request is refused.
package bulwark
