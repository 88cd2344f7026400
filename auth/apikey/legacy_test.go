package apikey_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// oldTable is the table of an older system: a SHA-256 for each key.
type oldTable struct {
	mu    sync.Mutex
	rows  map[[32]byte]apikey.Grant
	asked atomic.Int64
	err   error
	wait  func(context.Context)
	last  string
}

func (o *oldTable) legacy(ctx context.Context, presented string) (apikey.Grant, error) {
	o.asked.Add(1)
	o.mu.Lock()
	g, has := o.rows[sha256.Sum256([]byte(presented))]
	err, wait := o.err, o.wait
	o.last = presented
	o.mu.Unlock()
	if wait != nil {
		wait(ctx)
	}
	if err == nil && !has {
		err = auth.ErrNotFound
	}
	return g, err
}

const oldKey = "sk_51H8xQ2vKZpTn9"

func tableOf(g apikey.Grant) *oldTable {
	return &oldTable{rows: map[[32]byte]apikey.Grant{sha256.Sum256([]byte(oldKey)): g}}
}

func withLegacy(t testing.TB, o *oldTable, store apikey.Store, change func(*apikey.Config)) *apikey.Keys {
	t.Helper()
	c := config(store)
	c.Legacy, c.LegacyPrefixes = o.legacy, []string{"sk_"}
	if change != nil {
		change(&c)
	}
	return newKeys(t, c)
}

// silent asserts that nothing of the answer shows the key.
func (a answer) silent(t testing.TB, key string) {
	t.Helper()
	if text := fmt.Sprintf("%v %v %s", a.events, a.Header(), a.Body); strings.Contains(text, key) {
		t.Errorf("the key is shown: %s", text)
	}
}

func TestLegacyKeysAreAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := tableOf(apikey.Grant{Name: "partner", Roles: []string{"user"}, Scopes: []string{"read"}, Tier: "premium"})
		store := &apikey.MemoryStore{}
		keys := withLegacy(t, o, store, nil)
		var subject string
		for way, lines := range ways(oldKey) {
			a := send(t, keys, lines...)
			if a.caller == nil {
				t.Fatalf("%s: %d %s", way, a.Code, a.Body)
			}
			p := a.caller
			if subject == "" {
				subject = p.Subject
			}
			if p.Subject != subject || p.Subject != "key:"+p.TokenID || len(p.TokenID) != 16 || p.Issuer != "https://api.example.com/keys" || p.Method != "api_key" ||
				!p.HasRole("user") || !p.HasScope("read") || p.Tier != "premium" {
				t.Errorf("%s: caller %+v", way, p)
			}
			if !p.IssuedAt.IsZero() || !p.ExpiresAt.Equal(time.Now().Add(2*time.Minute)) {
				t.Errorf("%s: issued %v, ends %v", way, p.IssuedAt, p.ExpiresAt)
			}
			if name, _ := keys.Review(p); name != "" {
				t.Errorf("%s: is reviewed as %q", way, name)
			}
			a.silent(t, oldKey)
		}
		if all, err := keys.List(t.Context(), apikey.Filter{}); err != nil || len(all) != 0 {
			t.Errorf("the store has %v, %v", all, err)
		}
		if p, err := keys.Verify(t.Context(), oldKey); err != nil || p.Subject != subject {
			t.Errorf("Verify: %v, %v", p, err)
		}
		// Another pepper before the first does not change who calls.
		rotated := withLegacy(t, o, store, func(c *apikey.Config) { c.Peppers = []apikey.Pepper{pepper(2), pepper(1)} })
		send(t, rotated, "X-Api-Key", oldKey).accepted(t, subject)
		if strings.Contains(subject, oldKey) || o.last != oldKey {
			t.Errorf("the subject is %q, asked for %q", subject, o.last)
		}
		synctest.Wait()
	})
}

