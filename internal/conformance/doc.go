// Package conformance tests this module with published data.
//
// It has only tests. The published data comes from modules and is not copied
// here.
//
// The JOSE code is tested with the vectors of Wycheproof, the examples of the
// RFCs, and the tokens and keys of the two Go libraries that most services use.
// The tests run the code behind auth/jwt: internal/compact, internal/jose and
// whole verifiers. The result of each vector is in docs/conformance.md. The
// tests compare that file with the code, and write it with -update:
//
//	go test -run TestTable -update
//
// The policies of package authz are tested with the assertions of Casbin about
// roles, and beside Casbin itself. The same page lists them.
//
// Other tests measure how often sanitize.Config.Detect is right. The attacks
// are those of libinjection and of the OWASP Core Rule Set. The harmless texts
// are in sanitize/testdata. The rates are in docs/suspicious-payloads.md, which
// is written in the same way:
//
//	go test -run TestSuspiciousPayloads -update
//
// The folder is a module of its own, so that nobody who uses bulwark has its
// dependencies.
package conformance
