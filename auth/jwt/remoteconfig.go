package jwt

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/address"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// RemoteConfig bounds how keys are fetched. The zero value suits most services.
type RemoteConfig struct {
	// Transport makes the requests. Default: a transport that uses the proxy of
	// the environment and TLS 1.2 or later, and keeps no connections.
	Transport http.RoundTripper
	// RootCAs are the certificate authorities that the server of the keys is
	// verified with, such as the authority of a company. They replace those of
	// the system. With a Transport, write them into its TLSClientConfig
	// instead. Default: nil, the authorities of the system.
	RootCAs *x509.CertPool
	// InsecureHTTP accepts URLs with http to any host, for a mesh whose proxies
	// encrypt the connection. An attacker on the way can otherwise put other
	// keys in place of those of the issuer, and so make tokens for any caller.
	// A redirect from https to http is still refused. Default: false, only
	// loopback may be http.
	InsecureHTTP bool
	// MaxStale is how long the keys are used after the end of their lifetime,
	// if the issuer cannot be reached. With a negative value they are not used
	// after their lifetime. Default: 24 hours. At most 30 days.
	MaxStale time.Duration
	// Timeout bounds one fetch, including redirects and body. Default: 5
	// seconds. At most 30 seconds.
	Timeout time.Duration
	// Cooldown is the least time between two fetches that tokens with an
	// unknown key cause. Default: 30 seconds. At least 1 second. At most 1
	// hour.
	Cooldown time.Duration
	// MaxDocumentBytes bounds the key set, and the metadata of [Discover], in
	// bytes. Default: 524288 (512 KiB). At most 8388608 (8 MiB).
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

// RemoteKeys are the keys that an issuer publishes as a JWK Set at the URL. The
// URL must be https; loopback may be http.
//
// When keys are fetched:
//
//   - The first token starts the first fetch and waits for it.
//   - Later fetches start at about 80 % of the lifetime that Cache-Control or
//     Expires gives the keys, less their age by Age and Date. The lifetime is
//     between 1 minute and 1 day. Without both it is 15 minutes. No token of a
//     known key waits for these fetches.
//   - A failed fetch is tried again after 1 second. The pause grows with each
//     failure, up to 1 minute. The old keys remain until MaxStale is over.
//     Tokens get 503 if no keys have been fetched yet, or if MaxStale is over.
//     A token with an unknown kid also gets 503 while fetches fail.
//   - If no key has the kid and fits the alg of a token, one more fetch starts.
//     The tokens of that moment wait for it. After that, tokens with an unknown
//     kid are refused at once until the Cooldown is over.
//   - A token with a bad signature never starts a fetch.
//
// Anybody can make up a kid, and so cause the one fetch of each Cooldown. If
// the issuer then begins to sign with a new key, the tokens of this key are
// refused with 401 for at most one Cooldown. This does not happen if the issuer
// publishes a key for one lifetime of its key set, and signs with the key only
// then.
//
// A key that cannot be read or used is skipped, and the other keys of the set
// are used. If several keys have one kid, the keys that fit the alg of a token
// are tried, at most four. A set that holds a secret or private key is refused,
// and the earlier keys remain.
//
// No goroutine stays after a fetch. If no token uses a source for the lifetime
// of its keys plus MaxStale, the source forgets the keys. [Verifier.Shutdown]
// of the last verifier that uses a source closes the source.
func RemoteKeys(url string, c RemoteConfig) KeySource {
	found := fault.In("jwt.Keys")
	r := newRemote(c, found)
	if reason := r.state.fetcher.fault(url); reason != "" {
		found.Add("URL", address.WithoutUser(url), reason)
	}
	r.err, r.state.fetcher.url = found.Err(), url
	r.made = newMaking("RemoteKeys", url, c)
	return r
}

// newRemote returns a source that does not know yet where its keys are. It
// notes what is wrong with c.
func newRemote(c RemoteConfig, found *fault.List) *remote {
	c.check(found)
	r := &remote{
		maxStale: max(cmp.Or(c.MaxStale, defaultMaxStale), 0),
		cooldown: cmp.Or(c.Cooldown, defaultCooldown),
	}
	r.state.fetcher = fetcher{
		timeout:  cmp.Or(c.Timeout, defaultTimeout),
		maxBytes: cmp.Or(c.MaxDocumentBytes, defaultRemoteBytes),
		maxKeys:  cmp.Or(c.MaxKeys, maxKeys),
		plain:    c.InsecureHTTP,
	}
	r.state.fetcher.client = r.state.fetcher.newClient(c)
	r.state.context, r.state.cancel = context.WithCancel(context.Background())
	return r
}

// check notes what is wrong with the bounds.
func (c RemoteConfig) check(found *fault.List) {
	if c.RootCAs != nil && c.Transport != nil {
		found.Add("RootCAs", "", "must not stand beside Transport, which would not use it; write it into the TLSClientConfig of the Transport")
	}
	if c.Timeout < 0 || c.Timeout > 30*time.Second {
		found.Add("Timeout", c.Timeout.String(), "must be at most 30 seconds; zero is 5 seconds")
	}
	if c.MaxStale > mostStale {
		found.Add("MaxStale", c.MaxStale.String(), "must be at most 30 days: keys that the issuer has withdrawn would be trusted for this time; zero is 24 hours")
	}
	if c.Cooldown != 0 && (c.Cooldown < time.Second || c.Cooldown > mostCooldown) {
		found.Add("Cooldown", c.Cooldown.String(), "must be between 1 second and 1 hour: with less anybody could make this service fetch all the time; zero is 30 seconds")
	}
	if c.MaxDocumentBytes < 0 || c.MaxDocumentBytes > 8<<20 {
		found.Add("MaxDocumentBytes", strconv.FormatInt(c.MaxDocumentBytes, 10), "must be between 1 and 8388608 (8 MiB); zero is 524288 (512 KiB)")
	}
	if c.MaxKeys < 0 || c.MaxKeys > 1000 {
		found.Add("MaxKeys", strconv.Itoa(c.MaxKeys), "must be between 1 and 1000; zero is 100")
	}
}
