package jwt_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/internal/boundtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// The DPoP of the Issuers is that of each tenant. Whether tokens may also be
// unbound is the choice of the tenant.
func TestTenantsWithDPoP(t *testing.T) {
	prover := authtest.NewProver(t)
	proofs, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := dpop.New(dpop.Config{Replays: &dpop.MemoryReplays{}})
	if err != nil {
		t.Fatal(err)
	}
	const tenantOther = "https://login.example.com/other"
	l := newLandlord(t, tenantAcme, tenantBeta, tenantOther)
	l.change(tenantBeta, func(c *jwt.Config) { c.InsecureUnbound = true })
	l.change(tenantOther, func(c *jwt.Config) { c.DPoP = other })
	_, issuers := l.house(t, func(c *jwt.IssuersConfig) { c.DPoP = proofs })
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{issuers}})
	if err != nil {
		t.Fatal(err)
	}
	edge, err := bulwark.Edge{InsecureAnyHost: true, BaseURL: boundtest.BaseURL}.Build()
	if err != nil {
		t.Fatal(err)
	}
	var events bulwarktest.Recorder
	handler := events.Wrap(edge.Wrap(layer.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))))
	bound := func(issuer string) string {
		claims := map[string]any{"aud": "us", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}
		for name, value := range prover.Bound() {
			claims[name] = value
		}
		token, err := l.signers[issuer].Sign("at+jwt", claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	for _, test := range []struct {
		name, scheme, token string
		proof               bool
		status              int
		reason              string
	}{
		{"bound", "DPoP", bound(tenantAcme), true, 204, ""},
		{"bound-of-another", "DPoP", bound(tenantBeta), true, 204, ""},
		{"unbound", "Bearer", l.token(tenantAcme, "alice"), false, 401, "binding"},
		{"unbound-where-it-may", "Bearer", l.token(tenantBeta, "alice"), false, 204, ""},
		{"bound-as-bearer", "Bearer", bound(tenantBeta), true, 401, "binding"},
		{"without-proof", "DPoP", bound(tenantAcme), false, 401, "proof"},
		{"of-another-verifier", "DPoP", bound(tenantOther), true, 500, unfit},
	} {
		t.Run(test.name, func(t *testing.T) {
			events.Take()
			r := httptest.NewRequest(http.MethodGet, "/documents", nil)
			r.Header.Set("Authorization", test.scheme+" "+test.token)
			if test.proof {
				r.Header.Set("DPoP", prover.Proof(http.MethodGet, boundtest.Documents, test.token, nil))
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			got := events.Events()
			if w.Code != test.status || test.reason == "" && len(got) != 0 || test.reason != "" && (len(got) != 1 || got[0].Reason != test.reason) {
				t.Errorf("%d %s, events %+v", w.Code, w.Body, got)
			}
			if offered := w.Header()["Www-Authenticate"]; test.status == 401 && (len(offered) != 2 || !strings.HasPrefix(offered[0], "DPoP ") || !strings.HasPrefix(offered[1], "Bearer")) {
				t.Errorf("challenges %q", offered)
			}
		})
	}
}

// An operator loads the keys of one tenant anew.
func TestRefreshOfATenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &estate{landlord: newLandlord(t, tenantAcme, tenantBeta)}
		e.answers(func(_ context.Context, issuer string) (jwt.Config, error, bool) {
			if issuer != tenantAcme && issuer != tenantBeta {
				return jwt.Config{}, auth.ErrNotFound, true
			}
			c := e.fresh(issuer)
			c.Require = nil
			return c, nil, true
		})
		s, issuers := e.house(t)
		s.takes(e.token(tenantAcme, "alice"), tenantAcme, "alice")
		s.takes(e.token(tenantBeta, "bob"), tenantBeta, "bob")
		withdrawn := e.token(tenantAcme, "alice")
		e.add(tenantAcme)
		s.takes(withdrawn, tenantAcme, "alice") // nobody knows yet
		if err := issuers.Refresh(t.Context(), tenantAcme); err != nil {
			t.Fatal(err)
		}
		if acme, beta := e.fetched(tenantAcme), e.fetched(tenantBeta); acme != 2 || beta != 1 {
			t.Errorf("%d and %d fetches", acme, beta)
		}
		s.turnsAway(withdrawn, 401, invalid, "unknown_key")
		for issuer, want := range map[string]string{"https://login.example.com/nobody": "issuer", "https://other.example.com/acme": "issuer"} {
			if err := issuers.Refresh(t.Context(), issuer); reason(err) != want {
				t.Errorf("%s: %v", issuer, err)
			}
		}
		if err := (&jwt.Issuers{}).Refresh(t.Context(), tenantAcme); err == nil || !strings.Contains(err.Error(), "NewIssuers") {
			t.Error(err)
		}
		entra := newEntraID(t)
		template := newIssuers(t, jwt.IssuersConfig{Template: entraTemplate(entra), Tenants: []string{tenantA}})
		if err := template.Refresh(t.Context(), issuerOf(tenantA)); err != nil || !slices.ContainsFunc(entra.asked, func(url string) bool { return strings.HasSuffix(url, "/keys") }) {
			t.Errorf("%v, asked %q", err, entra.asked)
		}
	})
}
