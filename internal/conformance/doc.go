// Package conformance tests the JOSE code of this module with published data:
// the vectors of Wycheproof, the examples of the RFCs, and the tokens and keys
// of the two Go libraries that most services use.
//
// It has only tests. They run the code behind auth/jwt: internal/compact,
// internal/jose and whole verifiers. The vectors come from a module and are not
// copied here. The result of each vector is in docs/conformance.md. The tests
// compare that file with the code, and write it with -update:
//
//	go test -run TestTable -update
//
// The folder is a module of its own, so that nobody who uses bulwark has its
// dependencies.
package conformance
