// Package documents is a document API behind the whole chain, as a program to
// start from: people and API keys keep documents, see their own or everybody's
// as their role says, and nobody else's exist for them.
//
// chain.go holds the layers, policy.go says who may do what, routes.go lists
// the routes with their rules, limits.go holds what stops guesses. The rest is
// what an application has anyway.
package documents
