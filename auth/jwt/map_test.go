package jwt_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/authtest"
	"github.com/bulwark-go/bulwark/auth/jwt"
)

// Map has the last word about the caller.
func TestMap(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	end := time.Now().Add(time.Minute).Truncate(time.Second)
	var calls atomic.Int64
	config.Map = func(p *bulwark.Principal, c auth.Claims) error {
		calls.Add(1)
		if p.Subject != "alice" || p.Issuer != issuer.URL() || p.Method != "jwt" || p.IssuedAt.IsZero() || !slices.Equal(p.Scopes, []string{"read"}) {
			return fmt.Errorf("Map got %+v", p)
		}
		tenant, err := c.Text("org.tid")
		if err != nil {
			return err
		}
		groups, err := c.Texts("/org/my.groups")
		if err != nil {
			return err
		}
		p.Subject, p.Tier, p.ExpiresAt, p.SessionID = tenant+"/"+p.Subject, "premium", end, "s1"
		for _, group := range groups {
			p.Roles = append(p.Roles, strings.TrimPrefix(group, "app-"))
		}
		return nil
	}
	token := issuer.Token(authtest.Claims{"scope": "read", "roles": []string{"a", "b", "c"}, "org": map[string]any{"tid": "t1", "my.groups": []string{"app-admin"}}})
	s := newService(t, config)
	for range 3 {
		p := s.accepts(token)
		if p.Subject != "t1/alice" || p.Tier != "premium" || !p.ExpiresAt.Equal(end) || p.SessionID != "s1" || !slices.Equal(p.Roles, []string{"a", "b", "c", "admin"}) {
			t.Fatalf("%+v", p)
		}
		if cap(p.Roles) != len(p.Roles) || cap(p.Scopes) != len(p.Scopes) {
			t.Error("what one request appends reaches another")
		}
		if value, ok := p.Claim("org"); !ok || value == nil {
			t.Error("the claims are gone")
		}
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("Map was called %d times for one verification", n)
	}
	config.MaxCached = -1
	s = newService(t, config)
	s.accepts(token)
	s.accepts(token)
	if n := calls.Load(); n != 3 {
		t.Errorf("Map was called %d times, want once for each verification", n)
	}
}

// What Claims finds, and what it says of a claim of another type.
func TestMapReadsClaims(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	token := issuer.Token(authtest.Claims{
		"text": "a", "texts": []string{"a", "b"}, "number": 7, "null": null, "yes": true, "mixed": []any{"a", 7},
		"object": map[string]any{"in": "side", "list": []any{map[string]any{"x": "y"}}}, "a.b": "dotted",
	})
	ran := false
	config.Map = func(p *bulwark.Principal, c auth.Claims) error {
		ran = true
		for name, want := range map[string]string{
			"text": "a", "object.in": "side", "/object/in": "side", "/object/list/0/x": "y", "a.b": "dotted", "sub": "alice",
			"null": "", "missing": "", "object.list.0.x": "", "text.in": "", "": "", "/": "", "/~": "",
		} {
			if got, err := c.Text(name); got != want || err != nil {
				t.Errorf("Text(%q) = %q, %v", name, got, err)
			}
		}
		for _, name := range []string{"texts", "number", "yes", "object"} {
			if got, err := c.Text(name); got != "" || reason(err) != "claim" || !strings.Contains(err.Error(), name) {
				t.Errorf("Text(%q) = %q, %v", name, got, err)
			}
		}
		for name, want := range map[string][]string{"text": {"a"}, "texts": {"a", "b"}, "null": nil, "missing": nil} {
			if got, err := c.Texts(name); !slices.Equal(got, want) || err != nil {
				t.Errorf("Texts(%q) = %q, %v", name, got, err)
			}
		}
		for _, name := range []string{"number", "yes", "object", "mixed"} {
			if got, err := c.Texts(name); got != nil || reason(err) != "claim" {
				t.Errorf("Texts(%q) = %q, %v", name, got, err)
			}
		}
		if value, ok := c("number"); !ok || fmt.Sprint(value) != "7" {
			t.Errorf("number %v, %v", value, ok)
		}
		if value, ok := c("null"); ok || value != nil {
			t.Errorf("null %v, %v", value, ok)
		}
		return nil
	}
	newService(t, config).accepts(token)
	if !ran {
		t.Error("Map did not run")
	}
}

// Revocations see the caller that Map has made.
func TestMapAndRevocations(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	store := &auth.MemoryRevocations{}
	config.Revocations = store
	config.Map = func(p *bulwark.Principal, c auth.Claims) error {
		p.Subject, p.TokenID, p.SessionID = "mapped", "mapped-token", "mapped-session"
		return nil
	}
	for name, r := range map[string]auth.Revocation{
		"token": {TokenID: "mapped-token"}, "session": {SessionID: "mapped-session"}, "subject": {Subject: "mapped", IssuedUntil: time.Now().Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			c, store := config, &auth.MemoryRevocations{}
			c.Revocations = store
			s, token := newService(t, c), issuer.Token(nil)
			s.accepts(token)
			r.Issuer = issuer.URL()
			if err := store.Revoke(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			s.send(token)
			if s.ran {
				t.Error("a revoked caller got through")
			}
			wantRefused(t, c, issuer.Token(nil), "revoked")
		})
	}
}

