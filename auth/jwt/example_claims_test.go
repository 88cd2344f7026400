package jwt_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Tenants, and roles from the groups of a directory. A Principal has no field for
// the tenant: handlers read the claim.
func ExampleConfig_map() {
	roles := map[string]string{"grp-7f3a": "editor", "grp-91c2": "reader"}
	signer := exampleSigner()
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     signer.Keys(),
		Map: func(p *bulwark.Principal, c auth.Claims) error {
			tenant, err := c.Text("org.tid")
			if err != nil {
				return err
			}
			if tenant == "" {
				return errors.New("there is no tenant")
			}
			p.Subject = tenant + "/" + p.Subject // unique within a tenant only
			groups, err := c.Texts("groups")
			for _, group := range groups {
				if role, ok := roles[group]; ok {
					p.Roles = append(p.Roles, role)
				}
			}
			return err
		},
	})
	if err != nil {
		panic(err)
	}
	try := func(claims map[string]any) {
		caller, err := tokens.Verify(context.Background(), exampleToken(signer, claims))
		if err != nil {
			fmt.Println(err)
			return
		}
		tenant, _ := caller.Claim("org") // the claim as the issuer has written it
		fmt.Println(caller.Subject, caller.Roles, tenant)
	}
	try(map[string]any{"org": map[string]any{"tid": "acme"}, "groups": []string{"grp-7f3a", "grp-0000"}})
	try(map[string]any{"groups": []string{"grp-7f3a"}})
	try(map[string]any{"org": map[string]any{"tid": 7}})
	// Output:
	// acme/alice [editor] map[tid:acme]
	// auth.invalid_token (claim): jwt.Config.Map has refused the token: there is no tenant
	// auth.invalid_token (claim): the claim "org.tid", which Map reads as a string, is of another type
}

// Entra ID: the sub differs from application to application, and the oid is the
// same everywhere. A claim that changes hands is refused at start.
func ExampleConfig_subjectClaim() {
	signer := exampleSigner()
	config := jwt.Config{
		Issuer:       "https://login.example.com",
		Audience:     []string{"https://api.example.com"},
		Keys:         signer.Keys(),
		SubjectClaim: "email",
	}
	_, err := jwt.New(config)
	fmt.Println(err)

	config.SubjectClaim = "oid"
	tokens, err := jwt.New(config)
	if err != nil {
		panic(err)
	}
	caller, err := tokens.Verify(context.Background(), exampleToken(signer, map[string]any{"oid": "7f3a91c2", "email": "alice@example.com"}))
	fmt.Println(caller.Subject, err)
	_, err = tokens.Verify(context.Background(), exampleToken(signer, nil))
	fmt.Println(err)
	// Output:
	// jwt(https://login.example.com).SubjectClaim: email: changes hands: the next holder of the same value would be the same caller; name a claim with an id that the issuer never uses again, such as sub or oid, or set InsecureSubjectClaim
	// 7f3a91c2 <nil>
	// auth.invalid_token (malformed): the claim that jwt.Config.SubjectClaim names is missing; jwt.Config.ClientClaim can name the claim to use in its place
}

// Claims of any type can be required.
func ExampleConfig_require() {
	signer := exampleSigner()
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     signer.Keys(),
		Require: map[string]any{
			"email_verified": true,
			"ver":            2,
			"groups":         []string{"staff", "documents"}, // both, beside others
		},
	})
	if err != nil {
		panic(err)
	}
	for _, groups := range [][]string{{"documents", "staff", "tea"}, {"staff"}} {
		_, err := tokens.Verify(context.Background(), exampleToken(signer, map[string]any{"email_verified": true, "ver": 2, "groups": groups}))
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// auth.invalid_token (claim): the claim groups has another value, and jwt.Config.Require wants "staff", "documents"
}

// A service that acts for itself has no sub at some issuers. Its subject is then
// "client:" and the id of the client, which no person can have.
func ExampleConfig_clientClaim() {
	signer := exampleSigner()
	tokens, err := jwt.New(jwt.Config{
		Issuer:      "https://login.example.com",
		Audience:    []string{"https://api.example.com"},
		Keys:        signer.Keys(),
		ClientClaim: "client_id",
	})
	if err != nil {
		panic(err)
	}
	for _, claims := range []map[string]any{
		{"sub": nil, "client_id": "reports"},
		{"sub": "alice", "client_id": "reports"},
		{"sub": "client:reports"}, // somebody wants to pass for the client
	} {
		caller, err := tokens.Verify(context.Background(), exampleToken(signer, claims))
		if err != nil {
			fmt.Println("refused")
			continue
		}
		fmt.Println(caller.Subject)
	}
	// Output:
	// client:reports
	// alice
	// refused
}

// Keys that something else, such as Kubernetes, puts into a file. When the file is
// replaced, an operator need not wait for the next reading.
func ExampleKeyFile() {
	folder, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "jwks.json")
	replace := func(text string) { // in one step: no reader sees half of it
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			panic(err)
		}
	}
	before, after := exampleSigner(), exampleSigner()
	replace(exampleKeys(before))

	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://login.example.com",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.KeyFile(path, jwt.RemoteConfig{}),
	})
	if err != nil {
		panic(err)
	}
	defer tokens.Shutdown(context.Background())
	try := func(signer *jwt.Signer) {
		_, err := tokens.Verify(context.Background(), exampleToken(signer, nil))
		fmt.Println(err == nil)
	}
	try(before)
	replace(exampleKeys(after))
	if err := tokens.Refresh(context.Background()); err != nil {
		panic(err)
	}
	try(before)
	try(after)
	// Output:
	// true
	// false
	// true
}

func exampleSigner() *jwt.Signer {
	key := bulwark.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: "https://login.example.com"}))
}

func exampleKeys(signer *jwt.Signer) string {
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Body.String()
}

func exampleToken(signer *jwt.Signer, claims map[string]any) string {
	all := map[string]any{"sub": "alice", "aud": "https://api.example.com", "exp": time.Now().Add(15 * time.Minute).Unix()}
	for name, value := range claims {
		all[name] = value
	}
	return bulwark.Must(signer.Sign("at+jwt", all))
}
