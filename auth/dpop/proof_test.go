package dpop_test

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // of ES384 and its like
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
)

// client signs proofs of any header with a key, as an algorithm wants it.
type client struct {
	alg string
	key crypto.Signer
}

func text64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (c client) hash() crypto.Hash {
	switch c.alg[2:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

func (c client) sign(input []byte) []byte {
	digest := c.hash().New()
	digest.Write(input)
	sum := digest.Sum(nil)
	switch key := c.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, input)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum)
		if err != nil {
			panic(err)
		}
		size := (key.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	var options crypto.SignerOpts = c.hash()
	if strings.HasPrefix(c.alg, "PS") {
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: c.hash()}
	}
	signature, err := c.key.Sign(rand.Reader, sum, options)
	if err != nil {
		panic(err)
	}
	return signature
}

// jwk is the public key, its members sorted and without spaces, as RFC 7638
// wants them for the thumbprint.
func (c client) jwk() string {
	switch public := c.key.Public().(type) {
	case ed25519.PublicKey:
		return `{"crv":"Ed25519","kty":"OKP","x":"` + text64(public) + `"}`
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := 1 + (len(point)-1)/2
		return `{"crv":"` + public.Params().Name + `","kty":"EC","x":"` + text64(point[1:half]) + `","y":"` + text64(point[half:]) + `"}`
	case *rsa.PublicKey:
		return `{"e":"` + text64(big.NewInt(int64(public.E)).Bytes()) + `","kty":"RSA","n":"` + text64(public.N.Bytes()) + `"}`
	}
	panic("no such key")
}

func (c client) bound() authtest.Claims {
	sum := sha256.Sum256([]byte(c.jwk()))
	return authtest.Claims{"cnf": map[string]string{"jkt": text64(sum[:])}}
}

// proof is a good one for the token, with the header as it is given, or its own
// where it is empty.
func (c client) proof(header, token string, changes authtest.Claims) string {
	if header == "" {
		header = `{"typ":"dpop+jwt","alg":"` + c.alg + `","jwk":` + c.jwk() + `}`
	}
	hash := sha256.Sum256([]byte(token))
	claims := map[string]any{"jti": rand.Text(), "htm": "GET", "htu": boundtest.Documents, "iat": time.Now().Unix(), "ath": text64(hash[:])}
	for name, value := range changes {
		claims[name] = value
	}
	return tokenOf(header, claims, c.sign)
}

