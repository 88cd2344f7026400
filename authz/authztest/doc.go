// Package authztest tests who can use which route of a service. It is for tests
// only.
//
// # Threat
//
// A change of a role, or of a rule, opens a route. Nobody sees it in the
// review, because the change of the access is not in the diff.
//
// # Defence
//
// Call both functions in a test of the service:
//
//	func TestAccess(t *testing.T) {
//		mux := newMux() // the *authz.Mux of the service
//		authztest.Golden(t, mux, "testdata/routes.golden")
//		authztest.Matrix(t, mux, []string{"user", "moderator", "admin"})
//	}
//
// [Golden] keeps the table of routes, rules and roles in a file. Then a change
// of access is a changed line in the review. Run the test once with
// UPDATE_GOLDEN=1 in the environment to write the file.
//
// [Matrix] sends a real request as each role to each route, and compares the
// answers with the table. So the table says what the service does.
//
// # Not covered
//
// Which objects a caller reaches. The table says "user (own)", and Matrix does
// not have objects of several users. Test this with objects of the service.
//
// # Errors
//
// Golden and Matrix fail the test, once for each difference. The Examples of
// Golden and Matrix show a service and its table. The Example Incorrect of
// Matrix shows a handler that decides against the table.
package authztest
