package jose

import (
	"crypto/sha256"
	"errors"
	"slices"
)

// MaxTries is how many keys a token is tried with where nothing tells which of
// them has signed it.
const MaxTries = 4

// An unknownKeyError says that the set does not tell which key has signed a
// token. [UnknownKey] recognizes it.
type unknownKeyError string

// Error returns the text.
func (e unknownKeyError) Error() string { return string(e) }

// What Candidates refuses a token with. Another set may have a key for the
// first three.
const (
	errUnknownKey unknownKeyError = "no key has the kid and the alg of the token"
	errNoneFits   unknownKeyError = "the token has no kid, and no key fits its alg"
	errTooManyFit unknownKeyError = "the token does not name its key, and more than 4 keys fit its alg"
)

var errTwoSecrets = errors.New("two secrets have the kid of the token")

// A KeySet is a set of keys that never changes.
type KeySet struct {
	byKid       map[string][]*Key
	all         []*Key
	nameless    []*Key
	thumbprints map[[sha256.Size]byte]struct{}
}

// NewKeySet returns a set of the keys. A key that is there twice counts once.
// Several keys may have one kid: RFC 7517 section 4.5 only says that they
// should differ, and has an example where they do not.
func NewKeySet(keys []*Key) *KeySet {
	s := &KeySet{byKid: map[string][]*Key{}, thumbprints: map[[sha256.Size]byte]struct{}{}}
	for _, k := range keys {
		if same := s.find(k); same != nil {
			if len(k.Issuers) > 0 { // a key that was fetched, and is not shared yet
				same.Issuers = append(same.Issuers, k.Issuers...)
			}
			continue
		}
		s.thumbprints[k.Thumbprint] = struct{}{}
		s.all = append(s.all, k)
		if k.ID == "" {
			s.nameless = append(s.nameless, k)
			continue
		}
		s.byKid[k.ID] = append(s.byKid[k.ID], k)
	}
	return s
}

// find returns the key of the set with the same material, kid and alg, or nil.
func (s *KeySet) find(k *Key) *Key {
	if !s.Holds(k.Thumbprint) {
		return nil
	}
	for _, other := range s.all {
		if other.Thumbprint == k.Thumbprint && other.ID == k.ID && other.Algorithm == k.Algorithm {
			return other
		}
	}
	return nil
}

// Keys returns the keys of the set, only to be read.
func (s *KeySet) Keys() []*Key { return s.all }

// Holds reports whether the key is still in the set. The thumbprint decides: a
// kid may come to name another key.
func (s *KeySet) Holds(thumbprint [sha256.Size]byte) bool {
	_, ok := s.thumbprints[thumbprint]
	return ok
}

// NamelessFor counts the keys without a kid that fit an algorithm.
func (s *KeySet) NamelessFor(a *Algorithm) int { return len(fitting(s.nameless, a)) }

// Fits reports whether any of the keys fits the algorithm.
func (s *KeySet) Fits(a *Algorithm) bool { return len(fitting(s.all, a)) > 0 }

// fitting returns those of the keys that fit, each once: the same key may be
// there under several kids.
func fitting(keys []*Key, a *Algorithm) []*Key {
	var some []*Key
	for _, k := range keys {
		if a.fits(k) && !slices.ContainsFunc(some, func(other *Key) bool { return other.Thumbprint == k.Thumbprint }) {
			some = append(some, k)
		}
	}
	return some
}

// Candidates returns the keys that may have signed a token with this header, or
// a Fault.
func (s *KeySet) Candidates(h Header) ([]*Key, error) {
	if named := s.byKid[h.KeyID]; named != nil {
		if len(named) == 1 && h.Algorithm.fits(named[0]) {
			return named, nil // nearly always, and without an allocation
		}
		some := fitting(named, h.Algorithm)
		if len(some) == 0 {
			return nil, &Fault{"algorithm", &unfittingError{h.Algorithm, named}}
		}
		// Secrets are not published: two of them with one kid are a mistake.
		if len(some) > 1 && h.Algorithm.Secret() {
			return nil, &Fault{"unknown_key", errTwoSecrets}
		}
		return some[:min(len(some), MaxTries)], nil
	}
	// The kid is a hint (RFC 7515 section 4.1.4). A token without one may be
	// from any key; one whose kid names no key may be from a key without name.
	pool := s.nameless
	if h.KeyID == "" {
		pool = s.all
	}
	some := fitting(pool, h.Algorithm)
	switch {
	case len(some) > MaxTries:
		return nil, &Fault{"unknown_key", errTooManyFit}
	case len(some) == 0 && h.KeyID == "":
		return nil, &Fault{"unknown_key", errNoneFits}
	case len(some) == 0:
		return nil, &Fault{"unknown_key", errUnknownKey}
	}
	return some, nil
}

// UnknownKey reports whether err is that of Candidates for a header whose key
// is not in the set, so that a newer set might have it: no key has the kid, or
// none of those that have it is for the alg. One kid may name several keys.
func UnknownKey(err error) bool {
	if err == nil {
		return false
	}
	_, unknown := errors.AsType[unknownKeyError](err)
	_, unfitting := errors.AsType[*unfittingError](err)
	return unknown || unfitting
}
