package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The smallest service: a handler that only callers with a good token reach.
func Example() {
	issuer, sign := exampleIssuer() // in your service "https://login.example.com"
	defer issuer.Close()

	tokens, err := jwt.New(jwt.Config{
		Issuer:   issuer.URL,
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.Discover(issuer.URL, jwt.RemoteConfig{}),
	})
	if err != nil {
		log.Fatal(err)
	}
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		log.Fatal(err)
	}
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println("hello,", caller.Subject)
	})
	service := stack.Wrap(hello)

	for _, token := range []string{sign("alice"), "made.up.token"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// hello, alice
	// 200
	// 401
}

// A token that jsonwebtoken or golang-jwt has made with a shared secret: typ is
// "JWT", there is no kid, and the role is in the claim "role".
func ExampleSecretKeys() {
	secret := []byte("32 random bytes from a secret store") // crypto/rand made them
	token := libraryToken(secret, map[string]any{
		"iss": "https://login.example.com", "aud": "documents", "sub": "alice", "role": "editor",
		"exp": time.Now().Add(time.Hour).Unix(),
	})

	verifier, err := jwt.New(jwt.Config{
		Issuer:            "https://login.example.com",
		Audience:          []string{"documents"},
		Keys:              jwt.SecretKeys(secret),
		InsecurePlainType: true, // the typ is "JWT", not "at+jwt"
		RolesClaims:       []string{"role"},
	})
	if err != nil {
		log.Fatal(err)
	}
	caller, err := verifier.Verify(context.Background(), token)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(caller.Subject, caller.Roles)
	// Output:
	// alice [editor]
}

// The error of a refused token says which field of the Config decides. A client
// never sees it: in a service it is the attribute "error" of the event in the log,
// beside the reason.
func ExampleVerifier_Verify_incorrect() {
	secret := []byte("32 random bytes from a secret store")
	token := libraryToken(secret, map[string]any{
		"iss": "https://login.example.com/", "aud": "documents", "sub": "alice",
		"exp": time.Now().Add(time.Hour).Unix(),
	})
	config := jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.SecretKeys(secret),
	}
	try := func() {
		_, err := bulwark.Must(jwt.New(config)).Verify(context.Background(), token)
		fmt.Println(err)
	}
	try()
	config.InsecurePlainType = true
	try()
	config.Issuer = "https://login.example.com/"
	try()
	config.Audience = []string{"documents"}
	try()
	// Output:
	// auth.invalid_token (type): the typ is "JWT", accepted is at+jwt; set jwt.Config.InsecurePlainType to accept this typ also
	// auth.invalid_token (issuer): the iss and jwt.Config.Issuer ("https://login.example.com") differ by the slash at the end; both must be equal to the letter
	// auth.invalid_token (audience): no aud is one of jwt.Config.Audience ("https://api.example.com")
	// <nil>
}

// libraryToken makes a token as most libraries do by default.
func libraryToken(secret []byte, claims map[string]any) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(bulwark.Must(json.Marshal(claims)))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

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

// New reports all mistakes at once, and says what to write instead.
func ExampleNew_incorrect() {
	_, err := jwt.New(jwt.Config{
		Issuer:     "https://issuer.example",
		Keys:       jwt.RemoteKeys("http://issuer.example/jwks.json", jwt.RemoteConfig{}),
		Algorithms: []string{"RS256", "HS256"},
	})
	fmt.Println(err)
	// Output:
	// jwt(https://issuer.example).Audience: is empty; write the aud of the tokens for this service
	// jwt(https://issuer.example).Keys.URL: http://issuer.example/jwks.json: must be https; an attacker on the way could put other keys in their place
	// jwt(https://issuer.example).Algorithms[1]: HS256: needs Keys of SecretKeys, and is never accepted beside public keys
}
