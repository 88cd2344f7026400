package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"math/big"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

const issuerURL = "https://issuer.example"

func configFor(keys jwt.KeySource) jwt.Config {
	return jwt.Config{Issuer: issuerURL, Audience: []string{authtest.Audience}, Keys: keys}
}

// tokenOf builds a token of any header and payload around a signature.
func tokenOf(header string, claims map[string]any, sign func(input []byte) []byte) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

func goodClaims() map[string]any {
	return map[string]any{"iss": issuerURL, "aud": authtest.Audience, "sub": "alice", "exp": time.Now().Add(time.Minute).Unix()}
}

func TestEveryAlgorithm(t *testing.T) {
	rsaKey := signers(t)["RS256"].(*rsa.PrivateKey)
	digest := func(h crypto.Hash, input []byte) []byte {
		sum := h.New()
		sum.Write(input)
		return sum.Sum(nil)
	}
	pss := func(h crypto.Hash, salt int) func([]byte) []byte {
		return func(input []byte) []byte {
			s, err := rsa.SignPSS(rand.Reader, rsaKey, h, digest(h, input), &rsa.PSSOptions{SaltLength: salt})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	pkcs := func(h crypto.Hash) func([]byte) []byte {
		return func(input []byte) []byte {
			s, err := rsa.SignPKCS1v15(nil, rsaKey, h, digest(h, input))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	ec := func(key *ecdsa.PrivateKey, h crypto.Hash, size int) func([]byte) []byte {
		return func(input []byte) []byte {
			r, s, err := ecdsa.Sign(rand.Reader, key, digest(h, input))
			if err != nil {
				t.Fatal(err)
			}
			return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		}
	}
	ecKey := func(curve elliptic.Curve) *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	p256, p384, p521, foreign := ecKey(elliptic.P256()), ecKey(elliptic.P384()), ecKey(elliptic.P521()), ecKey(elliptic.P384())
	secret := make([]byte, 64)
	rand.Read(secret)
	mac := func(h func() hash.Hash, secret []byte) func([]byte) []byte {
		return func(input []byte) []byte {
			m := hmac.New(h, secret)
			m.Write(input)
			return m.Sum(nil)
		}
	}
	edKey := signers(t)["EdDSA"]
	for _, test := range []struct {
		name, alg string
		keys      jwt.KeySource
		sign      func([]byte) []byte
		reason    string // empty where it is good
	}{
		{"rs256", "RS256", jwt.StaticKeys(&rsaKey.PublicKey), pkcs(crypto.SHA256), ""},
		{"rs384", "RS384", jwt.StaticKeys(&rsaKey.PublicKey), pkcs(crypto.SHA384), ""},
		{"rs512", "RS512", jwt.StaticKeys(&rsaKey.PublicKey), pkcs(crypto.SHA512), ""},
		{"ps256", "PS256", jwt.StaticKeys(&rsaKey.PublicKey), pss(crypto.SHA256, 32), ""},
		{"ps384", "PS384", jwt.StaticKeys(&rsaKey.PublicKey), pss(crypto.SHA384, 48), ""},
		{"ps512", "PS512", jwt.StaticKeys(&rsaKey.PublicKey), pss(crypto.SHA512, 64), ""},
		{"ps256-short-salt", "PS256", jwt.StaticKeys(&rsaKey.PublicKey), pss(crypto.SHA256, 20), "signature"},
		{"ps256-as-rs256", "RS256", jwt.StaticKeys(&rsaKey.PublicKey), pss(crypto.SHA256, 32), "signature"},
		{"rs256-as-rs512", "RS512", jwt.StaticKeys(&rsaKey.PublicKey), pkcs(crypto.SHA256), "signature"},
		{"es256", "ES256", jwt.StaticKeys(&p256.PublicKey), ec(p256, crypto.SHA256, 32), ""},
		{"es384", "ES384", jwt.StaticKeys(&p384.PublicKey), ec(p384, crypto.SHA384, 48), ""},
		{"es512", "ES512", jwt.StaticKeys(&p521.PublicKey), ec(p521, crypto.SHA512, 66), ""},
		{"es256-with-p384", "ES256", jwt.StaticKeys(&p384.PublicKey), ec(p384, crypto.SHA256, 48), "unknown_key"},
		{"es384-other-key", "ES384", jwt.StaticKeys(&p384.PublicKey), ec(foreign, crypto.SHA384, 48), "signature"},
		{"es256-in-asn1", "ES256", jwt.StaticKeys(&p256.PublicKey), func(input []byte) []byte {
			s, err := ecdsa.SignASN1(rand.Reader, p256, digest(crypto.SHA256, input))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, "signature"},
		{"es256-longer-numbers", "ES256", jwt.StaticKeys(&p256.PublicKey), ec(p256, crypto.SHA256, 33), "signature"},
		{"eddsa", "EdDSA", jwt.StaticKeys(edKey.Public()), func(input []byte) []byte {
			s, err := edKey.Sign(nil, input, crypto.Hash(0))
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, ""},
		{"hs256", "HS256", jwt.SecretKeys(secret), mac(sha256.New, secret), ""},
		{"hs384", "HS384", jwt.SecretKeys(secret), mac(sha512.New384, secret), ""},
		{"hs512", "HS512", jwt.SecretKeys(secret), mac(sha512.New, secret), ""},
		{"hs512-short-secret", "HS512", jwt.SecretKeys(secret[:32]), mac(sha512.New, secret[:32]), "unknown_key"},
		{"hs256-other-secret", "HS256", jwt.SecretKeys(secret[:32]), mac(sha256.New, secret[32:]), "signature"},
		{"rs256-with-secret", "RS256", jwt.SecretKeys(secret), pkcs(crypto.SHA256), "algorithm"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier := mustNew(t, configFor(test.keys))
			p, err := verifier.Verify(t.Context(), tokenOf(`{"alg":"`+test.alg+`","typ":"at+jwt"}`, goodClaims(), test.sign))
			if test.reason == "" && (err != nil || p.Subject != "alice") {
				t.Errorf("%v, %v", p, err)
			}
			if test.reason != "" && reason(err) != test.reason {
				t.Errorf("%v, want %s", err, test.reason)
			}
		})
	}
}

// There is one spelling of a token: whatever is changed in one refuses it.
func TestAnyChangeOfATokenRefusesIt(t *testing.T) {
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuerURL})
			if err != nil {
				t.Fatal(err)
			}
			claims := goodClaims()
			token, err := signer.Sign("at+jwt", claims)
			if err != nil {
				t.Fatal(err)
			}
			verifier := mustNew(t, configFor(signer.Keys()))
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
			refused := func(what string, changed string) {
				t.Helper()
				if p, err := verifier.Verify(t.Context(), changed); p != nil || err == nil || strings.Contains(err.Error(), "unconfigured") {
					t.Errorf("%s: %v, %v", what, p, err)
				}
			}
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			for i := range len(token) {
				for bit := range 8 {
					changed := []byte(token)
					changed[i] ^= 1 << bit
					refused("flipped", string(changed))
				}
				other := alphabet[(strings.IndexByte(alphabet, token[i])+1)%len(alphabet)]
				refused("replaced", token[:i]+string(other)+token[i+1:])
				for _, extra := range []string{"=", "A", ".", "\n", "\r", " ", "\x00", "%3D", "é"} {
					refused("inserted "+extra, token[:i]+extra+token[i:])
				}
				refused("removed", token[:i]+token[i+1:])
				refused("cut", token[:i])
			}
			for _, tail := range []string{"=", "==", "\n", " ", "A", ".", ".e30"} {
				refused("appended "+tail, token+tail)
				refused("prepended "+tail, tail+token)
			}
			segments := strings.Split(token, ".")
			for i, segment := range segments {
				raw, err := base64.RawURLEncoding.DecodeString(segment)
				if err != nil {
					t.Fatal(err)
				}
				for _, encoding := range []*base64.Encoding{base64.URLEncoding, base64.StdEncoding, base64.RawStdEncoding} {
					changed := append([]string(nil), segments...)
					if changed[i] = encoding.EncodeToString(raw); changed[i] != segment {
						refused("encoded anew", strings.Join(changed, "."))
					}
				}
			}
		})
	}
}

