package conformance_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// The claims of RFC 7515 appendix A.1, and how they are encoded.
const (
	joeClaims  = "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"
	joePayload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
)

// The RSA key of RFC 7638 section 3.1 and the Ed25519 key of RFC 8037 appendix A.2.
const (
	rfc7638Key = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfc8037Key = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
)

// rfcExamples are the signed examples of RFC 7515 appendix A and RFC 8037
// appendix A.4.
var rfcExamples = []struct{ name, algorithm, key, header, payload, token string }{
	{
		name: "RFC7515-A.1", algorithm: "HS256",
		key:    `{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}`,
		header: "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", payload: joeClaims,
		token: "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + joePayload + ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	},
	{
		name: "RFC7515-A.2", algorithm: "RS256",
		key:    `{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}`,
		header: `{"alg":"RS256"}`, payload: joeClaims,
		token: "eyJhbGciOiJSUzI1NiJ9." + joePayload + "." +
			"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4" +
			"BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv" +
			"hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
	},
	{
		name: "RFC7515-A.3", algorithm: "ES256",
		key:    `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`,
		header: `{"alg":"ES256"}`, payload: joeClaims,
		token: "eyJhbGciOiJFUzI1NiJ9." + joePayload + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
	},
	{
		name: "RFC7515-A.4", algorithm: "ES512",
		key: `{"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",` +
			`"y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"}`,
		header: `{"alg":"ES512"}`, payload: "Payload",
		token: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn",
	},
	{
		name: "RFC8037-A.4", algorithm: "EdDSA",
		key:    rfc8037Key,
		header: `{"alg":"EdDSA"}`, payload: "Example of Ed25519 signing",
		token: "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	},
}

// Each example is accepted with its key and no other, and refused with any byte
// of its signature changed. That the constants are right, and that accepting
// them says something, the standard library must say as well.
func TestExamplesOfRFCs(t *testing.T) {
	for _, example := range rfcExamples {
		t.Run(example.name, func(t *testing.T) {
			parts, err := compact.Parse(example.token, maxToken)
			if err != nil {
				t.Fatal(err)
			}
			if string(parts.Header) != example.header || string(parts.Payload) != example.payload {
				t.Errorf("header %q, payload %q", parts.Header, parts.Payload)
			}
			key := keyMaterial(t, example.key)
			if !byStandardLibrary(example.algorithm, key, parts.Input, parts.Signature) {
				t.Error("the standard library refuses it")
			}
			if got := verify(example.token, keySetOf(t, example.key)); !got.accepted() {
				t.Errorf("refused: %s", got)
			}
			for at := range parts.Signature {
				if got := verify(flipped(t, example.token, at), keySetOf(t, example.key)); got.reason != "signature" {
					t.Errorf("with byte %d of the signature changed: %s, want signature", at, got)
				}
			}
			for _, other := range rfcExamples {
				if other.name == example.name {
					continue
				}
				if got := verify(example.token, keySetOf(t, other.key)); got.reason != "unknown_key" {
					t.Errorf("with the key of %s: %s, want unknown_key", other.name, got)
				}
			}
		})
	}
}

// What RFC 7515 shows and wants refused, or has as other serializations.
func TestCounterexamplesOfRFC7515(t *testing.T) {
	signature := "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	crit := "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0"
	for _, test := range []struct{ name, token, want string }{
		{"A.5-unsecured", "eyJhbGciOiJub25lIn0." + joePayload + ".", "malformed"},
		{"A.5-with-a-signature", "eyJhbGciOiJub25lIn0." + joePayload + "." + signature, "algorithm"},
		{"A.7-flattened", `{"payload":"` + joePayload + `","protected":"eyJhbGciOiJFUzI1NiJ9","header":{"kid":"e9bc097a-ce51-4036-9562-d2ade882db0d"},"signature":"` + signature + `"}`, "malformed"},
		{"E-critical", crit + ".RkFJTA.", "malformed"},
		{"E-critical-with-a-signature", crit + ".RkFJTA." + signature, "malformed"},
		{"F-detached", "eyJhbGciOiJFUzI1NiJ9.." + signature, "signature"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verify(test.token, keySetOf(t, rfcExamples[2].key)); got.reason != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// RFC 7520 sections 4.1 to 4.4 are among the vectors, with an alg in the keys
// that the RFC does not have; without it they are its examples.
func TestExamplesOfRFC7520(t *testing.T) {
	const words = "It\u2019s a dangerous business, Frodo, going out your door. You step onto the road, and if you don't keep your feet, there\u2019s no knowing where you might be swept off to."
	file := readVectors(t, "json_web_signature")
	for _, test := range []struct {
		section, algorithm string
		id                 int
	}{
		{"4.1", "RS256", 345}, {"4.2", "PS384", 346}, {"4.3", "ES512", 347}, {"4.4", "HS256", 348},
	} {
		t.Run(test.section, func(t *testing.T) {
			g, v := file.find(t, test.id)
			text := g.Public
			if text == nil {
				text = g.Private
			}
			key := string(withoutAlgorithm(t, text))
			if got := verify(v.token(), keySetOf(t, key)); !got.accepted() {
				t.Errorf("refused: %s", got)
			}
			parts, err := compact.Parse(v.token(), maxToken)
			if err != nil {
				t.Fatal(err)
			}
			if string(parts.Payload) != words {
				t.Errorf("payload %q", parts.Payload)
			}
			if !byStandardLibrary(test.algorithm, keyMaterial(t, key), parts.Input, parts.Signature) {
				t.Error("the standard library refuses it")
			}
		})
	}
}

func TestThumbprintsOfRFCs(t *testing.T) {
	for _, test := range []struct{ name, key, want string }{
		{"RFC7638-3.1", rfc7638Key, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC8037-A.3", rfc8037Key, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
	} {
		t.Run(test.name, func(t *testing.T) {
			k, err := jose.NewKey("", "", keyMaterial(t, test.key))
			if err != nil {
				t.Fatal(err)
			}
			if got := k.ThumbprintText(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
			keys, err := jose.ParseKeys([]byte(test.key), 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := keys[0].ThumbprintText(); got != test.want {
				t.Errorf("as a JWK: %s, want %s", got, test.want)
			}
		})
	}
}

func keySetOf(t testing.TB, key string) *jose.KeySet {
	t.Helper()
	g := group{Public: json.RawMessage(key)}
	if strings.Contains(key, `"oct"`) {
		g = group{Private: json.RawMessage(key)}
	}
	set, err := g.keySet()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// keyMaterial reads a JWK with the standard library alone.
func keyMaterial(t testing.TB, text string) any {
	t.Helper()
	var key map[string]string
	if err := json.Unmarshal([]byte(text), &key); err != nil {
		t.Fatal(err)
	}
	switch key["kty"] {
	case "oct":
		return decode(t, key["k"])
	case "RSA":
		return &rsa.PublicKey{N: new(big.Int).SetBytes(decode(t, key["n"])), E: int(new(big.Int).SetBytes(decode(t, key["e"])).Int64())}
	case "OKP":
		return ed25519.PublicKey(decode(t, key["x"]))
	}
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-521": elliptic.P521()}[key["crv"]]
	point := append([]byte{4}, append(decode(t, key["x"]), decode(t, key["y"])...)...)
	public, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// byStandardLibrary checks a signature as RFC 7518 section 3 and RFC 8037 section
// 3.1 write it down, with nothing but the standard library.
func byStandardLibrary(algorithm string, key any, input, signature []byte) bool {
	digest256, digest384, digest512 := sha256.Sum256(input), sha512.Sum384(input), sha512.Sum512(input)
	switch algorithm {
	case "HS256":
		mac := hmac.New(sha256.New, key.([]byte))
		mac.Write(input)
		return hmac.Equal(mac.Sum(nil), signature)
	case "RS256":
		return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), crypto.SHA256, digest256[:], signature) == nil
	case "PS384":
		return rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA384, digest384[:], signature, &rsa.PSSOptions{SaltLength: 48}) == nil
	case "ES256":
		return ecdsa.Verify(key.(*ecdsa.PublicKey), digest256[:], number(signature[:32]), number(signature[32:]))
	case "ES512":
		return ecdsa.Verify(key.(*ecdsa.PublicKey), digest512[:], number(signature[:66]), number(signature[66:]))
	case "EdDSA":
		return ed25519.Verify(key.(ed25519.PublicKey), input, signature)
	}
	panic(fmt.Sprintf("no check for %s", algorithm))
}

func number(text []byte) *big.Int { return new(big.Int).SetBytes(text) }
