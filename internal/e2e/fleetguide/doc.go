// Package fleetguide runs the steps of docs/fleet.md: the code of the page is
// in the tests of this package, and page_test.go finds each block of the page
// among them.
//
// A process of the page is a handler here, with clients of its own for the
// engines. Real processes are in examples/fleet and in internal/e2e/fleet. The
// tests start Redis and PostgreSQL on the loopback interface, in folders of
// their own. They are skipped if a program is missing, and fail if
// BULWARK_REDIS or BULWARK_POSTGRES is "required":
//
//	apt-get install redis-server postgresql
package fleetguide
