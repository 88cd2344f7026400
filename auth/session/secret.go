package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
)

const (
	familyLength = 16 // 128 bits name the session
	secretLength = 32 // 256 bits are the refresh token proper
)

// A refreshToken is what the refresh cookie holds: the session that it belongs
// to, which says nothing to anybody, and the secret.
type refreshToken struct {
	family [familyLength]byte
	secret [secretLength]byte
}

// wireLength is that of the cookie's value, unpadded base64url. The length is a
// multiple of three, so no bits are left over and a token has one spelling.
var wireLength = base64.RawURLEncoding.EncodedLen(familyLength + secretLength)

func newRefreshToken() (t refreshToken) {
	rand.Read(t.family[:]) // never fails: crypto/rand ends the program instead
	rand.Read(t.secret[:])
	return t
}

func parseRefreshToken(text string) (t refreshToken, ok bool) {
	if len(text) != wireLength {
		return t, false
	}
	var raw [familyLength + secretLength]byte
	// Decode skips line breaks, so the length of the result counts also.
	if n, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(text)); err != nil || n != len(raw) {
		return t, false
	}
	copy(t.family[:], raw[:familyLength])
	copy(t.secret[:], raw[familyLength:])
	return t, true
}

// text is the cookie's value. It is not named String, so that nothing prints a
// secret by accident.
func (t refreshToken) text() string {
	raw := append(t.family[:len(t.family):len(t.family)], t.secret[:]...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// id is the id of the session, as it stands in the store and in access tokens.
func (t refreshToken) id() string { return base64.RawURLEncoding.EncodeToString(t.family[:]) }

// secrets derives from refresh tokens what depends on the store key. Both
// derivations have inputs of one length and begin with a different byte.
type secrets struct{ key []byte }

const (
	deriveSuccessor = 1
	deriveHash      = 2
)

// A deriver does many derivations in one place.
type deriver struct {
	mac hash.Hash
	in  [1 + familyLength + secretLength]byte
	out [sha256.Size]byte
}

func (s secrets) deriver() *deriver { return &deriver{mac: hmac.New(sha256.New, s.key)} }

func (d *deriver) derive(purpose byte, t refreshToken) [sha256.Size]byte {
	d.in[0] = purpose
	copy(d.in[1:], t.family[:])
	copy(d.in[1+familyLength:], t.secret[:])
	d.mac.Reset()
	d.mac.Write(d.in[:])
	d.mac.Sum(d.out[:0])
	return d.out
}

// successor is the token that replaces t. Whoever presents t gets the same one,
// without its being kept anywhere; nobody without the key can tell it.
func (s secrets) successor(t refreshToken) refreshToken {
	return refreshToken{family: t.family, secret: s.deriver().derive(deriveSuccessor, t)}
}

// hash is what the store keeps of t.
func (s secrets) hash(t refreshToken) [sha256.Size]byte { return s.deriver().derive(deriveHash, t) }

// age tells how many generations t is older than the newest token of its
// session, whose hash is given: 0 is the newest itself. It reports false for a
// token that never belonged to the session. That costs a step for each
// generation there has been, half a microsecond, and no store has to remember
// them all.
func (s secrets) age(t refreshToken, newest [sha256.Size]byte, generations int) (age int, ok bool) {
	d := s.deriver()
	for age := range generations + 1 {
		if hash := d.derive(deriveHash, t); hmac.Equal(hash[:], newest[:]) {
			return age, true
		}
		t.secret = d.derive(deriveSuccessor, t)
	}
	return 0, false
}
