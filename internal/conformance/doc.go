// Package conformance holds this module's JOSE against what others have
// published: the vectors of Wycheproof, the examples of the RFCs, and the
// tokens and keys of the two Go libraries that most services use.
//
// It is tests only. What they run is the code behind auth/jwt:
// internal/compact, internal/jose and whole verifiers. The vectors come with a
// module and none is copied here; what became of each is in
// docs/conformance.md, which the tests compare with and, asked to, write anew:
//
//	go test -run TestTable -update
//
// The folder is a module of its own, so that nobody who uses bulwark has its
// dependencies.
package conformance
