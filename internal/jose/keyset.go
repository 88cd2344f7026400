package jose

import (
	"crypto/sha256"
	"errors"
)

// MaxTries is how many keys a token that names none is tried with.
const MaxTries = 4

// What Candidates finds nothing with. [UnknownKey] tells it apart.
var (
	errUnknownKey   = errors.New("no key for the token's kid and alg")
	errUnfittingKey = errors.New("the key is not one for the token's alg")
)

// A KeySet is a set of keys that never changes.
type KeySet struct {
	byKid       map[string][]*Key // each with its one key
	all         []*Key
	nameless    []*Key
	thumbprints map[[sha256.Size]byte]struct{}
}

// NewKeySet returns a set of the keys. Two with one kid are an error: which of
// them a token means could not be told.
func NewKeySet(keys []*Key) (*KeySet, error) {
	s := &KeySet{byKid: map[string][]*Key{}, all: keys, thumbprints: map[[sha256.Size]byte]struct{}{}}
	for _, k := range keys {
		s.thumbprints[k.Thumbprint] = struct{}{}
		if k.ID == "" {
			s.nameless = append(s.nameless, k)
			continue
		}
		if s.byKid[k.ID] != nil {
			return nil, errors.New("two keys have one kid")
		}
		s.byKid[k.ID] = []*Key{k}
	}
	return s, nil
}

// Holds reports whether the key is still in the set. The thumbprint decides: a
// kid may come to name another key.
func (s *KeySet) Holds(thumbprint [sha256.Size]byte) bool {
	_, ok := s.thumbprints[thumbprint]
	return ok
}

// NamelessFor counts the keys without a kid that fit an algorithm.
func (s *KeySet) NamelessFor(a *Algorithm) int {
	count := 0
	for _, k := range s.nameless {
		if a.fits(k) {
			count++
		}
	}
	return count
}

// Candidates returns the keys that may have signed a token with this header, or
// a Fault.
func (s *KeySet) Candidates(h Header) ([]*Key, error) {
	if named := s.byKid[h.KeyID]; named != nil {
		if !h.Algorithm.fits(named[0]) {
			return nil, &Fault{"algorithm", errUnfittingKey}
		}
		return named, nil
	}
	// The kid is a hint (RFC 7515 section 4.1.4). A token without one may be
	// from any key; one whose kid names no key may be from a key without name.
	pool := s.nameless
	if h.KeyID == "" {
		pool = s.all
	}
	var fitting []*Key
	for _, k := range pool {
		if h.Algorithm.fits(k) {
			fitting = append(fitting, k)
		}
	}
	if len(fitting) == 0 || len(fitting) > MaxTries {
		return nil, &Fault{"unknown_key", errUnknownKey}
	}
	return fitting, nil
}

// UnknownKey reports whether err is that of Candidates for a header whose key
// is not in the set, so that a newer set might have it.
func UnknownKey(err error) bool { return errors.Is(err, errUnknownKey) }
