package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

var (
	alice = &bulwark.Principal{Issuer: "https://accounts.example.com", Subject: "alice"}
	bob   = &bulwark.Principal{Issuer: "https://accounts.example.com", Subject: "bob"}
)

func TestListOfKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		old := issue(t, keys, apikey.Grant{Owner: alice, Tier: "premium"})
		time.Sleep(48 * hour)
		recent := issue(t, keys, apikey.Grant{Owner: alice})
		issue(t, keys, apikey.Grant{Owner: bob})
		ids := func(f apikey.Filter) (all []string) {
			t.Helper()
			found, err := keys.List(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, rec := range found {
				if len(rec.Secrets) != 1 || rec.Secrets[0].Hash != [32]byte{} || rec.Family != "acme_live" {
					t.Errorf("record %+v", rec)
				}
				all = append(all, rec.ID)
			}
			return all
		}
		both := []string{old.ID, recent.ID}
		slices.Sort(both)
		if got := ids(apikey.Filter{Owner: alice}); !slices.Equal(got, both) {
			t.Errorf("alice has %q, want %q", got, both)
		}
		if got := ids(apikey.Filter{Stale: time.Now().Add(-24 * hour)}); !slices.Equal(got, []string{old.ID}) {
			t.Errorf("stale %q", got)
		}
		if got := ids(apikey.Filter{Tier: "premium", Owner: bob}); len(got) != 0 {
			t.Errorf("bob's %q", got)
		}
		if got := append(ids(apikey.Filter{Limit: 2}), ids(apikey.Filter{Limit: 2, After: ids(apikey.Filter{Limit: 2})[1]})...); len(got) != 3 {
			t.Errorf("pages %q", got)
		}
		// What is listed is the caller's; the hashes of the store stay.
		send(t, keys, "Authorization", "ApiKey "+old.Key).accepted(t, "alice")
		synctest.Wait()
	})
}

func TestRevokeOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, rec := config(&apikey.MemoryStore{}), &bulwarktest.Recorder{}
		c.Recorder = rec
		keys := newKeys(t, c)
		var mine []apikey.Issued
		for range 3 {
			mine = append(mine, issue(t, keys, apikey.Grant{Owner: alice}))
		}
		other := issue(t, keys, apikey.Grant{Owner: bob})
		if err := keys.RevokeOwner(t.Context(), alice); err != nil {
			t.Fatal(err)
		}
		for _, key := range mine {
			send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
		}
		send(t, keys, "Authorization", "ApiKey "+other.Key).accepted(t, "bob")
		if events := rec.Take(); len(events) != 3 || events[0].Name != bulwark.AuthnTokenRevoked || fmt.Sprint(events[0].Attrs[1]) != "subject=alice" {
			t.Errorf("events %+v", events)
		}
		if err := keys.RevokeOwner(t.Context(), alice); err != nil || len(rec.Take()) != 0 {
			t.Errorf("once more: %v", err)
		}
		// An account that is opened again gets new keys.
		time.Sleep(time.Second)
		send(t, keys, "Authorization", "ApiKey "+issue(t, keys, apikey.Grant{Owner: alice}).Key).accepted(t, "alice")
		for name, nobody := range map[string]*bulwark.Principal{"nil": nil, "no-subject": {Issuer: "x"}, "no-issuer": {Subject: "alice"}} {
			if err := keys.RevokeOwner(t.Context(), nobody); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		synctest.Wait()
	})
}

// slowStore lets another call come before a write.
type slowStore struct {
	apikey.Store
	before func()
}

func (s *slowStore) Create(ctx context.Context, rec apikey.Record) error {
	s.before()
	return s.Store.Create(ctx, rec)
}

func (s *slowStore) Update(ctx context.Context, rec apikey.Record) error {
	s.before()
	return s.Store.Update(ctx, rec)
}

