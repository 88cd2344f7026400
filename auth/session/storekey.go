package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// A storeKey derives values from one of [Config.StoreKeys]. The input of each
// kind of derivation begins with another byte.
type storeKey struct {
	// name identifies the key in the store. It is derived from the key, so that
	// nobody has to number keys. It does not reveal the key.
	name string
	key  []byte
}

const (
	deriveSuccessor = 1
	deriveHash      = 2
	deriveMAC       = 3
	deriveName      = 4
)

func newStoreKey(key []byte) *storeKey {
	k := &storeKey{key: key}
	name := k.derive([]byte{deriveName})
	k.name = base64.RawURLEncoding.EncodeToString(name[:9])
	return k
}

func (k *storeKey) derive(in []byte) (out [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.key)
	mac.Write(in)
	mac.Sum(out[:0])
	return out
}

// tokenRoom is for a purpose and a token.
const tokenRoom = 1 + signed

// sign returns the MAC of t.
func (k *storeKey) sign(t refreshToken) [macLength]byte {
	sum := k.derive(t.appendSigned(append(make([]byte, 0, tokenRoom), deriveMAC)))
	return [macLength]byte(sum[:macLength])
}

// made reports whether t was made with the key.
func (k *storeKey) made(t refreshToken) bool {
	mac := k.sign(t)
	return hmac.Equal(mac[:], t.mac[:])
}

// successor is the token that replaces t. The same t always gets the same
// successor, which is not stored anywhere. Nobody can derive it without the
// key.
func (k *storeKey) successor(t refreshToken) refreshToken {
	next := refreshToken{family: t.family, generation: t.generation + 1}
	next.secret = k.derive(t.appendSigned(append(make([]byte, 0, tokenRoom), deriveSuccessor)))
	next.mac = k.sign(next)
	return next
}

// hash is the hash of t and of the rights of the session, which the store
// keeps. If somebody without the key plants, copies or changes a row, no token
// fits the row.
func (k *storeKey) hash(t refreshToken, s Session) [sha256.Size]byte {
	in := t.appendSigned(append(make([]byte, 0, 512), deriveHash))
	for _, text := range [...]string{s.Issuer, s.Subject, s.Kind, s.ACR, s.Provider.Issuer, s.Provider.Subject, s.Provider.SessionID} {
		in = binary.BigEndian.AppendUint64(in, uint64(len(text)))
		in = append(in, text...)
	}
	for _, at := range [...]time.Time{s.AuthTime, s.ExpiresAt} {
		in = binary.BigEndian.AppendUint64(in, uint64(at.UnixMicro()))
	}
	return k.derive(in)
}

// keyOf returns the key that t was made with, or nil for an invented token. It
// computes one HMAC for each key, at most four, and does not ask the store.
func (s *Sessions) keyOf(t refreshToken) *storeKey {
	for _, k := range s.keys {
		if k.made(t) {
			return k
		}
	}
	return nil
}

// keyNamed returns the key with the name, or nil if the key is no longer in the
// Config.
func (s *Sessions) keyNamed(name string) *storeKey {
	for _, k := range s.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}
