package authtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"strings"
	"time"
)

// An Attack is a token or a proof that a verifier must refuse.
type Attack struct {
	// Name says what is wrong, in lower case with hyphens.
	Name string
	// Token is sent behind "Bearer ", or as the header field DPoP.
	Token string
	// Reason is the reason of the refusal in the log; see auth.Invalid.
	Reason string
}

// Attacks returns tokens that are made now. Each breaks one rule of a verifier
// with [Issuer.Config]. If such a verifier accepts one of them, anybody can
// have sent it. A verifier with another Config accepts or refuses some of them
// for another reason: see docs/testing.md in the repository.
func (i *Issuer) Attacks() []Attack {
	a := attacker{Issuer: i, key: i.current()}
	var all []Attack
	for _, group := range []func() []Attack{a.algorithms, a.headers, a.keys, a.issuers, a.claimSets, a.times, a.spellings, a.signatures} {
		all = append(all, group()...)
	}
	return all
}

type attacker struct {
	*Issuer
	key issued
}

// header is a good one, changed.
func (a attacker) header(changes map[string]any) map[string]any {
	return changed(map[string]any{"alg": algorithmOf(a.key.signer.Public()), "kid": a.key.kid, "typ": "at+jwt"}, changes)
}

// with is a well signed token whose header is changed.
func (a attacker) with(name, value string) string {
	return mint(a.key.signer, a.header(map[string]any{name: value}), a.claims(nil))
}

// raw is a well signed token of any header and payload.
func (a attacker) raw(header, payload string) string {
	if header == "" {
		header = string(marshal(a.header(nil)))
	}
	if payload == "" {
		payload = string(marshal(a.claims(nil)))
	}
	return mintRaw(a.key.signer, []byte(header), []byte(payload))
}

// hmacWith signs with HMAC-SHA-256 and a text that everybody knows.
func (a attacker) hmacWith(secret []byte) string {
	input := encode(marshal(a.header(map[string]any{"alg": "HS256"}))) + "." + encode(marshal(a.claims(nil)))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + encode(mac.Sum(nil))
}

