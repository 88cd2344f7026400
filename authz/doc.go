// Package authz decides what a verified caller may do: on which route, to which
// object.
//
// # Threat
//
// Broken authorization is what APIs are breached by (OWASP API1, object level,
// and API5, function level). The handler that loads a document by the id in the
// path and forgets to ask whose it is; the admin route that was added without
// the admin check; the rule for "/admin/" that "/x/../admin/", "/admin%2Fusers" or
// the method FOO goes around; the check on the type, "may delete documents",
// that is taken for a check on this document; "not yours" that tells a stranger
// which ids exist; the subject "alice" of another issuer.
//
// # Defence
//
// A [Policy] maps roles to permissions, resource:action:reach, where the reach
// is always said: own, all, or one that the application declares. Everything it
// names must be declared, and every mistake is an error at start with the
// nearest name. It compiles to a table; [Policy.Decide] does not allocate, and
// [Policy.Replace] swaps the whole.
//
// A [Mux] takes the rule of a route as an argument, so that a route without one
// cannot be written, and denies the rest. [HandleObject] loads the object and
// checks it before the handler runs, and hands over a [Granted], which nobody
// else can make. An object that the caller may not read is the same 404 as one
// that does not exist. [HandleList] gives the handler a [Reach] for its query,
// and [WriteList] checks every element again; [HandleCreate] checks new objects.
//
// For routers that an application already has there are [Config], [Object]
// and [Guard]. [Mux.Routes] lists who can pass where; the package authztest
// makes each change of it a reviewed diff, and tries it with real requests.
//
// Every refusal is an event: authz_fail for a caller, with a keyed hash of the
// object, so that an enumeration is seen; input_validation_fail for a path or
// method that no route serves.
//
// # Not covered
//
// Who the caller is: that is the authentication layer's, which stands outside;
// whatever it leaves anonymous passes Public alone. Which fields of an object
// may be read and written. Relationships that need a query, such as membership
// in the object's project, unless Load brings them along. What a handler does
// with an object after the grant, and what it loads besides. Time: loading an
// object that exists and one that does not may take differently long.
//
// # Order
//
// A request meets, in this order: the routes (404, 405), the path (400),
// the rule (401, 403), Load and the decision about the object (404, 403), the
// route's layers, the handler.
package authz
