package jose

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
	"math/bits"
)

// The bounds on keys.
const (
	MinSecret = 32   // bytes; RFC 7518 section 3.2 for HS256
	MaxKeyID  = 256  // bytes
	minRSA    = 2048 // bits; RFC 7518 section 3.3
	maxRSA    = 8192 // bits; a check grows with the square of it
	minE      = 65537
)

// A Key is a public key or secret, checked once and read by many.
type Key struct {
	ID         string // its kid, if it has one
	Algorithm  string // the one algorithm it is for, empty for any that fits
	Thumbprint [sha256.Size]byte
	// Issuers are the issuers whose tokens the key signs, as the key set says
	// in the member "issuer" of Microsoft Entra ID. Most key sets say nothing.
	Issuers []string

	family family
	curve  elliptic.Curve
	public any // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey; []byte for a secret
}

// NewKey checks a public key and copies it: the caller may change its own.
func NewKey(kid, alg string, public any) (*Key, error) {
	if len(kid) > MaxKeyID {
		return nil, errors.New("has a kid of more than 256 bytes; make it shorter")
	}
	k := &Key{ID: kid, Algorithm: alg}
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
			err = errors.New("is not an Ed25519 key: it must have 32 bytes")
		}
	case nil:
		err = errors.New("is nil")
	default:
		err = fmt.Errorf("has the type %T; use a *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey, or PEM or a JWK as text", public)
	}
	if err != nil {
		return nil, err
	}
	members, err := json.Marshal(k.members()) // sorted by name, without spaces: RFC 7638 section 3
	if err != nil {
		return nil, err
	}
	k.Thumbprint = sha256.Sum256(members)
	return k, nil
}

// NewSecret returns a secret for the HMAC algorithms.
func NewSecret(secret []byte) *Key {
	return &Key{family: familySecret, public: bytes.Clone(secret), Thumbprint: sha256.Sum256(append([]byte("oct:"), secret...))}
}

func checkRSA(public *rsa.PublicKey) error {
	switch {
	case public == nil || public.N == nil || public.N.Sign() <= 0:
		return errors.New("is nil")
	case public.N.BitLen() < minRSA || public.N.BitLen() > maxRSA:
		return fmt.Errorf("has %d bits; an RSA key must have between %d and %d", public.N.BitLen(), minRSA, maxRSA)
	case public.E < minE || public.E%2 == 0:
		return errors.New("has an RSA exponent that is even or below 65537; make a new key, which has 65537")
	case bits.Len(uint(public.E)) > mostExponent:
		return errors.New("has an RSA exponent of more than 31 bits")
	case isROCA(public.N):
		return errors.New("has an RSA modulus that can be factored (CVE-2017-15361); make a new key with another generator")
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
		return nil, errors.New("is on another curve than P-256, P-384 and P-521; make a new key on one of these")
	}
	point, err := pointOf(public)
	if err != nil { // not a point of the curve
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(public.Curve, point)
}

// pointOf is the key in bytes. Package ecdsa panics at one that was made by
// hand and has no numbers.
func pointOf(public *ecdsa.PublicKey) (point []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("has no point")
		}
	}()
	return public.Bytes()
}

// secret returns the bytes of a secret and nothing for public keys.
func (k *Key) secret() []byte {
	secret, _ := k.public.([]byte)
	return secret
}

// ThumbprintText is the thumbprint as a kid (RFC 7638 section 3.1).
func (k *Key) ThumbprintText() string {
	return base64.RawURLEncoding.EncodeToString(k.Thumbprint[:])
}

// SignsWith is the algorithm that a signer uses for the kind of key, empty for
// none. For Ed25519 it is the older name: verifiers that do not know RFC 9864
// read no other.
func (k *Key) SignsWith() string {
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case *ecdsa.PublicKey:
		if public.Curve == elliptic.P256() {
			return "ES256"
		}
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return ""
}

// kind says what the key is for, in a word or two for the log. What somebody
// else has written as its alg is not repeated.
func (k *Key) kind() string {
	what := map[family]string{familyRSA: "an RSA key", familyEd25519: "an Ed25519 key", familySecret: "a secret"}[k.family]
	if k.curve != nil {
		what = "a key on " + k.curve.Params().Name
	}
	if k.Algorithm != "" {
		what += " that is for another alg"
	}
	return what
}

// members returns the members that make up the public key as a JWK, and no
// others.
func (k *Key) members() map[string]string {
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

// JWKS returns the public keys as a JWK Set (RFC 7517 section 5).
func JWKS(keys []*Key) ([]byte, error) {
	published := make([]map[string]string, len(keys))
	for i, k := range keys {
		published[i] = k.members()
		published[i]["kid"] = k.ID
		published[i]["use"] = "sig"
		if k.Algorithm != "" {
			published[i]["alg"] = k.Algorithm
		}
	}
	return json.Marshal(map[string]any{"keys": published})
}
