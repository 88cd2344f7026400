package jose

import (
	"crypto"
	"crypto/elliptic"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// family is the kind of key that an algorithm works with.
type family int

const (
	familyRSA family = iota + 1
	familyEC
	familyEd25519
	familySecret
)

// An Algorithm is one entry of the registry of RFC 7518 section 3.1. It may
// have two names there.
type Algorithm struct {
	name   string
	alias  string // the other name, or empty
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
	return a.family == k.family && a.curve == k.curve && len(k.secret()) >= a.size && (k.Algorithm == "" || a.isNamed(k.Algorithm))
}

func (a *Algorithm) isNamed(name string) bool {
	return name == a.name || a.alias != "" && name == a.alias
}

// An unfittingError says why none of the keys that a token names is one for its
// alg.
type unfittingError struct {
	a     *Algorithm
	named []*Key
}

// Error tells the alg, and what the keys are.
func (e *unfittingError) Error() string {
	var of []string
	for _, k := range e.named {
		if kind := k.kind(); len(of) < MaxTries && !slices.Contains(of, kind) {
			of = append(of, kind)
		}
	}
	return fmt.Sprintf("the alg is %s, and the key of the kid is %s", e.a.name, strings.Join(of, ", "))
}

// Names are the names of algorithms, in a fixed order, for an error or a
// challenge.
func Names(algorithms map[string]*Algorithm) []string { return slices.Sorted(maps.Keys(algorithms)) }

// Choose returns those of the known algorithms that have one of the names, each
// under all its names: EdDSA is accepted with Ed25519, which is another name
// for the same (RFC 9864 section 2.2).
func Choose(known map[string]*Algorithm, names []string) map[string]*Algorithm {
	chosen := map[string]*Algorithm{}
	for _, name := range names {
		a := known[name]
		if a == nil {
			continue
		}
		chosen[a.name] = a
		if a.alias != "" {
			chosen[a.alias] = a
		}
	}
	return chosen
}

// Algorithms returns all that can be configured, by name. There is no "none".
func Algorithms() map[string]*Algorithm {
	all := map[string]*Algorithm{}
	add := func(a *Algorithm) {
		all[a.name] = a
		if a.alias != "" {
			all[a.alias] = a
		}
	}
	for name, hash := range map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512} {
		add(&Algorithm{name: "RS" + name, family: familyRSA, check: pkcs1(hash)})
		add(&Algorithm{name: "PS" + name, family: familyRSA, check: pss(hash)})
		add(&Algorithm{name: "HS" + name, family: familySecret, size: hash.Size(), check: hs(hash)})
	}
	add(&Algorithm{name: "ES256", family: familyEC, curve: elliptic.P256(), check: ecdsaOf(crypto.SHA256)})
	add(&Algorithm{name: "ES384", family: familyEC, curve: elliptic.P384(), check: ecdsaOf(crypto.SHA384)})
	add(&Algorithm{name: "ES512", family: familyEC, curve: elliptic.P521(), check: ecdsaOf(crypto.SHA512)})
	// RFC 9864 section 2.2 registers Ed25519, and section 4.1.2 deprecates
	// EdDSA, which most signers still write.
	add(&Algorithm{name: "EdDSA", alias: "Ed25519", family: familyEd25519, check: eddsa})
	return all
}
