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
// Store, StoreKeys and Lookup are required. A Config prints, logs and encodes
// as JSON without the StoreKeys. Other encoders see every field.
type Config struct {
	// Signer signs the access tokens. Its issuer is the Issuer of all callers,
	// and no other authenticator has that Issuer. Its Retired keys are
	// accepted.
	Signer *jwt.Signer
	// Audience is the aud of the access tokens: this service.
	Audience string
	// Store keeps the sessions: &MemoryStore{}, or a store that several
	// processes share.
	Store Store
	// StoreKeys sign refresh tokens, derive their successors and key their
	// hashes. The first key makes new sessions. A session keeps the key that
	// it was made with, and ends when that key is not here any more. To change
	// the key, add the new key behind the old one in all processes. Then put
	// the new key first. Take the old key away after a Lifetime. 1 to 4 keys,
	// each of 32 to 1024 random bytes. Keep them where the store is not.
	StoreKeys [][]byte
	// Lookup returns the account as it is now, for a refresh. Its Roles, Scopes
	// and Tier are taken and nothing else. A nil Principal without an error is
	// an account that is gone or disabled: the session is revoked. An error is
	// answered with 503 and changes nothing.
	Lookup func(ctx context.Context, subject string) (*bulwark.Principal, error)
	// AccessLifetime is how long an access token lasts. Default: 15 minutes.
	// From 1 minute to 1 hour.
	AccessLifetime time.Duration
	// Lifetime is how long a session lasts after the login, however often it is
	// refreshed. Default: 7 days. From AccessLifetime to 90 days.
	Lifetime time.Duration
	// Grace is how long a refresh token that has been used gets the same
	// successor again, whatever has become of that. Default: 20 seconds. From 1
	// second to 10 minutes.
	Grace time.Duration
	// LostAnswer is how long a refresh token that has been used gets the same
	// successor again as long as nobody has shown the successor or the access
	// token beside it: the answer may have been lost. Default: 2 minutes, or
	// Grace where that is longer. From Grace to 10 minutes.
	LostAnswer time.Duration
	// MaxSessions is how many sessions a caller may have at a time. A further
	// login ends the session that was refreshed least recently. Default: 20.
	// From 1 to 1000.
	MaxSessions int
	// MaxRefreshes is how often a session may be refreshed. Default: one
	// refresh for each second of Lifetime. At least two for each AccessLifetime
	// in Lifetime, because clients refresh before the access token ends. At
	// most 2147483647.
	MaxRefreshes int
	// ClearSiteData is what the browser is told to forget at a logout, in
	// [Clear Site Data] words: "storage", "cache", "cookies",
	// "executionContexts", "clientHints", "prefetchCache", "prerenderCache" or
	// "*". The cookies of the session end in any case. "cookies" logs people
	// out of all sites of the registrable domain, and "cache" may block the
	// browser for seconds. Default: "storage". An empty list that is not nil
	// sends no Clear-Site-Data.
	//
	// [Clear Site Data]: https://www.w3.org/TR/clear-site-data/#header
	ClearSiteData []string
	// SameSite is the attribute of both cookies: http.SameSiteStrictMode, or
	// http.SameSiteLaxMode, with which a link from another site finds the user
	// logged in (RFC 6265bis section 5.6.7). Default: http.SameSiteStrictMode.
	SameSite http.SameSite
	// TrustedOrigins are the origins whose pages may log in, refresh and log
	// out, besides the service's own. See [auth.CrossSite]. Default: none.
	TrustedOrigins []string
	// Recorder is where events of calls outside a request go, such as those of
	// [Sessions.Revoke] in a job. Default: [slog.Default].
	Recorder bulwark.Recorder
}

// Format names the issuer for every verb, and keeps the StoreKeys out of logs.
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
	bodyType   = "at+jwt"      // and of the one in a body (RFC 9068 section 2.1)
	tierClaim  = "tier"
)

// New checks the Config and returns the sessions. All mistakes are reported at
// once.
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
		recorder: c.Recorder,
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
		faults.Add("Audience", "", "is empty; name this service, such as https://api.example.com")
	}
	if fault.IsNil(c.Store) {
		faults.Add("Store", "", "is nil; use &session.MemoryStore{} or a store that your processes share")
	}
	c.checkStoreKeys(faults)
	if c.Lookup == nil {
		faults.Add("Lookup", "", "is nil; without it a disabled account would stay logged in")
	}
	duration := func(field string, value, least, most time.Duration) {
		if value < least || value > most {
			faults.Add(field, value.String(), fmt.Sprintf("must be from %v to %v", least, most))
		}
	}
	duration("AccessLifetime", c.AccessLifetime, time.Minute, time.Hour)
	duration("Lifetime", c.Lifetime, max(c.AccessLifetime, time.Minute), 90*day)
	duration("Grace", c.Grace, time.Second, maxLostAnswer)
	duration("LostAnswer", c.LostAnswer, min(max(c.Grace, time.Second), maxLostAnswer), maxLostAnswer)
	number := func(field string, value, least, most int) {
		if value < least || value > most {
			faults.Add(field, strconv.Itoa(value), fmt.Sprintf("must be from %d to %d", least, most))
		}
	}
	number("MaxSessions", c.MaxSessions, 1, 1000)
	number("MaxRefreshes", c.MaxRefreshes, c.leastRefreshes(), math.MaxInt32)
	c.checkClearSiteData(faults)
	if c.SameSite != http.SameSiteStrictMode && c.SameSite != http.SameSiteLaxMode {
		faults.Add("SameSite", strconv.Itoa(int(c.SameSite)), "must be http.SameSiteStrictMode or http.SameSiteLaxMode")
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		faults.Add("Recorder", "", "holds a nil; leave it out for slog.Default")
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

// leastRefreshes is how often a client refreshes that keeps the session until
// its end, and refreshes when half of the access token's time is over. With
// fewer the session would end before its Lifetime.
func (c Config) leastRefreshes() int {
	access := max(c.AccessLifetime, time.Minute) // where it is wrong, that is said elsewhere
	return max(1, int(2*((c.Lifetime+access-1)/access)))
}

const maxStoreKeys = 4

func (c Config) checkStoreKeys(faults *fault.List) {
	if len(c.StoreKeys) == 0 || len(c.StoreKeys) > maxStoreKeys {
		faults.Add("StoreKeys", strconv.Itoa(len(c.StoreKeys)), "must be 1 to 4 keys; the first is for new sessions")
	}
	for i, key := range c.StoreKeys {
		switch {
		case len(key) < 32 || len(key) > 1024:
			faults.AddAt("StoreKeys", i, "", "must be 32 to 1024 bytes from a random source")
		case slices.ContainsFunc(c.StoreKeys[:i], func(other []byte) bool { return bytes.Equal(key, other) }):
			faults.AddAt("StoreKeys", i, "", "is there twice")
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
			faults.AddAt("ClearSiteData", i, what, "is there twice")
		case what == "*" && len(c.ClearSiteData) > 1:
			faults.AddAt("ClearSiteData", i, what, "stands for everything; leave the others out")
		}
	}
}

// clearing is the header field value: a list of quoted strings.
func clearing(what []string) string {
	var quoted []string
	for _, word := range what {
		quoted = append(quoted, strconv.Quote(word))
	}
	return strings.Join(quoted, ", ")
}
