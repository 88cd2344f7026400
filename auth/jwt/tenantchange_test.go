package jwt_test

import (
	"context"
	"crypto/x509"
	"fmt"
	random "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/race"
)

// estate serves the keys of the tenants of a landlord, and counts the fetches.
type estate struct {
	*landlord
	fetches sync.Map // of *atomic.Int64, by issuer
	down    sync.Map // of bool, by issuer
}

func (e *estate) RoundTrip(r *http.Request) (*http.Response, error) {
	issuer := strings.TrimSuffix(r.URL.String(), "/keys")
	count, _ := e.fetches.LoadOrStore(issuer, new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
	if _, down := e.down.Load(issuer); down {
		return nil, fmt.Errorf("connection refused")
	}
	e.mu.Lock()
	signer := e.signers[issuer]
	e.mu.Unlock()
	w := httptest.NewRecorder()
	signer.JWKSHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Result(), nil
}

func (e *estate) fetched(issuer string) int64 {
	count, _ := e.fetches.LoadOrStore(issuer, new(atomic.Int64))
	return count.(*atomic.Int64).Load()
}

// fresh is a Config as most people write it: everything is made anew.
func (e *estate) fresh(issuer string) jwt.Config {
	return jwt.Config{
		Issuer: issuer, Audience: []string{"us"}, Require: map[string]any{"sub": "alice", "n": 1},
		Keys: jwt.RemoteKeys(issuer+"/keys", jwt.RemoteConfig{Transport: e, Timeout: time.Second}),
	}
}

// A Config that is the same keeps the keys and the cached tokens, also if Find
// makes everything anew. A Config that has changed takes effect.
func TestConfigsThatChange(t *testing.T) {
	pool := x509.NewCertPool()
	for name, test := range map[string]struct {
		change func(*jwt.Config, *estate)
		fetch  bool   // the keys are fetched again
		reason string // of the refusal, or none
	}{
		"same":          {func(*jwt.Config, *estate) {}, false, ""},
		"shared-keys":   {func(c *jwt.Config, e *estate) { c.Keys = e.rows[tenantAcme].Keys }, false, ""},
		"audience":      {func(c *jwt.Config, _ *estate) { c.Audience = []string{"others"} }, false, "audience"},
		"more-audience": {func(c *jwt.Config, _ *estate) { c.Audience = append(c.Audience, "others") }, false, ""},
		"require":       {func(c *jwt.Config, _ *estate) { c.Require = map[string]any{"sub": "bob"} }, false, "claim"},
		"require-type":  {func(c *jwt.Config, _ *estate) { c.Require = map[string]any{"n": true} }, false, "claim"},
		"revocations": {func(c *jwt.Config, e *estate) {
			c.Revocations = revokesAll{}
		}, false, "revoked"},
		"map": {func(c *jwt.Config, _ *estate) {
			c.Map = func(p *bulwark.Principal, _ auth.Claims) error { p.Roles = []string{"mapped"}; return nil }
		}, false, ""},
		"keys-url": {func(c *jwt.Config, e *estate) {
			c.Keys = jwt.RemoteKeys(tenantBeta+"/keys", jwt.RemoteConfig{Transport: e})
		}, true, "unknown_key"},
		"keys-timeout": {func(c *jwt.Config, e *estate) {
			c.Keys = jwt.RemoteKeys(tenantAcme+"/keys", jwt.RemoteConfig{Transport: e})
		}, true, ""},
		"keys-static": {func(c *jwt.Config, e *estate) { c.Keys = jwt.StaticKeys(&e.keys[tenantAcme].PublicKey) }, false, ""},
		"keys-roots": {func(c *jwt.Config, e *estate) {
			c.Keys = jwt.RemoteKeys("http://127.0.0.1:1/keys", jwt.RemoteConfig{RootCAs: pool, Timeout: time.Second})
		}, false, "keys_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &estate{landlord: newLandlord(t, tenantAcme, tenantBeta)}
				shared := e.fresh(tenantAcme).Keys
				e.change(tenantAcme, func(c *jwt.Config) { c.Keys = shared })
				changed := false
				e.answers(func(_ context.Context, issuer string) (jwt.Config, error, bool) {
					c := e.fresh(issuer)
					if changed {
						test.change(&c, e)
					}
					return c, nil, true
				})
				s, _ := e.house(t)
				token, err := e.signers[tenantAcme].Sign("at+jwt", map[string]any{"aud": "us", "sub": "alice", "n": 1, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // the same again, for two minutes
					s.takes(token, tenantAcme, "alice")
					time.Sleep(time.Minute)
				}
				if n := e.fetched(tenantAcme); n != 1 {
					t.Fatalf("%d fetches for an unchanged tenant", n)
				}
				s.takes(token, tenantAcme, "alice")
				changed = true
				time.Sleep(time.Minute)
				switch test.reason {
				case "":
					s.takes(token, tenantAcme, "alice")
				case "keys_unavailable":
					s.turnsAway(token, 503, unavailable, test.reason)
				default:
					s.turnsAway(token, 401, invalid, test.reason)
				}
				if n := e.fetched(tenantAcme) + e.fetched(tenantBeta); (n > 1) != test.fetch {
					t.Errorf("%d fetches", n)
				}
			})
		})
	}
}