// The limits of a Grant hold for a legacy key as for ours.
func TestLegacyKeysHaveTheSameLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		elsewhere := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		for name, test := range map[string]struct {
			grant  apikey.Grant
			reason string
		}{
			"expired": {apikey.Grant{Name: "x", ExpiresAt: time.Now()}, "expired"},
			"network": {apikey.Grant{Name: "x", Networks: elsewhere}, "network"},
		} {
			t.Log(name)
			a := send(t, withLegacy(t, tableOf(test.grant), &apikey.MemoryStore{}, nil), "Authorization", "ApiKey "+oldKey)
			a.refused(t, test.reason)
			a.silent(t, oldKey)
		}
		soon := withLegacy(t, tableOf(apikey.Grant{Name: "x", ExpiresAt: time.Now().Add(time.Minute)}), &apikey.MemoryStore{}, nil)
		if p := send(t, soon, "X-Api-Key", oldKey).caller; p == nil || !p.ExpiresAt.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("caller %+v", p)
		}
		bound := withLegacy(t, tableOf(apikey.Grant{Name: "x", Networks: elsewhere}), &apikey.MemoryStore{}, nil)
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "198.51.100.7:1"
		r.Header.Set("X-Api-Key", oldKey)
		if a := sendRequest(t, bound, r); a.Code != 204 {
			t.Errorf("from its network: %d %s", a.Code, a.Body)
		}
	})
}

func TestLegacyOwnersAreLookedUp(t *testing.T) {
	a := &accounts{found: account("user", "")}
	keys := withLegacy(t, tableOf(apikey.Grant{Owner: alice, Roles: []string{"user", "admin"}}), &apikey.MemoryStore{}, func(c *apikey.Config) { c.Lookup = a.lookup })
	for range 3 {
		got := send(t, keys, "X-Api-Key", oldKey)
		got.accepted(t, "alice")
		if got.caller.HasRole("admin") || !got.caller.HasRole("user") || a.calls() != 1 {
			t.Errorf("roles %q, %d calls", got.caller.Roles, a.calls())
		}
	}
	gone := &accounts{}
	keys = withLegacy(t, tableOf(apikey.Grant{Owner: alice}), &apikey.MemoryStore{}, func(c *apikey.Config) { c.Lookup = gone.lookup })
	send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
}

func TestLegaciesThatFailOrLie(t *testing.T) {
	many := make([]string, 65)
	for i := range many {
		many[i] = "r"
	}
	good := apikey.Grant{Name: "partner"}
	for name, test := range map[string]struct {
		grant  apikey.Grant
		err    error
		wait   func(context.Context)
		status int
		cause  []string
	}{
		"unknown":         {good, auth.ErrNotFound, nil, 401, []string{"apikey.Config.Legacy"}},
		"wrapped-unknown": {good, fmt.Errorf("row of %s: %w", oldKey, auth.ErrNotFound), nil, 401, []string{"apikey.Config.Legacy"}},
		"error":           {good, errors.New("connection refused"), nil, 503, []string{"apikey.Config.Legacy", "connection refused"}},
		"shows-the-key":   {good, fmt.Errorf("connection refused for %q", oldKey), nil, 503, []string{"apikey.Config.Legacy", "repeats the key"}},
		"panic":           {good, nil, func(context.Context) { panic(oldKey) }, 503, []string{"apikey.Config.Legacy", "the function panicked"}},
		"goexit":          {good, nil, func(context.Context) { runtime.Goexit() }, 503, []string{"ended its goroutine"}},
		"hangs":           {good, nil, func(ctx context.Context) { <-ctx.Done(); time.Sleep(time.Hour) }, 503, []string{"no answer after 2s (apikey.Config.AskTimeout)"}},
		"zero-grant":      {apikey.Grant{}, nil, nil, 503, []string{"apikey.Config.Legacy", "no Name and no Owner", "auth.ErrNotFound"}},
		"only-roles":      {apikey.Grant{Roles: []string{"admin"}}, nil, nil, 503, []string{"no Name and no Owner"}},
		"tier":            {apikey.Grant{Name: "x", Tier: "gold"}, nil, nil, 503, []string{"Grant.Tier", "apikey.Config.Tiers"}},
		"owner":           {apikey.Grant{Owner: &bulwark.Principal{Issuer: "https://login.example.com"}}, nil, nil, 503, []string{"Grant.Owner"}},
		"owner-of-keys":   {apikey.Grant{Owner: &bulwark.Principal{Issuer: "https://api.example.com/keys", Subject: "key:1"}}, nil, nil, 503, []string{"Grant.Owner"}},
		"roles":           {apikey.Grant{Name: "x", Roles: many}, nil, nil, 503, []string{"Grant.Roles"}},
		"scopes":          {apikey.Grant{Name: "x", Scopes: []string{"a b"}}, nil, nil, 503, []string{"Grant.Scopes"}},
		"networks":        {apikey.Grant{Name: "x", Networks: []netip.Prefix{{}}}, nil, nil, 503, []string{"Grant.Networks"}},
		"name":            {apikey.Grant{Name: "x\x00"}, nil, nil, 503, []string{"Grant.Name"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := tableOf(test.grant)
				o.err, o.wait = test.err, test.wait
				keys := withLegacy(t, o, &apikey.MemoryStore{}, nil)
				for range 2 {
					a := send(t, keys, "Authorization", "ApiKey "+oldKey)
					if test.status == 401 {
						a.refused(t, "unknown_key")
						explained(t, a.events[0], oldKey, test.cause...)
					} else {
						a.unavailable(t, oldKey, test.cause...)
					}
					a.silent(t, oldKey)
				}
				_, err := keys.Verify(t.Context(), oldKey)
				if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, errors.Unwrap(err)), oldKey) {
					t.Errorf("error %v", err)
				}
				time.Sleep(2 * time.Hour)
				if n := apikey.Asking(keys); n != 0 {
					t.Errorf("%d calls run for ever", n)
				}
			})
		})
	}
}

