package session

// RowHash is the hash that a row has whose newest refresh token is given, for
// rows that this service would have made.
func RowHash(key []byte, token string, s Session) [32]byte {
	t, _ := parseRefreshToken(token)
	return newStoreKey(key).hash(t, s)
}