// revokesAll names every token.
type revokesAll struct{ auth.Revocations }

func (revokesAll) Revoked(context.Context, *bulwark.Principal) (bool, error) { return true, nil }

// revokedNames and revokedList are stores that are not pointers. What they hold
// changes under a lock that nobody else knows.
type (
	revokedNames map[string]bool
	revokedList  []string
	holder       struct {
		revokesAll
		names revokedNames
	}
)

func (revokedNames) Revoke(context.Context, auth.Revocation) error             { return nil }
func (revokedNames) Revoked(context.Context, *bulwark.Principal) (bool, error) { return true, nil }
func (revokedList) Revoke(context.Context, auth.Revocation) error              { return nil }
func (revokedList) Revoked(context.Context, *bulwark.Principal) (bool, error)  { return true, nil }

// Two Configs are the same if nobody could tell them apart.
func TestSameConfigs(t *testing.T) {
	base := func() jwt.Config {
		return jwt.Config{Issuer: tenantAcme, Audience: []string{"a", "b"}, Require: map[string]any{"x": []string{"1"}, "y": 2.5}, Keys: jwt.SecretKeys([]byte(strings.Repeat("k", 32)))}
	}
	store := &auth.MemoryRevocations{}
	names, list := revokedNames{"a": true}, revokedList{"a", "b"}
	for name, test := range map[string]struct {
		a, b func(*jwt.Config)
		same bool
	}{
		"equal":           {nil, nil, true},
		"moved-text":      {func(c *jwt.Config) { c.Audience = []string{"ab"} }, func(c *jwt.Config) { c.Audience = []string{"a", "b"} }, false},
		"order":           {nil, func(c *jwt.Config) { c.Audience = []string{"b", "a"} }, false},
		"nil-and-empty":   {func(c *jwt.Config) { c.Types = nil }, func(c *jwt.Config) { c.Types = []string{} }, true},
		"other-field":     {func(c *jwt.Config) { c.TierClaim = "x" }, func(c *jwt.Config) { c.ClientClaim = "x" }, false},
		"number-and-bool": {func(c *jwt.Config) { c.Require["x"] = true }, func(c *jwt.Config) { c.Require["x"] = 1 }, false},
		"int-and-int64":   {func(c *jwt.Config) { c.Require["x"] = int64(1) }, func(c *jwt.Config) { c.Require["x"] = 1 }, false},
		"list-and-text":   {nil, func(c *jwt.Config) { c.Require["x"] = "1" }, false},
		"same-store":      {func(c *jwt.Config) { c.Revocations = store }, func(c *jwt.Config) { c.Revocations = store }, true},
		"equal-stores":    {func(c *jwt.Config) { c.Revocations = &auth.MemoryRevocations{} }, func(c *jwt.Config) { c.Revocations = &auth.MemoryRevocations{} }, false},
		"same-map":        {func(c *jwt.Config) { c.Revocations = names }, func(c *jwt.Config) { c.Revocations = names }, true},
		"equal-maps":      {func(c *jwt.Config) { c.Revocations = revokedNames{} }, func(c *jwt.Config) { c.Revocations = revokedNames{} }, false},
		"same-list":       {func(c *jwt.Config) { c.Revocations = list }, func(c *jwt.Config) { c.Revocations = list }, true},
		"longer-list":     {func(c *jwt.Config) { c.Revocations = list[:1] }, func(c *jwt.Config) { c.Revocations = list }, false},
		"equal-lists":     {func(c *jwt.Config) { c.Revocations = list }, func(c *jwt.Config) { c.Revocations = slices.Clone(list) }, false},
		"map-in-a-store":  {func(c *jwt.Config) { c.Revocations = holder{names: revokedNames{}} }, func(c *jwt.Config) { c.Revocations = holder{names: revokedNames{}} }, false},
		"same-holder":     {func(c *jwt.Config) { c.Revocations = holder{names: names} }, func(c *jwt.Config) { c.Revocations = holder{names: names} }, true},
		"store-or-none":   {nil, func(c *jwt.Config) { c.Revocations = store }, false},
		"map":             {func(c *jwt.Config) { c.Map = mapNothing }, func(c *jwt.Config) { c.Map = mapNothing }, false},
		"other-secret":    {nil, func(c *jwt.Config) { c.Keys = jwt.SecretKeys([]byte(strings.Repeat("x", 32))) }, false},
		"one-secret-more": {nil, func(c *jwt.Config) {
			c.Keys = jwt.SecretKeys([]byte(strings.Repeat("k", 32)), []byte(strings.Repeat("x", 32)))
		}, false},
		"discover":          {discovering(tenantAcme, 0), discovering(tenantAcme, 0), true},
		"discover-other":    {discovering(tenantAcme, 0), discovering(tenantBeta, 0), false},
		"discover-bounds":   {discovering(tenantAcme, 0), discovering(tenantAcme, 5), false},
		"discover-or-fetch": {discovering(tenantAcme, 0), func(c *jwt.Config) { c.Keys = jwt.RemoteKeys(tenantAcme, jwt.RemoteConfig{}) }, false},
		"equal-pools":       {rooted(x509.NewCertPool()), rooted(x509.NewCertPool()), true},
		"pool-or-none":      {rooted(nil), rooted(x509.NewCertPool()), false},
		"bad-keys":          {func(c *jwt.Config) { c.Keys = jwt.StaticKeys() }, func(c *jwt.Config) { c.Keys = jwt.StaticKeys() }, false},
		"no-keys":           {func(c *jwt.Config) { c.Keys = nil }, func(c *jwt.Config) { c.Keys = nil }, true},
	} {
		a, b := base(), base()
		if test.a != nil {
			test.a(&a)
		}
		if test.b != nil {
			test.b(&b)
		}
		if got := jwt.SameConfig(a, b); got != test.same {
			t.Errorf("%s: %t", name, got)
		}
		if got := jwt.SameConfig(b, a); got != test.same {
			t.Errorf("%s, the other way: %t", name, got)
		}
	}
}

