package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

// inBubble runs f under a clock that moves only when everybody waits.
func inBubble(t *testing.T, f func(t *testing.T, issuer *authtest.Issuer)) {
	t.Helper()
	issuer := authtest.NewIssuer(t) // its listener must stay outside
	synctest.Test(t, func(t *testing.T) { f(t, issuer) })
}

// reason is why an error refuses.
func reason(err error) string {
	var p *bulwark.Problem
	if !errors.As(err, &p) {
		return "no problem"
	}
	return p.Log.Reason
}

// tokenOf builds a token of any header and payload around a signature.
func tokenOf(header string, claims map[string]any, sign func(input []byte) []byte) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

// signers makes a key of each kind.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"RS256": rsaKey, "ES256": ecKey, "EdDSA": edKey}
}

// cause is what an event says of the error.
func cause(e bulwark.Event) string {
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			return attr.Value.String()
		}
	}
	return ""
}
