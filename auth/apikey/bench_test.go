package apikey_test

import (
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/internal/race"
)

func TestAllocations(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{Roles: []string{"user"}})
	for name, header := range map[string][2]string{
		"scheme": {"Authorization", "ApiKey " + key.Key}, "bearer": {"Authorization", "Bearer " + key.Key}, "header": {"X-Api-Key", key.Key},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set(header[0], header[1])
			if _, err := keys.Authenticate(r); err != nil { // writes LastUsed
				t.Fatal(err)
			}
			got := testing.AllocsPerRun(1000, func() {
				if keys.Detect(r) == 0 {
					t.Fatal("not detected")
				}
				if _, err := keys.Authenticate(r); err != nil {
					t.Fatal(err)
				}
			})
			if got > 2 {
				t.Errorf("%v allocations, want at most 2", got)
			}
		})
	}
}

func FuzzKey(f *testing.F) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	keys := newKeys(f, config(spy))
	good := issue(f, keys, apikey.Grant{}).Key
	f.Add(good)
	for _, bad := range badKeys(good) {
		if len(bad) < 1024 {
			f.Add(bad)
		}
	}
	f.Add(withCheck("acme_live_0000000000000000_" + strings.Repeat("A", 43)))
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Api-Key"] = []string{text}
		before := spy.gets.Load()
		p, err := keys.Authenticate(r)
		if (err == nil) != (text == good) {
			t.Fatalf("%q: caller %v, error %v", text, p, err)
		}
		wellFormed := shape.MatchString(text) && withCheck(text[:len(text)-7]) == text
		if asked := spy.gets.Load() != before; asked != wellFormed {
			t.Fatalf("%q: well formed %v, the store was asked: %v", text, wellFormed, asked)
		}
	})
}

func BenchmarkAuthenticate(b *testing.B) {
	keys := newKeys(b, config(&apikey.MemoryStore{}))
	key := issue(b, keys, apikey.Grant{})
	for name, text := range map[string]string{
		"good":      key.Key,
		"unknown":   withCheck("acme_live_0000000000000000_" + strings.Repeat("A", 43)),
		"wrong":     withCheck("acme_live_" + key.ID + "_" + strings.Repeat("A", 43)),
		"malformed": key.Key[:len(key.Key)-1] + "!",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "ApiKey "+text)
			b.ReportAllocs()
			for b.Loop() {
				keys.Authenticate(r)
			}
		})
	}
}

// FuzzLegacy looks whether a text reaches Legacy exactly if it may, unchanged,
// and whether nobody hears of it otherwise.
func FuzzLegacy(f *testing.F) {
	o := &oldTable{}
	keys := withLegacy(f, o, &apikey.MemoryStore{}, nil)
	good := issue(f, keys, apikey.Grant{}).Key
	foreign := withCheck("usr_live_0000000000000000_" + strings.Repeat("A", 43))
	for _, text := range append(slices.Collect(maps.Values(badKeys(good))), good, foreign, mistyped(foreign), oldKey, "", " ", "é", strings.Repeat("x", 256), strings.Repeat("x", 257)) {
		if len(text) < 1024 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		before := o.asked.Load()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Api-Key"] = []string{text}
		found := keys.Detect(r)
		p, err := keys.Authenticate(r)
		if (err == nil) != (text == good) {
			t.Fatalf("%q: caller %v, error %v", text, p, err)
		}
		ours := shape.MatchString(text) && withCheck(text[:len(text)-7]) == text
		may := visible.MatchString(text) && !strings.HasPrefix(text, "acme_") && !(anyShape.MatchString(text) && withCheck(text[:len(text)-7]) == text)
		if asked := o.asked.Load() != before; asked != may || asked && o.last != text {
			t.Fatalf("%q: may %v, ours %v, asked %v for %q", text, may, ours, asked, o.last)
		}
		if (found == auth.Likely || found == auth.Explicit && !strings.HasPrefix(text, "acme_live_")) != may {
			t.Fatalf("%q: presence %v, may %v", text, found, may)
		}
		if len(text) > 12 && err != nil && strings.Contains(err.Error(), text) {
			t.Fatalf("%q is repeated in %v", text, err)
		}
	})
}

var (
	visible  = regexp.MustCompile(`^[!-~]{1,256}$`)
	anyShape = regexp.MustCompile(`^[a-z][a-z0-9]{0,15}_[a-z][a-z0-9]{0,15}_[a-z0-9]{16}_[a-zA-Z0-9]{43}_[a-zA-Z0-9]{6}$`)
)
