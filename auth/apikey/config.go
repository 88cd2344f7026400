package apikey

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// A Config says how keys look, where they are kept and how long they last.
// Prefix, Issuer, Peppers and Store are required. The other fields have
// defaults.
type Config struct {
	// Prefix begins every key, such as "acme". Configure your secret scanner to
	// search for it. Required. At least 1 and at most 16 lower-case letters and
	// digits. The first is a letter.
	Prefix string
	// Env is the environment, such as "live" or "test". It follows the prefix
	// in each key and has the same alphabet. A key of another environment is
	// refused. Default: "live".
	Env string
	// Issuer is the Issuer of the callers, such as
	// "https://api.example.com/keys". A key with an Owner has the Issuer of its
	// owner. Required. At most 256 bytes. No other authenticator may have the
	// same Issuer.
	Issuer string
	// Peppers are the secret keys of the hashes in the store. Without the
	// peppers, a copy of the store is useless. The first pepper hashes new
	// secrets. The other peppers verify old secrets until their keys have been
	// rotated. A secret is refused if its pepper is missing here. Required. At
	// least 1, at most 4.
	Peppers []Pepper
	// Store keeps the keys: &MemoryStore{}, or a store that several processes
	// share. Required.
	Store Store
	// Header is a further header field in which a client may send the key, such
	// as "X-Api-Key". Its value is the key alone. Default: none.
	Header string
	// Lifetime is how long a key lasts if its Grant has no ExpiresAt. Default:
	// 365 days. At least 1 minute, at most 10 years.
	Lifetime time.Duration
	// MaxAge is the age at which the use of a secret is reported as
	// authn_key_stale, once a day. The key still works. Default: 90 days. At
	// least 1 minute, at most 10 years.
	MaxAge time.Duration
	// MaxOverlap bounds the overlap of [Keys.Rotate]. Default: 30 days. At
	// least 1 second, at most 10 years.
	MaxOverlap time.Duration
	// UsedEvery is the precision of [Record.LastUsed]. A use within this time
	// after the last recorded use is not recorded. Default: 1 minute. At least
	// 1 second, at most 10 years.
	UsedEvery time.Duration
	// Tiers are the tiers that a Grant may name. Each is 1 to 128 bytes.
	// Default: "default", "premium" and "enterprise".
	Tiers []string
	// Recorder receives the events of calls outside a request, such as
	// [Keys.Revoke] in a job. Default: [slog.Default].
	Recorder bulwark.Recorder
}

// A Pepper is a secret key for the hashes in the store. Keep it apart from the
// store. Printed, logged or encoded as JSON, a Pepper does not show the key.
// This is also true inside another value. Other encoders, such as gob, see the
// key.
type Pepper struct {
	// Version is the number of the pepper. The store keeps it with each hash.
	// Required. At least 1, at most 2147483647.
	Version int
	// Key is random. Required. At least 32 bytes, at most 1024 bytes.
	Key []byte
}

// Format writes the version, for every verb, and never the key.
func (p Pepper) Format(f fmt.State, _ rune) { io.WriteString(f, p.shown()) }

// LogValue is the text of Format.
func (p Pepper) LogValue() slog.Value { return slog.StringValue(p.shown()) }

// MarshalJSON encodes the text of Format, because handlers of slog encode
// nested values as JSON.
func (p Pepper) MarshalJSON() ([]byte, error) { return json.Marshal(p.shown()) }

func (p Pepper) shown() string { return "pepper " + strconv.Itoa(p.Version) }

const maxPeppers = 4

// New checks the Config and returns the Keys. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Keys, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	k := &Keys{
		store: c.Store, prefix: c.Prefix + "_", env: c.Env, family: c.Prefix + "_" + c.Env, issuer: c.Issuer,
		header: http.CanonicalHeaderKey(c.Header), lifetime: c.Lifetime, maxAge: c.MaxAge,
		maxOverlap: c.MaxOverlap, usedEvery: c.UsedEvery, tiers: slices.Clone(c.Tiers),
		recorder: c.Recorder, marking: make(chan struct{}, maxMarking),
	}
	k.causes = newCauses(c)
	for _, pepper := range c.Peppers {
		k.peppers = append(k.peppers, newHasher(pepper, k.family))
	}
	return k, nil
}

