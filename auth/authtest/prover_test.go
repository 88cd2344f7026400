package authtest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

const base, target = "https://api.example.com", "https://api.example.com/documents"

// reasonOf sends r through an edge to an authenticator and says why it is
// refused.
func reasonOf(t *testing.T, a auth.Authenticator, r *http.Request) string {
	t.Helper()
	edge, err := bulwark.Edge{Hosts: []string{"api.example.com"}, BaseURL: base}.Build()
	if err != nil {
		t.Fatal(err)
	}
	var refusal error
	edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, refusal = a.Authenticate(r)
	})).ServeHTTP(httptest.NewRecorder(), r)
	var p *bulwark.Problem
	if errors.As(refusal, &p) {
		return p.Log.Reason
	}
	if refusal != nil {
		t.Fatal(refusal)
	}
	return ""
}

// The proofs are good, and the attacks are refused for the stated reason, with
// each kind of key and for both kinds of tokens.
func TestProver(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}, MaxProofBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	signed := authtest.NewIssuer(t)
	config := signed.Config()
	config.DPoP = proofs
	verifier, err := jwt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	opaque := authtest.NewOpaqueIssuer(t)
	asking := opaque.Config()
	asking.DPoP = proofs
	introspector, err := introspection.New(asking)
	if err != nil {
		t.Fatal(err)
	}
	defer introspector.Shutdown(t.Context())
	for name, prover := range map[string]*authtest.Prover{
		"ES256": authtest.NewProver(t), "RS256": authtest.ProverWith(rsaKey), "EdDSA": authtest.ProverWith(edKey),
	} {
		for kind, test := range map[string]struct {
			authenticator auth.Authenticator
			token         string
		}{
			"signed": {verifier, signed.Token(prover.Bound())},
			"opaque": {introspector, opaque.Token(prover.Bound())},
		} {
			t.Run(name+"-"+kind, func(t *testing.T) {
				r := httptest.NewRequest("GET", target, nil)
				prover.Sign(r, target, test.token)
				if got := reasonOf(t, test.authenticator, r); got != "" {
					t.Fatalf("a good proof is refused: %s", got)
				}
				names := map[string]bool{}
				for _, attack := range prover.Attacks("GET", target, test.token) {
					if names[attack.Name] {
						t.Errorf("two attacks named %s", attack.Name)
					}
					names[attack.Name] = true
					r := httptest.NewRequest("GET", target, nil)
					r.Header.Set("Authorization", "DPoP "+test.token)
					r.Header.Set("DPoP", attack.Token)
					if got := reasonOf(t, test.authenticator, r); got != attack.Reason {
						t.Errorf("%s: reason %q, want %q", attack.Name, got, attack.Reason)
					}
				}
				if len(names) < 40 {
					t.Errorf("only %d attacks", len(names))
				}
			})
		}
	}
}

func TestOpaqueIssuer(t *testing.T) {
	issuer := authtest.NewOpaqueIssuer(t)
	config := issuer.Config()
	config.Cache.Lifetime, config.Cache.InactiveLifetime = -1, -1
	introspector, err := introspection.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer introspector.Shutdown(t.Context())
	var p *bulwark.Problem
	ask := func(token string) error {
		_, err := introspector.Verify(t.Context(), token)
		return err
	}
	token := issuer.Token(authtest.Claims{"sub": "bob", "jti": nil})
	caller, err := introspector.Verify(t.Context(), token)
	if err != nil || caller.Subject != "bob" || caller.Issuer != issuer.URL() || caller.TokenID != "" {
		t.Errorf("%+v, %v", caller, err)
	}
	if err := ask("made-up"); !errors.As(err, &p) || p.Log.Reason != "inactive" {
		t.Error(err)
	}
	issuer.Revoke(token)
	if err := ask(token); !errors.As(err, &p) || p.Log.Reason != "inactive" {
		t.Error(err)
	}
	if n := issuer.Asked(); n != 3 {
		t.Errorf("%d questions, want 3", n)
	}
	issuer.Down(true)
	if err := ask(token); !errors.As(err, &p) || p.Status != 503 {
		t.Error(err)
	}
}

// Discovery finds the keys of an issuer of this package.
func TestDiscovery(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	config := issuer.Config()
	config.Keys = jwt.Discover(issuer.URL(), jwt.RemoteConfig{})
	verifier, err := jwt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Shutdown(t.Context())
	if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
	config.Keys = jwt.Discover(issuer.URL(), jwt.RemoteConfig{Transport: issuer.Transport()})
	inMemory, err := jwt.New(config)
	if err != nil {
		t.Fatal(err)
	}
	defer inMemory.Shutdown(t.Context())
	if _, err := inMemory.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}
