package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/authtest"
)

func problem(t testing.TB, err error, status int, code string) *bulwark.Problem {
	t.Helper()
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != status || p.Code != code {
		t.Fatalf("error %v, want %d %s", err, status, code)
	}
	return p
}

func TestOwner(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	owner := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice", Roles: []string{"admin"}, Tier: "enterprise", Scopes: []string{"all"}}
	key := issue(t, keys, apikey.Grant{Owner: owner, Roles: []string{"user"}})
	a := send(t, keys, "Authorization", "ApiKey "+key.Key)
	a.accepted(t, "alice")
	if a.caller.Key() != owner.Key() {
		t.Errorf("caller %q, want %q", a.caller.Key(), owner.Key())
	}
	if a.caller.HasRole("admin") || !a.caller.HasRole("user") || a.caller.Tier != "" || a.caller.HasScope("all") || a.caller.TokenID != key.ID {
		t.Errorf("the owner's permissions came along: %+v", a.caller)
	}
}

func TestStoreHoldsNoSecret(t *testing.T) {
	store := &apikey.MemoryStore{}
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{})
	rec, err := store.Get(t.Context(), key.ID)
	if err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(key.Key, "_")[3]
	if strings.Contains(fmt.Sprintf("%+v %s", rec, rec.Secrets[0].Hash), secret) {
		t.Error("the record holds the secret")
	}
}

func TestIssuedHidesTheSecretFromLogs(t *testing.T) {
	key := issue(t, newKeys(t, config(&apikey.MemoryStore{})), apikey.Grant{})
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("issued", "key", key)
	fmt.Fprintf(&log, "%v %+v %#v %s %v %#v", key, key, key, key, pepper(1), pepper(1))
	if secret := strings.Split(key.Key, "_")[3]; strings.Contains(log.String(), secret) || strings.Contains(log.String(), "\\x01") {
		t.Errorf("the log shows a secret: %s", &log)
	}
	if !strings.Contains(log.String(), key.ID) {
		t.Errorf("the log does not name the key: %s", &log)
	}
}

func TestKeysDiffer(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	seen := map[string]bool{}
	for range 200 {
		key := issue(t, keys, apikey.Grant{})
		part := strings.Split(key.Key, "_")
		if seen[part[2]] || seen[part[3]] || part[2] != key.ID {
			t.Fatalf("id or secret came twice, or the id is another: %s", key.ID)
		}
		seen[part[2]], seen[part[3]] = true, true
	}
}

func TestGrantsThatAreRefused(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	many := make([]string, 65)
	for i := range many {
		many[i] = fmt.Sprint("r", i)
	}
	for name, test := range map[string]struct {
		grant   apikey.Grant
		pointer string
	}{
		"tier":           {apikey.Grant{Tier: "gold"}, "/tier"},
		"long-name":      {apikey.Grant{Name: strings.Repeat("n", 129)}, "/name"},
		"control-name":   {apikey.Grant{Name: "a\nb"}, "/name"},
		"broken-name":    {apikey.Grant{Name: "a\xff"}, "/name"},
		"empty-role":     {apikey.Grant{Roles: []string{""}}, "/roles"},
		"many-roles":     {apikey.Grant{Roles: many}, "/roles"},
		"space-in-scope": {apikey.Grant{Scopes: []string{"a b"}}, "/scopes"},
		"zero-network":   {apikey.Grant{Networks: make([]netip.Prefix, 1)}, "/networks"},
		"mapped-network": {apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}}, "/networks"},
		"past":           {apikey.Grant{ExpiresAt: time.Now().Add(-time.Second)}, "/expires_at"},
		"no-owner":       {apikey.Grant{Owner: &bulwark.Principal{Issuer: "x"}}, "/owner"},
		"another-key":    {apikey.Grant{Owner: &bulwark.Principal{Issuer: "https://api.example.com/keys", Subject: "key:x"}}, "/owner"},
	} {
		t.Run(name, func(t *testing.T) {
			issued, err := keys.Issue(t.Context(), test.grant)
			p := problem(t, err, 422, "apikey.invalid_grant")
			if len(p.Errors) != 1 || p.Errors[0].Pointer != test.pointer || p.Errors[0].In != "body" || issued.Key != "" {
				t.Errorf("errors %v, issued %v", p.Errors, issued)
			}
		})
	}
	_, err := keys.Issue(t.Context(), apikey.Grant{Tier: "gold", Roles: []string{""}})
	if p := problem(t, err, 422, "apikey.invalid_grant"); len(p.Errors) != 2 {
		t.Errorf("%d faults reported of 2", len(p.Errors))
	}
}

