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
	"net/netip"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
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

func withMutualTLS(c *boundtest.Settings) { c.JWT.MutualTLS = true }

func onlyMutualTLS(c *boundtest.Settings) { c.Without, c.JWT.MutualTLS = true, true }

// over is the request as if it had come on a TLS connection with the
// certificates.
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
	badBearer := boundtest.WithError(boundtest.OffersBearer, "invalid_token")
	for _, test := range []struct {
		name    string
		changes []func(*boundtest.Settings)
		claims  authtest.Claims
		arrive  func(*http.Request) *http.Request
		passes  bool
	}{
		{"its-certificate", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), with(mine), true},
		{"its-certificate-in-a-chain", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), with(mine, other), true},
		{"another-certificate", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), with(other), false},
		{"its-certificate-further-up", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), with(other, mine), false},
		{"no-certificate", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), with(), false},
		{"no-tls", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), plain, false},
		{"certificate-in-a-header", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), named("X-Client-Cert", base64.StdEncoding.EncodeToString(mine.Certificate[0])), false},
		{"certificate-in-the-standard-header", []func(*boundtest.Settings){onlyMutualTLS}, toCertificate(mine), named("Client-Cert", ":"+base64.StdEncoding.EncodeToString(mine.Certificate[0])+":"), false},
		{"not-configured", []func(*boundtest.Settings){func(c *boundtest.Settings) { c.Without = true }}, toCertificate(mine), with(mine), false},
		{"not-configured-unbound-alone", []func(*boundtest.Settings){onlyMutualTLS}, nil, with(mine), false},
		{"unbound-where-it-may-pass", []func(*boundtest.Settings){onlyMutualTLS, unbound}, nil, plain, true},
		{"bound-where-unbound-may-pass", []func(*boundtest.Settings){onlyMutualTLS, unbound}, toCertificate(mine), plain, false},
		{"thumbprint-padded", []func(*boundtest.Settings){onlyMutualTLS}, confirmed(map[string]string{"x5t#S256": thumbprintOf(mine) + "="}), with(mine), false},
		{"thumbprint-in-hex", []func(*boundtest.Settings){onlyMutualTLS}, confirmed(map[string]string{"x5t#S256": hex.EncodeToString(sum[:])}), with(mine), false},
		{"thumbprint-of-sha1", []func(*boundtest.Settings){onlyMutualTLS}, confirmed(map[string]string{"x5t": thumbprintOf(mine)}), with(mine), false},
		{"thumbprint-as-key", []func(*boundtest.Settings){onlyMutualTLS}, confirmed(map[string]string{"jkt": thumbprintOf(mine)}), with(mine), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := boundtest.New(t, test.changes...)
			token := s.Issuer.Token(test.claims)
			for range 2 { // cold, and remembered where it is good
				r := test.arrive(boundtest.Asks("Bearer", token))
				if test.passes {
					s.Accepts(t, r)
					continue
				}
				s.Refuses(t, r, boundtest.Unauthorized("binding", badBearer))
			}
		})
	}
}

// What a token says about whom it is bound to must be understood whole.
func TestConfirmations(t *testing.T) {
	mine := selfSigned(t)
	s := boundtest.New(t, withMutualTLS, unbound)
	jkt := s.Prover.Thumbprint()
	x5t := thumbprintOf(mine)
	all := []string{boundtest.WithError(boundtest.OffersDPoP, "invalid_token"), boundtest.OffersBearer}
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
			token := s.Issuer.Token(confirmed(json.RawMessage(test.cnf)))
			r := over(boundtest.Asks("DPoP", token, s.Proof(token, nil)), mine)
			asBearer := "binding" // a bound token is never as good as an unbound one
			if test.reason == "" {
				s.Accepts(t, r)
			} else {
				s.Refuses(t, r, boundtest.Unauthorized(test.reason, all...))
				asBearer = test.reason
			}
			if test.name == "certificate-under-dpop" {
				s.Accepts(t, over(boundtest.Asks("Bearer", token), mine))
				return
			}
			s.Refuses(t, over(boundtest.Asks("Bearer", token), mine), boundtest.Unauthorized(asBearer, boundtest.OffersDPoP, boundtest.WithError(boundtest.OffersBearer, "invalid_token")))
		})
	}
	token := s.Issuer.Token(confirmed(map[string]string{"jkt": jkt, "x5t#S256": x5t}))
	s.Accepts(t, over(boundtest.Asks("DPoP", token, s.Proof(token, nil)), mine))
	s.Refuses(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)), boundtest.Unauthorized("binding", all...))
	s.Refuses(t, over(boundtest.Asks("DPoP", token), mine), boundtest.BadProof("proof", boundtest.WithError(boundtest.OffersDPoP, "invalid_dpop_proof"), boundtest.OffersBearer))
}

