// Package bulwarktest is what net/http/httptest is to handlers, for their
// defences: it helps a test to assert what a layer refused and what it
// reported.
//
// # Threat
//
// A refusal that nobody hears of is half a defence. A test that asserts the
// status alone passes although the event is missing, or says the wrong thing.
//
// # Defence
//
// A [Recorder] stands outermost around the handler under test and keeps the
// events of its requests. Its Example shows a test of a refusal.
//
// # Not covered
//
// The suites that a store of credentials must pass are in package
// auth/authtest.
//
// # Errors
//
// No function of this package fails.
package bulwarktest