func mapNothing(*bulwark.Principal, auth.Claims) error { return nil }

func discovering(issuer string, keys int) func(*jwt.Config) {
	return func(c *jwt.Config) { c.Keys = jwt.Discover(issuer, jwt.RemoteConfig{MaxKeys: keys}) }
}

func rooted(pool *x509.CertPool) func(*jwt.Config) {
	return func(c *jwt.Config) { c.Keys = jwt.Discover(tenantAcme, jwt.RemoteConfig{RootCAs: pool}) }
}

// A tenant whose keys are down is refused with 503, and the others are not. The
// keys of a tenant may be replaced.
func TestKeysOfOneTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &estate{landlord: newLandlord(t, tenantAcme, tenantBeta)}
		e.answers(func(_ context.Context, issuer string) (jwt.Config, error, bool) {
			c := e.fresh(issuer)
			c.Require = nil
			return c, nil, true
		})
		s, _ := e.house(t)
		e.down.Store(tenantAcme, true)
		for range 20 {
			s.turnsAway(e.token(tenantAcme, "alice"), 503, unavailable, "keys_unavailable")
			s.takes(e.token(tenantBeta, "bob"), tenantBeta, "bob")
		}
		e.down.Delete(tenantAcme)
		time.Sleep(2 * time.Second)
		s.takes(e.token(tenantAcme, "alice"), tenantAcme, "alice")
		old := e.token(tenantAcme, "alice")
		e.add(tenantAcme) // with another key, and without the earlier one
		s.takes(e.token(tenantAcme, "alice"), tenantAcme, "alice")
		s.turnsAway(old, 401, invalid, "unknown_key")
	})
}

