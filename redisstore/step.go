package redisstore

import (
	"context"
	"crypto/sha1"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// A step is a change that Redis makes in one piece: a script in Lua. No other
// client sees half of a step. If the process is killed, Redis has made the
// whole step or nothing of it.
type step struct {
	name, source string
	sha          string // by which EVALSHA names it
	also         string // a word that only this step answers
}

// stepOf puts a step together from files in the folder lua. STAMP is how many
// bytes at the beginning of a row's content say when it was refreshed.
func stepOf(stamp int, name string, parts ...string) *step {
	var source strings.Builder
	for i, part := range append(append([]string{"common"}, parts...), name) {
		text, err := luaFiles.ReadFile("lua/" + part + ".lua")
		if err != nil {
			panic(err) // a file of this package
		}
		source.Write(text)
		if i == 0 {
			fmt.Fprintf(&source, "local STAMP = %d\n", stamp)
		}
	}
	sum := sha1.Sum([]byte(source.String())) // the name that Redis gives it
	return &step{name: name, source: source.String(), sha: hex.EncodeToString(sum[:])}
}

// or lets the step answer one more word than table.change knows.
func (st *step) or(word string) *step {
	st.also = word
	return st
}

// command is the step as a command of Redis.
func (st *step) command(verb, which string, keys, args []string) []string {
	all := make([]string, 0, 3+len(keys)+len(args))
	all = append(all, verb, which, strconv.Itoa(len(keys)))
	return append(append(all, keys...), args...)
}

// read makes a step that changes nothing.
func (s *Store) read(ctx context.Context, st *step, keys, args []string) (any, error) {
	reply, _, err := s.make(ctx, st, keys, args, false, s.ask)
	return reply, err
}

// forget makes a step of a sweep, which needs no replicas.
func (s *Store) forget(ctx context.Context, st *step, keys, args []string) (any, error) {
	reply, _, err := s.make(ctx, st, keys, args, false, s.do)
	return reply, err
}

// write makes a step that may change something. late is an error if the change
// is on the primary, and too few replicas have confirmed it. It counts only if
// there was a change.
func (s *Store) write(ctx context.Context, st *step, keys, args []string) (reply any, late, err error) {
	return s.make(ctx, st, keys, args, s.replicas > 0, s.do)
}

// make sends the step by its hash. If Redis does not have it, Redis has done
// nothing, and the step is sent whole. In no other case is a step that
// changes something sent twice.
//
// The last argument of each step is the time of this process. What refuses
// somebody is kept until this clock and the clock of Redis say that it is over.
func (s *Store) make(ctx context.Context, st *step, keys, args []string, wait bool, do doing) (reply any, late, err error) {
	args = append(args[:len(args):len(args)], decimal(instant(s.here())))
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	send := func(verb, which string) ([]any, error) {
		commands := [][]string{st.command(verb, which, keys, args)}
		if wait {
			commands = append(commands, s.waiting(ctx))
		}
		return do(ctx, keys[0], commands...)
	}
	replies, err := send("EVALSHA", st.sha)
	if err == nil && unknownStep(replies[0]) {
		replies, err = send("EVAL", st.source)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("redisstore: %s: %w", st.name, err)
	}
	if err, failed := replies[0].(error); failed {
		return nil, nil, fmt.Errorf("redisstore: %s: %w", st.name, err)
	}
	if wait {
		late = s.confirmed(replies[1])
	}
	return replies[0], late, nil
}

// A doing is do or ask.
type doing = func(ctx context.Context, slot string, commands ...[]string) (replies []any, err error)

// ask is do for commands that change nothing. If the connection fails, it asks
// once more, within the same time: after a restart of Redis, each connection of
// a pool finds by itself that it has ended.
func (s *Store) ask(ctx context.Context, slot string, commands ...[]string) (replies []any, err error) {
	replies, err = s.do(ctx, slot, commands...)
	if err != nil && ctx.Err() == nil {
		replies, err = s.do(ctx, slot, commands...)
	}
	return replies, err
}

// do sends commands, and returns as many replies. A Client that answers
// something else is an outage.
func (s *Store) do(ctx context.Context, slot string, commands ...[]string) (replies []any, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	replies, err = s.client.Do(ctx, slot, commands...)
	if err == nil && len(replies) != len(commands) {
		err = fmt.Errorf("the Client returned %d replies to %d commands", len(replies), len(commands))
	}
	return replies, err
}

// waiting is the command that waits for the replicas, for half of the time that
// is left. Then its answer comes in time, and also that of a second attempt for
// a script that Redis did not have.
func (s *Store) waiting(ctx context.Context) []string {
	left := s.timeout
	if end, has := ctx.Deadline(); has {
		left = time.Until(end)
	}
	wait := max(left/2/time.Millisecond, 1) // 0 would be for ever
	return []string{"WAIT", strconv.Itoa(s.replicas), strconv.FormatInt(int64(wait), 10)}
}

func (s *Store) confirmed(reply any) error {
	switch n := reply.(type) {
	case error:
		return fmt.Errorf("redisstore: the write is on the primary, but WAIT failed: %w", n)
	case int64:
		if n >= int64(s.replicas) {
			return nil
		}
		return fmt.Errorf("redisstore: the write is on the primary, but %d of %d replicas have confirmed it; look at the replicas, or lower Config.Replicas", n, s.replicas)
	}
	return errReply
}

func unknownStep(reply any) bool {
	err, failed := reply.(error)
	return failed && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

var errReply = errors.New("redisstore: Redis has answered something that this version does not know; are other programs writing under Config.Prefix?")

// full returns auth.ErrFull if Redis has refused the step because it is at its
// maxmemory. The step has then changed nothing.
func full(err error) error {
	if err != nil && strings.Contains(err.Error(), "OOM command not allowed") {
		return fmt.Errorf("%w: Redis has reached its maxmemory", auth.ErrFull)
	}
	return err
}

// answer is the first word of a step's reply, and what follows.
func answer(reply any) (word string, rest []any, err error) {
	list, _ := reply.([]any)
	if len(list) == 0 {
		return "", nil, errReply
	}
	word, ok := list[0].(string)
	if !ok {
		return "", nil, errReply
	}
	return word, list[1:], nil
}
