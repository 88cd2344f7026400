package jwt_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/secrettest"
)

func TestSignersDoNotPrintTheirKeys(t *testing.T) {
	key := signers(t)["EdDSA"].(ed25519.PrivateKey)
	config := jwt.SignerConfig{Key: key, Issuer: issuerURL}
	signer, err := jwt.NewSigner(config)
	if err != nil {
		t.Fatal(err)
	}
	seed := []byte(key)[:4]
	spellings := []string{
		strings.Trim(fmt.Sprint(seed), "[]"), fmt.Sprintf("%x", seed),
		strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", seed), "[]byte"), "{}"),
	}
	if encoded, err := json.Marshal([]byte(key)); err == nil {
		spellings = append(spellings, string(encoded[1:9]))
	}
	for _, value := range []any{config, &config, struct{ Signer jwt.SignerConfig }{config}, signer} {
		text := secrettest.Printed(t, value)
		for _, secret := range spellings {
			if strings.Contains(text, secret) {
				t.Errorf("%T prints the key: %s", value, text)
			}
		}
	}
	if text := fmt.Sprint(config); !strings.Contains(text, issuerURL) {
		t.Errorf("%q does not tell the issuer", text)
	}
	rsaKey := jwt.SignerConfig{Key: signers(t)["RS256"], Issuer: issuerURL}
	if text, err := json.Marshal(rsaKey); err != nil || strings.Contains(string(text), `"D"`) || strings.Contains(string(text), "Primes") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestZeroSigner(t *testing.T) {
	for name, signer := range map[string]*jwt.Signer{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			verifier, err := jwt.New(configFor(signer.Keys()))
			if got := fieldsOf(err); verifier != nil || !slices.Equal(got, []string{"jwt.Keys"}) {
				t.Errorf("errors for %q: %v", got, err)
			}
			if token, err := signer.Sign("at+jwt", goodClaims()); token != "" || !slices.Equal(fieldsOf(err), []string{"jwt(signer)"}) {
				t.Errorf("%q, %v", token, err)
			}
			w := httptest.NewRecorder()
			signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if w.Code != 500 || !strings.Contains(w.Body.String(), `"jwt.unconfigured"`) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if signer.Issuer() != "" {
				t.Error("it has an issuer")
			}
		})
	}
}
