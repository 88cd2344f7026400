package session

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
)

// A storeKey derives values from one of [Config.StoreKeys]. The input of each
// kind of derivation begins with another byte. A storeKey reuses its states,
// because a new state allocates more than a request may.
type storeKey struct {
	// name identifies the key in the store. It is derived from the key, so that
	// nobody has to number keys. It does not reveal the key.
	name   string
	states sync.Pool
}

type keyState struct {
	mac hash.Hash
	in  []byte
	out [sha256.Size]byte
}

const (
	deriveSuccessor = 1
	deriveHash      = 2
	deriveMAC       = 3
	deriveName      = 4
	deriveSeal      = 5
)

// keptInput bounds the buffer that a state keeps for the next derivation.
const keptInput = 4 << 10

func newStoreKey(key []byte) *storeKey {
	k := &storeKey{states: sync.Pool{New: func() any {
		return &keyState{mac: hmac.New(sha256.New, key), in: make([]byte, 0, 512)}
	}}}
	state := k.state(deriveName)
	name := k.derive(state)
	k.name = base64.RawURLEncoding.EncodeToString(name[:9])
	return k
}

// state returns a state for one derivation of the kind.
func (k *storeKey) state(kind byte) *keyState {
	state := k.states.Get().(*keyState)
	state.in = append(state.in[:0], kind)
	return state
}

// derived is called for each derivation, if a test has set it.
var derived func()

// derive returns the HMAC of the input, and ends the use of the state.
func (k *storeKey) derive(state *keyState) [sha256.Size]byte {
	if derived != nil {
		derived()
	}
	state.mac.Reset()
	state.mac.Write(state.in)
	sum := [sha256.Size]byte(state.mac.Sum(state.out[:0]))
	clear(state.in)
	if cap(state.in) <= keptInput {
		k.states.Put(state)
	}
	return sum
}

// ofToken derives a value of the kind from t without its MAC.
func (k *storeKey) ofToken(kind byte, t *refreshToken) [sha256.Size]byte {
	state := k.state(kind)
	state.in = t.appendSigned(state.in)
	return k.derive(state)
}

// sign returns the MAC of t.
func (k *storeKey) sign(t *refreshToken) [macLength]byte {
	sum := k.ofToken(deriveMAC, t)
	return [macLength]byte(sum[:macLength])
}

// made reports whether t was made with the key.
func (k *storeKey) made(t *refreshToken) bool {
	mac := k.sign(t)
	return hmac.Equal(mac[:], t.mac[:])
}

// successor is the token that replaces t. The same t always gets the same
// successor, which is not stored anywhere. Nobody can derive it without the
// key.
func (k *storeKey) successor(t *refreshToken) refreshToken {
	next := refreshToken{family: t.family, generation: t.generation + 1}
	next.secret = k.ofToken(deriveSuccessor, t)
	next.mac = k.sign(&next)
	return next
}

// hash is what the store keeps of the newest token.
func (k *storeKey) hash(t *refreshToken) [sha256.Size]byte { return k.ofToken(deriveHash, t) }

// seal is a MAC over everything that the row grants, and over its ID. If
// somebody without the key plants, copies or changes a row, its seal is wrong,
// and the row opens nothing.
func (k *storeKey) seal(s *Session) [sha256.Size]byte {
	state := k.state(deriveSeal)
	in := state.in
	for _, text := range [...]string{s.ID, s.Issuer, s.Subject, s.Kind, s.ACR, s.Provider.Issuer, s.Provider.Subject, s.Provider.SessionID} {
		in = appendText(in, text)
	}
	in = binary.BigEndian.AppendUint64(in, uint64(s.AuthTime.UnixMicro()))
	in = binary.BigEndian.AppendUint64(in, uint64(s.ExpiresAt.UnixMicro()))
	var room [maxFactors]string
	for _, factor := range sortedFactors(room[:0], s.Factors) {
		in = appendText(in, factor)
		in = binary.BigEndian.AppendUint64(in, uint64(s.Factors[factor].UnixMicro()))
	}
	state.in = in
	return k.derive(state)
}

// sealed reports whether the seal of the row is right.
func (k *storeKey) sealed(s *Session) bool {
	if len(s.Factors) > maxFactors {
		return false // this service makes no such row
	}
	sum := k.seal(s)
	return hmac.Equal(sum[:], s.Seal[:])
}

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
	return append(b, text...)
}

// keyOf returns the key that t was made with, or nil for an invented token. It
// computes one HMAC for each key, at most four, and does not ask the store.
func (s *Sessions) keyOf(t *refreshToken) *storeKey {
	for _, k := range s.keys {
		if k.made(t) {
			return k
		}
	}
	return nil
}

// keyNamed returns the key with the name, or nil if the key is no longer in the
// Config.
func (g *registry) keyNamed(name string) *storeKey {
	for _, k := range g.keys {
		if k.name == name {
			return k
		}
	}
	return nil
}
