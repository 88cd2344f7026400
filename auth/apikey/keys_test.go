package apikey_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
)

var shape = regexp.MustCompile(`^acme_live_[0-9a-z]{16}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$`)

func TestWhereAKeyIsReadFrom(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	issued := issue(t, keys, apikey.Grant{Name: "partner", Roles: []string{"user"}, Tier: "premium", Scopes: []string{"read"}})
	if !shape.MatchString(issued.Key) {
		t.Fatalf("key %q has not the documented form", issued.Key)
	}
	for name, lines := range map[string][]string{
		"scheme":          {"Authorization", "ApiKey " + issued.Key},
		"scheme-any-case": {"Authorization", "aPIkEY " + issued.Key},
		"two-spaces":      {"Authorization", "ApiKey  " + issued.Key},
		"bearer":          {"Authorization", "Bearer " + issued.Key},
		"header":          {"X-Api-Key", issued.Key},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, keys, lines...)
			a.accepted(t, "key:"+issued.ID)
			p := a.caller
			if p.Issuer != "https://api.example.com/keys" || p.TokenID != issued.ID || p.Tier != "premium" ||
				!p.HasRole("user") || !p.HasScope("read") || !p.ExpiresAt.Equal(issued.ExpiresAt) || p.IssuedAt.IsZero() {
				t.Errorf("caller %+v", p)
			}
			if len(a.events) != 0 {
				t.Errorf("events %v", a.events)
			}
		})
	}
}

func TestWhereAKeyIsNotReadFrom(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{}).Key
	query := httptest.NewRequest("GET", "/documents?api_key="+key+"&key="+key+"&access_token="+key, nil)
	body := httptest.NewRequest("POST", "/documents", strings.NewReader("api_key="+key))
	body.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	cookie := httptest.NewRequest("GET", "/documents", nil)
	cookie.Header.Set("Cookie", "X-Api-Key="+key)
	for name, r := range map[string]*http.Request{"query": query, "body": body, "cookie": cookie} {
		t.Run(name, func(t *testing.T) {
			if got := keys.Detect(r); got != auth.None {
				t.Errorf("Detect %v, want None", got)
			}
			a := sendRequest(t, keys, r)
			if a.Code != http.StatusUnauthorized || a.caller != nil || a.problem(t) != "auth.credentials_required" {
				t.Errorf("status %d, caller %v", a.Code, a.caller)
			}
			only(t, a.events, bulwark.AuthzFail)
		})
	}
}

func TestDetectLeavesOthersAlone(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	for line, want := range map[string]auth.Presence{
		"Bearer acme":          auth.None,
		"Bearer ACME_live_x":   auth.None,
		"Bearer a.b.c":         auth.None,
		"Basic acme_live_x":    auth.None,
		"ApiKeyacme_live_x":    auth.None,
		"Bearer acme_":         auth.Kindred,
		"ApiKey":               auth.Kindred,
		"ApiKey nonsense":      auth.Kindred,
		"ApiKey acme_test_x":   auth.Kindred,
		"Bearer acme_test_x":   auth.Kindred,
		"Bearer acmex_live_x":  auth.None,
		"apikey acme_live_x":   auth.Explicit,
		"bearer  acme_live_x ": auth.Explicit,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", line)
		if got := keys.Detect(r); got != want {
			t.Errorf("Detect of %q is %v, want %v", line, got, want)
		}
	}
}

func TestMalformedKeysAskNoStore(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	keys := newKeys(t, config(spy))
	good := issue(t, keys, apikey.Grant{}).Key
	for name, key := range badKeys(good) {
		t.Run(name, func(t *testing.T) {
			spy.gets.Store(0)
			send(t, keys, "Authorization", "ApiKey "+key).refused(t, "malformed")
			send(t, keys, "X-Api-Key", key).refused(t, "malformed")
			if n := spy.gets.Load(); n != 0 {
				t.Errorf("the store was asked %d times", n)
			}
		})
	}
	send(t, keys, "Authorization", "ApiKey "+good).accepted(t, "key:"+strings.Split(good, "_")[2])
}

