package apikey_test

import (
	"context"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

// What one request appends to its caller's roles must not reach another.
func TestPrincipalsShareNoSpareRoom(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	for n := 1; n <= 64; n++ {
		labels := make([]string, n)
		for i := range labels {
			labels[i] = "r" + strconv.Itoa(i)
		}
		key := issue(t, keys, apikey.Grant{Roles: labels, Scopes: labels})
		caller := func() *bulwark.Principal {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Authorization", "ApiKey "+key.Key)
			p, err := keys.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		one, two := caller(), caller()
		role, scope := append(one.Roles, "tenant-a:admin"), append(one.Scopes, "tenant-a:write")
		_, _ = append(two.Roles, "tenant-b:reader"), append(two.Scopes, "tenant-b:read")
		if role[n] != "tenant-a:admin" || scope[n] != "tenant-a:write" {
			t.Fatalf("with %d labels one request has the other's: %q, %q", n, role[n], scope[n])
		}
	}
}

// panickyStore panics where nobody but the package could recover.
type panickyStore struct {
	apikey.Store
	calls chan struct{}
}

func (s *panickyStore) Mark(context.Context, string, apikey.Mark, time.Time, time.Duration) (bool, error) {
	s.calls <- struct{}{}
	panic("secret-value")
}

func TestAPanickingMarkIsALostSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lines := logged(t)
		store := &panickyStore{&apikey.MemoryStore{}, make(chan struct{}, 16)}
		keys := newKeys(t, config(store))
		key := issue(t, keys, apikey.Grant{})
		for range 8 { // more than may be under way at once: each must give its place back
			send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "key:"+key.ID)
			synctest.Wait()
		}
		if n := len(store.calls); n != 8 {
			t.Errorf("%d calls, want 8", n)
		}
		if text := lines.String(); strings.Count(text, "apikey") != 1 || strings.Contains(text, "secret-value") {
			t.Errorf("log %q, want one line without the value", text)
		}
	})
}

// A time with a monotonic reading stands still while a machine is suspended.
func TestKeysEndByTheClockOnTheWall(t *testing.T) {
	store := &apikey.MemoryStore{}
	keys := newKeys(t, config(store))
	key := issue(t, keys, apikey.Grant{})
	if _, err := keys.Rotate(t.Context(), key.ID, hour); err != nil {
		t.Fatal(err)
	}
	rec, err := store.Get(t.Context(), key.ID)
	if err != nil || len(rec.Secrets) != 2 {
		t.Fatalf("%+v, %v", rec, err)
	}
	for _, end := range []time.Time{rec.ExpiresAt, rec.Secrets[1].NotAfter} {
		if text := end.String(); strings.Contains(text, " m=") {
			t.Errorf("the end %s has a monotonic reading", text)
		}
	}
}
