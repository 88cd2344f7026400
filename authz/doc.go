// Package authz decides what a verified caller may do: on which route, and to
// which object.
//
// # Threat
//
// Attackers get into APIs through broken authorization (OWASP API1, object
// level, and API5, function level):
//
//   - A handler loads a document by the id in the path and does not ask who
//     owns the document.
//   - An admin route is added without the admin check.
//   - "/x/../admin/", "/admin%2Fusers" or the method FOO goes around the rule
//     for "/admin/".
//   - A check on the type, "may delete documents", is taken for a check on this
//     document.
//   - The answer "not yours" tells a stranger which ids exist.
//   - The subject "alice" of another issuer is taken for our alice.
//
// # Defence
//
// A [Policy] maps roles to permissions, written resource:action:reach. The
// reach is always written out: own, all, or a reach that the application
// declares. Every name must be declared. Every mistake is an error at start,
// with the nearest name. A policy is compiled to a table. [Policy.Decide] does
// not allocate, and [Policy.Replace] swaps the whole table.
//
// A [Mux] takes the [Rule] of a route as an argument, so that a route without a
// rule cannot be written. Everything else is denied. [HandleObject] loads the
// object of a [Resource] and checks it before the handler runs. The handler
// gets a [Granted], which only this package can make. An object that the caller
// may not read is the same 404 as an object that does not exist. [HandleList]
// gives the handler a [Reach] for its query, and [WriteList] checks every
// element again. [HandleCreate] checks new objects. All of them take the access
// that [Resource.Can] makes.
//
// Under other routers there are three ways: a [Config] for the rule of one
// route, [Object] for an object, and [Guard] for a ServeMux with all its
// routes. [Mux.Routes] lists who can pass where. The package authztest makes
// each change of that list a reviewed diff, and tries the list with real
// requests.
//
// # Not covered
//
//   - Who the caller is. The authentication layer outside decides it. A caller
//     whom it leaves anonymous passes [Public] alone.
//   - Which fields of an object may be read and written.
//   - Relationships that need a query, such as membership in the object's
//     project, unless Load brings them along.
//   - What a handler does with an object after the grant, and what else it
//     loads.
//   - Time. Loading an object that exists may take longer than finding that an
//     object does not exist.
//
// # Errors
//
// A request meets, in this order: the routes (404 "authz.no_route", 405
// "authz.method_not_allowed"), the check of the path (400 "authz.path_value"),
// the rule (401 "authz.unauthenticated", 403 "authz.forbidden" and others),
// Load and the decision about the object (404 "authz.not_found", 403
// "authz.forbidden"), the layers of the route, the handler.
//
// Under another router and in a [Mux.Mount] the whole path is checked, because
// the handler may read it in its own way: a path with a semicolon, a question
// mark, a number sign or an octet that is encoded twice is 400 too, and so is a
// request target without a path.
//
// Every refusal is an event: authz_fail for a caller, with a keyed hash of the
// object, so that an enumeration is seen, and input_validation_fail for a path
// or method that no route serves. What was made without its constructor answers
// 500 "authz.unconfigured".
//
// A wrong policy, [Config] or Guard is an error, and a wrong registration on a
// Mux is a panic. Both list every mistake, each a *[bulwark.ConfigError].
//
// The Examples show a service with objects, a layer for one route of another
// router, and what a wrong policy and a wrong registration say.
package authz
