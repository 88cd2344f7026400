// Package authzen asks a decision point that speaks the OpenID AuthZEN
// Authorization API 1.0, such as OpenFGA, Cerbos or Topaz, and compares two
// engines before a program changes from one to the other.
//
// # Threat
//
// A decision point is another service, and its answers open every route behind
// it:
//
//   - It hangs, fails or is slow. Every request then waits for it, or a
//     careless client lets the caller through.
//   - Something else answers in its place: a proxy, a login page, or the
//     target of a redirect. Its answer has the status 200, or is not JSON.
//   - An answer says true where the client does not expect it: as a text, as
//     one of two members of the same name, or in a place that belongs to
//     another question.
//   - The subject "alice" of another issuer is asked about as our alice.
//   - A new policy answers in another way than the old one, and nobody notices
//     before the change.
//
// # Defence
//
// A [Client] is an [authz.BatchEngine]:
//
//	pdp, err := authzen.New(authzen.Config{
//		URL:    "https://pdp.example.com",
//		Secret: secret,
//	})
//	// check err
//	documents := authz.Resource[*Document]{
//		Engines: map[string]authz.Engine{"shared": pdp},
//		// and the other fields
//	}
//	mux.Handle("GET /reports", authz.Authenticated().Ask(pdp, "report", "run"), h)
//
// Only the literal true in the member "decision" allows. The answer must have
// the status 200, be application/json, not be compressed and come in time. It
// must be JSON that all programs read alike, within bounds. Redirects are not
// followed. If the "obligations" of an answer are not empty, the answer does
// not allow, because this package does not carry them out. A batch must have
// one decision for each question.
//
// The id of a subject holds the Issuer and the Subject of the caller. Two
// callers never have the same id. [Config.Map] changes a question for a
// decision point that has other names; see [Evaluation] for what is sent.
//
// If the decision point fails several times in a row, it is left alone for a
// pause that grows: see [Breaker]. Every question is then an error at once. At
// most [Config.MaxConcurrent] requests are under way. Connections are used
// again.
//
// A [Shadow] answers with one engine, asks another one beside it, and reports
// where the two differ.
//
// # Not covered
//
// The package trusts the decision point: whoever can change its policy, or its
// answers, decides. Signed answers, signed metadata and the search endpoints of
// the API are not supported. The metadata document of a decision point is not
// read: if it has other endpoints, write them in [Config.EvaluationURL] and
// [Config.EvaluationsURL].
//
// The answers of a batch belong to the questions by their order alone. A
// decision point that changes the order cannot be noticed. With
// [Config.MaxBatch] 1 each question has an answer of its own.
//
// A decision point that fails for some questions with 500 counts as down after
// five such answers in a row. Anybody who can cause such questions can then
// make other questions fail.
//
// Decisions are not remembered. The conditions of step-up that a decision point
// may send with a denial are not passed on to the client.
//
// # Errors
//
// [New] returns an error that joins a *[bulwark.ConfigError] for each mistake,
// with a path such as "authzen.URL".
//
// Every question without a sound answer is an error, and package authz answers
// it with 503 "authz.engine_unavailable". The error is in the event. It names
// the decision point and what to change, and holds neither the secret nor the
// answer. The client sees none of it.
//
// A denial is not an error. Its id and its reason reach the event in the
// attribute decision. They are cut at 64 and 128 bytes.
//
// The begin of an outage is an event sys_unavailable with the reason
// "authzen.outage". Its end is an event sys_monitor_enabled with the reason
// "authzen.recovered". A difference that a Shadow finds is an event
// authz_shadow with the reason "authzen.shadow_differs".
//
// The package Example asks about a document of somebody else. The Example of
// [Config] has the names of OpenFGA, and the Example of [Shadow] compares two
// engines. The Examples Incorrect show what a wrong Config says, and what a
// wrong Map does.
package authzen
