package apikey

import (
	"cmp"
	"context"
	"encoding/json"
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
	"github.com/bulwark-go/bulwark/auth/internal/cache"
	"github.com/bulwark-go/bulwark/auth/internal/field"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
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
	// rotated. A secret is refused if its pepper is missing here. The pepper
	// with the lowest Version gives the ids of Legacy keys, in any place of the
	// list. So a new pepper needs a higher Version than the others. Required.
	// At least 1, at most 4.
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
	// Lookup returns the owner of a key as the owner is now. It is asked only
	// for a key with an Owner, after the key has been accepted, and at most
	// once a minute for each key:
	//
	//   - A nil Principal and a nil error mean that the account is gone or
	//     disabled. The key is refused as revoked.
	//   - The caller gets the roles and scopes that both the key and the
	//     Principal have. A Principal without scopes leaves none. The tier is
	//     that of the key, because the tier is part of what was sold with the
	//     key. Other fields of the Principal do not count, but its Issuer and
	//     Subject must be those of the owner.
	//   - An error, a panic and a Principal of somebody else are an outage: the
	//     request is answered with 503. Lookup is asked again after a second.
	//
	// [Keys.Revoke] and [Keys.RevokeOwner] count at once, without Lookup.
	// Lookup is called from many goroutines at once. Default: none, and a key
	// works until it ends or is revoked.
	Lookup func(ctx context.Context, owner *bulwark.Principal) (*bulwark.Principal, error)
	// MaxOwners bounds the number of keys whose owner is remembered for a
	// minute, at about 1 KiB each. If more keys are in use at once, Lookup is
	// asked more often. Default: 10,000. At most 1,000,000.
	MaxOwners int
	// Legacy returns the Grant of a key that was given out before, such as a
	// key "sk_…" whose SHA-256 is in a table. It is asked only for a text that
	// is not in the format of this package and that the Store does not know. It
	// gets at most 256 bytes of printable ASCII without spaces:
	//
	//   - [auth.ErrNotFound] means that there is no such key: 401 with the
	//     reason "unknown_key".
	//   - Any other error, a panic and a wrong Grant are an outage: 503. A
	//     Grant without Name and Owner is wrong. Otherwise a Legacy that
	//     forgets to return an error would accept every text.
	//   - If the Grant has no ExpiresAt, the key does not end by itself.
	//
	// The answer is not remembered. [Keys.Adopt] moves a key into the Store,
	// and Legacy may call it. As long as Legacy knows a key that was adopted,
	// the Prefix, the Env and the Pepper under which it was adopted must stay,
	// and the Store must not lose its record: otherwise Legacy is asked for a
	// revoked key again. So a MemoryStore is for tests. Legacy should know an
	// adopted key for some seconds more, because a request with the same key
	// may be on its way to Legacy. Legacy is called from many goroutines at
	// once. Default: none, and other texts are refused.
	Legacy func(ctx context.Context, presented string) (Grant, error)
	// LegacyPrefixes are the beginnings of keys that Legacy knows, such as
	// "sk_". A client may send such a key also as "Authorization: Bearer". In
	// the other places for keys, Legacy gets any text. No text may begin with
	// both a LegacyPrefix and the Prefix. Two Keys in one auth layer must not
	// have LegacyPrefixes that one text can begin with. Default: none. At most
	// 16, each 1 to 32 bytes.
	LegacyPrefixes []string
	// AskTimeout bounds each call of Lookup and of Legacy. Default: 2 seconds.
	// At least 10 milliseconds, at most 30 seconds.
	AskTimeout time.Duration
	// MaxAsking bounds how many calls of Lookup run at once, and how many calls
	// of Legacy. A call that does not return keeps its place. Further requests
	// wait for AskTimeout. Default: 64. At most 4096.
	MaxAsking int
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

const (
	maxPeppers        = 4
	maxLegacyPrefixes = 16
)

// New checks the Config and returns the Keys. The error joins a
// *[bulwark.ConfigError] for each mistake.
func New(c Config) (*Keys, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	k := &Keys{
		badge: badge{family: c.Prefix + "_" + c.Env, header: http.CanonicalHeaderKey(c.Header)},
		store: c.Store, prefix: c.Prefix + "_", env: c.Env, issuer: c.Issuer,
		lifetime: c.Lifetime, maxAge: c.MaxAge,
		maxOverlap: c.MaxOverlap, usedEvery: c.UsedEvery, tiers: slices.Clone(c.Tiers),
		recorder: c.Recorder, marking: make(chan struct{}, maxMarking),
	}
	k.causes = newCauses(c)
	// Each has its own places: anybody can make Legacy work, and only a good
	// key makes Lookup work.
	if c.Lookup != nil {
		k.owners = &owners{lookup: c.Lookup, asker: newAsker(c), answers: cache.New[*ownerAnswer](c.MaxOwners), calls: map[question]*call[*ownerAnswer]{}}
	}
	if c.Legacy != nil {
		k.legacy = &legacy{find: c.Legacy, asker: newAsker(c), prefixes: slices.Clone(c.LegacyPrefixes)}
	}
	for _, pepper := range c.Peppers {
		k.peppers = append(k.peppers, newHasher(pepper, k.family))
	}
	k.byAge = slices.SortedFunc(slices.Values(k.peppers), func(a, b *hasher) int { return cmp.Compare(b.version, a.version) })
	return k, nil
}

func (c Config) withDefaults() Config {
	if c.Env == "" {
		c.Env = "live"
	}
	if c.Tiers == nil {
		c.Tiers = []string{"default", "premium", "enterprise"}
	}
	if c.MaxOwners == 0 {
		c.MaxOwners = 10_000
	}
	if c.MaxAsking == 0 {
		c.MaxAsking = 64
	}
	for _, open := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.Lifetime, 365 * day}, {&c.MaxAge, 90 * day}, {&c.MaxOverlap, 30 * day}, {&c.UsedEvery, time.Minute},
		{&c.AskTimeout, 2 * time.Second},
	} {
		if *open.field == 0 {
			*open.field = open.value
		}
	}
	return c
}

