package authz

import (
	"errors"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// A Granted is an object together with the proof that the caller may do one
// action on it. Only this package can make such a proof. If a repository takes
// a Granted[*Document], then code that gives it an unchecked *Document does not
// compile. The zero Granted grants nothing.
type Granted[T any] struct {
	value  T
	action string
	caller *bulwark.Principal
}

// Value returns the object, for rendering. Code that changes or discloses
// something because of the grant uses [Granted.For], which checks the action.
func (g Granted[T]) Value() T { return g.value }

// For returns the object to code that does the action. It is an error if the
// grant is for another action, or is the zero Granted. The error is a
// *[bulwark.Problem] with status 500 "authz.wrong_grant", because the program
// is wrong and not the caller.
func (g Granted[T]) For(action string) (T, error) {
	if g.caller == nil || action == "" || g.action != action {
		var none T
		return none, &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.wrong_grant",
			Log: bulwark.ProblemLog{Rule: "granted " + g.action + ", used for " + action}, Err: errWrongGrant}
	}
	return g.value, nil
}

var errWrongGrant = errors.New("Granted.For was called with another action than the route has in Resource.Can, or on the zero Granted; use the same action in both")

// Action returns the granted action, which is empty for the zero Granted.
func (g Granted[T]) Action() string { return g.action }

// Caller returns the caller to whom the action was granted, which is nil for
// the zero Granted.
func (g Granted[T]) Caller() *bulwark.Principal { return g.caller }
