package ratelimit

import (
	"context"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A Store keeps how much of each quota is used. [MemoryStore] is one, within
// the process: n processes with a MemoryStore each allow n times as much. A
// store that all processes share, such as a database, lets one limit hold for
// all of them. Package ratelimittest executes what is written here.
//
// A cell is what one limit knows of one client. It is named by the Name of its
// Policy and by its Key together, and what is not known yet has a whole quota.
// Time is the store's: what is taken is restored by the clock of the store,
// and a clock that is set back locks nobody out for longer than it takes to
// restore two whole quotas.
//
// A Store is safe for concurrent use. It heeds the context of a call, and does
// not wait for longer than a deadline of its own, or it needs no context. A
// store that has lost cells has forgotten what they had used. So when it is
// full, it forgets the cells that have used the least.
type Store interface {
	// Debit takes its Cost from each of the cells where each of them has room
	// for it, and else from none. It reports whether it has taken. Either way
	// it fills in Taken and Standing of each. At once or not, cells never give
	// more than they have.
	//
	// An error says that nothing is known about the cells: the limit refuses
	// with 503 then. A cell whose Policy the store does not know is an error,
	// and so is a negative Cost.
	//
	// The cells of a call differ. They come from the narrowest key to the
	// widest: a cell always comes with the same last Key, by which a store of
	// several nodes can keep both in one place.
	Debit(ctx context.Context, cells []Cell) (ok bool, err error)
	// Refund gives back what Debit has taken from each of the cells, once: it
	// sets Taken to 0. Who gives back a part lowers Taken before. What the
	// passing of time has restored is not given back again, and a cell never
	// has more than its Burst. The context of a limit's refund is not that of
	// the client, who may have gone. It ends after five seconds.
	Refund(ctx context.Context, cells []Cell) error
	// Reset makes the quota of each of the cells whole.
	Reset(ctx context.Context, cells []Cell) error
}

// A Cell is what a request takes from one quota of a [Store], and what the
// store says to that.
type Cell struct {
	// Policy is the quota. A client whose Policy changes, because its tier did,
	// keeps what it has used.
	Policy Policy
	// Key is whose quota it is, in any bytes. It is as long as what it was made
	// of, and may hold what a client chose and what is not for everybody's
	// eyes: a store hashes it. The store does not keep the slice.
	Key []byte
	// Cost is how many requests the request is worth. 0 asks how the cell
	// stands, and takes nothing. A Cost above the Burst never has room.
	Cost int64
	// Debt takes although there is no room: others wait for longer then. At
	// most one whole quota is owed beyond the Burst.
	Debt bool

	// Taken is how many requests Debit has taken: the Cost or 0. It is less
	// than the Cost where a Debt reached its bound.
	Taken int64
	// Standing is how the cell stands after the call.
	Standing Standing
}

// A Standing is how a [Cell] stands: with what a Debit has taken, or without
// where it took nothing.
type Standing struct {
	// Exceeded is whether the cell had no room, which is why Debit took
	// nothing.
	Exceeded bool
	// Remaining is how many requests there is room for now.
	Remaining int64
	// Reset is how long it takes until Remaining grows; 0 where nothing is
	// used.
	Reset time.Duration
	// Wait is how long it takes until there is room for the Cost; 0 where there
	// was.
	Wait time.Duration
	// Mark is the store's own, for Refund.
	Mark int64
}

// A Policy is the quota of a [Cell].
type Policy struct {
	// Name is that of the limit.
	Name string
	// Algorithm says how a quota is restored. Default: [GCRA].
	Algorithm Algorithm
	// Limit is how many requests a Window has. At least 1.
	Limit int64
	// Window is what the Limit is for. At least a nanosecond for each request,
	// at most 366 days.
	Window time.Duration
	// Burst is how many requests pass at once. At least 1; at most what the
	// Limit restores in 366 days.
	Burst int64
}

// An Algorithm says how a quota is restored.
type Algorithm int

// GCRA is the generic cell rate algorithm: a quota is restored evenly, by one
// request in each Limit-th part of the Window.
const GCRA Algorithm = 0

// fault says what is wrong with a cell, or nothing.
func (c *Cell) fault() error {
	p := &c.Policy
	wrong := func(field, reason string) error {
		return &bulwark.ConfigError{Field: "ratelimit.Cell." + field, Reason: reason}
	}
	switch {
	case p.Algorithm != GCRA:
		return wrong("Policy.Algorithm", "is not one that a MemoryStore knows; use GCRA")
	case p.Window < 1 || p.Window > maxPeriod:
		return wrong("Policy.Window", "must be positive, at most 366 days")
	case p.Limit < 1 || p.Limit > int64(p.Window):
		return wrong("Policy.Limit", "must be 1 or more, at most one in a nanosecond")
	case p.Burst < 1 || p.Burst > p.Limit && p.Burst > int64(maxPeriod)/unit(p):
		return wrong("Policy.Burst", "must be 1 or more, and restored within 366 days")
	case c.Cost < 0:
		return wrong("Cost", "must not be negative; give back with Refund")
	}
	return nil
}
