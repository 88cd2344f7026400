package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// ecMembers and edMembers are the members of a public key, without braces.
func ecMembers(public *ecdsa.PublicKey) string {
	point, err := public.Bytes()
	if err != nil {
		panic(err)
	}
	half := 1 + (len(point)-1)/2
	return fmt.Sprintf(`"kty":"EC","crv":%q,"x":%q,"y":%q`, public.Params().Name, b64(point[1:half]), b64(point[half:]))
}

func edMembers(public crypto.PublicKey) string {
	return fmt.Sprintf(`"kty":"OKP","crv":"Ed25519","x":%q`, b64(public.(ed25519.PublicKey)))
}

func rsaMembers(public *rsa.PublicKey, e string) string {
	return fmt.Sprintf(`"kty":"RSA","n":%q,"e":%q`, b64(public.N.Bytes()), e)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func newEC(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// es256 signs as RFC 7518 section 3.4 says.
func es256(t testing.TB, key *ecdsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		digest := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

func ed(t testing.TB, key crypto.Signer) func([]byte) []byte {
	return func(input []byte) []byte {
		signature, err := key.Sign(rand.Reader, input, crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

// keySources are the ways in which a key set comes to a verifier.
func keySources(set string) map[string]jwt.KeySource {
	return map[string]jwt.KeySource{
		"static": jwt.StaticKeys(set),
		"remote": jwt.RemoteKeys("https://issuer.example/jwks.json", jwt.RemoteConfig{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return respond(200, strings.NewReader(set), nil)(r)
		})}),
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// eachSource runs f for a set from every source, inside a bubble.
func eachSource(t *testing.T, set string, f func(t *testing.T, keys jwt.KeySource)) {
	for name := range keySources(set) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, keySources(set)[name]) })
		})
	}
}

func wantVerified(t *testing.T, keys jwt.KeySource, token string) {
	t.Helper()
	s := newService(t, configFor(keys))
	if p := s.accepts(token); p.Subject != "alice" {
		t.Errorf("the caller is %q", p.Subject)
	}
}