// A key that is on its way to the store while its owner is revoked does not
// escape.
func TestRevokeOwnerMeetsWritesUnderWay(t *testing.T) {
	store := &apikey.MemoryStore{}
	keys := newKeys(t, config(store))
	for name, write := range map[string]func(*apikey.Keys) (apikey.Issued, error){
		"issue": func(k *apikey.Keys) (apikey.Issued, error) { return k.Issue(t.Context(), apikey.Grant{Owner: alice}) },
		"rotate": func(k *apikey.Keys) (apikey.Issued, error) {
			return k.Rotate(t.Context(), issue(t, keys, apikey.Grant{Owner: alice}).ID, hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var once sync.Once
			slow := newKeys(t, config(&slowStore{store, func() {
				once.Do(func() {
					if err := keys.RevokeOwner(t.Context(), alice); err != nil {
						t.Error(err)
					}
				})
			}}))
			issued, err := write(slow)
			if err != nil {
				return // refused, and no key given out
			}
			if a := send(t, keys, "Authorization", "ApiKey "+issued.Key); a.Code != http.StatusUnauthorized {
				t.Errorf("a key of the revoked owner works: %d", a.Code)
			}
		})
	}
}

// A key that the mark of its owner has ended is reported once, and a rotation
// gives no dead key out.
func TestAKeyThatAMarkHasEndedIsReported(t *testing.T) {
	store, rec := &apikey.MemoryStore{}, &bulwarktest.Recorder{}
	made := func(env string, before func()) *apikey.Keys {
		c := config(&slowStore{store, before})
		c.Env, c.Recorder = env, rec
		return newKeys(t, c)
	}
	live := made("live", func() {})
	test := made("test", func() {})
	key := issue(t, test, apikey.Grant{Owner: alice})
	must(t, live.RevokeOwner(t.Context(), alice))
	send(t, test, "X-Api-Key", key.Key).accepted(t, "alice")
	_, err := test.Rotate(t.Context(), key.ID, hour)
	problem(t, err, 409, "apikey.ended")
	reportedOnce(t, rec.Take(), key.ID)
	send(t, test, "X-Api-Key", key.Key).refused(t, "revoked")
	must(t, test.RevokeOwner(t.Context(), alice))
	must(t, test.Revoke(t.Context(), key.ID))
	if events := rec.Take(); len(events) != 0 {
		t.Errorf("reported again: %v", events)
	}

	// A key that is issued beside RevokeOwner is in the List, and is reported.
	var marked sync.Once
	var late apikey.Issued
	outer := newKeys(t, func() apikey.Config {
		c := config(&marking{store, func() {
			marked.Do(func() {
				late = issue(t, live, apikey.Grant{Owner: &bulwark.Principal{Issuer: alice.Issuer, Subject: "bob"}})
			})
		}})
		c.Recorder = rec
		return c
	}())
	must(t, outer.RevokeOwner(t.Context(), &bulwark.Principal{Issuer: alice.Issuer, Subject: "bob"}))
	reportedOnce(t, rec.Take(), late.ID)
	send(t, live, "X-Api-Key", late.Key).refused(t, "revoked")
}

func reportedOnce(t *testing.T, events []bulwark.Event, id string) {
	t.Helper()
	e := only(t, events, bulwark.AuthnTokenRevoked)
	if len(events) != 1 || e.Reason != "revoked" || e.Attrs[0].Value.String() != id {
		t.Errorf("events %v", events)
	}
}

// marking lets another call come after the mark of an owner.
type marking struct {
	apikey.Store
	after func()
}

func (m *marking) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	err := m.Store.RevokeOwner(ctx, issuer, subject, time.Now().Add(hour), expires) // clocks differ
	m.after()
	return err
}

// unlisted is a store of which some calls fail.
type unlisted struct {
	apikey.MemoryStore
	list, mark error
}

func (u *unlisted) List(ctx context.Context, f apikey.Filter) ([]apikey.Record, error) {
	if u.list != nil {
		return nil, u.list
	}
	return u.MemoryStore.List(ctx, f)
}