// A Legacy that never returns holds no more goroutines than MaxAsking.
func TestLegaciesThatHangAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		o := tableOf(apikey.Grant{Name: "x"})
		o.wait = func(context.Context) { <-release }
		keys := withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) { c.MaxAsking, c.AskTimeout = 3, 20*time.Millisecond })
		for i := range 50 {
			a := send(t, keys, "X-Api-Key", fmt.Sprint("made-up-", i))
			a.unavailable(t, "made-up", "apikey.Config.Legacy", "apikey.Config.")
		}
		synctest.Wait()
		if more := calling(); apikey.Asking(keys) != 3 || more != 3 {
			t.Errorf("%d calls run, on %d goroutines", apikey.Asking(keys), more)
		}
		o.mu.Lock()
		o.wait = nil
		o.mu.Unlock()
		close(release)
		synctest.Wait()
		if a := send(t, keys, "X-Api-Key", oldKey); a.Code != 204 {
			t.Errorf("afterwards: %d", a.Code)
		}
	})
}

// Texts that somebody makes up fill nothing, and cost one question each.
func TestTenThousandMadeUpTexts(t *testing.T) {
	o := tableOf(apikey.Grant{Name: "x"})
	store := &apikey.MemoryStore{}
	a := &accounts{found: account("", "")}
	keys := withLegacy(t, o, store, func(c *apikey.Config) { c.Lookup = a.lookup })
	for i := range 10_000 {
		_, err := keys.Verify(t.Context(), fmt.Sprintf("sk_%d_%s", i, strings.Repeat("x", i%200)))
		if refused := problem(t, err, 401, "auth.invalid_token"); refused.Log.Reason != "unknown_key" {
			t.Fatal(refused.Log)
		}
	}
	held, running := apikey.Owners(keys)
	if all, err := store.List(t.Context(), apikey.Filter{}); err != nil || len(all) != 0 || held != 0 || running != 0 || a.calls() != 0 || apikey.Asking(keys) != 0 {
		t.Errorf("%d records, %d owners, %d and %d calls, %v", len(all), held, running, apikey.Asking(keys), err)
	}
	if n := o.asked.Load(); n != 10_000 {
		t.Errorf("asked %d times", n)
	}
	for deadline := time.Now().Add(10 * time.Second); calling() > 0 && time.Now().Before(deadline); {
		runtime.Gosched()
	}
	if n := calling(); n > 0 {
		t.Errorf("%d calls run for ever", n)
	}
}