// badKeys are spellings near a good key.
func badKeys(good string) map[string]string {
	part := strings.Split(good, "_")
	return map[string]string{
		"prefix-only":     "acme_",
		"no-check":        strings.Join(part[:4], "_"),
		"cut":             good[:len(good)-1],
		"longer":          good + "0",
		"doubled":         good + good,
		"upper-prefix":    "ACME" + good[4:],
		"other-prefix":    "evil" + good[4:],
		"upper-env":       strings.Replace(good, "_live_", "_LIVE_", 1),
		"no-env":          strings.Replace(good, "_live_", "__", 1),
		"long-env":        strings.Replace(good, "_live_", "_"+strings.Repeat("e", 17)+"_", 1),
		"wrong-env-check": strings.Replace(good, "_live_", "_test_", 1),
		"dash":            strings.ReplaceAll(good, "_", "-"),
		"upper-id":        part[0] + "_" + part[1] + "_" + strings.Repeat("A", 16) + "_" + part[3] + "_" + part[4],
		"zero-check":      strings.Join(part[:4], "_") + "_000000",
		"swapped":         strings.Join([]string{part[0], part[1], part[3], part[2], part[4]}, "_"),
		"nul":             good[:20] + "\x00" + good[21:],
		"non-ascii":       good[:20] + "\xe9" + good[21:],
		"tab":             good[:20] + "\t" + good[21:],
		"comma":           good + "," + good,
		"huge":            good[:40] + strings.Repeat("a", 1<<16),
	}
}

func TestEveryFlippedByteIsRefused(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	good := issue(t, keys, apikey.Grant{}).Key
	r := httptest.NewRequest("GET", "/", nil)
	for i := range len(good) {
		for bit := range 8 {
			bad := []byte(good)
			bad[i] ^= 1 << bit
			r.Header.Set("X-Api-Key", string(bad))
			if p, err := keys.Authenticate(r); err == nil {
				t.Fatalf("byte %d bit %d flipped: accepted as %s", i, bit, p.Subject)
			}
		}
	}
}

// withCheck appends the right checksum, which anybody can compute.
func withCheck(text string) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum, check := crc32.ChecksumIEEE([]byte(text)), ""
	for range 6 {
		check = alphabet[sum%62:][:1] + check
		sum /= 62
	}
	return text + "_" + check
}

func TestForgedKeys(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	keys := newKeys(t, config(spy))
	good, other := issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{})
	part, otherPart := strings.Split(good.Key, "_"), strings.Split(other.Key, "_")
	for name, forged := range map[string]struct{ key, reason string }{
		"unknown-id":         {withCheck("acme_live_0000000000000000_" + part[3]), "unknown_key"},
		"wrong-secret":       {withCheck("acme_live_" + part[2] + "_" + strings.Repeat("A", 43)), "key"},
		"secret-of-another":  {withCheck("acme_live_" + part[2] + "_" + otherPart[3]), "key"},
		"other-environment":  {withCheck("acme_test_" + part[2] + "_" + part[3]), "audience"},
		"case-of-one-letter": {withCheck("acme_live_" + part[2] + "_" + swapCase(part[3])), "key"},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, keys, "Authorization", "ApiKey "+forged.key)
			a.refused(t, forged.reason)
			if strings.Contains(a.Body.String(), part[2]) || strings.Contains(fmt.Sprint(a.events), part[3]) {
				t.Error("what was submitted comes back")
			}
		})
	}
	if withCheck(strings.Join(part[:4], "_")) != good.Key {
		t.Error("withCheck is not what the package does, so that this test says nothing")
	}
}

func swapCase(text string) string {
	for i, c := range text {
		if c >= 'a' && c <= 'z' {
			return text[:i] + strings.ToUpper(string(c)) + text[i+1:]
		}
	}
	return strings.ToLower(text)
}

func TestHashOfOneRecordIsWorthlessInAnother(t *testing.T) {
	store := &apikey.MemoryStore{}
	keys := newKeys(t, config(store))
	mine, admin := issue(t, keys, apikey.Grant{}), issue(t, keys, apikey.Grant{Roles: []string{"admin"}})
	from, _ := store.Get(t.Context(), mine.ID)
	to, _ := store.Get(t.Context(), admin.ID)
	to.Secrets = from.Secrets
	if err := store.Update(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	secret := strings.Split(mine.Key, "_")[3]
	send(t, keys, "Authorization", "ApiKey "+withCheck("acme_live_"+admin.ID+"_"+secret)).refused(t, "key")
}

func TestMoreThanOneCredential(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key, other := issue(t, keys, apikey.Grant{}).Key, issue(t, keys, apikey.Grant{}).Key
	for name, lines := range map[string][]string{
		"two-authorizations":     {"Authorization", "ApiKey " + key, "Authorization", "ApiKey " + key},
		"two-headers":            {"X-Api-Key", key, "X-Api-Key", other},
		"header-and-scheme":      {"X-Api-Key", key, "Authorization", "ApiKey " + other},
		"header-and-same-bearer": {"X-Api-Key", key, "Authorization", "Bearer " + key},
		"header-and-foreign":     {"X-Api-Key", key, "Authorization", "Basic Zm9vOmJhcg=="},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, keys, lines...)
			if a.Code != http.StatusBadRequest || a.caller != nil || a.problem(t) != "auth.ambiguous_credentials" {
				t.Errorf("status %d, caller %v, body %s", a.Code, a.caller, a.Body)
			}
			if e := only(t, a.events, bulwark.AuthnTokenInvalid); e.Status != 400 {
				t.Errorf("event status %d", e.Status)
			}
		})
	}
}

