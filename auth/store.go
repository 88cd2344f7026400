package auth

import "errors"

// The errors that all stores of revocations, replays, keys and sessions share.
// Compare with [errors.Is]. Any other error of a store is an outage.
var (
	// ErrNotFound says that the store does not have the record.
	ErrNotFound = errors.New("auth: not found")
	// ErrConflict says that the record has another Version than the caller
	// expects. The store has changed nothing. Read the record again, and retry.
	ErrConflict = errors.New("auth: changed meanwhile")
	// ErrFull says that the store has no room. The store has changed nothing. A
	// store does not evict records to make room. Otherwise an attacker could
	// fill the store until it forgets a revocation.
	ErrFull = errors.New("auth: the store is full")
)