// clients has one of every algorithm that proofs may have.
func clients(t testing.TB) []client {
	keys := signers(t)
	ec := func(curve elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	return []client{
		{"RS256", keys["RS256"]}, {"RS384", keys["RS256"]}, {"RS512", keys["RS256"]},
		{"PS256", keys["RS256"]}, {"PS384", keys["RS256"]}, {"PS512", keys["RS256"]},
		{"ES256", keys["ES256"]}, {"ES384", ec(elliptic.P384())}, {"ES512", ec(elliptic.P521())}, {"EdDSA", keys["EdDSA"]}, {"Ed25519", keys["EdDSA"]},
	}
}

func TestProofsOfEveryAlgorithm(t *testing.T) {
	s := boundtest.New(t)
	only := boundtest.New(t, func(c *boundtest.Settings) { c.DPoP.Algorithms = []string{"EdDSA", "PS256"} })
	for _, c := range clients(t) {
		t.Run(c.alg, func(t *testing.T) {
			token := s.Issuer.Token(c.bound())
			for range 2 { // cold, and remembered
				s.Accepts(t, boundtest.Asks("DPoP", token, c.proof("", token, nil)))
			}
			token = only.Issuer.Token(c.bound())
			if c.alg == "EdDSA" || c.alg == "Ed25519" || c.alg == "PS256" { // RFC 9864: two names of one
				only.Accepts(t, boundtest.Asks("DPoP", token, c.proof("", token, nil)))
				return
			}
			offered := `DPoP realm="api", algs="Ed25519 EdDSA PS256"` + boundtest.Metadata
			only.Refuses(t, boundtest.Asks("DPoP", token, c.proof("", token, nil)), boundtest.BadProof("proof", boundtest.WithError(offered, "invalid_dpop_proof")))
		})
	}
}

// What else a proof may say changes nothing.
func TestGoodProofs(t *testing.T) {
	s := boundtest.New(t)
	c := client{"ES256", signers(t)["ES256"]}
	token := s.Issuer.Token(c.bound())
	header := func(typ, more string) string {
		return `{"typ":"` + typ + `","alg":"ES256","jwk":` + c.jwk() + more + `}`
	}
	for name, proof := range map[string]string{
		"typ-media-type":      c.proof(header("application/dpop+jwt", ""), token, nil),
		"typ-other-case":      c.proof(header("DPoP+JWT", ""), token, nil),
		"kid":                 c.proof(header("dpop+jwt", `,"kid":"1"`), token, nil),
		"key-elsewhere":       c.proof(header("dpop+jwt", `,"jku":"https://attacker.example","x5c":["MIIB"]`), token, nil),
		"jwk-with-members":    c.proof(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+strings.TrimSuffix(c.jwk(), "}")+`,"kid":"1","use":"sig"}}`, token, nil),
		"header-white-space":  c.proof("{ \"typ\" : \"dpop+jwt\",\n\"alg\":\"ES256\",\t\"jwk\":"+c.jwk()+"}", token, nil),
		"claims-more":         c.proof("", token, authtest.Claims{"exp": time.Now().Add(time.Minute).Unix(), "nbf": 1, "sub": "mallory", "iss": "https://attacker.example", "cnf": nil}),
		"iat-with-a-fraction": c.proof("", token, authtest.Claims{"iat": float64(time.Now().Unix()) + 0.25}),
		"nonce-unasked-for":   c.proof("", token, authtest.Claims{"nonce": "x"}),
		"jti-of-512-bytes":    c.proof("", token, authtest.Claims{"jti": strings.Repeat("j", 512)}),
		"jti-of-any-text":     c.proof("", token, authtest.Claims{"jti": "é\x00\n\"\\"}),
	} {
		t.Run(name, func(t *testing.T) {
			s.Accepts(t, boundtest.Asks("DPoP", token, proof))
		})
	}
}

// Cold and with the token remembered each attack is refused for its reason, and
// nothing of it reaches the store.
func TestProofAttacksAreRefused(t *testing.T) {
	for alg, key := range signers(t) {
		for mode, size := range map[string]int{"cold": -1, "remembered": 0} {
			t.Run(alg+"-"+mode, func(t *testing.T) {
				s := boundtest.New(t, func(c *boundtest.Settings) { c.JWT.MaxCached = size })
				s.Prover = authtest.ProverWith(key)
				token := s.Token(nil)
				s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
				for _, attack := range s.Prover.Attacks(http.MethodGet, boundtest.Documents, token) {
					t.Run(attack.Name, func(t *testing.T) {
						used := s.Replays.Uses.Load()
						want := boundtest.BadProof(attack.Reason, boundtest.InvalidProof)
						if attack.Reason == "binding" {
							want = boundtest.Unauthorized("binding", boundtest.InvalidToken)
						}
						s.Refuses(t, boundtest.Asks("DPoP", token, attack.Token), want)
						if n := s.Replays.Uses.Load(); n != used {
							t.Errorf("the store was asked %d times", n-used)
						}
					})
				}
				s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
			})
		}
	}
}

// More than Attacks has: what only this package knows to be near to good.
func TestNearlyGoodProofs(t *testing.T) {
	s := boundtest.New(t)
	c := client{"ES256", signers(t)["ES256"]}
	r := client{"RS256", signers(t)["RS256"]}
	token := s.Issuer.Token(c.bound())
	ofRSA := s.Issuer.Token(r.bound())
	header := func(jwk, more string) string {
		return `{"typ":"dpop+jwt","alg":"ES256","jwk":` + jwk + more + `}`
	}
	hash := sha256.Sum256([]byte(token))
	even := new(big.Int).Add(r.key.Public().(*rsa.PublicKey).N, big.NewInt(1))
	evenJWK := `{"e":"AQAB","kty":"RSA","n":"` + text64(even.Bytes()) + `"}`
	evenSum := sha256.Sum256([]byte(evenJWK))
	toEven := s.Issuer.Token(authtest.Claims{"cnf": map[string]string{"jkt": text64(evenSum[:])}})
	shortSalt := func(input []byte) []byte {
		sum := sha256.Sum256(input)
		signature, err := rsa.SignPSS(rand.Reader, r.key.(*rsa.PrivateKey), crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: 20})
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	claims := func(token string) map[string]any {
		hash := sha256.Sum256([]byte(token))
		return map[string]any{"jti": rand.Text(), "htm": "GET", "htu": boundtest.Documents, "iat": time.Now().Unix(), "ath": text64(hash[:])}
	}
	for _, test := range []struct{ name, token, proof string }{
		{"ath-padded", token, c.proof("", token, authtest.Claims{"ath": base64.URLEncoding.EncodeToString(hash[:])})},
		{"ath-in-hex", token, c.proof("", token, authtest.Claims{"ath": new(big.Int).SetBytes(hash[:]).Text(16)})},
		{"ath-list", token, c.proof("", token, authtest.Claims{"ath": []string{text64(hash[:])}})},
		{"ath-of-the-scheme-too", token, c.proof("", "DPoP "+token, nil)},
		{"htm-list", token, c.proof("", token, authtest.Claims{"htm": []string{"GET"}})},
		{"htm-star", token, c.proof("", token, authtest.Claims{"htm": "*"})},
		{"htm-null", token, c.proof("", token, authtest.Claims{"htm": nil})},
		{"htu-list", token, c.proof("", token, authtest.Claims{"htu": []string{boundtest.Documents}})},
		{"iat-null", token, c.proof("", token, authtest.Claims{"iat": nil})},
		{"iat-negative", token, c.proof("", token, authtest.Claims{"iat": -1})},
		{"iat-huge", token, c.proof("", token, authtest.Claims{"iat": 1e300})},
		{"iat-at-the-end-of-time", token, c.proof("", token, authtest.Claims{"iat": int64(1<<63 - 1)})},
		{"iat-in-milliseconds", token, c.proof("", token, authtest.Claims{"iat": time.Now().UnixMilli()})},
		{"jti-null", token, c.proof("", token, authtest.Claims{"jti": nil})},
		{"claims-in-upper-case", token, c.proof("", token, authtest.Claims{"HTM": "GET"})},
		{"crit-of-nothing", token, c.proof(header(c.jwk(), `,"crit":[]`), token, nil)},
		{"b64", token, c.proof(header(c.jwk(), `,"b64":true`), token, nil)},
		{"alg-twice", token, c.proof(header(c.jwk(), `,"alg":"ES256"`), token, nil)},
		{"jwk-twice", token, c.proof(header(c.jwk(), `,"jwk":`+c.jwk()), token, nil)},
		{"jwk-null", token, c.proof(header("null", ""), token, nil)},
		{"jwk-of-another-curve", token, c.proof(header(strings.Replace(c.jwk(), "P-256", "P-384", 1), ""), token, nil)},
		{"jwk-padded", token, c.proof(header(strings.Replace(c.jwk(), `","y"`, `=","y"`, 1), ""), token, nil)},
		{"rsa-as-ecdsa", ofRSA, client{"ES256", r.key}.proof("", ofRSA, nil)},
		{"pss-with-short-salt", ofRSA, tokenOf(`{"typ":"dpop+jwt","alg":"PS256","jwk":`+r.jwk()+`}`, claims(ofRSA), shortSalt)},
		{"pss-as-pkcs1", ofRSA, client{"PS256", r.key}.proof(`{"typ":"dpop+jwt","alg":"RS256","jwk":`+r.jwk()+`}`, ofRSA, nil)},
		{"rsa-even-modulus", toEven, r.proof(`{"typ":"dpop+jwt","alg":"RS256","jwk":`+evenJWK+`}`, toEven, nil)},
		{"rsa-even-modulus-pss", toEven, client{"PS256", r.key}.proof(`{"typ":"dpop+jwt","alg":"PS256","jwk":`+evenJWK+`}`, toEven, nil)},
		{"more-than-4-kib", token, c.proof("", token, authtest.Claims{"x": strings.Repeat("x", 3<<10)})},
		{"nested-deep", token, c.proof("", token, authtest.Claims{"x": json.RawMessage(strings.Repeat("[", 32) + strings.Repeat("]", 32))})},
		{"many-claims", token, tokenOf(header(c.jwk(), ""), crowd(claims(token), 200), c.sign)},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.Refuses(t, boundtest.Asks("DPoP", test.token, test.proof), boundtest.BadProof("proof", boundtest.InvalidProof))
		})
	}
	if n := s.Replays.Uses.Load(); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
	s.Accepts(t, boundtest.Asks("DPoP", token, c.proof("", token, nil)))
	s.Accepts(t, boundtest.Asks("DPoP", ofRSA, r.proof("", ofRSA, nil)))
}