func TestPrincipal(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	exp, iat := now.Add(time.Minute), now.Add(-time.Minute)
	for _, test := range []struct {
		name   string
		config jwt.Config
		claims authtest.Claims
		want   bulwark.Principal
	}{
		{"least", jwt.Config{}, authtest.Claims{"iat": nil, "jti": nil}, bulwark.Principal{}},
		{"all", jwt.Config{TierClaim: "tier"}, authtest.Claims{
			"jti": "t1", "sid": "s1", "acr": "2", "auth_time": iat.Unix(), "iat": iat.Unix(), "scope": "a  b", "roles": []string{"user", "admin"}, "tier": "premium",
		}, bulwark.Principal{TokenID: "t1", SessionID: "s1", ACR: "2", AuthTime: iat, IssuedAt: iat,
			Scopes: []string{"a", "b"}, Roles: []string{"user", "admin"}, Tier: "premium"}},
		{"one-role", jwt.Config{}, authtest.Claims{"roles": "user"}, bulwark.Principal{Roles: []string{"user"}}},
		{"role-path", jwt.Config{RolesClaims: []string{"realm_access.roles"}}, authtest.Claims{"realm_access": map[string]any{"roles": []string{"user"}}, "roles": []string{"other"}},
			bulwark.Principal{Roles: []string{"user"}}},
		{"role-url", jwt.Config{RolesClaims: []string{"https://example.com/roles"}}, authtest.Claims{"https://example.com/roles": []string{"user"}},
			bulwark.Principal{Roles: []string{"user"}}},
		{"role-path-to-nowhere", jwt.Config{RolesClaims: []string{"a.b.c"}}, authtest.Claims{"a": "x"}, bulwark.Principal{}},
		{"tier-not-asked-for", jwt.Config{}, authtest.Claims{"tier": "enterprise"}, bulwark.Principal{}},
		{"scp-list", jwt.Config{}, authtest.Claims{"scp": []string{"a", "b"}}, bulwark.Principal{Scopes: []string{"a", "b"}}},
		{"scp-string", jwt.Config{}, authtest.Claims{"scp": "a b"}, bulwark.Principal{Scopes: []string{"a", "b"}}},
		{"scope-before-scp", jwt.Config{}, authtest.Claims{"scope": "a", "scp": "b"}, bulwark.Principal{Scopes: []string{"a"}}},
		{"audience-among-others", jwt.Config{}, authtest.Claims{"aud": []string{"x", authtest.Audience}}, bulwark.Principal{}},
		{"method", jwt.Config{Method: "session"}, nil, bulwark.Principal{Method: "session"}},
		{"fractions", jwt.Config{}, authtest.Claims{"iat": json.Number("1700000000.5")}, bulwark.Principal{IssuedAt: time.Unix(1700000000, 5e8)}},
		{"exponent", jwt.Config{}, authtest.Claims{"iat": json.Number("1.7e9")}, bulwark.Principal{IssuedAt: time.Unix(1700000000, 0)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuer := authtest.NewIssuer(t)
			test.config.Issuer, test.config.Audience, test.config.Keys = issuer.URL(), []string{"other", authtest.Audience}, issuer.Keys()
			claims := authtest.Claims{"exp": exp.Unix(), "iat": nil, "jti": nil}
			for name, value := range test.claims {
				claims[name] = value
			}
			got, err := mustNew(t, test.config).Verify(t.Context(), issuer.Token(claims))
			if err != nil {
				t.Fatal(err)
			}
			want := test.want
			want.Subject, want.Issuer, want.ExpiresAt = "alice", issuer.URL(), exp
			if want.Method == "" {
				want.Method = "jwt"
			}
			plain := *got
			plain.Claims = nil
			if !reflect.DeepEqual(plain, want) {
				t.Errorf("got  %+v\nwant %+v", plain, want)
			}
		})
	}
}