// Requests that are inside a tenant finish, although the tenant is replaced or
// removed meanwhile. Afterwards its verifier is closed.
func TestRequestsInsideFinish(t *testing.T) {
	for name, removed := range map[string]bool{"removed": true, "replaced": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLandlord(t, tenantAcme)
				signer := l.signers[tenantAcme]
				slow := roundTrip(func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(4 * time.Second):
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
					w := httptest.NewRecorder()
					signer.JWKSHandler().ServeHTTP(w, r)
					return w.Result(), nil
				})
				keys := jwt.RemoteKeys(tenantAcme+"/keys", jwt.RemoteConfig{Transport: slow})
				l.change(tenantAcme, func(c *jwt.Config) { c.Keys = keys })
				_, issuers := l.house(t)
				early := l.token(tenantAcme, "early")
				forged := inventedFor(t, tenantAcme) // makes the tenant known, and waits for no keys yet
				var all sync.WaitGroup
				all.Go(func() { issuers.Verify(context.Background(), forged) })
				time.Sleep(59 * time.Second)
				all.Wait()
				// Its keys are forgotten now, so that the next token waits for them.
				jwt.ForgetKeys(keys)
				all.Go(func() {
					if p, err := issuers.Verify(context.Background(), early); err != nil || p.Subject != "early" {
						t.Errorf("the request inside: %v", err)
					}
				})
				synctest.Wait()
				if removed {
					l.remove(tenantAcme)
				} else {
					l.change(tenantAcme, func(c *jwt.Config) { c.Keys = jwt.StaticKeys(&l.keys[tenantAcme].PublicKey) })
				}
				time.Sleep(time.Second)
				_, err := issuers.Verify(context.Background(), early)
				if removed && reason(err) != "issuer" || !removed && err != nil {
					t.Errorf("a later request: %v", err)
				}
				if jwt.Closed(keys) {
					t.Error("closed while a request was inside")
				}
				all.Wait()
				if !jwt.Closed(keys) {
					t.Error("not closed afterwards")
				}
			})
		})
	}
}