func (u *unlisted) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	if u.mark != nil {
		return u.mark
	}
	return u.MemoryStore.RevokeOwner(ctx, issuer, subject, until, expires)
}

func TestListAndRevokeOwnerDuringOutages(t *testing.T) {
	down := errors.New("connection refused by 10.0.0.5")
	store := &unlisted{list: down}
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{Owner: alice})
	_, err := keys.List(t.Context(), apikey.Filter{})
	problem(t, err, 503, "apikey.unavailable")
	problem(t, keys.RevokeOwner(t.Context(), alice), 503, "apikey.unavailable")
	// What can be ended is, though there is no room for the mark.
	store.list, store.mark = nil, auth.ErrFull
	problem(t, keys.RevokeOwner(t.Context(), alice), 503, "apikey.store_full")
	send(t, keys, "Authorization", "ApiKey "+key.Key).refused(t, "revoked")
	var zero *apikey.Keys
	if _, err := zero.List(t.Context(), apikey.Filter{}); err == nil || zero.RevokeOwner(t.Context(), alice) == nil {
		t.Error("keys that were made without New do something")
	}
}

// Families may share a store and the peppers: a key of one is nothing to the
// other, whatever its holder makes of its text.
func TestCaseKeys1FamiliesInOneStore(t *testing.T) {
	store := &apikey.MemoryStore{}
	made := func(prefix, env string) *apikey.Keys {
		c := config(store)
		c.Prefix, c.Env, c.Issuer = prefix, env, "https://api.example.com/"+prefix+"/"+env
		return newKeys(t, c)
	}
	live := made("acme", "live")
	for name, other := range map[string]*apikey.Keys{"test": made("acme", "test"), "partner": made("prt", "live"), "live": live} {
		t.Run(name, func(t *testing.T) {
			key := issue(t, other, apikey.Grant{Owner: alice, Roles: []string{"admin"}})
			part := strings.Split(key.Key, "_")
			a := send(t, live, "Authorization", "ApiKey "+withCheck("acme_live_"+part[2]+"_"+part[3]))
			if other == live {
				a.accepted(t, "alice")
				return
			}
			a.refused(t, "unknown_key")
			problem(t, live.Revoke(t.Context(), key.ID), 404, "apikey.not_found")
			_, err := live.Rotate(t.Context(), key.ID, 0)
			problem(t, err, 404, "apikey.not_found")
			if all, err := live.List(t.Context(), apikey.Filter{Family: "acme_test"}); err != nil || slices.ContainsFunc(all, func(r apikey.Record) bool { return r.ID == key.ID }) {
				t.Errorf("listed by another family: %v, %v", all, err)
			}
			// Nor does a row that was copied to the other family.
			rec, err := store.Get(t.Context(), key.ID)
			if err != nil {
				t.Fatal(err)
			}
			rec.Family = "acme_live"
			if err := store.Update(t.Context(), rec); err != nil {
				t.Fatal(err)
			}
			send(t, live, "Authorization", "ApiKey "+withCheck("acme_live_"+part[2]+"_"+part[3])).refused(t, "key")
		})
	}
}

func TestMarksOfOwnersAreBounded(t *testing.T) {
	store := &apikey.MemoryStore{Max: 2}
	now := time.Now()
	for i, want := range []error{nil, nil, auth.ErrFull} {
		if err := store.RevokeOwner(t.Context(), "issuer", fmt.Sprint(i), now, now.Add(hour)); !errors.Is(err, want) {
			t.Errorf("mark %d: %v, want %v", i, err, want)
		}
	}
	if err := store.RevokeOwner(t.Context(), "issuer", "0", now.Add(time.Second), now); err != nil {
		t.Errorf("a mark that is there: %v", err)
	}
	// A mark that has expired makes room.
	small := &apikey.MemoryStore{Max: 1}
	for i := range 3 {
		if err := small.RevokeOwner(t.Context(), "issuer", fmt.Sprint(i), now, now); err != nil {
			t.Errorf("mark %d after one that has expired: %v", i, err)
		}
	}
}