// wantRefused asserts the whole refusal of a token.
func wantRefused(t *testing.T, c jwt.Config, token, reason string) bulwark.Event {
	t.Helper()
	s := newService(t, c)
	w := s.send(token)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"auth.invalid_token"`) || s.ran {
		t.Errorf("%d %s, ran %t; want 401 auth.invalid_token", w.Code, w.Body, s.ran)
	}
	if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, []string{`Bearer realm="api", error="invalid_token"`}) {
		t.Errorf("challenges %q", got)
	}
	events := s.recorder.Events()
	if len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != reason || events[0].Status != 401 {
		t.Fatalf("events %+v, want one with reason %s", events, reason)
	}
	return events[0]
}

// Beside a good key there may stand any strange one: the good key works, as it
// would alone.
func TestCaseAuth1StrangeKeysDoNotCostTheSet(t *testing.T) {
	key := newEC(t, elliptic.P256())
	other := newEC(t, elliptic.P256())
	edKey := signers(t)["EdDSA"]
	rsaKey := signers(t)["RS256"].(*rsa.PrivateKey)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := ecMembers(&key.PublicKey)
	token := tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"1"}`, goodClaims(), es256(t, key))
	off := `"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"`
	for name, strange := range map[string]string{
		"null":                  `null`,
		"number":                `7`,
		"text":                  `"key"`,
		"list":                  `[{}]`,
		"empty":                 `{}`,
		"set-in-a-set":          `{"keys":[{` + good + `}]}`,
		"same-key":              `{` + good + `,"kid":"1"}`,
		"same-key-other-kid":    `{` + good + `,"kid":"2"}`,
		"same-key-other-alg":    `{` + good + `,"kid":"1","alg":"ES384"}`,
		"same-key-with-alg":     `{` + good + `,"kid":"1","alg":"ES256"}`,
		"same-key-for-enc":      `{` + good + `,"kid":"1","use":"enc"}`,
		"same-kid-other-kty":    `{` + edMembers(edKey.Public()) + `,"kid":"1"}`,
		"same-kid-rsa":          `{` + rsaMembers(&rsaKey.PublicKey, "AQAB") + `,"kid":"1"}`,
		"same-kid-other-curve":  `{` + ecMembers(&newEC(t, elliptic.P384()).PublicKey) + `,"kid":"1"}`,
		"same-kid-same-kind":    `{` + ecMembers(&other.PublicKey) + `,"kid":"1"}`,
		"same-kid-other-alg":    `{` + ecMembers(&other.PublicKey) + `,"kid":"1","alg":"ES512"}`,
		"same-kid-for-enc":      `{` + ecMembers(&other.PublicKey) + `,"kid":"1","use":"enc"}`,
		"same-kid-for-deriving": `{` + ecMembers(&other.PublicKey) + `,"kid":"1","key_ops":["deriveKey"]}`,
		"kty-unknown":           `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA","kid":"1"}`,
		"kty-of-dsa":            `{"kty":"DSA","p":"AAAA","q":"AAAA","g":"AAAA","y":"AAAA"}`,
		"kty-missing":           `{"kid":"1"}`,
		"kty-empty":             `{"kty":"","kid":"1"}`,
		"kty-number":            `{"kty":7,"kid":"1"}`,
		"kty-twice":             `{"kty":"EC","kty":"RSA","kid":"1"}`,
		"oct-without-k":         `{"kty":"oct","kid":"1"}`,
		"oct-with-k-null":       `{"kty":"oct","k":null,"kid":"1"}`,
		"crv-unknown":           `{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA","kid":"1"}`,
		"crv-number":            `{"kty":"EC","crv":256,"x":"AAAA","y":"AAAA","kid":"1"}`,
		"crv-for-agreement":     `{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"1"}`,
		"off-the-curve":         `{` + off + `,"kid":"1"}`,
		"x-number":              `{"kty":"EC","crv":"P-256","x":1,"y":2,"kid":"1"}`,
		"x-empty":               `{"kty":"EC","crv":"P-256","x":"","y":"","kid":"1"}`,
		"x-not-base64":          `{"kty":"EC","crv":"P-256","x":"%%%","y":"%%%","kid":"1"}`,
		"x-twice":               `{` + good + `,"x":"AAAA","kid":"1"}`,
		"ed-short":              `{"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"1"}`,
		"rsa-small":             `{` + rsaMembers(&weak.PublicKey, "AQAB") + `,"kid":"1"}`,
		"rsa-e-small":           `{` + rsaMembers(&rsaKey.PublicKey, "Aw") + `,"kid":"1"}`,
		"rsa-e-huge":            `{` + rsaMembers(&rsaKey.PublicKey, b64(append([]byte{1}, make([]byte, 4096)...))) + `,"kid":"1"}`,
		"rsa-e-of-33-bits":      `{` + rsaMembers(&rsaKey.PublicKey, b64([]byte{1, 0, 0, 0, 1})) + `,"kid":"1"}`,
		"rsa-e-wraps-around":    `{` + rsaMembers(&rsaKey.PublicKey, b64(new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(65537)).Bytes())) + `,"kid":"1"}`,
		"rsa-e-zero":            `{` + rsaMembers(&rsaKey.PublicKey, "AA") + `,"kid":"1"}`,
		"rsa-n-number":          `{"kty":"RSA","n":7,"e":"AQAB","kid":"1"}`,
		"kid-number":            `{` + ecMembers(&other.PublicKey) + `,"kid":1}`,
		"kid-list":              `{` + ecMembers(&other.PublicKey) + `,"kid":["1"]}`,
		"kid-empty":             `{` + ecMembers(&other.PublicKey) + `,"kid":""}`,
		"kid-null":              `{` + ecMembers(&other.PublicKey) + `,"kid":null}`,
		"kid-long":              `{` + ecMembers(&other.PublicKey) + `,"kid":"` + strings.Repeat("k", 300) + `"}`,
		"alg-unknown":           `{` + ecMembers(&other.PublicKey) + `,"kid":"1","alg":"ES256K"}`,
		"alg-number":            `{` + ecMembers(&other.PublicKey) + `,"kid":"1","alg":256}`,
		"use-unknown":           `{` + ecMembers(&other.PublicKey) + `,"kid":"1","use":"tls"}`,
		"use-list":              `{` + ecMembers(&other.PublicKey) + `,"kid":"1","use":["sig"]}`,
		"key-ops-text":          `{` + ecMembers(&other.PublicKey) + `,"kid":"1","key_ops":"verify"}`,
		"key-ops-unknown":       `{` + ecMembers(&other.PublicKey) + `,"kid":"1","key_ops":["sing"]}`,
		"key-ops-numbers":       `{` + ecMembers(&other.PublicKey) + `,"kid":"1","key_ops":[1,2]}`,
		"x5c-garbage":           `{` + ecMembers(&other.PublicKey) + `,"kid":"1","x5c":["%%%",7]}`,
		"x5c-number":            `{` + ecMembers(&other.PublicKey) + `,"kid":"1","x5c":7}`,
		"x5t-garbage":           `{` + ecMembers(&other.PublicKey) + `,"kid":"1","x5t":7,"x5t#S256":[],"x5u":{}}`,
		"deep":                  `{"kty":"EC","x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `,"kid":"1"}`,
		"many-members":          `{` + manyNames(5000) + `"kid":"1"}`,
		"private-empty":         `{` + ecMembers(&other.PublicKey) + `,"kid":"1","d":""}`,
		"private-number":        `{` + ecMembers(&other.PublicKey) + `,"kid":"1","d":7}`,
		"not-utf-8":             "{\"kty\":\"\xff\",\"kid\":\"1\"}",
	} {
		for place, set := range map[string]string{
			"before": `{"keys":[` + strange + `,{` + good + `,"kid":"1"}]}`,
			"behind": `{"keys":[{` + good + `,"kid":"1"},` + strange + `]}`,
		} {
			t.Run(name+"/"+place, func(t *testing.T) {
				eachSource(t, set, func(t *testing.T, keys jwt.KeySource) { wantVerified(t, keys, token) })
			})
		}
	}
}

// Two kinds of keys may have one kid, as in the example of RFC 7517 section
// 4.5: each of them works.
func TestCaseAuth1KeysOfOneKid(t *testing.T) {
	ecKey, edKey := newEC(t, elliptic.P256()), signers(t)["EdDSA"]
	four := []*ecdsa.PrivateKey{ecKey, newEC(t, elliptic.P256()), newEC(t, elliptic.P256()), newEC(t, elliptic.P256()), newEC(t, elliptic.P256())}
	var all []string
	for _, key := range four {
		all = append(all, `{`+ecMembers(&key.PublicKey)+`,"kid":"1"}`)
	}
	all = append(all, all[0], `{`+edMembers(edKey.Public())+`,"kid":"1"}`)
	set := `{"keys":[` + strings.Join(all, ",") + `]}`
	token := func(alg string, sign func([]byte) []byte) string {
		return tokenOf(`{"alg":"`+alg+`","typ":"at+jwt","kid":"1"}`, goodClaims(), sign)
	}
	eachSource(t, set, func(t *testing.T, keys jwt.KeySource) {
		wantVerified(t, keys, token("EdDSA", ed(t, edKey)))
		for _, key := range four[:4] {
			wantVerified(t, keys, token("ES256", es256(t, key)))
		}
	})
	eachSource(t, set, func(t *testing.T, keys jwt.KeySource) {
		// A token is tried with four keys at most.
		wantRefused(t, configFor(keys), token("ES256", es256(t, four[4])), "signature")
	})
	eachSource(t, set, func(t *testing.T, keys jwt.KeySource) {
		wantRefused(t, configFor(keys), token("ES256", es256(t, newEC(t, elliptic.P256()))), "signature")
	})
	eachSource(t, set, func(t *testing.T, keys jwt.KeySource) {
		wantRefused(t, configFor(keys), token("RS256", ed(t, edKey)), "algorithm")
	})
}

// Null is not a value: a member that is null is one that is not there.
func TestCaseAuth2NullIsNotKeyMaterial(t *testing.T) {
	key, rsaKey := newEC(t, elliptic.P256()), signers(t)["RS256"].(*rsa.PrivateKey)
	for _, members := range []string{
		`"d":null`, `"k":null`, `"p":null,"q":null,"dp":null,"dq":null,"qi":null,"oth":null`, `"d":null,"alg":null,"use":null,"key_ops":null`,
		`"x5c":null,"x5t":null,"x5t#S256":null,"x5u":null`, `"n":null,"e":null`, `"priv":null`, `"exp":null,"iat":null,"nbf":null`, `"oth":[]`, ` "d" : null `,
	} {
		t.Run(members, func(t *testing.T) {
			set := `{"keys":[{` + ecMembers(&key.PublicKey) + `,"kid":"1",` + members + `}]}`
			token := tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"1"}`, goodClaims(), es256(t, key))
			eachSource(t, set, func(t *testing.T, keys jwt.KeySource) { wantVerified(t, keys, token) })
		})
	}
	t.Run("rsa", func(t *testing.T) {
		set := `{"keys":[{` + rsaMembers(&rsaKey.PublicKey, "AQAB") + `,"kid":"1","d":null,"p":null,"oth":null,"crv":null,"x":null}]}`
		signer, err := jwt.NewSigner(jwt.SignerConfig{Key: rsaKey, Issuer: issuerURL, KeyID: "1"})
		if err != nil {
			t.Fatal(err)
		}
		token, err := signer.Sign("at+jwt", goodClaims())
		if err != nil {
			t.Fatal(err)
		}
		eachSource(t, set, func(t *testing.T, keys jwt.KeySource) { wantVerified(t, keys, token) })
	})
}

