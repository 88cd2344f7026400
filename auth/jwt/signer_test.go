package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

func decode(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSignAndVerify(t *testing.T) {
	for algorithm, key := range signers(t) {
		t.Run(algorithm, func(t *testing.T) {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuerURL})
			if err != nil {
				t.Fatal(err)
			}
			token, err := signer.Sign("at+jwt", map[string]any{"sub": "alice", "aud": authtest.Audience, "exp": 4102444800, "roles": []string{"user"}})
			if err != nil {
				t.Fatal(err)
			}
			var header map[string]string
			if err := json.Unmarshal(decode(t, strings.Split(token, ".")[0]), &header); err != nil {
				t.Fatal(err)
			}
			if header["alg"] != algorithm || header["typ"] != "at+jwt" || len(header["kid"]) != 43 || len(header) != 3 {
				t.Errorf("header %v", header)
			}
			// In the same process, and for others who fetch the keys.
			server := httptest.NewServer(signer.JWKSHandler())
			t.Cleanup(server.Close)
			for _, keys := range []jwt.KeySource{signer.Keys(), jwt.RemoteKeys(server.URL, jwt.RemoteConfig{})} {
				p, err := mustNew(t, configFor(keys)).Verify(t.Context(), token)
				if err != nil || p.Subject != "alice" || p.Issuer != signer.Issuer() || !p.HasRole("user") {
					t.Errorf("%+v, %v", p, err)
				}
			}
		})
	}
}

func TestSignerRotation(t *testing.T) {
	old, next := signers(t)["ES256"], signers(t)["ES256"]
	before, err := jwt.NewSigner(jwt.SignerConfig{Key: old, Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	after, err := jwt.NewSigner(jwt.SignerConfig{Key: next, Issuer: issuerURL, Retired: []crypto.PublicKey{old.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	verifier := mustNew(t, configFor(after.Keys()))
	for _, signer := range []*jwt.Signer{before, after} {
		token, err := signer.Sign("at+jwt", goodClaims())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["ES256"], Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, typ string
		claims    map[string]any
	}{
		{"no-type", "", map[string]any{"exp": 1}},
		{"no-exp", "at+jwt", map[string]any{"sub": "a"}},
		{"other-issuer", "at+jwt", map[string]any{"exp": 1, "iss": "https://other.example"}},
		{"not-json", "at+jwt", map[string]any{"exp": 1, "x": make(chan int)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if token, err := signer.Sign(test.typ, test.claims); err == nil || token != "" {
				t.Errorf("%q, %v", token, err)
			}
		})
	}
	claims := map[string]any{"exp": 1}
	if _, err := signer.Sign("at+jwt", claims); err != nil || len(claims) != 1 {
		t.Errorf("%v, and the caller's claims are %v", err, claims)
	}
}

// broken is a key, in a device say, that answers wrongly.
type broken struct {
	crypto.Signer
	answer []byte
	err    error
}

func (b broken) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return b.answer, b.err }

func TestSignerWithBrokenKey(t *testing.T) {
	key := signers(t)["ES256"]
	for name, b := range map[string]broken{
		"fails":     {key, nil, errors.New("device removed")},
		"not-asn1":  {key, []byte("signature"), nil},
		"too-large": {key, append([]byte{0x30, 0x26, 0x02, 0x21}, append(append([]byte{1}, make([]byte, 32)...), 2, 1, 1)...), nil},
	} {
		t.Run(name, func(t *testing.T) {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: b, Issuer: issuerURL})
			if err != nil {
				t.Fatal(err)
			}
			if token, err := signer.Sign("at+jwt", goodClaims()); err == nil {
				t.Errorf("signed %q", token)
			}
		})
	}
}

func TestSignerConfigErrors(t *testing.T) {
	good := signers(t)["ES256"]
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		config jwt.SignerConfig
		want   []string
	}{
		{"zero", jwt.SignerConfig{}, []string{"jwt(signer).Issuer", "jwt(signer).Key"}},
		{"curve", jwt.SignerConfig{Issuer: issuerURL, Key: p384}, []string{"jwt(signer).Key"}},
		{"weak", jwt.SignerConfig{Issuer: issuerURL, Key: p224}, []string{"jwt(signer).Key"}},
		{"kid", jwt.SignerConfig{Issuer: issuerURL, Key: good, KeyID: "\n"}, []string{"jwt(signer).KeyID"}},
		{"retired", jwt.SignerConfig{Issuer: issuerURL, Key: good, Retired: []crypto.PublicKey{nil, p384.Public()}}, []string{"jwt(signer).Retired[0]"}},
		{"retired-is-current", jwt.SignerConfig{Issuer: issuerURL, Key: good, Retired: []crypto.PublicKey{good.Public()}}, []string{"jwt(signer).Retired[0]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			signer, err := jwt.NewSigner(test.config)
			if got := fieldsOf(err); signer != nil || !slices.Equal(got, test.want) {
				t.Errorf("%v, errors for %q, want %q", signer, got, test.want)
			}
		})
	}
}

func TestJWKSHandler(t *testing.T) {
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["RS256"], Issuer: issuerURL, KeyID: "2026-01"})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method string
		status int
		body   bool
	}{
		{http.MethodGet, 200, true},
		{http.MethodHead, 200, false},
		{http.MethodPost, 405, true},
	} {
		t.Run(test.method, func(t *testing.T) {
			w := httptest.NewRecorder()
			signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(test.method, "/.well-known/jwks.json", nil))
			if w.Code != test.status || (w.Body.Len() > 0) != test.body {
				t.Errorf("%d, %d bytes", w.Code, w.Body.Len())
			}
			if test.status != 200 {
				if w.Header().Get("Allow") != "GET, HEAD" {
					t.Errorf("Allow %q", w.Header().Get("Allow"))
				}
				return
			}
			if got := w.Header().Get("Cache-Control"); got != "public, max-age=300" {
				t.Errorf("Cache-Control %q", got)
			}
		})
	}
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(w.Body.Bytes(), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	names := []string{}
	for name := range set.Keys[0] {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"alg", "e", "kid", "kty", "n", "use"}; !slices.Equal(names, want) || set.Keys[0]["kid"] != "2026-01" {
		t.Errorf("%v: only these of the key must be published: %v", names, want)
	}
}
