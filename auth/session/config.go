package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says how sessions are signed, kept and ended. Signer, Audience,
// Store, StoreKeys and Lookup are required. The other fields have defaults.
// Printed, logged or encoded as JSON, a Config does not show the StoreKeys.
// Other encoders see every field.
type Config struct {
	// Signer signs the access tokens. Its issuer is the Issuer of all callers.
	// No other authenticator may have the same Issuer. Tokens of its Retired
	// keys are accepted. Required.
	Signer *jwt.Signer
	// Audience is the aud of the access tokens. It names this service, such as
	// "https://api.example.com". Required.
	Audience string
	// Store keeps the sessions: &MemoryStore{}, or a store that several
	// processes share. Required.
	Store Store
	// StoreKeys are the secret keys of the refresh tokens: they sign the
	// tokens, derive their successors and compute their hashes. Keep them apart
	// from the store. Required. At least 1 key, at most 4. Each key is 32 to
	// 1024 random bytes.
	//
	// The first key makes new sessions. A session keeps the key that it was
	// made with, and ends when the key is no longer in this list. To change the
	// key without logging anybody out:
	//
	//  1. Add the new key after the old key, in all processes.
	//  2. Put the new key first, in all processes.
	//  3. After one Lifetime, remove the old key.
	StoreKeys [][]byte
	// Lookup returns the account of a subject as it is now. Each refresh calls
	// it. The new access token gets the Roles, Scopes and Tier of the account,
	// and nothing else. Required.
	//
	// If the account does not exist or is disabled, return nil and no error:
	// the session is revoked. If Lookup returns an error, the refresh is
	// answered with 503, and nothing changes.
	Lookup func(ctx context.Context, subject string) (*bulwark.Principal, error)
	// AccessLifetime is how long an access token lasts. Default: 15 minutes. At
	// least 1 minute, at most 1 hour.
	AccessLifetime time.Duration
	// Lifetime is how long a session lasts after the login. A refresh does not
	// prolong it. Default: 7 days. At least AccessLifetime, at most 90 days.
	Lifetime time.Duration
	// Grace is how long after its use a refresh token gets the same successor
	// again, unless the successor has been used. It does not matter whether the
	// access token of the successor has been used. Default: 20 seconds. At
	// least 1 second, at most 10 minutes.
	Grace time.Duration
	// LostAnswer is how long after its use a refresh token gets the same
	// successor again, because the answer may have been lost. It applies only
	// while nobody has used the successor or its access token. Default: 2
	// minutes, or Grace if Grace is longer. At least Grace, at most 10 minutes.
	LostAnswer time.Duration
	// MaxSessions is how many sessions a caller may have at a time. A further
	// login ends the session that was refreshed least recently. Default: 20. At
	// least 1, at most 1000.
	MaxSessions int
	// MaxRefreshes is how often a session may be refreshed. Default: the number
	// of seconds in Lifetime. At least two for each AccessLifetime in Lifetime,
	// because clients refresh before the access token ends. At most 2147483647.
	MaxRefreshes int
	// ClearSiteData lists what the browser deletes at a logout, in the words of
	// [Clear Site Data]: "storage", "cache", "cookies", "executionContexts",
	// "clientHints", "prefetchCache", "prerenderCache" or "*". Default:
	// "storage". An empty list that is not nil sends no Clear-Site-Data.
	//
	// The cookies of the session end at every logout, also without "cookies".
	// "cookies" logs people out of all sites of the registrable domain. "cache"
	// may block the browser for seconds.
	//
	// [Clear Site Data]: https://www.w3.org/TR/clear-site-data/#header
	ClearSiteData []string
	// SameSite is the attribute of both cookies (RFC 6265bis section 5.6.7):
	// http.SameSiteStrictMode or http.SameSiteLaxMode. With Lax, a user who
	// follows a link from another site is still logged in. Default:
	// http.SameSiteStrictMode.
	SameSite http.SameSite
	// TrustedOrigins are origins, besides the service's own, whose pages may
	// log in, refresh and log out. Write "https://app.example.com". See
	// [auth.CrossSite]. Default: only the service's own origin.
	TrustedOrigins []string
	// Recorder receives the events of calls outside a request, such as
	// [Sessions.Revoke] in a job. Default: [slog.Default].
	Recorder bulwark.Recorder
}

// Format writes the issuer, for every verb, and never the StoreKeys.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

func (c Config) shown() string { return "sessions of " + strconv.Quote(c.Signer.Issuer()) }

const (
	method     = "session"
	cookieKind = "cookie"      // of sessions whose refresh token is in a cookie
	cookieType = "session+jwt" // the typ of the access token in the cookie
	bodyType   = "at+jwt"      // the typ of the access token in a body (RFC 9068 section 2.1)
	tierClaim  = "tier"
)

// New checks the Config and returns the Sessions. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Sessions, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	guard, err := auth.NewCrossSite(c.TrustedOrigins)
	if err != nil {
		return nil, err
	}
	s := &Sessions{
		signer: c.Signer, issuer: c.Signer.Issuer(), audience: c.Audience, store: c.Store,
		lookup: c.Lookup, accessLifetime: c.AccessLifetime, lifetime: c.Lifetime, grace: c.Grace, lostAnswer: c.LostAnswer,
		maxSessions: c.MaxSessions, maxRefreshes: c.MaxRefreshes, clear: clearing(c.ClearSiteData), sameSite: c.SameSite, guard: guard,
		recorder: c.Recorder, causes: newCauses(c),
	}
	for _, key := range c.StoreKeys {
		s.keys = append(s.keys, newStoreKey(bytes.Clone(key)))
	}
	verifier := func(typ string) (*jwt.Verifier, error) {
		return jwt.New(jwt.Config{
			Issuer: s.issuer, Audience: []string{c.Audience}, Keys: c.Signer.Keys(), Types: []string{typ},
			TierClaim: tierClaim, Method: method, MaxLifetime: c.AccessLifetime,
		})
	}
	if s.cookie, err = verifier(cookieType); err != nil {
		return nil, err
	}
	if s.bearer, err = verifier(bodyType); err != nil {
		return nil, err
	}
	return s, nil
}

func (c Config) withDefaults() Config {
	if c.AccessLifetime == 0 {
		c.AccessLifetime = 15 * time.Minute
	}
	if c.Lifetime == 0 {
		c.Lifetime = 7 * day
	}
	if c.Grace == 0 {
		c.Grace = 20 * time.Second
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 20
	}
	if c.LostAnswer == 0 {
		c.LostAnswer = max(2*time.Minute, min(c.Grace, maxLostAnswer))
	}
	if c.MaxRefreshes == 0 {
		c.MaxRefreshes = int(c.Lifetime / time.Second)
	}
	if c.ClearSiteData == nil {
		c.ClearSiteData = []string{"storage"}
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteStrictMode
	}
	return c
}

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
	duration("AccessLifetime", c.AccessLifetime, time.Minute, time.Hour)
	duration("Lifetime", c.Lifetime, max(c.AccessLifetime, time.Minute), 90*day)
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
		case slices.ContainsFunc(c.StoreKeys[:i], func(other []byte) bool { return bytes.Equal(key, other) }):
			faults.AddAt("StoreKeys", i, "", "is the same key as an earlier one; leave one of them out")
		}
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