// What is long or strange, and what is in the format of keys, does not reach
// Legacy.
func TestTextsThatAreNotLegacy(t *testing.T) {
	o := tableOf(apikey.Grant{Name: "x"})
	o.err = errors.New("asked")
	keys := withLegacy(t, o, &apikey.MemoryStore{}, nil)
	other, foreign := family(t, "prt", "test", "X-Api-Key")
	_ = other
	for name, test := range map[string]struct{ text, reason string }{
		"empty":         {"", "malformed"},
		"long":          {strings.Repeat("x", 257), "malformed"},
		"very-long":     {"sk_" + strings.Repeat("x", 1<<16), "malformed"},
		"space":         {"sk_a b", "malformed"},
		"tab":           {"sk_a\tb", "malformed"},
		"nul":           {"sk_\x00", "malformed"},
		"delete":        {"sk_\x7f", "malformed"},
		"latin-1":       {"sk_\xe9", "malformed"},
		"utf-8":         {"sk_é", "malformed"},
		"newline":       {"sk_\n", "malformed"},
		"our-prefix":    {"acme_x", "malformed"},
		"only-prefix":   {"acme_", "malformed"},
		"our-key":       {withCheck("acme_live_0000000000000000_" + strings.Repeat("A", 43)), "unknown_key"},
		"our-other-env": {withCheck("acme_test_0000000000000000_" + strings.Repeat("A", 43)), "audience"},
		"mistyped":      {mistyped(withCheck("acme_live_0000000000000000_" + strings.Repeat("A", 43))), "malformed"},
		"other-family":  {foreign.Key, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keys.Verify(t.Context(), test.text)
			if refused := problem(t, err, 401, "auth.invalid_token"); refused.Log.Reason != test.reason || o.asked.Load() != 0 {
				t.Errorf("reason %q, want %q; asked %d times", refused.Log.Reason, test.reason, o.asked.Load())
			}
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["X-Api-Key"] = []string{test.text}
			sendRequest(t, keys, r).refused(t, test.reason)
			if o.asked.Load() != 0 {
				t.Error("a header with this text reaches Legacy")
			}
		})
	}
	for name, text := range map[string]string{"longest": strings.Repeat("~", 256), "one": "!", "like-ours": "acmex_live_1", "mistyped-foreign": mistyped(foreign.Key)} {
		t.Run(name, func(t *testing.T) {
			before := o.asked.Load()
			_, err := keys.Verify(t.Context(), text)
			problem(t, err, 503, "auth.unavailable")
			if o.asked.Load() != before+1 || o.last != text {
				t.Errorf("asked %d times, for %q", o.asked.Load()-before, o.last)
			}
		})
	}
}

// Under Bearer, a text is a legacy key only with a declared prefix.
func TestLegacyUnderBearer(t *testing.T) {
	o := tableOf(apikey.Grant{Name: "x"})
	o.err = errors.New("asked")
	keys := withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) { c.LegacyPrefixes = []string{"sk_", "pk-live."} })
	for text, asked := range map[string]bool{
		oldKey: true, "pk-live.x": true, "sk_": true, "sk-x": false, "SK_x": false, "xsk_": false, "opaque": false,
		"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.AA": false,
	} {
		before := o.asked.Load()
		a := send(t, keys, "Authorization", "Bearer "+text)
		if got := o.asked.Load() != before; got != asked || a.caller != nil || a.Code == 503 != asked {
			t.Errorf("Bearer %s: asked %t, want %t, status %d", text, got, asked, a.Code)
		}
		before = o.asked.Load()
		if a := send(t, keys, "Authorization", "ApiKey "+text); a.Code != 503 || o.asked.Load() != before+1 {
			t.Errorf("ApiKey %s: status %d", text, a.Code)
		}
	}
}

