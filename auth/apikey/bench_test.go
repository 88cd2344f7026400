package apikey_test

import (
	"net/http/httptest"
	"strings"
	"testing"

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
