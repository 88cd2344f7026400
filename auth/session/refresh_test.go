package session_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
)

func TestGraceEndsWithTheUseOfTheSuccessor(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	next := s.refresh(tok.refresh).renewed(t, "rotation")
	last := s.refresh(next.refresh).renewed(t, "rotation")
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
	s.dead(t, last, "revoked")
}

// Two have the same token, the owner and a thief. Whoever comes first, the
// second one ends it for both.
func TestStolenRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok, elsewhere := s.login(t, "alice"), s.login(t, "alice")
		time.Sleep(10 * minute)
		first := s.refresh(tok.refresh).renewed(t, "rotation")
		s.alive(t, first) // whoever came first
		time.Sleep(minute)
		a := s.refresh(tok.refresh)
		a.refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
		if e := a.events[0]; e.UserID != "alice" || e.Issuer != issuer || e.Status != 401 {
			t.Errorf("event %+v", e)
		}
		s.dead(t, first, "revoked")
		s.dead(t, tok, "revoked")
		s.refresh(first.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
		s.alive(t, elsewhere) // the caller's other sessions are not concerned
	})
}

func TestStoreHoldsNoToken(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	next := s.refresh(tok.refresh).renewed(t, "rotation")
	held, err := s.store.Get(t.Context(), segment(t, tok.access, 1)["sid"].(string))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{tok.refresh, next.refresh} {
		raw := mustDecode(t, token)
		secret := raw[21:53]
		plain := sha256.Sum256(secret)
		if text := fmt.Sprintf("%+v", held); strings.Contains(text, token[28:]) ||
			bytes.Contains(held.Hash[:], secret) || held.Hash == plain || held.Hash == sha256.Sum256(raw) {
			t.Errorf("the store holds a token, or a hash that anybody can compute")
		}
	}
	// Who can write to the store, but has no key, cannot plant a token.
	mine := append(bytes.Clone(mustDecode(t, next.refresh)[:21]), bytes.Repeat([]byte{1}, 48)...)
	held.Hash = sha256.Sum256(mine[21:53])
	if err := s.store.Update(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	s.refresh(base64.RawURLEncoding.EncodeToString(mine)).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
}

func mustDecode(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestAnOldTokenIsKnownForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		current := tok
		for range 600 {
			time.Sleep(15 * minute)
			current = s.refresh(current.refresh).renewed(t, "rotation")
		}
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
		s.dead(t, current, "revoked")
	})
}

func TestRefreshTokensThatWereNeverOurs(t *testing.T) {
	s := start(t, nil)
	tok, other := s.login(t, "alice"), s.login(t, "bob")
	raw := func(text string) []byte { return mustDecode(t, text) }
	flipped := raw(tok.refresh)
	flipped[68] ^= 1
	for name, test := range map[string]struct{ token, reason string }{
		"empty":           {"", "malformed"},
		"short":           {tok.refresh[:91], "malformed"},
		"long":            {tok.refresh + "A", "malformed"},
		"padded":          {tok.refresh + "=", "malformed"},
		"quoted":          {`"` + tok.refresh + `"`, "malformed"},
		"std-alphabet":    {tok.refresh[:91] + "+", "malformed"},
		"line-break":      {tok.refresh[:32] + "\n" + tok.refresh[33:], "malformed"},
		"line-breaks":     {"\r\n\r\n" + tok.refresh[:88], "malformed"},
		"other-format":    {"Ag" + tok.refresh[2:], "malformed"},
		"flipped-bit":     {base64.RawURLEncoding.EncodeToString(flipped), "session"},
		"other-session":   {forged(tok.refresh, other.refresh), "session"},
		"made-up":         {forged(tok.refresh, ""), "session"},
		"unknown-session": {base64.RawURLEncoding.EncodeToString(append([]byte{1}, make([]byte, 68)...)), "session"},
	} {
		t.Run(name, func(t *testing.T) {
			s.refresh(test.token).refused(t, 401, "auth.invalid_token", "authn_token_invalid/"+test.reason)
			s.alive(t, tok)
		})
	}
	a := s.do("POST", "/refresh")
	a.refused(t, 401, "session.cookie_required", "authz_fail/session.cookie_required")
	// No side effect of any: the token is as good as new.
	s.refresh(tok.refresh).renewed(t, "rotation")
	s.refresh(other.refresh).renewed(t, "rotation")
}

func TestSevenDaysAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		for range 6 {
			time.Sleep(24 * time.Hour)
			tok = s.refresh(tok.refresh).renewed(t, "rotation")
		}
		time.Sleep(24*time.Hour - 5*minute)
		a := s.refresh(tok.refresh)
		if a.body != "{\"expires_in\":300}\n" {
			t.Errorf("the access token outlives its session: %s", a.body)
		}
		tok = a.renewed(t, "rotation")
		if set := a.Header.Values("Set-Cookie"); !strings.Contains(set[0], "; Max-Age=300;") || !strings.Contains(set[1], "; Max-Age=300;") {
			t.Errorf("cookies %q", set)
		}
		time.Sleep(5*minute - time.Nanosecond)
		s.alive(t, tok)
		time.Sleep(time.Nanosecond)
		s.dead(t, tok, "expired")
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/expired")
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	})
}

func TestFifteenMinutesAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		time.Sleep(15*minute - time.Nanosecond)
		s.alive(t, tok)
		time.Sleep(time.Nanosecond)
		s.dead(t, tok, "expired")
		s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
	})
}

func TestRefreshesAreBounded(t *testing.T) {
	s := start(t, func(c *session.Config) {
		c.AccessLifetime, c.Lifetime, c.MaxRefreshes = time.Hour, 90*minute, 4
	})
	tok := s.login(t, "alice")
	for range 4 {
		tok = s.refresh(tok.refresh).renewed(t, "rotation")
	}
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/expired")
	s.dead(t, tok, "revoked")
}

func TestWhatARefreshReadsAnewAndWhatNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, nil)
		login := time.Now().Unix()
		s.accounts.set("alice", &bulwark.Principal{Subject: "alice", ACR: "phr", Roles: []string{"admin"}})
		tok := s.login(t, "alice")
		s.accounts.set("alice", &bulwark.Principal{Issuer: "https://other.example", ACR: "none", AuthTime: time.Now().Add(time.Hour), Roles: []string{"user"}, Tier: "enterprise"})
		time.Sleep(10 * minute)
		got := s.withCookie(s.refresh(tok.refresh).renewed(t, "rotation").access).json(t)
		if got["subject"] != "alice" || got["acr"] != "phr" || got["auth_time"] != float64(login) {
			t.Errorf("the login was changed: %v", got)
		}
		if roles := got["roles"].([]any); len(roles) != 1 || roles[0] != "user" || got["tier"] != "enterprise" || got["scopes"] != nil {
			t.Errorf("the permissions are old: %v", got)
		}
	})
}

func TestDisabledAccount(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	s.accounts.set("alice", nil)
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_revoked/disabled authn_token_invalid/disabled")
	s.dead(t, tok, "revoked")
	s.accounts.set("alice", &bulwark.Principal{Subject: "alice"})
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
}

func TestRefreshDuringOutages(t *testing.T) {
	for name, test := range map[string]struct {
		call   string
		events string
		next   string
	}{
		"get":  {"Get", "sys_unavailable/session.unavailable", "rotation"},
		"swap": {"Update", "sys_unavailable/session.unavailable", "rotation"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			tok := s.login(t, "alice")
			s.store.breakDown(test.call)
			s.refresh(tok.refresh).refused(t, 503, "session.unavailable", test.events)
			s.store.breakDown()
			s.refresh(tok.refresh).renewed(t, test.next)
		})
	}
	t.Run("lookup", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		s.accounts.fail(errDown)
		s.refresh(tok.refresh).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
		s.alive(t, tok)
		s.accounts.fail(nil)
		s.refresh(tok.refresh).renewed(t, "rotation") // nothing was used up
	})
	t.Run("revoking-a-stolen-session", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		next := s.refresh(s.refresh(tok.refresh).renewed(t, "rotation").refresh).renewed(t, "rotation")
		s.store.breakDown("Delete")
		s.refresh(tok.refresh).refused(t, 503, "session.unavailable", "authn_token_reuse/reuse")
		s.store.breakDown()
		s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_reuse/reuse")
		s.dead(t, next, "revoked")
	})
	t.Run("disabling", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		s.accounts.set("alice", nil)
		s.store.breakDown("Delete")
		s.refresh(tok.refresh).refused(t, 503, "session.unavailable", "sys_unavailable/session.unavailable")
	})
	t.Run("account-too-large", func(t *testing.T) {
		s := start(t, nil)
		tok := s.login(t, "alice")
		s.accounts.set("alice", &bulwark.Principal{Roles: []string{strings.Repeat("r", 4096)}})
		s.refresh(tok.refresh).refused(t, 500, "internal.error", "sys_unavailable/internal.error")
		s.accounts.set("alice", &bulwark.Principal{})
		s.refresh(tok.refresh).renewed(t, "rotation")
	})
}

