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

// All that is wrong with a configuration is said at once. An endpoint without
// credentials would tell anybody what a stolen token is good for.
func ExampleNew_incorrect() {
	_, err := introspection.New(introspection.Config{
		Endpoint: "http://issuer.example/introspect",
		Issuer:   "https://issuer.example",
	})
	fmt.Println(err)
	// Output:
	// introspection.Endpoint: http://issuer.example/introspect: must be https; who can listen on the way has every token
	// introspection.Client.Secret: must be set, or else exactly one of Certificate and Authorize: an endpoint that answers anybody tells thieves what their tokens are good for
	// introspection.Audience: is empty; name this service as the aud of its tokens does
}
