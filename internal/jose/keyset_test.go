package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// keysOf makes Ed25519 keys with the kids.
func keysOf(t *testing.T, kids ...string) []*jose.Key {
	t.Helper()
	var keys []*jose.Key
	for _, kid := range kids {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jose.NewKey(kid, "", public)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return keys
}

// secretOf makes a secret with the kid.
func secretOf(kid string, first byte) *jose.Key {
	secret := make([]byte, 64)
	secret[0] = first
	k := jose.NewSecret(secret)
	k.ID = kid
	return k
}

// The cause of a refusal says why no key was tried. Another set may have the key,
// except if two secrets have one kid.
func TestCandidates(t *testing.T) {
	five := keysOf(t, "", "", "", "", "")
	for _, test := range []struct {
		name, alg, kid string
		keys           []*jose.Key
		reason, says   string
		unknown        bool
	}{
		{"named", "EdDSA", "a", keysOf(t, "a", "b"), "", "", false},
		{"nameless", "EdDSA", "a", keysOf(t, ""), "", "", false},
		{"four-nameless", "EdDSA", "", five[:4], "", "", false},
		{"five-nameless", "EdDSA", "", five, "unknown_key", "more than 4 keys fit", true},
		{"five-nameless-for-a-kid", "EdDSA", "a", five, "unknown_key", "more than 4 keys fit", true},
		{"another-kid", "EdDSA", "c", keysOf(t, "a", "b"), "unknown_key", "no key has the kid and the alg", true},
		{"no-kid-and-no-key", "ES256", "", keysOf(t, "a"), "unknown_key", "has no kid, and no key fits", true},
		{"another-algorithm", "ES256", "a", keysOf(t, "a"), "algorithm", "the alg is ES256, and the key of the kid is an Ed25519 key", true},
		{"secret", "HS256", "a", []*jose.Key{secretOf("a", 1)}, "", "", false},
		{"two-secrets", "HS256", "a", []*jose.Key{secretOf("a", 1), secretOf("a", 2)}, "unknown_key", "two secrets", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			set := jose.NewKeySet(test.keys)
			found, err := set.Candidates(jose.Header{Algorithm: jose.Algorithms()[test.alg], KeyID: test.kid})
			if test.reason == "" {
				if err != nil || len(found) == 0 || len(found) > jose.MaxTries {
					t.Errorf("%d keys, %v", len(found), err)
				}
				return
			}
			var fault *jose.Fault
			if !errors.As(err, &fault) || fault.Reason != test.reason || !strings.Contains(fault.Error(), test.says) || found != nil {
				t.Errorf("%d keys, %v, want %s: %s", len(found), err, test.reason, test.says)
			}
			if got := jose.UnknownKey(err); got != test.unknown {
				t.Errorf("UnknownKey is %t", got)
			}
		})
	}
	if jose.UnknownKey(nil) {
		t.Error("no error is that of an unknown key")
	}
}

// A document that is not a JWK Set is an error that repeats nothing of it.
func TestKeySetsThatCannotBeRead(t *testing.T) {
	const jwk = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	for _, test := range []struct{ name, body, says string }{
		{"empty", "", "invalid syntax"},
		{"cut-in-the-name", `{"keys`, "invalid syntax"},
		{"cut-behind-the-name", `{"keys"`, "invalid syntax"},
		{"cut-in-the-value", `{"keys":[` + jwk, "invalid syntax"},
		{"cut-at-the-end", `{"keys":[` + jwk + `]`, "invalid syntax"},
		{"comma", `{"keys":[` + jwk + `],`, "invalid syntax"},
		{"colon", `{"hunter2" "keys"}`, "invalid syntax"},
		{"list", `[` + jwk + `]`, "not a JSON object"},
		{"text", `"hunter2"`, "not a JSON object"},
		{"two-documents", `{"keys":[` + jwk + `]}{}`, "more behind the JSON object"},
		{"keys-twice", `{"keys":[` + jwk + `],"keys":[]}`, `"keys" twice`},
		{"keys-text", `{"keys":"hunter2"}`, `"keys" are not a list`},
		{"keys-null", `{"keys":null}`, "not a JWK Set"},
		{"no-keys", `{"jwks":[]}`, "not a JWK Set"},
		{"empty-set", `{"keys":[]}`, "has no keys"},
		{"key-text", `{"keys":["hunter2"]}`, "not a JSON object"},
		{"kid-number", `{"keys":[{"kid":7}]}`, "kid is not a string"},
		{"alg-number", `{"keys":[{"alg":7}]}`, "alg is not a string"},
		{"use-number", `{"keys":[{"use":7}]}`, "use or key_ops"},
		{"use-enc", `{"keys":[{"kty":"EC","use":"enc"}]}`, "use or key_ops"},
		{"empty-secret", `{"keys":[{"kty":"oct","k":""}]}`, "secret or private key"},
		{"other-primes", `{"keys":[{"kty":"RSA","oth":[{"r":"hunter2"}]}]}`, "secret or private key"},
		{"too-many", `{"keys":[` + jwk + `,` + jwk + `,` + jwk + `]}`, "has 3 keys, more than the 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, err := jose.ParseKeySet([]byte(test.body), 2)
			if err == nil || !strings.Contains(err.Error(), test.says) || keys != nil {
				t.Fatalf("%d keys, %v, want %q", len(keys), err, test.says)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error repeats the document: %v", err)
			}
		})
	}
}