// algorithms: the sender must not choose how it is checked (RFC 8725 section
// 3.1).
func (a attacker) algorithms() []Attack {
	public := a.key.signer.Public()
	der := must(x509.MarshalPKIXPublicKey(public))
	unsigned := func(alg string) string {
		return encode(marshal(a.header(map[string]any{"alg": alg}))) + "." + encode(marshal(a.claims(nil))) + "."
	}
	other := "RS256"
	if algorithmOf(public) == other {
		other = "ES256"
	}
	return []Attack{
		{"alg-none", unsigned("none"), "malformed"},
		{"alg-none-signed", a.with("alg", "none"), "algorithm"},
		{"alg-none-case", a.with("alg", "NonE"), "algorithm"},
		{"alg-empty", a.with("alg", ""), "algorithm"},
		{"alg-missing", mint(a.key.signer, a.header(map[string]any{"alg": nil}), a.claims(nil)), "algorithm"},
		{"alg-lower-case", a.with("alg", strings.ToLower(algorithmOf(public))), "algorithm"},
		{"alg-of-another-key", a.with("alg", other), "algorithm"},
		{"alg-number", a.raw(`{"alg":256,"typ":"at+jwt","kid":"`+a.key.kid+`"}`, ""), "malformed"},
		{"hmac-with-public-pem", a.hmacWith(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "algorithm"},
		{"hmac-with-public-der", a.hmacWith(der), "algorithm"},
		{"hmac-with-public-jwk", a.hmacWith(marshal(publicJWK(public))), "algorithm"},
		{"hmac-with-nothing", a.hmacWith(nil), "algorithm"},
	}
}

// headers: a parameter that is not understood refuses the token.
func (a attacker) headers() []Attack {
	good := string(marshal(a.header(nil)))
	more := func(members string) string { return a.raw(strings.TrimSuffix(good, "}")+","+members+"}", "") }
	return []Attack{
		{"crit", more(`"crit":["exp"]`), "malformed"},
		{"crit-empty", more(`"crit":[]`), "malformed"},
		{"b64-false", more(`"b64":false,"crit":["b64"]`), "malformed"},
		{"zip", more(`"zip":"DEF"`), "malformed"},
		{"enc", more(`"enc":"A128GCM"`), "malformed"},
		{"alg-twice", more(`"alg":"none"`), "malformed"},
		{"alg-twice-by-case", more(`"ALG":"none"`), "malformed"},
		{"typ-missing", a.TokenOfType("", nil), "type"},
		{"typ-jwt", a.TokenOfType("JWT", nil), "type"},
		{"typ-of-another-kind", a.TokenOfType("dpop+jwt", nil), "type"},
		{"typ-logout-token", a.TokenOfType("logout+jwt", nil), "type"},
		{"typ-number", a.raw(strings.Replace(good, `"at+jwt"`, "1", 1), ""), "malformed"},
		{"header-array", a.raw("["+good+"]", ""), "malformed"},
		{"header-not-json", a.raw("alg=ES256", ""), "malformed"},
		{"header-byte-order-mark", a.raw("\uFEFF"+good, ""), "malformed"},
		{"header-twice", a.raw(good+good, ""), "malformed"},
	}
}

// keys: the token must not bring or choose its key.
func (a attacker) keys() []Attack {
	own := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ours := func(changes map[string]any) string {
		changes["alg"] = "ES256"
		return mint(own, a.header(changes), a.claims(nil))
	}
	unknown := "unknown_key"
	forged := "signature"
	if algorithmOf(a.key.signer.Public()) != "ES256" {
		forged = "algorithm"
	}
	return []Attack{
		{"key-of-somebody-else", ours(map[string]any{}), forged},
		{"jwk-in-header", ours(map[string]any{"jwk": publicJWK(own.Public())}), forged},
		{"jwk-in-header-own-kid", ours(map[string]any{"jwk": publicJWK(own.Public()), "kid": "mine"}), unknown},
		{"jku", ours(map[string]any{"jku": "https://attacker.example/jwks.json", "kid": "mine"}), unknown},
		{"x5u", ours(map[string]any{"x5u": "https://attacker.example/cert.pem", "kid": "mine"}), unknown},
		{"x5c", ours(map[string]any{"x5c": []string{"MIIB"}, "kid": "mine"}), unknown},
		{"kid-path", a.with("kid", "../../../../dev/null"), unknown},
		{"kid-sql", a.with("kid", "' UNION SELECT 'secret' --"), unknown},
		{"kid-url", a.with("kid", "https://attacker.example/key"), unknown},
		{"kid-long", a.with("kid", strings.Repeat("k", 257)), "malformed"},
		{"kid-list", a.raw(`{"alg":"ES256","typ":"at+jwt","kid":["`+a.key.kid+`"]}`, ""), "malformed"},
	}
}

// issuers: only exactly this issuer vouches.
func (a attacker) issuers() []Attack {
	return []Attack{
		{"iss-of-somebody-else", a.Token(Claims{"iss": "https://attacker.example"}), "issuer"},
		{"iss-trailing-slash", a.Token(Claims{"iss": a.url + "/"}), "issuer"},
		{"iss-prefix", a.Token(Claims{"iss": a.url + ".attacker.example"}), "issuer"},
		{"iss-upper-case", a.Token(Claims{"iss": strings.ToUpper(a.url)}), "issuer"},
		{"iss-missing", a.Token(Claims{"iss": nil}), "malformed"},
		{"iss-list", a.Token(Claims{"iss": []string{a.url}}), "malformed"},
		{"iss-inside", a.Token(Claims{"iss": nil, "act": map[string]string{"iss": a.url}}), "malformed"},
	}
}

// claimSets: claims that are wrong, missing or there twice.
func (a attacker) claimSets() []Attack {
	good := string(marshal(a.claims(nil)))
	more := func(members string) string { return a.raw("", strings.TrimSuffix(good, "}")+","+members+"}") }
	return []Attack{
		{"aud-of-another-service", a.Token(Claims{"aud": "https://other.example.com"}), "audience"},
		{"aud-list-of-others", a.Token(Claims{"aud": []string{"https://other.example.com", Audience + "/"}}), "audience"},
		{"aud-missing", a.Token(Claims{"aud": nil}), "audience"},
		{"aud-empty-list", a.Token(Claims{"aud": []string{}}), "audience"},
		{"aud-number", a.Token(Claims{"aud": 1}), "malformed"},
		{"aud-nested", a.Token(Claims{"aud": []any{[]string{Audience}}}), "malformed"},
		{"sub-missing", a.Token(Claims{"sub": nil}), "malformed"},
		{"sub-empty", a.Token(Claims{"sub": ""}), "malformed"},
		{"sub-number", a.Token(Claims{"sub": 42}), "malformed"},
		{"sub-twice", more(`"sub":"root"`), "malformed"},
		{"sub-twice-by-case", more(`"SUB":"root"`), "malformed"},
		{"roles-object", a.Token(Claims{"roles": map[string]bool{"admin": true}}), "malformed"},
		{"scope-number", a.Token(Claims{"scope": 7}), "malformed"},
		{"amr-number", a.Token(Claims{"amr": 7}), "malformed"},
		{"logout-token", a.Token(Claims{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}), "type"},
		{"events-empty", a.Token(Claims{"events": map[string]any{}}), "type"},
		{"bound-to-a-key", a.Token(Claims{"cnf": map[string]string{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), "binding"},
		{"payload-array", a.raw("", "["+good+"]"), "malformed"},
		{"payload-followed", a.raw("", good+" true"), "malformed"},
		{"payload-bad-utf8", a.raw("", strings.Replace(good, "alice", "al\xffce", 1)), "malformed"},
		{"payload-lone-surrogate", a.raw("", strings.Replace(good, "alice", `\ud800`, 1)), "malformed"},
		{"payload-deep", more(`"x":` + strings.Repeat("[", 64) + strings.Repeat("]", 64)), "malformed"},
	}
}

// times: each beyond the greatest skew that can be configured.
func (a attacker) times() []Attack {
	now := time.Now()
	beyond := 6 * time.Minute
	good := string(marshal(a.claims(Claims{"exp": nil})))
	exp := func(value string) string { return a.raw("", strings.TrimSuffix(good, "}")+`,"exp":`+value+"}") }
	return []Attack{
		{"expired", a.Token(Claims{"exp": now.Add(-beyond).Unix()}), "expired"},
		{"exp-missing", a.Token(Claims{"exp": nil}), "malformed"},
		{"exp-null", exp("null"), "malformed"},
		{"exp-string", exp(`"9999999999"`), "malformed"},
		{"exp-negative", exp("-1"), "malformed"},
		{"exp-huge", exp("1e300"), "malformed"},
		{"exp-infinite", exp("1e400"), "malformed"},
		{"not-yet-valid", a.Token(Claims{"nbf": now.Add(beyond).Unix()}), "not_yet_valid"},
		{"nbf-string", a.Token(Claims{"nbf": "0"}), "malformed"},
		{"issued-in-the-future", a.Token(Claims{"iat": now.Add(beyond).Unix()}), "not_yet_valid"},
	}
}

// spellings: other ways to write a good token.
func (a attacker) spellings() []Attack {
	good := a.Token(nil)
	segments := strings.Split(good, ".")
	respelled := func(n int, change func(string) string) string {
		changed := append([]string(nil), segments...)
		changed[n] = change(changed[n])
		return strings.Join(changed, ".")
	}
	pad := func(s string) string { return s + strings.Repeat("=", (4-len(s)%4)%4) }
	standard := func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) }
	return []Attack{
		{"padded", a.padded(pad), "malformed"},
		{"standard-alphabet", a.unlike(standard), "malformed"},
		{"stray-bits", strayBits(good), "malformed"},
		{"line-break", respelled(1, func(s string) string { return s[:8] + "\n" + s[8:] }), "malformed"},
		{"space", respelled(1, func(s string) string { return s[:8] + " " + s[8:] }), "malformed"},
		{"no-signature-segment", segments[0] + "." + segments[1], "malformed"},
		{"four-segments", good + ".e30", "malformed"},
		{"five-segments", good + ".e30.e30", "malformed"},
		{"empty-header", "." + segments[1] + "." + segments[2], "malformed"},
		{"empty-payload", segments[0] + ".." + segments[2], "malformed"},
		{"json-serialization", `{"payload":"` + segments[1] + `","protected":"` + segments[0] + `","signature":"` + segments[2] + `"}`, "malformed"},
		{"only-dots", "..", "malformed"},
		{"too-long", a.Token(Claims{"x": strings.Repeat("x", 9<<10)}), "malformed"},
	}
}

// unlike looks for a token that the change changes.
func (a attacker) unlike(change func(string) string) string {
	for {
		token := a.Token(nil)
		if end := strings.LastIndexByte(token, '.') + 1; change(token[end:]) != token[end:] {
			return token[:end] + change(token[end:])
		}
	}
}

// padded puts padding behind the signature, whose length asks for some in most
// algorithms, and behind the payload where it does not.
func (a attacker) padded(pad func(string) string) string {
	token := a.Token(nil)
	end := strings.LastIndexByte(token, '.') + 1
	if padded := pad(token[end:]); padded != token[end:] {
		return token[:end] + padded
	}
	return token + "===="
}

// flipped changes one bit of the signature.
func flipped(token string) string {
	end := strings.LastIndexByte(token, '.') + 1
	signature := must(base64.RawURLEncoding.DecodeString(token[end:]))
	signature[len(signature)/2] ^= 1
	return token[:end] + encode(signature)
}

// strayBits spells the signature with bits at the end that mean nothing.
func strayBits(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	end := len(token) - 1
	next := alphabet[(strings.IndexByte(alphabet, token[end])+1)%len(alphabet)]
	return token[:end] + string(next)
}

// signatures: only a signature by the key over exactly these bytes is good.
func (a attacker) signatures() []Attack {
	good := a.Token(nil)
	end := strings.LastIndexByte(good, '.') + 1
	signature := must(base64.RawURLEncoding.DecodeString(good[end:]))
	resigned := func(s []byte) string { return good[:end] + encode(s) }
	stolen := a.claims(Claims{"sub": "root"})
	maps.DeleteFunc(stolen, func(name string, _ any) bool { return name == "jti" })
	return []Attack{
		{"signature-flipped", flipped(good), "signature"},
		{"signature-empty", good[:end], "malformed"},
		{"signature-zero", resigned(make([]byte, len(signature))), "signature"},
		{"signature-short", resigned(signature[:len(signature)-1]), "signature"},
		{"signature-long", resigned(append(bytes.Clone(signature), 0)), "signature"},
		{"signature-of-another-token", strings.Join([]string{strings.Split(good, ".")[0], encode(marshal(stolen)), good[end:]}, "."), "signature"},
	}
}
