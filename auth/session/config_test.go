package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*session.Config)
		want   []string
	}{
		"nothing":      {func(c *session.Config) { *c = session.Config{} }, []string{"session.Signer", "session.Audience", "session.Store", "session.StoreKeys", "session.Lookup"}},
		"nil-store":    {func(c *session.Config) { c.Store = (*session.MemoryStore)(nil) }, []string{"session.Store"}},
		"nil-recorder": {func(c *session.Config) { c.Recorder = (*bulwarktest.Recorder)(nil) }, []string{"session.Recorder"}},
		"short-key":    {func(c *session.Config) { c.StoreKeys[0] = make([]byte, 31) }, []string{"session.StoreKeys[0]"}},
		"public-key": {func(c *session.Config) {
			c.StoreKeys[0] = []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")
		}, []string{"session.StoreKeys[0]"}},
		"access-short":  {func(c *session.Config) { c.AccessLifetime = time.Second }, []string{"session.AccessLifetime"}},
		"access-long":   {func(c *session.Config) { c.AccessLifetime = 2 * time.Hour }, []string{"session.AccessLifetime"}},
		"refresh-short": {func(c *session.Config) { c.Lifetime = time.Minute }, []string{"session.Lifetime"}},
		"refresh-long":  {func(c *session.Config) { c.Lifetime = 91 * 24 * time.Hour }, []string{"session.Lifetime"}},
		"grace-none":    {func(c *session.Config) { c.Grace = -1 }, []string{"session.Grace"}},
		"grace-long":    {func(c *session.Config) { c.Grace = 11 * time.Minute }, []string{"session.Grace"}},
		"lost-short":    {func(c *session.Config) { c.LostAnswer = time.Second }, []string{"session.LostAnswer"}},
		"lost-long":     {func(c *session.Config) { c.LostAnswer = 11 * time.Minute }, []string{"session.LostAnswer"}},
		"lost-grace":    {func(c *session.Config) { c.Grace, c.LostAnswer = 3*time.Minute, 2*time.Minute }, []string{"session.LostAnswer"}},
		"idle-short":    {func(c *session.Config) { c.Idle = time.Minute - 1 }, []string{"session.Idle"}},
		"idle-long":     {func(c *session.Config) { c.Idle, c.Lifetime = 2*time.Hour, time.Hour }, []string{"session.Idle"}},
		"idle-negative": {func(c *session.Config) { c.Idle = -time.Hour }, []string{"session.Idle"}},
		"body-short":    {func(c *session.Config) { c.BodyTimeout = time.Millisecond }, []string{"session.BodyTimeout"}},
		"body-long":     {func(c *session.Config) { c.BodyTimeout = time.Hour }, []string{"session.BodyTimeout"}},
		"no-keys":       {func(c *session.Config) { c.StoreKeys = [][]byte{} }, []string{"session.StoreKeys"}},
		"many-keys": {func(c *session.Config) {
			for i := range byte(4) {
				c.StoreKeys = append(c.StoreKeys, storeKey(i))
			}
		}, []string{"session.StoreKeys"}},
		"key-twice":      {func(c *session.Config) { c.StoreKeys = append(c.StoreKeys, storeKey(8), storeKey(7)) }, []string{"session.StoreKeys[2]"}},
		"clear-unknown":  {func(c *session.Config) { c.ClearSiteData = []string{"storage", "\"cache\""} }, []string{"session.ClearSiteData[1]"}},
		"clear-twice":    {func(c *session.Config) { c.ClearSiteData = []string{"storage", "storage"} }, []string{"session.ClearSiteData[1]"}},
		"clear-all-more": {func(c *session.Config) { c.ClearSiteData = []string{"cache", "*"} }, []string{"session.ClearSiteData[1]"}},
		"sessions":       {func(c *session.Config) { c.MaxSessions = -1 }, []string{"session.MaxSessions"}},
		"refreshes":      {func(c *session.Config) { c.MaxRefreshes = -1 }, []string{"session.MaxRefreshes"}},
		"samesite-none":  {func(c *session.Config) { c.SameSite = http.SameSiteNoneMode }, []string{"session.SameSite"}},
		"samesite-unset": {func(c *session.Config) { c.SameSite = http.SameSiteDefaultMode }, []string{"session.SameSite"}},
		"origins":        {func(c *session.Config) { c.TrustedOrigins = []string{"https://ok.example", "*"} }, []string{"session.TrustedOrigins[1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			test.change(&c)
			s, err := session.New(c)
			if s != nil {
				t.Error("sessions were made")
			}
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) {
				t.Errorf("fields %q, want %q", got, test.want)
			}
		})
	}
	c := config(t)
	c.StoreKeys = [][]byte{[]byte("hunter2")}
	if _, err := session.New(c); strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Error("the error shows the key")
	}
}

func TestConfigIsCopied(t *testing.T) {
	var c session.Config
	s := start(t, func(given *session.Config) { c = *given })
	tok := s.login(t, "alice")
	clear(c.StoreKeys[0])
	s.refresh(tok.refresh).renewed(t, "rotation")
}

