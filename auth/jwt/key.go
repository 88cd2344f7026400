package jwt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

const (
	minSecret = 32   // bytes; RFC 7518 section 3.2 for HS256
	minRSA    = 2048 // bits; RFC 7518 section 3.3
	maxRSA    = 8192 // bits; a check grows with the square of it
	minE      = 65537
	maxKeyID  = 256 // bytes
	maxType   = 64  // bytes
	maxTries  = 4   // keys for one token that names none
)

// key is a public key or secret, checked once and read by many.
type key struct {
	kid        string
	alg        string // the one algorithm it is for, empty for any that fits
	family     family
	curve      elliptic.Curve
	public     any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey; []byte for a secret
	thumbprint [sha256.Size]byte
}

// newKey checks a public key and copies it: the caller may change its own.
func newKey(kid, alg string, public any) (*key, error) {
	if len(kid) > maxKeyID {
		return nil, errors.New("has a kid of more than 256 bytes")
	}
	k := &key{kid: kid, alg: alg}
	var err error
	switch public := public.(type) {
	case *rsa.PublicKey:
		k.family = familyRSA
		if err = checkRSA(public); err == nil {
			k.public = &rsa.PublicKey{N: new(big.Int).Set(public.N), E: public.E}
		}
	case *ecdsa.PublicKey:
		k.family = familyEC
		var own *ecdsa.PublicKey
		if own, err = copyEC(public); err == nil {
			k.curve, k.public = own.Curve, own
		}
	case ed25519.PublicKey:
		k.family, k.public = familyEd25519, ed25519.PublicKey(bytes.Clone(public))
		if len(public) != ed25519.PublicKeySize {
			err = errors.New("is no Ed25519 key: wrong length")
		}
	case nil:
		err = errors.New("is nil")
	default:
		err = fmt.Errorf("is a %T, which is no RSA, ECDSA or Ed25519 public key", public)
	}
	if err != nil {
		return nil, err
	}
	members, err := json.Marshal(k.jwk()) // sorted by name, without spaces: RFC 7638 section 3
	if err != nil {
		return nil, err
	}
	k.thumbprint = sha256.Sum256(members)
	return k, nil
}

func newSecret(secret []byte) *key {
	return &key{family: familySecret, public: bytes.Clone(secret), thumbprint: sha256.Sum256(append([]byte("oct:"), secret...))}
}

func checkRSA(public *rsa.PublicKey) error {
	switch {
	case public == nil || public.N == nil:
		return errors.New("is nil")
	case public.N.BitLen() < minRSA || public.N.BitLen() > maxRSA:
		return fmt.Errorf("has %d bits; RSA needs between %d and %d", public.N.BitLen(), minRSA, maxRSA)
	case public.E < minE || public.E%2 == 0:
		return errors.New("has an RSA exponent below 65537, or an even one")
	}
	return nil
}

// copyEC checks an ECDSA key and returns one of its own.
func copyEC(public *ecdsa.PublicKey) (*ecdsa.PublicKey, error) {
	if public == nil || public.Curve == nil {
		return nil, errors.New("is nil")
	}
	switch public.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
	default:
		return nil, errors.New("is on a curve that is none of P-256, P-384 and P-521")
	}
	point, err := public.Bytes()
	if err != nil { // not a point of the curve
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(public.Curve, point)
}

// secret returns the bytes of a secret and nothing for public keys.
func (k *key) secret() []byte {
	secret, _ := k.public.([]byte)
	return secret
}

// thumbprintText is the thumbprint as a kid (RFC 7638 section 3.1).
func (k *key) thumbprintText() string {
	return base64.RawURLEncoding.EncodeToString(k.thumbprint[:])
}

// jwk returns the members that make up the public key, and no others.
func (k *key) jwk() map[string]string {
	text := base64.RawURLEncoding.EncodeToString
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": text(public.N.Bytes()), "e": text(big.NewInt(int64(public.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, then both coordinates in full length
		if err != nil {
			return nil
		}
		half := 1 + (len(point)-1)/2
		return map[string]string{"kty": "EC", "crv": public.Curve.Params().Name, "x": text(point[1:half]), "y": text(point[half:])}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": text(public)}
	}
	return nil
}

// jwksOf returns the keys as a JWK Set (RFC 7517 section 5).
func jwksOf(keys []*key) ([]byte, error) {
	published := make([]map[string]string, len(keys))
	for i, k := range keys {
		published[i] = k.jwk()
		published[i]["kid"] = k.kid
		published[i]["use"] = "sig"
		if k.alg != "" {
			published[i]["alg"] = k.alg
		}
	}
	return json.Marshal(map[string]any{"keys": published})
}

// What candidates finds nothing with.
var (
	errUnknownKey   = errors.New("no key for the token's kid and alg")
	errUnfittingKey = errors.New("the key is not one for the token's alg")
)

// keySet is a set of keys that never changes.
type keySet struct {
	byKid       map[string][]*key // each with its one key
	all         []*key
	nameless    []*key
	thumbprints map[[sha256.Size]byte]struct{}
}

func newKeySet(keys []*key) (*keySet, error) {
	s := &keySet{byKid: map[string][]*key{}, all: keys, thumbprints: map[[sha256.Size]byte]struct{}{}}
	for _, k := range keys {
		s.thumbprints[k.thumbprint] = struct{}{}
		if k.kid == "" {
			s.nameless = append(s.nameless, k)
			continue
		}
		if s.byKid[k.kid] != nil {
			return nil, errors.New("two keys have one kid")
		}
		s.byKid[k.kid] = []*key{k}
	}
	return s, nil
}

// holds reports whether the key is still in the set. The thumbprint decides: a
// kid may come to name another key.
func (s *keySet) holds(thumbprint [sha256.Size]byte) bool {
	_, ok := s.thumbprints[thumbprint]
	return ok
}

// candidates returns the keys that may have signed a token with this header.
func (s *keySet) candidates(h header) ([]*key, error) {
	if named := s.byKid[h.kid]; named != nil {
		if !h.algorithm.fits(named[0]) {
			return nil, errUnfittingKey
		}
		return named, nil
	}
	// The kid is a hint (RFC 7515 section 4.1.4). A token without one may be
	// from any key; one whose kid names no key may be from a key without name.
	pool := s.nameless
	if h.kid == "" {
		pool = s.all
	}
	var fitting []*key
	for _, k := range pool {
		if h.algorithm.fits(k) {
			fitting = append(fitting, k)
		}
	}
	if len(fitting) == 0 || len(fitting) > maxTries {
		return nil, errUnknownKey
	}
	return fitting, nil
}
