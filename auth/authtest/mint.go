package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
)

// mint signs any header and claims, sensible or not.
func mint(key crypto.Signer, header map[string]any, claims Claims) string {
	return mintRaw(key, marshal(header), marshal(claims))
}

func mintRaw(key crypto.Signer, header, payload []byte) string {
	input := encode(header) + "." + encode(payload)
	return input + "." + encode(sign(key, []byte(input)))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// marshal encodes what this package and a test's claims consist of.
func marshal(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("authtest: the claims are not JSON: " + err.Error())
	}
	return text
}

// sign signs as the key's algorithm wants it (RFC 7518 section 3).
func sign(key crypto.Signer, input []byte) []byte {
	if _, ok := key.Public().(ed25519.PublicKey); ok {
		return must(key.Sign(rand.Reader, input, crypto.Hash(0)))
	}
	digest := sha256.Sum256(input)
	signature := must(key.Sign(rand.Reader, digest[:], crypto.SHA256))
	if _, ok := key.Public().(*ecdsa.PublicKey); !ok {
		return signature
	}
	var point struct{ R, S *big.Int }
	must(asn1.Unmarshal(signature, &point))
	fixed := make([]byte, 64)
	point.R.FillBytes(fixed[:32])
	point.S.FillBytes(fixed[32:])
	return fixed
}

// must is for what cannot fail with keys in memory.
func must[T any](value T, err error) T {
	if err != nil {
		panic("authtest: " + err.Error())
	}
	return value
}

func algorithmOf(public crypto.PublicKey) string {
	switch public.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case ed25519.PublicKey:
		return "EdDSA"
	}
	return "ES256"
}

// publicJWK is the public key as a JWK (RFC 7518 section 6, RFC 8037 section
// 2).
func publicJWK(public crypto.PublicKey) map[string]string {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(public.Bytes())
		return map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	}
	panic("authtest: the key is neither RSA, ECDSA nor Ed25519")
}

// changed returns all with the changes made; nil takes a member out.
func changed[M ~map[string]any](all M, changes map[string]any) M {
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}