func TestZeroSessionsRefuse(t *testing.T) {
	for name, s := range map[string]*session.Sessions{"nil": nil, "zero": {}} {
		t.Run(name, func(t *testing.T) {
			var rec bulwarktest.Recorder
			for _, h := range []http.Handler{s.RefreshHandler(), s.LogoutHandler()} {
				w := httptest.NewRecorder()
				rec.Wrap(h).ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
				if w.Code != 500 || !strings.Contains(w.Body.String(), `"session.unconfigured"`) || len(w.Result().Cookies()) > 0 {
					t.Errorf("status %d %s", w.Code, w.Body)
				}
				if events := rec.Take(); len(events) != 1 || events[0].Reason != "session.unconfigured" {
					t.Errorf("events %v", events)
				}
			}
			r := httptest.NewRequest("POST", "/", nil)
			r.Header.Set("Cookie", access+"=x")
			w := httptest.NewRecorder()
			_, authErr := s.Authenticate(r)
			_, issueErr := s.Issue(w, r, &bulwark.Principal{Subject: "alice"})
			_, tokensErr := s.IssueTokens(r, &bulwark.Principal{Subject: "alice"})
			factorErr := s.AddFactor(w, r, "otp")
			_, channelErr := s.BackChannelHandler(session.BackChannel{})
			_, listErr := s.List(t.Context(), session.Filter{Subject: "alice"})
			for _, err := range []error{authErr, issueErr, tokensErr, factorErr, channelErr, listErr, s.Revoke(t.Context(), "alice", "x"), s.RevokeAll(t.Context(), "alice")} {
				var wrong *bulwark.ConfigError
				if !errors.As(err, &wrong) || wrong.Field != "session" {
					t.Errorf("error %v", err)
				}
			}
			if s.Detect(r) != auth.None || s.Issuer() != "" || len(w.Header()) > 0 {
				t.Error("it claims something")
			}
		})
	}
}

func TestTwoSessionsOfOneIssuerAreRefusedByAuth(t *testing.T) {
	one, two := start(t, nil), start(t, nil)
	if _, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{one.Sessions, two.Sessions}}); err == nil {
		t.Error("two authenticators of one issuer were accepted")
	}
}

func TestJWKSVerifiesTheTokens(t *testing.T) {
	s := start(t, nil)
	a := s.do("GET", "/jwks.json")
	kid := segment(t, s.login(t, "alice").access, 0)["kid"].(string)
	if a.StatusCode != 200 || !strings.Contains(a.body, `"`+kid+`"`) || strings.Contains(a.body, `"d":`) {
		t.Errorf("status %d, kid %q: %s", a.StatusCode, kid, a.body)
	}
}

// A session lasts for its Lifetime, however the two lifetimes are set.
func TestCaseSess2NoLimitEndsASessionBeforeItsLifetime(t *testing.T) {
	for _, test := range []struct {
		access, lifetime time.Duration
	}{
		{0, 90 * 24 * time.Hour}, {0, 30 * 24 * time.Hour}, {time.Minute, 30 * time.Hour}, {time.Hour, time.Hour},
	} {
		t.Run(fmt.Sprint(test.access, "-", test.lifetime), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := start(t, func(c *session.Config) { c.AccessLifetime, c.Lifetime = test.access, test.lifetime })
				tok := s.login(t, "alice")
				access := test.access
				if access == 0 {
					access = 15 * time.Minute
				}
				every := access - access/15
				for left := test.lifetime - every; left > time.Second; left -= every {
					time.Sleep(every)
					tok = s.refresh(tok.refresh).renewed(t, "rotation")
				}
			})
		})
	}
}

func TestCaseSess2FewerRefreshesThanTheLifetimeNeedsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		access, lifetime time.Duration
		refreshes        int
		fits             bool
	}{
		"as-before":       {15 * time.Minute, 90 * 24 * time.Hour, 2048, false},
		"one-too-few":     {time.Hour, 24 * time.Hour, 47, false},
		"just-enough":     {time.Hour, 24 * time.Hour, 48, true},
		"the-last-counts": {time.Hour, 90 * time.Minute, 3, false},
		"a-short-session": {time.Hour, 90 * time.Minute, 4, true},
		"defaults":        {0, 0, 1343, false},
		"defaults-fit":    {0, 0, 1344, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t)
			c.AccessLifetime, c.Lifetime, c.MaxRefreshes = test.access, test.lifetime, test.refreshes
			_, err := session.New(c)
			want := []string{"session.MaxRefreshes"}
			if test.fits {
				want = nil
			}
			if got := faulttest.Fields(err); !slices.Equal(got, want) {
				t.Errorf("fields %q, want %q", got, want)
			}
		})
	}
}

// Two Sessions in one layer would overwrite each other's cookies, so that the
// second could never be asked about them.
func TestCaseKeys1TwoSessionsOfOneCookieAreRefused(t *testing.T) {
	one := start(t, nil)
	two := start(t, func(c *session.Config) {
		c.Signer = bulwark.Must(jwt.NewSigner(jwt.SignerConfig{Key: newKey(t), Issuer: "https://other.example"}))
	})
	_, err := auth.New(auth.Config{Authenticators: []auth.Authenticator{one.Sessions, two.Sessions}})
	if got := faulttest.Fields(err); !slices.Equal(got, []string{"auth.Authenticators[1]"}) {
		t.Errorf("error %v", err)
	}
}
