package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// A hasher is one pepper at work. Its states are reused, because making one
// costs more than a request may allocate.
type hasher struct {
	version int
	family  string // of the keys whose secrets it hashes
	states  sync.Pool
}

type hashState struct {
	mac hash.Hash
	in  [maxWord + 1 + maxWord + 1 + idLength + 1 + secretLength]byte
	out [sha256.Size]byte
}

func newHasher(p Pepper, family string) *hasher {
	key := append([]byte(nil), p.Key...)
	return &hasher{version: p.Version, family: family, states: sync.Pool{New: func() any {
		return &hashState{mac: hmac.New(sha256.New, key)}
	}}}
}

// sum hashes a secret together with the id and the family that it belongs to. A
// hash means nothing in another record then, and a key of the test environment
// means nothing in production, though both share a store.
func (h *hasher) sum(id, secret string) [sha256.Size]byte {
	state := h.states.Get().(*hashState)
	in := append(state.in[:0], h.family...)
	in = append(in, ':')
	in = append(in, id...)
	in = append(in, ':')
	in = append(in, secret...)
	state.mac.Reset()
	state.mac.Write(in)
	sum := [sha256.Size]byte(state.mac.Sum(state.out[:0]))
	clear(state.in[:])
	h.states.Put(state)
	return sum
}

// match returns the index of the secret of rec that was presented, or -1. It
// does the same work for any record, the empty one of an unknown id included:
// every pepper is asked and every slot compared.
func (k *Keys) match(rec *Record, id, secret string) int {
	found := -1
	for _, pepper := range k.peppers {
		sum := pepper.sum(id, secret)
		for slot := range maxSecrets {
			var candidate Secret // of Version 0, which no pepper has
			if slot < len(rec.Secrets) {
				candidate = rec.Secrets[slot]
			}
			same := subtle.ConstantTimeCompare(sum[:], candidate.Hash[:])
			if same&subtle.ConstantTimeEq(int32(pepper.version), int32(candidate.Pepper)) == 1 {
				found = slot
			}
		}
	}
	return found
}
