package apikey_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
)

// explained asserts that the attribute "error" of an event, which an operator
// reads, holds the texts whole and nothing of the key.
func explained(t testing.TB, e bulwark.Event, key string, want ...string) {
	t.Helper()
	var got string
	for _, attr := range e.Attrs {
		if attr.Key == "error" {
			got = attr.Value.String()
		}
	}
	for _, text := range want {
		if !strings.Contains(got, text) {
			t.Errorf("the error is %q, want %q in it", got, text)
		}
	}
	if part := strings.Split(key, "_"); len(part) > 3 && (strings.Contains(got, part[2]) || strings.Contains(got, part[3])) {
		t.Errorf("the error repeats the key: %s", got)
	}
	if len(got) >= 256 {
		t.Errorf("the log cuts the error: %d bytes", len(got))
	}
}

// mistyped is the key with another last character.
func mistyped(key string) string {
	last := "x"
	if strings.HasSuffix(key, last) {
		last = "y"
	}
	return key[:len(key)-1] + last
}

func TestRefusalsNameTheField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		good := issue(t, keys, apikey.Grant{})
		short := issue(t, keys, apikey.Grant{ExpiresAt: time.Now().Add(hour)})
		replaced := issue(t, keys, apikey.Grant{})
		gone := issue(t, keys, apikey.Grant{})
		bound := issue(t, keys, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}})
		if _, err := keys.Rotate(t.Context(), replaced.ID, time.Minute); err != nil {
			t.Fatal(err)
		}
		if err := keys.Revoke(t.Context(), gone.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(hour)
		made := strings.Repeat("A", 43)
		for name, test := range map[string]struct {
			key, reason string
			want        []string
		}{
			"malformed":   {"acme-live-hunter2", "malformed", []string{"apikey.Config.Prefix", "acme_live_id_secret_check"}},
			"mistyped":    {mistyped(good.Key), "malformed", []string{"checksum", "mistyped"}},
			"environment": {withCheck("acme_test_" + good.ID + "_" + made), "audience", []string{"apikey.Config.Env (live)"}},
			"unknown":     {withCheck("acme_live_0000000000000000_" + made), "unknown_key", []string{"apikey.Config.Store", "acme_live", "a MemoryStore loses its keys when the process ends"}},
			"secret":      {withCheck("acme_live_" + good.ID + "_" + made), "key", []string{"apikey.Config.Peppers"}},
			"revoked":     {gone.Key, "revoked", []string{"Keys.Revoke"}},
			"expired":     {short.Key, "expired", []string{"Grant.ExpiresAt", "apikey.Config.Lifetime"}},
			"replaced":    {replaced.Key, "expired", []string{"Keys.Rotate", "apikey.Config.MaxOverlap"}},
			"network":     {bound.Key, "network", []string{"Grant.Networks", "bulwark.Edge.TrustedProxies"}},
		} {
			a := send(t, keys, "Authorization", "ApiKey "+test.key)
			if a.refused(t, test.reason); t.Failed() {
				t.Fatalf("in %s", name)
			}
			if explained(t, a.events[0], test.key, test.want...); t.Failed() {
				t.Fatalf("in %s", name)
			}
			if strings.Contains(a.Body.String(), "Config") {
				t.Errorf("%s: the client learns of the configuration: %s", name, a.Body)
			}
		}
		_, err := keys.Verify(t.Context(), bound.Key)
		if p := problem(t, err, 401, "auth.invalid_token"); p.Err == nil || !strings.Contains(p.Err.Error(), "Keys.Verify does not know an address") {
			t.Errorf("refusal %v", err)
		}
		synctest.Wait()
	})
}

func TestOutagesNameTheStore(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{Max: 1}}
	keys := newKeys(t, config(spy))
	key := issue(t, keys, apikey.Grant{})
	_, full := keys.Issue(t.Context(), apikey.Grant{})
	if p := problem(t, full, 503, "apikey.store_full"); !errors.Is(full, auth.ErrFull) || !strings.Contains(p.Err.Error(), "MemoryStore.Max") {
		t.Errorf("a full store: %v", full)
	}
	down := errors.New("connection refused")
	spy.fail.Store(&down)
	a := send(t, keys, "Authorization", "ApiKey "+key.Key)
	if a.Code != 503 || len(a.events) != 1 || a.events[0].Reason != "store_unavailable" {
		t.Fatalf("status %d, events %v", a.Code, a.events)
	}
	explained(t, a.events[0], key.Key, "apikey.Config.Store", "connection refused")
	if err := keys.Revoke(t.Context(), key.ID); !errors.Is(err, down) || !strings.Contains(problem(t, err, 503, "apikey.unavailable").Err.Error(), "apikey.Config.Store") {
		t.Errorf("a revocation: %v", err)
	}
}

func TestStaleKeysNameMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(&apikey.MemoryStore{})
		c.MaxAge = 2 * hour
		keys := newKeys(t, c)
		key := issue(t, keys, apikey.Grant{})
		time.Sleep(3 * hour)
		a := send(t, keys, "Authorization", "ApiKey "+key.Key)
		a.accepted(t, "key:"+key.ID)
		explained(t, only(t, a.events, bulwark.AuthnKeyStale), key.Key, "apikey.Config.MaxAge (2h0m0s)")
		synctest.Wait()
	})
}

// What administrators get wrong is explained to them by the answer, and to the
// operator by the event.
func TestRefusedGrantsNameTheField(t *testing.T) {
	c := config(&apikey.MemoryStore{})
	for range 20 {
		c.Tiers = append(c.Tiers, strings.Repeat("t", 20))
	}
	keys := newKeys(t, c)
	key := issue(t, keys, apikey.Grant{})
	for name, test := range map[string]struct {
		call func(*http.Request) error
		code string
		want []string
	}{
		"tier": {func(r *http.Request) error {
			_, err := keys.Issue(r.Context(), apikey.Grant{Tier: "hunter2"})
			return err
		}, "apikey.invalid_grant", []string{"apikey.Config.Tiers", "tttt", "…"}},
		"overlap": {func(r *http.Request) error {
			_, err := keys.Rotate(r.Context(), key.ID, 31*24*hour)
			return err
		}, "apikey.invalid_overlap", []string{"apikey.Config.MaxOverlap is 720h0m0s"}},
		"two-credentials": {func(r *http.Request) error {
			r.Header = http.Header{"Authorization": {"ApiKey hunter2"}, "X-Api-Key": {"hunter2"}}
			_, err := keys.Authenticate(r)
			return err
		}, "ambiguous", []string{"Authorization and X-Api-Key", "apikey.Config.Header"}},
	} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bulwark.Deny(w, r, test.call(r))
			})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/keys", nil))
			events := rec.Events()
			if len(events) != 1 || events[0].Reason != test.code {
				t.Fatalf("events %+v, want the reason %s", events, test.code)
			}
			explained(t, events[0], "acme_live_hunter2_hunter2", test.want...)
		})
	}
}

// listless is a store that fails at one kind of call.
type listless struct {
	apikey.Store
	list, mark, revokes error
}

func (l *listless) List(ctx context.Context, f apikey.Filter) ([]apikey.Record, error) {
	if l.list != nil {
		return nil, l.list
	}
	return l.Store.List(ctx, f)
}

func (l *listless) Mark(ctx context.Context, id string, mark apikey.Mark, at time.Time, every time.Duration) (bool, error) {
	if l.mark != nil {
		return false, l.mark
	}
	return l.Store.Mark(ctx, id, mark, at, every)
}

func (l *listless) RevokeOwner(ctx context.Context, issuer, subject string, until, expires time.Time) error {
	if l.revokes != nil {
		return l.revokes
	}
	return l.Store.RevokeOwner(ctx, issuer, subject, until, expires)
}

// A failure is returned. What can be ended all the same is ended.
func TestRevokeOwnerDuringAnOutage(t *testing.T) {
	owner := &bulwark.Principal{Issuer: "https://login.example.com", Subject: "alice"}
	down := errors.New("connection refused")
	for name, test := range map[string]struct {
		store *listless
		ended bool
	}{
		"mark": {&listless{Store: &apikey.MemoryStore{}, revokes: down}, true},
		"list": {&listless{Store: &apikey.MemoryStore{}, list: down}, false},
	} {
		t.Run(name, func(t *testing.T) {
			keys := newKeys(t, config(test.store))
			key := issue(t, keys, apikey.Grant{Owner: owner})
			err := keys.RevokeOwner(t.Context(), owner)
			if problem(t, err, 503, "apikey.unavailable"); !errors.Is(err, down) || !strings.Contains(err.Error(), "apikey.Config.Store") {
				t.Errorf("error %v", err)
			}
			if _, err := keys.Verify(t.Context(), key.Key); (err != nil) != test.ended {
				t.Errorf("the key is ended: %t, want %t", err != nil, test.ended)
			}
		})
	}
}

// A report that the store cannot record is left out: the key works.
func TestStaleKeysWorkDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&listless{Store: &apikey.MemoryStore{}, mark: errors.New("connection refused")}))
		key := issue(t, keys, apikey.Grant{})
		time.Sleep(100 * 24 * hour)
		a := send(t, keys, "Authorization", "ApiKey "+key.Key)
		a.accepted(t, "key:"+key.ID)
		if len(a.events) != 0 {
			t.Errorf("events %+v", a.events)
		}
		synctest.Wait()
	})
}
