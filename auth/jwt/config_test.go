package jwt_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigErrors(t *testing.T) {
	rsaKey := signers(t)["RS256"].(*rsa.PrivateKey)
	public := jwt.StaticKeys(&rsaKey.PublicKey)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		weak = &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}}
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := make([]byte, 32)
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   []string
	}{
		{"good", func(*jwt.Config) {}, nil},
		{"zero", func(c *jwt.Config) { *c = jwt.Config{} }, []string{"jwt.Audience", "jwt.Issuer", "jwt.Keys"}},
		{"all-at-once", func(c *jwt.Config) {
			c.Issuer, c.Skew, c.MaxLifetime, c.MaxTokenBytes, c.Algorithms = "", time.Hour, -1, 1<<20, []string{"none"}
		}, []string{"jwt.Algorithms[0]", "jwt.Issuer", "jwt.MaxLifetime", "jwt.MaxTokenBytes", "jwt.Skew"}},
		{"empty-audience", func(c *jwt.Config) { c.Audience = []string{"a", ""} }, []string{"jwt.Audience[1]"}},
		{"types", func(c *jwt.Config) { c.Types = []string{"at+jwt", "JWT", "", "application/at+jwt"} }, []string{"jwt.Types[1]", "jwt.Types[2]", "jwt.Types[3]"}},
		{"none", func(c *jwt.Config) { c.Algorithms = []string{"RS256", "none", "None", "rs256"} }, []string{"jwt.Algorithms[1]", "jwt.Algorithms[2]", "jwt.Algorithms[3]"}},
		{"hmac-beside-public-keys", func(c *jwt.Config) { c.Algorithms = []string{"RS256", "HS256"} }, []string{"jwt.Algorithms[1]"}},
		{"public-beside-secrets", func(c *jwt.Config) {
			c.Keys, c.Algorithms = jwt.SecretKeys(secret), []string{"HS256", "RS256"}
		}, []string{"jwt.Algorithms[1]"}},
		{"short-secret", func(c *jwt.Config) { c.Keys = jwt.SecretKeys(secret, secret[:31]) }, []string{"jwt.Keys[1]"}},
		{"no-secret", func(c *jwt.Config) { c.Keys = jwt.SecretKeys() }, []string{"jwt.Keys"}},
		{"no-keys", func(c *jwt.Config) { c.Keys = jwt.StaticKeys() }, []string{"jwt.Keys"}},
		{"secret-as-key", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(secret) }, []string{"jwt.Keys[0]"}},
		{"secret-as-jwk", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(`{"kty":"oct","k":"AAAA"}`) }, []string{"jwt.Keys[0]"}},
		{"private-keys", func(c *jwt.Config) {
			all := signers(t)
			c.Keys = jwt.StaticKeys(all["RS256"], all["ES256"], all["EdDSA"])
		}, []string{"jwt.Keys[0]", "jwt.Keys[1]", "jwt.Keys[2]"}},
		{"bad-keys", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(nil, "text", 7, &weak.PublicKey, &p224.PublicKey, ed25519.PublicKey("short"), &rsa.PublicKey{},
				&ecdsa.PublicKey{}, &rsa.PublicKey{N: rsaKey.N, E: 3}, "[]", `{"keys":[]}`)
		}, []string{"jwt.Keys[0]", "jwt.Keys[10]", "jwt.Keys[1]", "jwt.Keys[2]", "jwt.Keys[3]", "jwt.Keys[4]", "jwt.Keys[5]", "jwt.Keys[6]", "jwt.Keys[7]", "jwt.Keys[8]", "jwt.Keys[9]"}},
		{"off-curve", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`)
		}, []string{"jwt.Keys[0]"}},
		{"require-too-many", func(c *jwt.Config) {
			c.Require = map[string]any{}
			for n := range 17 {
				c.Require[strings.Repeat("x", n+1)] = "y"
			}
		}, []string{"jwt.Require"}},
		{"require-nothing", func(c *jwt.Config) { c.Require = map[string]any{"token_use": ""} }, []string{"jwt.Require"}},
		{"require-no-name", func(c *jwt.Config) { c.Require = map[string]any{"": "access"} }, []string{"jwt.Require"}},
		{"require-another-issuer", func(c *jwt.Config) { c.Require = map[string]any{"iss": "https://other.example"} }, []string{"jwt.Require"}},
		{"require-a-number", func(c *jwt.Config) { c.Require = map[string]any{"exp": "1"} }, []string{"jwt.Require"}},
		{"unbound-without-binding", func(c *jwt.Config) { c.InsecureUnbound = true }, []string{"jwt.InsecureUnbound"}},
		{"outage-without-store", func(c *jwt.Config) { c.InsecureOnOutage = time.Minute }, []string{"jwt.InsecureOnOutage"}},
		{"kid-twice", func(c *jwt.Config) {
			one := `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"k"}`
			c.Keys = jwt.StaticKeys(one, one)
		}, nil},
		{"long-kid", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(`{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"` + strings.Repeat("k", 257) + `"}`)
		}, []string{"jwt.Keys[0]"}},
		{"url-http", remoteURL("http://issuer.example/jwks"), []string{"jwt.Keys.URL"}},
		{"url-relative", remoteURL("/jwks"), []string{"jwt.Keys.URL"}},
		{"url-broken", remoteURL("https://%zz"), []string{"jwt.Keys.URL"}},
		{"url-user", remoteURL("https://user:secret@issuer.example/jwks"), []string{"jwt.Keys.URL"}},
		{"url-file", remoteURL("file:///etc/keys"), []string{"jwt.Keys.URL"}},
		{"url-loopback", remoteURL("http://127.0.0.1:8081/jwks"), nil},
		{"url-localhost", remoteURL("http://localhost:8081/jwks"), nil},
		{"url-loopback-v6", remoteURL("http://[::1]:8081/jwks"), nil},
		{"remote-limits", func(c *jwt.Config) {
			c.Keys = jwt.RemoteKeys("https://issuer.example/jwks", jwt.RemoteConfig{Timeout: time.Minute, Cooldown: time.Millisecond, MaxDocumentBytes: -1, MaxKeys: 1001})
		}, []string{"jwt.Keys.Cooldown", "jwt.Keys.MaxDocumentBytes", "jwt.Keys.MaxKeys", "jwt.Keys.Timeout"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configFor(public)
			test.change(&c)
			verifier, err := jwt.New(c)
			if got := fieldsOf(err); !slices.Equal(got, test.want) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
			if (verifier == nil) != (test.want != nil) {
				t.Errorf("verifier %v", verifier)
			}
			if err != nil && strings.Contains(err.Error(), "secret@") {
				t.Errorf("the error tells a password: %v", err)
			}
		})
	}
}

func remoteURL(url string) func(*jwt.Config) {
	return func(c *jwt.Config) { c.Keys = jwt.RemoteKeys(url, jwt.RemoteConfig{}) }
}

func TestConfigIsCopied(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.Types, config.Algorithms = []string{"at+jwt"}, []string{"ES256"}
	verifier := mustNew(t, config)
	config.Audience[0], config.Types[0], config.Algorithms[0] = "changed", "changed", "changed"
	if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

func TestStaticKeyForms(t *testing.T) {
	all := signers(t)
	rsaKey := all["RS256"].(*rsa.PrivateKey)
	pkix, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &rsaKey.PublicKey, rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: rsaKey, Issuer: issuerURL})
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.Sign("at+jwt", goodClaims())
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	single := strings.TrimSuffix(strings.TrimPrefix(w.Body.String(), `{"keys":[`), `]}`)
	for _, test := range []struct {
		name string
		key  any
		good bool
	}{
		{"public-key", &rsaKey.PublicKey, true},
		{"pkix", block("PUBLIC KEY", pkix), true},
		{"pkix-string", string(block("PUBLIC KEY", pkix)), true},
		{"pkcs1", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey)), true},
		{"certificate", block("CERTIFICATE", certificate), true},
		{"two-blocks", append(block("PUBLIC KEY", pkix), block("CERTIFICATE", certificate)...), true},
		{"jwk-set", w.Body.Bytes(), true},
		{"jwk", single, true},
		{"private", block("PRIVATE KEY", private), false},
		{"bad-certificate", block("CERTIFICATE", pkix), false},
		{"bad-pkix", block("PUBLIC KEY", certificate), false},
		{"weak-in-pem", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: big.NewInt(35), E: 65537})), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			verifier, err := jwt.New(configFor(jwt.StaticKeys(test.key)))
			if !test.good {
				if got := fieldsOf(err); !slices.Equal(got, []string{"jwt.Keys[0]"}) {
					t.Errorf("errors for %q", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if p, err := verifier.Verify(t.Context(), token); err != nil || p.Subject != "alice" {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
}

// The thumbprint of RFC 7638 section 3.1, through the default kid of a signer
// that has the key as a retired one.
func TestThumbprint(t *testing.T) {
	const jwk = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W` +
		`-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB"}`
	modulus, _, _ := strings.Cut(strings.TrimPrefix(jwk, `{"kty":"RSA","n":"`), `"`)
	n := new(big.Int).SetBytes(decode(t, modulus))
	signer, err := jwt.NewSigner(jwt.SignerConfig{Key: signers(t)["EdDSA"], Issuer: issuerURL, Retired: []crypto.PublicKey{&rsa.PublicKey{N: n, E: 65537}}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if want := `"kid":"NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("%s has no %s", w.Body, want)
	}
}

// Each mistake says what is wrong and what to write instead: a reader sees
// nothing else.
func TestConfigErrorsSayWhatToWrite(t *testing.T) {
	const privatePEM = "jwt.Keys[0]: is a private key; give the public key, which openssl pkey -in FILE -pubout writes"
	privateBlock := func(kind string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("a key")}))
	}
	public := jwt.StaticKeys(&signers(t)["RS256"].(*rsa.PrivateKey).PublicKey)
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   string
	}{
		{"issuer", func(c *jwt.Config) { c.Issuer = "" }, "jwt.Issuer: is empty; write the iss of the tokens, to the letter"},
		{"audience", func(c *jwt.Config) { c.Audience = nil }, "jwt.Audience: is empty; write the aud of the tokens for this service"},
		{"keys", func(c *jwt.Config) { c.Keys = nil }, "jwt.Keys: is nil; use Discover, RemoteKeys, KeyFile, StaticKeys, SecretKeys or Signer.Keys"},
		{"types", func(c *jwt.Config) { c.Types = []string{"JWT"} },
			"jwt.Types[0]: jwt: does not tell access tokens from other tokens; set InsecurePlainType if the issuer has no better typ"},
		{"hs256", func(c *jwt.Config) { c.Algorithms = []string{"HS256"} }, "jwt.Algorithms[0]: HS256: needs Keys of SecretKeys, and is never accepted beside public keys"},
		{"es256", func(c *jwt.Config) { c.Algorithms = []string{"ES256"} },
			"jwt.Algorithms: ES256: has no algorithm for any of the Keys: every token would be refused; leave Algorithms out to accept all that the Keys allow"},
		{"rs256-of-secrets", func(c *jwt.Config) {
			c.Keys, c.Algorithms = jwt.SecretKeys([]byte("0123456789abcdef0123456789abcdef")), []string{"RS256"}
		}, "jwt.Algorithms[0]: RS256: needs public keys, and Keys are secrets; use HS256, HS384 or HS512, or leave Algorithms out"},
		{"short-secret", func(c *jwt.Config) { c.Keys = jwt.SecretKeys([]byte("hunter2")) },
			"jwt.Keys[0]: is shorter than 32 bytes; make 32 bytes with crypto/rand, and give them to issuer and service"},
		{"private-key", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(signers(t)["RS256"]) }, "jwt.Keys[0]: is a private key; give the public key, which its method Public returns"},
		{"private-pem", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(privateBlock("PRIVATE KEY")) }, privatePEM},
		{"private-rsa-pem", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(privateBlock("RSA PRIVATE KEY")) }, privatePEM},
		{"encrypted-pem", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(privateBlock("ENCRYPTED PRIVATE KEY")) }, privatePEM},
		{"private-pem-behind-its-curve", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(privateBlock("EC PARAMETERS") + privateBlock("EC PRIVATE KEY"))
		}, privatePEM},
		{"private-pem-on-one-line", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(strings.ReplaceAll(privateBlock("PRIVATE KEY"), "\n", `\n`))
		}, privatePEM},
		{"request-pem", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(privateBlock("CERTIFICATE REQUEST")) },
			"jwt.Keys[0]: has a PEM block of another type than PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE; give the public key in one of these three"},
		{"empty-secret", func(c *jwt.Config) { c.Keys = jwt.SecretKeys([]byte(os.Getenv("JWT_TEST_SECRET_THAT_IS_NOT_SET"))) },
			"jwt.Keys[0]: is empty; is the variable set? Make 32 bytes with crypto/rand, and give them to issuer and service"},
		{"empty-public-key", func(c *jwt.Config) { c.Keys = jwt.StaticKeys("\n") },
			"jwt.Keys[0]: is empty; is the variable set? Give a public key as PEM, JWK or JWK Set"},
		{"secret-beside-a-public-key", func(c *jwt.Config) {
			c.Keys = jwt.StaticKeys(&signers(t)["RS256"].(*rsa.PrivateKey).PublicKey, []byte("s3cret-of-thirty-two-bytes-12345"))
		}, "jwt.Keys[1]: is neither PEM nor a JWK or JWK Set, and a string or []byte is read as one of them; give a secret to SecretKeys (read the key set: invalid syntax at byte 1)"},
		{"secret-of-digits", func(c *jwt.Config) { c.Keys = jwt.StaticKeys("12345678") },
			"jwt.Keys[0]: is neither PEM nor a JWK or JWK Set, and a string or []byte is read as one of them; give a secret to SecretKeys (read the key set: the document is not a JSON object)"},
		{"cut-jwk", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(`{"kty":"RSA"`) },
			"jwt.Keys[0]: is neither PEM nor a JWK or JWK Set, and a string or []byte is read as one of them; give a secret to SecretKeys (read the key set: invalid syntax: the document ends too early)"},
		{"secret-jwk", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(`{"kty":"oct","k":"AAAA"}`) },
			"jwt.Keys[0]: the key set holds a secret or private key; give a secret to SecretKeys, and of a private key the public key"},
		{"weak-jwk", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(`{"kty":"x"}`) },
			"jwt.Keys[0]: no usable key in the key set: invalid key type from JSON (x)"},
		{"a-number", func(c *jwt.Config) { c.Keys = jwt.StaticKeys(7) }, "jwt.Keys[0]: has the type int; use a *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey, or PEM or a JWK as text"},
		{"cooldown", func(c *jwt.Config) {
			c.Keys = jwt.RemoteKeys("https://issuer.example/jwks", jwt.RemoteConfig{Cooldown: time.Millisecond})
		}, "jwt.Keys.Cooldown: 1ms: must be between 1 second and 1 hour: with less anybody could make this service fetch all the time; zero is 30 seconds"},
		{"pointer", func(c *jwt.Config) { c.RolesClaims = []string{"/"} }, "jwt.RolesClaims[0]: /: does not name a claim; write a name behind the slash"},
		{"tilde", func(c *jwt.Config) { c.TierClaim = "/a~2" }, "jwt.TierClaim: /a~2: has a ~ without 0 or 1 behind it; write ~0 for a ~ and ~1 for a / (RFC 6901 section 3)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configFor(public)
			test.change(&c)
			if _, err := jwt.New(c); err == nil || withoutIssuer(err.Error()) != test.want {
				t.Errorf("%v,\nwant %s", err, test.want)
			}
		})
	}
}

// Of several verifiers the error says which is wrong, also if the mistake is in
// keys that they share. The code of an answer is still that of the package.
func TestErrorsNameTheIssuer(t *testing.T) {
	shared := jwt.SecretKeys(nil)
	for name, test := range map[string]struct {
		issuer string
		want   []string
	}{
		"one":     {"https://a.example", []string{"jwt(https://a.example).Skew", "jwt(https://a.example).Keys[0]"}},
		"another": {"https://b.example", []string{"jwt(https://b.example).Skew", "jwt(https://b.example).Keys[0]"}},
		"missing": {"", []string{"jwt.Issuer", "jwt.Skew", "jwt.Keys[0]"}},
		"user":    {"https://user:s3cret@c.example", []string{"jwt.Skew", "jwt.Keys[0]"}},
		"long":    {"https://a.example/" + strings.Repeat("a", 128), []string{"jwt.Skew", "jwt.Keys[0]"}},
		"control": {"https://a.example/\n", []string{"jwt.Skew", "jwt.Keys[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwt.New(jwt.Config{Issuer: test.issuer, Audience: []string{"a"}, Keys: shared, Skew: time.Hour})
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%v, want the fields %q", err, test.want)
			}
			var rec bulwarktest.Recorder
			w := httptest.NewRecorder()
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bulwark.Deny(w, r, err) })).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if events := rec.Take(); w.Code != 500 || len(events) != 1 || events[0].Reason != "jwt.unconfigured" {
				t.Errorf("%d, events %+v", w.Code, events)
			}
		})
	}
}

// A Verifier that was made without New has no issuer and verifies nothing.
func TestVerifierWithoutNew(t *testing.T) {
	for name, v := range map[string]*jwt.Verifier{"nil": nil, "zero": {}} {
		r := bearer("a.b.c")
		if v.Issuer() != "" || v.Detect(r) != auth.None {
			t.Errorf("%s: issuer %q, detects %v", name, v.Issuer(), v.Detect(r))
		}
		var unmade *bulwark.ConfigError
		if _, err := v.Authenticate(r); !errors.As(err, &unmade) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := v.Verify(t.Context(), "a.b.c"); !errors.As(err, &unmade) {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
