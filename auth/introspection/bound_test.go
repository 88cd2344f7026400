package introspection_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
)

func newDPoP(t testing.TB) *dpop.Verifier {
	t.Helper()
	d, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}, Algorithms: []string{"ES256"}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// edged is a service at audience, to which proofs are made out.
func edged(t *testing.T, c introspection.Config) *service {
	s := newService(t, c)
	edge := bulwark.Must(bulwark.Chain(bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: audience}))
	s.handler = edge.Wrap(s.handler)
	return s
}

func at(path string) *http.Request {
	return httptest.NewRequest(http.MethodGet, audience+path, nil)
}

// thumbprintOf is how a token names a certificate.
func thumbprintOf(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestDPoP(t *testing.T) {
	prover, other := authtest.NewProver(t), authtest.NewProver(t)
	s := &server{answer: says(with("cnf", `{"jkt":"`+prover.Thumbprint()+`"}`))}
	c := config(s)
	c.DPoP = newDPoP(t)
	service := edged(t, c)
	proven := func(p *authtest.Prover, path, token string) *http.Request {
		r := at(path)
		p.Sign(r, audience+path, token)
		return r
	}
	for range 2 { // the second time from memory: the proof is asked for anew
		if w := service.do(proven(prover, "/documents", "opaque")); w.Code != http.StatusNoContent {
			t.Fatalf("%d %s %v", w.Code, w.Body, service.recorder.Events())
		}
	}
	replayed := proven(prover, "/documents", "opaque")
	service.do(replayed)
	stolen := at("/documents")
	stolen.Header.Set("Authorization", "Bearer opaque")
	unproven := at("/documents")
	unproven.Header.Set("Authorization", "DPoP opaque")
	for _, test := range []struct {
		name, code, reason string
		r                  *http.Request
	}{
		{"replayed", "auth.invalid_dpop_proof", "replay", replayed},
		{"as-bearer", "auth.invalid_token", "binding", stolen},
		{"without-proof", "auth.invalid_dpop_proof", "proof", unproven},
		{"of-another-key", "auth.invalid_token", "binding", proven(other, "/documents", "opaque")},
		{"for-another-path", "auth.invalid_dpop_proof", "proof", func() *http.Request {
			r := at("/admin")
			prover.Sign(r, audience+"/documents", "opaque")
			return r
		}()},
		{"for-another-token", "auth.invalid_dpop_proof", "proof", func() *http.Request {
			r := proven(prover, "/documents", "another")
			r.Header.Set("Authorization", "DPoP opaque")
			return r
		}()},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := service.do(test.r)
			events := service.recorder.Events()
			if w.Code != 401 || service.ran || !strings.Contains(w.Body.String(), `"code":"`+test.code+`"`) || len(events) != 1 || events[0].Reason != test.reason {
				t.Errorf("%d %s, events %+v", w.Code, w.Body, events)
			}
			if got := w.Header()["Www-Authenticate"]; !slices.Equal(got, []string{`DPoP realm="api", algs="ES256", error="` + strings.TrimPrefix(test.code, "auth.") + `"`}) {
				t.Errorf("challenges %q", got)
			}
		})
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("%d questions about one token", n)
	}
	if _, err := service.introspector.Verify(t.Context(), "opaque"); reason(err) != "binding" {
		t.Errorf("without a request: %v", err)
	}
}

func TestUnboundTokensBesideDPoP(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		c := config(&server{answer: says(good)})
		c.DPoP, c.InsecureUnbound = newDPoP(t), allowed
		s := edged(t, c)
		r := at("/documents")
		r.Header.Set("Authorization", "Bearer opaque")
		w := s.do(r)
		if passes := w.Code == http.StatusNoContent; passes != allowed {
			t.Errorf("allowed %t: %d", allowed, w.Code)
		}
		if !allowed && s.last().Reason != "binding" {
			t.Errorf("events %+v", s.recorder.Events())
		}
		r.Header.Set("Authorization", "DPoP opaque") // promises a proof that nobody can check
		if w := s.do(r); w.Code != 401 || s.last().Reason != "binding" {
			t.Errorf("allowed %t, under the scheme DPoP: %d %+v", allowed, w.Code, s.recorder.Events())
		}
	}
}

func TestMutualTLS(t *testing.T) {
	mine, theirs := &x509.Certificate{Raw: []byte("mine")}, &x509.Certificate{Raw: []byte("theirs")}
	s := &server{}
	s.become(func(r *http.Request) (*http.Response, error) {
		if tokenOf(r) == "unbound" {
			return says(good)(r)
		}
		return says(with("cnf", `{"x5t#S256":"`+thumbprintOf(mine)+`"}`))(r)
	})
	c := config(s)
	c.MutualTLS = true
	service := newService(t, c)
	over := func(certificates ...*x509.Certificate) *http.Request {
		r := bearer("bound")
		r.TLS = &tls.ConnectionState{PeerCertificates: certificates}
		return r
	}
	for range 2 {
		if w := service.do(over(mine, theirs)); w.Code != http.StatusNoContent {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	named := bearer("bound")
	named.Header.Set("X-Client-Cert", "mine")
	unbound := bearer("unbound")
	unbound.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{mine}}
	for name, r := range map[string]*http.Request{
		"without-TLS": bearer("bound"), "without-certificate": over(), "another-certificate": over(theirs),
		"certificate-of-an-issuer": over(theirs, mine), "certificate-in-a-header": named, "unbound": unbound,
	} {
		t.Run(name, func(t *testing.T) { service.refused(service.do(r), "binding") })
	}
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%d questions about two tokens", n)
	}
}

func TestChallenges(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*introspection.Config)
		want   []string
	}{
		{"bearer", func(*introspection.Config) {}, []string{"Bearer"}},
		{"certificates", func(c *introspection.Config) { c.MutualTLS = true }, []string{"Bearer"}},
		{"dpop", func(c *introspection.Config) { c.DPoP = newDPoP(t) }, []string{`DPoP algs="ES256"`}},
		{"dpop-or-certificates", func(c *introspection.Config) { c.DPoP, c.MutualTLS = newDPoP(t), true }, []string{`DPoP algs="ES256"`, "Bearer"}},
		{"dpop-or-nothing", func(c *introspection.Config) { c.DPoP, c.InsecureUnbound = newDPoP(t), true }, []string{`DPoP algs="ES256"`, "Bearer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config(&server{})
			test.change(&c)
			i := mustNew(t, c)
			var got []string
			for _, challenge := range i.Challenges() {
				got = append(got, challenge.String())
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
