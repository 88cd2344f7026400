// Package bulwarktest helps you to test the refusals of your own service: a
// test sees what the client gets, and also what the log gets.
//
// # Threat
//
// A test that checks only the status passes although the event is missing or
// wrong. Then an attack is refused and nobody notices it.
//
// # Defence
//
// Put a [Recorder] outermost around the handler under test, send a request with
// net/http/httptest, and compare the events:
//
//	func TestStrangersCannotDelete(t *testing.T) {
//		var events bulwarktest.Recorder
//		w := httptest.NewRecorder()
//		r := httptest.NewRequest("DELETE", "/documents/7", nil)
//		events.Wrap(service).ServeHTTP(w, r)
//		taken := events.Take()
//		if w.Code != 403 || len(taken) != 1 || taken[0].Reason != "documents.not_owner" {
//			t.Errorf("status %d, events %+v", w.Code, taken)
//		}
//	}
//
// To choose the caller of a request, use [bulwark.WithPrincipal] or package
// auth/authtest. The Example of the package is a table of refusals. The page
// docs/testing.md in the repository shows which test tool answers which
// question.
//
// # Not covered
//
// Package auth/authtest has the tests that a store of credentials must pass.
// Package ratelimit/ratelimittest has the tests that a store of limits must
// pass.
//
// # Errors
//
// The functions of this package do not fail.
package bulwarktest
