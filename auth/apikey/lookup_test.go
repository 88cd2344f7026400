package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/internal/race"
)

// accounts is the Lookup of a service.
type accounts struct {
	mu    sync.Mutex
	found *bulwark.Principal
	err   error
	asked []bulwark.Principal
	wait  func(context.Context)
}

func (a *accounts) lookup(ctx context.Context, owner *bulwark.Principal) (*bulwark.Principal, error) {
	a.mu.Lock()
	a.asked = append(a.asked, *owner)
	found, err, wait := a.found, a.err, a.wait
	a.mu.Unlock()
	if wait != nil {
		wait(ctx)
	}
	return found, err
}

func (a *accounts) set(found *bulwark.Principal, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.found, a.err = found, err
}

func (a *accounts) calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func lookingUp(t testing.TB, a *accounts, change func(*apikey.Config)) *apikey.Keys {
	t.Helper()
	c := config(&apikey.MemoryStore{})
	c.Lookup = a.lookup
	if change != nil {
		change(&c)
	}
	return newKeys(t, c)
}

func account(roles, scopes string) *bulwark.Principal {
	return &bulwark.Principal{Issuer: alice.Issuer, Subject: alice.Subject, Roles: strings.Fields(roles), Scopes: strings.Fields(scopes), Tier: "enterprise",
		TokenID: "other", ExpiresAt: time.Unix(1, 0)}
}

// unavailable asserts a 503 with everything that belongs to it.
func (a answer) unavailable(t testing.TB, key string, cause ...string) {
	t.Helper()
	if a.caller != nil || a.Code != 503 || a.problem(t) != "auth.unavailable" || a.Header().Get("Retry-After") == "" || a.Header().Get("WWW-Authenticate") != "" {
		t.Fatalf("status %d, caller %v, header %v: %s", a.Code, a.caller, a.Header(), a.Body)
	}
	if len(a.events) != 1 || a.events[0].Name != bulwark.SysUnavailable || a.events[0].Reason != "store_unavailable" {
		t.Fatalf("events %v, want one sys_unavailable", a.events)
	}
	explained(t, a.events[0], key, cause...)
}

func TestLookupNarrows(t *testing.T) {
	for name, test := range map[string]struct {
		found         *bulwark.Principal
		roles, scopes string
	}{
		"everything":  {account("admin user", "read write"), "user admin", "write read"},
		"less":        {account("user", "read"), "user", "read"},
		"more":        {account("root user admin", "read write all"), "user admin", "write read"},
		"nothing":     {account("", ""), "", ""},
		"something":   {account("root", "all"), "", ""},
		"other-case":  {account("USER admin", ""), "admin", ""},
		"a-role-more": {account("user user user", "write"), "user", "write"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &accounts{found: test.found}
			keys := lookingUp(t, a, nil)
			key := issue(t, keys, apikey.Grant{Owner: alice, Roles: []string{"user", "admin"}, Scopes: []string{"write", "read"}, Tier: "premium"})
			for range 3 {
				got := send(t, keys, "Authorization", "ApiKey "+key.Key)
				got.accepted(t, "alice")
				p := got.caller
				if !slices.Equal(p.Roles, strings.Fields(test.roles)) || !slices.Equal(p.Scopes, strings.Fields(test.scopes)) {
					t.Errorf("roles %q, scopes %q", p.Roles, p.Scopes)
				}
				if p.Tier != "premium" || p.TokenID != key.ID || !p.ExpiresAt.Equal(key.ExpiresAt) {
					t.Errorf("the owner changes more: %+v", p)
				}
			}
			if want := (bulwark.Principal{Issuer: alice.Issuer, Subject: alice.Subject}); len(a.asked) != 1 || a.asked[0].Key() != want.Key() {
				t.Errorf("asked for %+v", a.asked)
			}
		})
	}
}

// The principal of one request shares nothing with the next, or with Lookup.
func TestLookupSharesNothing(t *testing.T) {
	a := &accounts{found: account("user admin", "read")}
	keys := lookingUp(t, a, nil)
	key := issue(t, keys, apikey.Grant{Owner: alice, Roles: []string{"admin", "user"}, Scopes: []string{"read"}})
	one := send(t, keys, "X-Api-Key", key.Key).caller
	a.found.Roles[0], a.found.Roles[1] = "x", "y"
	two := send(t, keys, "X-Api-Key", key.Key).caller
	_ = append(one.Roles, "root")
	if more := append(two.Roles, "z"); !slices.Equal(more, []string{"admin", "user", "z"}) {
		t.Errorf("roles %q", more)
	}
}

func TestLookupIsAskedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &accounts{found: account("user", "")}
		keys := lookingUp(t, a, nil)
		key, other := issue(t, keys, apikey.Grant{Owner: alice}), issue(t, keys, apikey.Grant{Owner: alice})
		own := issue(t, keys, apikey.Grant{})
		calls := func(want int, key apikey.Issued, subject string) {
			t.Helper()
			send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, subject)
			if got := a.calls(); got != want {
				t.Errorf("%d calls, want %d", got, want)
			}
		}
		calls(0, own, "key:"+own.ID) // a key without an owner
		calls(1, key, "alice")
		time.Sleep(time.Minute - 1)
		calls(1, key, "alice")
		calls(2, other, "alice") // for each key
		time.Sleep(time.Nanosecond)
		calls(3, key, "alice")
		// A refused key is not asked for.
		for _, bad := range []string{mistyped(key.Key), withCheck("acme_live_" + key.ID + "_" + strings.Repeat("A", 43))} {
			if got := send(t, keys, "Authorization", "ApiKey "+bad); got.Code != 401 || a.calls() != 3 {
				t.Errorf("status %d, %d calls", got.Code, a.calls())
			}
		}
		synctest.Wait()
	})
}

func TestOwnersWhoAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &accounts{found: account("", "")}
		keys := lookingUp(t, a, nil)
		key := issue(t, keys, apikey.Grant{Owner: alice})
		send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
		a.set(nil, nil)
		time.Sleep(time.Minute)
		for range 2 {
			got := send(t, keys, "Authorization", "ApiKey "+key.Key)
			got.refused(t, "revoked")
			explained(t, got.events[0], key.Key, "apikey.Config.Lookup")
		}
		if n := a.calls(); n != 2 {
			t.Errorf("%d calls, want 2", n)
		}
		a.set(account("", ""), nil) // opened again
		time.Sleep(time.Minute)
		send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
		// A gone owner's key has not been revoked: use is no longer noted, that is all.
		synctest.Wait()
	})
}

func TestRevocationsDoNotWaitForLookup(t *testing.T) {
	for name, revoke := range map[string]func(*apikey.Keys, string) error{
		"key":   func(k *apikey.Keys, id string) error { return k.Revoke(t.Context(), id) },
		"owner": func(k *apikey.Keys, _ string) error { return k.RevokeOwner(t.Context(), alice) },
	} {
		t.Run(name, func(t *testing.T) {
			a := &accounts{found: account("", "")}
			keys := lookingUp(t, a, nil)
			key := issue(t, keys, apikey.Grant{Owner: alice})
			send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
			if err := revoke(keys, key.ID); err != nil {
				t.Fatal(err)
			}
			send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
			if n := a.calls(); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

func TestLookupsThatFail(t *testing.T) {
	other := account("", "")
	other.Subject = "mallory"
	elsewhere := account("admin", "")
	elsewhere.Issuer = "https://evil.example"
	for name, test := range map[string]struct {
		found *bulwark.Principal
		err   error
		wait  func(context.Context)
		cause string
	}{
		"error":            {account("", ""), errors.New("connection refused"), nil, "connection refused"},
		"error-and-nobody": {nil, errors.New("connection refused"), nil, "connection refused"},
		"panic":            {account("", ""), nil, func(context.Context) { panic("hunter2") }, "the function panicked"},
		"nil-panic":        {account("", ""), nil, func(context.Context) { panic(error(nil)) }, "the function panicked"},
		"goexit":           {account("", ""), nil, func(context.Context) { runtime.Goexit() }, "ended its goroutine"},
		"another-subject":  {other, nil, nil, "another Issuer or Subject"},
		"another-issuer":   {elsewhere, nil, nil, "another Issuer or Subject"},
		"nobody-named":     {&bulwark.Principal{}, nil, nil, "another Issuer or Subject"},
		"cancelled":        {account("", ""), context.Canceled, nil, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &accounts{found: account("user", "")}
				keys := lookingUp(t, a, nil)
				key := issue(t, keys, apikey.Grant{Owner: alice, Roles: []string{"user"}})
				send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
				a.set(test.found, test.err)
				a.mu.Lock()
				a.wait = test.wait
				a.mu.Unlock()
				time.Sleep(time.Minute) // the old answer does not count any longer
				for range 3 {
					got := send(t, keys, "Authorization", "ApiKey "+key.Key)
					got.unavailable(t, key.Key, "apikey.Config.Lookup", test.cause)
					if text := fmt.Sprint(got.events, got.Body); strings.Contains(text, "hunter2") {
						t.Errorf("the value of the panic is shown: %s", text)
					}
				}
				if n := a.calls(); n != 2 {
					t.Errorf("%d calls in one second of an outage, want 1", n-1)
				}
				a.set(account("user", ""), nil)
				a.mu.Lock()
				a.wait = nil
				a.mu.Unlock()
				time.Sleep(time.Second)
				send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
				synctest.Wait()
			})
		})
	}
}

// A Lookup that hangs is 503 after the deadline, and one goroutine for each key,
// however often it is asked for.
func TestALookupThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &accounts{found: account("user", ""), wait: func(context.Context) { <-release }}
		keys := lookingUp(t, a, nil)
		key := issue(t, keys, apikey.Grant{Owner: alice})
		began := time.Now()
		send(t, keys, "Authorization", "ApiKey "+key.Key).unavailable(t, key.Key, "apikey.Config.Lookup", "no answer after 2s (apikey.Config.AskTimeout)")
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the answer took %v", took)
		}
		for range 100 { // at once, while the first call hangs
			send(t, keys, "Authorization", "ApiKey "+key.Key).unavailable(t, key.Key, "AskTimeout")
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("the later answers took %v", took)
		}
		synctest.Wait()
		if more := calling(); a.calls() != 1 || more != 1 {
			t.Errorf("%d calls, %d goroutines more", a.calls(), more)
		}
		close(release)
		synctest.Wait()
		a.mu.Lock()
		a.wait = nil
		a.mu.Unlock()
		send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
		if _, running := apikey.Owners(keys); running != 0 {
			t.Errorf("%d calls run for ever", running)
		}
		synctest.Wait()
	})
}

