package introspection_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/introspection"
)

// A service that takes the opaque tokens of an authorization server.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.PostFormValue("token") != "2YotnFZFEjr1zCsicMWpAA" {
			fmt.Fprint(w, `{"active": false}`)
			return
		}
		fmt.Fprint(w, `{"active": true, "sub": "alice", "aud": "https://api.example.com", "scope": "documents.read", "exp": 4102444800}`)
	}))
	defer server.Close()

	tokens, err := introspection.New(introspection.Config{
		Endpoint: server.URL + "/introspect",
		Issuer:   "https://issuer.example",
		Audience: []string{"https://api.example.com"},
		Client:   introspection.Client{ID: "documents", Secret: "from your secrets"},
	})
	if err != nil {
		panic(err)
	}
	stack := bulwark.Must(bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{tokens}}))
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println(caller.Subject, caller.Scopes)
	}))

	for _, token := range []string{"2YotnFZFEjr1zCsicMWpAA", "guessed"} {
		r := httptest.NewRequest("GET", "/documents", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header()["Www-Authenticate"])
	}
	// Output:
	// alice [documents.read]
	// 200 []
	// 401 [Bearer error="invalid_token"]
}

// New reports all mistakes at once. An endpoint that does not ask for credentials
// would tell everybody what a stolen token is good for.
func ExampleNew_incorrect() {
	_, err := introspection.New(introspection.Config{
		Endpoint: "http://issuer.example/introspect",
		Issuer:   "https://issuer.example",
	})
	fmt.Println(err)
	// Output:
	// introspection(https://issuer.example).Endpoint: http://issuer.example/introspect: must be https; an attacker on the way could read every token
	// introspection(https://issuer.example).Client.Secret: must be set, or exactly one of Client.Certificate and Client.Authorize in its place: an endpoint must not tell everybody what a token is good for
	// introspection(https://issuer.example).Audience: is empty; write the aud of the tokens for this service, or set InsecureAnyAudience if the answers have no aud
}
