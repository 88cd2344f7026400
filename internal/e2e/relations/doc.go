// Package relations runs the code of docs/engines.md: one API whose reach
// "shared" is decided by OpenFGA, and the same API over SpiceDB. The code of
// the page is in the tests of this package, and page_test.go finds each block
// of the page among them.
//
// Both servers are real. They run inside the test, with their stores in
// memory, and listen on the loopback interface or on a Unix socket.
//
// OpenFGA is its package pkg/server behind the gateway for HTTP, put together
// as its command does. The command itself compiles three times as long,
// because it brings every database and tracing with it.
package relations
