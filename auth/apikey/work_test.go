package apikey_test

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/internal/race"
)

// countedStore counts all calls.
type countedStore struct {
	apikey.Store
	gets, others atomic.Int64
}

func (s *countedStore) Get(ctx context.Context, id string) (apikey.Record, error) {
	s.gets.Add(1)
	return s.Store.Get(ctx, id)
}

func (s *countedStore) Mark(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
	s.others.Add(1)
	return s.Store.Mark(ctx, id, mark, at, every)
}

func (s *countedStore) List(ctx context.Context, f apikey.Filter) ([]apikey.Record, error) {
	s.others.Add(1)
	return s.Store.List(ctx, f)
}

func (s *countedStore) Create(ctx context.Context, rec apikey.Record) error {
	s.others.Add(1)
	return s.Store.Create(ctx, rec)
}

func (s *countedStore) Update(ctx context.Context, rec apikey.Record) error {
	s.others.Add(1)
	return s.Store.Update(ctx, rec)
}

// work is what the decision about a key costs.
type work struct {
	hashes, comparisons, gets, others int64
	allocations                       float64
}

// All refusals cost the same, so that nobody learns by the time of an answer
// which ids there are, and which keys have ended.
func TestRefusalsDoTheSameWork(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, peppers := range []int64{1, 3} {
		inner := &apikey.MemoryStore{}
		store := &countedStore{Store: inner}
		o := tableOf(apikey.Grant{Name: "x"})
		made := func(env string, legacy bool) *apikey.Keys {
			c := config(store)
			c.Env, c.Peppers = env, nil
			for i := range peppers {
				c.Peppers = append(c.Peppers, pepper(int(peppers-i)))
			}
			if legacy {
				c.Legacy = o.legacy
			}
			return newKeys(t, c)
		}
		keys, other := made("live", true), made("test", false)
		tally := apikey.Counted(keys)
		good, revoked, expired, several := issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{})
		foreign := issue(t, other, apikey.Grant{})
		bound := issue(t, keys, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		for range 3 {
			if _, err := keys.Rotate(t.Context(), several.ID, hour); err != nil {
				t.Fatal(err)
			}
		}
		edit := func(id string, change func(*apikey.Record)) {
			rec, err := inner.Get(t.Context(), id)
			if err == nil {
				change(&rec)
				err = inner.Update(t.Context(), rec)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		edit(revoked.ID, func(rec *apikey.Record) { rec.RevokedAt = time.Now() })
		edit(expired.ID, func(rec *apikey.Record) { rec.ExpiresAt = time.Now() })
		adopted, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if err := keys.Revoke(t.Context(), adopted.ID); err != nil {
			t.Fatal(err)
		}
		measure := func(text, reason string) (w work) {
			t.Helper()
			verify := func() {
				_, err := keys.Verify(t.Context(), text)
				if p := problem(t, err, 401, "auth.invalid_token"); p.Log.Reason != reason {
					t.Fatalf("reason %q, want %q", p.Log.Reason, reason)
				}
			}
			hashes, comparisons, gets, others := tally.Hashes.Load(), tally.Comparisons.Load(), store.gets.Load(), store.others.Load()
			verify()
			w = work{tally.Hashes.Load() - hashes, tally.Comparisons.Load() - comparisons, store.gets.Load() - gets, store.others.Load() - others, 0}
			w.allocations = testing.AllocsPerRun(200, verify)
			return w
		}
		wrong := strings.Repeat("A", 43)
		want := measure(withCheck("acme_live_0000000000000000_"+wrong), "unknown_key")
		if want.hashes != peppers || want.comparisons != 4*peppers || want.gets != 1 || want.others != 0 {
			t.Errorf("an unknown id costs %+v", want)
		}
		for name, test := range map[string]struct{ text, reason string }{
			"wrong-secret":     {withCheck("acme_live_" + good.ID + "_" + wrong), "key"},
			"wrong-of-several": {withCheck("acme_live_" + several.ID + "_" + wrong), "key"},
			"wrong-of-revoked": {withCheck("acme_live_" + revoked.ID + "_" + wrong), "key"},
			"wrong-of-expired": {withCheck("acme_live_" + expired.ID + "_" + wrong), "key"},
			"other-family":     {withCheck("acme_live_" + foreign.ID + "_" + strings.Split(foreign.Key, "_")[3]), "unknown_key"},
			"revoked":          {revoked.Key, "revoked"},
			"expired":          {expired.Key, "expired"},
			"wrong-of-adopted": {withCheck("acme_live_" + adopted.ID + "_" + wrong), "key"},
			"another-unknown":  {withCheck("acme_live_zzzzzzzzzzzzzzzz_" + wrong), "unknown_key"},
			"network":          {bound.Key, "network"},
		} {
			if got := measure(test.text, test.reason); got != want {
				t.Errorf("%d peppers: %s costs %+v, want %+v", peppers, name, got, want)
			}
		}
		// A text of an older system: one id for each pepper, whatever is known.
		legacy := measure(oldKey, "revoked")
		if legacy.hashes != 2*peppers || legacy.comparisons != 4*peppers || legacy.gets != peppers || legacy.others != 0 {
			t.Errorf("a revoked adopted key costs %+v", legacy)
		}
		for range 2 {
			unknown := measure("sk_made_up", "unknown_key")
			if unknown.hashes != legacy.hashes || unknown.comparisons != legacy.comparisons || unknown.gets != legacy.gets || unknown.others != 0 {
				t.Errorf("%d peppers: an unknown text costs %+v, want %+v", peppers, unknown, legacy)
			}
		}
	}
}
