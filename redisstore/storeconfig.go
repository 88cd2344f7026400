package redisstore

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/keyform"
)

// A Config says where a [Store] keeps its state, and how much of it. Printed,
// logged or encoded as JSON, a Config does not show the Secrets.
type Config struct {
	// Client sends the commands. The application makes and closes the client of
	// Redis below it. Required.
	Client Client
	// Secrets are the deployment keys, the newest first, of at least 32 random
	// bytes each. Each row of a session or an API key has a MAC under the
	// first. A row is accepted if it has a MAC under any of them. So a row that
	// somebody without a key has planted, changed or copied opens nothing.
	//
	// To replace a key, start all processes with the new key in the second
	// place. Then start all of them with the new key in the first place. Then
	// call [Store.Reseal], and remove the old key. Required. At most 4.
	Secrets [][]byte
	// Prefix begins the names of all keys in Redis. Services that share a Redis
	// have different Prefixes. 1 to 64 letters, digits and "-_.:". Default:
	// "bulwark".
	Prefix string
	// Timeout bounds each command, beside the context of the call. A List and a
	// Sweep of many commands are bounded by 30 seconds. At most 1 minute.
	// Default: 1 second.
	Timeout time.Duration
	// Replicas is how many replicas must confirm each write, with WAIT, within
	// half of the Timeout. If fewer replicas have confirmed it, the call
	// returns an error, and the request is answered with 503. The write stands
	// on the primary all the same, and later calls see it.
	//
	// With rueidis, each write that waits has a connection of its own, up to
	// rueidis.ClientOption.BlockingPoolSize.
	//
	// A write that its replicas have confirmed survives a failover to one of
	// them. Without Replicas, a failover loses the writes of the last moments:
	// a session that was revoked then is alive again. At most 16. Default: 0,
	// no write waits.
	Replicas int
	// MaxSessions bounds the sessions, at about 1 KiB each. It also bounds the
	// marks of RevokeProvider, at about 230 bytes each. Default: 1,000,000.
	MaxSessions int
	// MaxKeys bounds the API keys, at about 1 KiB each. It also bounds the
	// marks of RevokeOwner, at about 230 bytes each. Default: 100,000.
	MaxKeys int
	// MaxRevocations bounds the revocations, at about 130 bytes each, or 230
	// for a Subject. Default: 1,000,000.
	MaxRevocations int
	// MaxProofs bounds the ids of used proofs, at 150 to 200 bytes each. They
	// are kept in 16 parts, by client, each with a sixteenth of the room. One
	// client can fill half of a part, which is 270 proofs a second with the
	// default and the default Window of package dpop. Default: 1,048,576.
	MaxProofs int
}

// Format writes the Prefix, for every verb, and never the Secrets.
func (c Config) Format(f fmt.State, _ rune) { io.WriteString(f, c.shown()) }

// LogValue is the text of Format.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.shown()) }

// MarshalJSON encodes the text of Format.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.shown()) }

func (c Config) shown() string { return fmt.Sprintf("redisstore.Config with the Prefix %q", c.Prefix) }

// maxSecrets bounds the MACs that a row with a wrong MAC costs.
const maxSecrets = 4

const prefixAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"

func checkSecrets(faults *fault.List, secrets [][]byte) {
	if len(secrets) < 1 || len(secrets) > maxSecrets {
		faults.Add("Secrets", strconv.Itoa(len(secrets)), "must be 1 to 4 keys of at least 32 random bytes, the newest first")
	}
	for i, secret := range secrets {
		switch {
		case len(secret) < 32:
			faults.AddAt("Secrets", i, "", "must have at least 32 random bytes")
		case keyform.Of(secret) != "":
			faults.AddAt("Secrets", i, "", "is "+keyform.Of(secret)+" and not a secret; write at least 32 random bytes")
		case slices.ContainsFunc(secrets[:i], func(other []byte) bool { return string(other) == string(secret) }):
			faults.AddAt("Secrets", i, "", "is there twice; write each key once")
		}
	}
}