// Two families and one Legacy, in both orders, by all ways.
func TestLegacyBesideAnotherFamily(t *testing.T) {
	for name, prefixes := range map[string][]string{"declared": {"sk_"}, "undeclared": nil} {
		for _, first := range []bool{true, false} {
			t.Run(fmt.Sprint(name, "-first-", first), func(t *testing.T) {
				o := tableOf(apikey.Grant{Name: "partner"})
				with := withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) { c.LegacyPrefixes = prefixes })
				ours := issue(t, with, apikey.Grant{})
				other, key := family(t, "usr", "live", "X-Api-Key")
				all := []auth.Authenticator{other, with}
				if first {
					all = []auth.Authenticator{with, other}
				}
				for way, lines := range ways(oldKey) {
					if way == "bearer" && prefixes == nil {
						continue
					}
					a := through(t, all, true, lines...)
					if a.Code != 204 || a.caller == nil || a.caller.Issuer != with.Issuer() {
						t.Errorf("%s: %d %v %s", way, a.Code, a.caller, a.Body)
					}
				}
				for way, lines := range ways("made-up") {
					if way == "bearer" {
						continue
					}
					through(t, all, true, lines...).refused(t, "unknown_key")
				}
				asked := o.asked.Load()
				for _, each := range []struct{ key, subject string }{{ours.Key, "key:" + ours.ID}, {key.Key, "key:" + key.ID}} {
					for way, lines := range ways(each.key) {
						if a := through(t, all, true, lines...); a.Code != 204 || a.caller.Subject != each.subject {
							t.Errorf("%s: %d %v", way, a.Code, a.caller)
						}
					}
					for _, lines := range ways(mistyped(each.key)) {
						through(t, all, true, lines...).refused(t, "malformed")
					}
				}
				through(t, all, true, "X-Api-Key", strings.Repeat("x", 257)).refused(t, "malformed")
				if n := o.asked.Load(); n != asked {
					t.Errorf("Legacy was asked %d times for keys of the families", n-asked)
				}
			})
		}
	}
}

// Two families have a Legacy each. The declared prefix decides, in both orders.
// A text without such a prefix belongs to the first.
func TestTwoLegacies(t *testing.T) {
	for _, first := range []int{0, 1} {
		var tables [2]*oldTable
		var all [2]auth.Authenticator
		for i, prefix := range []string{"sk_", "pk_"} {
			tables[i] = &oldTable{}
			tables[i].rows = map[[32]byte]apikey.Grant{sha256.Sum256([]byte(prefix + "x")): {Name: "partner"}}
			all[i] = withLegacy(t, tables[i], &apikey.MemoryStore{}, func(c *apikey.Config) {
				c.Prefix, c.Issuer, c.LegacyPrefixes = fmt.Sprint("family", i), fmt.Sprint("https://api.example.com/", i), []string{prefix}
			})
		}
		order := []auth.Authenticator{all[first], all[1-first]}
		for i, text := range []string{"sk_x", "pk_x"} {
			for way, lines := range ways(text) {
				before := tables[1-i].asked.Load()
				a := through(t, order, true, lines...)
				if a.Code != 204 || a.caller.Issuer != fmt.Sprint("https://api.example.com/", i) || tables[1-i].asked.Load() != before {
					t.Errorf("%s by %s: %d %v %s", text, way, a.Code, a.caller, a.Body)
				}
			}
		}
		before := tables[1-first].asked.Load()
		through(t, order, true, "X-Api-Key", "made-up").refused(t, "unknown_key")
		if tables[1-first].asked.Load() != before {
			t.Error("the second Legacy was asked for a text without a prefix")
		}
	}
}

func TestAdoptedKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := tableOf(apikey.Grant{Name: "partner", Roles: []string{"old"}})
		store := &apikey.MemoryStore{}
		keys := withLegacy(t, o, store, nil)
		before := send(t, keys, "X-Api-Key", oldKey).caller
		rec, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "partner", Roles: []string{"new"}, Tier: "premium"})
		if err != nil {
			t.Fatal(err)
		}
		if rec.ID != before.TokenID || rec.Subject != before.Subject || !rec.Adopted || !rec.CreatedAt.IsZero() || rec.Family != "acme_live" ||
			len(rec.Secrets) != 1 || rec.Secrets[0].Hash != [32]byte{} || !rec.ExpiresAt.Equal(time.Now().Add(365*24*hour)) {
			t.Errorf("record %+v, before %+v", rec, before)
		}
		asked := o.asked.Load()
		for _, lines := range ways(oldKey) {
			a := send(t, keys, lines...)
			a.accepted(t, before.Subject)
			if p := a.caller; !p.HasRole("new") || p.HasRole("old") || p.Tier != "premium" || !p.ExpiresAt.Equal(rec.ExpiresAt) || !p.IssuedAt.Equal(time.Now()) || p.TokenID != rec.ID {
				t.Errorf("caller %+v", p)
			}
			a.silent(t, oldKey)
		}
		synctest.Wait()
		held, err := store.Get(t.Context(), rec.ID)
		if err != nil || !held.LastUsed.Equal(time.Now()) || bytes.Contains(fmt.Append(nil, held), []byte(oldKey)) {
			t.Errorf("the store has %+v, %v", held, err)
		}
		if all, err := keys.List(t.Context(), apikey.Filter{}); err != nil || len(all) != 1 || !all[0].Adopted {
			t.Errorf("listed: %+v, %v", all, err)
		}
		_, err = keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "again"})
		problem(t, err, 409, "apikey.adopted")
		// The id is not a secret: nobody gets in by it.
		send(t, keys, "X-Api-Key", withCheck("acme_live_"+rec.ID+"_"+strings.Repeat("A", 43))).refused(t, "key")
		if o.asked.Load() != asked {
			t.Error("Legacy was asked for an adopted key")
		}
		if err := keys.Revoke(t.Context(), rec.ID); err != nil {
			t.Fatal(err)
		}
		send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
		// The tombstone stays, however long it has been dead.
		time.Sleep(20 * 365 * 24 * hour)
		if err := store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
		_, err = keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "again"})
		problem(t, err, 409, "apikey.adopted")
		if o.asked.Load() != asked {
			t.Error("Legacy was asked for a revoked key")
		}
	})
}

