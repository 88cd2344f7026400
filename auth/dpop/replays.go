package dpop

import (
	"context"
	"time"
)

// Replays remembers ids that may be used only once: the jti of a DPoP proof
// (RFC 9449 section 11.1), the jti of a client assertion, or a nonce. A Replays
// must be safe for concurrent use. It must end its work when the context ends,
// and it must also have a timeout of its own. It must keep these rules:
//
//   - If one client uses one id many times, also at the same time, exactly one
//     use is first. The time of this use counts: other uses do not change the
//     time. When the time has passed, the id is new.
//   - If the time has already passed, at most one use of the id is first. The
//     zero time has always passed.
//   - An id counts within its client: two clients may use the same id.
//   - Clients and ids are compared byte by byte. They may hold any bytes and
//     have any length.
//   - The time may be rounded up to whole seconds, never down.
//   - No id is dropped before its time, not even to make room. If there is no
//     more room, a client that holds many ids should be refused before others.
//
// A client can make up any number of ids. So a verifier asks last, when
// everything else about the proof is good. The client has then proven its
// identity. For a DPoP proof, the client is the thumbprint of the key (RFC
// 7638).
//
// Any error other than [auth.ErrFull] is an outage. With any error the proof
// must be refused. TestReplays of package authtest checks these rules.
type Replays interface {
	// Use records until the given time that the client has used the id, and
	// reports whether this was the first use. It returns [auth.ErrFull] if
	// there is no room for the client.
	Use(ctx context.Context, client, id string, until time.Time) (first bool, err error)
}
