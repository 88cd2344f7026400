package conformance_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/compact"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// Each vector gets the verdict that it names, and a refusal has a reason. What
// we disagree with is listed, and nothing is listed that we agree with.
func TestWycheproof(t *testing.T) {
	lists := slices.Concat(mistaken, policy)
	listed, found := 0, 0
	for _, d := range lists {
		listed += len(d.ids)
	}
	for _, name := range fileNames {
		file := readVectors(t, name)
		for _, g := range file.TestGroups {
			for _, v := range g.Tests {
				want := v.valid() && !v.encrypted()
				if disputed(lists, name, v.ID) {
					want = !want
					found++
				}
				t.Run(fmt.Sprintf("%s/tc%d", name, v.ID), func(t *testing.T) {
					got := judge(g, v)
					if got.accepted() != want {
						t.Errorf("%s: %s by the vector, ours %s", v.Comment, v.Result, got)
					}
					if !got.accepted() && !slices.Contains(reasons, got.reason) {
						t.Errorf("%s is refused for %q, which is no reason", v.Comment, got.reason)
					}
					if v.encrypted() && got.reason != "malformed" {
						t.Errorf("a JWE is refused for %q, want malformed", got)
					}
				})
			}
		}
	}
	if found != listed {
		t.Errorf("%d vectors are listed as disagreements, %d are there", listed, found)
	}
}

// The vectors without algorithm have no signature either. With one they are
// refused for the algorithm.
func TestUnsecuredVectorsWithASignature(t *testing.T) {
	file := readVectors(t, "json_web_signature")
	for _, id := range []int{341, 342, 343, 344} {
		g, v := file.find(t, id)
		keys, err := g.keySet()
		if err != nil {
			t.Fatal(err)
		}
		if got := verify(v.token()+"AAAA", keys); got.reason != "algorithm" {
			t.Errorf("tc%d: %s, want algorithm", id, got)
		}
	}
}

// The four vectors that are wrong show it themselves.
func TestMistakenVectors(t *testing.T) {
	file := readVectors(t, "json_web_signature")
	_, valid := file.find(t, 357)
	if !valid.valid() {
		t.Fatal("tc357 is not valid")
	}
	for _, id := range []int{367, 370} {
		if _, v := file.find(t, id); v.token() != valid.token() || v.valid() {
			t.Errorf("tc%d is not the token of tc357 called invalid", id)
		}
	}
	for _, id := range []int{372, 373} {
		_, v := file.find(t, id)
		if without := strings.Replace(v.token(), "?", "", 1); without == v.token() || without != valid.token() || !v.valid() {
			t.Errorf("tc%d is not the token of tc357 with a question mark called valid", id)
		}
	}
}

// A token without payload is a JWS, and no verifier takes it: it has no claims.
func TestEmptyPayloadsAreNoClaims(t *testing.T) {
	file := readVectors(t, "json_web_signature")
	for _, id := range []int{259, 264, 268} {
		g, v := file.find(t, id)
		if got := judge(g, v); !got.accepted() {
			t.Errorf("tc%d: %s", id, got)
		}
		verifier, err := jwt.New(jwt.Config{Issuer: "joe", Audience: []string{"us"}, Keys: jwt.StaticKeys(string(g.Public)), InsecurePlainType: true})
		if err != nil {
			t.Fatal(err)
		}
		var p *bulwark.Problem
		if _, err := verifier.Verify(t.Context(), v.token()); !errors.As(err, &p) || p.Log.Reason != "malformed" {
			t.Errorf("tc%d: a verifier says %v", id, err)
		}
	}
}

// A key's alg is what refuses these: without it, as RFC 7520 has the keys, each
// is accepted, and so is each that the vectors themselves want refused for it.
func TestAlgorithmOfTheKeyRefuses(t *testing.T) {
	file := readVectors(t, "json_web_signature")
	ids := slices.Concat(policy[0].ids, policy[1].ids)
	for _, id := range append(ids, 332, 334, 336, 338, 340) {
		t.Run(fmt.Sprintf("tc%d", id), func(t *testing.T) {
			g, v := file.find(t, id)
			if got := judge(g, v); got.reason != "algorithm" {
				t.Errorf("%s, want algorithm", got)
			}
			g.Public = withoutAlgorithm(t, g.Public)
			if got := judge(g, v); !got.accepted() {
				t.Errorf("by a key without alg: %s", got)
			}
		})
	}
}

