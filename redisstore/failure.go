package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A failure is why a call has no answer.
type failure struct {
	cause string // one word, for events and errors
	err   error  // that errors.Is finds; nil for an error of Redis
	// down says that Redis cannot be used at the moment: a timeout, an error of
	// the network, or an error of Redis that says so. Only these move the
	// breaker. An error that would come back for ever, such as a wrong
	// password, is a mistake of the deployment, and no mode hides it.
	down bool
}

func (f *failure) Error() string {
	switch {
	case f.cause == causeTimeout:
		return "redisstore: Redis has not answered in time"
	case f.cause == causeTransport:
		return "redisstore: Redis cannot be reached"
	case f.cause == causeOpen:
		return "redisstore: Redis has not answered lately, and is asked again soon"
	case f.cause == causeReply:
		return "redisstore: the answer of Redis makes no sense; does the Client return replies in the order of the commands?"
	case f.cause == causeCaller:
		return "redisstore: the context of the call has ended"
	case f.cause == codeEnds:
		return "redisstore: Policy.Ends must hold an end that has passed and an end ahead, by the clock of Redis"
	case f.cause == codeState:
		return "redisstore: a key in Redis has a value that is not of this package; give the store a Prefix of its own"
	}
	return "redisstore: Redis answers " + f.cause + advice(f.cause)
}

// advice says what to change if the answer of Redis comes from a mistake of the
// deployment, or nothing.
func advice(code string) string {
	switch code {
	case "MOVED", "ASK":
		return "; if it is a Cluster, make the client of rueidis without ForceSingleClient"
	case "READONLY":
		return "; if it is a replica, connect to the primary"
	case "NOPERM":
		return "; the package documentation lists the keys and commands that the user of the Client needs"
	case "NOAUTH", "WRONGPASS":
		return "; correct the user and the password of the Client"
	}
	return ""
}

func (f *failure) Unwrap() error { return f.err }

// The causes that are not codes of Redis.
const (
	causeTimeout   = "timeout"
	causeTransport = "transport"
	causeOpen      = "open"   // the breaker is open
	causeReply     = "reply"  // that this package cannot read
	causeCaller    = "caller" // whose context has ended
	codeEnds       = "BULWARKENDS"
	codeState      = "BULWARKSTATE"
)

// downCodes are the errors of a Redis that cannot be used at the moment, and
// that can be used again without anybody correcting a configuration.
var downCodes = []string{
	"LOADING",      // it reads its file
	"BUSY",         // a script runs for too long
	"CLUSTERDOWN",  // no majority, or a slot without a primary
	"TRYAGAIN",     // the slot is just being moved
	"MOVED", "ASK", // the client does not know the new place of the slot yet
	"MASTERDOWN",  // a replica without its primary
	"READONLY",    // a primary that has become a replica
	"NOREPLICAS",  // too few replicas for min-replicas-to-write
	"MISCONF",     // its file cannot be written
	"OOM",         // no memory, and nothing that may be evicted
	"UNBLOCKED",   // the call was stopped from outside
	"NOTREADY",    // a proxy or a cluster that starts
	"max",         // number of clients reached
	"Server",      // is closing or going down
	"REDIRECT",    // to a new primary, of Valkey
	"FAILOVER",    // in progress
	"PROXYDOWN",   // of a proxy before Redis
	"UNAVAILABLE", // of a managed Redis
}

// refusals are the errors of a Redis that does not accept the client. They come
// when a command connects, so that they look like an error of the network.
var refusals = []string{"NOAUTH", "WRONGPASS", "NOPERM"}

// callFailure says why a call returned an error.
func callFailure(ctx, call context.Context, err error) *failure {
	switch {
	case ctx.Err() != nil:
		return &failure{cause: causeCaller, err: context.Cause(ctx)}
	case call.Err() != nil, errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return &failure{cause: causeTimeout, err: context.DeadlineExceeded, down: true}
	case slices.Contains(refusals, codeOf(err.Error())):
		return &failure{cause: codeOf(err.Error())}
	}
	return &failure{cause: causeTransport, err: err, down: true}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// replyFailure says which error Redis answered. The text of the error stays
// out, because it may quote what was sent.
func replyFailure(err error) *failure {
	code := codeOf(err.Error())
	return &failure{cause: code, down: slices.Contains(downCodes, code)}
}

// codeOf is the code of an error of Redis. Before version 7, an error of a
// command within a script has a text of its own, with the code after a dash.
func codeOf(text string) string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "-"), "ERR ")
	if strings.HasPrefix(text, "Error running script") {
		for _, code := range downCodes {
			if strings.Contains(text, " -"+code+" ") {
				return code
			}
		}
	}
	code, _, _ := strings.Cut(text, " ")
	if slices.Contains(downCodes, code) {
		return code
	}
	if len(code) < 2 || len(code) > 20 || strings.ToUpper(code) != code || strings.ContainsFunc(code, notInCode) {
		return "ERR"
	}
	return code
}

func notInCode(r rune) bool { return r < 'A' || r > 'Z' }
