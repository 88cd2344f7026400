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
//   - Of many uses of one id by one client, also at once, exactly one is first,
//     until the time of that one has passed; after that the id is new. Another
//     use does not move the time.
//   - An id whose time has already passed, as zero always has, is first at most
//     once.
//   - An id counts within its client: two clients may use one id, and neither
//     spoils the other's.
//   - Clients and ids are compared byte by byte, whatever bytes they hold and
//     however long they are.
//   - The time may be rounded up to whole seconds, never down.
//   - No id is dropped before its time, not even to make room. Where room runs
//     out, the client that holds much should be refused before others are.
//
// Ids are made up by clients, so that who verifies a proof asks last, when
// everything else about it is good. The client is then one that has proven who
// it is: for a DPoP proof it is the thumbprint of the key (RFC 7638).
//
// Any error but [auth.ErrFull] is an outage, and with either the proof must be
// refused. Package authtest has TestReplays, which checks all that.
type Replays interface {
	// Use records that the client has used the id, until the time, and reports
	// whether this was the first use. It returns [auth.ErrFull] where there is
	// no room for the client.
	Use(ctx context.Context, client, id string, until time.Time) (first bool, err error)
}