// An adopted key that is exactly as long as our secrets has one spelling.
func TestAdoptedTextsAreNotSecrets(t *testing.T) {
	text := strings.Repeat("K", 43)
	keys := withLegacy(t, &oldTable{}, &apikey.MemoryStore{}, nil)
	rec, err := keys.Adopt(t.Context(), text, apikey.Grant{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	send(t, keys, "X-Api-Key", text).accepted(t, "key:"+rec.ID)
	send(t, keys, "X-Api-Key", withCheck("acme_live_"+rec.ID+"_"+text)).refused(t, "key")
}

func TestExpiredAdoptedKeysDoNotReachLegacy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := tableOf(apikey.Grant{Name: "partner"})
		store := &apikey.MemoryStore{Max: 1}
		keys := withLegacy(t, o, store, nil)
		if _, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x", ExpiresAt: time.Now().Add(hour)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hour)
		if err := store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err := keys.Issue(t.Context(), apikey.Grant{}) // no room is made of it
		problem(t, err, 503, "apikey.store_full")
		_, err = keys.Adopt(t.Context(), "sk_other", apikey.Grant{Name: "x"})
		problem(t, err, 503, "apikey.store_full")
		send(t, keys, "X-Api-Key", oldKey).refused(t, "expired")
		if o.asked.Load() != 0 {
			t.Error("Legacy was asked for an expired key")
		}
	})
}

func TestAdoptedKeysRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := tableOf(apikey.Grant{Name: "partner"})
		keys := withLegacy(t, o, &apikey.MemoryStore{}, nil)
		rec, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "partner"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		next, err := keys.Rotate(t.Context(), rec.ID, hour)
		if err != nil || !strings.HasPrefix(next.Key, "acme_live_"+rec.ID+"_") {
			t.Fatalf("%v, %v", next, err)
		}
		time.Sleep(hour - 1)
		for _, key := range []string{oldKey, next.Key} {
			send(t, keys, "X-Api-Key", key).accepted(t, rec.Subject)
		}
		time.Sleep(time.Nanosecond)
		send(t, keys, "X-Api-Key", oldKey).refused(t, "expired")
		send(t, keys, "X-Api-Key", next.Key).accepted(t, rec.Subject)
		last, err := keys.Rotate(t.Context(), rec.ID, 0) // drops the old text from the record
		if err != nil {
			t.Fatal(err)
		}
		send(t, keys, "X-Api-Key", oldKey).refused(t, "key")
		send(t, keys, "X-Api-Key", next.Key).refused(t, "key")
		send(t, keys, "X-Api-Key", last.Key).accepted(t, rec.Subject)
		if o.asked.Load() != 0 {
			t.Error("Legacy was asked for a text that was replaced")
		}
		synctest.Wait()
	})
}