func TestAuthenticateAloneCountsToo(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{}).Key
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Authorization"] = []string{"ApiKey " + key, "ApiKey " + key}
	_, err := keys.Authenticate(r)
	var p *bulwark.Problem
	if !errors.As(err, &p) || p.Status != 400 || p.Code != "auth.ambiguous_credentials" {
		t.Errorf("two lines: %v", err)
	}
	for _, line := range []string{"Basic Zm9v", "Bearer other_live"} {
		r.Header["Authorization"] = []string{line}
		if _, err := keys.Authenticate(r); !errors.As(err, &p) || p.Status != 401 || p.Log.Reason != "malformed" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestNetworks(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{Networks: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}}).Key
	for _, test := range []struct {
		peer string
		ok   bool
	}{
		{"192.0.2.7:4711", true},
		{"[::ffff:192.0.2.7]:4711", true},
		{"[2001:db8::1]:4711", true},
		{"192.0.3.7:4711", false},
		{"[2001:db9::1]:4711", false},
		{"@", false}, // a Unix socket has no address: fail closed
	} {
		t.Run(test.peer, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/documents", nil)
			r.RemoteAddr = test.peer
			r.Header.Set("Authorization", "ApiKey "+key)
			r.Header.Set("X-Forwarded-For", "192.0.2.7") // the client's word
			a := sendRequest(t, keys, r)
			if test.ok {
				a.accepted(t, a.caller.Subject)
				return
			}
			a.refused(t, "network")
		})
	}
}

func TestNetworkIsJudgedBehindTheTrustedProxy(t *testing.T) {
	keys := newKeys(t, config(&apikey.MemoryStore{}))
	key := issue(t, keys, apikey.Grant{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}).Key
	edge := bulwark.Must(bulwark.Edge{Hosts: []string{"example.com"}, ForwardedHeader: "X-Forwarded-For",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}.Build())
	for client, want := range map[string]bool{"192.0.2.1": true, "198.51.100.1": false} {
		r := httptest.NewRequest("GET", "http://example.com/", nil)
		r.RemoteAddr = "10.1.1.1:1"
		r.Header.Set("X-Forwarded-For", client)
		r.Header.Set("Authorization", "ApiKey "+key)
		var err error
		edge.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, err = keys.Authenticate(r)
		})).ServeHTTP(httptest.NewRecorder(), r)
		if (err == nil) != want {
			t.Errorf("client %s: %v", client, err)
		}
	}
}

func TestExpiryAndRevocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newKeys(t, config(&apikey.MemoryStore{}))
		short := issue(t, keys, apikey.Grant{ExpiresAt: time.Now().Add(hour)})
		long := issue(t, keys, apikey.Grant{})
		time.Sleep(hour - time.Nanosecond)
		send(t, keys, "Authorization", "ApiKey "+short.Key).accepted(t, "key:"+short.ID)
		time.Sleep(time.Nanosecond)
		send(t, keys, "Authorization", "ApiKey "+short.Key).refused(t, "expired")
		send(t, keys, "Authorization", "ApiKey "+long.Key).accepted(t, "key:"+long.ID)
		for range 2 { // once more changes nothing
			if err := keys.Revoke(t.Context(), long.ID); err != nil {
				t.Fatal(err)
			}
			send(t, keys, "Authorization", "ApiKey "+long.Key).refused(t, "revoked")
		}
		if got, want := long.ExpiresAt.Sub(short.ExpiresAt), 365*24*hour-hour; got != want {
			t.Errorf("default lifetime is %v off", got-want)
		}
		synctest.Wait()
	})
}

