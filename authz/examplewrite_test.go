package authz_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// Each caller gets the fields that the tags let the caller read.
func ExampleWrite() {
	type User struct {
		ID    string `json:"id" authz:"read=*"`
		Name  string `json:"name" authz:"read=*,write=own|admin"`
		Email string `json:"email" authz:"read=own|admin,write=own"`
		Role  string `json:"role" authz:"read=admin,write=admin"`
		Hash  string `json:"hash" authz:"-"`
	}
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"user": {"read"}},
		Roles: authz.Roles{
			"member": {Grants: []string{"user:read:all"}},
			"admin":  {Inherits: []string{"member"}},
		},
	}))
	if err := authz.Fields[User](policy); err != nil {
		fmt.Println(err)
		return
	}
	users := authz.Resource[*User]{
		Name: "user",
		Load: func(_ context.Context, r *http.Request) (*User, error) {
			return &User{ID: "alice", Name: "Alice", Email: "alice@example.com", Role: "member", Hash: "$2a$10$"}, nil
		},
		Owner: func(u *User) (issuer, subject string) { return "https://accounts.example", u.ID },
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /users/{id}", users.Can("read"),
		func(w http.ResponseWriter, r *http.Request, u authz.Granted[*User]) {
			authz.Write(w, r, u)
		})

	for _, caller := range []*bulwark.Principal{
		{Issuer: "https://accounts.example", Subject: "alice", Roles: []string{"member"}},
		{Issuer: "https://accounts.example", Subject: "bob", Roles: []string{"member"}},
		{Issuer: "https://accounts.example", Subject: "root", Roles: []string{"admin"}},
	} {
		r := httptest.NewRequest("GET", "/users/alice", nil)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(r.Context(), caller)))
		fmt.Print(caller.Subject, " ", w.Body)
	}
	// Output:
	// alice {"id":"alice","name":"Alice","email":"alice@example.com"}
	// bob {"id":"alice","name":"Alice"}
	// root {"id":"alice","name":"Alice","email":"alice@example.com","role":"member"}
}

// A field that nobody has thought about is an error before the service starts.
func ExampleFields() {
	type Account struct {
		ID      string `json:"id" authz:"read=*"`
		Balance int    `json:"balance" authz:"read=own|auditor"`
		PIN     string `json:"-"`
	}
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"account": {"read"}},
		Roles: authz.Roles{
			"customer": {Grants: []string{"account:read:own"}},
			"auditor":  {Grants: []string{"account:read:all"}},
		},
	}))
	fmt.Println(authz.Fields[Account](policy))
	// A policy without the role would leave the tag without a meaning.
	fmt.Println(policy.Replace(authz.PolicyConfig{
		Resources: map[string][]string{"account": {"read"}},
		Roles:     authz.Roles{"customer": {Grants: []string{"account:read:own"}}},
	}))
	// Output:
	// <nil>
	// authz.Policy.Fields(authz_test.Account).Balance: read=own|auditor: names "auditor", which is neither a role nor a reach of the policy; there are: customer, own
}

// Tags that do not say who may read a field are refused, all at once.
func ExampleFields_incorrect() {
	type Card struct {
		Number string `json:"number" authz:"read=owner"`         // the reach is "own"
		Limit  int    `json:"limit" authz:"read=own, write=own"` // a space
		CVC    string `json:"cvc"`                               // no tag
	}
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"card": {"read"}},
		Roles:     authz.Roles{"customer": {Grants: []string{"card:read:own"}}},
	}))
	fmt.Println(authz.Fields[Card](policy))
	// Output:
	// authz.Fields(authz_test.Card).Number: read=owner: names "owner", which is neither a role nor a reach of the policy; there are: customer, own
	// authz.Fields(authz_test.Card).Limit: read=own, write=own: is not a tag of authz; write read=… and write=…, each at most once and separated by a comma, for example authz:"read=own|admin,write=own"
	// authz.Fields(authz_test.Card).CVC: has no authz tag, so that nothing says who may read and write it; write for example authz:"read=*,write=own", or authz:"-" for nobody
}
