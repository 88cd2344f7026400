package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/jwt"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says how sessions are signed, kept and ended. Signer, Audience,
// Store, StoreKey and Lookup are required. A Config prints, logs and encodes as
// JSON without the StoreKey. Other encoders see every field.
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
	// StoreKey derives the successors of refresh tokens and keys their hashes.
	// 32 to 1024 random bytes. Keep it where the store is not. All processes
	// have the same StoreKey. When it changes, all sessions end.
	StoreKey []byte
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
	// Grace is how long a refresh token that has just been used gets the same
	// successor again, for tabs that refresh at once and answers that are lost.
	// Default: 20 seconds. From 10 to 30 seconds.
	Grace time.Duration
	// MaxSessions is how many sessions a caller may have at a time. A further
	// login ends the session that was refreshed least recently. Default: 20.
	// From 1 to 1000.
	MaxSessions int
	// MaxRefreshes is how often a session may be refreshed. To recognize a used
	// token costs up to that many HMACs. Default: 2048. From 1 to 16384.
	MaxRefreshes int
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

// Format names the issuer for every verb, and keeps the StoreKey out of logs.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

func (c Config) shown() string { return "sessions of " + strconv.Quote(c.Signer.Issuer()) }

const (
	method     = "session"
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
		signer: c.Signer, issuer: c.Signer.Issuer(), audience: c.Audience, store: c.Store, secrets: secrets{bytes.Clone(c.StoreKey)},
		lookup: c.Lookup, accessLifetime: c.AccessLifetime, lifetime: c.Lifetime, grace: c.Grace,
		maxSessions: c.MaxSessions, maxRefreshes: c.MaxRefreshes, sameSite: c.SameSite, guard: guard,
		recorder: c.Recorder,
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
	if c.MaxRefreshes == 0 {
		c.MaxRefreshes = 2048
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
	if len(c.StoreKey) < 32 || len(c.StoreKey) > 1024 {
		faults.Add("StoreKey", "", "must be 32 to 1024 bytes from a random source")
	}
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
	duration("Grace", c.Grace, 10*time.Second, 30*time.Second)
	number := func(field string, value, most int) {
		if value < 1 || value > most {
			faults.Add(field, strconv.Itoa(value), fmt.Sprintf("must be from 1 to %d", most))
		}
	}
	number("MaxSessions", c.MaxSessions, 1000)
	number("MaxRefreshes", c.MaxRefreshes, 16384)
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
