package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/race"
)

// signers makes a key of each kind that a Signer signs with.
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

// grants are claims beside those that every access token has.
func grants() authtest.Claims {
	return authtest.Claims{
		"scope": "documents.read documents.write", "realm_access": map[string]any{"roles": []string{"user", "moderator"}},
	}
}

// protected is a handler behind auth with one verifier, and a good request.
func protected(t testing.TB, key crypto.Signer, cacheSize int, claims authtest.Claims) (http.Handler, *http.Request) {
	t.Helper()
	issuer := authtest.NewIssuer(t)
	issuer.Publish(key)
	config := issuer.Config()
	config.MaxCached = cacheSize
	config.RolesClaims = []string{"realm_access.roles"}
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{mustNew(t, config)}})
	if err != nil {
		t.Fatal(err)
	}
	handler := layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := bearer(issuer.Token(claims))
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Fatalf("a good token got %d %s", w.Code, w.Body)
	}
	return handler, r
}

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	key := signers(t)["RS256"]
	for _, test := range []struct {
		name      string
		cacheSize int
		claims    authtest.Claims
		most      float64
	}{
		{"warm", 0, grants(), 3},
		{"cold", -1, nil, 30},
		{"cold-with-grants", -1, grants(), 30},
	} {
		t.Run(test.name, func(t *testing.T) {
			handler, r := protected(t, key, test.cacheSize, test.claims)
			w := httptest.NewRecorder()
			got := testing.AllocsPerRun(500, func() { handler.ServeHTTP(w, r) })
			t.Logf("%.0f allocations", got)
			if got > test.most {
				t.Errorf("%.0f allocations, at most %.0f wanted", got, test.most)
			}
		})
	}
}

func BenchmarkMiddleware(b *testing.B) {
	for name, key := range signers(b) {
		for _, mode := range []struct {
			name      string
			cacheSize int
		}{{"cold", -1}, {"warm", 0}} {
			b.Run(name+"/"+mode.name, func(b *testing.B) {
				handler, r := protected(b, key, mode.cacheSize, grants())
				w := httptest.NewRecorder()
				b.ReportAllocs()
				for b.Loop() {
					handler.ServeHTTP(w, r)
				}
			})
		}
	}
}

// BenchmarkStandardLibrary is the floor: the signature of as many bytes,
// checked by the standard library alone.
func BenchmarkStandardLibrary(b *testing.B) {
	input := make([]byte, 600)
	digest := sha256.Sum256(input)
	all := signers(b)
	for name, verify := range map[string]func(b *testing.B) func() bool{
		"RS256": func(b *testing.B) func() bool {
			key := all["RS256"].(*rsa.PrivateKey)
			signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
			if err != nil {
				b.Fatal(err)
			}
			return func() bool {
				digest := sha256.Sum256(input)
				return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) == nil
			}
		},
		"ES256": func(b *testing.B) func() bool {
			key := all["ES256"].(*ecdsa.PrivateKey)
			r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
			if err != nil {
				b.Fatal(err)
			}
			rb, sb := r.Bytes(), s.Bytes()
			return func() bool {
				digest := sha256.Sum256(input)
				return ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(rb), new(big.Int).SetBytes(sb))
			}
		},
		"EdDSA": func(b *testing.B) func() bool {
			key := all["EdDSA"].(ed25519.PrivateKey)
			public := key.Public().(ed25519.PublicKey)
			signature := ed25519.Sign(key, input)
			return func() bool { return ed25519.Verify(public, input, signature) }
		},
	} {
		b.Run(name, func(b *testing.B) {
			check := verify(b)
			b.ReportAllocs()
			for b.Loop() {
				if !check() {
					b.Fatal("the signature is refused")
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(b)["ES256"], Issuer: "https://issuer.example"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign("at+jwt", map[string]any{"sub": "alice", "exp": 4102444800}); err != nil {
			b.Fatal(err)
		}
	}
}
