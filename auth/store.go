package auth

import "errors"

// The errors that all stores share: of revocations, replays, keys and sessions.
// A caller compares with [errors.Is]. Any other error of a store is an outage.
var (
	// ErrNotFound is returned where a store does not have what was asked for.
	ErrNotFound = errors.New("auth: not found")
	// ErrConflict is returned by a compare-and-swap whose Version is not the
	// one that the store holds. Nothing has been changed: read again, then
	// retry.
	ErrConflict = errors.New("auth: changed meanwhile")
	// ErrFull is returned by a store that has no more room. Nothing has been
	// changed, and nothing is evicted to make room: whoever could fill the
	// store would be let in with what the store has forgotten.
	ErrFull = errors.New("auth: the store is full")
)
