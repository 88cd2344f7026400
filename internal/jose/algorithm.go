package jose

import (
	"crypto"
	"crypto/elliptic"
)

// family is the kind of key that an algorithm works with.
type family int

const (
	familyRSA family = iota + 1
	familyEC
	familyEd25519
	familySecret
)

// An Algorithm is one entry of the registry of RFC 7518 section 3.1.
type Algorithm struct {
	name   string
	family family
	curve  elliptic.Curve // of familyEC
	size   int            // of the least secret, in bytes, of familySecret
	check  check
}

// Secret reports whether the keys are secrets, shared with the signer.
func (a *Algorithm) Secret() bool { return a.family == familySecret }

// fits reports whether the key is one for the algorithm: of its family and
// curve, and not reserved for another algorithm.
func (a *Algorithm) fits(k *Key) bool {
	return a.family == k.family && a.curve == k.curve && len(k.secret()) >= a.size && (k.Algorithm == "" || k.Algorithm == a.name)
}

// Algorithms returns all that can be configured, by name. There is no "none".
func Algorithms() map[string]*Algorithm {
	all := map[string]*Algorithm{}
	add := func(a *Algorithm) { all[a.name] = a }
	for name, hash := range map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512} {
		add(&Algorithm{name: "RS" + name, family: familyRSA, check: pkcs1(hash)})
		add(&Algorithm{name: "PS" + name, family: familyRSA, check: pss(hash)})
		add(&Algorithm{name: "HS" + name, family: familySecret, size: hash.Size(), check: hs(hash)})
	}
	add(&Algorithm{name: "ES256", family: familyEC, curve: elliptic.P256(), check: ecdsaOf(crypto.SHA256)})
	add(&Algorithm{name: "ES384", family: familyEC, curve: elliptic.P384(), check: ecdsaOf(crypto.SHA384)})
	add(&Algorithm{name: "ES512", family: familyEC, curve: elliptic.P521(), check: ecdsaOf(crypto.SHA512)})
	add(&Algorithm{name: "EdDSA", family: familyEd25519, check: eddsa})
	return all
}
