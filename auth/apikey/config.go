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
// Prefix, Issuer, Peppers and Store are required.
type Config struct {
	// Prefix begins every key, such as "acme". 1 to 16 lower-case letters and
	// digits, a letter first. Tell it to your secret scanner.
	Prefix string
	// Env follows the prefix, such as "live" or "test", in the same alphabet.
	// Keys of another environment are refused. Default: "live".
	Env string
	// Issuer is the Issuer of keys that act as their own caller, such as
	// "https://api.example.com/keys". At most 256 bytes. No other authenticator
	// has the same Issuer.
	Issuer string
	// Peppers key the hashes in the store, so that a copy of the store alone is
	// worth nothing. The first pepper hashes new secrets. The others verify old
	// secrets until their keys have been rotated. A secret whose pepper is
	// missing here is refused. At most 4.
	Peppers []Pepper
	// Store keeps the keys: &MemoryStore{}, or a store that several processes
	// share.
	Store Store
	// Header is a further header field that carries a bare key, such as
	// "X-Api-Key". Default: none.
	Header string
	// Lifetime is how long a key lasts whose Grant names no end. Default: 365
	// days. From 1 minute to 10 years.
	Lifetime time.Duration
	// MaxAge is the age at which a secret that is still in use is reported as
	// authn_key_stale, once a day. Default: 90 days. From 1 minute to 10 years.
	MaxAge time.Duration
	// MaxOverlap bounds the overlap of [Keys.Rotate]. Default: 30 days. From 1
	// second to 10 years.
	MaxOverlap time.Duration
	// UsedEvery is how exactly LastUsed is kept: a use within this time of the
	// last one writes nothing. Default: 1 minute. From 1 second to 10 years.
	UsedEvery time.Duration
	// Tiers are the tiers that a Grant may name. Default: "default", "premium"
	// and "enterprise".
	Tiers []string
	// Recorder is where events of calls outside a request go, such as those of
	// [Keys.Revoke] in a job. Default: [slog.Default].
	Recorder bulwark.Recorder
}

// A Pepper is a secret that hashes are keyed with. Keep it where the store is
// not. It prints, logs and encodes as JSON without the key, inside another
// value too; other encoders, such as gob, see the key.
type Pepper struct {
	// Version tells peppers apart. It stands in the store beside each hash.
	// From 1 to 2147483647.
	Version int
	// Key is 32 to 1024 random bytes.
	Key []byte
}

// Format writes the version for every verb, and keeps the key out of logs.
func (p Pepper) Format(f fmt.State, _ rune) { io.WriteString(f, p.shown()) }

// LogValue is the text of Format.
func (p Pepper) LogValue() slog.Value { return slog.StringValue(p.shown()) }

// MarshalJSON encodes the text of Format: handlers of slog encode what is
// nested as JSON.
func (p Pepper) MarshalJSON() ([]byte, error) { return json.Marshal(p.shown()) }

func (p Pepper) shown() string { return "pepper " + strconv.Itoa(p.Version) }

const maxPeppers = 4

// New checks the Config and returns the keys. All mistakes are reported at
// once.
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
		faults.Add("Prefix", c.Prefix, "must be 1 to 16 lower-case letters and digits, a letter first")
	}
	if !isWord(c.Env) {
		faults.Add("Env", c.Env, "must be 1 to 16 lower-case letters and digits, a letter first")
	}
	if c.Issuer == "" || !isLabel(c.Issuer, 256) {
		faults.Add("Issuer", "", "must be 1 to 256 bytes of printable ASCII, such as https://api.example.com/keys")
	}
	if fault.IsNil(c.Store) {
		faults.Add("Store", "", "is nil; use &apikey.MemoryStore{} or a store that your processes share")
	}
	if c.Header != "" && !isHeader(c.Header) {
		faults.Add("Header", c.Header, "must be the name of a header field of its own, such as X-Api-Key")
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
			faults.Add(bound.field, bound.value.String(), fmt.Sprintf("must be from %v to %v", bound.least, bound.most))
		}
	}
	for i, tier := range c.Tiers {
		if tier == "" || !isLabel(tier, maxLabel) {
			faults.AddAt("Tiers", i, "", "must be 1 to 128 bytes of printable ASCII")
		}
	}
	if c.Recorder != nil && fault.IsNil(c.Recorder) {
		faults.Add("Recorder", "", "holds a nil; leave it out for slog.Default")
	}
	c.checkPeppers(faults)
	return faults.Err()
}

func (c Config) checkPeppers(faults *fault.List) {
	if len(c.Peppers) == 0 || len(c.Peppers) > maxPeppers {
		faults.Add("Peppers", strconv.Itoa(len(c.Peppers)), "must be 1 to 4; the first is for new secrets")
	}
	for i, pepper := range c.Peppers {
		field := fmt.Sprintf("Peppers[%d].", i)
		if pepper.Version < 1 || pepper.Version > math.MaxInt32 || slices.ContainsFunc(c.Peppers[:i], func(p Pepper) bool { return p.Version == pepper.Version }) {
			faults.Add(field+"Version", strconv.Itoa(pepper.Version), "must be from 1 to 2147483647 and no other pepper's")
		}
		if len(pepper.Key) < 32 || len(pepper.Key) > 1024 {
			faults.Add(field+"Key", "", "must be 32 to 1024 bytes from a random source")
		}
	}
}

// isHeader accepts the name of a header field that has no other meaning here.
func isHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Host":
		return false
	}
	return token.Is(name)
}
