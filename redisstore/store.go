package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/apikey"
	"github.com/bulwark-go/bulwark/auth/dpop"
	"github.com/bulwark-go/bulwark/auth/session"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// A Store keeps sessions, API keys, revocations and used proofs in Redis, for
// all processes of a service. Make it with [New]. It is safe for concurrent
// use. The suites of package authtest check that it keeps the rules of the four
// interfaces, over one server, a Cluster and Sentinel.
//
// # Steps
//
// Each change is one script, which Redis executes as a whole. A process or a
// server that is killed leaves whole rows, and indexes that fit them. A check
// of a session or of a key is one round trip, a refresh is two. All times are
// those of the clock of Redis, which all processes share. A Version is never
// given twice, not even after a failover.
//
// A clock that is ahead lets nobody in. Revocations, used proofs and the marks
// of RevokeProvider and RevokeOwner refuse somebody. They are forgotten when
// the clock of Redis and the clock of the process both say that they have
// ended. If the clock of the process that writes one is behind, it is kept for
// as long as that process means. Sessions and keys end by the clock of Redis
// alone: a server whose clock is an hour ahead logs users out an hour early. An
// adopted API key is kept for good.
//
// # Outages
//
// A Store never answers from memory and never guesses. An error that is not one
// of the errors of package auth is an outage, and the request is answered with
// 503. After such an error of a write, nobody knows whether Redis has made the
// change. It has made the whole change or nothing. The Store does not repeat
// it. A read decides: a session whose Create was answered with an error may be
// there until its end, and nobody has its tokens.
//
// A read whose connection fails is repeated once. After a restart of Redis,
// each connection of the client finds by itself that it has ended. So writes,
// and seldom reads, may still be answered with 503 after the first success, at
// most once for each connection.
//
// Redis at its maxmemory refuses what is new with [auth.ErrFull]: logins, keys,
// revocations and proofs. Checks, refreshes, rotations and logouts go on, and
// so does a login in the place of an own session. Keep room free, because a
// full server cannot revoke a token.
//
// # Who writes to Redis
//
// The row of a session or a key has a MAC under Config.Secrets, over the
// Prefix, the id and everything that the row grants, including its end. A row
// that somebody has changed, copied to another id or brought from another
// service is an error that names the row. It is never accepted, and never taken
// for a row that is not there. A List that meets such a row is an error too,
// because a row that is left out would not be revoked.
//
// A MAC does not show what is missing or old. Somebody who writes to Redis can
// delete a row, an entry of an index, a revocation or a used proof. Such a
// person can also bring back the former content of a row, until its end: an
// earlier refresh token, or a key from before its revocation. Redis keeps the
// Version and the times RefreshedAt, UsedAt, LastUsed and StaleReported, which
// are not under the MAC. So such a person can keep an idle session from ending
// early.
//
// Therefore give each service a user of its own, with the keys ~{PREFIX:* and
// the commands EVAL, EVALSHA, GET, SET, SETNX, SETRANGE, GETRANGE, EXISTS, DEL,
// ZADD, ZREM, ZSCORE, ZCARD, ZCOUNT, ZRANGE, ZRANGEBYSCORE, ZRANGEBYLEX, HGET,
// HSET, HDEL, HINCRBY, TIME, INFO and WAIT.
//
// Ids of sessions and keys are in the names of keys in Redis, as they are. They
// give no access. Issuers, subjects and user agents are in the rows. Names of
// logins, tokens and proofs are SHA-256 digests. The Store never sees a token
// or a secret, only what package session or apikey has hashed.
//
// # Restarts and failovers
//
// The configuration of the server decides what survives. A test kills Redis
// under a stream of revocations that Revoke has answered with nil:
//
//   - appendonly yes, appendfsync always: no revocation was lost.
//   - appendonly yes, appendfsync everysec: no revocation was lost, because the
//     kernel had them all. If the disk is busy or the machine fails, the last
//     two seconds can be lost.
//   - no append-only file: all revocations since the last snapshot were lost,
//     and without snapshots all of them. A revoked token is accepted again, and
//     all users have to log in again.
//
// A failover loses what the new primary had not received. In the test, that was
// each write since the replica was cut off, and with [Config.Replicas] no write
// that had returned nil.
//
// # Cluster
//
// All sessions are in one slot, all keys in another, all revocations in a third
// one, and used proofs in 16 slots. A Create is one step over the sessions of
// its caller and the logouts of its provider, and a check knows only an id. So
// one primary serves all sessions of a Prefix. A Cluster helps to spread
// services, kinds and Prefixes, not to split one kind. While a Cluster moves
// one of these slots, calls may be outages.
type Store struct {
	client   Client
	sealer   *sealer
	prefix   string
	timeout  time.Duration
	replicas int
	here     func() time.Time // the clock of this process

	sessions    sessions
	keys        keys
	revocations revocations
	replays     replays
}

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
// In a Cluster, New asks each primary that has rows of the Store. New does not
// look at appendonly, nor for the replicas of Config.Replicas: without them,
// the first write returns an error.
func New(ctx context.Context, c Config) (*Store, error) {
	faults := fault.In("redisstore")
	s := &Store{client: c.Client, prefix: c.Prefix, here: time.Now}
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

// Sweep forgets what has expired, in steps of at most 200 entries. Redis
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
	// else meanwhile: for about two milliseconds.
	sweepStep = 200
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
		reply, err := s.forget(ctx, st, keys, []string{tag, strconv.Itoa(sweepStep)})
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
