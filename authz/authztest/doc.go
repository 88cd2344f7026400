// Package authztest proves in a test who can get where.
//
// # Threat
//
// A change of a role or of a rule opens a route, and nobody notices it in the
// review.
//
// # Defence
//
// [Golden] keeps the table of routes, rules and roles in a file, so that a
// change of access is a line in a review. [Matrix] sends a real request as each
// role to each route, so that the table is what the service does.
//
// # Not covered
//
// Which objects a caller reaches. The tests of the service show it with their
// own objects.
//
// # Errors
//
// Golden and Matrix fail the test, once for each difference. The tests of this
// package are its Examples.
package authztest
