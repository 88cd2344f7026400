// Package e2e runs the same small service under six routers, from a client's
// request over a real connection to the record in the log: http.ServeMux with
// authz.Mux, chi, gorilla/mux, gin, echo and huma.
//
// Each router has one file, written as a user of that router would write it.
// gin, echo and huma have an adapter beside, which docs/routers.md shows. What
// the six services share, the stack, the policy and the work of the
// handlers, stands in core_test.go. What all of them must do stands once, in
// services_test.go: which answer, which problem code, which challenge, and the
// one event with its caller, its route and its path.
//
//	go test -race ./...
//
// The page of examples/documents is driven in Chromium by documents_test.go.
// The program is built and started, the console stays free of what a visit must
// not bring, and axe-core looks at each state. These tests are skipped where
// Chromium or axe-core is missing. Where BULWARK_BROWSER is "required", they
// fail:
//
//	apt-get install chromium && npm ci
//
// Screenshots go to the folder that BULWARK_ARTIFACTS names.
//
// The module is its own, so that no user of the library downloads the routers
// or the driver of the browser. It does not compare routers: where a router
// cannot do what the others do, its file says why in one sentence.
package e2e
