package conformance_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
)

// signatures are how a token may be signed: by each algorithm, and by HMAC with
// what is known to everybody.
var signatures = append(slices.Clone(algorithms), "HS256 by the public key", "HS256 by nothing")

// A comparison gives tokens to the verifiers and, where one accepts, to the
// peers: whatever we accept, golang-jwt and go-jose accept too with the same key,
// and read the same caller. Most tokens have good signatures, over headers and
// claims that are not good.
type comparison struct {
	verifiers         map[string]*jwt.Verifier // by the kind of their keys
	accepted, refused int
}

func newComparison(t testing.TB) *comparison {
	return &comparison{verifiers: map[string]*jwt.Verifier{
		"public": verifierOf(t, publicKeys(t)), "secret": verifierOf(t, secretKeys(t)),
	}}
}

// sign signs header and payload as they are.
func sign(t testing.TB, how, header, payload string) string {
	t.Helper()
	name, key := how, signingKeys()[how]
	switch how {
	case "HS256 by the public key":
		der, err := x509.MarshalPKIXPublicKey(verifyingKey("RS256"))
		if err != nil {
			t.Fatal(err)
		}
		name, key = "HS256", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	case "HS256 by nothing":
		name, key = "HS256", []byte{}
	}
	header, payload = strings.ReplaceAll(header, "ALG", name), strings.ReplaceAll(payload, "ALG", name)
	input := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := golangjwt.GetSigningMethod(name).Sign(input, key)
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + encode(signature)
}

// check gives the token to all. It was signed in the way named.
func (c *comparison) check(t testing.TB, how, token string) {
	t.Helper()
	for kind, verifier := range c.verifiers {
		got, err := verifier.Verify(t.Context(), token)
		if err != nil {
			c.refused++
			if p, ok := err.(*bulwark.Problem); !ok || p.Status != 401 || got != nil {
				t.Errorf("%s: refused with %v", kind, err)
			}
			continue
		}
		c.accepted++
		if !slices.Contains(algorithms, how) || isSecret(how) != (kind == "secret") {
			t.Errorf("%s keys accept what is signed as %s: %s", kind, how, token)
			continue
		}
		header := headerOf(t, token)
		if header["alg"] != how {
			t.Errorf("the token says %v and is signed by %s", header["alg"], how)
		}
		if !hasNull(t, token) {
			sameAsGolangJWT(t, how, token, got)
		}
		if !leavesUnread(header) {
			sameAsGoJose(t, how, token, got)
		}
	}
}

func sameAsGolangJWT(t testing.TB, algorithm, token string, ours *bulwark.Principal) {
	t.Helper()
	claims := golangjwt.MapClaims{}
	if err := byGolangJWT(token, algorithm, verifyingKey(algorithm), claims); err != nil {
		t.Errorf("golang-jwt refuses with %v what we accept: %s", err, token)
		return
	}
	id, _ := claims["jti"].(string)
	expires, err := claims.GetExpirationTime()
	if err != nil || claims["sub"] != ours.Subject || claims["iss"] != ours.Issuer || id != ours.TokenID || !sameSecond(expires.Time, ours.ExpiresAt) {
		t.Errorf("golang-jwt reads %v, ours is %+v", claims, ours)
	}
}

func sameAsGoJose(t testing.TB, algorithm, token string, ours *bulwark.Principal) {
	t.Helper()
	var claims map[string]any
	if err := byGoJose(token, algorithm, verifyingKey(algorithm), &claims); err != nil {
		t.Errorf("go-jose refuses with %v what we accept: %s", err, token)
		return
	}
	id, _ := claims["jti"].(string)
	if claims["sub"] != ours.Subject || claims["iss"] != ours.Issuer || id != ours.TokenID {
		t.Errorf("go-jose reads %v, ours is %+v", claims, ours)
	}
}

// sameSecond allows for what a float64 rounds.
func sameSecond(a, b time.Time) bool { return a.Sub(b).Abs() < time.Second }

