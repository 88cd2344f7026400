package jose

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
)

// OwnKey returns the public key in the jwk of the header. It is for proofs of
// possession: the verifier compares the thumbprint of the key with the one in a
// verified token (RFC 9449 section 4.3). A missing key, a private key, and a
// key that does not fit the alg of the header are a Fault.
func (h Header) OwnKey() (*Key, error) {
	if h.JWK == nil {
		return nil, malformed(errors.New("no jwk in the header"))
	}
	k, err := keyOf(h.JWK)
	if err != nil {
		return nil, malformed(err)
	}
	if !h.Algorithm.fits(k) {
		return nil, &Fault{"algorithm", &unfittingError{h.Algorithm, []*Key{k}}}
	}
	return k, nil
}

// isPrivate looks for the members that only a secret or private key has (RFC
// 7518 sections 6.2.2, 6.3.2 and 6.4), with any value: a client that makes a
// proof can leave them out.
func isPrivate(jwk map[string]any) bool {
	for _, name := range secretMembers {
		if _, there := jwk[name]; there {
			return true
		}
	}
	return false
}

// keyOf reads a JWK that a stranger has sent. It is read here, strictly, and
// not by a library that was made for the key sets of issuers. What the key says
// it is for is held against what it is used for (RFC 7517 sections 4.2 to 4.4).
func keyOf(jwk map[string]any) (*Key, error) {
	if isPrivate(jwk) {
		return nil, errors.New("the jwk is not a public key")
	}
	alg, isText := textOf(jwk, "alg")
	if !isText {
		return nil, errors.New("the alg of the jwk is not a string")
	}
	if !forSignatures(jwk) {
		return nil, errors.New("the jwk is not for checking signatures")
	}
	var public any
	var err error
	switch jwk["kty"] {
	case "RSA":
		public, err = rsaOf(jwk)
	case "EC":
		public, err = ecOf(jwk)
	case "OKP":
		public, err = ed25519Of(jwk)
	default:
		err = errors.New("the kty of the jwk is not RSA, EC or OKP")
	}
	if err != nil {
		return nil, err
	}
	return NewKey("", alg, public)
}

var errNumber = errors.New("the jwk has a member that is not unpadded base64url")

// octets decodes a member of a JWK.
func octets(jwk map[string]any, name string) ([]byte, error) {
	text, ok := jwk[name].(string)
	if !ok || text == "" {
		return nil, errNumber
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || base64.RawURLEncoding.EncodedLen(len(raw)) != len(text) { // the decoder skips line breaks
		return nil, errNumber
	}
	return raw, nil
}

// The bounds on RSA keys that strangers send, and so on what one check of
// theirs costs: an exponent of 31 bits and 8192 bits take fifty times as long
// as ES256.
const (
	mostOwnRSA      = 4096 / 8 // bytes
	mostOwnExponent = 3        // bytes
)

// rsaOf reads n and e (RFC 7518 section 6.3.1).
func rsaOf(jwk map[string]any) (*rsa.PublicKey, error) {
	n, err := octets(jwk, "n")
	if err != nil {
		return nil, err
	}
	e, err := octets(jwk, "e")
	if err != nil {
		return nil, err
	}
	if n[0] == 0 || e[0] == 0 { // RFC 7518 section 2: the fewest octets; of two spellings the thumbprint says nothing
		return nil, errors.New("the jwk has a number with leading zeros")
	}
	if len(n) > mostOwnRSA || len(e) > mostOwnExponent {
		return nil, errors.New("the jwk has an RSA key out of bounds")
	}
	exponent := 0
	for _, b := range e {
		exponent = exponent<<8 | int(b)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}, nil
}

// ecOf reads a point, whose numbers have their full length (RFC 7518 section
// 6.2.1).
func ecOf(jwk map[string]any) (*ecdsa.PublicKey, error) {
	var curve elliptic.Curve
	switch jwk["crv"] {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil, errors.New("the jwk is on another curve than P-256, P-384 and P-521")
	}
	x, err := octets(jwk, "x")
	if err != nil {
		return nil, err
	}
	y, err := octets(jwk, "y")
	if err != nil {
		return nil, err
	}
	if size := octetsOf(curve); len(x) != size || len(y) != size {
		return nil, errors.New("the jwk has a coordinate of the wrong length")
	}
	return ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
}

// octetsOf is the full length of a number of the curve, in bytes.
func octetsOf(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }

// ed25519Of reads an Ed25519 key (RFC 8037 section 2).
func ed25519Of(jwk map[string]any) (ed25519.PublicKey, error) {
	if jwk["crv"] != "Ed25519" {
		return nil, errors.New("the jwk is on a curve that is not Ed25519")
	}
	x, err := octets(jwk, "x")
	return ed25519.PublicKey(x), err
}