func TestStoreOutageIsNotTheCallersFault(t *testing.T) {
	spy := &spyStore{Store: &apikey.MemoryStore{}}
	keys := newKeys(t, config(spy))
	key := issue(t, keys, apikey.Grant{}).Key
	down := errors.New("connection refused by 10.0.0.5")
	spy.fail.Store(&down)
	a := send(t, keys, "Authorization", "ApiKey "+key)
	if a.Code != 503 || a.caller != nil || a.problem(t) != "auth.unavailable" || a.Header().Get("Retry-After") == "" {
		t.Errorf("status %d, header %v, body %s", a.Code, a.Header(), a.Body)
	}
	if strings.Contains(a.Body.String(), "10.0.0.5") {
		t.Error("the answer shows the cause")
	}
	if e := only(t, a.events, bulwark.SysUnavailable); e.Reason != "store_unavailable" {
		t.Errorf("reason %q", e.Reason)
	}
}

func TestStaleIsReportedOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(&apikey.MemoryStore{})
		c.MaxAge = 24 * hour
		keys, twin := newKeys(t, c), newKeys(t, c) // two processes, one store
		key := issue(t, keys, apikey.Grant{})
		header := "ApiKey " + key.Key
		stale := func(k *apikey.Keys) int {
			a := send(t, k, "Authorization", header)
			a.accepted(t, "key:"+key.ID)
			for _, e := range a.events {
				if e.Name != bulwark.AuthnKeyStale || e.Reason != "max_age" || e.UserID != "key:"+key.ID || e.Issuer != c.Issuer {
					t.Errorf("event %+v", e)
				}
				if fmt.Sprint(e.Attrs[0]) != "key="+key.ID {
					t.Errorf("attrs %v", e.Attrs)
				}
			}
			return len(a.events)
		}
		time.Sleep(24*hour - time.Nanosecond)
		if n := stale(keys); n != 0 {
			t.Errorf("%d events for a fresh key", n)
		}
		time.Sleep(time.Nanosecond)
		if a, b, c := stale(keys), stale(keys), stale(twin); a != 1 || b != 0 || c != 0 {
			t.Errorf("first day: %d, %d, %d events, want 1, 0, 0", a, b, c)
		}
		time.Sleep(24 * hour)
		if a, b := stale(twin), stale(keys); a != 1 || b != 0 {
			t.Errorf("second day: %d, %d events, want 1, 0", a, b)
		}
		rotated, err := keys.Rotate(t.Context(), key.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		header = "ApiKey " + rotated.Key
		time.Sleep(23 * hour)
		if n := stale(keys); n != 0 {
			t.Errorf("%d events after the rotation", n)
		}
		synctest.Wait()
	})
}

func TestLastUsedIsSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &apikey.MemoryStore{}
		keys := newKeys(t, config(store))
		key := issue(t, keys, apikey.Grant{})
		used := func() time.Time {
			send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "key:"+key.ID)
			synctest.Wait()
			rec, err := store.Get(t.Context(), key.ID)
			if err != nil {
				t.Fatal(err)
			}
			return rec.LastUsed
		}
		start := time.Now()
		if got := used(); !got.Equal(start) {
			t.Errorf("first use at %v, want %v", got, start)
		}
		time.Sleep(59 * time.Second)
		if got := used(); !got.Equal(start) {
			t.Errorf("a use within the minute wrote %v", got)
		}
		time.Sleep(time.Second)
		if got := used(); !got.Equal(start.Add(time.Minute)) {
			t.Errorf("a use after the minute left %v", got)
		}
		// A refused key is not used.
		time.Sleep(hour)
		send(t, keys, "Authorization", "ApiKey "+withCheck("acme_live_"+key.ID+"_"+strings.Repeat("A", 43))).refused(t, "key")
		synctest.Wait()
		if rec, _ := store.Get(t.Context(), key.ID); !rec.LastUsed.Equal(start.Add(time.Minute)) {
			t.Errorf("a wrong secret counted as a use")
		}
	})
}

func TestZeroKeysRefuse(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "ApiKey x")
	for name, keys := range map[string]*apikey.Keys{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			_, authErr := keys.Authenticate(r)
			_, issueErr := keys.Issue(t.Context(), apikey.Grant{})
			_, rotateErr := keys.Rotate(t.Context(), "x", 0)
			_, verifyErr := keys.Verify(t.Context(), "x")
			for call, err := range map[string]error{"authenticate": authErr, "verify": verifyErr, "issue": issueErr, "rotate": rotateErr, "revoke": keys.Revoke(t.Context(), "x")} {
				var wrong *bulwark.ConfigError
				if !errors.As(err, &wrong) || wrong.Field != "apikey" {
					t.Errorf("%s: %v", call, err)
				}
			}
			if keys.Issuer() != "" || keys.Detect(r) != auth.None {
				t.Error("it claims something")
			}
		})
	}
}
