package mtls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/mtls"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// Notes of the packages about Optional and about outages are no news here.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// An entity has a certificate and its key.
type entity struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func (e entity) pair(chain ...entity) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{e.cert.Raw}, PrivateKey: e.key, Leaf: e.cert}
	for _, above := range chain {
		c.Certificate = append(c.Certificate, above.cert.Raw)
	}
	return c
}

func (e entity) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(e.cert)
	return p
}

// thumbprint is the x5t#S256 of the certificate.
func (e entity) thumbprint() string {
	sum := sha256.Sum256(e.cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// forwarded is the value of a Client-Cert header.
func (e entity) forwarded() string { return ":" + base64.StdEncoding.EncodeToString(e.cert.Raw) + ":" }

type change func(*x509.Certificate)

// signed makes a certificate that by has signed, or that signs itself.
func signed(t testing.TB, by *entity, template x509.Certificate, changes ...change) entity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	for _, change := range changes {
		change(&template)
	}
	parent, signer := &template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return entity{cert, key}
}

// authority makes a certificate of an authority.
func authority(t testing.TB, name string, by *entity, changes ...change) entity {
	return signed(t, by, x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, changes...)
}

// client makes the certificate of a client, without names.
func client(t testing.TB, by entity, changes ...change) entity {
	return signed(t, &by, x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, changes...)
}

func uris(texts ...string) change {
	return func(c *x509.Certificate) {
		for _, text := range texts {
			u, err := url.Parse(text)
			if err != nil {
				panic(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

func dns(names ...string) change { return func(c *x509.Certificate) { c.DNSNames = names } }

func usage(all ...x509.ExtKeyUsage) change {
	return func(c *x509.Certificate) { c.ExtKeyUsage = all }
}

func validity(from, to time.Duration) change {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

const (
	issuerName = "https://ca.example.org"
	trust      = "spiffe://example.org/"
	alice      = trust + "ns/prod/sa/alice"
)

// a service stands behind auth with one Verifier.
type service struct {
	*mtls.Verifier
	rec   *bulwarktest.Recorder
	stack *bulwark.Stack
	seen  *bulwark.Principal
	ran   int
}

func serve(t testing.TB, c mtls.Config, changes ...func(*auth.Config, *bulwark.Edge)) *service {
	t.Helper()
	if c.Issuer == "" {
		c.Issuer = issuerName
	}
	if c.URI == "" && c.DNS == "" {
		c.URI = trust
	}
	v, err := mtls.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{Verifier: v, rec: new(bulwarktest.Recorder)}
	layer, edge := auth.Config{Authenticators: []auth.Authenticator{v}}, bulwark.Edge{Hosts: []string{"example.com"}}
	for _, change := range changes {
		change(&layer, &edge)
	}
	s.stack = bulwark.Must(bulwark.Chain(s.rec, edge, layer))
	return s
}

func (s *service) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.stack.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ran++
		s.seen, _ = bulwark.PrincipalFrom(r.Context())
	})).ServeHTTP(w, r)
	return w
}

// from is a request on a connection with the certificates.
func from(chain ...entity) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	for _, e := range chain {
		r.TLS.PeerCertificates = append(r.TLS.PeerCertificates, e.cert)
	}
	return r
}

func (s *service) accepts(t testing.TB, r *http.Request, subject string) {
	t.Helper()
	s.ran, s.seen = 0, nil
	w := s.ask(r)
	events := s.rec.Take()
	if w.Code != 200 || s.ran != 1 || len(events) != 0 {
		t.Fatalf("%d, %d runs, events %+v, error %v", w.Code, s.ran, events, attrs(events))
	}
	if s.seen == nil || s.seen.Subject != subject || s.seen.Issuer != issuerName || s.seen.Method != "mtls" {
		t.Fatalf("caller %+v", s.seen)
	}
}

const challenge = "ClientCertificate"

// refuses asserts a 401 with the reason, and a cause that names a field.
func (s *service) refuses(t testing.TB, r *http.Request, reason, cause string) {
	t.Helper()
	s.ran = 0
	w := s.ask(r)
	events := s.rec.Take()
	if s.ran != 0 {
		t.Fatal("it reached the handler")
	}
	if w.Code != 401 || !strings.Contains(w.Body.String(), `"code":"auth.invalid_token"`) || w.Header().Get("Www-Authenticate") != challenge+` error="invalid_token"` {
		t.Errorf("%d %s %q", w.Code, w.Body, w.Header().Values("Www-Authenticate"))
	}
	if len(events) != 1 || events[0].Name != bulwark.AuthnTokenInvalid || events[0].Reason != reason || events[0].Status != 401 {
		t.Fatalf("events %+v", events)
	}
	all := attrs(events)
	if all["authMethod"] != "mtls" || !strings.Contains(all["error"], cause) || strings.Contains(all["error"], "alice") {
		t.Errorf("attributes %v, want a cause with %q", all, cause)
	}
}

func attrs(events []bulwark.Event) map[string]string {
	all := map[string]string{}
	for _, e := range events {
		for _, a := range e.Attrs {
			all[a.Key] = a.Value.String()
		}
	}
	return all
}

func problem(err error) *bulwark.Problem {
	var p *bulwark.Problem
	errors.As(err, &p)
	return p
}
