// Package store bounds the calls of stores that others have written.
package store

import (
	"errors"
	"time"
)

const (
	// Time bounds how long a store may take.
	Time = 2 * time.Second
	// Retry is when to try again after an outage of a store.
	Retry = 5 * time.Second
)

// errPanicked stands for the value of a panic, which may hold anything.
var errPanicked = errors.New("the store panicked")

// Guard is deferred around a call of a store. It turns a panic of the store
// into an error, so that the client gets an answer. Without an answer, the
// client would try again at once.
func Guard(err *error) {
	if recover() != nil {
		*err = errPanicked
	}
}