// Whatever pepper a key was adopted under, it is found while the pepper is there.
func TestAdoptedKeysAndPeppers(t *testing.T) {
	store := &apikey.MemoryStore{}
	with := func(o *oldTable, versions ...int) *apikey.Keys {
		return withLegacy(t, o, store, func(c *apikey.Config) {
			c.Peppers = nil
			for _, v := range versions {
				c.Peppers = append(c.Peppers, pepper(v))
			}
		})
	}
	o := tableOf(apikey.Grant{Name: "x"})
	rec, err := with(o, 1).Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for _, versions := range [][]int{{1}, {2, 1}, {3, 2, 1}, {1, 2}, {4, 1, 3, 2}} {
		keys := with(o, versions...)
		send(t, keys, "X-Api-Key", oldKey).accepted(t, rec.Subject)
		_, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "again"})
		problem(t, err, 409, "apikey.adopted")
	}
	if err := with(o, 2, 1).Revoke(t.Context(), rec.ID); err != nil {
		t.Fatal(err)
	}
	send(t, with(o, 1, 2), "X-Api-Key", oldKey).refused(t, "revoked")
	if o.asked.Load() != 0 {
		t.Error("Legacy was asked for an adopted key")
	}
	// The last pepper alone is enough for what was adopted beside a new one.
	beside, err := with(o, 2, 1).Adopt(t.Context(), "sk_beside", apikey.Grant{Name: "x"})
	if err != nil || beside.Secrets[0].Pepper != 1 {
		t.Fatalf("%+v, %v", beside, err)
	}
	send(t, with(o, 1), "X-Api-Key", "sk_beside").accepted(t, beside.Subject)
	// After a rotation, the key needs its old pepper no more.
	other, err := with(o, 1).Adopt(t.Context(), "sk_other", apikey.Grant{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	next, err := with(o, 2, 1).Rotate(t.Context(), other.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	send(t, with(o, 2), "X-Api-Key", next.Key).accepted(t, other.Subject)
}

func TestAdoptionsThatAreRefused(t *testing.T) {
	keys := withLegacy(t, &oldTable{}, &apikey.MemoryStore{}, nil)
	_, foreign := family(t, "prt", "test", "X-Api-Key")
	for name, test := range map[string]struct {
		text  string
		grant apikey.Grant
		code  string
	}{
		"empty":        {"", apikey.Grant{Name: "x"}, "apikey.invalid_key"},
		"long":         {strings.Repeat("x", 257), apikey.Grant{Name: "x"}, "apikey.invalid_key"},
		"space":        {"sk_ x", apikey.Grant{Name: "x"}, "apikey.invalid_key"},
		"ours":         {"acme_x", apikey.Grant{Name: "x"}, "apikey.invalid_key"},
		"another":      {foreign.Key, apikey.Grant{Name: "x"}, "apikey.invalid_key"},
		"zero-grant":   {oldKey, apikey.Grant{}, "apikey.invalid_grant"},
		"tier":         {oldKey, apikey.Grant{Name: "x", Tier: "gold"}, "apikey.invalid_grant"},
		"expired":      {oldKey, apikey.Grant{Name: "x", ExpiresAt: time.Now()}, "apikey.invalid_grant"},
		"far-future":   {oldKey, apikey.Grant{Name: "x", ExpiresAt: time.Now().Add(3651 * 24 * hour)}, "apikey.invalid_grant"},
		"owner-nobody": {oldKey, apikey.Grant{Owner: &bulwark.Principal{}}, "apikey.invalid_grant"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := keys.Adopt(t.Context(), test.text, test.grant)
			p := problem(t, err, 422, test.code)
			if test.text != "" && strings.Contains(fmt.Sprintf("%v %v %v", p, p.Err, p.Errors), test.text) {
				t.Errorf("the key is shown: %v %v", p, p.Err)
			}
		})
	}
	if all, err := keys.List(t.Context(), apikey.Filter{}); err != nil || len(all) != 0 {
		t.Errorf("the store has %v, %v", all, err)
	}
	var wrong *bulwark.ConfigError
	_, err := newKeys(t, config(&apikey.MemoryStore{})).Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
	if !errors.As(err, &wrong) || wrong.Field != "apikey.Legacy" {
		t.Errorf("without Legacy: %v", err)
	}
	var zero *apikey.Keys
	if _, err := zero.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"}); err == nil {
		t.Error("keys that were made without New adopt a key")
	}
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	down := errors.New("connection refused")
	spy.fail.Store(&down)
	_, err = withLegacy(t, &oldTable{}, spy, nil).Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
	problem(t, err, 503, "apikey.unavailable")
}