func TestClaims(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	p, err := mustNew(t, config).Verify(t.Context(), issuer.Token(authtest.Claims{"email": "a@example.com", "groups": []string{"x"}, "n": 7}))
	if err != nil {
		t.Fatal(err)
	}
	if email, ok := p.Claim("email"); !ok || email != "a@example.com" {
		t.Errorf("%v %t", email, ok)
	}
	if n, ok := p.Claim("n"); !ok || n != json.Number("7") {
		t.Errorf("%v %t", n, ok)
	}
	if v, ok := p.Claim("absent"); ok || v != nil {
		t.Errorf("%v %t", v, ok)
	}
	groups, _ := p.Claim("groups")
	groups.([]any)[0] = "root"
	if again, _ := p.Claim("groups"); again.([]any)[0] != "x" {
		t.Error("a claim that was handed out is shared")
	}
}

func TestTimes(t *testing.T) {
	for _, test := range []struct {
		name   string
		config jwt.Config
		claims authtest.Claims // times in seconds from now
		reason string
	}{
		{"within-skew", jwt.Config{}, authtest.Claims{"exp": -59}, ""},
		{"beyond-skew", jwt.Config{}, authtest.Claims{"exp": -60}, "expired"},
		{"no-skew", jwt.Config{Skew: -1}, authtest.Claims{"exp": 0}, "expired"},
		{"no-skew-good", jwt.Config{Skew: -1}, authtest.Claims{"exp": 1}, ""},
		{"nbf-within-skew", jwt.Config{}, authtest.Claims{"nbf": 60}, ""},
		{"nbf-beyond-skew", jwt.Config{}, authtest.Claims{"nbf": 61}, "not_yet_valid"},
		{"iat-beyond-skew", jwt.Config{}, authtest.Claims{"iat": 61}, "not_yet_valid"},
		{"lifetime", jwt.Config{MaxLifetime: time.Hour}, authtest.Claims{"iat": 0, "exp": 3600}, ""},
		{"lifetime-too-long", jwt.Config{MaxLifetime: time.Hour}, authtest.Claims{"iat": 0, "exp": 3601}, "lifetime"},
		{"lifetime-unknown", jwt.Config{MaxLifetime: time.Hour}, authtest.Claims{"iat": nil}, "lifetime"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				test.config.Issuer, test.config.Audience = issuer.URL(), []string{authtest.Audience}
				test.config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
				claims := authtest.Claims{}
				for name, value := range test.claims {
					claims[name] = value
					if seconds, ok := value.(int); ok {
						claims[name] = time.Now().Add(time.Duration(seconds) * time.Second).Unix()
					}
				}
				_, err := mustNew(t, test.config).Verify(t.Context(), issuer.Token(claims))
				if test.reason == "" && err != nil || test.reason != "" && reason(err) != test.reason {
					t.Errorf("%v, want %q", err, test.reason)
				}
			})
		})
	}
}

