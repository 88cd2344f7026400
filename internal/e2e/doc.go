// Package e2e runs the same small service under five routers, from a client's
// request over a real connection to the record in the log: http.ServeMux with
// authz.Mux, chi, gorilla/mux, gin and echo.
//
// Each router has one file, written as a user of that router would write it.
// What the five services share, the stack, the policy and the work of the
// handlers, stands in core_test.go. What all of them must do stands once, in
// services_test.go: which answer, which problem code, which challenge, and the
// one event with its caller, its route and its path.
//
//	go test -race ./...
//
// The module is its own, so that no user of the library downloads the routers.
// It does not compare them: where a router cannot do what the others do, its
// file says why in one sentence.
package e2e
