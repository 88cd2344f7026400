package session

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
)

const (
	familyLength     = 16 // 128 bits name the session
	generationLength = 4
	secretLength     = 32 // 256 bits are the refresh token proper
	macLength        = 16 // 128 bits show that this service has made the token

	tokenFormat = 1 // the first byte, for forms to come
	signed      = 1 + familyLength + generationLength + secretLength
	tokenLength = signed + macLength
)

// A refreshToken is the content of the refresh cookie: the session of the
// token, the number of earlier tokens of the session, the secret, and a MAC
// over these. The MAC shows whether this service has made the token, before
// anything else is derived or looked up.
type refreshToken struct {
	family     [familyLength]byte
	generation uint32
	secret     [secretLength]byte
	mac        [macLength]byte
}

// wireLength is the length of the cookie's value, in unpadded base64url. The
// length of a token is a multiple of three, so that it has exactly one
// spelling.
var wireLength = base64.RawURLEncoding.EncodedLen(tokenLength)

// newRefreshToken returns the first token of a new session.
func newRefreshToken(key *storeKey) (t refreshToken) {
	rand.Read(t.family[:]) // never fails: crypto/rand ends the program instead
	rand.Read(t.secret[:])
	t.mac = key.sign(&t)
	return t
}

func parseRefreshToken(text string) (t refreshToken, ok bool) {
	if len(text) != wireLength {
		return t, false
	}
	var raw [tokenLength]byte
	// Decode skips line breaks, so the length of the result is also checked.
	n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(text))
	if err != nil || n != len(raw) || raw[0] != tokenFormat {
		return t, false
	}
	rest := raw[1:]
	rest = rest[copy(t.family[:], rest):]
	t.generation = binary.BigEndian.Uint32(rest)
	rest = rest[generationLength:]
	rest = rest[copy(t.secret[:], rest):]
	copy(t.mac[:], rest)
	return t, true
}

// appendSigned appends everything except the MAC.
func (t *refreshToken) appendSigned(b []byte) []byte {
	b = append(b, tokenFormat)
	b = append(b, t.family[:]...)
	b = binary.BigEndian.AppendUint32(b, t.generation)
	return append(b, t.secret[:]...)
}

// text is the value of the cookie. It is not named String, so that no secret is
// printed by accident.
func (t refreshToken) text() string {
	raw := append(t.appendSigned(make([]byte, 0, tokenLength)), t.mac[:]...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// id is the id of the session, as it stands in the store and in access tokens.
func (t *refreshToken) id() string { return base64.RawURLEncoding.EncodeToString(t.family[:]) }
