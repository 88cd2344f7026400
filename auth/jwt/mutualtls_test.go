package jwt_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
)

// selfSigned is a client with a certificate that it has signed itself, which is
// enough for a binding (RFC 8705 section 3): nobody asks who it is.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func thumbprintOf(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func confirmed(members any) authtest.Claims { return authtest.Claims{"cnf": members} }

func toCertificate(c tls.Certificate) authtest.Claims {
	return confirmed(map[string]string{"x5t#S256": thumbprintOf(c)})
}

func withMutualTLS(c *settings) { c.jwt.MutualTLS = true }

func onlyMutualTLS(c *settings) { c.without, c.jwt.MutualTLS = true, true }

// over is the request as if it had come on a TLS connection with the certificates.
func over(r *http.Request, chain ...tls.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	for _, c := range chain {
		r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, c.Leaf)
	}
	return r
}

func TestMutualTLS(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	sum := sha256.Sum256(mine.Certificate[0])
	plain := func(r *http.Request) *http.Request { return r }
	with := func(chain ...tls.Certificate) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request { return over(r, chain...) }
	}
	named := func(name, value string) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request {
			r.Header.Set(name, value)
			return over(r)
		}
	}
	badBearer := withError(offersBearer, "invalid_token")
	for _, test := range []struct {
		name    string
		changes []func(*settings)
		claims  authtest.Claims
		arrive  func(*http.Request) *http.Request
		passes  bool
	}{
		{"its-certificate", []func(*settings){onlyMutualTLS}, toCertificate(mine), with(mine), true},
		{"its-certificate-in-a-chain", []func(*settings){onlyMutualTLS}, toCertificate(mine), with(mine, other), true},
		{"another-certificate", []func(*settings){onlyMutualTLS}, toCertificate(mine), with(other), false},
		{"its-certificate-further-up", []func(*settings){onlyMutualTLS}, toCertificate(mine), with(other, mine), false},
		{"no-certificate", []func(*settings){onlyMutualTLS}, toCertificate(mine), with(), false},
		{"no-tls", []func(*settings){onlyMutualTLS}, toCertificate(mine), plain, false},
		{"certificate-in-a-header", []func(*settings){onlyMutualTLS}, toCertificate(mine), named("X-Client-Cert", base64.StdEncoding.EncodeToString(mine.Certificate[0])), false},
		{"certificate-in-the-standard-header", []func(*settings){onlyMutualTLS}, toCertificate(mine), named("Client-Cert", ":"+base64.StdEncoding.EncodeToString(mine.Certificate[0])+":"), false},
		{"not-configured", []func(*settings){func(c *settings) { c.without = true }}, toCertificate(mine), with(mine), false},
		{"not-configured-unbound-alone", []func(*settings){onlyMutualTLS}, nil, with(mine), false},
		{"unbound-where-it-may-pass", []func(*settings){onlyMutualTLS, unbound}, nil, plain, true},
		{"bound-where-unbound-may-pass", []func(*settings){onlyMutualTLS, unbound}, toCertificate(mine), plain, false},
		{"thumbprint-padded", []func(*settings){onlyMutualTLS}, confirmed(map[string]string{"x5t#S256": thumbprintOf(mine) + "="}), with(mine), false},
		{"thumbprint-in-hex", []func(*settings){onlyMutualTLS}, confirmed(map[string]string{"x5t#S256": hex.EncodeToString(sum[:])}), with(mine), false},
		{"thumbprint-of-sha1", []func(*settings){onlyMutualTLS}, confirmed(map[string]string{"x5t": thumbprintOf(mine)}), with(mine), false},
		{"thumbprint-as-key", []func(*settings){onlyMutualTLS}, confirmed(map[string]string{"jkt": thumbprintOf(mine)}), with(mine), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newBound(t, test.changes...)
			token := s.issuer.Token(test.claims)
			for range 2 { // cold, and remembered where it is good
				r := test.arrive(asks("Bearer", token))
				if test.passes {
					s.accepts(t, r)
					continue
				}
				s.refuses(t, r, unauthorized("binding", badBearer))
			}
		})
	}
}

