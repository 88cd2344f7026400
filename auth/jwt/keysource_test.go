package jwt_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// More keys without a name than a token is tried with would refuse every token.
func TestTooManyKeysWithoutAName(t *testing.T) {
	curve := func(c elliptic.Curve) any {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return &key.PublicKey
	}
	p256 := []any{curve(elliptic.P256()), curve(elliptic.P256()), curve(elliptic.P256()), curve(elliptic.P256()), curve(elliptic.P256())}
	p384 := []any{curve(elliptic.P384()), curve(elliptic.P384())}
	secrets := func(sizes ...int) (all [][]byte) {
		for i, size := range sizes {
			all = append(all, bytes.Repeat([]byte{byte(i + 1)}, size))
		}
		return all
	}
	const named = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"one"}`
	for _, test := range []struct {
		name       string
		keys       jwt.KeySource
		algorithms []string
		want       []string
	}{
		{"four", jwt.StaticKeys(p256[:4]...), nil, nil},
		{"five", jwt.StaticKeys(p256...), nil, []string{"jwt.Keys"}},
		{"five-of-two-curves", jwt.StaticKeys(append(p384, p256[:3]...)...), nil, nil},
		{"five-of-a-curve-not-accepted", jwt.StaticKeys(append(p384, p256...)...), []string{"ES384"}, nil},
		{"four-and-a-named-one", jwt.StaticKeys(append([]any{named}, p256[:4]...)...), nil, nil},
		{"four-secrets", jwt.SecretKeys(secrets(32, 32, 32, 32)...), nil, nil},
		{"five-secrets", jwt.SecretKeys(secrets(32, 32, 32, 32, 64)...), nil, []string{"jwt.Keys"}},
		{"five-secrets-one-long", jwt.SecretKeys(secrets(32, 32, 32, 32, 64)...), []string{"HS512"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := configFor(test.keys)
			c.Algorithms = test.algorithms
			verifier, err := jwt.New(c)
			if got := fieldsOf(err); !slices.Equal(got, test.want) || (verifier == nil) != (err != nil) {
				t.Errorf("errors for %q, want %q: %v", got, test.want, err)
			}
		})
	}
}

func TestKeysAreCopied(t *testing.T) {
	for name, key := range signers(t) {
		t.Run(name, func(t *testing.T) {
			signer, err := jwt.NewSigner(jwt.SignerConfig{Key: key, Issuer: issuerURL})
			if err != nil {
				t.Fatal(err)
			}
			token, err := signer.Sign("at+jwt", goodClaims())
			if err != nil {
				t.Fatal(err)
			}
			public := copyOf(key.Public())
			verifier := mustNew(t, configFor(jwt.StaticKeys(public)))
			switch public := public.(type) {
			case *rsa.PublicKey:
				public.N.SetInt64(35)
				public.E = 3
			case *ecdsa.PublicKey:
				*public = ecdsa.PublicKey{}
			case ed25519.PublicKey:
				clear(public)
			}
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Error("the caller's key has been changed, and ours with it:", err)
			}
		})
	}
}

// copyOf returns a key that may be spoiled.
func copyOf(key crypto.PublicKey) crypto.PublicKey {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return &rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}
	case *ecdsa.PublicKey:
		public := *key
		return &public
	case ed25519.PublicKey:
		return ed25519.PublicKey(bytes.Clone(key))
	}
	return key
}

func TestDurationsAreBounded(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	remote := func(c jwt.RemoteConfig) jwt.KeySource { return jwt.RemoteKeys(issuer.KeysURL(), c) }
	for _, test := range []struct {
		name   string
		change func(*jwt.Config)
		want   []string
	}{
		{"max-stale-30-days", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{MaxStale: 30 * 24 * time.Hour}) }, nil},
		{"max-stale-more", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{MaxStale: 30*24*time.Hour + 1}) }, []string{"jwt.Keys.MaxStale"}},
		{"max-stale-forever", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{MaxStale: math.MaxInt64}) }, []string{"jwt.Keys.MaxStale"}},
		{"max-stale-none", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{MaxStale: math.MinInt64}) }, nil},
		{"cooldown-hour", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{Cooldown: time.Hour}) }, nil},
		{"cooldown-more", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{Cooldown: time.Hour + 1}) }, []string{"jwt.Keys.Cooldown"}},
		{"timeout", func(c *jwt.Config) { c.Keys = remote(jwt.RemoteConfig{Timeout: math.MaxInt64}) }, []string{"jwt.Keys.Timeout"}},
		{"skew", func(c *jwt.Config) { c.Skew = math.MaxInt64 }, []string{"jwt.Skew"}},
		{"skew-none", func(c *jwt.Config) { c.Skew = math.MinInt64 }, nil},
		{"lifetime", func(c *jwt.Config) { c.MaxLifetime = math.MaxInt64 }, []string{"jwt.MaxLifetime"}},
		{"lifetime-10-years", func(c *jwt.Config) { c.MaxLifetime = 3650 * 24 * time.Hour }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			test.change(&c)
			verifier, err := jwt.New(c)
			if got := fieldsOf(err); !slices.Equal(got, test.want) {
				t.Fatalf("errors for %q, want %q: %v", got, test.want, err)
			}
			if err == nil {
				if _, err := verifier.Verify(t.Context(), issuer.Token(nil)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestPrincipalsShareNoSpareRoom(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	verifier := mustNew(t, config)
	for n := 1; n < 20; n++ {
		roles, scope := make([]string, n), ""
		for i := range roles {
			roles[i] = "r"
			scope += "é\u2003" // not ASCII, which strings.Fields reads in another way
		}
		for name, claims := range map[string]authtest.Claims{
			"lists": {"roles": roles, "scp": roles}, "text": {"roles": "one", "scope": scope},
		} {
			p, err := verifier.Verify(t.Context(), issuer.Token(claims))
			if err != nil {
				t.Fatal(err)
			}
			if cap(p.Roles) != len(p.Roles) || cap(p.Scopes) != len(p.Scopes) || len(p.Roles) == 0 || len(p.Scopes) == 0 {
				t.Fatalf("%s: %d of %d roles, %d of %d scopes", name, len(p.Roles), cap(p.Roles), len(p.Scopes), cap(p.Scopes))
			}
		}
	}
}