// A key that does hold a secret has been published, and refuses the set.
func TestCaseAuth2SecretsStillRefuse(t *testing.T) {
	key := newEC(t, elliptic.P256())
	good := `{` + ecMembers(&key.PublicKey) + `,"kid":"1"}`
	for name, leaked := range map[string]string{
		"ec":           `{` + ecMembers(&key.PublicKey) + `,"d":"AAAA"}`,
		"ec-twice":     `{` + ecMembers(&key.PublicKey) + `,"d":"AAAA","d":null}`,
		"ec-for-enc":   `{` + ecMembers(&key.PublicKey) + `,"d":"AAAA","use":"enc"}`,
		"ec-by-escape": `{` + ecMembers(&key.PublicKey) + `,"\u0064":"AAAA"}`,
		"oct":          `{"kty":"oct","k":"AAAA"}`,
		"k-elsewhere":  `{` + ecMembers(&key.PublicKey) + `,"k":"AAAA"}`,
		"rsa-primes":   `{"kty":"RSA","n":"AAAA","e":"AQAB","p":"AAAA","q":"AAAA"}`,
		"rsa-oth":      `{"kty":"RSA","n":"AAAA","e":"AQAB","oth":[{"r":"AAAA"}]}`,
		"okp":          `{"kty":"OKP","crv":"Ed448","x":"AAAA","d":"AAAA"}`,
		"kty-missing":  `{"d":"AAAA"}`,
		"kty-unknown":  `{"kty":"AKP","pub":"AAAA","priv":"AAAA"}`,
		"broken":       `{"kty":7,"kid":[],"d":"AAAA"}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := `{"keys":[` + good + `,` + leaked + `]}`
				if _, err := jwt.New(configFor(jwt.StaticKeys(set))); err == nil || !strings.Contains(err.Error(), "secret or private") || strings.Contains(err.Error(), "AAAA") {
					t.Errorf("static: %v", err)
				}
				verifier := mustNew(t, configFor(keySources(set)["remote"]))
				token := tokenOf(`{"alg":"ES256","typ":"at+jwt","kid":"1"}`, goodClaims(), es256(t, key))
				if _, err := verifier.Verify(t.Context(), token); reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "secret or private") {
					t.Errorf("remote: %v", err)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}