const (
	day     = 24 * time.Hour
	longest = 3650 * day // how long a key may last
)

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
		{"Lifetime", c.Lifetime, time.Minute, longest},
		{"MaxAge", c.MaxAge, time.Minute, longest},
		{"MaxOverlap", c.MaxOverlap, time.Second, longest},
		{"UsedEvery", c.UsedEvery, time.Second, longest},
		{"AskTimeout", c.AskTimeout, 10 * time.Millisecond, 30 * time.Second},
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
	c.checkAsking(faults)
	return faults.Err()
}

func (c Config) checkAsking(faults *fault.List) {
	for _, bound := range []struct {
		field       string
		value, most int
	}{{"MaxOwners", c.MaxOwners, 1_000_000}, {"MaxAsking", c.MaxAsking, 4096}} {
		if bound.value < 1 || bound.value > bound.most {
			faults.Add(bound.field, strconv.Itoa(bound.value), fmt.Sprintf("must be from 1 to %d; 0 chooses the default", bound.most))
		}
	}
	if len(c.LegacyPrefixes) > 0 && c.Legacy == nil {
		faults.Add("LegacyPrefixes", "", "need the function Legacy, which knows the keys that begin so")
	}
	if len(c.LegacyPrefixes) > maxLegacyPrefixes {
		faults.Add("LegacyPrefixes", strconv.Itoa(len(c.LegacyPrefixes)), "must be at most 16")
		return
	}
	for i, text := range c.LegacyPrefixes {
		if text == "" || len(text) > 32 || !isVisible(text) {
			faults.AddAt("LegacyPrefixes", i, "", "must be 1 to 32 bytes of printable ASCII without spaces, such as sk_")
			continue
		}
		if overlap(text, c.Prefix+"_") {
			faults.AddAt("LegacyPrefixes", i, text, "overlaps with Prefix: a text could begin with both; choose another Prefix")
		}
		if overlap(text, "eyJ") {
			faults.AddAt("LegacyPrefixes", i, text, "is how a JSON Web Token begins; write more of the prefix, or send these keys as Authorization: ApiKey")
		}
	}
}

// overlap reports whether one text can begin with both prefixes.
func overlap(one, two string) bool { return strings.HasPrefix(one, two) || strings.HasPrefix(two, one) }

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
		} else if kind := keyform.Of(pepper.Key); kind != "" {
			faults.Add(field+"Key", "", "is "+kind+" and not a secret; write 32 random bytes, such as the output of openssl rand 32")
		}
	}
}

// isHeader reports whether name is a header field without another meaning here.
// The values of such a field are logged, or have a meaning for a proxy.
func isHeader(name string) bool {
	return token.Is(name) && !field.Reserved(name) && !strings.HasPrefix(http.CanonicalHeaderKey(name), "X-Forwarded-")
}
