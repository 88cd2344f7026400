package dpop

import (
	"context"
	"time"
)

// Replays remembers which proofs have been used, for what may be used once: the
// jti of a DPoP proof (RFC 9449 section 11.1), a client assertion, a nonce. It
// must be safe for concurrent use, bound its own time by the context and by
// itself, and obey:
//
//   - Of many uses of one id, also at once, exactly one is first, until the
//     time of that one has passed; after that the id is new. Another use does
//     not move the time.
//   - An id whose time has already passed, as zero always has, is first at most
//     once.
//   - Ids are compared byte by byte, whatever bytes they hold and however long
//     they are.
//   - The time may be rounded up to whole seconds, never down.
//   - No id is dropped before its time, not even to make room.
//
// Ids are made up by clients, so that who verifies a proof asks last, when
// everything else about it is good, and puts in front of the id whose proof it
// is: two keys may use one jti, and neither is to spoil the other's.
//
// Any error but [auth.ErrFull] is an outage, and with either the proof must be
// refused. Package bulwarktest has TestReplays, which checks all that.
type Replays interface {
	// Use records id until the time and reports whether this was its first use.
	// It returns [auth.ErrFull] where there is no room.
	Use(ctx context.Context, id string, until time.Time) (first bool, err error)
}
