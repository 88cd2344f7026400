// Package relations runs the code of docs/engines.md: one API whose reach
// "shared" is decided by OpenFGA, and the same API over SpiceDB. The code of
// the page is in the tests of this package, and page_test.go finds each block
// of the page among them.
//
// Both engines are real, and run inside the test with their stores in memory:
//
//   - OpenFGA is its package pkg/server on a Unix socket, behind its gateway
//     for HTTP on loopback, put together as its command does. The command
//     compiles three times as long, because it brings every database with it.
//   - SpiceDB is its services for permissions and schemas, as its package
//     pkg/development runs them. The connection is in memory. Its command is
//     left out for the same reason.
//
// Therefore the tests show nothing about the authentication of the two servers,
// and nothing about their databases.
package relations
