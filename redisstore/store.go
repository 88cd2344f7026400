package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Config says where a [Store] keeps its state, and how much of it.
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
	// place. Then move it to the first place. Remove the old key when the last
	// session and the last API key that were written under it have ended or
	// have been written again. Required. At most 4.
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
	// three quarters of the Timeout. If fewer replicas have confirmed it, the
	// call returns an error, and the request is answered with 503. The write
	// stands on the primary all the same, and later calls see it.
	//
	// A write that its replicas have confirmed survives a failover to one of
	// them. Without Replicas, a failover loses the writes of the last moments:
	// a session that was revoked then is alive again. At most 16. Default: 0,
	// no write waits.
	Replicas int
	// MaxSessions bounds the sessions, at about 1 KiB each. It also bounds the
	// logins that RevokeProvider has ended, at about 200 bytes each. Default:
	// 1,000,000.
	MaxSessions int
	// MaxKeys bounds the API keys, at about 1 KiB each. It also bounds the
	// marks of RevokeOwner, at about 200 bytes each. Default: 100,000.
	MaxKeys int
	// MaxRevocations bounds the revocations, at about 150 bytes each. Default:
	// 1,000,000.
	MaxRevocations int
	// MaxProofs bounds the ids of used proofs, at about 150 bytes each. They
	// are kept in 16 parts, by client, each with a sixteenth of the room. One
	// client can fill half of a part, which is 270 proofs a second with the
	// default and the default Window of package dpop. Default: 1,048,576.
	MaxProofs int
}

// A Store keeps sessions, API keys, revocations and used proofs in Redis, for
// all processes of a service. Make it with [New]. It is safe for concurrent
// use.
type Store struct {
	client   Client
	sealer   *sealer
	prefix   string
	timeout  time.Duration
	replicas int

	sessions    sessions
	keys        keys
	revocations revocations
	replays     replays
}

// maxSecrets bounds the MACs that a row with a wrong MAC costs.
const maxSecrets = 4

// New returns a Store, or everything that is wrong with the Config. It asks
// Redis, and returns an error if Redis
//
//   - does not answer within the Timeout,
//   - is older than version 6.2,
//   - has a maxmemory-policy that evicts keys, because then junk would evict
//     revocations,
//   - holds rows of another version of this package under the Prefix, or rows
//     that were written with none of the Secrets.
//
// In a Cluster, New asks each primary that has rows of the Store.
func New(ctx context.Context, c Config) (*Store, error) {
	faults := fault.In("redisstore")
	s := &Store{client: c.Client, prefix: c.Prefix}
	if fault.IsNil(c.Client) {
		faults.Add("Client", "", "is nil; write redisstore.Rueidis(client)")
	}
	checkSecrets(faults, c.Secrets)
	if s.prefix == "" {
		s.prefix = "bulwark"
	}
	if len(s.prefix) > 64 || strings.Trim(s.prefix, prefixAlphabet) != "" {
		faults.Add("Prefix", s.prefix, `must be 1 to 64 letters, digits and "-_.:", such as "shop"`)
	}
	s.timeout = faults.Span("Timeout", c.Timeout, time.Millisecond, time.Minute, time.Second)
	s.replicas = faults.Number("Replicas", c.Replicas, 1, 16, 0)
	maxSessions := faults.Number("MaxSessions", c.MaxSessions, 1, 1<<30, 1_000_000)
	maxKeys := faults.Number("MaxKeys", c.MaxKeys, 1, 1<<30, 100_000)
	maxRevocations := faults.Number("MaxRevocations", c.MaxRevocations, 1, 1<<30, 1_000_000)
	maxProofs := faults.Number("MaxProofs", c.MaxProofs, 2*proofParts, 1<<30, 1<<20)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	s.sealer = newSealer(s.prefix, c.Secrets)
	s.sessions = sessions{s, newTable(s, "s", sealedSession, maxSessions)}
	s.keys = keys{s, newTable(s, "k", sealedKey, maxKeys)}
	s.revocations = revocations{s, s.newMarks("r", maxRevocations)}
	s.replays = replays{s, maxProofs / proofParts}
	if err := s.check(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

const prefixAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:"

func checkSecrets(faults *fault.List, secrets [][]byte) {
	if len(secrets) < 1 || len(secrets) > maxSecrets {
		faults.Add("Secrets", strconv.Itoa(len(secrets)), "must be 1 to 4 keys of 32 random bytes, the newest first")
	}
	for i, secret := range secrets {
		switch {
		case len(secret) < 32:
			faults.AddAt("Secrets", i, "", "must have at least 32 random bytes")
		case slices.ContainsFunc(secrets[:i], func(other []byte) bool { return string(other) == string(secret) }):
			faults.AddAt("Secrets", i, "", "is there twice; write each key once")
		}
	}
}

// made returns an error for a Store that New has not made.
func (s *Store) made() error {
	if s == nil || s.client == nil {
		return fault.Unmade("redisstore.Store", "New")
	}
	return nil
}

// Sessions returns the store for [session.Config].
func (s *Store) Sessions() session.Store {
	if s == nil {
		return &(&Store{}).sessions
	}
	return &s.sessions
}

// Keys returns the store for [apikey.Config].
func (s *Store) Keys() apikey.Store {
	if s == nil {
		return &(&Store{}).keys
	}
	return &s.keys
}

// Revocations returns the store for packages jwt and introspection.
func (s *Store) Revocations() auth.Revocations {
	if s == nil {
		return &(&Store{}).revocations
	}
	return &s.revocations
}

// Replays returns the store for package dpop.
func (s *Store) Replays() dpop.Replays {
	if s == nil {
		return &(&Store{}).replays
	}
	return &s.replays
}

// Format writes the Prefix, for every verb, and never the Secrets.
func (s *Store) Format(f fmt.State, _ rune) {
	if s == nil {
		fmt.Fprint(f, "no redisstore.Store")
		return
	}
	fmt.Fprintf(f, "redisstore.Store under %q", s.prefix)
}

// Sweep forgets what has expired, in steps of at most 500 entries. Redis
// forgets the rows of sessions and keys itself. What is left are their entries
// in indexes, and marks. Each write also forgets a few of them, so that nothing
// grows without Sweep. One process of the service calls Sweep every few
// minutes.
func (s *Store) Sweep(ctx context.Context) error {
	if err := s.made(); err != nil {
		return err
	}
	return errors.Join(s.sessions.Sweep(ctx), s.keys.Sweep(ctx), s.revocations.sweep(ctx), s.replays.sweep(ctx))
}

const (
	// sweepStep is how much one step of a Sweep forgets. Redis answers nobody
	// else meanwhile: for a few milliseconds.
	sweepStep = 500
	// longTime bounds a call of many steps.
	longTime = 30 * time.Second
)

// sweep makes the step until there is nothing left to forget.
func (s *Store) sweep(ctx context.Context, st *step, keys []string, tag string) error {
	if err := s.made(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longTime)
	defer cancel()
	for {
		reply, err := s.read(ctx, st, keys, []string{tag, strconv.Itoa(sweepStep)})
		if err != nil {
			return err
		}
		if n, ok := reply.(int64); !ok {
			return errReply
		} else if n < sweepStep {
			return nil
		}
	}
}

// tag is how all keys of one slot begin. The part in braces chooses the slot.
func (s *Store) tag(kind string) string { return "{" + s.prefix + ":" + kind + "}" }
