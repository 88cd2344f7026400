package authz

import "net/http"

// Decode reads the body of r into a copy of the granted object, and accepts
// only the fields that the caller may write. It returns the grant with the new
// state, or the refusal for bulwark.Deny. The type of the object must be
// registered with [Fields].
func Decode[T any](w http.ResponseWriter, r *http.Request, granted Granted[T]) (Granted[T], error) {
	panic("to be written")
}