// A Map that refuses, with an error of its own or with a whole Problem.
func TestMapRefuses(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	token := issuer.Token(nil)
	config.Map = func(*bulwark.Principal, auth.Claims) error { return errors.New("the tenant is not one of ours") }
	if text := cause(wantRefused(t, config, token, "claim")); text != "jwt.Config.Map has refused the token: the tenant is not one of ours" {
		t.Errorf("the log says %q", text)
	}
	config.Map = func(*bulwark.Principal, auth.Claims) error { return auth.Invalid("revoked", nil) }
	wantRefused(t, config, token, "revoked")
	config.Map = func(p *bulwark.Principal, c auth.Claims) error { _, err := c.Text("exp"); return err }
	if text := cause(wantRefused(t, config, token, "claim")); text != `Map reads the claim "exp" as a string, and it is of another type` {
		t.Errorf("the log says %q", text)
	}
	shared := &bulwark.Problem{Status: http.StatusForbidden, Code: "tenants.closed", Detail: "The tenant is closed.",
		Log: bulwark.ProblemLog{Event: bulwark.AuthzFail, Reason: "tenant"}}
	before := *shared
	config.Map = func(*bulwark.Principal, auth.Claims) error { return fmt.Errorf("look at the tenant: %w", shared) }
	s := newService(t, config)
	w := s.send(token)
	if events := s.recorder.Events(); w.Code != 403 || !strings.Contains(w.Body.String(), `"code":"tenants.closed"`) || s.ran ||
		len(events) != 1 || events[0].Name != bulwark.AuthzFail || events[0].Reason != "tenant" {
		t.Errorf("%d %s, events %+v", w.Code, w.Body, events)
	}
	if shared.Status != before.Status || shared.Log.Event != before.Log.Event || len(shared.Log.Attrs) != 0 || shared.Challenges != nil {
		t.Errorf("the Problem of Map was changed: %+v", shared)
	}
	// Nothing of it is cached: the next verification asks Map again.
	refuse := true
	config.Map = func(*bulwark.Principal, auth.Claims) error {
		if refuse {
			return errors.New("no")
		}
		return nil
	}
	s = newService(t, config)
	s.send(token)
	refuse = false
	s.accepts(token)
}

