package apikey_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// callerOf is the caller of a key.
func callerOf(t testing.TB, keys *apikey.Keys, key string) *bulwark.Principal {
	t.Helper()
	a := send(t, keys, "Authorization", "ApiKey "+key)
	if a.caller == nil {
		t.Fatalf("refused: %d %s", a.Code, a.Body)
	}
	return a.caller
}

// ends asserts how a review of the caller ends. An empty reason is a good key.
func ends(t testing.TB, keys *apikey.Keys, p *bulwark.Principal, status int, reason string) {
	t.Helper()
	name, again := keys.Review(p)
	if name == "" || again == nil {
		t.Fatalf("the caller %v is not reviewed", p)
	}
	err := again(t.Context())
	if reason == "" {
		if err != nil {
			t.Errorf("a good key: %v", err)
		}
		return
	}
	code := "auth.invalid_token"
	if status == 503 {
		code = "auth.unavailable"
	}
	got := problem(t, err, status, code)
	if got.Log.Reason != reason || len(got.Log.Attrs) == 0 {
		t.Errorf("reason %q, want %q; attributes %v", got.Log.Reason, reason, got.Log.Attrs)
	}
}

func TestReview(t *testing.T) {
	for name, test := range map[string]struct {
		grant  apikey.Grant
		change func(t *testing.T, keys *apikey.Keys, spy *spyStore, a *accounts, id string)
		status int
		reason string // empty for a good key
	}{
		"good":          {change: func(*testing.T, *apikey.Keys, *spyStore, *accounts, string) {}},
		"another-roles": {grant: apikey.Grant{Owner: alice, Roles: []string{"user"}}, change: func(_ *testing.T, _ *apikey.Keys, _ *spyStore, a *accounts, _ string) { a.set(account("", ""), nil) }},
		"network":       {grant: apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, change: func(*testing.T, *apikey.Keys, *spyStore, *accounts, string) {}},
		"revoked": {change: func(t *testing.T, k *apikey.Keys, _ *spyStore, _ *accounts, id string) {
			must(t, k.Revoke(t.Context(), id))
		}, status: 401, reason: "revoked"},
		"owner-revoked": {grant: apikey.Grant{Owner: alice}, change: func(t *testing.T, k *apikey.Keys, _ *spyStore, _ *accounts, _ string) {
			must(t, k.RevokeOwner(t.Context(), alice))
		}, status: 401, reason: "revoked"},
		"swept": {change: func(t *testing.T, k *apikey.Keys, s *spyStore, _ *accounts, id string) {
			must(t, errors.Join(k.Revoke(t.Context(), id), s.Sweep(t.Context())))
		}, status: 401, reason: "revoked"},
		"expired": {change: func(*testing.T, *apikey.Keys, *spyStore, *accounts, string) { time.Sleep(24 * hour) }, status: 401, reason: "expired"},
		"rotated": {change: func(t *testing.T, k *apikey.Keys, _ *spyStore, _ *accounts, id string) { rotate(t, k, id, 0) }, status: 401, reason: "expired"},
		"overlapping": {change: func(t *testing.T, k *apikey.Keys, _ *spyStore, _ *accounts, id string) {
			rotate(t, k, id, hour)
			time.Sleep(hour - 1)
		}},
		"overlap-over": {change: func(t *testing.T, k *apikey.Keys, _ *spyStore, _ *accounts, id string) {
			rotate(t, k, id, hour)
			time.Sleep(hour)
		}, status: 401, reason: "expired"},
		"gone": {grant: apikey.Grant{Owner: alice}, change: func(_ *testing.T, _ *apikey.Keys, _ *spyStore, a *accounts, _ string) {
			a.set(nil, nil)
			time.Sleep(time.Minute)
		}, status: 401, reason: "revoked"},
		"lookup-down": {grant: apikey.Grant{Owner: alice}, change: func(_ *testing.T, _ *apikey.Keys, _ *spyStore, a *accounts, _ string) {
			a.set(nil, errors.New("down"))
			time.Sleep(time.Minute)
		}, status: 503, reason: "store_unavailable"},
		"store-down": {change: func(_ *testing.T, _ *apikey.Keys, s *spyStore, _ *accounts, _ string) {
			down := errors.New("down")
			s.fail.Store(&down)
		}, status: 503, reason: "store_unavailable"},
		"another-family": {change: func(t *testing.T, _ *apikey.Keys, s *spyStore, _ *accounts, id string) {
			rec, err := s.Get(t.Context(), id)
			rec.Family = "acme_test"
			must(t, errors.Join(err, s.Update(t.Context(), rec)))
		}, status: 401, reason: "revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				spy := &spyStore{Store: &apikey.MemoryStore{}}
				a := &accounts{found: account("user", "")}
				c := config(spy)
				c.Lookup, c.Lifetime = a.lookup, 24*hour
				keys := newKeys(t, c)
				p := callerOf(t, keys, issue(t, keys, test.grant).Key)
				ends(t, keys, p, 0, "")
				test.change(t, keys, spy, a, p.TokenID)
				ends(t, keys, p, test.status, test.reason)
				synctest.Wait()
			})
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rotate(t testing.TB, keys *apikey.Keys, id string, overlap time.Duration) apikey.Issued {
	t.Helper()
	next, err := keys.Rotate(t.Context(), id, overlap)
	must(t, err)
	return next
}

// The callers of one secret have one name, those of two secrets two: a rotation
// without an overlap, even at the same moment, ends the one and not the other.
func TestReviewsOfTwoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		key := issue(t, keys, apikey.Grant{})
		first, again := callerOf(t, keys, key.Key), callerOf(t, keys, key.Key)
		next := rotate(t, keys, key.ID, hour)
		second := callerOf(t, keys, next.Key)
		name := func(p *bulwark.Principal) string { name, _ := keys.Review(p); return name }
		if name(first) != name(again) || name(first) == name(second) {
			t.Errorf("names %q, %q and %q", name(first), name(again), name(second))
		}
		third := callerOf(t, keys, rotate(t, keys, key.ID, 0).Key)
		ends(t, keys, first, 401, "expired")
		ends(t, keys, second, 401, "expired")
		ends(t, keys, third, 0, "")
		other := callerOf(t, keys, issue(t, keys, apikey.Grant{}).Key)
		if name(other) == name(third) {
			t.Error("two keys have one name")
		}
		synctest.Wait()
	})
}

func TestReviewsOfAdoptedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := withLegacy(t, tableOf(apikey.Grant{Name: "x"}), &apikey.MemoryStore{}, nil)
		rec, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
		must(t, err)
		p := callerOf(t, keys, oldKey)
		ends(t, keys, p, 0, "")
		rotate(t, keys, rec.ID, hour)
		time.Sleep(hour)
		ends(t, keys, p, 401, "expired")
		must(t, keys.Revoke(t.Context(), rec.ID))
		ends(t, keys, p, 401, "revoked")
		synctest.Wait()
	})
}

func TestReviewsOfNobody(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	var zero *apikey.Keys
	for name, got := range map[string]string{
		"nil": first(keys.Review(nil)), "no-key": first(keys.Review(&bulwark.Principal{Subject: "x"})), "unmade": first(zero.Review(&bulwark.Principal{TokenID: "x"})),
	} {
		if got != "" {
			t.Errorf("%s is reviewed as %q", name, got)
		}
	}
	ends(t, keys, &bulwark.Principal{TokenID: "0000000000000000", IssuedAt: time.Now()}, 401, "revoked")
	ends(t, keys, &bulwark.Principal{TokenID: "0000000000000000"}, 401, "revoked")
}

func first(name string, _ func(context.Context) error) string { return name }