// A signer has one algorithm for each kind of key, and none for other curves.
func TestSignsWith(t *testing.T) {
	for curve, want := range map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "", elliptic.P521(): ""} {
		private, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		k, err := jose.NewKey("", "", &private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if got := k.SignsWith(); got != want {
			t.Errorf("%s signs with %q, want %q", curve.Params().Name, got, want)
		}
	}
	if got := secretOf("", 1).SignsWith(); got != "" {
		t.Errorf("a secret signs with %q", got)
	}
}

// null in an optional parameter of a header counts as absent, and the texts of
// refusals name registered words only.
func TestHeaders(t *testing.T) {
	known := jose.Algorithms()
	rules := jose.Rules{Algorithms: jose.Choose(known, []string{"ES256"}), Types: []string{"at+jwt"}}
	if h, err := rules.ReadHeader([]byte(`{"alg":"ES256","typ":"at+jwt","kid":null}`)); err != nil || h.KeyID != "" {
		t.Errorf("%+v, %v", h, err)
	}
	for header, want := range map[string]string{
		`{"alg":"ES256","typ":null}`:                     `type: the typ is missing, accepted is at+jwt`,
		`{"alg":"ES256","typ":"application/JWT"}`:        `type: the typ is "JWT", accepted is at+jwt`,
		`{"alg":"ES256","typ":"dpop+jwt"}`:               `type: the typ is "dpop+jwt", accepted is at+jwt`,
		`{"alg":"ES256","typ":"hunter2"}`:                `type: the typ is another one, accepted is at+jwt`,
		`{"alg":"RS256","typ":"at+jwt"}`:                 `algorithm: the alg is "RS256", accepted are ES256`,
		`{"alg":"none","typ":"at+jwt"}`:                  `algorithm: the alg is "none", accepted are ES256`,
		`{"alg":"hunter2","typ":"at+jwt"}`:               `algorithm: the alg is another one, accepted are ES256`,
		`{"typ":"at+jwt"}`:                               `algorithm: the alg is missing, accepted are ES256`,
		`{"alg":null,"typ":"at+jwt"}`:                    `malformed: header parameter alg is not a string`,
		`{"alg":"ES256","typ":"at+jwt","kid":["k"]}`:     `malformed: header parameter kid is not a string`,
		`{"alg":"ES256","typ":"at+jwt","zip":"hunter2"}`: `malformed: header parameter zip is not supported`,
	} {
		if _, err := rules.ReadHeader([]byte(header)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", header, err, want)
		}
	}
}

// The issuers of a key are those of all its entries, and the key counts once.
func TestIssuersOfAKey(t *testing.T) {
	const x = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"`
	for _, test := range []struct {
		name, keys string
		want       []string
	}{
		{"none", `{` + x + `}`, nil},
		{"null", `{` + x + `,"issuer":null}`, nil},
		{"one", `{` + x + `,"issuer":"https://a"}`, []string{"https://a"}},
		{"two-entries", `{` + x + `,"issuer":"https://a"},{` + x + `,"issuer":"https://b"}`, []string{"https://a", "https://b"}},
		{"not-a-text", `{` + x + `,"issuer":["https://a"]}`, []string{""}},
	} {
		keys, err := jose.ParseKeySet([]byte(`{"keys":[`+test.keys+`]}`), 10)
		if err != nil {
			t.Fatal(test.name, err)
		}
		all := jose.NewKeySet(keys).Keys()
		if len(all) != 1 || !slices.Equal(all[0].Issuers, test.want) {
			t.Errorf("%s: %d keys, issuers %q, want %q", test.name, len(all), all[0].Issuers, test.want)
		}
	}
}
