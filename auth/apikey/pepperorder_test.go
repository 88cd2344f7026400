package apikey_test

import (
	"testing"

	"github.com/bulwark-go/bulwark/auth/apikey"
)

// During a rotation of peppers, one process is a step ahead of another. Both
// must find the record of a key that either of them has adopted. Otherwise a
// key that was revoked reaches Legacy again, or is adopted twice.
func TestAdoptedKeysAreFoundDuringARotationOfPeppers(t *testing.T) {
	steps := map[string][]apikey.Pepper{
		"0": {pepper(1)}, "1": {pepper(1), pepper(2)}, "2": {pepper(2), pepper(1)},
	}
	for _, pair := range [][2]string{{"0", "1"}, {"1", "0"}, {"1", "2"}, {"2", "1"}, {"0", "2"}, {"2", "0"}} {
		t.Run(pair[0]+"-"+pair[1], func(t *testing.T) {
			o, store := tableOf(apikey.Grant{Name: "partner"}), &apikey.MemoryStore{}
			process := func(step string) *apikey.Keys {
				return withLegacy(t, o, store, func(c *apikey.Config) { c.Peppers = steps[step] })
			}
			one, two := process(pair[0]), process(pair[1])
			before := send(t, two, "X-Api-Key", oldKey).caller
			rec, err := one.Adopt(t.Context(), oldKey, apikey.Grant{Name: "partner"})
			must(t, err)
			send(t, two, "X-Api-Key", oldKey).accepted(t, before.Subject)
			send(t, one, "X-Api-Key", oldKey).accepted(t, before.Subject)
			_, err = two.Adopt(t.Context(), oldKey, apikey.Grant{Name: "partner"})
			problem(t, err, 409, "apikey.adopted")
			asked := o.asked.Load()
			must(t, one.Revoke(t.Context(), rec.ID))
			send(t, one, "X-Api-Key", oldKey).refused(t, "revoked")
			send(t, two, "X-Api-Key", oldKey).refused(t, "revoked")
			if o.asked.Load() != asked {
				t.Error("Legacy was asked for a key that was revoked")
			}
		})
	}
}

// A pepper was removed too early, so a key was adopted once more. Since then it
// has two records. It is refused if one of them has ended.
func TestAnAdoptedKeyWithTwoRecordsEndsWithEither(t *testing.T) {
	for name, revoked := range map[string]int{"the-older": 0, "the-newer": 1} {
		t.Run(name, func(t *testing.T) {
			o, store := tableOf(apikey.Grant{Name: "partner"}), &apikey.MemoryStore{}
			process := func(peppers ...apikey.Pepper) *apikey.Keys {
				return withLegacy(t, o, store, func(c *apikey.Config) { c.Peppers = peppers })
			}
			var ids [2]string
			for i, keys := range []*apikey.Keys{process(pepper(2), pepper(1)), process(pepper(2))} {
				rec, err := keys.Adopt(t.Context(), oldKey, apikey.Grant{Name: "partner"})
				must(t, err)
				ids[i] = rec.ID
			}
			both := process(pepper(2), pepper(1))
			send(t, both, "X-Api-Key", oldKey).accepted(t, "key:"+ids[0])
			must(t, both.Revoke(t.Context(), ids[revoked]))
			send(t, both, "X-Api-Key", oldKey).refused(t, "revoked")
			if o.asked.Load() != 0 {
				t.Error("Legacy was asked")
			}
		})
	}
}