// What a token says about whom it is bound to must be understood whole.
func TestConfirmations(t *testing.T) {
	mine := selfSigned(t)
	s := newBound(t, withMutualTLS, unbound)
	jkt := s.prover.Thumbprint()
	x5t := thumbprintOf(mine)
	all := []string{withError(offersDPoP, "invalid_token"), offersBearer}
	for _, test := range []struct{ name, cnf, reason string }{
		{"key", `{"jkt":"` + jkt + `"}`, ""},
		{"both", `{"jkt":"` + jkt + `","x5t#S256":"` + x5t + `"}`, ""},
		{"both-in-the-other-order", `{"x5t#S256":"` + x5t + `","jkt":"` + jkt + `"}`, ""},
		{"key-of-another", `{"jkt":"` + x5t + `"}`, "binding"},
		{"both-with-another-key", `{"jkt":"` + x5t + `","x5t#S256":"` + x5t + `"}`, "binding"},
		{"both-with-another-certificate", `{"jkt":"` + jkt + `","x5t#S256":"` + jkt + `"}`, "binding"},
		{"certificate-under-dpop", `{"x5t#S256":"` + x5t + `"}`, "binding"},
		{"empty", `{}`, "binding"},
		{"unknown", `{"kid":"1"}`, "binding"},
		{"jwk", `{"jwk":{"kty":"EC"}}`, "binding"},
		{"unknown-beside-key", `{"jkt":"` + jkt + `","kid":"1"}`, "binding"},
		{"key-in-upper-case", `{"JKT":"` + jkt + `"}`, "binding"},
		{"thumbprint-in-lower-case", `{"x5t#s256":"` + x5t + `"}`, "binding"},
		{"key-padded", `{"jkt":"` + jkt + `="}`, "binding"},
		{"null", `null`, "malformed"},
		{"list", `[{"jkt":"` + jkt + `"}]`, "malformed"},
		{"number", `1`, "malformed"},
		{"text", `"` + jkt + `"`, "malformed"},
		{"bool", `false`, "malformed"},
		{"key-empty", `{"jkt":""}`, "malformed"},
		{"key-null", `{"jkt":null}`, "malformed"},
		{"key-number", `{"jkt":1}`, "malformed"},
		{"key-list", `{"jkt":["` + jkt + `"]}`, "malformed"},
		{"certificate-number-beside-key", `{"jkt":"` + jkt + `","x5t#S256":1}`, "malformed"},
		{"key-twice", `{"jkt":"` + x5t + `","jkt":"` + jkt + `"}`, "malformed"},
		{"key-twice-by-escape", `{"jkt":"` + x5t + `","\u006akt":"` + jkt + `"}`, "malformed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			token := s.issuer.Token(confirmed(json.RawMessage(test.cnf)))
			r := over(asks("DPoP", token, s.proof(token, nil)), mine)
			asBearer := "binding" // a bound token is never as good as an unbound one
			if test.reason == "" {
				s.accepts(t, r)
			} else {
				s.refuses(t, r, unauthorized(test.reason, all...))
				asBearer = test.reason
			}
			if test.name == "certificate-under-dpop" {
				s.accepts(t, over(asks("Bearer", token), mine))
				return
			}
			s.refuses(t, over(asks("Bearer", token), mine), unauthorized(asBearer, offersDPoP, withError(offersBearer, "invalid_token")))
		})
	}
	token := s.issuer.Token(confirmed(map[string]string{"jkt": jkt, "x5t#S256": x5t}))
	s.accepts(t, over(asks("DPoP", token, s.proof(token, nil)), mine))
	s.refuses(t, asks("DPoP", token, s.proof(token, nil)), unauthorized("binding", all...))
	s.refuses(t, over(asks("DPoP", token), mine), badProof("proof", withError(offersDPoP, "invalid_dpop_proof"), offersBearer))
}

