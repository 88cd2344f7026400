package jwt

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// RemoteConfig bounds how keys are fetched. The zero value is right for most.
type RemoteConfig struct {
	// Transport makes the requests. Default: one of its own that uses the
	// proxy of the environment, TLS 1.2 or later, and keeps no connections.
	Transport http.RoundTripper
	// MaxStale is how long past their lifetime the keys are used while the
	// issuer cannot be reached. Default: 24 hours. At most 30 days. Negative is
	// not at all.
	MaxStale time.Duration
	// Timeout bounds one fetch, redirects and body included. Default: 5
	// seconds. At most 30 seconds.
	Timeout time.Duration
	// Cooldown is the least time between two fetches for the sake of tokens
	// whose key is unknown. Default: 30 seconds. At least 1 second, at most 1
	// hour.
	Cooldown time.Duration
	// MaxDocumentBytes bounds the key set, and the metadata of [Discover].
	// Default: 512 KiB. At most 8 MiB.
	MaxDocumentBytes int64
	// MaxKeys bounds the number of keys in the key set. Default: 100. At most
	// 1000.
	MaxKeys int
}

const (
	defaultMaxStale    = 24 * time.Hour
	defaultTimeout     = 5 * time.Second
	defaultCooldown    = 30 * time.Second
	defaultRemoteBytes = 512 << 10
	firstBackoff       = time.Second
	maxBackoff         = time.Minute
	mostStale          = 30 * 24 * time.Hour
	mostCooldown       = time.Hour
)

// RemoteKeys are the keys that an issuer publishes as a JWK Set at the URL,
// which must be https; loopback may do without TLS.
//
// They are fetched when the first token comes, which waits for it, and again at
// about 80 % of the lifetime that Cache-Control gives them, less their Age,
// between a minute and a day; without Cache-Control it is 15 minutes. No token
// of a known key waits for that, nor for a retry: a failed fetch is tried again
// after a second, then later and later up to a minute, and the keys remain
// until MaxStale is over. Requests fail with 503 only where no keys have been
// had at all or for so long.
//
// One strange key never costs the set: a key that cannot be read or is of no
// use is passed over, and of several keys of one kid those that fit the alg of
// a token are tried, four at most. A secret or private key refuses the set, and
// the keys from before remain.
//
// A kid that is not among the keys, or not for the alg of the token, makes one
// more fetch, which the tokens of that moment wait for; others are refused at
// once until the Cooldown is over. Tokens with a bad signature never make a
// fetch. Anybody can make up a kid, so somebody who sends one such token each
// Cooldown can have the tokens of a key that the issuer has just begun to use
// refused with 401, for one Cooldown at most. An issuer that publishes a key
// for the lifetime of its key set before it signs with it is not affected.
//
// No goroutine stays: a fetch is one for its own time, and a source that has
// not been asked for MaxStale forgets its keys. [Verifier.Shutdown] ends it
// earlier, with the last of the verifiers that share the source.
func RemoteKeys(url string, c RemoteConfig) KeySource {
	found := fault.In("jwt.Keys")
	if reason := keysFault(url); reason != "" {
		found.Add("URL", address.WithoutUser(url), reason)
	}
	r := newRemote(c, found)
	r.state.fetcher.url = url
	return r
}

// newRemote returns a source that does not know yet where its keys are, with
// what was found wrong before.
func newRemote(c RemoteConfig, found *fault.List) *remote {
	c.check(found)
	r := &remote{
		err:      found.Err(),
		maxStale: max(cmp.Or(c.MaxStale, defaultMaxStale), 0),
		cooldown: cmp.Or(c.Cooldown, defaultCooldown),
	}
	r.state.fetcher = fetcher{
		timeout:  cmp.Or(c.Timeout, defaultTimeout),
		maxBytes: cmp.Or(c.MaxDocumentBytes, defaultRemoteBytes),
		maxKeys:  cmp.Or(c.MaxKeys, maxKeys),
	}
	r.state.fetcher.client = r.state.fetcher.newClient(c.Transport)
	r.state.context, r.state.cancel = context.WithCancel(context.Background())
	return r
}

// check notes what is wrong with the bounds.
func (c RemoteConfig) check(found *fault.List) {
	if c.Timeout < 0 || c.Timeout > 30*time.Second {
		found.Add("Timeout", c.Timeout.String(), "must be between 0 and 30 seconds; zero is 5 seconds")
	}
	if c.MaxStale > mostStale {
		found.Add("MaxStale", c.MaxStale.String(), "must be at most 30 days; keys that the issuer has withdrawn would be believed for as long")
	}
	if c.Cooldown != 0 && (c.Cooldown < time.Second || c.Cooldown > mostCooldown) {
		found.Add("Cooldown", c.Cooldown.String(), "must be from a second, or anybody could make us fetch all the time, to an hour")
	}
	if c.MaxDocumentBytes < 0 || c.MaxDocumentBytes > 8<<20 {
		found.Add("MaxDocumentBytes", "", "must be between 0 and 8 MiB; zero is 512 KiB")
	}
	if c.MaxKeys < 0 || c.MaxKeys > 1000 {
		found.Add("MaxKeys", "", "must be between 0 and 1000; zero is 100")
	}
}