// A Map that breaks its rules is our own mistake. The client is not to blame,
// and learns nothing; the log says which rule.
func TestMapBreaksARule(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.Revocations = &auth.MemoryRevocations{}
	token := issuer.Token(nil)
	for _, test := range []struct {
		name string
		m    func(*bulwark.Principal, auth.Claims) error
		says string
	}{
		{"issuer", func(p *bulwark.Principal, _ auth.Claims) error { p.Issuer = "https://other.example"; return nil }, "has changed the Issuer"},
		{"issuer-empty", func(p *bulwark.Principal, _ auth.Claims) error { *p = bulwark.Principal{Subject: "x"}; return nil }, "has changed the Issuer"},
		{"method", func(p *bulwark.Principal, _ auth.Claims) error { p.Method = "mtls"; return nil }, "has changed the Method"},
		{"issued-later", func(p *bulwark.Principal, _ auth.Claims) error {
			p.IssuedAt = p.IssuedAt.Add(time.Hour)
			return nil
		}, "has changed IssuedAt"},
		{"issued-never", func(p *bulwark.Principal, _ auth.Claims) error { p.IssuedAt = time.Time{}; return nil }, "has changed IssuedAt"},
		{"longer", func(p *bulwark.Principal, _ auth.Claims) error { p.ExpiresAt = p.ExpiresAt.Add(1); return nil }, "has made ExpiresAt later"},
		{"for-ever", func(p *bulwark.Principal, _ auth.Claims) error { p.ExpiresAt = time.Time{}; return nil }, "has made ExpiresAt later"},
		{"nobody", func(p *bulwark.Principal, _ auth.Claims) error { p.Subject = ""; return nil }, "has left the Subject empty"},
		{"panic", func(*bulwark.Principal, auth.Claims) error { panic("alice") }, "panicked"},
		{"panic-nil-map", func(p *bulwark.Principal, _ auth.Claims) error { p.Factors["alice"] = time.Now(); return nil }, "panicked"},
		{"panic-with-a-problem", func(*bulwark.Principal, auth.Claims) error { panic(auth.Invalid("alice", nil)) }, "panicked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := config
			c.Map = test.m
			s := newService(t, c)
			for range 2 { // a mistake is not cached as a good caller
				w := s.send(token)
				if w.Code != 500 || !strings.Contains(w.Body.String(), `"code":"internal.error"`) || strings.Contains(w.Body.String(), "Map") || s.ran {
					t.Errorf("%d %s, ran %t", w.Code, w.Body, s.ran)
				}
				events := s.recorder.Events()
				if len(events) != 1 || events[0].Status != 500 || !strings.HasPrefix(cause(events[0]), "jwt.Config.Map "+test.says) || strings.Contains(cause(events[0]), "alice") {
					t.Errorf("events %+v", events)
				}
			}
		})
	}
	t.Run("out-of-reach", func(t *testing.T) {
		c := config
		c.Map = func(p *bulwark.Principal, _ auth.Claims) error { p.TokenID, p.SessionID = "", ""; return nil }
		s := newService(t, c)
		if w := s.send(issuer.Token(authtest.Claims{"iat": nil})); w.Code != 500 || s.ran {
			t.Errorf("%d, ran %t: a caller whom no revocation can name", w.Code, s.ran)
		}
		s.accepts(issuer.Token(nil)) // by the iat
		if text := cause(wantRefused(t, c, issuer.Token(authtest.Claims{"iat": nil, "jti": nil}), "malformed")); !strings.Contains(text, "Revocations") {
			t.Errorf("the log says %q", text)
		}
		c.Map = func(p *bulwark.Principal, claims auth.Claims) (err error) {
			p.TokenID, err = claims.Text("uti")
			return err
		}
		newService(t, c).accepts(issuer.Token(authtest.Claims{"iat": nil, "jti": nil, "uti": "u1"}))
		wantRefused(t, c, issuer.Token(authtest.Claims{"iat": nil, "jti": nil}), "malformed")
		c.Revocations = nil
		newService(t, c).accepts(issuer.Token(authtest.Claims{"iat": nil}))
	})
	t.Run("ended-already", func(t *testing.T) {
		c := config
		c.Map = func(p *bulwark.Principal, _ auth.Claims) error {
			p.ExpiresAt = time.Now().Add(-2 * time.Minute)
			return nil
		}
		wantRefused(t, c, token, "expired")
		c.Map = func(p *bulwark.Principal, _ auth.Claims) error {
			p.ExpiresAt = time.Now().Add(-time.Second)
			return nil
		}
		newService(t, c).accepts(token) // within the Skew
		c.Skew = -1
		wantRefused(t, c, token, "expired")
	})
	t.Run("name-of-a-client", func(t *testing.T) {
		c := config
		c.ClientClaim = "client_id"
		c.Map = func(p *bulwark.Principal, claims auth.Claims) (err error) {
			p.Subject, err = claims.Text("nick")
			return err
		}
		newService(t, c).accepts(issuer.Token(authtest.Claims{"nick": "bob"}))
		if text := cause(wantRefused(t, c, issuer.Token(authtest.Claims{"nick": "client:svc"}), "malformed")); !strings.Contains(text, "ClientClaim") {
			t.Errorf("the log says %q", text)
		}
		c.Map = func(*bulwark.Principal, auth.Claims) error { return nil }
		if p := newService(t, c).accepts(issuer.Token(authtest.Claims{"sub": nil, "client_id": "svc"})); p.Subject != "client:svc" {
			t.Errorf("the client is %q", p.Subject)
		}
	})
}

// The caller belongs to Map until it returns, and to nobody else before.
func TestMapKeepsWhatItGot(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	var kept *bulwark.Principal
	config.Map = func(p *bulwark.Principal, c auth.Claims) error {
		kept = p
		return nil
	}
	s, token := newService(t, config), issuer.Token(authtest.Claims{"amr": "pwd"})
	s.accepts(token)
	kept.Subject, kept.Roles, kept.ExpiresAt = "root", []string{"admin"}, time.Time{}
	if p := s.accepts(token); p == kept || p.Subject != "alice" || p.Roles != nil || p.ExpiresAt.IsZero() {
		t.Errorf("the cached caller was changed: %+v", p)
	}
}

// What Map adds to callers counts against the bound of the cache.
func TestMapAndTheBoundOfTheCache(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.MaxCached = 16 // of 1 KiB each
	var calls atomic.Int64
	config.Map = func(p *bulwark.Principal, c auth.Claims) error {
		calls.Add(1)
		p.Roles = []string{strings.Repeat("r", 1<<20)}
		return nil
	}
	verifier := mustNew(t, config)
	token := issuer.Token(nil)
	for range 2 {
		if _, err := verifier.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("a caller of 1 MiB was cached in room for 16 KiB")
	}
}

// Without the new fields a verification costs what it did.
func TestMapCostsNothingWhereItIsMissing(t *testing.T) {
	issuer, config := issuerAndConfig(t)
	config.MaxCached = -1
	token := issuer.Token(nil)
	verify := func(c jwt.Config) float64 {
		verifier := mustNew(t, c)
		return testing.AllocsPerRun(50, func() {
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Error(err)
			}
		})
	}
	plain := verify(config)
	config.SubjectClaim, config.Require = "sub", map[string]any{"aud": authtest.Audience}
	if n := verify(config); n > plain+3 {
		t.Errorf("%v allocations, %v without SubjectClaim and Require", n, plain)
	}
}
