package authztest_test

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/authztest"
)

// A Profile has an e-mail address, which is for its owner and for admins.
type Profile struct {
	ID    string `json:"id" authz:"read=*"`
	Name  string `json:"name" authz:"read=*,write=own"`
	Email string `json:"email" authz:"read=own|admin,write=own"`
}

// newProfiles makes a service with the profile of alice.
func newProfiles(answer func(http.ResponseWriter, *http.Request, authz.Granted[*Profile])) *authz.Mux {
	policy := bulwark.Must(authz.NewPolicy(authz.PolicyConfig{
		Resources: map[string][]string{"profile": {"read"}},
		Roles: authz.Roles{
			"user":  {Grants: []string{"profile:read:all"}},
			"admin": {Grants: []string{"*"}},
		},
	}))
	if err := authz.Fields[Profile](policy); err != nil {
		panic(err)
	}
	profiles := authz.Resource[*Profile]{
		Name: "profile",
		Load: func(_ context.Context, r *http.Request) (*Profile, error) {
			return &Profile{r.PathValue("id"), "Alice", "alice@example.com"}, nil
		},
		Owner: func(p *Profile) (issuer, subject string) { return "https://accounts.example", p.ID },
	}
	mux := authz.NewMux(policy)
	authz.HandleObject(mux, "GET /profiles/{id}", profiles.Can("read"), answer)
	return mux
}

// walk has the callers, and the id of a profile.
var walk = authztest.Walk{
	Callers: map[string]*bulwark.Principal{
		"alice, owner":      {Issuer: "https://accounts.example", Subject: "alice", Roles: []string{"user"}},
		"mallory, stranger": {Issuer: "https://accounts.example", Subject: "mallory", Roles: []string{"user"}},
		"root, admin":       {Issuer: "https://accounts.example", Subject: "root", Roles: []string{"admin"}},
		"nobody":            nil,
	},
	Values: func(authz.Route) map[string]string { return map[string]string{"id": "alice"} },
}

// The file testdata/fields.golden has what each caller sees of a profile:
//
//	GET /profiles/{id} | alice, owner | 200 | email id name
//	GET /profiles/{id} | mallory, stranger | 200 | id name
//	GET /profiles/{id} | nobody | 401 | problem authz.unauthenticated
//	GET /profiles/{id} | root, admin | 200 | email id name
//
// Nothing fails here.
func ExampleFields() {
	var t printing // in a test: t *testing.T
	mux := newProfiles(func(w http.ResponseWriter, r *http.Request, profile authz.Granted[*Profile]) {
		authz.Write(w, r, profile)
	})
	authztest.Fields(t, mux, walk, "testdata/fields.golden")
	// Output:
}

// The handler writes the profile itself, so that everybody gets the e-mail
// address. The test names the callers and the fields.
func ExampleFields_incorrect() {
	var t printing // in a test: t *testing.T
	mux := newProfiles(func(w http.ResponseWriter, r *http.Request, profile authz.Granted[*Profile]) {
		json.NewEncoder(w).Encode(map[string]any{"profile": profile.Value(), "likes": 3})
	})
	authztest.Fields(t, mux, walk, "testdata/around.golden")
	// Output:
	// GET /profiles/{id} as alice, owner: the answer has profile.id profile.name profile.email of authztest_test.Profile, which authz.Write did not write; answer with authz.Write or authz.WriteList, or say in Walk.Known why the handler may write it
	// GET /profiles/{id} as mallory, stranger: the answer has profile.id profile.name profile.email of authztest_test.Profile, which authz.Write did not write; answer with authz.Write or authz.WriteList, or say in Walk.Known why the handler may write it
	// GET /profiles/{id} as root, admin: the answer has profile.id profile.name profile.email of authztest_test.Profile, which authz.Write did not write; answer with authz.Write or authz.WriteList, or say in Walk.Known why the handler may write it
}