// leavesUnread reports whether the header has a member that go-jose reads, and
// refuses where it makes no sense, and that we ignore because the sender chose
// it: keys and certificates (RFC 7515 sections 4.1.2 to 4.1.8), and the nonce of
// RFC 8555.
func leavesUnread(header map[string]any) bool {
	for _, name := range []string{"jwk", "x5c", "nonce"} {
		if _, ok := header[name]; ok {
			return true
		}
	}
	return false
}

// hasNull reports whether a claim is null, which golang-jwt refuses where a time
// is expected, and which is no claim to us.
func hasNull(t testing.TB, token string) bool {
	var claims map[string]any
	segments := strings.Split(token, ".")
	if err := json.Unmarshal(decode(t, segments[1]), &claims); err != nil {
		t.Errorf("accepted, and its payload is no JSON: %v", err)
	}
	for _, value := range claims {
		if value == nil {
			return true
		}
	}
	return false
}

func headerOf(t testing.TB, token string) map[string]any {
	t.Helper()
	var header map[string]any
	segment, _, _ := strings.Cut(token, ".")
	if err := json.Unmarshal(decode(t, segment), &header); err != nil {
		t.Errorf("accepted, and its header is no JSON: %v", err)
	}
	return header
}

// Every header is tried with good claims and all claims with a good header, by
// each algorithm; and with each other by the three that are quick.
func TestNeverLaxer(t *testing.T) {
	c := newComparison(t)
	for _, how := range signatures {
		quick := how == "HS256" || how == "ES256" || how == "EdDSA"
		for i, header := range headers {
			for j, payload := range payloads {
				if i == 0 || j == 0 || quick {
					c.check(t, how, sign(t, how, header, payload))
				}
			}
		}
	}
	if c.accepted < 100 || c.refused < 1000 {
		t.Errorf("%d accepted, %d refused: nothing is compared", c.accepted, c.refused)
	}
}

// Good tokens are changed at random, the same way each time: before they are
// signed, and after.
func TestNeverLaxerMutated(t *testing.T) {
	c := newComparison(t)
	random := mathrand.New(mathrand.NewPCG(7519, 7515))
	for range 6000 {
		how := []string{"HS256", "ES256", "EdDSA"}[random.IntN(3)]
		header, payload := headers[random.IntN(4)], payloads[random.IntN(3)]
		if random.IntN(2) == 0 {
			header = mutate(random, header)
		} else {
			payload = mutate(random, payload)
		}
		c.check(t, how, sign(t, how, header, payload))
	}
	if c.accepted < 200 || c.refused < 2000 {
		t.Errorf("%d accepted, %d refused before signing: nothing is compared", c.accepted, c.refused)
	}
	c.accepted = 0
	for _, how := range signatures {
		token := sign(t, how, goodHeader, goodClaims)
		for range 200 {
			if changed := mutate(random, token); changed != token {
				c.check(t, how, changed)
			}
		}
	}
	if c.accepted != 0 {
		t.Errorf("%d accepted that were changed after signing", c.accepted)
	}
}

// The signatures of ECDSA come in pairs, (r, s) and (r, n-s), of which anybody
// can make one from the other. Both are accepted, by the peers too: what is not
// to be accepted again must be told by its claims and not by its bytes.
func TestOtherSignatureOfECDSA(t *testing.T) {
	c := newComparison(t)
	for how, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		token := sign(t, how, goodHeader, goodClaims)
		signature := signatureOf(t, token)
		half := signature[len(signature)/2:]
		new(big.Int).Sub(curve.Params().N, number(half)).FillBytes(half)
		c.check(t, how, token[:lastDot(token)+1]+encode(signature))
	}
	if c.accepted != 3 {
		t.Errorf("%d of 3 accepted", c.accepted)
	}
}

func FuzzNeverLaxer(f *testing.F) {
	for i, header := range headers {
		f.Add(uint8(i), header, goodClaims)
	}
	for i, payload := range payloads {
		f.Add(uint8(i), goodHeader, payload)
	}
	c := newComparison(f)
	f.Fuzz(func(t *testing.T, how uint8, header, payload string) {
		name := signatures[int(how)%len(signatures)]
		c.check(t, name, sign(t, name, header, payload))
	})
}
