package apikey_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// Legacy may name another owner for the same text. While Lookup runs for the
// owner before, its answer must not count for the new owner.
func TestLookupThatRunsCountsOnlyForItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mallory := &bulwark.Principal{Issuer: alice.Issuer, Subject: "mallory"}
		o := tableOf(apikey.Grant{Owner: alice, Roles: []string{"user"}})
		keys := withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) {
			c.Lookup = func(_ context.Context, owner *bulwark.Principal) (*bulwark.Principal, error) {
				if owner.Subject == "mallory" {
					return nil, nil // the account is closed
				}
				time.Sleep(time.Second)
				return account("user", ""), nil
			}
		})
		done := make(chan answer, 1)
		go func() { done <- send(t, keys, "X-Api-Key", oldKey) }()
		synctest.Wait()
		o.mu.Lock()
		for sum := range o.rows {
			o.rows[sum] = apikey.Grant{Owner: mallory, Roles: []string{"user"}}
		}
		o.mu.Unlock()
		send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
		(<-done).accepted(t, "alice")
		send(t, keys, "X-Api-Key", oldKey).refused(t, "revoked")
		if remembered, running := apikey.Owners(keys); remembered != 1 || running != 0 {
			t.Errorf("%d answers, %d calls", remembered, running)
		}
	})
}

// Anybody can make Legacy work, and only a good key makes Lookup work. So a
// Legacy that hangs must not take the places of Lookup.
func TestLegacyThatHangsDoesNotStopLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := config(&apikey.MemoryStore{})
		c.MaxAsking = 2
		c.Lookup = func(context.Context, *bulwark.Principal) (*bulwark.Principal, error) { return account("user", ""), nil }
		c.Legacy = func(context.Context, string) (apikey.Grant, error) {
			<-release
			return apikey.Grant{}, auth.ErrNotFound
		}
		keys := newKeys(t, c)
		key := issue(t, keys, apikey.Grant{Owner: alice, Roles: []string{"user"}})
		for _, text := range []string{"sk_1", "sk_2", "sk_3"} {
			send(t, keys, "X-Api-Key", text).unavailable(t, text, "apikey.Config.Legacy")
		}
		send(t, keys, "X-Api-Key", key.Key).accepted(t, "alice")
		close(release)
		synctest.Wait()
	})
}
