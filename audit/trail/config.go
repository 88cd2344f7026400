package trail

import (
	"crypto"
	"crypto/ed25519"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says how a trail is signed, and how often.
type Config struct {
	// Origin names the log, such as "api.example.com/audit": without a scheme,
	// space or plus sign, at most 256 bytes. A checkpoint of another origin is
	// not accepted in its place. Required.
	Origin string
	// Signer has the Ed25519 key, such as an [ed25519.PrivateKey] or a key in a
	// device. Anybody who has the key can write another log in place of this
	// one.
	// Required.
	Signer crypto.Signer
	// MaxUnsigned is the number of lines after which a checkpoint is written.
	// Default: 1000. At most 10,000.
	MaxUnsigned int
	// Interval is how long a line waits at most for a checkpoint. Default: 10
	// seconds. At least 1 second, at most 1 hour.
	Interval time.Duration
	// OnCheckpoint is called with each checkpoint that has been written, one
	// call at a time. Send the checkpoint to another machine: a later
	// checkpoint shows that a log was cut off at an earlier one. OnCheckpoint
	// must not block, because the log waits for it, and must not write to the
	// Writer. Default: nil.
	OnCheckpoint func(Checkpoint)
}

const (
	defaultUnsigned = 1000
	maxUnsigned     = 10_000
	defaultInterval = 10 * time.Second
	maxInterval     = time.Hour
	maxOrigin       = 256
)

// originFault says what is wrong with an origin (C2SP signed-note: the name of
// a key has neither white space nor a plus sign).
func originFault(origin string) string {
	switch {
	case origin == "":
		return "is missing; name the log, such as api.example.com/audit"
	case len(origin) > maxOrigin:
		return "is longer than " + strconv.Itoa(maxOrigin) + " bytes; choose a shorter one"
	case strings.Contains(origin, "://"):
		return "has a scheme; leave it out, as in api.example.com/audit"
	case strings.ContainsFunc(origin, func(c rune) bool { return c <= ' ' || c > '~' || c == '+' }):
		return "has a character that an origin cannot have; write printable ASCII without space and plus sign"
	}
	return ""
}

// check reports everything that is wrong, and fills in the defaults.
func (c *Config) check(log io.Writer) error {
	found := fault.In("trail")
	if fault.IsNil(log) {
		found.Add("", "", "has no log; pass the file that the lines go to")
	}
	if reason := originFault(c.Origin); reason != "" {
		found.Add("Origin", "", reason)
	}
	if fault.IsNil(c.Signer) {
		found.Add("Signer", "", "is missing; set it to an ed25519.PrivateKey or a crypto.Signer with such a key")
	} else if public, ok := c.Signer.Public().(ed25519.PublicKey); !ok || len(public) != ed25519.PublicKeySize {
		found.Add("Signer", "", "does not have an Ed25519 key; make one with ed25519.GenerateKey")
	}
	switch {
	case c.MaxUnsigned == 0:
		c.MaxUnsigned = defaultUnsigned
	case c.MaxUnsigned < 0 || c.MaxUnsigned > maxUnsigned:
		found.Add("MaxUnsigned", strconv.Itoa(c.MaxUnsigned), "must be 1 to 10000 lines; leave it out for 1000")
	}
	switch {
	case c.Interval == 0:
		c.Interval = defaultInterval
	case c.Interval < time.Second || c.Interval > maxInterval:
		found.Add("Interval", c.Interval.String(), "must be 1 second to 1 hour; leave it out for 10 seconds")
	}
	return found.Err()
}

// unmade is the error of what was made without New or Open.
func unmade() error {
	return &bulwark.ConfigError{Field: "trail.Writer", Reason: "was made without New or Open; check their error"}
}
