package auth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/introspection"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func newPair(t *testing.T, signed *authtest.Issuer, opaque *authtest.OpaqueIssuer) (jwt.Config, introspection.Config) {
	t.Helper()
	i := opaque.Config()
	i.Issuer = signed.URL()
	return signed.Config(), i
}

// build makes a layer of the two, in both orders.
func build(t *testing.T, c jwt.Config, i introspection.Config) (layers [2]*auth.Middleware, errs [2]error) {
	t.Helper()
	for n := range 2 {
		verifier, err := jwt.New(c)
		if err != nil {
			t.Fatal(err)
		}
		introspector, err := introspection.New(i)
		if err != nil {
			t.Fatal(err)
		}
		all := []auth.Authenticator{verifier, introspector}
		if n == 1 {
			slices.Reverse(all)
		}
		layers[n], errs[n] = auth.New(auth.Config{Authenticators: all})
		t.Cleanup(func() {
			verifier.Shutdown(context.Background())
			introspector.Shutdown(context.Background())
		})
	}
	return layers, errs
}

// The signed and the opaque tokens of one issuer, side by side: the form of a
// token decides who verifies it, and the answer is final.
func TestOneIssuer(t *testing.T) {
	signed, opaque := authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	store := &auth.MemoryRevocations{}
	c, i := newPair(t, signed, opaque)
	c.Revocations, i.Revocations = store, store
	about := func(changes authtest.Claims) string {
		all := authtest.Claims{"iss": signed.URL()}
		for name, value := range changes {
			all[name] = value
		}
		return opaque.Token(all)
	}
	layers, errs := build(t, c, i)
	for n, layer := range layers {
		if errs[n] != nil {
			t.Fatal(errs[n])
		}
		send := func(token string) (w *httptest.ResponseRecorder, caller *bulwark.Principal, reason string, asked int) {
			t.Helper()
			before := opaque.Asked()
			var recorder bulwarktest.Recorder
			w = httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/documents", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			recorder.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				caller, _ = bulwark.PrincipalFrom(r.Context())
				w.WriteHeader(http.StatusNoContent)
			}))).ServeHTTP(w, r)
			if events := recorder.Events(); len(events) == 1 {
				reason = events[0].Reason
			}
			return w, caller, reason, opaque.Asked() - before
		}
		_, one, _, asked := send(signed.Token(nil))
		if one == nil || one.Method != "jwt" || asked != 0 {
			t.Fatalf("a signed token: %+v, %d questions", one, asked)
		}
		_, two, _, asked := send(about(nil))
		if two == nil || two.Method != "introspection" || asked != 1 || one.Key() != two.Key() {
			t.Fatalf("an opaque token: %+v, %d questions", two, asked)
		}
		// Whatever is wrong with a signed token, the endpoint never hears of
		// it. It might call such a token active.
		for _, attack := range signed.Attacks() {
			if strings.HasPrefix(attack.Name, "iss-") || !strings.HasPrefix(attack.Token, "ey") || strings.Count(attack.Token, ".") != 2 {
				continue // not of this issuer, or not a signed token
			}
			w, caller, _, asked := send(attack.Token)
			// Only what is not a token with this iss may go there.
			unreadable := attack.Name == "empty-payload" || attack.Name == "payload-array"
			if (asked != 0) != unreadable || caller != nil || w.Code != http.StatusUnauthorized {
				t.Errorf("%s: %d, %d questions", attack.Name, w.Code, asked)
			}
		}
		flipped := []byte(signed.Token(nil))
		if at := len(flipped) - 10; flipped[at] == 'A' { // another letter of the alphabet
			flipped[at] = 'B'
		} else {
			flipped[at] = 'A'
		}
		if w, _, reason, asked := send(string(flipped)); w.Code != 401 || reason != "signature" || asked != 0 {
			t.Errorf("a bad signature: %d, reason %q, %d questions", w.Code, reason, asked)
		}
		long := signed.Token(authtest.Claims{"x": strings.Repeat("x", 9000)})
		if w, _, reason, asked := send(long); w.Code != 401 || reason != "malformed" || asked != 0 {
			t.Errorf("a long token: %d, reason %q, %d questions", w.Code, reason, asked)
		}
		// A revocation meets both forms.
		for name, revocation := range map[string]auth.Revocation{
			"session": {SessionID: "s1"}, "token": {TokenID: "t1"}, "subject": {Subject: "bob", IssuedUntil: time.Now().Add(time.Minute)},
		} {
			*store = auth.MemoryRevocations{}
			changes := authtest.Claims{"sub": "bob", "sid": "s1", "jti": "t1"}
			tokens := []string{signed.Token(changes), about(changes)}
			for _, token := range tokens {
				if w, _, _, _ := send(token); w.Code != http.StatusNoContent {
					t.Fatalf("%s: %d", name, w.Code)
				}
			}
			revocation.Issuer = signed.URL()
			if err := store.Revoke(t.Context(), revocation); err != nil {
				t.Fatal(err)
			}
			for at, token := range tokens {
				if w, caller, reason, _ := send(token); w.Code != 401 || caller != nil || reason != "revoked" {
					t.Errorf("%s, token %d: %d, reason %q", name, at, w.Code, reason)
				}
			}
		}
		*store = auth.MemoryRevocations{}
	}
}