func crowd(claims map[string]any, n int) map[string]any {
	for i := range n {
		claims[strings.Repeat("x", 1+i%10)+string(rune('a'+i/10))] = 1
	}
	return claims
}

// The proof is for one method, the token for one client, and neither is for
// another request.
func TestProofsOfOtherRequests(t *testing.T) {
	s := boundtest.New(t)
	token, others := s.Token(nil), s.Token(nil)
	proof := s.Proof(token, nil)
	for name, change := range map[string]func(*http.Request){
		"post":         func(r *http.Request) { r.Method = http.MethodPost },
		"head":         func(r *http.Request) { r.Method = http.MethodHead },
		"lower-case":   func(r *http.Request) { r.Method = "get" },
		"path":         func(r *http.Request) { r.RequestURI = "/documents/1" },
		"longer-path":  func(r *http.Request) { r.RequestURI = "/documents/" },
		"shorter-path": func(r *http.Request) { r.RequestURI = "/document" },
		"upper-case":   func(r *http.Request) { r.RequestURI = "/Documents" },
		"two-slashes":  func(r *http.Request) { r.RequestURI = "//documents" },
		"dots":         func(r *http.Request) { r.RequestURI = "/x/../documents" },
		"encoded-dots": func(r *http.Request) { r.RequestURI = "/x/%2e%2e/documents" },
		"parameter":    func(r *http.Request) { r.RequestURI = "/documents;x=1" },
		"zero-byte":    func(r *http.Request) { r.RequestURI = "/documents%00" },
		"not-a-path":   func(r *http.Request) { r.RequestURI = "/documents%zz" },
		"cut-short":    func(r *http.Request) { r.RequestURI = "/documents%2" },
		"star":         func(r *http.Request) { r.Method, r.RequestURI = http.MethodOptions, "*" },
		"token":        func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+others) },
	} {
		t.Run(name, func(t *testing.T) {
			r := boundtest.Asks("DPoP", token, proof)
			change(r)
			if name == "head" { // whose answer has no body
				if w := s.Send(r); w.Code != 401 || s.Ran.Load() != 0 {
					t.Errorf("%d", w.Code)
				}
				return
			}
			s.Refuses(t, r, boundtest.BadProof("proof", boundtest.InvalidProof))
		})
	}
	s.Accepts(t, boundtest.Asks("DPoP", token, proof)) // none of them has used it up
}

