package session

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

const day = 24 * time.Hour

func (c Config) check() error {
	faults := fault.In("session")
	if c.Signer == nil {
		faults.Add("Signer", "", "is nil; use jwt.NewSigner")
	} else if c.Signer.Issuer() == "" {
		faults.Join(fault.Unmade("session.Signer", "jwt.NewSigner"))
	}
	if c.Audience == "" {
		faults.Add("Audience", "", "is empty; write the name of this service, such as https://api.example.com")
	}
	if fault.IsNil(c.Store) {
		faults.Add("Store", "", "is nil; use &session.MemoryStore{} or a store that your processes share")
	}
	c.checkStoreKeys(faults)
	if c.Lookup == nil {
		faults.Add("Lookup", "", "is nil; write a function that finds the account, and returns nil for a disabled one")
	}
	duration := func(field string, value, least, most time.Duration) {
		if value < least || value > most {
			faults.Add(field, value.String(), fmt.Sprintf("must be from %v to %v; 0 chooses the default", least, most))
		}
	}
	duration("AskTimeout", c.AskTimeout, 10*time.Millisecond, 30*time.Second)
	duration("AccessLifetime", c.AccessLifetime, time.Minute, time.Hour)
	duration("Lifetime", c.Lifetime, max(c.AccessLifetime, time.Minute), 90*day)
	if c.Idle != 0 && (c.Idle < time.Minute || c.Idle > c.Lifetime) {
		faults.Add("Idle", c.Idle.String(), fmt.Sprintf("must be from 1m0s to Lifetime (%v); 0 sets no limit", c.Lifetime))
	}
	duration("BodyTimeout", c.BodyTimeout, time.Second, 5*time.Minute)
	duration("Grace", c.Grace, time.Second, maxLostAnswer)
	duration("LostAnswer", c.LostAnswer, min(max(c.Grace, time.Second), maxLostAnswer), maxLostAnswer)
	number := func(field string, value, least, most int) {
		if value < least || value > most {
			faults.Add(field, strconv.Itoa(value), fmt.Sprintf("must be from %d to %d; 0 chooses the default", least, most))
		}
	}
	number("MaxSessions", c.MaxSessions, 1, 1000)
	number("MaxRefreshes", c.MaxRefreshes, c.leastRefreshes(), math.MaxInt32)
	c.checkClearSiteData(faults)
	c.checkCookies(faults)
	if c.SameSite != http.SameSiteStrictMode && c.SameSite != http.SameSiteLaxMode {
		faults.Add("SameSite", strconv.Itoa(int(c.SameSite)), "must be http.SameSiteStrictMode or http.SameSiteLaxMode; 0 chooses Strict")
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		faults.Add("Recorder", "", "holds a nil pointer; leave it out for slog.Default")
	}
	for i, origin := range c.TrustedOrigins {
		var wrong *bulwark.ConfigError
		if _, err := auth.NewCrossSite([]string{origin}); errors.As(err, &wrong) {
			faults.AddAt("TrustedOrigins", i, wrong.Value, wrong.Reason)
		}
	}
	return faults.Err()
}

// maxLostAnswer bounds how long a used token may be good for anything.
const maxLostAnswer = 10 * time.Minute

// leastRefreshes is the number of refreshes of a client that keeps the session
// until its end, and refreshes after half of the access token's time. With
// fewer refreshes, the session would end before its Lifetime.
func (c Config) leastRefreshes() int {
	access := max(c.AccessLifetime, time.Minute) // a wrong value has its own error
	return max(1, int(2*((c.Lifetime+access-1)/access)))
}

const maxStoreKeys = 4

func (c Config) checkStoreKeys(faults *fault.List) {
	if len(c.StoreKeys) == 0 || len(c.StoreKeys) > maxStoreKeys {
		faults.Add("StoreKeys", strconv.Itoa(len(c.StoreKeys)), "must be 1 to 4 keys of 32 random bytes; the first key makes new sessions")
	}
	for i, key := range c.StoreKeys {
		switch {
		case len(key) < 32 || len(key) > 1024:
			faults.AddAt("StoreKeys", i, "", "must be 32 to 1024 random bytes, such as the output of openssl rand 32")
		case keyform.Of(key) != "":
			faults.AddAt("StoreKeys", i, "", "is "+keyform.Of(key)+" and not a secret; write 32 random bytes, such as the output of openssl rand 32")
		case slices.ContainsFunc(c.StoreKeys[:i], func(other []byte) bool { return bytes.Equal(key, other) }):
			faults.AddAt("StoreKeys", i, "", "is the same key as an earlier one; leave one of them out")
		}
	}
}

func (c Config) checkCookies(faults *fault.List) {
	if reason := cookieNameFault(c.AccessCookie); reason != "" {
		faults.Add("AccessCookie", c.AccessCookie, reason)
	}
	if reason := cookieNameFault(c.RefreshCookie); reason != "" {
		faults.Add("RefreshCookie", c.RefreshCookie, reason)
	}
	if c.AccessCookie == c.RefreshCookie {
		faults.Add("RefreshCookie", c.RefreshCookie, "must be another name than AccessCookie")
	}
}

func (c Config) checkClearSiteData(faults *fault.List) {
	known := []string{"*", "cache", "clientHints", "cookies", "executionContexts", "prefetchCache", "prerenderCache", "storage"}
	for i, what := range c.ClearSiteData {
		switch {
		case !slices.Contains(known, what):
			faults.AddAt("ClearSiteData", i, what, "must be one of "+strings.Join(known, ", "))
		case slices.Contains(c.ClearSiteData[:i], what):
			faults.AddAt("ClearSiteData", i, what, "is in the list twice; leave one out")
		case what == "*" && len(c.ClearSiteData) > 1:
			faults.AddAt("ClearSiteData", i, what, "stands for everything; leave the other words out")
		}
	}
}

// clearing is the value of Clear-Site-Data: a list of quoted strings.
func clearing(what []string) string {
	var quoted []string
	for _, word := range what {
		quoted = append(quoted, strconv.Quote(word))
	}
	return strings.Join(quoted, ", ")
}
