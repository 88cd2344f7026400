package jwt_test

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth/jwt"
)

// The server of the keys has a certificate of the company's own authority.
func TestRootCAs(t *testing.T) {
	signer := aSigner(t)
	server := httptest.NewTLSServer(signer.JWKSHandler())
	t.Cleanup(server.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(server.Certificate())
	for name, test := range map[string]struct {
		pool *x509.CertPool
		good bool
	}{"right": {trusted, true}, "wrong": {x509.NewCertPool(), false}, "system": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, configFor(jwt.RemoteKeys(server.URL, jwt.RemoteConfig{RootCAs: test.pool})))
			if test.good {
				s.accepts(signed(t, signer))
				return
			}
			w := s.send(signed(t, signer))
			events := s.recorder.Events()
			if w.Code != 503 || s.ran || len(events) != 1 || events[0].Reason != "keys_unavailable" || !strings.Contains(cause(events[0]), "unknown authority") {
				t.Errorf("%d %s, events %+v", w.Code, w.Body, events)
			}
		})
	}
	_, err := jwt.New(configFor(jwt.RemoteKeys(server.URL, jwt.RemoteConfig{RootCAs: trusted, Transport: http.DefaultTransport})))
	if got := fieldsOf(err); !slices.Equal(got, []string{"jwt.Keys.RootCAs"}) {
		t.Errorf("errors for %q: %v", got, err)
	}
}

// Inside a mesh the proxies encrypt. Elsewhere http is refused, at New and
// wherever a server leads.
func TestInsecureHTTP(t *testing.T) {
	const plain, other, secure = "http://keys.mesh/jwks.json", "http://other.mesh/jwks.json", "https://keys.mesh/jwks.json"
	signer := aSigner(t)
	for _, test := range []struct {
		name, start string
		pages       map[string]page
		says        string // the error, or "" for good keys
	}{
		{"plain", plain, map[string]page{plain: keysOf(signer)}, ""},
		{"redirect-to-http", plain, map[string]page{plain: moved(other), other: keysOf(signer)}, ""},
		{"redirect-to-https", plain, map[string]page{plain: moved(secure), secure: keysOf(signer)}, ""},
		{"redirect-from-https", secure, map[string]page{secure: moved(plain), plain: keysOf(signer)}, "redirect away from https"},
		{"redirect-and-back", plain, map[string]page{plain: moved(secure), secure: moved(other), other: keysOf(signer)}, "redirect away from https"},
		{"redirect-with-a-user", plain, map[string]page{plain: moved("http://admin:admin@other.mesh/jwks.json"), other: keysOf(signer)}, "neither user nor fragment"},
		{"redirect-to-a-file", plain, map[string]page{plain: moved("file:///etc/keys")}, "must be"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := &web{}
			for url, p := range test.pages {
				w.put(url, p)
			}
			verifier := mustNew(t, configFor(jwt.RemoteKeys(test.start, jwt.RemoteConfig{Transport: w, InsecureHTTP: true})))
			_, err := verifier.Verify(t.Context(), signed(t, signer))
			if test.says == "" && err != nil || test.says != "" && (reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%v, want %q", err, test.says)
			}
			// Without the field nothing of this may begin, or go on.
			_, err = jwt.New(configFor(jwt.RemoteKeys(plain, jwt.RemoteConfig{Transport: w})))
			if got := fieldsOf(err); !slices.Equal(got, []string{"jwt.Keys.URL"}) {
				t.Errorf("errors for %q", got)
			}
		})
	}
	t.Run("redirect-without-the-field", func(t *testing.T) {
		w := &web{}
		w.put("http://127.0.0.1/jwks.json", moved(plain))
		w.put(plain, keysOf(signer))
		verifier := mustNew(t, configFor(jwt.RemoteKeys("http://127.0.0.1/jwks.json", jwt.RemoteConfig{Transport: w})))
		if _, err := verifier.Verify(t.Context(), signed(t, signer)); reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "must be https") {
			t.Error(err)
		}
	})
	t.Run("discover", func(t *testing.T) {
		const issuer = "http://login.mesh"
		signer, err := jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: issuer})
		must(t, err)
		w := &web{}
		w.put(issuer+"/.well-known/openid-configuration", metadataOf(issuer, plain))
		w.put(plain, keysOf(signer))
		c := configFor(jwt.Discover(issuer, jwt.RemoteConfig{Transport: w}))
		c.Issuer = issuer
		if _, err := jwt.New(c); !slices.Equal(fieldsOf(err), []string{"jwt.Keys.Issuer"}) {
			t.Error(err)
		}
		c.Keys = jwt.Discover(issuer, jwt.RemoteConfig{Transport: w, InsecureHTTP: true})
		if _, err := mustNew(t, c).Verify(t.Context(), tokenBy(signer)); err != nil {
			t.Error(err)
		}
	})
	t.Run("discover-leads-away-from-https", func(t *testing.T) {
		w := &web{}
		w.put(issuerURL+"/.well-known/openid-configuration", metadataOf(issuerURL, plain))
		w.put(plain, keysOf(signer))
		verifier := mustNew(t, configFor(jwt.Discover(issuerURL, jwt.RemoteConfig{Transport: w, InsecureHTTP: true})))
		if _, err := verifier.Verify(t.Context(), signed(t, signer)); reason(err) != "keys_unavailable" || !strings.Contains(err.Error(), "away from https") {
			t.Error(err)
		}
	})
}
