package dpop_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// fields are the paths of all ConfigErrors in err, sorted.
func fields(err error) []string {
	var found []string
	var walk func(error)
	walk = func(err error) {
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, one := range many.Unwrap() {
				walk(one)
			}
			return
		}
		var c *bulwark.ConfigError
		if errors.As(err, &c) {
			found = append(found, c.Field)
		}
	}
	if err != nil {
		walk(err)
	}
	slices.Sort(found)
	return found
}

// printed is a value in all ways in which it comes into a log.
func printed(t *testing.T, value any) string {
	t.Helper()
	var text bytes.Buffer
	fmt.Fprintf(&text, "%v %+v %#v %s %q %x", value, value, value, value, value, value)
	slog.New(slog.NewJSONHandler(&text, nil)).Info("x", "value", value)
	slog.New(slog.NewTextHandler(&text, nil)).Info("x", "value", value)
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	text.Write(encoded)
	return text.String()
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
