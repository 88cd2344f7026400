package conformance_test

import (
	"crypto"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
	gojose "github.com/go-jose/go-jose/v4"
	gojosejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
)

// accessToken are the claims of the tokens (RFC 9068 section 2.2), and caller
// whom they name.
var (
	accessToken = map[string]any{
		"iss": issuer, "aud": []string{"https://other.example", audience}, "sub": "alice", "client_id": "web", "jti": "t-1", "sid": "s-1",
		"exp": 4102444800, "iat": 1700000000, "nbf": 1700000000, "auth_time": 1699999000, "acr": "urn:mfa",
		"roles": []string{"editor", "reader"}, "scope": "documents:read documents:write", "note": "é \" </script> \u2028",
	}
	caller = bulwark.Principal{
		Subject: "alice", Issuer: issuer, Method: "jwt", TokenID: "t-1", SessionID: "s-1", ACR: "urn:mfa",
		ExpiresAt: time.Unix(4102444800, 0), IssuedAt: time.Unix(1700000000, 0), AuthTime: time.Unix(1699999000, 0),
		Roles: []string{"editor", "reader"}, Scopes: []string{"documents:read", "documents:write"},
	}
)

// peers make the same token, each in its own way. Without a typ it has the one
// that the library sets by itself: "JWT" and none.
var peers = []struct {
	name string
	sign func(t testing.TB, algorithm, typ string) string
}{
	{"golang-jwt", func(t testing.TB, algorithm, typ string) string {
		token := golangjwt.NewWithClaims(golangjwt.GetSigningMethod(algorithm), golangjwt.MapClaims(accessToken))
		token.Header["kid"] = algorithm
		if typ != "" {
			token.Header["typ"] = typ
		}
		signed, err := token.SignedString(signingKeys()[algorithm])
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}},
	{"go-jose", func(t testing.TB, algorithm, typ string) string {
		options := (&gojose.SignerOptions{}).WithHeader("kid", algorithm)
		if typ != "" {
			options = options.WithType(gojose.ContentType(typ))
		}
		signer, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(algorithm), Key: signingKeys()[algorithm]}, options)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := gojosejwt.Signed(signer).Claims(accessToken).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}},
}

// What the peers sign is accepted and names the caller. With any one byte of the
// signature changed it is refused for the signature; as the libraries leave the
// typ, for that.
func TestTokensOfPeers(t *testing.T) {
	public, secret := verifierOf(t, publicKeys(t)), verifierOf(t, secretKeys(t))
	for _, peer := range peers {
		for _, algorithm := range algorithms {
			t.Run(peer.name+"/"+algorithm, func(t *testing.T) {
				verifier, other := public, secret
				if isSecret(algorithm) {
					verifier, other = secret, public
				}
				token := peer.sign(t, algorithm, "at+jwt")
				got, err := verifier.Verify(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				wantCaller(t, got)
				_, err = other.Verify(t.Context(), token)
				wantInvalid(t, err, "algorithm")
				_, err = verifier.Verify(t.Context(), peer.sign(t, algorithm, ""))
				wantInvalid(t, err, "type")
				for at := range signatureOf(t, token) {
					bad := flipped(t, token, at)
					got, err := verifier.Verify(t.Context(), bad)
					if got != nil {
						t.Fatalf("accepted with byte %d of the signature changed", at)
					}
					wantInvalid(t, err, "signature")
				}
			})
		}
	}
}

func wantCaller(t *testing.T, got *bulwark.Principal) {
	t.Helper()
	without := *got
	without.Claims = nil
	if !reflect.DeepEqual(without, caller) {
		t.Errorf("caller %+v, want %+v", without, caller)
	}
	for name, want := range map[string]string{"client_id": "web", "note": "é \" </script> \u2028"} {
		if claim, ok := got.Claim(name); !ok || claim != want {
			t.Errorf("claim %s is %v, want %s", name, claim, want)
		}
	}
}

// What our signer signs is accepted by the peers, with the key that the signer
// serves, by its kid.
func TestTokensForPeers(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		t.Run(algorithm, func(t *testing.T) {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signingKeys()[algorithm].(crypto.Signer), Issuer: issuer})
			if err != nil {
				t.Fatal(err)
			}
			token, err := signer.Sign("at+jwt", accessToken)
			if err != nil {
				t.Fatal(err)
			}
			keys := served(t, signer)

			parsed, err := gojosejwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			var claims gojosejwt.Claims
			if err := parsed.Claims(keys, &claims); err != nil {
				t.Fatal(err)
			}
			expected := gojosejwt.Expected{Issuer: issuer, Subject: "alice", ID: "t-1", AnyAudience: gojosejwt.Audience{audience}, Time: time.Now()}
			if err := claims.Validate(expected); err != nil {
				t.Error(err)
			}
			if typ := parsed.Headers[0].ExtraHeaders["typ"]; typ != "at+jwt" {
				t.Errorf("typ %v", typ)
			}

			key := keys.Key(parsed.Headers[0].KeyID)
			if len(key) != 1 || key[0].Algorithm != algorithm {
				t.Fatalf("%d keys of the token's kid", len(key))
			}
			if err := byGolangJWT(token, algorithm, key[0].Key, &golangjwt.RegisteredClaims{}); err != nil {
				t.Error(err)
			}
			if err := byGolangJWT(flipped(t, token, 0), algorithm, key[0].Key, &golangjwt.RegisteredClaims{}); err == nil {
				t.Error("golang-jwt accepts a changed signature")
			}
		})
	}
}

// served returns the key set that the signer serves, as go-jose reads it.
func served(t *testing.T, signer *jwt.Signer) gojose.JSONWebKeySet {
	t.Helper()
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks.json", nil))
	var keys gojose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d, %v", w.Code, err)
	}
	return keys
}

// byGolangJWT verifies a token with golang-jwt, as strictly as its options go.
func byGolangJWT(token, algorithm string, key any, claims golangjwt.Claims) error {
	_, err := golangjwt.ParseWithClaims(token, claims, func(*golangjwt.Token) (any, error) { return key, nil },
		golangjwt.WithValidMethods([]string{algorithm}), golangjwt.WithIssuer(issuer), golangjwt.WithAudience(audience),
		golangjwt.WithExpirationRequired(), golangjwt.WithIssuedAt(), golangjwt.WithLeeway(time.Minute), golangjwt.WithStrictDecoding())
	return err
}

// byGoJose verifies a token with go-jose and decodes its claims.
func byGoJose(token, algorithm string, key, claims any) error {
	parsed, err := gojosejwt.ParseSigned(token, []gojose.SignatureAlgorithm{gojose.SignatureAlgorithm(algorithm)})
	if err != nil {
		return err
	}
	return parsed.Claims(key, claims)
}
