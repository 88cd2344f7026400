package session

// RowHash is the hash that a row has whose newest refresh token is given.
func RowHash(key []byte, token string) [32]byte {
	t, _ := parseRefreshToken(token)
	return newStoreKey(key).hash(&t)
}

// RowSeal is the seal of a row that this service would have made.
func RowSeal(key []byte, s Session) [32]byte { return newStoreKey(key).seal(&s) }

// CountDerivations counts the HMACs that f computes. Nothing else may run.
func CountDerivations(f func()) (n int) {
	derived = func() { n++ }
	defer func() { derived = nil }()
	f()
	return n
}
