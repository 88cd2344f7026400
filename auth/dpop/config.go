package dpop

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/jose"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// Config says how proofs of possession are checked (RFC 9449). It prints, logs
// and encodes as JSON without the NonceKey. Other encoders see every field.
//
// The htu of a proof is the URL that the client calls. It must begin with the
// BaseURL of [bulwark.Edge], also if the Edge has several Hosts. If a proof for
// one host must not be good for another, give each host an Edge of its own. A
// proxy must not change the path: the path would differ from the htu.
//
// A browser needs CORS: the Headers of package cors must have DPoP, and its
// Expose must have DPoP-Nonce and WWW-Authenticate.
type Config struct {
	// Replays remembers each used proof until 1 minute after its time to be
	// accepted ends. Use &dpop.MemoryReplays{} for one process, or a store that
	// several processes share. A store has 2 seconds to answer. If it does not
	// answer, every request with a proof is refused with 503. If it has no room
	// for a client, the requests of this client are refused with 503. Required.
	Replays Replays
	// Algorithms are the signature algorithms of proofs (RFC 7518 section 3.1).
	// RSA keys must have 2048 to 4096 bits: the client chooses the key, and so
	// the cost of each check. Default: RS256, RS384, RS512, PS256, PS384,
	// PS512, ES256, ES384, ES512, and EdDSA with its other name Ed25519 (RFC
	// 9864).
	Algorithms []string
	// Window is how far the iat of a proof may be from now, before and after.
	// With a NonceKey the time of the nonce counts, and the iat does not.
	// Default: 60 seconds. At least 1 second. At most 5 minutes.
	Window time.Duration
	// NonceKey makes each proof carry a nonce of this service (RFC 9449 section
	// 9), so that no proof can be made ahead of time. A client whose clock is
	// wrong can then also call, because the nonce gives the time of the proof.
	//
	// A proof without a nonce is refused with 401 and the nonce to use, and the
	// client tries again. The event of this refusal has the reason "nonce": do
	// not alert on it. All processes need the same key, of random bytes.
	//
	// A text that looks like a public key is an error. Default: none, proofs
	// need no nonce. At least 32 bytes.
	NonceKey []byte
	// NonceLifetime is the least time that a nonce is good. The most is twice
	// this time. Default: 5 minutes. At least 30 seconds. At most 1 hour.
	NonceLifetime time.Duration
	// MaxProofBytes bounds the length of a proof in bytes. Default: 4096. At
	// most 65536.
	MaxProofBytes int64
}

// Format keeps the key out of logs for every verb.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

func (c Config) shown() string { return "DPoP with a window of " + c.Window.String() }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

const (
	defaultWindow        = time.Minute
	mostWindow           = 5 * time.Minute
	defaultNonceLifetime = 5 * time.Minute
	defaultProofBytes    = 4 << 10
	minNonceKey          = 32
	mostBytes            = 64 << 10
)

// New returns a verifier of proofs. The error joins a *[bulwark.ConfigError]
// for each mistake.
func New(c Config) (*Verifier, error) {
	found := fault.In("dpop")
	if fault.IsNil(c.Replays) {
		found.Add("Replays", "", "is nil; use &dpop.MemoryReplays{} or a store that your processes share")
	}
	if c.Window != 0 && (c.Window < time.Second || c.Window > mostWindow) {
		found.Add("Window", c.Window.String(), "must be between 1 second and 5 minutes; zero is 60 seconds")
	}
	if len(c.NonceKey) > 0 && len(c.NonceKey) < minNonceKey {
		found.Add("NonceKey", "", "must be at least 32 bytes from a random source; leave it out to ask for no nonce")
	}
	if kind := keyform.Of(c.NonceKey); kind != "" {
		found.Add("NonceKey", "", "is "+kind+" and not a secret; write at least 32 bytes from a random source, or leave it out")
	}
	if c.NonceLifetime != 0 && (c.NonceLifetime < 30*time.Second || c.NonceLifetime > time.Hour) {
		found.Add("NonceLifetime", c.NonceLifetime.String(), "must be between 30 seconds and 1 hour; zero is 5 minutes")
	}
	if c.MaxProofBytes < 0 || c.MaxProofBytes > mostBytes {
		found.Add("MaxProofBytes", strconv.FormatInt(c.MaxProofBytes, 10), "must be between 1 and 65536; zero is 4096")
	}
	algorithms := c.algorithms(found)
	if err := found.Err(); err != nil {
		return nil, err
	}
	d := &Verifier{
		replays:  c.Replays,
		rules:    jose.Rules{Algorithms: algorithms, Types: []string{"dpop+jwt"}, OwnKey: true},
		offered:  strings.Join(jose.Names(algorithms), " "),
		window:   cmp.Or(c.Window, defaultWindow),
		maxBytes: int(cmp.Or(c.MaxProofBytes, defaultProofBytes)),
	}
	if len(c.NonceKey) > 0 {
		d.nonces = &nonces{key: bytes.Clone(c.NonceKey), lifetime: cmp.Or(c.NonceLifetime, defaultNonceLifetime)}
	}
	return d, nil
}

// algorithms returns the accepted ones: only of public keys, which a proof
// brings along (RFC 9449 section 4.3, step 5).
func (c Config) algorithms(found *fault.List) map[string]*jose.Algorithm {
	known := jose.Algorithms()
	for name, a := range known {
		if a.Secret() {
			delete(known, name)
		}
	}
	if len(c.Algorithms) == 0 {
		return known
	}
	for i, name := range c.Algorithms {
		if known[name] == nil {
			found.AddAt("Algorithms", i, name, "must be one of "+strings.Join(jose.Names(known), ", "))
		}
	}
	return jose.Choose(known, c.Algorithms)
}
