package apikey_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spy := &spyStore{Store: &apikey.MemoryStore{}}
		keys := newKeys(t, config(spy))
		good := issue(t, keys, apikey.Grant{Roles: []string{"user"}, Tier: "premium"})
		short := issue(t, keys, apikey.Grant{ExpiresAt: time.Now().Add(hour)})
		gone := issue(t, keys, apikey.Grant{})
		bound := issue(t, keys, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}})
		if err := keys.Revoke(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hour)
		p, err := keys.Verify(t.Context(), good.Key)
		if err != nil || p.Subject != "key:"+good.ID || p.Issuer != "https://api.example.com/keys" || p.Method != "api_key" ||
			p.TokenID != good.ID || !p.HasRole("user") || p.Tier != "premium" || !p.ExpiresAt.Equal(good.ExpiresAt) {
			t.Errorf("%+v, %v", p, err)
		}
		for name, test := range map[string]struct{ text, reason string }{
			"empty":        {"", "malformed"},
			"header-value": {"ApiKey " + good.Key, "malformed"},
			"mistyped":     {good.Key[:len(good.Key)-1] + "!", "malformed"},
			"environment":  {withCheck("acme_test_" + good.ID + "_" + strings.Repeat("A", 43)), "audience"},
			"unknown":      {withCheck("acme_live_0000000000000000_" + strings.Repeat("A", 43)), "unknown_key"},
			"wrong-secret": {withCheck("acme_live_" + good.ID + "_" + strings.Repeat("A", 43)), "key"},
			"revoked":      {gone.Key, "revoked"},
			"expired":      {short.Key, "expired"},
			"networks":     {bound.Key, "network"}, // any address at all, but nobody knows which
		} {
			p, err := keys.Verify(t.Context(), test.text)
			if refused := problem(t, err, 401, "auth.invalid_token"); p != nil || refused.Log.Reason != test.reason || refused.Log.Event != bulwark.AuthnTokenInvalid {
				t.Errorf("%s: caller %v, refusal %+v, want the reason %q", name, p, refused, test.reason)
			}
		}
		synctest.Wait()
	})
}

func TestVerifyDuringAnOutage(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	keys := newKeys(t, config(spy))
	key := issue(t, keys, apikey.Grant{})
	down := errors.New("connection refused by 10.0.0.5")
	spy.fail.Store(&down)
	p, err := keys.Verify(t.Context(), key.Key)
	refused := problem(t, err, 503, "auth.unavailable")
	if p != nil || refused.RetryAfter <= 0 || refused.Log.Reason != "store_unavailable" || !errors.Is(err, down) {
		t.Errorf("caller %v, refusal %+v", p, refused)
	}
}

// A use outside a request counts as any other.
func TestVerifyKeepsAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var elsewhere bulwarktest.Recorder
		store := &apikey.MemoryStore{}
		c := config(store)
		c.MaxAge, c.Recorder = 24*hour, &elsewhere
		keys := newKeys(t, c)
		key := issue(t, keys, apikey.Grant{})
		time.Sleep(24 * hour)
		for range 2 {
			if _, err := keys.Verify(t.Context(), key.Key); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if rec, err := store.Get(t.Context(), key.ID); err != nil || !rec.LastUsed.Equal(time.Now()) {
			t.Errorf("last used %v, %v", rec.LastUsed, err)
		}
		if e := only(t, elsewhere.Take(), bulwark.AuthnKeyStale); e.UserID != "key:"+key.ID || e.Reason != "max_age" || e.Path != "" {
			t.Errorf("event %+v", e)
		}
	})
}
