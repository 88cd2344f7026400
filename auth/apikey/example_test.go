package apikey_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

func Example() {
	keys, err := apikey.New(apikey.Config{
		Prefix:  "acme",
		Issuer:  "https://api.example.com/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:   &apikey.MemoryStore{},
	})
	if err != nil {
		panic(err)
	}
	stack := bulwark.Must(bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{keys}}))
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println("hello,", caller.Tier, "caller")
	}))

	issued, err := keys.Issue(context.Background(), apikey.Grant{Name: "partner", Tier: "premium"})
	if err != nil {
		panic(err)
	}
	get := func(key string) {
		r := httptest.NewRequest("GET", "/documents", nil)
		r.Header.Set("Authorization", "ApiKey "+key)
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	get(issued.Key)

	// The partner has a day to switch to the new secret.
	rotated, err := keys.Rotate(context.Background(), issued.ID, 24*time.Hour)
	if err != nil {
		panic(err)
	}
	get(issued.Key)
	get(rotated.Key)
	// Output:
	// hello, premium caller
	// 200
	// hello, premium caller
	// 200
	// hello, premium caller
	// 200
}
