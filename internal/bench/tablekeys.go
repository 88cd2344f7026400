package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// keyTable measures an API key from the store in memory.
func keyTable() Table {
	const name = "bulwark apikey, store in memory"
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
		})},
		Musts: []Must{
			within("≤ 1.5 µs", name, 1500*time.Nanosecond),
			allocs("≤ 2 allocations", name, "", 2),
		},
	}
}

func newPepper() apikey.Pepper {
	return apikey.Pepper{Version: 1, Key: []byte(rand.Text() + rand.Text())}
}