// After Shutdown nothing runs, and Find is not called any more.
func TestShutdownOfIssuers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &estate{landlord: newLandlord(t, tenantAcme, tenantBeta)}
		sources := map[string]jwt.KeySource{}
		for issuer := range e.rows {
			e.change(issuer, func(c *jwt.Config) {
				c.Keys = jwt.RemoteKeys(issuer+"/keys", jwt.RemoteConfig{Transport: e})
				sources[issuer] = c.Keys
			})
		}
		s, issuers := e.house(t, func(c *jwt.IssuersConfig) { c.MaxFinds = 1 })
		s.takes(e.token(tenantAcme, "alice"), tenantAcme, "alice")
		e.answers(func(ctx context.Context, _ string) (jwt.Config, error, bool) {
			<-ctx.Done()
			return jwt.Config{}, ctx.Err(), true
		})
		var all sync.WaitGroup
		for _, issuer := range []string{tenantBeta, "https://login.example.com/queued"} {
			all.Go(func() {
				_, err := issuers.Verify(context.Background(), inventedFor(t, issuer))
				if reason(err) != "store_unavailable" {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		begun := time.Now()
		if err := issuers.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		all.Wait()
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("it took %v", waited)
		}
		if !jwt.Closed(sources[tenantAcme]) {
			t.Error("the keys of a tenant are not closed")
		}
		_, before := e.seen("")
		s.takes(e.token(tenantAcme, "alice"), tenantAcme, "alice") // for the rest of its minute
		s.turnsAway(inventedFor(t, tenantBeta), 503, unavailable, "store_unavailable")
		time.Sleep(time.Minute)
		s.turnsAway(e.token(tenantAcme, "alice"), 503, unavailable, "store_unavailable")
		if _, after := e.seen(""); after != before {
			t.Errorf("Find was called %d times after Shutdown", after-before)
		}
		if err := issuers.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// Shutdown waits for a deaf Find until its context ends.
func TestShutdownOfADeafFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t)
		l.answers(func(context.Context, string) (jwt.Config, error, bool) {
			time.Sleep(time.Minute)
			return jwt.Config{}, nil, true
		})
		_, issuers := l.house(t)
		go issuers.Verify(context.Background(), inventedFor(t, tenantAcme))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := issuers.Shutdown(ctx); err == nil {
			t.Error("it says that all has ended")
		}
		time.Sleep(time.Minute)
	})
}

// The streams of a tenant end when the tenant is removed, or when its verifier
// says so.
func TestReviewOfTenants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme, tenantBeta)
		store := &auth.MemoryRevocations{}
		l.change(tenantBeta, func(c *jwt.Config) { c.Revocations = store })
		_, issuers := l.house(t)
		caller := func(issuer, subject string) *bulwark.Principal {
			p, err := issuers.Verify(t.Context(), l.token(issuer, subject))
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		alice, bob := caller(tenantAcme, "alice"), caller(tenantAcme, "bob")
		name, again := issuers.Review(alice)
		same, _ := issuers.Review(bob)
		if again, _ := issuers.Review(alice); name == "" || name == same || name != again {
			t.Errorf("callers of a tenant have the names %q, %q and %q", name, again, same)
		}
		carol, dave := caller(tenantBeta, "carol"), caller(tenantBeta, "dave")
		nameCarol, againCarol := issuers.Review(carol)
		nameDave, againDave := issuers.Review(dave)
		if nameCarol == nameDave || nameCarol == name {
			t.Errorf("two revocable callers have the names %q and %q", nameCarol, nameDave)
		}
		for _, again := range []func(context.Context) error{again, againCarol, againDave} {
			if err := again(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if err := auth.Revoke(t.Context(), store, auth.RevocationOf(carol)); err != nil {
			t.Fatal(err)
		}
		if err := againCarol(t.Context()); reason(err) != "revoked" {
			t.Error(err)
		}
		if err := againDave(t.Context()); err != nil {
			t.Error(err)
		}
		for range 100 {
			again(t.Context())
		}
		if of, _ := l.seen(tenantAcme); of != 1 {
			t.Errorf("Find was called %d times within a minute", of)
		}
		l.remove(tenantAcme)
		time.Sleep(time.Minute)
		if err := again(t.Context()); reason(err) != "issuer" {
			t.Error(err)
		}
		gone, again := issuers.Review(alice)
		if gone != name || reason(again(t.Context())) != "issuer" {
			t.Errorf("after the end of the tenant: %q", gone)
		}
	})
}

