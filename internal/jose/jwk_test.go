package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/jose"
)

// ownKey reads a header with the rules of a proof of possession.
func ownKey(header string) (*jose.Key, error) {
	known := jose.Algorithms()
	for name, a := range known {
		if a.Secret() {
			delete(known, name)
		}
	}
	rules := jose.Rules{Algorithms: known, Types: []string{"dpop+jwt"}, OwnKey: true}
	h, err := rules.ReadHeader([]byte(header))
	if err != nil {
		return nil, err
	}
	return h.OwnKey()
}

func headerOf(alg, jwk string) string {
	return `{"typ":"dpop+jwt","alg":"` + alg + `","jwk":` + jwk + `}`
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// The keys of RFC 7638 section 3.1, RFC 8037 appendix A and RFC 9449 section 4.1.
const (
	rsaN = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5Js" +
		"GY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-" +
		"bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	edX    = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	ecX    = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs"
	ecY    = "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
	rsaJWK = `{"kty":"RSA","e":"AQAB","n":"` + rsaN + `"}`
	edJWK  = `{"kty":"OKP","crv":"Ed25519","x":"` + edX + `"}`
	ecJWK  = `{"kty":"EC","crv":"P-256","x":"` + ecX + `","y":"` + ecY + `"}`
)

func TestThumbprintsOfTheStandards(t *testing.T) {
	for name, test := range map[string]struct{ header, want string }{
		"rfc7638-section-3.1":    {headerOf("RS256", rsaJWK), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"rfc8037-appendix-a3":    {headerOf("EdDSA", edJWK), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		"rfc9449-section-6.1":    {headerOf("ES256", ecJWK), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
		"with-optional-members":  {headerOf("RS256", `{"kty":"RSA","n":"`+rsaN+`","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		"with-members-of-others": {headerOf("ES256", strings.TrimSuffix(ecJWK, "}")+`,"n":"AQAB","e":"AQAB"}`), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := ownKey(test.header)
			if err != nil {
				t.Fatal(err)
			}
			if got := k.ThumbprintText(); got != test.want {
				t.Errorf("thumbprint %s, want %s", got, test.want)
			}
		})
	}
}

// curveJWK is a good key of another curve.
func curveJWK(curve elliptic.Curve) string {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	half := 1 + (len(point)-1)/2
	return `{"kty":"EC","crv":"` + curve.Params().Name + `","x":"` + encode(point[1:half]) + `","y":"` + encode(point[half:]) + `"}`
}

func TestOwnKeyFitsItsAlgorithm(t *testing.T) {
	keys := map[string]string{"rsa": rsaJWK, "ed25519": edJWK, "p256": ecJWK, "p384": curveJWK(elliptic.P384()), "p521": curveJWK(elliptic.P521())}
	fits := map[string]string{
		"RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
		"ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed25519",
	}
	for alg, fitting := range fits {
		for name, jwk := range keys {
			t.Run(alg+"-"+name, func(t *testing.T) {
				k, err := ownKey(headerOf(alg, jwk))
				if name == fitting && (err != nil || k == nil) {
					t.Error(err)
				}
				if name != fitting {
					refused(t, k, err, "algorithm")
				}
			})
		}
	}
}

func refused(t *testing.T, k *jose.Key, err error, reason string) {
	t.Helper()
	var fault *jose.Fault
	if k != nil || !errors.As(err, &fault) || fault.Reason != reason {
		t.Errorf("key %v, error %v; want no key and %s", k, err, reason)
	}
}

// hostile are headers whose jwk is none that a proof may bring, and why.
func hostile() map[string]struct{ header, reason string } {
	b64 := func(text string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			panic(err)
		}
		return raw
	}
	x, y, n := b64(ecX), b64(ecY), b64(rsaN)
	ec := func(crv, x, y string) string {
		return headerOf("ES256", `{"kty":"EC","crv":"`+crv+`","x":"`+x+`","y":"`+y+`"}`)
	}
	rsaKey := func(n, e string) string { return headerOf("RS256", `{"kty":"RSA","n":"`+n+`","e":"`+e+`"}`) }
	okp := func(crv, x string) string { return headerOf("EdDSA", `{"kty":"OKP","crv":"`+crv+`","x":"`+x+`"}`) }
	zero := make([]byte, 32)
	p := elliptic.P256().Params().P
	beyond := new(big.Int).Add(p, new(big.Int).SetBytes([]byte{5})).FillBytes(make([]byte, 32))
	negative := new(big.Int).Sub(p, new(big.Int).SetBytes(y)).FillBytes(make([]byte, 32))
	cases := map[string]struct{ header, reason string }{
		"no-jwk":                  {`{"typ":"dpop+jwt","alg":"ES256"}`, "malformed"},
		"jwk-null":                {headerOf("ES256", "null"), "malformed"},
		"jwk-text":                {headerOf("ES256", `"x"`), "malformed"},
		"jwk-list":                {headerOf("ES256", "["+ecJWK+"]"), "malformed"},
		"jwk-number":              {headerOf("ES256", "1"), "malformed"},
		"jwk-empty":               {headerOf("ES256", "{}"), "malformed"},
		"jwk-set":                 {headerOf("ES256", `{"keys":[`+ecJWK+`]}`), "malformed"},
		"jwk-twice":               {`{"typ":"dpop+jwt","alg":"ES256","jwk":` + ecJWK + `,"jwk":` + ecJWK + `}`, "malformed"},
		"jwk-twice-by-escape":     {`{"typ":"dpop+jwt","alg":"ES256","jwk":` + ecJWK + `,"\u006awk":` + ecJWK + `}`, "malformed"},
		"jwk-in-other-case":       {`{"typ":"dpop+jwt","alg":"ES256","JWK":` + ecJWK + `}`, "malformed"},
		"member-twice":            {headerOf("ES256", `{"kty":"EC","crv":"P-256","x":"`+ecX+`","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"member-twice-by-escape":  {headerOf("ES256", `{"kty":"EC","crv":"P-256","x":"`+ecX+`","\u0078":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-missing":             {headerOf("ES256", `{"crv":"P-256","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-lower-case":          {headerOf("ES256", `{"kty":"ec","crv":"P-256","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-list":                {headerOf("ES256", `{"kty":["EC"],"crv":"P-256","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-oct":                 {headerOf("ES256", `{"kty":"oct","k":"`+encode(zero)+`"}`), "malformed"},
		"kty-oct-without-k":       {headerOf("ES256", `{"kty":"oct"}`), "malformed"},
		"kty-unknown":             {headerOf("ES256", `{"kty":"AKP","pub":"AAAA"}`), "malformed"},
		"kty-rsa-with-a-point":    {headerOf("ES256", `{"kty":"RSA","crv":"P-256","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-ec-with-a-modulus":   {headerOf("RS256", `{"kty":"EC","n":"`+rsaN+`","e":"AQAB"}`), "malformed"},
		"kty-okp-with-a-point":    {headerOf("ES256", `{"kty":"OKP","crv":"P-256","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"kty-of-another-kind":     {headerOf("ES256", edJWK), "algorithm"},
		"alg-hmac":                {headerOf("HS256", `{"kty":"oct","k":"`+encode(zero)+`"}`), "algorithm"},
		"alg-none":                {headerOf("none", ecJWK), "algorithm"},
		"ec-curve-missing":        {headerOf("ES256", `{"kty":"EC","x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"ec-curve-unknown":        {ec("secp256k1", ecX, ecY), "malformed"},
		"ec-curve-weak":           {ec("P-224", encode(x[:28]), encode(y[:28])), "malformed"},
		"ec-curve-of-others":      {ec("P-384", ecX, ecY), "malformed"},
		"ec-curve-as-number":      {headerOf("ES256", `{"kty":"EC","crv":256,"x":"`+ecX+`","y":"`+ecY+`"}`), "malformed"},
		"ec-off-the-curve":        {ec("P-256", ecX, ecX), "malformed"},
		"ec-zero":                 {ec("P-256", encode(zero), encode(zero)), "malformed"},
		"ec-beyond-the-field":     {ec("P-256", encode(beyond), ecY), "malformed"},
		"ec-short":                {ec("P-256", encode(x[:31]), ecY), "malformed"},
		"ec-long":                 {ec("P-256", encode(append([]byte{0}, x...)), ecY), "malformed"},
		"ec-split-elsewhere":      {ec("P-256", encode(append(x[:32:32], y[0])), encode(y[1:])), "malformed"},
		"ec-compressed":           {ec("P-256", encode(append([]byte{2}, x...)), ""), "malformed"},
		"ec-without-y":            {headerOf("ES256", `{"kty":"EC","crv":"P-256","x":"`+ecX+`"}`), "malformed"},
		"ec-y-null":               {headerOf("ES256", `{"kty":"EC","crv":"P-256","x":"`+ecX+`","y":null}`), "malformed"},
		"ec-padded":               {ec("P-256", ecX+"=", ecY), "malformed"},
		"ec-stray-bits":           {ec("P-256", ecX[:42]+"t", ecY), "malformed"},
		"ec-line-break":           {ec("P-256", ecX[:8]+`\n`+ecX[8:], ecY), "malformed"},
		"ec-carriage-return":      {ec("P-256", ecX+`\r`, ecY), "malformed"},
		"ec-space":                {ec("P-256", " "+ecX, ecY), "malformed"},
		"ec-standard-alphabet":    {ec("P-256", ecX, strings.ReplaceAll(ecY, "_", "/")), "malformed"},
		"ec-private":              {headerOf("ES256", strings.TrimSuffix(ecJWK, "}")+`,"d":"`+encode(zero)+`"}`), "malformed"},
		"ec-private-null":         {headerOf("ES256", strings.TrimSuffix(ecJWK, "}")+`,"d":null}`), "malformed"},
		"ec-with-a-secret":        {headerOf("ES256", strings.TrimSuffix(ecJWK, "}")+`,"k":"AAAA"}`), "malformed"},
		"ed-curve-missing":        {headerOf("EdDSA", `{"kty":"OKP","x":"`+edX+`"}`), "malformed"},
		"ed-448":                  {okp("Ed448", encode(make([]byte, 57))), "malformed"},
		"ed-for-agreement":        {okp("X25519", edX), "malformed"},
		"ed-short":                {okp("Ed25519", encode(b64(edX)[:31])), "malformed"},
		"ed-long":                 {okp("Ed25519", encode(append(b64(edX), 0))), "malformed"},
		"ed-empty":                {okp("Ed25519", ""), "malformed"},
		"ed-padded":               {okp("Ed25519", edX+"="), "malformed"},
		"ed-private":              {headerOf("EdDSA", strings.TrimSuffix(edJWK, "}")+`,"d":"`+edX+`"}`), "malformed"},
		"rsa-without-n":           {headerOf("RS256", `{"kty":"RSA","e":"AQAB"}`), "malformed"},
		"rsa-without-e":           {headerOf("RS256", `{"kty":"RSA","n":"`+rsaN+`"}`), "malformed"},
		"rsa-n-empty":             {rsaKey("", "AQAB"), "malformed"},
		"rsa-n-as-number":         {headerOf("RS256", `{"kty":"RSA","n":65537,"e":"AQAB"}`), "malformed"},
		"rsa-e-as-number":         {headerOf("RS256", `{"kty":"RSA","n":"`+rsaN+`","e":65537}`), "malformed"},
		"rsa-zero":                {rsaKey(encode(make([]byte, 256)), "AQAB"), "malformed"},
		"rsa-n-leading-zero":      {rsaKey(encode(append([]byte{0}, n...)), "AQAB"), "malformed"},
		"rsa-n-blown-up":          {rsaKey(encode(append(make([]byte, 700), n...)), "AQAB"), "malformed"},
		"rsa-e-leading-zero":      {rsaKey(rsaN, encode([]byte{0, 1, 0, 1})), "malformed"},
		"rsa-e-zero":              {rsaKey(rsaN, encode([]byte{0})), "malformed"},
		"rsa-e-one":               {rsaKey(rsaN, encode([]byte{1})), "malformed"},
		"rsa-e-three":             {rsaKey(rsaN, encode([]byte{3})), "malformed"},
		"rsa-e-even":              {rsaKey(rsaN, encode([]byte{1, 0, 2})), "malformed"},
		"rsa-e-of-four-bytes":     {rsaKey(rsaN, encode([]byte{1, 0, 0, 1})), "malformed"},
		"rsa-e-negative":          {rsaKey(rsaN, encode([]byte{0xff, 0xff, 0xff, 0xff})), "malformed"},
		"rsa-e-of-five-bytes":     {rsaKey(rsaN, encode([]byte{1, 0, 0, 0, 1})), "malformed"},
		"rsa-e-huge":              {rsaKey(rsaN, encode(append(n[:255:255], 1))), "malformed"},
		"rsa-1024":                {rsaKey(encode(n[:128]), "AQAB"), "malformed"},
		"rsa-2047":                {rsaKey(encode(append([]byte{n[0] >> 1}, n[1:]...)), "AQAB"), "malformed"},
		"rsa-4097":                {rsaKey(encode(append([]byte{1}, make([]byte, 512)...)), "AQAB"), "malformed"},
		"rsa-8192":                {rsaKey(encode(append([]byte{0xff}, make([]byte, 1023)...)), "AQAB"), "malformed"},
		"rsa-private-prime":       {headerOf("RS256", strings.TrimSuffix(rsaJWK, "}")+`,"p":"AQAB"}`), "malformed"},
		"rsa-private-other-prime": {headerOf("RS256", strings.TrimSuffix(rsaJWK, "}")+`,"oth":[]}`), "malformed"},
		"rsa-private-exponent":    {headerOf("RS256", strings.TrimSuffix(rsaJWK, "}")+`,"d":"AQAB"}`), "malformed"},
		"rsa-private-crt":         {headerOf("RS256", strings.TrimSuffix(rsaJWK, "}")+`,"qi":"AQAB"}`), "malformed"},
		"rsa-n-of-48-kib":         {rsaKey(encode(append([]byte{0xff}, make([]byte, 40<<10)...)), "AQAB"), "malformed"},
		"rsa-n-of-64-kib":         {rsaKey(encode(append([]byte{0xff}, make([]byte, 64<<10)...)), "AQAB"), "malformed"},
	}
	// The other point with this x is of the curve: only the signature tells.
	if _, err := ownKey(ec("P-256", ecX, encode(negative))); err != nil {
		panic(err)
	}
	return cases
}

func TestHostileKeysAreRefused(t *testing.T) {
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			k, err := ownKey(test.header)
			refused(t, k, err, test.reason)
			if err != nil && (strings.Contains(err.Error(), ecX) || len(err.Error()) > 256) {
				t.Errorf("the error tells what was sent: %v", err)
			}
		})
	}
}

// What the key of a proof says it is for is held against what it is used for.
func TestNitAuthOwnKeyIsForSignatures(t *testing.T) {
	with := func(more string) string { return headerOf("ES256", strings.TrimSuffix(ecJWK, "}")+","+more+"}") }
	for more, reason := range map[string]string{
		`"alg":"ES256"`: "", `"use":"sig"`: "", `"key_ops":["verify"]`: "", `"key_ops":["sign","verify"]`: "", `"alg":"ES256","use":"sig","key_ops":["verify"]`: "",
		`"alg":null`: "", `"use":null`: "", `"key_ops":null`: "", `"alg":null,"use":null,"key_ops":null`: "",
		`"alg":"ES384"`: "algorithm", `"alg":"EdDSA"`: "algorithm", `"alg":7`: "malformed", `"use":"enc"`: "malformed", `"use":7`: "malformed",
		`"key_ops":["sign"]`: "malformed", `"key_ops":["encrypt"]`: "malformed", `"key_ops":"verify"`: "malformed",
	} {
		k, err := ownKey(with(more))
		if reason != "" {
			refused(t, k, err, reason)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", more, err)
		}
	}
	for _, alg := range []string{"EdDSA", "Ed25519"} { // two names of one
		if _, err := ownKey(headerOf("Ed25519", strings.TrimSuffix(edJWK, "}")+`,"alg":"`+alg+`"}`)); err != nil {
			t.Error(err)
		}
	}
}

// RSA keys of strangers are taken from 2048 to 4096 bits, and with exponents of up
// to 24.
func TestRSABounds(t *testing.T) {
	odd := func(bits int) string {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return encode(n.SetBit(n, 0, 1).Bytes())
	}
	for name, test := range map[string]struct{ n, e string }{
		"least":           {odd(2048), "AQAB"},
		"most":            {odd(4096), "AQAB"},
		"greatest-e":      {odd(2048), encode([]byte{0xff, 0xff, 0xff})},
		"of-odd-bit-size": {odd(3071), "AQAB"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ownKey(headerOf("PS256", `{"kty":"RSA","n":"`+test.n+`","e":"`+test.e+`"}`)); err != nil {
				t.Error(err)
			}
		})
	}
}

// What a token that is no proof says about its key is not read at all.
func TestOnlyProofsBringTheirKeys(t *testing.T) {
	rules := jose.Rules{Algorithms: jose.Algorithms(), Types: []string{"at+jwt"}}
	h, err := rules.ReadHeader([]byte(`{"typ":"at+jwt","alg":"ES256","jwk":` + ecJWK + `}`))
	if err != nil || h.JWK != nil {
		t.Errorf("jwk %v, %v", h.JWK, err)
	}
	k, err := h.OwnKey()
	refused(t, k, err, "malformed")
}

// Key and secret are two, whatever bytes they consist of.
func TestThumbprintsOfKinds(t *testing.T) {
	public := ed25519.PublicKey(make([]byte, 32))
	k, err := jose.NewKey("", "", public)
	if err != nil {
		t.Fatal(err)
	}
	if secret := jose.NewSecret(public); secret.Thumbprint == k.Thumbprint {
		t.Error("a secret has the thumbprint of a public key")
	}
}

func FuzzOwnKey(f *testing.F) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(headerOf("PS256", `{"kty":"RSA","n":"`+encode(rsaKey.N.Bytes())+`","e":"AQAB"}`))
	for _, header := range []string{headerOf("ES256", ecJWK), headerOf("RS256", rsaJWK), headerOf("EdDSA", edJWK), headerOf("ES384", curveJWK(elliptic.P384())), headerOf("ES512", curveJWK(elliptic.P521()))} {
		f.Add(header)
	}
	for _, test := range hostile() {
		if len(test.header) < 4<<10 {
			f.Add(test.header)
		}
	}
	f.Fuzz(func(t *testing.T, header string) {
		k, err := ownKey(header)
		if (k == nil) == (err == nil) {
			t.Fatalf("key %v, error %v", k, err)
		}
		if err != nil {
			return
		}
		// Whatever is taken is spelled in the one way in which we would publish
		// it: of two spellings the thumbprint would say nothing.
		var sent struct {
			JWK map[string]any `json:"jwk"`
		}
		if err := json.Unmarshal([]byte(header), &sent); err != nil {
			t.Fatalf("%q is no JSON: %v", header, err)
		}
		set, err := jose.JWKS([]*jose.Key{k})
		if err != nil {
			t.Fatal(err)
		}
		var published struct{ Keys []map[string]string }
		if err := json.Unmarshal(set, &published); err != nil {
			t.Fatal(err)
		}
		for name, value := range published.Keys[0] {
			if name != "kid" && name != "use" && sent.JWK[name] != value {
				t.Errorf("%s is %v in %q, and is published as %s", name, sent.JWK[name], header, value)
			}
		}
		for _, private := range []string{"d", "p", "q", "k"} {
			if _, there := sent.JWK[private]; there {
				t.Errorf("%q is no public key", header)
			}
		}
	})
}

// Keys that were made by hand may lack what package ecdsa and rsa take for granted.
func TestKeysWithoutNumbers(t *testing.T) {
	for name, key := range map[string]any{
		"no-point":     &ecdsa.PublicKey{Curve: elliptic.P256()},
		"no-curve":     &ecdsa.PublicKey{},
		"nil-ecdsa":    (*ecdsa.PublicKey)(nil),
		"no-modulus":   &rsa.PublicKey{E: 65537},
		"nil-rsa":      (*rsa.PublicKey)(nil),
		"negative-rsa": &rsa.PublicKey{N: new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 2047)), E: 65537},
	} {
		if _, err := jose.NewKey("", "", key); err == nil {
			t.Errorf("%s is a key", name)
		}
	}
}