func withoutAlgorithm(t testing.TB, key json.RawMessage) json.RawMessage {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal(key, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "alg")
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What is wrong with the key of jws_rsa_roca_key is there to be found: it has
// the fingerprint of Nemec et al., "The Return of Coppersmith's Attack", section
// 2.3. No other key of the vectors has it, and none of this process.
func TestFingerprintOfROCA(t *testing.T) {
	found := 0
	for _, name := range fileNames {
		for _, g := range readVectors(t, name).TestGroups {
			for _, modulus := range moduli(t, g.Public) {
				got, want := hasFingerprint(modulus), g.Comment == "jws_rsa_roca_key"
				if got != want {
					t.Errorf("%s tc%d has the fingerprint: %t, want %t", name, g.Tests[0].ID, got, want)
				}
				if got {
					found++
				}
			}
		}
	}
	if found != 2 {
		t.Errorf("found %d times, want 2", found)
	}
	if hasFingerprint(verifyingKey("RS256").(*rsa.PublicKey).N) {
		t.Error("a key of crypto/rsa has it")
	}
}

// hasFingerprint reports whether a modulus of 1984 bits or more is a power of
// 65537 in each of the fields of up to 701 elements, as a product of two primes
// of the faulty generator is.
func hasFingerprint(modulus *big.Int) bool {
	for p := int64(3); p <= 701; p += 2 {
		if !big.NewInt(p).ProbablyPrime(0) {
			continue
		}
		residue := new(big.Int).Mod(modulus, big.NewInt(p)).Int64()
		power := int64(1)
		for i := int64(0); i < p && power != residue; i++ {
			power = power * 65537 % p
		}
		if power != residue {
			return false
		}
	}
	return true
}

// moduli returns the modulus of each RSA key of a JWK or JWK Set.
func moduli(t testing.TB, text json.RawMessage) []*big.Int {
	t.Helper()
	type key struct {
		KeyType string `json:"kty"`
		N       string
	}
	var set struct {
		key
		Keys []key
	}
	if text == nil {
		return nil
	}
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatal(err)
	}
	var all []*big.Int
	for _, k := range append(set.Keys, set.key) {
		if k.KeyType == "RSA" && k.N != "" {
			all = append(all, new(big.Int).SetBytes(decode(t, k.N)))
		}
	}
	return all
}

// Whatever the vectors have as private or secret key is refused where public
// keys are read: alone and in a set, whole and mixed with public ones.
func TestPrivateKeysAreRefused(t *testing.T) {
	for _, name := range fileNames {
		for i, g := range readVectors(t, name).TestGroups {
			keys, err := jose.ParseKeys(g.Private, 100)
			if keys != nil || err == nil || err.Error() != "the key set holds a secret or private key" {
				t.Errorf("%s, group %d %s: %d keys, %v", name, i, g.Comment, len(keys), err)
			}
		}
	}
}

// A JWE is claimed by no verifier, refused by each that it is given to, and its
// header is refused in front of a payload and signature as well.
func TestEncryptedTokensAreRefused(t *testing.T) {
	verifiers := map[string]auth.Authenticator{"public": verifierOf(t, publicKeys(t)), "secret": verifierOf(t, secretKeys(t))}
	for _, name := range []string{"json_web_encryption", "json_web_crypto"} {
		for _, g := range readVectors(t, name).TestGroups {
			for _, v := range g.Tests {
				if !v.encrypted() {
					continue
				}
				t.Run(fmt.Sprintf("%s/tc%d", name, v.ID), func(t *testing.T) {
					for kind, verifier := range verifiers {
						r := bearer(v.token())
						if got := verifier.Detect(r); got != auth.None {
							t.Errorf("%s: detected as %v", kind, got)
						}
						caller, err := verifier.Authenticate(r)
						if caller != nil {
							t.Errorf("%s: accepted", kind)
						}
						wantInvalid(t, err, "malformed")
					}
					segment, _, _ := strings.Cut(v.token(), ".")
					header, err := base64.RawURLEncoding.DecodeString(segment)
					if err != nil {
						return // the JSON serialization
					}
					if got := verifyParts(compact.Token{Header: header}, &jose.KeySet{}); got.reason != "malformed" {
						t.Errorf("its header: %s, want malformed", got)
					}
				})
			}
		}
	}
}

// wantInvalid fails unless err refuses a token for the reason, and tells the
// client nothing but that.
func wantInvalid(t testing.TB, err error, reason string) {
	t.Helper()
	p, ok := err.(*bulwark.Problem)
	if !ok {
		t.Errorf("%v, want a Problem with reason %s", err, reason)
		return
	}
	if p.Status != 401 || p.Code != "auth.invalid_token" || p.Detail != "The credentials are not valid." || p.Log.Event != bulwark.AuthnTokenInvalid {
		t.Errorf("%d %s %q, event %s", p.Status, p.Code, p.Detail, p.Log.Event)
	}
	if p.Log.Reason != reason {
		t.Errorf("reason %q (%v), want %q", p.Log.Reason, p.Err, reason)
	}
}