// A tenant gets Revocations while streams of two callers are open. Each caller
// has an answer of their own from then on.
func TestReviewOfATenantThatGetsRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme)
		_, issuers := l.house(t)
		again := map[string]func(context.Context) error{} // by the name, as the streams keep them
		names := map[string]string{}
		for _, subject := range []string{"alice", "bob"} {
			p, err := issuers.Verify(t.Context(), l.token(tenantAcme, subject))
			if err != nil {
				t.Fatal(err)
			}
			name, ask := issuers.Review(p)
			names[subject] = name
			if again[name] == nil {
				again[name] = ask
			}
		}
		store := &auth.MemoryRevocations{}
		l.change(tenantAcme, func(c *jwt.Config) { c.Revocations = store })
		time.Sleep(time.Minute)
		for revoked, other := range map[string]string{"alice": "bob", "bob": "alice"} {
			*store = auth.MemoryRevocations{}
			err := store.Revoke(t.Context(), auth.Revocation{Issuer: tenantAcme, Subject: revoked, IssuedUntil: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			if err := again[names[revoked]](t.Context()); reason(err) != "revoked" {
				t.Errorf("the stream of %s, who is revoked: %v", revoked, err)
			}
			if err := again[names[other]](t.Context()); err != nil {
				t.Errorf("the stream of %s, who is not revoked: %v", other, err)
			}
		}
	})
}

// What is wrong in an IssuersConfig is said at once, all of it.
func TestIssuersConfigErrors(t *testing.T) {
	find := func(context.Context, string) (jwt.Config, error) { return jwt.Config{}, auth.ErrNotFound }
	good := func() jwt.IssuersConfig {
		return jwt.IssuersConfig{Find: find, Patterns: []string{tenantPattern}}
	}
	for name, test := range map[string]struct {
		change func(*jwt.IssuersConfig)
		want   []string
	}{
		"good":          {func(*jwt.IssuersConfig) {}, nil},
		"empty":         {func(c *jwt.IssuersConfig) { *c = jwt.IssuersConfig{} }, []string{"jwt(issuers).Find"}},
		"no-patterns":   {func(c *jwt.IssuersConfig) { c.Patterns = nil }, []string{"jwt(issuers).Patterns"}},
		"no-find":       {func(c *jwt.IssuersConfig) { c.Find = nil }, []string{"jwt(issuers).Find"}},
		"bad-patterns":  {func(c *jwt.IssuersConfig) { c.Patterns = []string{tenantPattern, "*", "https://u:secret@h.example/*"} }, []string{"jwt(issuers).Patterns[1]", "jwt(issuers).Patterns[2]"}},
		"many-patterns": {func(c *jwt.IssuersConfig) { c.Patterns = slices.Repeat(c.Patterns, 65) }, []string{"jwt(issuers).Patterns"}},
		"bounds": {func(c *jwt.IssuersConfig) {
			c.Max, c.MaxFinds, c.Timeout, c.MaxTokenBytes = 10_001, 1025, time.Minute, 65_537
		}, []string{"jwt(issuers).Max", "jwt(issuers).MaxFinds", "jwt(issuers).MaxTokenBytes", "jwt(issuers).Timeout"}},
		"negative":       {func(c *jwt.IssuersConfig) { c.Max, c.MaxFinds, c.Timeout, c.MaxTokenBytes = -1, -1, -1, -1 }, []string{"jwt(issuers).Max", "jwt(issuers).MaxFinds", "jwt(issuers).MaxTokenBytes", "jwt(issuers).Timeout"}},
		"unmade-dpop":    {func(c *jwt.IssuersConfig) { c.DPoP = &dpop.Verifier{} }, []string{"jwt(issuers).DPoP"}},
		"tenants":        {func(c *jwt.IssuersConfig) { c.Tenants = []string{tenantA} }, []string{"jwt(issuers).Tenants"}},
		"any-tenant":     {func(c *jwt.IssuersConfig) { c.InsecureAnyTenant = true }, []string{"jwt(issuers).Tenants"}},
		"both":           {func(c *jwt.IssuersConfig) { c.Template, c.Tenants = entraTemplate(nil), []string{tenantA} }, []string{"jwt(issuers).Template"}},
		"without-issuer": {func(c *jwt.IssuersConfig) { c.Template.Keys = jwt.Discover(entraIssuer, jwt.RemoteConfig{}) }, []string{"jwt(issuers).Template", "jwt(issuers).Template.Issuer"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := good()
			test.change(&c)
			issuers, err := jwt.NewIssuers(c)
			if got := fieldsOf(err); !slices.Equal(got, test.want) || (issuers == nil) != (err != nil) || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%q, want %q: %v", got, test.want, err)
			}
			if issuers != nil {
				issuers.Shutdown(t.Context())
			}
		})
	}
}

