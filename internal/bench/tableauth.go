package bench

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/go-chi/jwtauth/v5"
)

// tokenTable measures a bearer token that RS256 signs.
func tokenTable() Table {
	const verify, cold, warm = "crypto/rsa VerifyPKCS1v15 and SHA-256 alone", "bulwark auth and jwt, cold", "bulwark auth and jwt, warm"
	load := Workloads()[0]
	ours := func(cache int) func() (http.Handler, error) {
		return func() (http.Handler, error) {
			c := verifierConfig()
			c.CacheSize = cache
			tokens, err := jwt.New(c)
			if err != nil {
				return nil, err
			}
			return wrapped(auth.Config{Authenticators: []auth.Authenticator{tokens}})
		}
	}
	return Table{
		Name: "Authentication: RS256, whole middleware", Ours: warm,
		Note: "Net of a handler without layers. Cold verifies the signature each time, as the peers do; warm finds the verified token in its cache.",
		Cases: []Case{
			bare(),
			plain(verify, "", verifyAlone),
			handled(cold, bareName, ours(-1), load),
			handled(warm, bareName, ours(0), load),
			handled("jwtauth", bareName, func() (http.Handler, error) {
				tokens := newJWTAuth()
				return jwtauth.Verifier(tokens)(jwtauth.Authenticator(tokens)(nothing)), nil
			}, load),
			handled("auth0/go-jwt-middleware", bareName, func() (http.Handler, error) {
				tokens, err := newAuth0()
				if err != nil {
					return nil, err
				}
				return tokens.CheckJWT(nothing), nil
			}, load),
		},
		Musts: []Must{
			ratio("cold: ≤ 1.3× the verification alone", cold, verify, 1.3),
			allocs("cold: ≤ 30 allocations", cold, "", 30),
			ratio("warm: ≤ 0.1× the verification alone", warm, verify, 0.1),
			allocs("warm: ≤ 3 allocations", warm, "", 3),
		},
	}
}

// wrapped is a single layer around a handler that does nothing.
func wrapped(part bulwark.Builder) (http.Handler, error) {
	layer, err := part.Build()
	if err != nil {
		return nil, err
	}
	return layer.Wrap(nothing), nil
}

// verifyAlone is the least that any verification of the token does.
func verifyAlone() (func(), error) {
	at := strings.LastIndexByte(Token(), '.')
	input, key := []byte(Token()[:at]), &signingKey().PublicKey
	signature, err := base64.RawURLEncoding.DecodeString(Token()[at+1:])
	if err != nil {
		return nil, err
	}
	return func() {
		sum := sha256.Sum256(input)
		if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) != nil {
			panic("the signature is bad")
		}
	}, nil
}

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
