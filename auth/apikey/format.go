package apikey

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"strings"
)

// The parts of a key: prefix_env_id_secret_check. No part contains the
// separator, each of the last three has one length, and nothing is decoded, so
// that a key has exactly one spelling.
const (
	idLength     = 16 // of 36 characters: 82 bits
	secretLength = 43 // of 62 characters: 256 bits
	checkLength  = 6  // of 62 characters: 35 bits hold a CRC-32
	tailLength   = 1 + idLength + 1 + secretLength + 1 + checkLength
	maxWord      = 16 // of prefix and environment
)

// Ids are lower case: they appear in paths, and in databases that fold case.
const (
	idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	alphabet   = idAlphabet + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// parts is a key that is well formed and whose check is right.
type parts struct{ env, id, secret string }

// What is wrong with a text that cannot be a key.
var (
	errMalformed = errors.New("not in the form of a key")
	errChecksum  = errors.New("the checksum of the key is wrong: the key was mistyped or invented")
)

// parse splits a key whose prefix, with its separator, is given.
func parse(text, prefix string) (p parts, err error) {
	rest, ok := strings.CutPrefix(text, prefix)
	if !ok || len(rest) <= tailLength || len(rest) > maxWord+tailLength {
		return parts{}, errMalformed
	}
	cut := len(rest) - tailLength
	p.env, rest = rest[:cut], rest[cut:]
	p.id = rest[1 : 1+idLength]
	p.secret = rest[2+idLength : 2+idLength+secretLength]
	check := rest[tailLength-checkLength:]
	separated := rest[0] == '_' && rest[1+idLength] == '_' && rest[tailLength-checkLength-1] == '_'
	if !separated || !isWord(p.env) || !isID(p.id) || !isBase62(p.secret) || !isBase62(check) {
		return parts{}, errMalformed
	}
	if sum := checksum(text[:len(text)-checkLength-1]); string(sum[:]) != check {
		return parts{}, errChecksum
	}
	return p, nil
}

// format is the inverse of parse.
func format(prefix string, p parts) string {
	text := prefix + p.env + "_" + p.id + "_" + p.secret
	check := checksum(text)
	return text + "_" + string(check[:])
}

// checksum returns the CRC-32 (IEEE) of text in base 62. It finds typing
// errors. It does not stop an attacker, who can compute it.
func checksum(text string) (check [checkLength]byte) {
	sum := crc32.ChecksumIEEE([]byte(text))
	for i := checkLength - 1; i >= 0; i-- {
		check[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return check
}

// random returns n characters of an alphabet, each as likely as any other.
func random(n int, alphabet string) string {
	fair := byte(256 / len(alphabet) * len(alphabet))
	text := make([]byte, 0, n)
	var noise [64]byte
	for len(text) < n {
		rand.Read(noise[:]) // never fails: crypto/rand ends the program instead
		for _, b := range noise {
			if b < fair && len(text) < n {
				text = append(text, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(text)
}

// isWord accepts what a prefix or an environment may be.
func isWord(text string) bool {
	if text == "" || len(text) > maxWord || text[0] < 'a' || text[0] > 'z' {
		return false
	}
	return isBase36(text)
}

// isID reports whether text can be the id of a key.
func isID(text string) bool { return len(text) == idLength && isBase36(text) }

func isBase36(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

func isBase62(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}
