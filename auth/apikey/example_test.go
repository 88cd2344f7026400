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

// The smallest service with API keys: issue a key, and accept it.
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
	stack := bulwark.Must(bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{keys}},
	))
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Fprintln(w, "hello,", caller.Tier, "caller")
	}))

	// In the handler of an administrator. The key is shown once.
	issued, err := keys.Issue(context.Background(), apikey.Grant{Name: "partner", Tier: "premium"})
	if err != nil {
		panic(err)
	}

	r := httptest.NewRequest("GET", "/documents", nil)
	r.Header.Set("Authorization", "ApiKey "+issued.Key)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	fmt.Print(w.Code, " ", w.Body)
	// Output:
	// 200 hello, premium caller
}

// Two products of one service have keys of their own. Each Keys value accepts
// its own keys, wherever a client sends them.
func Example_families() {
	family := func(prefix string) *apikey.Keys {
		return bulwark.Must(apikey.New(apikey.Config{
			Prefix:  prefix,
			Issuer:  "https://api.example.com/keys/" + prefix,
			Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
			Store:   &apikey.MemoryStore{},
			Header:  "X-Api-Key",
		}))
	}
	shop, mail := family("shop"), family("mail")
	stack := bulwark.Must(bulwark.Chain(
		auth.Config{Authenticators: []auth.Authenticator{shop, mail}},
	))
	api := stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, _ := bulwark.PrincipalFrom(r.Context())
		fmt.Println(caller.Issuer)
	}))

	for _, keys := range []*apikey.Keys{shop, mail} {
		issued := bulwark.Must(keys.Issue(context.Background(), apikey.Grant{Name: "partner"}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Api-Key", issued.Key)
		api.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// https://api.example.com/keys/shop
	// https://api.example.com/keys/mail
}

// A rotation gives the key a second secret. Both secrets work for a day, so that
// the partner can switch without an outage.
func Example_rotation() {
	keys := bulwark.Must(apikey.New(apikey.Config{
		Prefix:  "acme",
		Issuer:  "https://api.example.com/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:   &apikey.MemoryStore{},
	}))
	ctx := context.Background()
	first := bulwark.Must(keys.Issue(ctx, apikey.Grant{Name: "partner"}))
	second := bulwark.Must(keys.Rotate(ctx, first.ID, 24*time.Hour))
	for _, key := range []string{first.Key, second.Key} {
		_, err := keys.Verify(ctx, key)
		fmt.Println("accepted:", err == nil)
	}

	// After a leak, an overlap of zero ends the earlier secrets now.
	third := bulwark.Must(keys.Rotate(ctx, first.ID, 0))
	for _, key := range []string{first.Key, second.Key, third.Key} {
		_, err := keys.Verify(ctx, key)
		fmt.Println("accepted:", err == nil)
	}
	// Output:
	// accepted: true
	// accepted: true
	// accepted: false
	// accepted: false
	// accepted: true
}

// New reports all mistakes at once. Each message says what to write instead, and
// no message shows the pepper.
func Example_incorrect() {
	_, err := apikey.New(apikey.Config{
		Prefix:  "Acme-",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("password")}},
		Header:  "Authorization",
		MaxAge:  time.Second,
	})
	fmt.Println(err)
	// Output:
	// apikey.Prefix: Acme-: must be 1 to 16 lower-case letters and digits, a letter first, such as acme
	// apikey.Issuer: must be 1 to 256 bytes of printable ASCII, such as https://api.example.com/keys
	// apikey.Store: is nil; use &apikey.MemoryStore{} or a store that your processes share
	// apikey.Header: Authorization: must be the name of a header field without another meaning, such as X-Api-Key; a key in Authorization is read without this field
	// apikey.MaxAge: 1s: must be from 1m0s to 87600h0m0s; 0 chooses the default
	// apikey.Peppers[0].Key: must be 32 to 1024 random bytes, such as the output of openssl rand 32
}