func TestGrantIsCopied(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	roles := []string{"user"}
	key := issue(t, keys, apikey.Grant{Roles: roles})
	roles[0] = "admin"
	if a := send(t, keys, "Authorization", "ApiKey "+key.Key); !a.caller.HasRole("user") || a.caller.HasRole("admin") {
		t.Errorf("roles %v followed the caller's slice", a.caller.Roles)
	}
}

func TestRotationOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		first := issue(t, keys, apikey.Grant{Tier: "premium", Roles: []string{"user"}})
		second, err := keys.Rotate(t.Context(), first.ID, hour)
		if err != nil {
			t.Fatal(err)
		}
		if second.ID != first.ID || second.Key == first.Key || second.Tier != "premium" || !second.ExpiresAt.Equal(first.ExpiresAt) {
			t.Errorf("rotated %+v", second)
		}
		time.Sleep(hour - time.Nanosecond)
		a := send(t, keys, "Authorization", "ApiKey "+first.Key)
		a.accepted(t, "key:"+first.ID)
		if left := time.Until(a.caller.ExpiresAt); left != time.Nanosecond {
			t.Errorf("the old secret's caller is good for %v more", left)
		}
		send(t, keys, "Authorization", "ApiKey "+second.Key).accepted(t, "key:"+first.ID)
		time.Sleep(time.Nanosecond)
		send(t, keys, "Authorization", "ApiKey "+first.Key).refused(t, "expired")
		send(t, keys, "Authorization", "ApiKey "+second.Key).accepted(t, "key:"+first.ID)

		third, err := keys.Rotate(t.Context(), first.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		send(t, keys, "Authorization", "ApiKey "+second.Key).refused(t, "key")
		send(t, keys, "Authorization", "ApiKey "+third.Key).accepted(t, "key:"+first.ID)
		synctest.Wait()
	})
}

func TestARotationNeverExtendsAnEarlierOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		first := issue(t, keys, apikey.Grant{})
		for _, overlap := range []time.Duration{hour, 10 * hour, 10 * hour} {
			if _, err := keys.Rotate(t.Context(), first.ID, overlap); err != nil {
				t.Fatal(err)
			}
		}
		_, err := keys.Rotate(t.Context(), first.ID, hour)
		problem(t, err, 409, "apikey.too_many_secrets")
		send(t, keys, "Authorization", "ApiKey "+first.Key).accepted(t, "key:"+first.ID)
		time.Sleep(hour)
		send(t, keys, "Authorization", "ApiKey "+first.Key).refused(t, "expired")
		if _, err = keys.Rotate(t.Context(), first.ID, hour); err != nil {
			t.Errorf("after the first overlap there is room: %v", err)
		}
		if _, err = keys.Rotate(t.Context(), first.ID, 0); err != nil {
			t.Errorf("a rotation without overlap, of a leaked key: %v", err)
		}
		synctest.Wait()
	})
}

func TestRotationsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		revoked, expired, live := issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{ExpiresAt: time.Now().Add(hour)}), issue(t, keys, apikey.Grant{})
		if err := keys.Revoke(t.Context(), revoked.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hour)
		for name, test := range map[string]struct {
			id      string
			overlap time.Duration
			status  int
			code    string
		}{
			"revoked":   {revoked.ID, 0, 409, "apikey.ended"},
			"expired":   {expired.ID, 0, 409, "apikey.ended"},
			"unknown":   {"0000000000000000", 0, 404, "apikey.not_found"},
			"malformed": {"../../etc/passwd", 0, 404, "apikey.not_found"},
			"negative":  {live.ID, -1, 422, "apikey.invalid_overlap"},
			"too-long":  {live.ID, 31 * 24 * hour, 422, "apikey.invalid_overlap"},
		} {
			got, err := keys.Rotate(t.Context(), test.id, test.overlap)
			problem(t, err, test.status, test.code)
			if got.Key != "" {
				t.Errorf("%s: a key was issued", name)
			}
		}
		problem(t, keys.Revoke(t.Context(), "0000000000000000"), 404, "apikey.not_found")
		send(t, keys, "Authorization", "ApiKey "+live.Key).accepted(t, "key:"+live.ID)
		synctest.Wait()
	})
}

func TestConcurrentRotationsLoseNothing(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	first := issue(t, keys, apikey.Grant{})
	var wg sync.WaitGroup
	rotated := make([]apikey.Issued, 3)
	for i := range rotated {
		wg.Go(func() { rotated[i], _ = keys.Rotate(t.Context(), first.ID, hour) })
	}
	wg.Wait()
	for _, key := range append(rotated, first) {
		send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "key:"+first.ID)
	}
}