func TestReplay(t *testing.T) {
	s := boundtest.New(t)
	token := s.Token(nil)
	proof := s.Proof(token, nil)
	s.Accepts(t, boundtest.Asks("DPoP", token, proof))
	s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
	s.Refuses(t, boundtest.Asks("dpop", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
	// Another proof with the jti is one, too; and the next with another is
	// none.
	jti := rand.Text()
	s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"jti": jti})))
	again := s.Proof(token, authtest.Claims{"jti": jti, "iat": time.Now().Add(time.Second).Unix()})
	s.Refuses(t, boundtest.Asks("DPoP", token, again), boundtest.BadProof("replay", boundtest.InvalidProof))
	other := s.Token(nil)
	s.Refuses(t, boundtest.Asks("DPoP", other, s.Proof(other, authtest.Claims{"jti": jti})), boundtest.BadProof("replay", boundtest.InvalidProof))
	s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"jti": jti + "x"})))
	// The signature of ECDSA can be written in another way by anybody.
	s.Refuses(t, boundtest.Asks("DPoP", token, boundtest.Malleated(proof)), boundtest.BadProof("replay", boundtest.InvalidProof))
}

// Nobody uses up the jti of another client, though both use one store.
func TestReplaysAreOfOneKey(t *testing.T) {
	s := boundtest.New(t)
	jti := rand.Text()
	for _, prover := range []*authtest.Prover{s.Prover, authtest.NewProver(t)} {
		token := s.Issuer.Token(prover.Bound())
		proof := prover.Proof(http.MethodGet, boundtest.Documents, token, authtest.Claims{"jti": jti})
		s.Accepts(t, boundtest.Asks("DPoP", token, proof))
		s.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
	}
}