func TestRefreshAgainstLogout(t *testing.T) {
	for range 50 {
		s := start(t, nil)
		tok := s.login(t, "alice")
		var wg sync.WaitGroup
		var renewed reply
		wg.Go(func() { renewed = s.refresh(tok.refresh) })
		wg.Go(func() {
			if a := s.do("POST", "/logout", "Cookie", refresh+"="+tok.refresh); a.StatusCode != http.StatusNoContent {
				t.Errorf("logout: %d %s", a.StatusCode, a.body)
			}
		})
		wg.Wait()
		for _, c := range renewed.Cookies() {
			if a := s.do("GET", "/me", "Cookie", access+"="+c.Value); c.Name == access && a.StatusCode != http.StatusNoContent {
				t.Fatalf("the session outlived the logout: %d", a.StatusCode)
			}
		}
		if live, _ := s.List(t.Context(), session.Filter{Subject: "alice"}); len(live) != 0 {
			t.Fatalf("left in the store: %v", live)
		}
	}
}

func TestMethods(t *testing.T) {
	s := start(t, nil)
	tok := s.login(t, "alice")
	for _, path := range []string{"/refresh", "/logout"} {
		for _, method := range []string{"GET", "PUT", "DELETE", "OPTIONS", "PATCH"} {
			a := s.do(method, path, "Cookie", refresh+"="+tok.refresh)
			a.refused(t, 405, "session.method_not_allowed", "input_validation_fail/session.method_not_allowed")
			if a.Header.Get("Allow") != "POST" {
				t.Errorf("Allow %q", a.Header.Get("Allow"))
			}
		}
	}
	s.refresh(tok.refresh).renewed(t, "rotation")
}

func TestRestartWithAnotherKey(t *testing.T) {
	tok := start(t, nil).login(t, "alice")
	s := start(t, nil) // its own signing key, and an empty store
	a := s.withCookie(tok.access)
	if a.StatusCode != http.StatusNoContent { // anonymous, so that the login page answers
		t.Errorf("status %d %s", a.StatusCode, a.body)
	}
	a.noCookies(t)
	a.reported(t, "authn_token_invalid/unknown_key")
	s.withBearer(tok.bearer).refused(t, 401, "auth.invalid_token", "authn_token_invalid/unknown_key")
	s.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	a = s.do("POST", "/login/alice", "Cookie", access+"="+tok.access+"; "+refresh+"="+tok.refresh)
	if a.StatusCode != 200 {
		t.Fatalf("the login with old cookies: %d %s", a.StatusCode, a.body)
	}
	a.reported(t, "authn_token_invalid/unknown_key session_created/login authn_token_created/login")
}

func TestRetiredSigningKeyIsAccepted(t *testing.T) {
	store, old := &flaky{Store: &session.MemoryStore{}}, newKey(t)
	sign := func(c jwt.SignerConfig) func(*session.Config) {
		c.Issuer = issuer
		return func(given *session.Config) {
			given.Store = store
			given.Signer = bulwark.Must(jwt.NewSigner(c))
		}
	}
	tok := start(t, sign(jwt.SignerConfig{Key: old})).login(t, "alice")
	s := start(t, sign(jwt.SignerConfig{Key: newKey(t), Retired: []crypto.PublicKey{old.Public()}}))
	s.alive(t, tok)
	s.alive(t, s.refresh(tok.refresh).renewed(t, "rotation"))
}

func TestRestartWithAnotherStoreKey(t *testing.T) {
	store, signer := &flaky{Store: &session.MemoryStore{}}, newSigner(t)
	first := start(t, func(c *session.Config) { c.Store, c.Signer = store, signer })
	tok := first.login(t, "alice")
	second := start(t, func(c *session.Config) {
		c.Store, c.Signer, c.StoreKeys = store, signer, [][]byte{storeKey(8)}
	})
	second.refresh(tok.refresh).refused(t, 401, "auth.invalid_token", "authn_token_invalid/session")
	second.dead(t, tok, "session")
	first.refresh(tok.refresh).renewed(t, "rotation") // without side effect
}

func TestTwoProcessesOneStore(t *testing.T) {
	store, signer := &flaky{Store: &session.MemoryStore{}}, newSigner(t)
	share := func(c *session.Config) { c.Store, c.Signer = store, signer }
	one, two := start(t, share), start(t, share)
	tok := one.login(t, "alice")
	next := one.refresh(tok.refresh).renewed(t, "rotation")
	if again := two.refresh(tok.refresh).renewed(t, "concurrent"); again.refresh != next.refresh {
		t.Error("the other process gave another successor")
	}
	two.alive(t, next)
	two.do("POST", "/logout", "Cookie", refresh+"="+next.refresh)
	one.dead(t, next, "revoked")
}
