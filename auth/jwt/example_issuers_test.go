package jwt_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Each customer of the service has an issuer of its own. The table of the
// customers says which issuers there are, and where their keys are.
func ExampleNewIssuers() {
	acme := customerIssuer("https://login.example.com/realms/acme")
	gone := customerIssuer("https://login.example.com/realms/gone")
	table := map[string]jwt.KeySource{acme.Issuer(): acme.Keys()} // in your service the database

	tokens, err := jwt.NewIssuers(jwt.IssuersConfig{
		Patterns: []string{"https://login.example.com/realms/*"},
		Find: func(_ context.Context, issuer string) (jwt.Config, error) {
			keys, ok := table[issuer]
			if !ok {
				return jwt.Config{}, auth.ErrNotFound // any other error is an outage: 503
			}
			return jwt.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}, Keys: keys}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		log.Fatal(err)
	}
	service := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println("hello,", caller.Subject, "of", caller.Issuer)
	}))
	for _, signer := range []*jwt.Signer{acme, gone} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", "Bearer "+customerToken(signer))
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// hello, alice of https://login.example.com/realms/acme
	// 200
	// 401
}

// One service for several tenants of Microsoft Entra ID: the keys are the same
// for all of them, and the tokens are not.
func ExampleNewIssuers_entra() {
	tokens, err := jwt.NewIssuers(jwt.IssuersConfig{
		Template: jwt.Config{
			Issuer:            "https://login.microsoftonline.com/{tenantid}/v2.0",
			Audience:          []string{"22222222-2222-2222-2222-222222222222"},
			Keys:              jwt.Discover("https://login.microsoftonline.com/{tenantid}/v2.0", jwt.RemoteConfig{}),
			InsecurePlainType: true,
		},
		Tenants: []string{"11111111-1111-1111-1111-111111111111"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tokens.Issuers())

	_, err = jwt.NewIssuers(jwt.IssuersConfig{Template: jwt.Config{
		Issuer:   "https://login.microsoftonline.com/{tenantid}/v2.0",
		Audience: []string{"22222222-2222-2222-2222-222222222222"},
		Keys:     jwt.Discover("https://login.microsoftonline.com/{tenantid}/v2.0", jwt.RemoteConfig{}),
	}})
	var wrong *bulwark.ConfigError
	fmt.Println(errors.As(err, &wrong), wrong.Field)
	// Output:
	// [https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0]
	// true jwt(issuers).Tenants
}

// customerIssuer is the issuer of a customer.
func customerIssuer(issuer string) *jwt.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuer})
	if err != nil {
		log.Fatal(err)
	}
	return signer
}

// customerToken is a token of the issuer.
func customerToken(signer *jwt.Signer) string {
	token, err := signer.Sign("at+jwt", map[string]any{"aud": "https://api.example.com", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		log.Fatal(err)
	}
	return token
}
