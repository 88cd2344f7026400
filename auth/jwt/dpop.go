package jwt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/confirmation"
	"github.com/bulwark-go/bulwark/auth/internal/store"
	"github.com/bulwark-go/bulwark/internal/jose"
)

// DPoPConfig says how proofs of possession are checked (RFC 9449). It prints, logs
// and encodes as JSON without the NonceKey; other encoders see every field.
//
// A browser needs CORS to let it send the header field DPoP and read DPoP-Nonce and
// WWW-Authenticate: Headers and Expose of package cors. A proxy that changes the
// path makes every proof one for somewhere else, and refused. Proofs are made out to
// the BaseURL of [bulwark.Edge] under whichever of its Hosts a request comes: give
// hosts that are to be told apart an Edge each.
type DPoPConfig struct {
	// Replays remembers the proofs that have been used, until a minute after they
	// would be accepted: &auth.MemoryReplays{}, or a store that several processes
	// share, which has 2 seconds to answer. Where it is full or cannot be asked, requests are refused with 503, those of
	// everybody: put a limit by address outside, so that no client fills it. Required.
	Replays auth.Replays
	// Algorithms are the signature algorithms of proofs. Default: all of
	// [Config.Algorithms] that need no shared secret. RSA keys of 2048 to 4096 bits
	// are taken: whoever sends the proof chooses the key, and what it costs to check.
	Algorithms []string
	// Window is how far the iat of a proof may be from now, before and after.
	// Default 60 seconds; 1 second to 5 minutes.
	Window time.Duration
	// NonceKey makes proofs carry a nonce of this service (RFC 9449 section 9), so
	// that none can be made ahead of time. A proof without one is refused with 401
	// and the nonce to use, and the client tries again; the event has the reason
	// "nonce", which alerts should leave out. At least 32 random bytes, the same in
	// all processes; empty asks for no nonce.
	NonceKey []byte
	// NonceLifetime is how long a nonce is good at least; at most it is twice as
	// long. Default 5 minutes; 30 seconds to 1 hour.
	NonceLifetime time.Duration
	// MaxBytes bounds the length of a proof. Default 4096, at most 65536.
	MaxBytes int
}

// String keeps the key out of logs.
func (c DPoPConfig) String() string { return "DPoP with a window of " + c.Window.String() }

// GoString is String.
func (c DPoPConfig) GoString() string { return c.String() }

// LogValue is String.
func (c DPoPConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalJSON encodes String.
func (c DPoPConfig) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

const (
	defaultWindow        = time.Minute
	mostWindow           = 5 * time.Minute
	defaultNonceLifetime = 5 * time.Minute
	defaultProofBytes    = 4 << 10
	minNonceKey          = 32
)

// DPoP checks proofs of possession. Several verifiers may share one. It is safe
// for concurrent use, and prints without its key. Make it with [NewDPoP].
type DPoP struct {
	replays  auth.Replays
	rules    jose.Rules
	offered  string // the algorithms, as in a challenge
	window   time.Duration
	nonces   *nonces // nil asks for none
	maxBytes int
}

// NewDPoP returns a checker of proofs. The error joins a *[bulwark.ConfigError]
// for everything that is wrong.
func NewDPoP(c DPoPConfig) (*DPoP, error) {
	var errs []error
	wrong := func(field, value, reason string) {
		errs = append(errs, &bulwark.ConfigError{Field: "jwt(dpop)." + field, Value: value, Reason: reason})
	}
	if store.IsNil(c.Replays) {
		wrong("Replays", "", "is nil; use &auth.MemoryReplays{} or a store that your processes share")
	}
	if c.Window != 0 && (c.Window < time.Second || c.Window > mostWindow) {
		wrong("Window", c.Window.String(), "must be from a second to 5 minutes; zero is 60 seconds")
	}
	if len(c.NonceKey) > 0 && len(c.NonceKey) < minNonceKey {
		wrong("NonceKey", "", "must be at least 32 bytes from a random source")
	}
	if c.NonceLifetime != 0 && (c.NonceLifetime < 30*time.Second || c.NonceLifetime > time.Hour) {
		wrong("NonceLifetime", c.NonceLifetime.String(), "must be from 30 seconds to an hour; zero is 5 minutes")
	}
	if c.MaxBytes < 0 || c.MaxBytes > mostBytes {
		wrong("MaxBytes", strconv.Itoa(c.MaxBytes), "must be between 1 and 65536; zero is 4096")
	}
	algorithms, algorithmErrs := c.algorithms()
	if errs = append(errs, algorithmErrs...); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	d := &DPoP{
		replays:  c.Replays,
		rules:    jose.Rules{Algorithms: algorithms, Types: []string{"dpop+jwt"}, OwnKey: true},
		offered:  offered(algorithms),
		window:   orDefault(c.Window, defaultWindow),
		maxBytes: orDefault(c.MaxBytes, defaultProofBytes),
	}
	if len(c.NonceKey) > 0 {
		d.nonces = &nonces{key: bytes.Clone(c.NonceKey), lifetime: orDefault(c.NonceLifetime, defaultNonceLifetime)}
	}
	return d, nil
}

// algorithms returns the accepted ones: only of public keys, which a proof brings
// along (RFC 9449 section 4.3, step 5).
func (c DPoPConfig) algorithms() (map[string]*jose.Algorithm, []error) {
	known := jose.Algorithms()
	for name, a := range known {
		if a.Secret() {
			delete(known, name)
		}
	}
	if len(c.Algorithms) == 0 {
		return known, nil
	}
	chosen := map[string]*jose.Algorithm{}
	var errs []error
	for i, name := range c.Algorithms {
		if known[name] == nil {
			errs = append(errs, &bulwark.ConfigError{Field: fmt.Sprintf("jwt(dpop).Algorithms[%d]", i), Value: name,
				Reason: "is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"})
		}
		chosen[name] = known[name]
	}
	return chosen, errs
}

// Challenge offers DPoP with the algorithms of proofs (RFC 9449 section 7.1). It is
// empty for a DPoP that no NewDPoP has made.
func (d *DPoP) Challenge() bulwark.Challenge {
	if d.made() != nil {
		return bulwark.Challenge{}
	}
	return bulwark.Challenge{Scheme: confirmation.DPoP, Params: [][2]string{{"algs", d.offered}}}
}

// made returns an error for a DPoP that no NewDPoP has made.
func (d *DPoP) made() error {
	if d == nil || d.replays == nil {
		return &bulwark.ConfigError{Field: "jwt(dpop)", Reason: "was made without NewDPoP; check its error"}
	}
	return nil
}

// String keeps the key out of logs.
func (d *DPoP) String() string { return "DPoP" }

// GoString is String.
func (d *DPoP) GoString() string { return d.String() }

// offered names the algorithms for a challenge.
func offered(algorithms map[string]*jose.Algorithm) string {
	return strings.Join(slices.Sorted(maps.Keys(algorithms)), " ")
}
