package jwt_test

import (
	"crypto/elliptic"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// RFC 9864 has given EdDSA on Ed25519 a second name. Whichever of the two stands
// in the Config, the key and the token: they fit each other.
func TestCaseAuth3TwoNamesOfOneAlgorithm(t *testing.T) {
	key := signers(t)["EdDSA"]
	names := []string{"", "EdDSA", "Ed25519"}
	for _, accepted := range names {
		for _, published := range names {
			for _, written := range names[1:] {
				t.Run(accepted+"-"+published+"-"+written, func(t *testing.T) {
					jwk := `{` + edMembers(key.Public()) + `,"kid":"1"`
					if published != "" {
						jwk += `,"alg":"` + published + `"`
					}
					c := configFor(jwt.StaticKeys(jwk + `}`))
					if accepted != "" {
						c.Algorithms = []string{accepted}
					}
					s := newService(t, c)
					s.accepts(tokenOf(`{"alg":"`+written+`","typ":"at+jwt","kid":"1"}`, goodClaims(), ed(t, key)))
					wantRefused(t, c, tokenOf(`{"alg":"`+written+`","typ":"at+jwt","kid":"1"}`, goodClaims(), ed(t, signers(t)["EdDSA"])), "signature")
				})
			}
		}
	}
	for _, written := range []string{"ed25519", "EDDSA", "Ed448", "Ed25519 "} {
		wantRefused(t, configFor(jwt.StaticKeys(key.Public())), tokenOf(`{"alg":"`+written+`","typ":"at+jwt"}`, goodClaims(), ed(t, key)), "algorithm")
	}
	ecOnly := configFor(jwt.StaticKeys(key.Public(), &newEC(t, elliptic.P256()).PublicKey))
	ecOnly.Algorithms = []string{"ES256"}
	wantRefused(t, ecOnly, tokenOf(`{"alg":"Ed25519","typ":"at+jwt"}`, goodClaims(), ed(t, key)), "algorithm")
}

// A Config that no token can ever meet is an error at New.
func TestCaseAuth13ConfigsThatNoTokenMeets(t *testing.T) {
	ecKey, edKey := newEC(t, elliptic.P256()), signers(t)["EdDSA"]
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: ecKey, Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	keys := func(keys jwt.KeySource, algorithms ...string) func(*jwt.Config) {
		return func(c *jwt.Config) { c.Keys, c.Algorithms = keys, algorithms }
	}
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   []string
	}{
		{"other-family", keys(jwt.StaticKeys(&ecKey.PublicKey), "RS256"), []string{"jwt.Algorithms"}},
		{"other-families", keys(jwt.StaticKeys(&ecKey.PublicKey), "RS256", "PS512", "EdDSA"), []string{"jwt.Algorithms"}},
		{"other-curve", keys(jwt.StaticKeys(&ecKey.PublicKey), "ES384"), []string{"jwt.Algorithms"}},
		{"of-a-signer", keys(signer.Keys(), "Ed25519"), []string{"jwt.Algorithms"}},
		{"secret-too-short", keys(jwt.SecretKeys(make([]byte, 32)), "HS512"), []string{"jwt.Algorithms"}},
		{"reserved-for-another", keys(jwt.StaticKeys(`{` + ecMembers(&ecKey.PublicKey) + `,"alg":"ES512"}`)), []string{"jwt.Algorithms"}},
		{"one-of-two-fits", keys(jwt.StaticKeys(&ecKey.PublicKey), "RS256", "ES256"), nil},
		{"one-key-of-two-fits", keys(jwt.StaticKeys(&ecKey.PublicKey, edKey.Public()), "Ed25519"), nil},
		{"secret-long-enough", keys(jwt.SecretKeys(make([]byte, 64)), "HS512"), nil},
		{"not-known-at-start", keys(jwt.RemoteKeys("https://issuer.example/keys", jwt.RemoteConfig{}), "RS256"), nil},
		{"another-issuer", func(c *jwt.Config) { c.Require = map[string]any{"iss": "https://other.example"} }, []string{"jwt.Require"}},
		{"never-a-text", func(c *jwt.Config) { c.Require = map[string]any{"exp": "1", "cnf": "x"} }, []string{"jwt.Require", "jwt.Require"}},
		{"the-issuer-itself", func(c *jwt.Config) { c.Require = map[string]any{"iss": issuerURL} }, nil},
		{"type-never-accepted", func(c *jwt.Config) { c.Types = []string{"at+jwt\n", "zażółć"} }, []string{"jwt.Types[0]", "jwt.Types[1]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configFor(jwt.StaticKeys(&ecKey.PublicKey))
			test.change(&c)
			verifier, err := jwt.New(c)
			if got := fieldsOf(err); !slices.Equal(got, test.want) || (verifier == nil) != (err != nil) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
			if len(test.want) == 1 && test.want[0] == "jwt.Algorithms" && !strings.Contains(err.Error(), "Keys") {
				t.Errorf("the error does not say what to change: %v", err)
			}
		})
	}
}
