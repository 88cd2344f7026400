package bench

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// keyTable measures an API key from the store in memory.
func keyTable() Table {
	const (
		name = "bulwark apikey, store in memory"
		hash = "one HMAC-SHA-256 of the same length"
	)
	return Table{
		Name: "Authentication: API key",
		Cases: []Case{plain(name, "", func() (func(), error) {
			keys, err := apikey.New(apikey.Config{Prefix: "acme", Issuer: "https://api.example.com/keys",
				Peppers: []apikey.Pepper{newPepper()}, Store: &apikey.MemoryStore{}})
			if err != nil {
				return nil, err
			}
			issued, err := keys.Issue(context.Background(), apikey.Grant{Name: "bench", Roles: []string{"user"}, ExpiresAt: time.Now().Add(time.Hour)})
			if err != nil {
				return nil, err
			}
			r := &http.Request{Method: "GET", Header: http.Header{"Authorization": {"ApiKey " + issued.Key}}, RemoteAddr: "192.0.2.10:51234"}
			if _, err := keys.Authenticate(r); err != nil {
				return nil, errors.Join(errors.New("the key is refused"), err)
			}
			return func() {
				if keys.Detect(r) == auth.None {
					panic("the key is not seen")
				}
				keys.Authenticate(r)
			}, nil
		}), plain(hash, "", func() (func(), error) {
			pepper, text := newPepper(), []byte("acme_live:0123456789abcdef:"+strings.Repeat("x", 43))
			return func() {
				mac := hmac.New(sha256.New, pepper.Key)
				mac.Write(text)
				mac.Sum(nil)
			}, nil
		})},
		Musts: []Must{
			ratio("≤ 4× one HMAC-SHA-256", name, hash, 4),
			allocs("≤ 2 allocations", name, "", 2),
		},
	}
}

func newPepper() apikey.Pepper {
	return apikey.Pepper{Version: 1, Key: []byte(rand.Text() + rand.Text())}
}
