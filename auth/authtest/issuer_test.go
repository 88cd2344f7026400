package authtest_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"testing"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

func TestIssuer(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	verifier, err := jwt.New(issuer.Config())
	if err != nil {
		t.Fatal(err)
	}
	p, err := verifier.Verify(t.Context(), issuer.Token(authtest.Claims{"sub": "bob", "jti": nil}))
	if err != nil || p.Subject != "bob" || p.Issuer != issuer.URL() || p.TokenID != "" {
		t.Errorf("%+v, %v", p, err)
	}
	if n := issuer.Fetches(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	var problem *bulwark.Problem
	if _, err := verifier.Verify(t.Context(), issuer.TokenOfType("", nil)); !errors.As(err, &problem) || problem.Log.Reason != "type" {
		t.Error(err)
	}
}

func TestRotateAndDown(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	old := issuer.Token(nil)
	issuer.Rotate()
	verifier := func() *jwt.Verifier {
		v, err := jwt.New(issuer.Config())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var problem *bulwark.Problem
	v := verifier()
	if _, err := v.Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
	if _, err := v.Verify(t.Context(), old); !errors.As(err, &problem) || problem.Log.Reason != "unknown_key" {
		t.Error(err)
	}
	issuer.Down(true)
	if _, err := verifier().Verify(t.Context(), issuer.Token(nil)); !errors.As(err, &problem) || problem.Status != 503 {
		t.Error(err)
	}
	issuer.Down(false)
	if _, err := verifier().Verify(t.Context(), issuer.Token(nil)); err != nil {
		t.Error(err)
	}
}

// The table of attacks holds for each kind of key.
func TestAttacksWithEveryKey(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, publish := range map[string]func(*authtest.Issuer){
		"ES256": func(*authtest.Issuer) {},
		"RS256": func(i *authtest.Issuer) { i.Publish(rsaKey) },
		"EdDSA": func(i *authtest.Issuer) { i.Publish(edKey) },
	} {
		t.Run(name, func(t *testing.T) {
			issuer := authtest.NewIssuer(t)
			publish(issuer)
			verifier, err := jwt.New(issuer.Config())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for _, attack := range issuer.Attacks() {
				if names[attack.Name] {
					t.Errorf("two attacks named %s", attack.Name)
				}
				names[attack.Name] = true
				var p *bulwark.Problem
				if _, err := verifier.Verify(t.Context(), attack.Token); !errors.As(err, &p) || p.Status != 401 {
					t.Errorf("%s: %v", attack.Name, err)
				} else if p.Log.Reason != attack.Reason {
					t.Errorf("%s: reason %s, want %s", attack.Name, p.Log.Reason, attack.Reason)
				}
			}
			if len(names) < 80 {
				t.Errorf("only %d attacks", len(names))
			}
		})
	}
}

func TestOtherPaths(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	response, err := http.Get(issuer.URL() + "/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound || issuer.Fetches() != 0 {
		t.Errorf("%d, %d fetches", response.StatusCode, issuer.Fetches())
	}
}
