package authz

import (
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// Granted is an object together with the proof that its caller may do one action
// to it. Only this package makes one that holds: let repositories take a
// Granted[*Document], and code that hands them an unchecked *Document does not
// compile.
type Granted[T any] struct {
	value  T
	action string
	caller *bulwark.Principal
}

// Value returns the object, for rendering. What changes or discloses something
// by virtue of the grant uses [Granted.For], which asks what was granted.
func (g Granted[T]) Value() T { return g.value }

// For returns the object to code that does the action, and an error if the grant
// is for another action or is the zero Granted. The error is a
// *[bulwark.Problem] with status 500: the program, not the caller, is wrong.
func (g Granted[T]) For(action string) (T, error) {
	if g.caller == nil || action == "" || g.action != action {
		var none T
		return none, &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.wrong_grant",
			Rule: "granted " + g.action + ", used for " + action}
	}
	return g.value, nil
}

// Action returns what was granted; empty for the zero Granted.
func (g Granted[T]) Action() string { return g.action }

// Caller returns to whom it was granted, and nil for the zero Granted.
func (g Granted[T]) Caller() *bulwark.Principal { return g.caller }
