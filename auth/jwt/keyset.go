package jwt

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/bulwark-go/bulwark/internal/jsondoc"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// This file is the only one that knows jwx, and two things of it: how to read a
// key set and how to check a signature. Its own reading of tokens is not used.

// family is the kind of key that an algorithm works with.
type family int

const (
	familyRSA family = iota + 1
	familyEC
	familyEd25519
	familySecret
)

// algorithm is one entry of the registry of RFC 7518 section 3.1.
type algorithm struct {
	name   string
	family family
	curve  elliptic.Curve // of familyEC
	size   int            // of the least secret, in bytes, of familySecret
	check  func(input, signature []byte, key any) error
}

// verify checks a signature with a key that the algorithm fits.
func (a *algorithm) verify(input, signature []byte, k *key) error {
	return a.check(input, signature, k.public)
}

// fits reports whether the key is one for the algorithm: of its family and
// curve, and not reserved for another algorithm.
func (a *algorithm) fits(k *key) bool {
	return a.family == k.family && a.curve == k.curve && len(k.secret()) >= a.size && (k.alg == "" || k.alg == a.name)
}

// knownAlgorithms returns all that can be configured, by name.
func knownAlgorithms() map[string]*algorithm {
	all := map[string]*algorithm{}
	add := func(a *algorithm) {
		if a.check == nil {
			verifier, err := jws.NewVerifier(jwa.SignatureAlgorithm(a.name))
			if err != nil {
				return // not built into this jwx: the name stays unknown
			}
			a.check = verifier.Verify
		}
		all[a.name] = a
	}
	for name, hash := range map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512} {
		add(&algorithm{name: "RS" + name, family: familyRSA})
		add(&algorithm{name: "PS" + name, family: familyRSA, check: pss(hash)})
		add(&algorithm{name: "HS" + name, family: familySecret, size: hash.Size()})
	}
	add(&algorithm{name: "ES256", family: familyEC, curve: elliptic.P256()})
	add(&algorithm{name: "ES384", family: familyEC, curve: elliptic.P384()})
	add(&algorithm{name: "ES512", family: familyEC, curve: elliptic.P521()})
	add(&algorithm{name: "EdDSA", family: familyEd25519})
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

// maxKeys bounds a static key set; a fetched one has a bound of its own.
const maxKeys = 100

// parseKeys reads a JWK or JWK Set (RFC 7517) of at most maxKeys keys.
func parseKeys(body []byte) ([]*key, error) { return parseKeySet(body, maxKeys) }

// parseKeySet reads a JWK or JWK Set. Keys that are of no use here (of another
// type, too weak, for encryption) are left out; a secret or private key refuses
// the whole set: it has been published, and whoever has read it signs tokens.
func parseKeySet(body []byte, most int) ([]*key, error) {
	// Decoded strictly first, so that nothing in it can be read in two ways.
	value, err := jsondoc.DecodeValue(body, jsondoc.Limits{Bytes: len(body), Depth: 8, Keys: 32 * most, Items: most, Values: 64 * most})
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("is neither PEM nor a JWK or JWK Set")
	}
	if err := refuseSecrets(object); err != nil {
		return nil, err
	}
	set, err := jwk.Parse(body, jwk.WithIgnoreParseError(true))
	if err != nil {
		return nil, fmt.Errorf("read the key set: %w", err)
	}
	var keys []*key
	unusable := errors.New("it has none")
	for i := range set.Len() {
		published, ok := set.Key(i)
		if !ok || !forSignatures(published) {
			continue
		}
		k, err := usable(published)
		if err != nil {
			unusable = err
			continue
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no usable key in the key set: %w", unusable)
	}
	return keys, nil
}

// refuseSecrets looks for members that only a secret or private key has (RFC
// 7518 sections 6.2.2, 6.3.2 and 6.4).
func refuseSecrets(object map[string]any) error {
	list, isSet := object["keys"].([]any)
	if !isSet {
		list = []any{object}
	}
	for _, item := range list {
		one, _ := item.(map[string]any)
		if one["kty"] == "oct" || one["k"] != nil || one["d"] != nil {
			return errors.New("the key set holds a secret or private key")
		}
	}
	return nil
}

// forSignatures reports whether the key is meant for checking signatures (RFC
// 7517 sections 4.2 and 4.3).
func forSignatures(published jwk.Key) bool {
	if use := published.KeyUsage(); use != "" && use != "sig" {
		return false
	}
	operations := published.KeyOps()
	for _, operation := range operations {
		if operation == jwk.KeyOpVerify {
			return true
		}
	}
	return len(operations) == 0
}

func usable(published jwk.Key) (*key, error) {
	if err := published.Validate(); err != nil {
		return nil, err
	}
	var raw any
	if err := published.Raw(&raw); err != nil {
		return nil, err
	}
	alg := ""
	if published.Algorithm() != nil {
		alg = published.Algorithm().String()
	}
	return newKey(published.KeyID(), alg, raw)
}