func TestTypes(t *testing.T) {
	for _, test := range []struct {
		name   string
		config jwt.Config
		typ    string
		good   bool
	}{
		{"access-token", jwt.Config{}, "at+jwt", true},
		{"media-type", jwt.Config{}, "application/at+jwt", true},
		{"upper-case", jwt.Config{}, "Application/AT+JWT", true},
		{"other-media-type", jwt.Config{}, "text/at+jwt", false},
		{"plain", jwt.Config{}, "JWT", false},
		{"none", jwt.Config{}, "", false},
		{"plain-allowed", jwt.Config{InsecurePlainType: true}, "JWT", true},
		{"none-allowed", jwt.Config{InsecurePlainType: true}, "", true},
		{"access-token-too", jwt.Config{InsecurePlainType: true}, "at+jwt", true},
		{"other-in-spite", jwt.Config{InsecurePlainType: true}, "logout+jwt", false},
		{"own", jwt.Config{Types: []string{"Session+JWT"}}, "session+jwt", true},
		{"own-instead", jwt.Config{Types: []string{"session+jwt"}}, "at+jwt", false},
		{"long", jwt.Config{}, strings.Repeat("a", 77), false},
		{"kelvin", jwt.Config{Types: []string{"k+jwt"}}, "\u212a+jwt", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuer := authtest.NewIssuer(t)
			test.config.Issuer, test.config.Audience, test.config.Keys = issuer.URL(), []string{authtest.Audience}, issuer.Keys()
			_, err := mustNew(t, test.config).Verify(t.Context(), issuer.TokenOfType(test.typ, nil))
			if test.good && err != nil || !test.good && reason(err) != "type" {
				t.Errorf("%v, want good %t", err, test.good)
			}
		})
	}
}