// On sockets, where the handshake proves that the client has the certificate's
// key.
func TestMutualTLSOverSockets(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	s := boundtest.New(t, onlyMutualTLS)
	server := httptest.NewUnstartedServer(s.Handler)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	without := httptest.NewServer(s.Handler)
	defer without.Close()
	token := s.Issuer.Token(toCertificate(mine))
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
				s.Ran.Store(0)
				s.Recorder.Take()
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
				events := s.Recorder.Take()
				if answer.StatusCode != test.want || (s.Ran.Load() == 1) != (test.want == 204) {
					t.Errorf("%d: %d, the handler ran %d times, %+v", n, answer.StatusCode, s.Ran.Load(), events)
				}
				if test.want != 204 && (len(events) != 1 || events[0].Reason != "binding" || answer.Header.Get("Www-Authenticate") != boundtest.WithError(boundtest.OffersBearer, "invalid_token")) {
					t.Errorf("%d: %q, events %+v", n, answer.Header["Www-Authenticate"], events)
				}
			}
		})
	}
	// Nobody shows a certificate whose key is another's.
	stolen := client(tls.VersionTLS13, tls.Certificate{Certificate: mine.Certificate, PrivateKey: other.PrivateKey})
	s.Ran.Store(0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/documents", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if answer, err := stolen.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("a stolen certificate got %d", answer.StatusCode)
	}
	if s.Ran.Load() != 0 {
		t.Error("the handler ran")
	}
}

// Verify has no request that could prove anything.
func TestVerifyRefusesBoundTokens(t *testing.T) {
	mine := selfSigned(t)
	s := boundtest.New(t, withMutualTLS, unbound)
	for name, claims := range map[string]authtest.Claims{"key": s.Prover.Bound(), "certificate": toCertificate(mine), "unknown": confirmed(map[string]string{"kid": "1"})} {
		for range 2 {
			if p, err := s.Verifier.Verify(t.Context(), s.Issuer.Token(claims)); p != nil || reason(err) != "binding" {
				t.Errorf("%s: %v, %v", name, p, err)
			}
		}
	}
	token := s.Token(nil)
	s.Accepts(t, boundtest.Asks("DPoP", token, s.Proof(token, nil)))
	if p, err := s.Verifier.Verify(t.Context(), token); p != nil || reason(err) != "binding" { // from the cache
		t.Errorf("%v, %v", p, err)
	}
	if p, err := s.Verifier.Verify(t.Context(), s.Issuer.Token(nil)); err != nil || p.Subject != "alice" {
		t.Errorf("%v, %v", p, err)
	}
	strict := boundtest.Of(t, s.Issuer)
	if p, err := strict.Verifier.Verify(t.Context(), s.Issuer.Token(nil)); p != nil || reason(err) != "binding" {
		t.Errorf("%v, %v", p, err)
	}
}

// Behind a proxy that ends TLS, the binding is to the certificate in the
// Client-Cert header, and to nothing that the proxy has itself.
func TestMutualTLSBehindAProxy(t *testing.T) {
	mine, other := selfSigned(t), selfSigned(t)
	behind := func(networks ...string) func(*boundtest.Settings) {
		return func(c *boundtest.Settings) {
			onlyMutualTLS(c)
			for _, network := range networks {
				c.Edge.ClientCertFrom = append(c.Edge.ClientCertFrom, netip.MustParsePrefix(network))
			}
		}
	}
	here, elsewhere := behind("192.0.2.0/24"), behind("198.51.100.0/24") // requests come from 192.0.2.1
	line := func(c tls.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":" }
	for _, test := range []struct {
		name   string
		change func(*boundtest.Settings)
		header string
		chain  []tls.Certificate // of the connection
		passes bool
	}{
		{"forwarded", here, line(mine), nil, true},
		{"forwarded-by-a-proxy-with-a-certificate", here, line(mine), []tls.Certificate{other}, true},
		{"another-forwarded", here, line(other), []tls.Certificate{mine}, false},
		{"proxy-alone", here, "", []tls.Certificate{mine}, false},
		{"from-a-stranger", elsewhere, line(mine), nil, false},
		{"from-a-stranger-with-a-certificate", elsewhere, line(mine), []tls.Certificate{other}, false},
		{"connection-of-a-stranger", elsewhere, line(other), []tls.Certificate{mine}, true},
		{"not-configured", behind(), line(mine), nil, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := boundtest.New(t, test.change)
			token := s.Issuer.Token(toCertificate(mine))
			for range 2 {
				r := over(boundtest.Asks("Bearer", token), test.chain...)
				if test.header != "" {
					r.Header.Set("Client-Cert", test.header)
				}
				if test.passes {
					s.Accepts(t, r)
					continue
				}
				s.Refuses(t, r, boundtest.Unauthorized("binding", boundtest.WithError(boundtest.OffersBearer, "invalid_token")))
			}
		})
	}
}
