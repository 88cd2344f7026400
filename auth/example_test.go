package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The smallest service: every request needs a token of one issuer. Handlers read
// the caller from the context.
func Example() {
	tokens, err := jwt.New(jwt.Config{
		Issuer:   "https://issuer.example",
		Audience: []string{"https://api.example.com"},
		Keys:     jwt.RemoteKeys("https://issuer.example/jwks.json", jwt.RemoteConfig{}),
	})
	if err != nil {
		panic(err)
	}
	stack, err := bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{tokens}},
	)
	if err != nil {
		panic(err)
	}
	defer stack.Shutdown(context.Background())

	mux := http.NewServeMux()
	mux.HandleFunc("GET /documents", func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "hello,", caller.Subject)
	})

	w := httptest.NewRecorder()
	stack.Wrap(mux).ServeHTTP(w, httptest.NewRequest("GET", "/documents", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer
}

// New reports all mistakes at once. Each message says what to write instead.
func Example_incorrect() {
	var tokens *jwt.Verifier // nil, because the error of jwt.New was not checked
	_, err := auth.New(auth.Config{
		Authenticators:   []auth.Authenticator{tokens},
		ResourceMetadata: "/.well-known/oauth-protected-resource",
		TrustedOrigins:   []string{"app.example.com", "https://*.example.com", "HTTPS://app.example.com:443"},
	})
	fmt.Println(err)
	// Output:
	// auth.Authenticators[0]: is nil; check the error of its New
	// auth.ResourceMetadata: /.well-known/oauth-protected-resource: must be an absolute https URL, such as https://api.example.com/.well-known/oauth-protected-resource
	// auth.TrustedOrigins[0]: app.example.com: is not an origin; write scheme and host, such as https://app.example.com
	// auth.TrustedOrigins[1]: https://*.example.com: must be one origin without wildcards; list each origin
	// auth.TrustedOrigins[2]: HTTPS://app.example.com:443: must be written as browsers send it; write https://app.example.com
}

// The document tells clients which issuers the service accepts. Put its URL into
// Config.ResourceMetadata, so that each 401 shows the URL.
func ExampleMetadataHandler() {
	metadata, err := auth.MetadataHandler(auth.Metadata{
		Resource:             "https://api.example.com",
		AuthorizationServers: []string{"https://issuer.example"},
		Scopes:               []string{"documents:read"},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /.well-known/oauth-protected-resource", metadata)

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 {"resource":"https://api.example.com","authorization_servers":["https://issuer.example"],"scopes_supported":["documents:read"],"bearer_methods_supported":["header"]}
}

// An origin that CORS allows with credentials must also be trusted here. CORS
// decides what a page may read. CrossSite decides what the page may send with
// the user's cookie.
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
