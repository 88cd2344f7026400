package authtest_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// A test of a whole service with real tokens, good and bad.
func ExampleNewIssuer() {
	t := newT() // in your test: func TestDocuments(t *testing.T)
	defer t.end()

	issuer := authtest.NewIssuer(t)
	tokens, err := jwt.New(issuer.Config()) // the Config of your service, with the keys of the issuer
	if err != nil {
		t.Fatal(err)
	}
	service := newDocuments(tokens)

	send := func(token string) int {
		r := httptest.NewRequest("GET", "/documents", nil)
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		return w.Code
	}
	fmt.Println("no token:", send(""))
	fmt.Println("good:", send(issuer.Token(authtest.Claims{"sub": "alice"})))
	fmt.Println("expired:", send(issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Hour).Unix()})))
	fmt.Println("for another service:", send(issuer.Token(authtest.Claims{"aud": "https://other.example.com"})))
	for _, attack := range issuer.Attacks() {
		if code := send(attack.Token); code == http.StatusOK {
			t.Errorf("%s: %d", attack.Name, code)
		}
	}
	// Output:
	// no token: 401
	// hello, alice
	// good: 200
	// expired: 401
	// for another service: 401
}

// A test of one handler, without tokens and without an authentication layer: the
// request already has its caller.
func ExampleAs() {
	r := httptest.NewRequest("GET", "/documents", nil)
	alice := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice"}

	documents.ServeHTTP(httptest.NewRecorder(), authtest.As(r, alice))
	documents.ServeHTTP(httptest.NewRecorder(), authtest.As(r, nil)) // nobody
	// Output:
	// hello, alice
	// hello, stranger
}

// documents is the handler of your service.
var documents = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	caller, known := bulwark.PrincipalFrom(r.Context())
	if !known {
		fmt.Println("hello, stranger")
		return
	}
	fmt.Println("hello,", caller.Subject)
})

// newDocuments is your service: its handler behind its layers.
func newDocuments(tokens *jwt.Verifier) http.Handler {
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		log.Fatal(err)
	}
	return stack.Wrap(documents)
}