// Issuers that were made without NewIssuers refuse everything.
func TestUnmadeIssuers(t *testing.T) {
	for name, issuers := range map[string]*jwt.Issuers{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			r := bearer(inventedFor(t, tenantAcme))
			if issuers.Detect(r) != auth.None || issuers.Issuers() != nil || len(issuers.Challenges()) != 1 {
				t.Error("it finds something")
			}
			_, refused := issuers.Authenticate(r)
			_, refusedToo := issuers.Verify(t.Context(), "a.b.c")
			for _, err := range []error{refused, refusedToo} {
				if err == nil || !strings.Contains(err.Error(), "made without NewIssuers") {
					t.Error(err)
				}
			}
			if name, again := issuers.Review(&bulwark.Principal{}); name != "" || again != nil {
				t.Error("it reviews")
			}
			if err := issuers.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{issuers}}); err == nil {
				t.Error("auth.New takes it")
			}
		})
	}
}

// A verifier of one issuer cannot stand beside Issuers for the same issuer, and
// the log does not call a token of theirs one of a stranger.
func TestIssuersBesideAVerifier(t *testing.T) {
	l := newLandlord(t, tenantAcme)
	_, issuers := l.house(t)
	for issuer, want := range map[string]string{tenantAcme: "accepts issuers that Authenticators[0]", tenantAcme + "/": "", "https://accounts.example.com": ""} {
		c := l.rows[tenantAcme]
		c.Issuer, c.Keys = issuer, jwt.StaticKeys(&l.keys[tenantAcme].PublicKey)
		_, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{issuers, mustNew(t, c)}})
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	s, _ := l.house(t)
	s.turnsAway(inventedFor(t, tenantAcme+"/"), 401, invalid, "issuer")
	long := tokenOf(`{"alg":"ES256","kid":"k"}`, map[string]any{"iss": tenantAcme, "pad": strings.Repeat("x", 9<<10)}, func([]byte) []byte { return make([]byte, 64) })
	s.turnsAway(long, 401, invalid, "malformed")
	if _, all := l.seen(""); all != 0 {
		t.Errorf("Find was called %d times", all)
	}
}

// The tokens of all tenants share one cache, and each verifier believes only
// what it has verified itself.
func TestTenantsShareACache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLandlord(t, tenantAcme, tenantBeta)
		l.change(tenantBeta, func(c *jwt.Config) { c.MaxCached = -1 })
		s, issuers := l.house(t, func(c *jwt.IssuersConfig) { c.MaxCached = 100 })
		for n := range 300 {
			subject := fmt.Sprint("u", n)
			s.takes(l.token(tenantAcme, subject), tenantAcme, subject)
			s.takes(l.token(tenantBeta, subject), tenantBeta, subject)
		}
		if n := jwt.Cached(issuers); n > 100 || n < 90 {
			t.Errorf("%d tokens are cached", n)
		}
		// The token is cached half a minute before Find is asked again, and so
		// half a minute longer.
		time.Sleep(30 * time.Second)
		token := l.token(tenantAcme, "alice")
		s.takes(token, tenantAcme, "alice")
		l.change(tenantAcme, func(c *jwt.Config) { c.Audience = []string{"others"} })
		time.Sleep(30*time.Second - time.Nanosecond)
		s.takes(token, tenantAcme, "alice")
		time.Sleep(time.Nanosecond)
		s.turnsAway(token, 401, invalid, "audience")
	})
}

