// Package authztest tests who can use which route of a service, and who sees
// which field of its answers. It is for tests only.
//
// # Threat
//
// A change of a role, or of a rule, opens a route. A change of a tag, or of a
// handler, shows a field to more callers. Nobody sees it in the review, because
// the change of the access is not in the diff.
//
// # Defence
//
// Call the three functions in a test of the service:
//
//	func TestAccess(t *testing.T) {
//		mux := newMux() // the *authz.Mux of the service
//		authztest.Golden(t, mux, "testdata/routes.golden")
//		authztest.Matrix(t, mux, []string{"user", "moderator", "admin"})
//		authztest.Fields(t, mux, walk, "testdata/fields.golden") // see Walk
//	}
//
// [Golden] keeps the table of routes, rules and roles in a file. Then a change
// of access is a changed line in the review. Run the test once with
// UPDATE_GOLDEN=1 in the environment to write the file.
//
// [Matrix] sends a real request as each role to each route, and compares the
// answers with the table. So the table says what the service does.
//
// [Fields] sends a request to each route as each caller of a [Walk], and keeps
// the fields of the answers in a file. It also finds a handler that writes an
// object without [authz.Write].
//
// # Not covered
//
// Which objects a caller reaches. The table says "user (own)", and Matrix does
// not have objects of several users. Test this with objects of the service.
//
// Fields sees the requests of its walk and no others. It does not find a field
// in a header, or in an answer that is not JSON, such as HTML, CSV or a
// compressed answer. It does not find a field that a handler writes under
// another name, nor in an answer that looks exactly like a problem.
//
// # Errors
//
// Golden, Matrix and Fields fail the test, once for each difference. The
// Examples of Golden and Matrix show a service and its table. The Examples
// Incorrect show a handler that decides against the table, and a handler that
// writes an object itself.
package authztest
