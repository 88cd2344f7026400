package apikey_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// Lookup asks for the account of an owner as it is now. The caller has the roles
// that both the key and the account have. A closed account ends its keys.
func Example_lookup() {
	accounts := map[string][]string{"alice": {"reader"}} // she was an editor once
	keys := bulwark.Must(apikey.New(apikey.Config{
		Prefix:  "acme",
		Issuer:  "https://api.example.com/keys",
		Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:   &apikey.MemoryStore{},
		Lookup: func(_ context.Context, owner *bulwark.Principal) (*bulwark.Principal, error) {
			roles, active := accounts[owner.Subject]
			if !active {
				return nil, nil
			}
			return &bulwark.Principal{Issuer: owner.Issuer, Subject: owner.Subject, Roles: roles}, nil
		},
	}))
	ctx := context.Background()
	for _, name := range []string{"alice", "mallory"} {
		owner := &bulwark.Principal{Issuer: "https://login.example.com", Subject: name}
		issued := bulwark.Must(keys.Issue(ctx, apikey.Grant{Owner: owner, Roles: []string{"editor", "reader"}}))
		caller, err := keys.Verify(ctx, issued.Key)
		if err != nil {
			fmt.Println(name, "is refused")
			continue
		}
		fmt.Println(caller.Subject, caller.Roles)
	}
	// Output:
	// alice [reader]
	// mallory is refused
}

// Legacy finds the keys that an older system gave out. It adopts a key at its
// first use, so that the store decides about the key from then on.
func Example_legacy() {
	table := map[[32]byte]string{sha256.Sum256([]byte("sk_51H8xQ2vKZ")): "partner"} // of SHA-256
	var keys *apikey.Keys
	keys = bulwark.Must(apikey.New(apikey.Config{
		Prefix:         "acme",
		Issuer:         "https://api.example.com/keys",
		Peppers:        []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
		Store:          &apikey.MemoryStore{},
		LegacyPrefixes: []string{"sk_"}, // also as Authorization: Bearer
		Legacy: func(ctx context.Context, presented string) (apikey.Grant, error) {
			hash := sha256.Sum256([]byte(presented))
			name, known := table[hash]
			if !known {
				return apikey.Grant{}, auth.ErrNotFound
			}
			grant := apikey.Grant{Name: name, Roles: []string{"reader"}}
			if _, err := keys.Adopt(ctx, presented, grant); err != nil {
				return apikey.Grant{}, err
			}
			delete(table, hash)
			return grant, nil
		},
	}))
	ctx := context.Background()
	for _, text := range []string{"sk_51H8xQ2vKZ", "sk_51H8xQ2vKZ", "sk_made_up"} {
		_, err := keys.Verify(ctx, text)
		fmt.Println("accepted:", err == nil, "left in the table:", len(table))
	}

	// An adopted key is a key like any other.
	all := bulwark.Must(keys.List(ctx, apikey.Filter{}))
	fmt.Println(all[0].Name, "was adopted:", all[0].Adopted)
	if err := keys.Revoke(ctx, all[0].ID); err != nil {
		panic(err)
	}
	_, err := keys.Verify(ctx, "sk_51H8xQ2vKZ")
	fmt.Println("accepted:", err == nil)
	// Output:
	// accepted: true left in the table: 0
	// accepted: true left in the table: 0
	// accepted: false left in the table: 0
	// partner was adopted: true
	// accepted: false
}

// A FileStore keeps the keys of one process in a file. The keys are there after
// a restart.
func ExampleOpenFile() {
	folder := bulwark.Must(os.MkdirTemp("", "keys"))
	defer os.RemoveAll(folder)
	open := func() (*apikey.Keys, *apikey.FileStore) {
		store := bulwark.Must(apikey.OpenFile(filepath.Join(folder, "keys.json"), 0))
		return bulwark.Must(apikey.New(apikey.Config{
			Prefix:  "acme",
			Issuer:  "https://api.example.com/keys",
			Peppers: []apikey.Pepper{{Version: 1, Key: []byte("32 random bytes from your secrets")}},
			Store:   store,
		})), store
	}
	ctx := context.Background()
	keys, store := open()
	issued := bulwark.Must(keys.Issue(ctx, apikey.Grant{Name: "partner"}))
	if err := store.Close(); err != nil {
		panic(err)
	}

	keys, store = open()
	defer store.Close()
	_, err := keys.Verify(ctx, issued.Key)
	fmt.Println("accepted after a restart:", err == nil)
	// Output:
	// accepted after a restart: true
}
