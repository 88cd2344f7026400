package issuers

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// internet is a server on loopback that answers for the hosts of the issuers,
// over TLS. Its documents are found by their URL.
type internet struct {
	*http.Transport
	documents map[string]any
}

// hosts are those of the issuers.
var hosts = []string{"login.example.com", "acme.eu.auth0.com", "login.microsoftonline.com", "acme.okta.com",
	"cognito-idp.eu-central-1.amazonaws.com", "accounts.google.com", "www.googleapis.com"}

func newInternet(t *testing.T, documents map[string]any) *internet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, ok := documents["https://"+r.Host+r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		json.NewEncoder(w).Encode(document)
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(own)
	address := server.Listener.Addr().String()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	return &internet{transport, documents}
}

// signing is the key that all issuers of these tests sign with, and its
// certificate.
var signing = sync.OnceValues(func() (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return key, der
})

// jwk is the signing key with further members. A nil member is left out.
func jwk(kid string, more map[string]any) map[string]any {
	key, _ := signing()
	all := map[string]any{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	maps.Copy(all, more)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// certified are the members that name the certificate of the signing key.
func certified() map[string]any {
	_, der := signing()
	old, sum := sha1.Sum(der), sha256.Sum256(der)
	return map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(der)}, "x5t": b64(old[:]), "x5t#S256": b64(sum[:])}
}

// token is signed with RS256. Claims of each token are iss, iat and exp.
func token(issuer, kid, header string, claims map[string]any) string {
	all := map[string]any{"iss": issuer, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	if header != "" {
		header += ","
	}
	input := b64([]byte(`{`+header+`"alg":"RS256","kid":"`+kid+`"}`)) + "." + b64(payload)
	key, _ := signing()
	digest := sha256.Sum256([]byte(input))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		panic(err)
	}
	return input + "." + b64(signature)
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// below is the URL of the metadata of an issuer.
func below(issuer string) string {
	return strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration"
}