// A good token of a known tenant costs no more than that of a single issuer,
// but for the text of its iss.
func TestAllocationsOfATenant(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	l := newLandlord(t, tenantAcme)
	_, issuers := l.house(t)
	layer, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{issuers}})
	if err != nil {
		t.Fatal(err)
	}
	handler := layer.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r, w := bearer(l.token(tenantAcme, "alice")), &discarded{}
	one := func() { handler.ServeHTTP(w, r) }
	one()
	if w.status != 0 {
		t.Fatal(w.status)
	}
	c := l.rows[tenantAcme]
	single, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{mustNew(t, c)}})
	if err != nil {
		t.Fatal(err)
	}
	other := single.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	base := testing.AllocsPerRun(200, func() { other.ServeHTTP(w, r) })
	if n := testing.AllocsPerRun(200, one); n > base+3 {
		t.Errorf("%.0f allocations, and %.0f for a single issuer", n, base)
	}
}

// Many tenants, whose rows and keys change under load. No request is answered
// for another tenant, and nobody is refused who has not been removed.
func TestRaceOfTenants(t *testing.T) {
	const tenants, clients = 24, 8
	e := &estate{landlord: newLandlord(t)}
	name := func(n int) string { return fmt.Sprintf("https://login.example.com/t%d", n) }
	for n := range tenants {
		e.add(name(n))
	}
	e.answers(func(_ context.Context, issuer string) (jwt.Config, error, bool) {
		e.mu.Lock()
		_, ok := e.rows[issuer]
		e.mu.Unlock()
		if !ok {
			return jwt.Config{}, auth.ErrNotFound, true
		}
		c := e.fresh(issuer)
		c.Require, c.Audience = nil, []string{"us", fmt.Sprint(random.IntN(2))} // some are the same, some are not
		return c, nil, true
	})
	synctest.Test(t, func(t *testing.T) {
		e.t = t
		_, issuers := e.house(t, func(c *jwt.IssuersConfig) { c.Max, c.MaxCached = tenants-4, 64 })
		end := time.Now().Add(10 * time.Minute)
		var all sync.WaitGroup
		var good atomic.Int64
		for range clients {
			all.Go(func() {
				for time.Now().Before(end) {
					n := random.IntN(tenants)
					token, want := e.token(name(n), "alice"), name(n)
					p, err := issuers.Verify(context.Background(), token)
					switch {
					case err == nil && (p.Issuer != want || p.Subject != "alice"):
						t.Errorf("%+v, want %s", p, want)
					case err == nil:
						good.Add(1)
					// The last four tenants come and go. The others may be
					// out of the book for want of room, or meet a key that
					// has just been replaced.
					case reason(err) == "issuer" && n < tenants-4:
						t.Errorf("%s: %v", want, err)
					case !slices.Contains([]string{"issuer", "store_full", "unknown_key", "store_unavailable", "keys_unavailable"}, reason(err)):
						t.Errorf("%s: %v", want, err)
					}
					time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond)
				}
			})
		}
		all.Go(func() {
			for time.Now().Before(end) {
				gone := name(tenants - 1 - random.IntN(4))
				e.remove(gone)
				time.Sleep(90 * time.Second)
				e.add(gone) // with a new key
				e.add(name(random.IntN(tenants - 4)))
				if issuers.Review(&bulwark.Principal{Issuer: gone}); random.IntN(3) == 0 {
					issuers.Verify(context.Background(), inventedFor(t, "https://login.example.com/nobody"))
				}
			}
		})
		all.Wait()
		if good.Load() < 1000 {
			t.Errorf("only %d good answers", good.Load())
		}
		if kept, _, asking := jwt.Book(issuers); kept > tenants-4 || asking != 0 {
			t.Errorf("%d tenants, %d calls", kept, asking)
		}
		if err := issuers.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