// A person of the issuer is called "client:reports", as the client "reports" is
// by ClientClaim. Neither form of a token makes the person that client.
func TestOneIssuerWithClients(t *testing.T) {
	signed, opaque := authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	c, i := newPair(t, signed, opaque)
	c.ClientClaim = "client_id"
	if _, errs := build(t, c, i); errs[0] == nil || errs[1] == nil {
		t.Fatal("the opaque token of a person could be that of a client")
	}
	i.ClientClaim = "client_id"
	layers, errs := build(t, c, i)
	for n, layer := range layers {
		if errs[n] != nil {
			t.Fatal(errs[n])
		}
		person := authtest.Claims{"iss": signed.URL(), "sub": "client:reports"}
		for _, token := range []string{signed.Token(person), opaque.Token(person)} {
			r := request("Authorization: Bearer " + token)
			through(layer, r).refused(t, 401, "auth.invalid_token", []string{`Bearer error="invalid_token"`}, bulwark.AuthnTokenInvalid, "malformed")
		}
	}
}

// listed is a store whose values cannot be compared.
type listed struct {
	auth.Revocations
	_ []int
}

// One issuer, two ways to accept its tokens: New says which field differs.
func TestOneIssuerOnDifferentTerms(t *testing.T) {
	signed, opaque := authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	store := &auth.MemoryRevocations{}
	prover := func() *dpop.Verifier { return bulwark.Must(dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})) }
	same := prover()
	for _, test := range []struct {
		name   string
		change func(c *jwt.Config, i *introspection.Config)
		field  string
	}{
		{"nothing", func(*jwt.Config, *introspection.Config) {}, ""},
		{"same-store", func(c *jwt.Config, i *introspection.Config) { c.Revocations, i.Revocations = store, store }, ""},
		{"one-store", func(c *jwt.Config, i *introspection.Config) { c.Revocations = store }, "Revocations"},
		{"one-store-of-the-other", func(c *jwt.Config, i *introspection.Config) { i.Revocations = store }, "Revocations"},
		{"two-stores", func(c *jwt.Config, i *introspection.Config) {
			c.Revocations, i.Revocations = store, &auth.MemoryRevocations{}
		}, "Revocations"},
		{"stores-that-cannot-be-compared", func(c *jwt.Config, i *introspection.Config) {
			c.Revocations, i.Revocations = listed{Revocations: store}, listed{Revocations: store}
		}, "Revocations"},
		{"same-proofs", func(c *jwt.Config, i *introspection.Config) { c.DPoP, i.DPoP = same, same }, ""},
		{"one-with-proofs", func(c *jwt.Config, i *introspection.Config) { c.DPoP = same }, "DPoP"},
		{"other-proofs", func(c *jwt.Config, i *introspection.Config) { c.DPoP, i.DPoP = same, prover() }, "DPoP"},
		{"certificates", func(c *jwt.Config, i *introspection.Config) { c.MutualTLS = true }, "MutualTLS"},
		{"both-certificates", func(c *jwt.Config, i *introspection.Config) { c.MutualTLS, i.MutualTLS = true, true }, ""},
		{"unbound", func(c *jwt.Config, i *introspection.Config) {
			c.MutualTLS, i.MutualTLS, i.InsecureUnbound = true, true, true
		}, "InsecureUnbound"},
		{"clients", func(c *jwt.Config, i *introspection.Config) { c.ClientClaim = "client_id" }, "ClientClaim"},
		{"clients-of-the-other", func(c *jwt.Config, i *introspection.Config) { i.ClientClaim = "client_id" }, "ClientClaim"},
		{"both-clients", func(c *jwt.Config, i *introspection.Config) { c.ClientClaim, i.ClientClaim = "azp", "client_id" }, ""},
		{"length", func(c *jwt.Config, i *introspection.Config) { i.MaxTokenBytes = 10000 }, "MaxTokenBytes"},
		{"same-length", func(c *jwt.Config, i *introspection.Config) { c.MaxTokenBytes, i.MaxTokenBytes = 10000, 10000 }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, i := newPair(t, signed, opaque)
			test.change(&c, &i)
			_, errs := build(t, c, i)
			for _, err := range errs {
				got := faulttest.Sorted(err)
				if test.field == "" && err != nil || test.field != "" && (!slices.Equal(got, []string{"auth.Authenticators[1]"}) || !strings.Contains(err.Error(), "and another "+test.field+";")) {
					t.Errorf("%v, want the field %q", err, test.field)
				}
			}
		})
	}
}

// Two of one kind, or a third of any kind, are still an error.
func TestOneIssuerAndAThird(t *testing.T) {
	signed, opaque := authtest.NewIssuer(t), authtest.NewOpaqueIssuer(t)
	c, i := newPair(t, signed, opaque)
	verifier := func() auth.Authenticator { return bulwark.Must(jwt.New(c)) }
	introspector := func() auth.Authenticator { return bulwark.Must(introspection.New(i)) }
	for name, all := range map[string][]auth.Authenticator{
		"two-signed":   {verifier(), verifier()},
		"two-opaque":   {introspector(), introspector()},
		"third-signed": {verifier(), introspector(), verifier()},
		"third-opaque": {introspector(), verifier(), introspector()},
		"third-kind":   {verifier(), introspector(), &named{*tokens(), signed.URL()}},
		"other-kind":   {verifier(), &named{*tokens(), signed.URL()}},
		"other-first":  {&named{*tokens(), signed.URL()}, introspector()},
	} {
		_, err := auth.New(auth.Config{Authenticators: all})
		if err == nil || !strings.Contains(err.Error(), "has the same issuer as Authenticators[0]") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
