package jose

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

// A check reports whether a key that fits its algorithm has made the signature.
type check func(input, signature []byte, k *Key) bool

// sum is the digest of input.
func sum(hash crypto.Hash, input []byte) []byte {
	switch hash {
	case crypto.SHA256:
		digest := sha256.Sum256(input)
		return digest[:]
	case crypto.SHA384:
		digest := sha512.Sum384(input)
		return digest[:]
	}
	digest := sha512.Sum512(input)
	return digest[:]
}

// pkcs1 is RSASSA-PKCS1-v1_5 (RFC 7518 section 3.3).
func pkcs1(hash crypto.Hash) check {
	return func(input, signature []byte, k *Key) bool {
		public, ok := k.public.(*rsa.PublicKey)
		return ok && rsa.VerifyPKCS1v15(public, hash, sum(hash, input), signature) == nil
	}
}

// pss is RSASSA-PSS with a salt as long as the hash (RFC 7518 section 3.5).
func pss(hash crypto.Hash) check {
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	return func(input, signature []byte, k *Key) bool {
		public, ok := k.public.(*rsa.PublicKey)
		return ok && rsa.VerifyPSS(public, hash, sum(hash, input), signature, options) == nil
	}
}

// ecdsaOf is ECDSA with the two numbers side by side in full length (RFC 7518
// section 3.4).
func ecdsaOf(hash crypto.Hash) check {
	return func(input, signature []byte, k *Key) bool {
		public, ok := k.public.(*ecdsa.PublicKey)
		if !ok || len(signature) != 2*octetsOf(public.Curve) {
			return false
		}
		var room [maxDER]byte
		return ecdsa.VerifyASN1(public, sum(hash, input), appendDER(room[:0], signature))
	}
}

// maxDER is the length of a signature on P-521 in DER, at most.
const maxDER = 3 + 2*(3+66)

// appendDER appends the two numbers of a signature as the sequence of integers
// that package ecdsa reads.
func appendDER(dst, signature []byte) []byte {
	var room [maxDER]byte
	half := len(signature) / 2
	numbers := appendInteger(appendInteger(room[:0], signature[:half]), signature[half:])
	dst = append(dst, 0x30)
	if len(numbers) > 127 {
		dst = append(dst, 0x81)
	}
	return append(append(dst, byte(len(numbers))), numbers...)
}

func appendInteger(dst, number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	if number[0]&0x80 != 0 { // would be negative
		return append(append(dst, 0x02, byte(len(number)+1), 0), number...)
	}
	return append(append(dst, 0x02, byte(len(number))), number...)
}

// eddsa is Ed25519 (RFC 8037 section 3.1).
func eddsa(input, signature []byte, k *Key) bool {
	public, ok := k.public.(ed25519.PublicKey)
	return ok && ed25519.Verify(public, input, signature)
}

// hs is HMAC (RFC 7518 section 3.2).
func hs(hash crypto.Hash) check {
	return func(input, signature []byte, k *Key) bool {
		mac := hmac.New(hash.New, k.secret())
		mac.Write(input)
		return len(k.secret()) > 0 && hmac.Equal(signature, mac.Sum(nil))
	}
}
