package recipes

import (
	"crypto/rsa"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// issueToken makes the token of one login with github.com/golang-jwt/jwt/v5.
func issueToken(key *rsa.PrivateKey, subject, role string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss":  "https://login.example.com",
		"aud":  "https://api.example.com",
		"sub":  subject,
		"role": role,
		"iat":  now.Unix(),
		"exp":  now.Add(15 * time.Minute).Unix(),
	})
	return token.SignedString(key)
}

// issueAccessToken is issueToken with the type of an access token (RFC 9068).
func issueAccessToken(key *rsa.PrivateKey, subject, role string) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
		"iss":  "https://login.example.com",
		"aud":  "https://api.example.com",
		"sub":  subject,
		"role": role,
		"iat":  now.Unix(),
		"exp":  now.Add(15 * time.Minute).Unix(),
	})
	token.Header["typ"] = "at+jwt"
	return token.SignedString(key)
}

// aToken is a token of golang-jwt with the given differences: nil takes a
// claim or a header field away.
func aToken(method jwt.SigningMethod, key any, header, claims map[string]any) string {
	now := time.Now()
	all := jwt.MapClaims{
		"iss": "https://login.example.com", "aud": "https://api.example.com", "sub": "alice", "role": "editor",
		"iat": now.Unix(), "exp": now.Add(15 * time.Minute).Unix(),
	}
	changeClaims(all, claims)
	token := jwt.NewWithClaims(method, all)
	changeClaims(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

func changeClaims(all, changes map[string]any) {
	for name, value := range changes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
}

// theMethodNone and its key make the token that no verifier may accept.
var theMethodNone, theKeyNone = jwt.SigningMethodNone, any(jwt.UnsafeAllowNoneSignatureType)
