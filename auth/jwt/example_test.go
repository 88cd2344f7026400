package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// A service that signs its own tokens, and verifies them.
func ExampleSigner() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://api.example.com"})
	if err != nil {
		panic(err)
	}
	token, err := signer.Sign("at+jwt", map[string]any{
		"sub": "alice",
		"aud": "https://api.example.com",
		"iat": time.Now().Unix(),
		"exp": time.Now().Add(15 * time.Minute).Unix(),
	})
	if err != nil {
		panic(err)
	}

	verifier, err := jwt.New(jwt.Config{
		Issuer:   "https://api.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     signer.Keys(),
	})
	if err != nil {
		panic(err)
	}
	caller, err := verifier.Verify(context.Background(), token)
	fmt.Println(caller.Subject, err)

	_, err = verifier.Verify(context.Background(), token+"=")
	fmt.Println(err)
	// Output:
	// alice <nil>
	// auth.invalid_token (malformed): a segment is not unpadded base64url
}

// All that is wrong with a configuration is said at once.
func ExampleNew_incorrect() {
	_, err := jwt.New(jwt.Config{
		Issuer:     "https://issuer.example",
		Keys:       jwt.RemoteKeys("http://issuer.example/jwks.json", jwt.RemoteConfig{}),
		Algorithms: []string{"RS256", "HS256"},
	})
	fmt.Println(err)
	// Output:
	// jwt.Audience: is empty; name this service as the aud of its tokens does
	// jwt.Keys.URL: http://issuer.example/jwks.json: must be https; who can change the keys on their way can be anybody
	// jwt.Algorithms[1]: HS256: needs SecretKeys and is never accepted beside public keys
}
