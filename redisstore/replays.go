package redisstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// replays implements [dpop.Replays]. The ids of a client are in one of
// proofParts slots. So a Cluster shares the work, each part has a bound, and
// Sweep knows where to look.
type replays struct {
	store *Store
	max   int // of a part
}

const proofParts = 16

var (
	stepUse       = stepOf(0, "use", "uses")
	stepSweepUses = stepOf(0, "sweep_uses", "uses")
)

func (r *replays) tag(part int) string { return r.store.tag("p" + strconv.Itoa(part)) }

func usesKeys(tag string) []string { return []string{tag + "uses", tag + "clients"} }

// Use implements [dpop.Replays].
func (r *replays) Use(ctx context.Context, client, id string, until time.Time) (bool, error) {
	if err := r.store.made(); err != nil {
		return false, err
	}
	whole, use := wholeDigest("client", []string{client}), wholeDigest("proof", []string{client, id})
	tag := r.tag(int(whole[16] % proofParts)) // a byte that is not in the member
	reply, late, err := r.store.write(ctx, stepUse, usesKeys(tag),
		[]string{tag, string(whole[:16]), string(use[:16]), decimal(instantUp(until)), strconv.Itoa(r.max)})
	if err != nil {
		return false, full(err)
	}
	switch word, _, err := answer(reply); {
	case err != nil:
		return false, err
	case word == "ok":
		return late == nil, late
	case word == "no":
		return false, nil
	case word == "full":
		return false, auth.ErrFull
	}
	return false, errReply
}

func (r *replays) sweep(ctx context.Context) error {
	var all []error
	for part := range proofParts {
		all = append(all, r.store.sweep(ctx, stepSweepUses, usesKeys(r.tag(part)), r.tag(part)))
	}
	return errors.Join(all...)
}
