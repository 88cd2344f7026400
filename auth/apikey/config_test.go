package apikey_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/bulwarktest"
	"github.com/bulwark-go/bulwark/internal/faulttest"
)

func TestConfigErrors(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*apikey.Config)
		want   []string
	}{
		"nothing":          {func(c *apikey.Config) { *c = apikey.Config{} }, []string{"apikey.Prefix", "apikey.Issuer", "apikey.Store", "apikey.Peppers"}},
		"nil-store":        {func(c *apikey.Config) { c.Store = (*apikey.MemoryStore)(nil) }, []string{"apikey.Store"}},
		"nil-recorder":     {func(c *apikey.Config) { c.Recorder = (*bulwarktest.Recorder)(nil) }, []string{"apikey.Recorder"}},
		"prefix-separator": {func(c *apikey.Config) { c.Prefix = "ac_me" }, []string{"apikey.Prefix"}},
		"prefix-digit":     {func(c *apikey.Config) { c.Prefix = "1cme" }, []string{"apikey.Prefix"}},
		"prefix-long":      {func(c *apikey.Config) { c.Prefix = strings.Repeat("a", 17) }, []string{"apikey.Prefix"}},
		"env":              {func(c *apikey.Config) { c.Env = "Live" }, []string{"apikey.Env"}},
		"issuer":           {func(c *apikey.Config) { c.Issuer = "a\nb" }, []string{"apikey.Issuer"}},
		"header-space":     {func(c *apikey.Config) { c.Header = "X Api" }, []string{"apikey.Header"}},
		"header-taken":     {func(c *apikey.Config) { c.Header = "authorization" }, []string{"apikey.Header"}},
		"lifetime":         {func(c *apikey.Config) { c.Lifetime = -1 }, []string{"apikey.Lifetime"}},
		"max-age":          {func(c *apikey.Config) { c.MaxAge = time.Second }, []string{"apikey.MaxAge"}},
		"overlap":          {func(c *apikey.Config) { c.MaxOverlap = -time.Second }, []string{"apikey.MaxOverlap"}},
		"used-every":       {func(c *apikey.Config) { c.UsedEvery = 1 }, []string{"apikey.UsedEvery"}},
		"tiers":            {func(c *apikey.Config) { c.Tiers = []string{"ok", ""} }, []string{"apikey.Tiers[1]"}},
		"short-pepper":     {func(c *apikey.Config) { c.Peppers[0].Key = make([]byte, 31) }, []string{"apikey.Peppers[0].Key"}},
		"version-zero":     {func(c *apikey.Config) { c.Peppers[0].Version = 0 }, []string{"apikey.Peppers[0].Version"}},
		"version-twice": {func(c *apikey.Config) { c.Peppers = append(c.Peppers, c.Peppers[0]) },
			[]string{"apikey.Peppers[1].Version"}},
		"ask-timeout":      {func(c *apikey.Config) { c.AskTimeout = time.Minute }, []string{"apikey.AskTimeout"}},
		"ask-no-time":      {func(c *apikey.Config) { c.AskTimeout = 1 }, []string{"apikey.AskTimeout"}},
		"max-asking":       {func(c *apikey.Config) { c.MaxAsking = -1 }, []string{"apikey.MaxAsking"}},
		"max-asking-most":  {func(c *apikey.Config) { c.MaxAsking = 4097 }, []string{"apikey.MaxAsking"}},
		"max-owners":       {func(c *apikey.Config) { c.MaxOwners = 1_000_001 }, []string{"apikey.MaxOwners"}},
		"max-owners-least": {func(c *apikey.Config) { c.MaxOwners = -1 }, []string{"apikey.MaxOwners"}},
		"no-legacy":        {func(c *apikey.Config) { c.LegacyPrefixes = []string{"sk_"} }, []string{"apikey.LegacyPrefixes"}},
		"legacy-prefixes": {func(c *apikey.Config) {
			c.Legacy = new(oldTable).legacy
			c.LegacyPrefixes = []string{"", "ok_", "acme_", "acme", "a", "acme_live_", "acmex", "eyJ", "e", "eyJhbGciOi", "e1", "x y", strings.Repeat("x", 33), strings.Repeat("x", 32), "sk\u00e9"}
		}, []string{"apikey.LegacyPrefixes[0]", "apikey.LegacyPrefixes[2]", "apikey.LegacyPrefixes[3]", "apikey.LegacyPrefixes[4]", "apikey.LegacyPrefixes[5]",
			"apikey.LegacyPrefixes[7]", "apikey.LegacyPrefixes[8]", "apikey.LegacyPrefixes[9]", "apikey.LegacyPrefixes[11]", "apikey.LegacyPrefixes[12]", "apikey.LegacyPrefixes[14]"}},
		"many-legacy-prefixes": {func(c *apikey.Config) {
			c.Legacy = new(oldTable).legacy
			c.LegacyPrefixes = slices.Repeat([]string{"sk_"}, 17)
		}, []string{"apikey.LegacyPrefixes"}},
		"many-peppers": {func(c *apikey.Config) {
			c.Peppers = []apikey.Pepper{pepper(1), pepper(2), pepper(3), pepper(4), pepper(5)}
		}, []string{"apikey.Peppers"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(&apikey.MemoryStore{})
			test.change(&c)
			keys, err := apikey.New(c)
			if keys != nil {
				t.Error("keys were made")
			}
			if got := faulttest.Fields(err); !slices.Equal(got, test.want) {
				t.Errorf("fields %q, want %q", got, test.want)
			}
		})
	}
}

func TestConfigErrorsShowNoPepper(t *testing.T) {
	c := config(nil)
	c.Peppers = []apikey.Pepper{{Version: 0, Key: []byte("hunter2")}}
	_, err := apikey.New(c)
	if text := fmt.Sprintf("%v %+v", err, c.Peppers); strings.Contains(text, "hunter2") || strings.Contains(text, "104 117") {
		t.Errorf("the error shows the pepper: %s", text)
	}
}

// A public key is known to everybody, and not a secret (RFC 8725 section 3.1).
func TestPublicKeyIsNotAPepper(t *testing.T) {
	c := config(nil)
	c.Peppers = append(c.Peppers, apikey.Pepper{Version: 9, Key: []byte("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n")})
	_, err := apikey.New(c)
	if got := faulttest.Fields(err); !slices.Contains(got, "apikey.Peppers[1].Key") || strings.Contains(err.Error(), "MCowBQ") {
		t.Errorf("%v", err)
	}
}

func TestConfigIsCopied(t *testing.T) {
	c := config(&apikey.MemoryStore{})
	c.Tiers = []string{"gold"}
	keys := newKeys(t, c)
	key := issue(t, keys, apikey.Grant{Tier: "gold"})
	clear(c.Peppers[0].Key)
	c.Peppers[0].Version = 9
	c.Tiers[0] = "tin"
	prefixes := []string{"sk_"}
	o := tableOf(apikey.Grant{Name: "x"})
	old := withLegacy(t, o, &apikey.MemoryStore{}, func(c *apikey.Config) { c.LegacyPrefixes = prefixes })
	prefixes[0] = "xx_"
	if a := send(t, old, "Authorization", "Bearer "+oldKey); a.Code != 204 {
		t.Errorf("a prefix was changed afterwards: %d", a.Code)
	}
	send(t, keys, "Authorization", "ApiKey "+key.Key).accepted(t, "key:"+key.ID)
	issue(t, keys, apikey.Grant{Tier: "gold"})
}