func TestRevokeBeatsRotate(t *testing.T) {
	for range 50 {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		first := issue(t, keys, apikey.Grant{})
		var wg sync.WaitGroup
		var rotated apikey.Issued
		wg.Go(func() { rotated, _ = keys.Rotate(t.Context(), first.ID, hour) })
		wg.Go(func() {
			if err := keys.Revoke(t.Context(), first.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		send(t, keys, "Authorization", "ApiKey "+first.Key).refused(t, "revoked")
		if rotated.Key != "" {
			send(t, keys, "Authorization", "ApiKey "+rotated.Key).refused(t, "revoked")
		}
	}
}

func TestPeppersRotate(t *testing.T) {
	store := &apikey.MemoryStore{}
	c := config(store)
	old := issue(t, newKeys(t, c), apikey.Grant{})
	c.Peppers = []apikey.Pepper{pepper(2), pepper(1)}
	both := newKeys(t, c)
	recent := issue(t, both, apikey.Grant{})
	send(t, both, "Authorization", "ApiKey "+old.Key).accepted(t, "key:"+old.ID)
	send(t, both, "Authorization", "ApiKey "+recent.Key).accepted(t, "key:"+recent.ID)

	c.Peppers = []apikey.Pepper{pepper(2)}
	after := newKeys(t, c)
	send(t, after, "Authorization", "ApiKey "+old.Key).refused(t, "key")
	send(t, after, "Authorization", "ApiKey "+recent.Key).accepted(t, "key:"+recent.ID)

	// The version alone proves nothing: another key under the same number.
	c.Peppers = []apikey.Pepper{{Version: 2, Key: pepper(3).Key}}
	send(t, newKeys(t, c), "Authorization", "ApiKey "+recent.Key).refused(t, "key")
}

func TestMemoryStoreIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{Max: 2}))
		kept := issue(t, keys, apikey.Grant{})
		issue(t, keys, apikey.Grant{ExpiresAt: time.Now().Add(hour)})
		_, err := keys.Issue(t.Context(), apikey.Grant{})
		if p := problem(t, err, 503, "apikey.store_full"); p.RetryAfter <= 0 {
			t.Error("no time to retry after")
		}
		send(t, keys, "Authorization", "ApiKey "+kept.Key).accepted(t, "key:"+kept.ID)
		time.Sleep(hour)
		third := issue(t, keys, apikey.Grant{}) // in the place of the expired one
		if err := keys.Revoke(t.Context(), third.ID); err != nil {
			t.Fatal(err)
		}
		issue(t, keys, apikey.Grant{}) // in the place of the revoked one
		send(t, keys, "Authorization", "ApiKey "+third.Key).refused(t, "unknown_key")
		send(t, keys, "Authorization", "ApiKey "+kept.Key).accepted(t, "key:"+kept.ID)
		synctest.Wait()
	})
}

func TestMemoryStoreKeepsTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authtest.TestKeyStore(t, func(*testing.T) apikey.Store { return &apikey.MemoryStore{Max: 1500} })
	})
}

// contrary is a store of which every write comes too late.
type contrary struct{ apikey.MemoryStore }

func (*contrary) Update(context.Context, apikey.Record) error { return auth.ErrConflict }

func (*contrary) Create(context.Context, apikey.Record) error { return errors.New("down") }

func TestChangesThatCannotBeMade(t *testing.T) {
	store := &contrary{}
	keys := newKeys(t, config(store))
	_, err := keys.Issue(t.Context(), apikey.Grant{})
	problem(t, err, 503, "apikey.unavailable")
	if err := store.MemoryStore.Create(t.Context(), apikey.Record{ID: "0000000000000000", Family: "acme_live", ExpiresAt: time.Now().Add(hour)}); err != nil {
		t.Fatal(err)
	}
	problem(t, keys.Revoke(t.Context(), "0000000000000000"), 503, "apikey.unavailable")
}

// A job that logs the error learns which field is wrong.
func TestTheErrorOfAGrantNamesItsOwner(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	for _, owner := range []*bulwark.Principal{{Issuer: "https://login.example.com"}, {Subject: "alice"}, {Issuer: keys.Issuer(), Subject: "alice"}} {
		if _, err := keys.Issue(t.Context(), apikey.Grant{Owner: owner}); err == nil || !strings.Contains(err.Error(), "Grant.Owner must have a Subject") {
			t.Errorf("%+v: %v", owner, err)
		}
	}
}