// On sockets, where the handshake proves that the client has the certificate's key.
func TestMutualTLSOverSockets(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	s := newBound(t, onlyMutualTLS)
	server := httptest.NewUnstartedServer(s.handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	without := httptest.NewServer(s.handler)
	defer without.Close()
	token := s.issuer.Token(toCertificate(mine))
	client := func(version uint16, certificates ...tls.Certificate) *http.Client {
		transport := server.Client().Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = certificates
		transport.TLSClientConfig.MaxVersion = version
		transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		transport.DisableKeepAlives = true // so that the second request resumes
		return &http.Client{Transport: transport}
	}
	for _, test := range []struct {
		name   string
		client *http.Client
		url    string
		want   int
	}{
		{"its-certificate", client(tls.VersionTLS13, mine), server.URL, 204},
		{"its-certificate-with-tls-1.2", client(tls.VersionTLS12, mine), server.URL, 204},
		{"another-certificate", client(tls.VersionTLS13, other), server.URL, 401},
		{"its-certificate-as-an-intermediate", client(tls.VersionTLS13, tls.Certificate{Certificate: [][]byte{other.Certificate[0], mine.Certificate[0]}, PrivateKey: other.PrivateKey}), server.URL, 401},
		{"no-certificate", client(tls.VersionTLS13), server.URL, 401},
		{"no-certificate-with-tls-1.2", client(tls.VersionTLS12), server.URL, 401},
		{"plain", client(tls.VersionTLS13, mine), without.URL, 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			for n := range 3 {
				s.ran.Store(0)
				s.recorder.Take()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.url+"/documents", nil)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+token)
				answer, err := test.client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				events := s.recorder.Take()
				if answer.StatusCode != test.want || (s.ran.Load() == 1) != (test.want == 204) {
					t.Errorf("%d: %d, the handler ran %d times, %+v", n, answer.StatusCode, s.ran.Load(), events)
				}
				if test.want != 204 && (len(events) != 1 || events[0].Reason != "binding" || answer.Header.Get("Www-Authenticate") != withError(offersBearer, "invalid_token")) {
					t.Errorf("%d: %q, events %+v", n, answer.Header["Www-Authenticate"], events)
				}
			}
		})
	}
	// Nobody shows a certificate whose key is another's.
	stolen := client(tls.VersionTLS13, tls.Certificate{Certificate: mine.Certificate, PrivateKey: other.PrivateKey})
	s.ran.Store(0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/documents", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if answer, err := stolen.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("a stolen certificate got %d", answer.StatusCode)
	}
	if s.ran.Load() != 0 {
		t.Error("the handler ran")
	}
}

// Verify has no request that could prove anything.
func TestVerifyRefusesBoundTokens(t *testing.T) {
	mine := selfSigned(t)
	s := newBound(t, withMutualTLS, unbound)
	for name, claims := range map[string]authtest.Claims{"key": s.prover.Bound(), "certificate": toCertificate(mine), "unknown": confirmed(map[string]string{"kid": "1"})} {
		for range 2 {
			if p, err := s.verifier.Verify(t.Context(), s.issuer.Token(claims)); p != nil || reason(err) != "binding" {
				t.Errorf("%s: %v, %v", name, p, err)
			}
		}
	}
	token := s.token(nil)
	s.accepts(t, asks("DPoP", token, s.proof(token, nil)))
	if p, err := s.verifier.Verify(t.Context(), token); p != nil || reason(err) != "binding" { // from the cache
		t.Errorf("%v, %v", p, err)
	}
	if p, err := s.verifier.Verify(t.Context(), s.issuer.Token(nil)); err != nil || p.Subject != "alice" {
		t.Errorf("%v, %v", p, err)
	}
	strict := newBoundOf(t, s.issuer)
	if p, err := strict.verifier.Verify(t.Context(), s.issuer.Token(nil)); p != nil || reason(err) != "binding" {
		t.Errorf("%v, %v", p, err)
	}
}