// Verifiers and processes that share the store know of each other's proofs.
func TestReplaysAcrossProcesses(t *testing.T) {
	first := boundtest.New(t)
	second := boundtest.Of(t, first.Issuer, func(c *boundtest.Settings) { c.DPoP.Replays = first.Replays })
	token := first.Token(nil)
	proof := first.Proof(token, nil)
	first.Accepts(t, boundtest.Asks("DPoP", token, proof))
	second.Refuses(t, boundtest.Asks("DPoP", token, proof), boundtest.BadProof("replay", boundtest.InvalidProof))
}

func TestReplayRace(t *testing.T) {
	for _, mode := range []string{"cold", "remembered"} {
		t.Run(mode, func(t *testing.T) {
			s := boundtest.New(t)
			token := s.Token(nil)
			if mode == "remembered" {
				s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
			}
			s.Recorder.Take()
			s.Ran.Store(0)
			proof := s.Proof(token, nil)
			start := make(chan struct{})
			var wg sync.WaitGroup
			var mu sync.Mutex
			answers := map[int]int{}
			for range 64 {
				wg.Go(func() {
					r := boundtest.Asks("DPoP", token, proof)
					w := httptest.NewRecorder()
					<-start
					s.Handler.ServeHTTP(w, r)
					mu.Lock()
					defer mu.Unlock()
					answers[w.Code]++
				})
			}
			close(start)
			wg.Wait()
			if answers[204] != 1 || answers[401] != 63 || s.Ran.Load() != 1 {
				t.Errorf("answers %v, the handler ran %d times", answers, s.Ran.Load())
			}
			for _, event := range s.Recorder.Take() {
				if event.Name != bulwark.AuthnTokenInvalid || event.Reason != "replay" {
					t.Errorf("event %+v", event)
				}
			}
		})
	}
}

// A proof is good for as long as the window, on both sides.
func TestWindow(t *testing.T) {
	for name, test := range map[string]struct {
		window, apart time.Duration
		good          bool
	}{
		"a-minute-ago":        {0, -time.Minute, true},
		"a-minute-ahead":      {0, time.Minute, true},
		"more-than-a-minute":  {0, -time.Minute - time.Second, false},
		"further-ahead":       {0, time.Minute + time.Second, false},
		"a-second-ago":        {time.Second, -time.Second, true},
		"two-seconds-ago":     {time.Second, -2 * time.Second, false},
		"five-minutes-ago":    {5 * time.Minute, -5 * time.Minute, true},
		"beyond-five-minutes": {5 * time.Minute, -5*time.Minute - time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, issuer *authtest.Issuer) {
				s := boundtest.Of(t, issuer, func(c *boundtest.Settings) { c.DPoP.Window = test.window })
				token := s.Token(nil)
				r := boundtest.Asks("DPoP", token, s.Proof(token, authtest.Claims{"iat": time.Now().Add(test.apart).Unix()}))
				if test.good {
					s.Accepts(t, r)
					return
				}
				s.Refuses(t, r, boundtest.BadProof("proof", boundtest.InvalidProof))
			})
		})
	}
}

