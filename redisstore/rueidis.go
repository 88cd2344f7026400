package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Rueidis returns a [Client] that sends commands through a client of package
// rueidis, for one server, a Sentinel group or a Redis Cluster.
//
// The application makes and closes the client. These options suit the stores:
//
//   - DisableCache: true. The stores do not use the cache of rueidis.
//   - ForceSingleClient: true, for one server. Then rueidis.NewClient returns a
//     client even if the server does not answer yet. It also returns the error,
//     which the application logs. Without it, and for Sentinel and Cluster,
//     NewClient needs a server that answers.
//   - Sentinel.TopologyRefreshInterval: 5 * time.Second, with Sentinel. Without
//     it, one lost message of a Sentinel binds the client to a former primary.
//   - ConnWriteTimeout: 1 * time.Second. A connection whose server hangs is
//     given up after this time. The default of rueidis is 10 seconds.
//
// rueidis retries read-only commands after an error of the network. The stores
// mark no command as read-only, so no command is sent twice. In a Cluster,
// rueidis sends a command again after MOVED and ASK, because the node did not
// execute it. Commands with WAIT are the exception: they use a connection of
// their own and return MOVED and ASK to the caller.
func Rueidis(c rueidis.Client) Client {
	if c == nil {
		return nil
	}
	return rueidisClient{c}
}

type rueidisClient struct{ client rueidis.Client }

func (c rueidisClient) Do(ctx context.Context, slot string, commands ...[]string) ([]any, error) {
	if len(commands) == 1 && !isWait(commands[0]) {
		result := c.client.Do(ctx, c.command(slot, commands[0]))
		if err := result.NonRedisError(); err != nil {
			return nil, err
		}
		return []any{reply(result)}, nil
	}
	results := c.doMulti(ctx, slot, commands)
	replies := make([]any, len(results))
	for i, result := range results {
		if err := result.NonRedisError(); err != nil {
			return nil, err
		}
		replies[i] = reply(result)
	}
	return replies, nil
}

func (c rueidisClient) doMulti(ctx context.Context, slot string, commands [][]string) []rueidis.RedisResult {
	built, waits := make([]rueidis.Completed, len(commands)), false
	for i, command := range commands {
		built[i] = c.command(slot, command)
		waits = waits || isWait(command)
	}
	if !waits {
		return c.client.DoMulti(ctx, built...)
	}
	if c.client.Mode() != rueidis.ClientModeCluster {
		// A blocking command takes a connection of its own from a pool, which
		// rueidis closes if the call fails.
		return c.client.DoMulti(ctx, built...)
	}
	// DoMulti of a cluster would follow a MOVED of one command and would leave
	// the WAIT behind, on a node that has nothing to wait for.
	dedicated, release := c.client.Dedicate()
	defer release()
	results := dedicated.DoMulti(ctx, built...)
	for _, result := range results {
		if result.NonRedisError() != nil {
			dedicated.Close() // an answer may still come
			break
		}
	}
	return results
}

// command is a command for the node of the slot.
func (c rueidisClient) command(slot string, command []string) rueidis.Completed {
	arbitrary := c.client.B().Arbitrary(command...)
	built := rueidis.Completed{}
	if isWait(command) {
		built = arbitrary.Blocking()
	} else {
		built = arbitrary.Build()
	}
	if slot != "" {
		built = built.SetSlot(slot)
	}
	return built
}

func isWait(command []string) bool {
	return len(command) > 0 && strings.EqualFold(command[0], "WAIT")
}

// reply is the answer to one command, in the types of [Client].
func reply(result rueidis.RedisResult) any {
	message, err := result.ToMessage()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return value(message)
}

func value(m rueidis.RedisMessage) any {
	switch err := m.Error(); {
	case m.IsNil():
		return nil
	case err != nil:
		return err
	case m.IsString():
		s, _ := m.ToString()
		return s
	case m.IsInt64():
		n, _ := m.ToInt64()
		return n
	case m.IsArray():
		elements, _ := m.ToArray()
		all := make([]any, len(elements))
		for i := range elements {
			all[i] = value(elements[i])
		}
		return all
	case m.IsMap(): // RESP3; a list of keys and values in RESP2
		elements, err := m.ToMap()
		if err != nil {
			return err
		}
		all := make([]any, 0, 2*len(elements))
		for key, element := range elements {
			all = append(all, key, value(element))
		}
		return all
	}
	return other(m)
}

// other is a reply in a type that only RESP3 has, as RESP2 has it.
func other(m rueidis.RedisMessage) any {
	any, err := m.ToAny()
	if err != nil {
		return err
	}
	switch v := any.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case string:
		return v
	}
	return errors.New("a reply of a type that RESP2 does not have")
}
