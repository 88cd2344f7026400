package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"
)

// A hasher computes hashes with one pepper. It reuses its states, because a new
// state allocates more than a request may.
type hasher struct {
	version int
	family  string // of the keys whose secrets it hashes
	states  sync.Pool
}

type hashState struct {
	mac hash.Hash
	in  [maxWord + 1 + maxWord + 1 + idLength + 1 + maxLegacy]byte
	out [sha256.Size]byte
}

func newHasher(p Pepper, family string) *hasher {
	key := append([]byte(nil), p.Key...)
	return &hasher{version: p.Version, family: family, states: sync.Pool{New: func() any {
		return &hashState{mac: hmac.New(sha256.New, key)}
	}}}
}

// What a hash is of. The mark keeps the hashes of one use from the others.
const (
	ofSecret = ':' // the secret of a key in our format
	ofLegacy = '=' // the text of an adopted key
	ofID     = '#' // the text of a legacy key, whose id it gives
)

// sum hashes a secret together with its id and its family. So a hash fits no
// other record. A hash of the test environment does not fit in production, even
// if both environments share a store.
func (h *hasher) sum(id string, mark byte, secret string) [sha256.Size]byte {
	state := h.states.Get().(*hashState)
	in := append(state.in[:0], h.family...)
	in = append(in, ':')
	in = append(in, id...)
	in = append(in, mark)
	in = append(in, secret...)
	state.mac.Reset()
	state.mac.Write(in)
	sum := [sha256.Size]byte(state.mac.Sum(state.out[:0]))
	clear(in)
	h.states.Put(state)
	return sum
}

// legacyID is the id of a key that was given out before. It is as long as other
// ids, so that it may stand in the same places.
func (h *hasher) legacyID(text string) string {
	sum := h.sum("", ofID, text)
	id := sum[:idLength]
	for i, b := range id {
		id[i] = idAlphabet[int(b)%len(idAlphabet)]
	}
	return string(id)
}

// match returns the index of the presented secret in rec, or -1. It does the
// same work for each record, also for the empty record of an unknown id: it
// computes the hash of every pepper and compares every slot.
func (k *Keys) match(rec *Record, id string, mark byte, secret string) int {
	found := -1
	for _, pepper := range k.peppers {
		sum := pepper.sum(id, mark, secret)
		for slot := range maxSecrets {
			var candidate Secret // of Version 0, which no pepper has
			if slot < len(rec.Secrets) {
				candidate = rec.Secrets[slot]
			}
			if k.compared != nil {
				k.compared() // a test counts
			}
			same := subtle.ConstantTimeCompare(sum[:], candidate.Hash[:])
			if same&subtle.ConstantTimeEq(int32(pepper.version), int32(candidate.Pepper)) == 1 {
				found = slot
			}
		}
	}
	return found
}
