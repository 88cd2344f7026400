// Package detect finds unusual access in the events of package audit: guessed
// passwords, tried-out lists of stolen passwords, enumerated objects and probed
// paths.
//
// # Threat
//
// Each request of such an attack is ordinary when it is seen alone: one wrong
// password, one document that is not there. The attack is in the number. Nobody
// reads ten thousand records to count them, and a limit that refuses the
// attacker does not tell anybody about the attack.
//
// # Defence
//
// Put a [Detector] into the Observers of the audit layer:
//
//	detector, err := detect.New(detect.Config{})
//	// check err
//	audit.Config{Observers: []bulwark.Recorder{detector}}
//
// In the handler of the login, name the account in the event of a failed login
// and in the event of a successful login, see [Detector.Account]:
//
//	log := bulwark.ProblemLog{Event: bulwark.AuthnLoginFail}
//	log.Attrs = []slog.Attr{detector.Account(form.Email)}
//	bulwark.Deny(w, r, &bulwark.Problem{
//		Status: http.StatusUnauthorized, Code: "login.failed", Log: log,
//	})
//
// Without the attribute, the account is the Issuer and UserID of the event. If
// an event has neither, only the address is counted.
//
// These are the rules and their defaults. An address is the IPv4 address or the
// IPv6 /64. A caller is Issuer and UserID, or the address if nobody is known.
//
//	rule                  of an actor        what is counted       threshold
//	brute force           address; account   failures              5, leaking
//	                                                               1 in 10 s
//	credential stuffing   address            accounts that it      5 in 5 min
//	                                         fails at
//	distributed guessing  account            addresses that fail   10 in 1 h
//	                                         at it
//	enumeration           caller and route   objects refused       10 in 5 min,
//	                                         (403, 404)            or 6 ids in
//	                                                               a row
//	probing               address            paths without a       10, leaking
//	                                         route (404)           1 in 10 s
//	success after         account            failures since the    3 in 1 h,
//	failures                                 last login            then a login
//
// A failure is authn_login_fail. For the address it is also authn_token_invalid
// with a reason that a guess has: "key", "unknown_key", "signature" and
// "session". A credential that has expired or was revoked is not a guess, and
// the reuse of a refresh token has an event of its own that needs an alert each
// time. A login that a limit refuses before the password is checked is not a
// failure. An event with a Count stands for so many attempts.
//
// An object is a path of a route with a wildcard, such as
// "GET /documents/{id}". A 404 of a route without a wildcard, or with a
// wildcard for everything below, is a path without a route. The outer layers
// know the route if the mux is one of package authz, or if
// [bulwark.RecordRoute] records it. Refusals without an event count too,
// because the Detector is an [audit.AnswerObserver].
//
// An anomaly is reported once for each actor, rule and window. It is an event
// in the audit layer, in the context of the request that reached the threshold:
//
//	event                          reason
//	authn_login_fail_max           detect.brute_force
//	authn_credential_stuffing      detect.credential_stuffing
//	authn_password_spray           detect.distributed_guessing
//	malicious_direct_reference     detect.enumeration
//	malicious_excess_404           detect.probing
//	authn_login_successafterfail   detect.success_after_failures
//
// The record comes just before the record of that request. Its field "rule" is
// the threshold. The attributes are "seen", "threshold", "account" for a rule
// that counts by account, and "estimated". What the actor does in the rest of
// the window is counted, and told by "seen" of its next anomaly.
// [Config.OnAnomaly] lets the application answer.
//
// The Detector refuses nobody. It takes fixed memory, see [Config.MaxActors]. A
// flood of actors that are made up does not hide an actor that is above a
// threshold: an actor that was forgotten for want of room, and comes back, is
// counted as if it had done what the forgotten actors did. Such an anomaly is
// marked as "estimated". In a flood, some ordinary users are reported in this
// way. docs/detection.md has the rates of detection and of false reports.
//
// # Not covered
//
//   - A slow attacker. Whoever stays below the thresholds is not seen: a guess
//     each 11 seconds, four accounts in 5 minutes from each address, nine
//     objects in 5 minutes. A lower threshold finds more of them, and reports
//     more ordinary users.
//   - Spraying with few accounts for each address. A botnet of thousand
//     addresses can try one password at four thousand accounts in 5 minutes.
//     The metric of failed logins shows it.
//   - An attacker with many addresses of IPv6. A /48 has 65,536 networks of 64
//     bits, and each of them is an address here, as it would be an IPv4
//     address. The rules by account see them as many addresses.
//   - Objects that are named in the query or in the body, and objects that the
//     attacker may read.
//   - Several instances of a service. Each Detector counts what it sees itself.
//   - People behind one address are one address. When an office logs in in the
//     morning, typing mistakes may look like credential stuffing.
//
// # Errors
//
// [New] returns every mistake of the [Config] at once, each as a
// [*bulwark.ConfigError] with the path of its field. A Detector that was made
// without New sees nothing. A panic of OnAnomaly goes no further.
//
// Example shows a Detector in a service. The example of [Detector.Account]
// shows a login, and the one of [Config] an answer to anomalies. The incorrect
// example shows what New says about mistakes.
package detect

//go:generate go test -run ^TestEvidence$ -update .