// A handler that sends the request on within the process has used the proof up.
func TestProofsAreUsedOnceInOneRequest(t *testing.T) {
	s := boundtest.New(t)
	token := s.Token(nil)
	first := s.Handler
	var inner *httptest.ResponseRecorder
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.ServeHTTP(w, r)
		inner = httptest.NewRecorder()
		first.ServeHTTP(inner, r.Clone(t.Context()))
	})
	w := s.Send(boundtest.Asks("DPoP", token, s.Proof(token, nil)))
	if w.Code != http.StatusNoContent || inner.Code != http.StatusUnauthorized || s.Ran.Load() != 1 {
		t.Errorf("%d, then %d; the handler ran %d times", w.Code, inner.Code, s.Ran.Load())
	}
}

// Requests as a server makes them, of both versions, on sockets.
func TestProofsOverHTTP(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			s := boundtest.New(t)
			server := httptest.NewUnstartedServer(s.Handler)
			server.EnableHTTP2 = proto == "HTTP/2.0"
			server.StartTLS()
			defer server.Close()
			send := func(token, proof string) *http.Response {
				r, err := http.NewRequest(http.MethodGet, server.URL+"/documents?page=2", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "DPoP "+token)
				r.Header.Set("DPoP", proof)
				answer, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				if answer.Proto != proto {
					t.Fatalf("spoke %s", answer.Proto)
				}
				return answer
			}
			token := s.Token(nil)
			proof := s.Proof(token, nil)
			if got := send(token, proof); got.StatusCode != http.StatusNoContent {
				t.Errorf("%d %v", got.StatusCode, got.Header)
			}
			if got := send(token, proof); got.StatusCode != http.StatusUnauthorized || got.Header.Get("Www-Authenticate") != boundtest.InvalidProof {
				t.Errorf("%d %v", got.StatusCode, got.Header)
			}
			if got := send(token, s.Prover.Proof(http.MethodGet, server.URL+"/documents", token, nil)); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("the host of the connection counts: %d", got.StatusCode)
			}
		})
	}
}

// Header fields as they come from the wire: of any case, folded, with white
// space around, and twice.
func TestHeaderTricks(t *testing.T) {
	s := boundtest.New(t)
	token := s.Token(nil)
	for name, test := range map[string]struct {
		lines string // with TOKEN and PROOF, and each PROOF another
		want  boundtest.Refusal
	}{
		"plain":              {"Authorization: DPoP TOKEN\r\nDPoP: PROOF", boundtest.Refusal{}},
		"lower-case":         {"authorization: dpop TOKEN\r\ndpop: PROOF", boundtest.Refusal{}},
		"white-space-around": {"Authorization: \t DPoP TOKEN \t\r\nDPoP: \t PROOF \t", boundtest.Refusal{}},
		"twice-in-two-cases": {"Authorization: DPoP TOKEN\r\ndpop: PROOF\r\nDPOP: PROOF", boundtest.BadProof("proof", boundtest.InvalidProof)},
		"in-one-line":        {"Authorization: DPoP TOKEN\r\nDPoP: PROOF,PROOF", boundtest.BadProof("proof", boundtest.InvalidProof)},
		"folded":             {"Authorization: DPoP TOKEN\r\nDPoP: PROOF\r\n PROOF", boundtest.BadProof("proof", boundtest.InvalidProof)},
		"empty":              {"Authorization: DPoP TOKEN\r\nDPoP:", boundtest.BadProof("proof", boundtest.InvalidProof)},
		"with-underscore":    {"Authorization: DPoP TOKEN\r\nD_PoP: PROOF", boundtest.BadProof("proof", boundtest.InvalidProof)},
		"as-a-parameter":     {"Authorization: DPoP TOKEN, proof=PROOF", boundtest.Unauthorized("malformed", boundtest.InvalidToken)},
		"token-folded":       {"Authorization: DPoP TOKEN\r\n TOKEN\r\nDPoP: PROOF", boundtest.Unauthorized("malformed", boundtest.InvalidToken)},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.ReplaceAll(test.lines, "TOKEN", token)
			for strings.Contains(lines, "PROOF") {
				lines = strings.Replace(lines, "PROOF", s.Proof(token, nil), 1)
			}
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /documents HTTP/1.1\r\nHost: api.example.com\r\n" + lines + "\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			r.RemoteAddr = "192.0.2.1:1234"
			if test.want.Status == 0 {
				s.Accepts(t, r)
				return
			}
			s.Refuses(t, r, test.want)
		})
	}
}