// Many keys whose Lookup hangs do not make more goroutines than MaxAsking, and
// those that wait.
func TestLookupsThatHangAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		a := &accounts{found: account("user", ""), wait: func(context.Context) { <-release }}
		keys := lookingUp(t, a, func(c *apikey.Config) { c.MaxAsking, c.AskTimeout = 2, 50*time.Millisecond })
		var all []apikey.Issued
		for range 10 {
			all = append(all, issue(t, keys, apikey.Grant{Owner: alice}))
		}
		for i, key := range all {
			want := "apikey.Config.AskTimeout"
			if i >= 2 {
				want = "apikey.Config."
			}
			send(t, keys, "Authorization", "ApiKey "+key.Key).unavailable(t, key.Key, want)
		}
		synctest.Wait()
		if _, running := apikey.Owners(keys); running != 2 || apikey.Asking(keys) != 2 || a.calls() != 2 {
			t.Errorf("%d keys and %d calls run, %d began, want 2", running, apikey.Asking(keys), a.calls())
		}
		time.Sleep(time.Second)
		send(t, keys, "Authorization", "ApiKey "+all[9].Key).unavailable(t, all[9].Key, "apikey.Config.Lookup")
		close(release)
		synctest.Wait()
	})
}

// Requests at once share one call. One that hangs up does not spoil it.
func TestLookupsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &accounts{found: account("user", ""), wait: func(ctx context.Context) {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				t.Error("the call ends with the request that began it")
			}
		}}
		keys := lookingUp(t, a, nil)
		key := issue(t, keys, apikey.Grant{Owner: alice})
		gone, hangUp := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := keys.Verify(gone, key.Key)
			first <- err
		}()
		synctest.Wait()
		var good atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if p, err := keys.Verify(t.Context(), key.Key); err == nil && p.Subject == "alice" {
					good.Add(1)
				}
			})
		}
		synctest.Wait()
		hangUp()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("who hung up gets %v", err)
		}
		all.Wait()
		if a.calls() != 1 || good.Load() != 50 {
			t.Errorf("%d calls, %d of 50 accepted", a.calls(), good.Load())
		}
		synctest.Wait()
	})
}

func TestOwnersRememberedAreBounded(t *testing.T) {
	a := &accounts{found: account("user", "")}
	keys := lookingUp(t, a, func(c *apikey.Config) { c.MaxOwners = 10 })
	for range 200 {
		key := issue(t, keys, apikey.Grant{Owner: alice})
		send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "alice")
	}
	if held, running := apikey.Owners(keys); held > 10 || running != 0 {
		t.Errorf("%d are remembered, %d run", held, running)
	}
}

// Ids that somebody makes up ask nobody and fill nothing.
func TestMadeUpKeysDoNotReachLookup(t *testing.T) {
	a := &accounts{found: account("user", "")}
	keys := lookingUp(t, a, nil)
	for i := range 1000 {
		send(t, keys, "Authorization", "ApiKey "+withCheck(fmt.Sprintf("acme_live_%016d_%s", i, strings.Repeat("A", 43)))).refused(t, "unknown_key")
	}
	if held, running := apikey.Owners(keys); held != 0 || running != 0 || a.calls() != 0 {
		t.Errorf("%d are remembered, %d run, %d were asked", held, running, a.calls())
	}
}

func TestLookupAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	a := &accounts{found: account("user", "read")}
	keys := lookingUp(t, a, nil)
	key := issue(t, keys, apikey.Grant{Owner: alice, Roles: []string{"user", "admin"}, Scopes: []string{"read"}})
	verify := func() {
		if _, err := keys.Verify(t.Context(), key.Key); err != nil {
			t.Fatal(err)
		}
	}
	verify()
	if got := testing.AllocsPerRun(200, verify); got > 3 {
		t.Errorf("%v allocations with a remembered owner, want at most 3", got)
	}
}
