package sqlstore

import (
	"context"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// replays implements [dpop.Replays]. A row grants nothing, so it has no MAC.
type replays struct{ *Store }

// Use implements [dpop.Replays]. It is one round trip, unless the rows are
// counted.
func (s replays) Use(ctx context.Context, client, id string, until time.Time) (first bool, err error) {
	d, by := digestOf("proof", client, id), always("client", client)
	err = s.call(ctx, "use a proof", func(ctx context.Context, in seat) error {
		if err := s.admit(ctx, in, by); err != nil {
			return err
		}
		changed, err := in.exec(ctx, &s.sql.replayUse, d[:], by, s.endHere(ceiled(until)), s.here().UnixMicro())
		first = err == nil && changed > 0
		return err
	})
	return first, err
}

// admit returns auth.ErrFull if the client holds as many proofs as there is
// free room, so that a single client can fill only half of the store.
func (s replays) admit(ctx context.Context, in seat, client []byte) error {
	r := s.rooms["replays"]
	if r.pass() {
		return nil
	}
	all, own, err := s.count(ctx, in, r, client)
	switch {
	case err != nil:
		return err
	case own >= r.most-all:
		return auth.ErrFull
	}
	r.grant(r.most - all)
	return nil
}
