// Package authz decides what a verified caller may do: on which route, to which
// object, and to which of its fields.
//
// # Threat
//
// Attackers get into APIs through broken authorization (OWASP API1, object
// level, API3, property level, and API5, function level):
//
//   - A handler loads a document by the id in the path and does not ask who
//     owns the document.
//   - An admin route is added without the admin check.
//   - "/x/../admin/", "/admin%2Fusers" or the method FOO goes around the rule
//     for "/admin/".
//   - A check for a kind of object, "may delete documents", is taken for a
//     check of this document.
//   - The answer "not yours" tells a stranger which ids exist.
//   - An answer has fields that this caller must not see. A body sets a field
//     that this caller must not set, such as "role", or "ROLE".
//   - The subject "alice" of another issuer is taken for our alice.
//
// # Defence
//
// A [Policy] says which roles may do what. A [Mux] takes the rule of a route as
// an argument:
//
//	policy, err := authz.NewPolicy(authz.PolicyConfig{
//		Resources: map[string][]string{"document": {"read", "delete"}},
//		Roles: authz.Roles{
//			"user":  {Grants: []string{"document:read:own"}},
//			"admin": {Grants: []string{"*"}},
//		},
//	})
//	// check err
//	mux := authz.NewMux(policy)
//	mux.Handle("GET /admin/users", authz.RequireRole("admin"), listUsers)
//
// The roles of a caller are [bulwark.Principal.Roles], which the authentication
// layer outside the Mux fills in.
//
// To check the owner of an object, describe the objects once with a [Resource].
// [HandleObject] then loads the object and checks it before the handler runs:
//
//	documents := authz.Resource[*Document]{
//		Name:  "document",
//		Load:  loadDocument, // by r.PathValue("id")
//		Owner: func(d *Document) (issuer, subject string) {
//			return d.OwnerIssuer, d.OwnerSubject
//		},
//	}
//	read := documents.Can("read")
//	authz.HandleObject(mux, "GET /documents/{id}", read, getDocument)
//
// # Permissions
//
// A permission in [Role.Grants] has one of these forms:
//
//   - "document:read:own": to read the documents that the caller owns. The
//     parts are resource, action and reach.
//   - "document:read:all": to read every document.
//   - "document:read:tenant": to read the documents within the reach "tenant".
//     The application declares it in [PolicyConfig.Reaches] and says in
//     [Resource.Reaches] what it means, or gives an engine for it in
//     [Resource.Engines].
//   - "read:own": to read what the caller owns, on every resource that has the
//     action "read".
//   - "document:*:own": every action on the documents that the caller owns.
//   - "*": every action on every object.
//
// The reach is always written out: "document:read" is an error. The reach "all"
// includes every other reach. Inside a permission a "*" stands for every
// resource or every action. It cannot stand for a part of a name or for the
// reach.
//
// Every resource, action, reach and role must be declared. A name that is not
// declared is an error at start, which suggests the nearest name.
//
// # Routes
//
//   - [Mux.Handle] takes a [Rule]: [Public], [Authenticated], [RequireRole],
//     [Require], [All] or [Any]. A route cannot be registered without a rule,
//     and a request that no route serves is denied.
//   - [HandleObject] gives the handler a [Granted], which only this package can
//     make. An object that the caller may not read is the same 404 as an object
//     that does not exist.
//   - [HandleList] gives the handler a [Reach] for its query. [WriteList]
//     checks every element again.
//   - [HandleCreate] checks a new object after the handler has decoded it.
//   - [Deferred] is for a handler that finds its object late. Nothing of its
//     answer leaves before [Resource.Check] has allowed something.
//   - [SlashIn] lets the value of one wildcard hold slashes.
//
// Under another router there are three ways: [New] for the rule of one route,
// [Object] for an object, and [Guard] for a ServeMux with all its routes.
//
// [Mux.Routes] lists which roles can use which route. Package authztest keeps
// that list in a file, so that a review shows each change. It also compares the
// list with the answers to real requests. [Policy.Explain] says why a role may
// do something or not.
//
// # Fields
//
// A struct says in its tags who may read and write which field:
//
//	type Document struct {
//		ID    string `json:"id" authz:"read=*"`
//		Title string `json:"title" authz:"read=*,write=own|editor"`
//		Note  string `json:"note" authz:"read=editor,write=editor"`
//	}
//
// [Fields] registers the struct with the policy. [Write] and [WriteList] then
// send only what the caller may read. [Decode] reads a body into the object of
// a grant, and refuses a field that the caller may not write, a name that is
// not a field, and a name in another case. The test helper authztest.Fields
// keeps in a file which caller sees which fields, and finds a handler that
// writes such a struct without Write.
//
// # Engines
//
// An [Engine] answers what the policy cannot: who shares a document, or what a
// policy of another team says. [Resource.Engines] asks an engine whether an
// object is within a reach, and [Rule.Ask] asks an engine about a route. The
// policy decides first, and an engine is asked only if its answer matters.
// [Resource.Filter] asks about a list in batches. Package authzen has an Engine
// for decision points that speak the AuthZEN Authorization API.
//
// # Not covered
//
//   - Who the caller is. The authentication layer outside decides it. A caller
//     whom that layer does not know is anonymous, and passes only [Public].
//   - The fields of an object that a handler writes or reads by itself, without
//     [Write] and [Decode].
//   - What a MarshalJSON or MarshalText writes of an interface. Fields refuses
//     such a method in front of a struct with tags. But it reads the types
//     alone, and the types do not show what an interface holds.
//   - Relationships that need a query, such as membership in the object's
//     project, unless Load brings them along or an [Engine] answers for them.
//   - What a handler does with an object after the grant, and what else it
//     loads.
//   - Time. Loading an object that exists may take longer than finding that an
//     object does not exist. An engine is asked about an object only if the
//     object exists, which takes longer, and is 503 during an outage; see
//     [Resource.Engines].
//
// # Errors
//
// A request is checked in this order:
//
//  1. The routes: 404 "authz.no_route", 405 "authz.method_not_allowed".
//  2. The path: 400 "authz.path_value".
//  3. The rule: 401 "authz.unauthenticated", 403 "authz.forbidden", 403
//     "authz.insufficient_scope", 401 "authz.insufficient_user_authentication".
//     Then the engines of the rule: 403 "authz.forbidden", 503
//     "authz.engine_unavailable".
//  4. Load, and the decision about the object: 404 "authz.not_found", 403
//     "authz.forbidden", 503 "authz.engine_unavailable".
//  5. The layers of the route, then the handler.
//  6. In the handler, [Decode] refuses fields: 403 "authz.field_forbidden", 422
//     "authz.field_unknown", 422 "authz.field_type".
//
// A handler that uses a grant, a reach or a field in a wrong way gets 500, such
// as "authz.wrong_grant", "authz.write_leak", "authz.list_leak" and
// "authz.unchecked". The answer then has nothing of what the handler wrote.
//
// Under another router and in a [Mux.Mount] the whole path is checked, because
// the handler may read it in its own way. A path with a semicolon, a question
// mark, a number sign or an octet that is encoded twice is also 400. A request
// target without a path is also 400.
//
// Every refusal is an event. A refusal because of the caller is authz_fail. If
// the refusal is about an object, the event has a keyed hash of the object, so
// that somebody who tries many ids is seen. If an engine has denied, the
// attribute decision has the id and the reason of its decision. An engine that
// does not answer is sys_unavailable. [PolicyConfig.SampleAllows] makes events
// of allowed decisions. A refusal because of the path or the method is
// input_validation_fail. If the configuration causes the refusal, the attribute
// error of the event names the field or the call that has to change. A Mux,
// Policy, Middleware or Handler that was made without its constructor answers
// 500 "authz.unconfigured". So does a route of another router if PathValue
// returns nothing for a name of PathNames.
//
// A wrong policy, [Config] or Guard is an error. A wrong registration on a Mux
// is a panic, as with [http.ServeMux]. Both list every mistake, each as a
// *[bulwark.ConfigError].
//
// The package Example protects one route by role. The Example of [HandleObject]
// checks the owner of an object, and the Example of [Resource] has a reach of
// its own. The Examples of [Write] and [Decode] have fields, and the Example
// Service has a whole service. The Example of [New] protects a route of another
// router. The Examples Incorrect show what a wrong policy and a wrong
// registration say.
package authz
