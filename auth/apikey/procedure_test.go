package apikey_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// The procedure of docs/api-keys.md: a new pepper goes first, the keys are
// rotated with an overlap, and the old pepper goes when no secret needs it. No
// client is refused at any moment, whenever it takes its new key.
func TestTheProcedureForAPepper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const overlap = 24 * hour
		store := &apikey.MemoryStore{}
		with := func(versions ...int) *apikey.Keys {
			c := config(store)
			c.Peppers = nil
			for _, v := range versions {
				c.Peppers = append(c.Peppers, pepper(v))
			}
			return newKeys(t, c)
		}
		keys := with(1)
		type client struct{ current, next apikey.Issued }
		var clients []*client
		for range 24 {
			clients = append(clients, &client{current: issue(t, keys, apikey.Grant{})})
		}
		works := func(when string) {
			t.Helper()
			for i, c := range clients {
				if _, err := keys.Verify(t.Context(), c.current.Key); err != nil {
					t.Fatalf("%s client %d is refused: %v", when, i, err)
				}
			}
		}
		needs := func(version int) (n int) {
			all, err := keys.List(t.Context(), apikey.Filter{})
			must(t, err)
			for _, rec := range all {
				for _, s := range rec.Secrets {
					if s.Pepper == version && (s.NotAfter.IsZero() || time.Now().Before(s.NotAfter)) {
						n++
						break
					}
				}
			}
			return n
		}
		works("before")
		keys = with(2, 1)
		works("with the new pepper")
		for _, c := range clients {
			time.Sleep(time.Minute)
			c.next = rotate(t, keys, c.current.ID, overlap)
		}
		works("after the rotation")
		for i, c := range clients { // each an hour later than the one before
			if needs(1) == 0 {
				t.Fatalf("client %d needs the old pepper, and the list does not say so", i)
			}
			time.Sleep(50 * time.Minute)
			c.current = c.next
			works("while clients change over")
		}
		time.Sleep(overlap)
		if n := needs(1); n != 0 {
			t.Errorf("%d keys need the old pepper", n)
		}
		keys = with(2)
		works("without the old pepper")
		synctest.Wait()
	})
}

// The overlap ends at its last nanosecond, for keys of every kind, whatever else
// happens to the key.
func TestTheLastNanosecondOfAnOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, overlap := range []time.Duration{1, time.Microsecond, time.Second, hour + 1, 30 * 24 * hour} {
			keys := withLegacy(t, &oldTable{}, &apikey.MemoryStore{}, nil)
			key := issue(t, keys, apikey.Grant{})
			adopted, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "x"})
			must(t, err)
			for id, text := range map[string]string{key.ID: key.Key, adopted.ID: oldKey} {
				next := rotate(t, keys, id, overlap)
				time.Sleep(overlap - 1)
				send(t, keys, "X-Api-Key", text).accepted(t, "key:"+id)
				time.Sleep(time.Nanosecond)
				send(t, keys, "X-Api-Key", text).refused(t, "expired")
				send(t, keys, "X-Api-Key", next.Key).accepted(t, "key:"+id)
			}
			synctest.Wait()
		}
	})
}
