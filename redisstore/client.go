package redisstore

import "context"

// A Client sends commands to Redis. The stores of this package have no other
// way to the server. [Rueidis] makes a Client from a client of rueidis. The
// Example of Client is a Client for go-redis, in a few lines.
//
// A Client is safe for concurrent use. It follows these rules:
//
//   - It sends the commands of one call in their order, on one connection, to
//     the primary of the slot. It never sends them to a replica.
//   - It never sends a command a second time, unless the server has said that
//     it did not execute the command (MOVED, ASK). After a timeout, nobody
//     knows whether a command was executed. A second debit would take twice.
//   - If one of the commands is WAIT, the connection is not shared with other
//     calls, because WAIT stops a connection until the replicas have answered.
//   - It returns when ctx ends.
//   - It does not change the commands. After a call that returned no error, it
//     does not keep them.
type Client interface {
	// Do executes commands. The slot is one of their keys; it names the node
	// of a Redis Cluster. All keys of the commands are in the slot of that key.
	// If slot is empty, any primary may execute the commands.
	//
	// The replies are as many as the commands, in their order. A reply is a
	// string, an int64, a []any of replies, nil for a null, or an error for an
	// error of Redis. The text of the error begins with the code of Redis, such
	// as "NOSCRIPT" or "READONLY". The code "ERR" may be missing.
	//
	// If err is not nil, it is not known which of the commands were executed.
	Do(ctx context.Context, slot string, commands ...[]string) (replies []any, err error)
}
