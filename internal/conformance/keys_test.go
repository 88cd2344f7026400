package conformance_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/jose"
	gojose "github.com/go-jose/go-jose/v4"
)

const (
	issuer   = "https://issuer.example"
	audience = "https://api.example.com"
)

// algorithms are all that can be configured.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"}

// signingKeys are keys of this process by algorithm, each the smallest that is
// accepted. The kid of each is the name of its algorithm.
var signingKeys = sync.OnceValue(func() map[string]any {
	keys := map[string]any{}
	shared, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"} {
		keys[algorithm] = shared
	}
	for algorithm, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if keys[algorithm], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			panic(err)
		}
	}
	if _, keys["EdDSA"], err = ed25519.GenerateKey(rand.Reader); err != nil {
		panic(err)
	}
	for algorithm, size := range map[string]int{"HS256": 32, "HS384": 48, "HS512": 64} {
		secret := make([]byte, size)
		rand.Read(secret)
		keys[algorithm] = secret
	}
	return keys
})

// verifyingKey is what a token by the algorithm is verified with.
func verifyingKey(algorithm string) any {
	if private, ok := signingKeys()[algorithm].(crypto.Signer); ok {
		return private.Public()
	}
	return signingKeys()[algorithm]
}

func isSecret(algorithm string) bool { return strings.HasPrefix(algorithm, "HS") }

// publicSet is the JWK Set of the public keys as go-jose writes it.
func publicSet(t testing.TB) string {
	t.Helper()
	var set gojose.JSONWebKeySet
	for _, algorithm := range algorithms {
		if !isSecret(algorithm) {
			set.Keys = append(set.Keys, gojose.JSONWebKey{Key: verifyingKey(algorithm), KeyID: algorithm, Algorithm: algorithm, Use: "sig"})
		}
	}
	return marshal(t, set)
}

func publicKeys(t testing.TB) jwt.KeySource { return jwt.StaticKeys(publicSet(t)) }

func secretKeys(t testing.TB) jwt.KeySource {
	var all [][]byte
	for _, algorithm := range algorithms {
		if isSecret(algorithm) {
			all = append(all, signingKeys()[algorithm].([]byte))
		}
	}
	return jwt.SecretKeys(all...)
}

// verifierOf returns a verifier that remembers no token: each is verified.
func verifierOf(t testing.TB, keys jwt.KeySource) *jwt.Verifier {
	t.Helper()
	verifier, err := jwt.New(jwt.Config{Issuer: issuer, Audience: []string{audience}, Keys: keys, MaxCached: -1})
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/documents", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func marshal(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A key set that go-jose writes is read to the same keys, by their thumbprints
// (RFC 7638), and one that we write is read to the same by go-jose. Coordinates
// that begin with a zero byte are among them: they must not be shortened (RFC
// 7518 section 6.2.1.2).
func TestKeySetsAndThumbprints(t *testing.T) {
	var set gojose.JSONWebKeySet
	for _, algorithm := range algorithms {
		if !isSecret(algorithm) {
			set.Keys = append(set.Keys, gojose.JSONWebKey{Key: verifyingKey(algorithm), KeyID: algorithm, Algorithm: algorithm, Use: "sig"})
		}
	}
	for i, kid := range []string{"zero-x", "zero-y"} {
		set.Keys = append(set.Keys, gojose.JSONWebKey{Key: keyWithZero(t, i), KeyID: kid})
	}
	keys, err := jose.ParseKeys([]byte(marshal(t, set)), 100)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != len(set.Keys) {
		t.Fatalf("%d keys of %d", len(keys), len(set.Keys))
	}
	for i, k := range keys {
		if k.ID != set.Keys[i].KeyID || k.Algorithm != set.Keys[i].Algorithm {
			t.Errorf("key %d is %s for %q, want %s for %q", i, k.ID, k.Algorithm, set.Keys[i].KeyID, set.Keys[i].Algorithm)
		}
		wantThumbprint(t, k, set.Keys[i])
	}

	text, err := jose.JWKS(keys)
	if err != nil {
		t.Fatal(err)
	}
	var again gojose.JSONWebKeySet
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if len(again.Keys) != len(keys) {
		t.Fatalf("%d keys of %d", len(again.Keys), len(keys))
	}
	for i, k := range again.Keys {
		if !k.Valid() || !k.IsPublic() || k.Use != "sig" || k.KeyID != keys[i].ID || k.Algorithm != keys[i].Algorithm {
			t.Errorf("key %d is read as %s for %q", i, k.KeyID, k.Algorithm)
		}
		wantThumbprint(t, keys[i], k)
	}
}

func wantThumbprint(t *testing.T, ours *jose.Key, theirs gojose.JSONWebKey) {
	t.Helper()
	want, err := theirs.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ours.Thumbprint[:], want) {
		t.Errorf("%s: thumbprint %x, go-jose has %x", ours.ID, ours.Thumbprint, want)
	}
}

// keyWithZero returns a key on P-256 whose x (0) or y (1) begins with a zero
// byte, as one in 256 does.
func keyWithZero(t *testing.T, coordinate int) *ecdsa.PublicKey {
	t.Helper()
	for range 100_000 {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if point[1+32*coordinate] == 0 {
			return &private.PublicKey
		}
	}
	t.Fatal("no such key found")
	return nil
}

// Private and secret keys as go-jose writes them are refused, whatever else is
// in the set.
func TestPrivateKeysOfGoJoseAreRefused(t *testing.T) {
	public := gojose.JSONWebKey{Key: verifyingKey("ES256"), KeyID: "public"}
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			private := gojose.JSONWebKey{Key: signingKeys()[algorithm], KeyID: algorithm, Algorithm: algorithm, Use: "sig"}
			set := gojose.JSONWebKeySet{Keys: []gojose.JSONWebKey{public, private}}
			for _, text := range []string{marshal(t, private), marshal(t, set)} {
				if keys, err := jose.ParseKeys([]byte(text), 100); keys != nil || err == nil || err.Error() != "the key set holds a secret or private key" {
					t.Errorf("%d keys, %v", len(keys), err)
				}
				if _, err := jwt.New(jwt.Config{Issuer: issuer, Audience: []string{audience}, Keys: jwt.StaticKeys(text)}); err == nil {
					t.Error("a verifier was made")
				}
			}
		})
	}
}
