package dpop

import "time"

// SameURI reports whether an htu names the path at the base, for tests.
func SameURI(claim, base, path string) bool { return sameURI(claim, base, path) }

// NonceKnown reports whether a nonce that was handed out at one time is known
// at another, by processes with the key.
func NonceKnown(key []byte, lifetime time.Duration, made, known time.Time) bool {
	n := &nonces{key: key, lifetime: lifetime}
	_, ok := n.knows(n.current(made), known)
	return ok
}
