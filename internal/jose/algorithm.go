package jose

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"

	"github.com/bulwark-go/bulwark/internal/compact"
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
	check  func(input, signature []byte, key any) error
}

// Secret reports whether the keys are secrets, shared with the signer.
func (a *Algorithm) Secret() bool { return a.family == familySecret }

// fits reports whether the key is one for the algorithm: of its family and
// curve, and not reserved for another algorithm.
func (a *Algorithm) fits(k *Key) bool {
	return a.family == k.family && a.curve == k.curve && len(k.secret()) >= a.size && (k.Algorithm == "" || k.Algorithm == a.name)
}

// Verify returns which of the keys has signed the token, or a Fault. The keys
// are Candidates for its header.
func (h Header) Verify(t compact.Token, candidates []*Key) (*Key, error) {
	err := errUnknownKey
	for _, k := range candidates {
		if err = h.Algorithm.check(t.Input, t.Signature, k.public); err == nil {
			return k, nil
		}
	}
	return nil, &Fault{"signature", err}
}

// Algorithms returns all that can be configured, by name. There is no "none".
func Algorithms() map[string]*Algorithm {
	all := map[string]*Algorithm{}
	add := func(a *Algorithm) {
		if a.check == nil {
			a.check = verifier(a.name)
		}
		if a.check != nil {
			all[a.name] = a
		}
	}
	for name, hash := range map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512} {
		add(&Algorithm{name: "RS" + name, family: familyRSA})
		add(&Algorithm{name: "PS" + name, family: familyRSA, check: pss(hash)})
		add(&Algorithm{name: "HS" + name, family: familySecret, size: hash.Size()})
	}
	add(&Algorithm{name: "ES256", family: familyEC, curve: elliptic.P256()})
	add(&Algorithm{name: "ES384", family: familyEC, curve: elliptic.P384()})
	add(&Algorithm{name: "ES512", family: familyEC, curve: elliptic.P521()})
	add(&Algorithm{name: "EdDSA", family: familyEd25519})
	return all
}

// pss checks what RFC 7518 section 3.5 asks for: a salt as long as the hash.
// jwx takes any length.
func pss(hash crypto.Hash) func(input, signature []byte, key any) error {
	return func(input, signature []byte, key any) error {
		public, ok := key.(*rsa.PublicKey)
		if !ok {
			return errors.New("not an RSA key")
		}
		h := hash.New()
		h.Write(input)
		return rsa.VerifyPSS(public, hash, h.Sum(nil), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
}
