package bench

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/validator"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/go-chi/jwtauth/v5"
	golangjwt "github.com/golang-jwt/jwt/v5"
	jwxjwt "github.com/lestrrat-go/jwx/v2/jwt"
)

// The names of the subjects in the tables of tokens.
const (
	tokenCold = "bulwark auth and jwt, cold"
	tokenWarm = "bulwark auth and jwt, warm"
	// tokenAsked asks for each request whether its token has been revoked.
	tokenAsked = "bulwark auth and jwt, warm, beside 1,000 revocations of each kind"
)

// A tokenLayer is one way to verify a bearer token. All check signature,
// issuer, audience and expiry, with a minute of skew, and hand on roles and
// scope.
type tokenLayer struct {
	name string
	wrap func(Algorithm) (wrapper, error)
}

func tokenLayers() []tokenLayer {
	return []tokenLayer{
		{tokenCold, ourTokens(-1, nil)},
		{tokenWarm, ourTokens(0, nil)},
		{tokenAsked, ourTokens(0, revocations())},
		{"jwtauth", jwtauthTokens},
		{"auth0/go-jwt-middleware", auth0Tokens},
		{"golang-jwt and keyfunc", golangTokens},
	}
}

// TokenSubjects returns all of them, in front of a handler.
func TokenSubjects(a Algorithm, next http.Handler) ([]Subject, error) {
	var all []Subject
	for _, layer := range tokenLayers() {
		wrap, err := layer.wrap(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", layer.name, err)
		}
		all = append(all, Subject{Name: layer.name, Serve: wrap(next), Close: func() {}})
	}
	return all, nil
}

// ourTokens is bulwark with a cache of verified tokens of the size, which is
// that of jwt.Config. The key has a kid, as in the set that an issuer serves.
func ourTokens(cache int, revoked auth.Revocations) func(Algorithm) (wrapper, error) {
	return func(a Algorithm) (wrapper, error) {
		tokens, err := jwt.New(jwt.Config{Issuer: issuer, Audience: []string{audience}, MaxCached: cache, Revocations: revoked,
			Keys: jwt.StaticKeys(a.keySet()), Algorithms: []string{string(a)}})
		if err != nil {
			return nil, err
		}
		layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{tokens}})
		if err != nil {
			return nil, err
		}
		return layer.Wrap, nil
	}
}

// revocations are of the issuer, and of nobody here.
func revocations() auth.Revocations {
	store := &auth.MemoryRevocations{}
	for i := range 1000 {
		name, now := strconv.Itoa(i), time.Now()
		for _, r := range []auth.Revocation{{TokenID: name}, {SessionID: name}, {Subject: name, IssuedUntil: now}} {
			r.Issuer, r.Expires = issuer, now.Add(24*time.Hour)
			if err := store.Revoke(context.Background(), r); err != nil {
				panic(err) // a mistake in this package
			}
		}
	}
	return store
}

// keySet is what the issuer serves.
func (a Algorithm) keySet() []byte {
	served := NewDriver(a.signer().JWKSHandler(), http.MethodGet, issuer, nil, "")
	defer served.Close()
	_, _, body := served.Answer()
	return body
}

// jwtauthTokens knows one key and no set.
func jwtauthTokens(a Algorithm) (wrapper, error) {
	tokens := jwtauth.New(string(a), nil, a.public(), jwxjwt.WithIssuer(issuer), jwxjwt.WithAudience(audience), jwxjwt.WithAcceptableSkew(time.Minute))
	return func(next http.Handler) http.Handler {
		return jwtauth.Verifier(tokens)(jwtauth.Authenticator(tokens)(next))
	}, nil
}

// grants are the claims that are not registered ones.
type grants struct {
	Roles []string `json:"roles"`
	Scope string   `json:"scope"`
}

// Validate has nothing to add.
func (*grants) Validate(context.Context) error { return nil }

// auth0Tokens is given its key, which is cheaper than a set.
func auth0Tokens(a Algorithm) (wrapper, error) {
	key := a.public()
	v, err := validator.New(
		validator.WithKeyFunc(func(context.Context) (any, error) { return key, nil }),
		validator.WithAlgorithm(validator.SignatureAlgorithm(a)),
		validator.WithIssuer(issuer),
		validator.WithAudience(audience),
		validator.WithAllowedClockSkew(time.Minute),
		validator.WithCustomClaims(func() *grants { return new(grants) }),
	)
	if err != nil {
		return nil, err
	}
	tokens, err := jwtmiddleware.New(jwtmiddleware.WithValidator(v))
	if err != nil {
		return nil, err
	}
	return tokens.CheckJWT, nil
}

// parsedToken is where the middleware around golang-jwt keeps the token.
type parsedToken struct{}

// golangTokens is the middleware that people write around golang-jwt and
// keyfunc. The parser is made once, which is cheaper than the jwt.Parse of the
// documentation; the claims are in a map as there, which takes less time than a
// struct, though more allocations.
func golangTokens(a Algorithm) (wrapper, error) {
	keys, err := keyfunc.NewJWKSetJSON(a.keySet())
	if err != nil {
		return nil, err
	}
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{string(a)}), golangjwt.WithIssuer(issuer), golangjwt.WithAudience(audience),
		golangjwt.WithExpirationRequired(), golangjwt.WithLeeway(time.Minute))
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
			token, err := parser.Parse(text, keys.Keyfunc)
			if !ok || err != nil {
				http.Error(w, "Unauthorized", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), parsedToken{}, token)))
		})
	}, nil
}

// SignatureAlone returns the least that any verification of the token does:
// what the standard library needs for the digest and the signature, in the form
// that it takes fastest.
func SignatureAlone(a Algorithm, token string) (verify func() bool, err error) {
	at := strings.LastIndexByte(token, '.')
	input := []byte(token[:at])
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	if err != nil {
		return nil, err
	}
	switch key := a.public().(type) {
	case *rsa.PublicKey:
		return func() bool {
			digest := sha256.Sum256(input)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
		}, nil
	case *ecdsa.PublicKey:
		// Verify takes two numbers and makes this of them.
		var point struct{ R, S *big.Int }
		point.R, point.S = new(big.Int).SetBytes(signature[:len(signature)/2]), new(big.Int).SetBytes(signature[len(signature)/2:])
		signature, err := asn1.Marshal(point)
		return func() bool {
			digest := sha256.Sum256(input)
			return ecdsa.VerifyASN1(key, digest[:], signature)
		}, err
	case ed25519.PublicKey:
		return func() bool { return ed25519.Verify(key, input, signature) }, nil
	}
	return nil, errors.New("there is no such key")
}
