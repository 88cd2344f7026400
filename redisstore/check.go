package redisstore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// schema is the version of the rows. A version of this package that reads other
// rows has another one.
const schema = "1"

// check asks Redis whether it can keep what a Store keeps.
func (s *Store) check(ctx context.Context) error {
	for _, tag := range s.tags() {
		if err := s.checkPrimary(ctx, tag); err != nil {
			return err
		}
	}
	return s.checkSchema(ctx)
}

// tags are those of all slots that the Store uses.
func (s *Store) tags() []string {
	tags := []string{s.sessions.rows.tag, s.keys.rows.tag, s.revocations.marks.tag}
	for part := range proofParts {
		tags = append(tags, s.replays.tag(part))
	}
	return tags
}

// commands sends commands for New.
func (s *Store) commands(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	replies, err := s.do(ctx, slot, commands...)
	if err != nil {
		return nil, fmt.Errorf("redisstore: New: Redis does not answer: %w%s", err, advice(codeOf(err.Error())))
	}
	return replies, nil
}

// checkPrimary looks at the primary that has the slot.
func (s *Store) checkPrimary(ctx context.Context, tag string) error {
	replies, err := s.commands(ctx, tag, []string{"INFO", "server"}, []string{"INFO", "memory"})
	if err != nil {
		return err
	}
	for _, reply := range replies {
		if err, failed := reply.(error); failed {
			return fmt.Errorf("redisstore: New: INFO: %w%s", err, advice(codeOf(err.Error())))
		}
	}
	if version, has := infoField(replies[0], "redis_version"); has && !atLeast62(version) {
		return fmt.Errorf("redisstore: New: the server is Redis %.16q; update it to 6.2 or later", version)
	}
	policy, has := infoField(replies[1], "maxmemory_policy")
	if !has {
		if policy, err = s.configuredPolicy(ctx, tag); err != nil {
			return err
		}
	}
	if policy != "noeviction" {
		return fmt.Errorf("redisstore: New: the maxmemory-policy of Redis is %.32q, so it forgets revocations and sessions to make room; set maxmemory-policy noeviction on each primary and replica, and give limits a Redis of their own", policy)
	}
	return nil
}

// configuredPolicy is for a server whose INFO does not say the policy.
func (s *Store) configuredPolicy(ctx context.Context, tag string) (string, error) {
	replies, err := s.commands(ctx, tag, []string{"CONFIG", "GET", "maxmemory-policy"})
	if err != nil {
		return "", err
	}
	if pair, ok := replies[0].([]any); ok && len(pair) == 2 {
		if policy, ok := pair[1].(string); ok {
			return policy, nil
		}
	}
	return "", errors.New("redisstore: New: neither INFO memory nor CONFIG GET says the maxmemory-policy of the server; allow one of them to the user of the Client")
}

// infoField finds a line of INFO.
func infoField(reply any, name string) (value string, has bool) {
	text, _ := reply.(string)
	for line := range strings.Lines(text) {
		if value, has := strings.CutPrefix(line, name+":"); has {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func atLeast62(version string) bool {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	m, err1 := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	return err1 != nil || err2 != nil || m > 6 || m == 6 && n >= 2
}

// checkSchema writes the version of the rows and a MAC under the newest secret,
// or compares what is there. So a process with wrong Secrets does not start,
// where it would refuse every session.
func (s *Store) checkSchema(ctx context.Context) error {
	key, mine := s.sessions.rows.tag+"schema", schema+":"+s.proof(s.sealer.keys[0])
	replies, err := s.commands(ctx, key, []string{"SETNX", key, mine}, []string{"GET", key})
	if err != nil {
		return err
	}
	found, ok := replies[1].(string)
	if !ok {
		if err, refused := replies[0].(error); refused {
			return fmt.Errorf("redisstore: New: write the version of the rows: %w%s", err, advice(codeOf(err.Error())))
		}
		return fmt.Errorf("redisstore: New: read the version of the rows: %w", errReply)
	}
	version, proof, _ := strings.Cut(found, ":")
	if version != schema {
		return fmt.Errorf("redisstore: New: the rows under Config.Prefix are of version %.16q, and this package writes version %s; use the package of that version, or another Prefix", version, schema)
	}
	for i, secret := range s.sealer.keys {
		if proof != s.proof(secret) {
			continue
		}
		if i == 0 {
			return nil
		}
		_, err := s.commands(ctx, key, []string{"SET", key, mine})
		return err
	}
	return fmt.Errorf("redisstore: New: Config.Secrets has none of the keys that the rows under Config.Prefix were written with; add the former key in the second place, or delete the Redis key %q if all rows are gone", key)
}

// proof shows that somebody has the key, and does not tell the key.
func (s *Store) proof(key []byte) string {
	return hex.EncodeToString(s.sealer.mac(key, sealedSchema, "", "", schema)[:16])
}
