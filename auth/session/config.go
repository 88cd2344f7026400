package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
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
	// the session is revoked. If Lookup returns an error, or a Principal with
	// another Subject, the refresh is answered with 503, and nothing changes.
	// The Subject may be empty. Lookup must return when its context ends. A
	// panic counts as an error. Lookup is called from many goroutines at once.
	Lookup func(ctx context.Context, subject string) (*bulwark.Principal, error)
	// AskTimeout bounds each call of Lookup. Default: 5 seconds. At least 10
	// milliseconds, at most 30 seconds.
	AskTimeout time.Duration
	// AccessLifetime is how long an access token lasts. Default: 15 minutes. At
	// least 1 minute, at most 1 hour.
	AccessLifetime time.Duration
	// Lifetime is how long a session lasts after the login. A refresh does not
	// prolong it. Default: 7 days. At least AccessLifetime, at most 90 days.
	Lifetime time.Duration
	// Idle is how long a session lasts without a request that its access token
	// has authenticated. Then the session ends with the reason "idle", also if
	// its client goes on to refresh it. A refresh is not a use of the session,
	// and neither is an open stream. Lifetime bounds the session also. Default:
	// no limit. At least 1 minute, at most Lifetime.
	//
	// The use of a session is written to the Store at most once a minute, or
	// once in an eighth of Idle if that is shorter. So a session may end early,
	// by up to this time. It never ends late.
	Idle time.Duration
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
	// AccessCookie is the name of the cookie of the access token. Applications
	// on one host need different names, because they share their cookies. The
	// name must begin with "__Host-": then browsers accept the cookie only from
	// this host over https (RFC 6265bis section 4.1.3.2). Default:
	// "__Host-access". At most 64 bytes.
	AccessCookie string
	// RefreshCookie is the name of the cookie of the refresh token, as for
	// AccessCookie. Default: "__Host-refresh". At most 64 bytes.
	RefreshCookie string
	// SameSite is the attribute of both cookies (RFC 6265bis section 5.6.7):
	// http.SameSiteStrictMode or http.SameSiteLaxMode. With Lax, a user who
	// follows a link from another site is still logged in. Default:
	// http.SameSiteStrictMode.
	SameSite http.SameSite
	// TrustedOrigins are origins, besides the service's own, whose pages may
	// log in, refresh and log out. Write "https://app.example.com". See
	// [auth.CrossSite]. Default: only the service's own origin.
	TrustedOrigins []string
	// BodyTimeout is how long the body of a refresh, a logout or a logout token
	// may take. A later body is 408 "body.timeout". Default: 30 seconds. At
	// least 1 second, at most 5 minutes.
	BodyTimeout time.Duration
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
	authMethod = "session"
	cookieKind = "cookie"      // of sessions whose refresh token is in a cookie
	bodyKind   = "body"        // of sessions whose refresh token is in a body
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
		registry: registry{issuer: c.Signer.Issuer(), accessCookie: c.AccessCookie, store: c.Store, idle: c.Idle, causes: newCauses(c)},
		signer:   c.Signer, audience: c.Audience, lookup: c.Lookup, askTimeout: c.AskTimeout, accessLifetime: c.AccessLifetime, lifetime: c.Lifetime,
		sample: sample(c.Idle), grace: c.Grace, lostAnswer: c.LostAnswer, maxSessions: c.MaxSessions, maxRefreshes: c.MaxRefreshes,
		refreshCookie: c.RefreshCookie, bodyTimeout: c.BodyTimeout, clear: clearing(c.ClearSiteData), sameSite: c.SameSite,
		guard: guard, recorder: c.Recorder,
	}
	for _, key := range c.StoreKeys {
		s.keys = append(s.keys, newStoreKey(bytes.Clone(key)))
	}
	verifier := func(typ string) (*jwt.Verifier, error) {
		return jwt.New(jwt.Config{
			Issuer: s.issuer, Audience: []string{c.Audience}, Keys: c.Signer.Keys(), Types: []string{typ},
			TierClaim: tierClaim, Method: authMethod, MaxLifetime: c.AccessLifetime,
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
	if c.AskTimeout == 0 {
		c.AskTimeout = 5 * time.Second
	}
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
	if c.AccessCookie == "" {
		c.AccessCookie = defaultAccessCookie
	}
	if c.RefreshCookie == "" {
		c.RefreshCookie = defaultRefreshCookie
	}
	if c.BodyTimeout == 0 {
		c.BodyTimeout = 30 * time.Second
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteStrictMode
	}
	return c
}