// During an outage of the store nobody asks Legacy: the store might know better.
func TestLegacyDuringAnOutageOfTheStore(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	o := tableOf(apikey.Grant{Name: "x"})
	keys := withLegacy(t, o, spy, nil)
	down := errors.New("connection refused")
	spy.fail.Store(&down)
	send(t, keys, "X-Api-Key", oldKey).unavailable(t, oldKey, "apikey.Config.Store")
	if o.asked.Load() != 0 {
		t.Error("Legacy was asked")
	}
}

// Legacy may adopt what it finds. The next request does not reach it.
func TestLegacyAdopts(t *testing.T) {
	var keys *apikey.Keys
	o := tableOf(apikey.Grant{Name: "partner", Owner: alice})
	keys = withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) {
		c.Legacy = func(ctx context.Context, presented string) (apikey.Grant, error) {
			g, err := o.legacy(ctx, presented)
			if err == nil {
				_, err = keys.Adopt(ctx, presented, g)
			}
			return g, err
		}
	})
	for range 3 {
		a := send(t, keys, "X-Api-Key", oldKey)
		a.accepted(t, "alice")
		if a.caller.IssuedAt.IsZero() {
			t.Error("the caller is not that of the record")
		}
	}
	send(t, keys, "X-Api-Key", "sk_made_up").refused(t, "unknown_key")
	if o.asked.Load() != 2 {
		t.Errorf("asked %d times, want 2", o.asked.Load())
	}
}

// The keys of an owner who was revoked do not come back by an adoption, not even
// for the one request that adopts.
func TestRevokedOwnersAreNotAdopted(t *testing.T) {
	var keys *apikey.Keys
	o := tableOf(apikey.Grant{Owner: alice})
	keys = withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) {
		c.Legacy = func(ctx context.Context, presented string) (apikey.Grant, error) {
			g, err := o.legacy(ctx, presented)
			if err == nil {
				_, err = keys.Adopt(ctx, presented, g)
			}
			return g, err
		}
	})
	if err := keys.RevokeOwner(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
	}
	all, err := keys.List(t.Context(), apikey.Filter{Owner: alice})
	if err != nil || len(all) != 1 || all[0].RevokedAt.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
}

// A key that is adopted and revoked while Legacy is asked is revoked.
func TestRevokedWhileLegacyIsAsked(t *testing.T) {
	var keys *apikey.Keys
	o := tableOf(apikey.Grant{Name: "x"})
	o.wait = func(ctx context.Context) {
		rec, err := keys.Adopt(ctx, oldKey, apikey.Grant{Name: "x"})
		if err := errors.Join(err, keys.Revoke(ctx, rec.ID)); err != nil {
			t.Error(err)
		}
	}
	keys = withLegacy(t, o, &apikey.MemoryStore{}, nil)
	a := send(t, keys, "X-Api-Key", oldKey)
	if a.Code != 401 || a.caller != nil {
		t.Errorf("%d %v", a.Code, a.caller)
	}
}

func TestAdoptionsAtOnce(t *testing.T) {
	keys := withLegacy(t, &oldTable{}, &apikey.MemoryStore{}, nil)
	var won, lost atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			var p *bulwark.Problem
			switch _, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"}); {
			case err == nil:
				won.Add(1)
			case errors.As(err, &p) && p.Code == "apikey.adopted":
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Errorf("%d adoptions, %d refused as done", won.Load(), lost.Load())
	}
}

// Two families share a store, the peppers and a text: each has its own record.
func TestFamiliesAdoptTheSameText(t *testing.T) {
	store := &apikey.MemoryStore{}
	one := withLegacy(t, &oldTable{}, store, nil)
	two := withLegacy(t, &oldTable{}, store, func(c *apikey.Config) { c.Env, c.Issuer = "test", "https://api.example.com/test" })
	first, err := one.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	send(t, two, "X-Api-Key", oldKey).refused(t, "unknown_key")
	second, err := two.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
	if err != nil || first.ID == second.ID {
		t.Errorf("ids %s and %s, %v", first.ID, second.ID, err)
	}
	if err := two.Revoke(t.Context(), second.ID); err != nil {
		t.Fatal(err)
	}
	send(t, one, "X-Api-Key", oldKey).accepted(t, first.Subject)
}
