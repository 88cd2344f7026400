package auth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Tokens of one issuer, required for every request.
func Example() {
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://issuer.example",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.RemoteKeys("https://issuer.example/jwks.json", jwt.RemoteConfig{}),
	})
	if err != nil {
		panic(err)
	}
	layer, err := auth.New(auth.Config{
		Authenticators:   []auth.Authenticator{tokens},
		Realm:            "documents",
		ResourceMetadata: "https://api.example.com/.well-known/oauth-protected-resource",
	})
	if err != nil {
		panic(err)
	}
	handler := layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "hello,", caller.Subject)
	}))

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/documents", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer realm="documents", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"
}

// What CORS allows with credentials must be trusted by auth, too: CORS decides
// what a page may read, this decides what it may send in the user's name.
func ExampleNewCrossSite() {
	guard, err := auth.NewCrossSite([]string{"https://app.example.com"})
	if err != nil {
		panic(err)
	}
	for _, origin := range []string{"https://app.example.com", "https://evil.example"} {
		r := httptest.NewRequest(http.MethodPost, "/documents", nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", origin)
		fmt.Println(origin, guard.Check(r) == nil)
	}
	// Output:
	// https://app.example.com true
	// https://evil.example false
}
