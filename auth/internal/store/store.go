// Package store bounds the calls of stores that are not ours.
package store

import (
	"errors"
	"time"
)

const (
	// Time bounds how long a store may take.
	Time = 2 * time.Second
	// Retry is when to come back after an outage of one.
	Retry = 5 * time.Second
)

// errPanicked stands for what a store panics with, which may hold anything.
var errPanicked = errors.New("the store panicked")

// Guard is deferred around a call of a store. One that panics cannot be asked,
// and the client learns so: it would see no answer else, and try again at once.
func Guard(err *error) {
	if recover() != nil {
		*err = errPanicked
	}
}
