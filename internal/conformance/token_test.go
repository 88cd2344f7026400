package conformance_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

func decode(t testing.TB, text string) []byte {
	t.Helper()
	src, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func lastDot(token string) int { return strings.LastIndexByte(token, '.') }

func signatureOf(t testing.TB, token string) []byte {
	t.Helper()
	return decode(t, token[lastDot(token)+1:])
}

// flipped returns the token with one bit of a byte of its signature changed.
func flipped(t testing.TB, token string, at int) string {
	t.Helper()
	signature := slices.Clone(signatureOf(t, token))
	signature[at] ^= 1 << (at % 8)
	return token[:lastDot(token)+1] + encode(signature)
}
