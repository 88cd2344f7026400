package jwt

import (
	"errors"
	"reflect"
	"time"
)

const (
	// storeTime bounds how long a store may take, of revocations or of used proofs.
	storeTime = 2 * time.Second
	// storeRetry is when to come back after an outage of a store.
	storeRetry = 5 * time.Second
)

// errPanicked stands for what a store panics with, which may hold anything.
var errPanicked = errors.New("the store panicked")

// outage is deferred around a call of a store. One that panics cannot be asked, and
// the client learns so: it would see no answer else, and try again at once.
func outage(err *error) {
	if recover() != nil {
		*err = errPanicked
	}
}

// isNil reports whether a store is nil, or a nil pointer in an interface that is not.
func isNil(store any) bool {
	value := reflect.ValueOf(store)
	return !value.IsValid() || value.Kind() == reflect.Pointer && value.IsNil()
}