// The request of RFC 9449 section 7.1, at its time.
func TestExampleOfTheStandard(t *testing.T) {
	const token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	const proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR" +
		"nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj" +
		"oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF" +
		"c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(1562262618, 0)))
		d, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
		if err != nil {
			t.Fatal(err)
		}
		edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: "https://resource.example.org"}.Build()
		if err != nil {
			t.Fatal(err)
		}
		check := func() (err error) {
			r := httptest.NewRequest(http.MethodGet, "/protectedresource", nil)
			r.Header.Set("Authorization", "DPoP "+token)
			r.Header.Set("DPoP", proof)
			edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				err = d.Check(r, token, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
			})).ServeHTTP(httptest.NewRecorder(), r)
			return err
		}
		if err := check(); err != nil {
			t.Error(err)
		}
		if err := check(); reason(err) != "replay" {
			t.Error(err)
		}
	})
}

// A client may bring the largest key that there is, but the signature is
// checked only of the one that the issuer has bound the token to.
func TestLargeKeysOfStrangersAreNotUsed(t *testing.T) {
	s := boundtest.New(t)
	token := s.Token(nil)
	n := new(big.Int).Lsh(big.NewInt(1), 4095)
	n.SetBit(n, 0, 1)
	header := `{"typ":"dpop+jwt","alg":"PS512","jwk":{"e":"` + text64([]byte{0xff, 0xff, 0xff}) + `","kty":"RSA","n":"` + text64(n.Bytes()) + `"}}`
	unsigned := client{"ES256", signers(t)["ES256"]}.proof(header, token, nil)
	s.Refuses(t, boundtest.Asks("DPoP", token, unsigned), boundtest.Unauthorized("binding", boundtest.InvalidToken))
}

func FuzzProof(f *testing.F) {
	_, key, err := ed25519.GenerateKey(rand.Reader) // whose signatures have one spelling
	if err != nil {
		f.Fatal(err)
	}
	prover := authtest.ProverWith(key)
	good := prover.Proof(http.MethodGet, boundtest.Documents, "opaque", nil)
	f.Add(good, false)
	for _, attack := range prover.Attacks(http.MethodGet, boundtest.Documents, "opaque") {
		if len(attack.Token) < 4<<10 {
			f.Add(attack.Token, true)
		}
	}
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: boundtest.BaseURL}.Build()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, proof string, signed bool) {
		if signed { // a client is free to sign whatever it likes
			if end := strings.LastIndexByte(proof, '.'); end > 0 {
				proof = proof[:end+1] + text64(ed25519.Sign(key, []byte(proof[:end])))
			}
		}
		store := &boundtest.Replays{}
		d, err := dpop.New(dpop.Config{Replays: store, Window: 5 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/documents", nil)
		r.Header["Dpop"] = []string{proof}
		edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			err = d.Check(r, "opaque", prover.Thumbprint())
		})).ServeHTTP(httptest.NewRecorder(), r)
		if err != nil {
			if why := reason(err); why != "proof" && why != "binding" || store.Uses.Load() != 0 {
				t.Errorf("%q: %v, and the store was asked %d times", proof, err, store.Uses.Load())
			}
			return
		}
		if !signed && proof != good {
			t.Errorf("%q is taken for %q", proof, good)
		}
		// Whatever is accepted says what it must, to any other reader of it
		// too.
		segments := strings.Split(proof, ".")
		var claims struct {
			ID     string `json:"jti"`
			Method string `json:"htm"`
			Hash   string `json:"ath"`
		}
		payload, err := base64.RawURLEncoding.Strict().DecodeString(segments[1])
		if err != nil || json.Unmarshal(payload, &claims) != nil || claims.ID == "" || claims.Method != "GET" || claims.Hash == "" || len(segments) != 3 {
			t.Errorf("%q is accepted and says %+v, %v", proof, claims, err)
		}
	})
}
