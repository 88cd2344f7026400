package authz

import "net/http"

// Write answers with the object of a grant as JSON, and with those of its
// fields that the caller may read. The type of the object must be registered
// with [Fields]. The status is 201 for a grant to create an object, and
// otherwise 200.
func Write[T any](w http.ResponseWriter, r *http.Request, granted Granted[T]) {
	panic("to be written")
}
