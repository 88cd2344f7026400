// Package documents is a document API behind the whole chain, as a program to
// start from. People and API keys write documents. Their role says whether they
// see their own documents or all documents. A document that a caller may not
// see is answered like a document that does not exist.
//
// Read chain.go for the layers, policy.go for the roles and their permissions,
// routes.go for the routes with their rules, and limits.go for the limits on
// logins. The page of the administrators is in activity.go: it shows the
// security events as they come (journal.go and eventstream.go), counts them
// (counters.go), lists the sessions and keys in use, and sends attacks to the
// API (breakit.js). People see and end their sessions (sessions.go).
// Administrators also end the keys of an owner (keys.go) and close accounts
// (people.go), for which they give their password again. The metrics for
// Prometheus are in metrics.go. What several processes of the API share is in
// shared.go. The other files are the application itself.
package documents