func (c Config) withDefaults() Config {
	if c.Env == "" {
		c.Env = "live"
	}
	if c.Tiers == nil {
		c.Tiers = []string{"default", "premium", "enterprise"}
	}
	for _, open := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Lifetime, 365 * day}, {&c.MaxAge, 90 * day}, {&c.MaxOverlap, 30 * day}, {&c.UsedEvery, time.Minute},
	} {
		if *open.field == 0 {
			*open.field = open.value
		}
	}
	return c
}

const day = 24 * time.Hour

func (c Config) check() error {
	faults := fault.In("apikey")
	if !isWord(c.Prefix) {
		faults.Add("Prefix", c.Prefix, "must be 1 to 16 lower-case letters and digits, a letter first, such as acme")
	}
	if !isWord(c.Env) {
		faults.Add("Env", c.Env, "must be 1 to 16 lower-case letters and digits, a letter first, such as live")
	}
	if c.Issuer == "" || !isLabel(c.Issuer, 256) {
		faults.Add("Issuer", "", "must be 1 to 256 bytes of printable ASCII, such as https://api.example.com/keys")
	}
	if fault.IsNil(c.Store) {
		faults.Add("Store", "", "is nil; use &apikey.MemoryStore{} or a store that your processes share")
	}
	if c.Header != "" && !isHeader(c.Header) {
		faults.Add("Header", c.Header, "must be the name of a header field without another meaning, such as X-Api-Key; a key in Authorization is read without this field")
	}
	for _, bound := range []struct {
		field       string
		value       time.Duration
		least, most time.Duration
	}{
		{"Lifetime", c.Lifetime, time.Minute, 3650 * day},
		{"MaxAge", c.MaxAge, time.Minute, 3650 * day},
		{"MaxOverlap", c.MaxOverlap, time.Second, 3650 * day},
		{"UsedEvery", c.UsedEvery, time.Second, 3650 * day},
	} {
		if bound.value < bound.least || bound.value > bound.most {
			faults.Add(bound.field, bound.value.String(), fmt.Sprintf("must be from %v to %v; 0 chooses the default", bound.least, bound.most))
		}
	}
	for i, tier := range c.Tiers {
		if tier == "" || !isLabel(tier, maxLabel) {
			faults.AddAt("Tiers", i, "", "must be 1 to 128 bytes of printable ASCII, such as premium")
		}
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		faults.Add("Recorder", "", "holds a nil pointer; leave it out for slog.Default")
	}
	c.checkPeppers(faults)
	return faults.Err()
}

func (c Config) checkPeppers(faults *fault.List) {
	if len(c.Peppers) == 0 || len(c.Peppers) > maxPeppers {
		faults.Add("Peppers", strconv.Itoa(len(c.Peppers)), "must be 1 to 4 peppers, such as {Version: 1, Key: 32 random bytes}; the first hashes new secrets")
	}
	for i, pepper := range c.Peppers {
		field := fmt.Sprintf("Peppers[%d].", i)
		if pepper.Version < 1 || pepper.Version > math.MaxInt32 || slices.ContainsFunc(c.Peppers[:i], func(p Pepper) bool { return p.Version == pepper.Version }) {
			faults.Add(field+"Version", strconv.Itoa(pepper.Version), "must be from 1 to 2147483647, and different for each pepper")
		}
		if len(pepper.Key) < 32 || len(pepper.Key) > 1024 {
			faults.Add(field+"Key", "", "must be 32 to 1024 random bytes, such as the output of openssl rand 32")
		}
	}
}

// isHeader reports whether name is a header field without another meaning here.
func isHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Host":
		return false
	}
	return token.Is(name)
}