func TestCache(t *testing.T) {
	inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
		config := issuer.Config()
		config.Keys = jwt.RemoteKeys(issuer.KeysURL(), jwt.RemoteConfig{Transport: issuer.Transport()})
		verifier := mustNew(t, config)
		verify := func(token string) (*bulwark.Principal, error) { return verifier.Verify(t.Context(), token) }
		token := issuer.Token(authtest.Claims{"exp": time.Now().Add(90 * time.Second).Unix()})
		first, err := verify(token)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Second)
		if again, err := verify(token); err != nil || again != first {
			t.Errorf("%p %v, want the same principal %p", again, err, first)
		}
		time.Sleep(time.Second)
		second, err := verify(token)
		if err != nil || second == first {
			t.Errorf("%v: after a minute the token was not verified again", err)
		}
		time.Sleep(29 * time.Second)
		if again, err := verify(token); err != nil || again != second {
			t.Errorf("%p %v", again, err)
		}
		time.Sleep(time.Second) // the exp itself; the skew is for clocks, not for the cache
		if again, err := verify(token); err != nil || again == second {
			t.Errorf("%p %v: the cache has served an expired token", again, err)
		}
		time.Sleep(time.Minute)
		if _, err := verify(token); reason(err) != "expired" {
			t.Errorf("%v, want expired", err)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	for _, test := range []struct {
		name    string
		size    int
		claims  authtest.Claims
		tokens  int
		atMost  int
		atLeast int
	}{
		{"none", -1, nil, 20, 0, 0},
		{"one", 1, nil, 20, 1, 1},
		{"few", 20, nil, 100, 20, 5},
		{"many", 1000, nil, 400, 400, 400},
		{"large-tokens", 32, authtest.Claims{"x": strings.Repeat("x", 1000)}, 100, 20, 5},
		{"many-scopes", 320, authtest.Claims{"scope": strings.Repeat("a ", 400)}, 100, 40, 5},
		{"larger-than-its-share", 1, authtest.Claims{"x": strings.Repeat("x", 2000)}, 3, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			issuer, config := issuerAndConfig(t)
			config.MaxCached = test.size
			verifier := mustNew(t, config)
			tokens := make([]string, test.tokens)
			seen := make([]*bulwark.Principal, test.tokens)
			for i := range tokens {
				tokens[i] = issuer.Token(test.claims)
				var err error
				if seen[i], err = verifier.Verify(t.Context(), tokens[i]); err != nil {
					t.Fatal(err)
				}
			}
			kept := 0
			for i := len(tokens) - 1; i >= 0; i-- { // the youngest first, so that looking evicts nothing that counts
				if p, err := verifier.Verify(t.Context(), tokens[i]); err != nil {
					t.Fatal(err)
				} else if p == seen[i] {
					kept++
				}
			}
			if kept > test.atMost || kept < test.atLeast {
				t.Errorf("%d of %d are remembered, want %d to %d", kept, test.tokens, test.atLeast, test.atMost)
			}
		})
	}
}

