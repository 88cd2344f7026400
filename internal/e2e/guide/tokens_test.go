package guide

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// authenticated is our way to check a token.
func authenticated(publicKey *rsa.PublicKey, next http.Handler) (http.Handler, error) {
	tokens, err := jwt.New(jwt.Config{
		Issuer:            "your-api",
		Audience:          []string{"your-app"},
		Keys:              jwt.StaticKeys(publicKey),
		Algorithms:        []string{"RS256"},
		RolesClaims:       []string{"role"},
		InsecurePlainType: true, // jsonwebtoken writes the type "JWT", and RFC 9068 wants "at+jwt"
	})
	if err != nil {
		return nil, err
	}
	stack, err := bulwark.Chain(auth.Config{Authenticators: []auth.Authenticator{tokens}})
	if err != nil {
		return nil, err
	}
	return stack.Wrap(next), nil
}

// callerHandler answers with the subject of the caller, as the guide's route.
func callerHandler(w http.ResponseWriter, r *http.Request) {
	caller, _ := bulwark.PrincipalFrom(r.Context())
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"sub": caller.Subject})
}

// account is our way to read req.user, with the claim email.
func account(w http.ResponseWriter, r *http.Request) {
	user, ok := bulwark.PrincipalFrom(r.Context()) // req.user
	if !ok {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusUnauthorized, Code: "account.nobody"})
		return
	}
	email, _ := user.Claim("email") // req.user.email, of type any
	json.NewEncoder(w).Encode(map[string]any{"sub": user.Subject, "roles": user.Roles, "email": email})
}

func TestRequestUser(t *testing.T) {
	handler := bulwark.Must(authenticated(&signing().PublicKey, http.HandlerFunc(account)))
	got := call{"GET", "/account", "", bearer(token(t, nil, map[string]any{"email": "alice@example.com"}))}.of(t, serve(t, handler))
	if want := `{"email":"alice@example.com","roles":["user"],"sub":"alice"}` + "\n"; got.status != 200 || got.body != want {
		t.Errorf("%d %s, want %s", got.status, got.body, want)
	}
	// Without an auth layer there is no caller.
	w := httptest.NewRecorder()
	account(w, httptest.NewRequest("GET", "/account", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("without a caller: %d", w.Code)
	}
}

// token signs claims as jsonwebtoken does. A change of nil removes a claim.
func token(t *testing.T, head map[string]any, changes map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{"iss": "your-api", "aud": "your-app", "sub": "alice", "role": "user", "iat": now, "exp": now + 900}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	header := map[string]any{"alg": "RS256", "typ": "JWT"}
	maps.Copy(header, head)
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	switch header["alg"] {
	case "RS256":
		var err error
		if signature, err = rsa.SignPKCS1v15(rand.Reader, signing(), crypto.SHA256, sum[:]); err != nil {
			t.Fatal(err)
		}
	case "HS256": // with the public key as its secret
		mac := hmac.New(sha256.New, []byte(publicPEM()))
		mac.Write([]byte(signed))
		signature = mac.Sum(nil)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestTokens(t *testing.T) {
	their := theirs(t)
	handler, err := authenticated(&signing().PublicKey, http.HandlerFunc(callerHandler))
	if err != nil {
		t.Fatal(err)
	}
	our := serve(t, handler)
	for _, tt := range []struct {
		name     string
		header   map[string]string
		them, we int
	}{
		{"a good token", bearer(token(t, nil, nil)), 200, 200},
		{"no token", nil, 401, 401},
		{"another scheme", map[string]string{"Authorization": "Basic YTpi"}, 401, 401},
		{"not a token", bearer("made.up.token"), 401, 401},
		{"expired", bearer(token(t, nil, map[string]any{"exp": time.Now().Unix() - 3600})), 401, 401},
		{"another issuer", bearer(token(t, nil, map[string]any{"iss": "else"})), 401, 401},
		{"another audience", bearer(token(t, nil, map[string]any{"aud": "else"})), 401, 401},
		{"alg none", bearer(token(t, map[string]any{"alg": "none"}, nil)), 401, 401},
		{"HS256 with the public key", bearer(token(t, map[string]any{"alg": "HS256"}, nil)), 401, 401},
		{"a critical extension", bearer(token(t, map[string]any{"crit": []string{"x"}, "x": 1}, nil)), 200, 401},
		{"without exp", bearer(token(t, nil, map[string]any{"exp": nil})), 200, 401},
		{"without sub", bearer(token(t, nil, map[string]any{"sub": nil})), 200, 401},
		{"another word behind the token", map[string]string{"Authorization": "Bearer " + token(t, nil, nil) + " more"}, 200, 401},
	} {
		them, we := call{"GET", "/token", "", tt.header}.of(t, their), call{"GET", "/token", "", tt.header}.of(t, our)
		if them.status != tt.them || we.status != tt.we {
			t.Errorf("%s: theirs %d, ours %d, want %d and %d", tt.name, them.status, we.status, tt.them, tt.we)
		}
		if we.status == 200 && we.body != `{"sub":"alice"}`+"\n" {
			t.Errorf("%s: body %q", tt.name, we.body)
		}
		if we.status == 401 && we.header.Get("Www-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", tt.name)
		}
	}
}
