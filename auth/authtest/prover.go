package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A Prover is a client with a key. Its tokens can be bound to the key (RFC
// 9449). It is safe for concurrent use.
type Prover struct {
	key crypto.Signer
}

// NewProver returns a client with a new key for ES256.
func NewProver(t testing.TB) *Prover {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Prover{key}
}

// ProverWith returns a client with the key: RSA, ECDSA on P-256 or Ed25519.
func ProverWith(key crypto.Signer) *Prover { return &Prover{key} }

// Thumbprint returns the thumbprint of the key (RFC 7638).
func (p *Prover) Thumbprint() string {
	sum := sha256.Sum256(marshal(publicJWK(p.key.Public())))
	return encode(sum[:])
}

// Bound returns the claim that binds a token to the key, for [Issuer.Token] and
// [OpaqueIssuer.Token].
func (p *Prover) Bound() Claims {
	return Claims{"cnf": map[string]string{"jkt": p.Thumbprint()}}
}

// Proof returns a proof for one request with the token. The url is the URL that
// the client calls. The changes replace claims of the proof, or leave them out.
func (p *Prover) Proof(method, url, token string, changes Claims) string {
	return mint(p.key, p.header(nil), p.claims(method, url, token, changes))
}

// Sign puts two header fields into r: Authorization with the token and the
// scheme DPoP, and DPoP with a proof for the URL.
func (p *Prover) Sign(r *http.Request, url, token string) {
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", p.Proof(r.Method, url, token, nil))
}

func (p *Prover) header(changes map[string]any) map[string]any {
	h := map[string]any{"typ": "dpop+jwt", "alg": algorithmOf(p.key.Public()), "jwk": publicJWK(p.key.Public())}
	return changed(h, changes)
}

func (p *Prover) claims(method, url, token string, changes Claims) Claims {
	hash := sha256.Sum256([]byte(token))
	return changed(Claims{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix(), "ath": encode(hash[:])}, changes)
}

// Attacks returns bad proofs for a request with the token: a resource server
// must refuse each of them. Each breaks one rule. The reason is "proof" for a
// proof that is bad in itself, and "binding" for a proof of another key.
func (p *Prover) Attacks(method, url, token string) []Attack {
	good := func(changes Claims) Claims { return p.claims(method, url, token, changes) }
	claims := func(changes Claims) string { return mint(p.key, p.header(nil), good(changes)) }
	header := func(name string, value any) string {
		return mint(p.key, p.header(map[string]any{name: value}), good(nil))
	}
	jwk := func(name string, value any) string {
		key := map[string]any{}
		for member, text := range publicJWK(p.key.Public()) {
			key[member] = text
		}
		return header("jwk", changed(key, map[string]any{name: value}))
	}
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	stolen := mint(other, p.header(map[string]any{"alg": "ES256"}), good(nil))
	unsigned := encode(marshal(p.header(map[string]any{"alg": "none"}))) + "." + encode(marshal(good(nil))) + "."
	proof := claims(nil)
	elsewhere := sha256.Sum256([]byte(token + "x"))
	now := time.Now()
	return []Attack{
		{"empty", "", "proof"},
		{"not-a-token", "proof", "proof"},
		{"padded", proof + "=", "proof"},
		{"two-in-one", proof + ", " + proof, "proof"},
		{"too-long", claims(Claims{"x": strings.Repeat("x", 70<<10)}), "proof"},
		{"alg-none", unsigned, "proof"},
		{"alg-hmac", header("alg", "HS256"), "proof"},
		{"alg-missing", header("alg", nil), "proof"},
		{"alg-of-another-key", header("alg", "ES384"), "proof"},
		{"typ-missing", header("typ", nil), "proof"},
		{"typ-of-a-token", header("typ", "at+jwt"), "proof"},
		{"typ-jwt", header("typ", "JWT"), "proof"},
		{"crit", header("crit", []string{"htm"}), "proof"},
		{"jwk-missing", header("jwk", nil), "proof"},
		{"jwk-text", header("jwk", "key"), "proof"},
		{"jwk-private", jwk("d", "AAAA"), "proof"},
		{"jwk-secret", header("jwk", map[string]string{"kty": "oct", "k": encode(make([]byte, 32))}), "proof"},
		{"jwk-without-type", jwk("kty", nil), "proof"},
		{"jwk-off-the-curve", header("jwk", map[string]string{"kty": "EC", "crv": "P-256", "x": encode(make([]byte, 32)), "y": encode(make([]byte, 32))}), "proof"},
		{"jwk-weak", mint(weak, map[string]any{"typ": "dpop+jwt", "alg": "RS256", "jwk": publicJWK(weak.Public())}, good(nil)), "proof"},
		{"signature-of-another-key", stolen, "proof"},
		{"signature-flipped", flipped(proof), "proof"},
		{"signature-with-stray-bits", strayBits(proof), "proof"},
		{"another-clients", mint(other, map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": publicJWK(other.Public())}, good(nil)), "binding"},
		{"jti-missing", claims(Claims{"jti": nil}), "proof"},
		{"jti-empty", claims(Claims{"jti": ""}), "proof"},
		{"jti-number", claims(Claims{"jti": 1}), "proof"},
		{"jti-long", claims(Claims{"jti": strings.Repeat("j", 513)}), "proof"},
		{"htm-missing", claims(Claims{"htm": nil}), "proof"},
		{"htm-of-another-method", claims(Claims{"htm": "TRACE"}), "proof"},
		{"htm-lower-case", claims(Claims{"htm": strings.ToLower(method)}), "proof"},
		{"htu-missing", claims(Claims{"htu": nil}), "proof"},
		{"htu-of-another-path", claims(Claims{"htu": url + "/x"}), "proof"},
		{"htu-of-another-host", claims(Claims{"htu": "https://attacker.example/"}), "proof"},
		{"htu-of-another-scheme", claims(Claims{"htu": "ftp" + strings.TrimPrefix(url, "https")}), "proof"},
		{"htu-without-host", claims(Claims{"htu": "/documents"}), "proof"},
		{"htu-with-user", claims(Claims{"htu": strings.Replace(url, "://", "://user@", 1)}), "proof"},
		{"htu-broken", claims(Claims{"htu": "https://%zz/"}), "proof"},
		{"iat-missing", claims(Claims{"iat": nil}), "proof"},
		{"iat-text", claims(Claims{"iat": "now"}), "proof"},
		{"iat-long-ago", claims(Claims{"iat": now.Add(-6 * time.Minute).Unix()}), "proof"},
		{"iat-far-ahead", claims(Claims{"iat": now.Add(6 * time.Minute).Unix()}), "proof"},
		{"ath-missing", claims(Claims{"ath": nil}), "proof"},
		{"ath-of-another-token", claims(Claims{"ath": encode(elsewhere[:])}), "proof"},
		{"claims-twice", mintRaw(p.key, marshal(p.header(nil)), []byte(strings.TrimSuffix(string(marshal(good(nil))), "}")+`,"htm":"`+method+`"}`)), "proof"},
		{"claims-array", mintRaw(p.key, marshal(p.header(nil)), []byte("[]")), "proof"},
	}
}