// Headers are remembered, some of them; a token is good with any.
func TestManyHeaders(t *testing.T) {
	key := signers(t)["EdDSA"]
	config := configFor(jwt.StaticKeys(key.Public()))
	config.MaxCached = -1
	verifier := mustNew(t, config)
	for i := range 200 {
		token := tokenOf(fmt.Sprintf(`{"alg":"EdDSA","typ":"at+jwt","kid":"%d"}`, i), goodClaims(), func(input []byte) []byte {
			signature, err := key.Sign(nil, input, crypto.Hash(0))
			if err != nil {
				t.Fatal(err)
			}
			return signature
		})
		for range 2 {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.MaxCached = 8
	verifier := mustNew(t, config)
	tokens := make([]string, 32)
	for i := range tokens {
		tokens[i] = issuer.Token(nil)
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range tokens {
				if _, err := verifier.Verify(t.Context(), tokens[(i*(n+1))%len(tokens)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestZeroVerifier(t *testing.T) {
	var verifier jwt.Verifier
	if _, err := verifier.Verify(t.Context(), "a.b.c"); err == nil {
		t.Error("a zero Verifier verifies")
	}
	if err := verifier.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := verifier.Detect(bearer("e30.eyJpc3MiOiIifQ.e30")); got != 0 {
		t.Errorf("a zero Verifier claims tokens: %v", got)
	}
}

func TestAuthenticateWithoutToken(t *testing.T) {
	_, config := issuerAndConfig(t)
	r := bearer("x")
	r.Header.Del("Authorization")
	if _, err := mustNew(t, config).Authenticate(r); reason(err) != "malformed" {
		t.Error(err)
	}
}

func TestNamelessKeys(t *testing.T) {
	signer := signers(t)["ES256"].(*ecdsa.PrivateKey)
	sign := func(input []byte) []byte {
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, signer, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	others := func(n int) []any {
		keys := []any{&signer.PublicKey}
		for range n {
			keys = append(keys, signers(t)["ES256"].Public())
		}
		return keys
	}
	w := httptest.NewRecorder()
	other, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["ES256"], Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	other.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for _, test := range []struct {
		name, header string
		keys         []any
		reason       string
	}{
		{"no-kid", `{"alg":"ES256","typ":"at+jwt"}`, others(0), ""},
		{"any-kid", `{"alg":"ES256","typ":"at+jwt","kid":"whatever"}`, others(0), ""},
		{"among-four", `{"alg":"ES256","typ":"at+jwt"}`, others(3), ""},
		{"among-too-many", `{"alg":"ES256","typ":"at+jwt"}`, append(others(3), w.Body.String()), "unknown_key"},
		{"any-kid-among-too-many", `{"alg":"ES256","typ":"at+jwt","kid":"whatever"}`, append(others(3), w.Body.String()), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := mustNew(t, configFor(jwt.StaticKeys(test.keys...))).Verify(t.Context(), tokenOf(test.header, goodClaims(), sign))
			if test.reason == "" && err != nil || test.reason != "" && reason(err) != test.reason {
				t.Errorf("%v, want %q", err, test.reason)
			}
		})
	}
}

func TestSignatureMalleability(t *testing.T) {
	// The second signature that ECDSA has for the same bytes (s and n−s) is as
	// good as the first: it changes nothing of what is said.
	key := signers(t)["ES256"].(*ecdsa.PrivateKey)
	token := tokenOf(`{"alg":"ES256","typ":"at+jwt"}`, goodClaims(), func(input []byte) []byte {
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		s = new(big.Int).Sub(key.Curve.Params().N, s)
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	})
	if _, err := mustNew(t, configFor(jwt.StaticKeys(&key.PublicKey))).Verify(t.Context(), token); err != nil {
		t.Error(err)
	}
}

func TestSharedKeySource(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	other := config
	other.Types = []string{"session+jwt"}
	access, session := mustNew(t, config), mustNew(t, other)
	if _, err := access.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
	if _, err := session.Verify(t.Context(), issuer.TokenOfType("session+jwt", nil)); err != nil {
		t.Error(err)
	}
	for _, err := range []error{second(access.Verify(t.Context(), issuer.TokenOfType("session+jwt", nil))), second(session.Verify(t.Context(), issuer.Token(nil)))} {
		if reason(err) != "type" {
			t.Errorf("%v, want type: one kind of token in the place of the other", err)
		}
	}
	if n := issuer.Fetches(); n != 1 {
		t.Errorf("%d fetches for two verifiers of one source", n)
	}
}

func second(_ *bulwark.Principal, err error) error { return err }

func TestGoodTokenOverHTTP(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	s := newService(t, config)
	if p := s.accepts(issuer.Token(authtest.Claims{"sub": "bob"})); p.Subject != "bob" {
		t.Errorf("%+v", p)
	}
	if w := s.send(issuer.Token(nil)); w.Code != http.StatusNoContent || w.Header().Get("Www-Authenticate") != "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if events := s.recorder.Events(); len(events) != 0 {
		t.Errorf("events %v", events)
	}
}

func FuzzVerify(f *testing.F) {
	issuer := authtest.NewIssuer(f)
	for _, attack := range issuer.Attacks() {
		f.Add(attack.Token)
	}
	good := issuer.Token(authtest.Claims{"exp": time.Now().Add(time.Hour).Unix()})
	f.Add(good)
	verifier := mustNew(f, issuer.Config())
	f.Fuzz(func(t *testing.T, token string) {
		p, err := verifier.Verify(t.Context(), token)
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if p != nil && token != good {
			t.Fatalf("a token that nobody signed: %q", token)
		}
	})
}
