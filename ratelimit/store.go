package ratelimit

import (
	"context"
	"strconv"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A Store keeps how much of each quota is used. [MemoryStore] keeps it within
// the process. A store that all processes share, such as a database, lets one
// limit hold for all of them. Users of a limit do not call a Store. Authors of
// a store test it with package ratelimittest, which executes the rules that
// follow.
//
// A cell is the use of one quota by one client. The Name and the Algorithm of
// its Policy and its Key together identify it. A cell that the store does not
// know has a whole quota. A quota is restored by the clock of the store. If
// that clock is set back, nobody is locked out for longer than it takes to
// restore two whole quotas.
//
// A Store is safe for concurrent use. It ends a call when the context of the
// call ends, or at an earlier deadline of its own. A store that never waits
// does not need to check them. A store that is full forgets the cells that have
// used the least, because a forgotten cell has a whole quota again.
type Store interface {
	// Debit takes from each cell its Cost, if every cell has room for its Cost.
	// Otherwise it takes from no cell. It reports whether it has taken. In both
	// cases it fills in Taken and Standing of each cell. Calls that run at once
	// never take more from a cell than the cell has.
	//
	// An error means that nothing is known about the cells. The limit then
	// refuses with 503. A Policy that the store does not know is an error. A
	// negative Cost is an error.
	//
	// The cells of a call differ from each other. They come from the narrowest
	// key to the widest. For a given cell, the last Key of the call is always
	// the same. So a store of several nodes can choose the node by the last
	// Key, and keeps all cells of the call on one node.
	Debit(ctx context.Context, cells []Cell) (ok bool, err error)
	// Refund gives back to each cell the requests in Taken, and sets Taken to
	// 0, so that a second Refund does nothing. To give back a part, lower Taken
	// before the call. Requests that time has restored are not given back
	// again, and a cell never has more than its Burst. A limit calls Refund
	// with a context that lasts 5 seconds and does not end when the client
	// leaves.
	Refund(ctx context.Context, cells []Cell) error
	// Reset makes the quota of each cell whole.
	Reset(ctx context.Context, cells []Cell) error
}

// A PartialStore is a [Store] that counts by some algorithms only, such as the
// quotas of a calendar in a database. [New] returns an error for a [Rate] of
// another algorithm, so that no request finds out. Debit returns an error for a
// cell of another algorithm. A Store that is not a PartialStore counts by all
// of them.
type PartialStore interface {
	Store
	// Algorithms returns the algorithms that the store knows, always the same.
	Algorithms() []Algorithm
	// MinWindow returns the shortest window that the store counts, or 0. New
	// returns an error for a Rate with a shorter window, unless the window is
	// that of a calendar.
	MinWindow() time.Duration
}

// A Cell is what a request takes from one quota of a [Store], and the answer of
// the store.
type Cell struct {
	// Policy is the quota. If the Policy of a client changes, for example with
	// the tier, the requests that the client has used stay used.
	Policy Policy
	// Key identifies the client, in any bytes. It may be long, may hold text
	// that the client chose, and may hold personal data. Therefore a store
	// hashes it. The store does not keep the slice.
	Key []byte
	// Cost is how many requests the request counts for. A Cost of 0 takes
	// nothing and only asks how the cell stands. A Cost above the Burst never
	// has room.
	Cost int64
	// Debt lets Debit take even if there is no room. The next requests then
	// wait longer. A cell owes at most one whole quota beyond the Burst.
	Debt bool

	// Taken is how many requests Debit has taken. It is the Cost or 0. If the
	// cell has reached the bound of its Debt, Taken may be less than the Cost.
	Taken int64
	// Standing is how the cell stands after the call.
	Standing Standing
}

// A Standing is how a [Cell] stands after a call. It includes the requests that
// the call has taken.
type Standing struct {
	// Exceeded reports whether the cell had no room for its Cost.
	Exceeded bool
	// Remaining is for how many requests there is room now.
	Remaining int64
	// Reset is how long it takes until Remaining grows. It is 0 if the whole
	// quota is there.
	Reset time.Duration
	// Wait is how long it takes until there is room for the Cost. It is 0 if
	// there was room.
	Wait time.Duration
	// Mark is a value that the store chooses, and reads again in Refund.
	Mark int64
}

// A Policy is the quota of a [Cell].
type Policy struct {
	// Name is the Name of the limit. If the Rate has several windows, it is the
	// Name and the window, such as "api-day".
	Name string
	// Algorithm says how a quota is restored. Default: [GCRA].
	Algorithm Algorithm
	// Limit is how many requests a Window allows. At least 1. At most 64 for a
	// [SlidingLog]. At most 16,000,000,000 for a [FixedWindow].
	Limit int64
	// Window is the time in which the Limit is allowed. At least 1 nanosecond
	// for each request. At most 366 days.
	Window time.Duration
	// Burst is how many requests pass at once. At least 1. At most the number
	// of requests that are restored in 366 days. It is the Limit, unless the
	// Algorithm is [GCRA].
	Burst int64
	// Ends are the ends of the windows of a calendar, in ascending order, for a
	// [FixedWindow]. The window of now ends at the first of them that is after
	// now, by the clock of the store. The Ends reach from the past well into
	// the future, so that clocks that differ by hours find the same window. If
	// all of them have passed, or all are in the future, Debit returns an
	// error. Default: a window begins with the first request of a client.
	Ends []time.Time
}

// An Algorithm says how a quota is restored. Cells of different Algorithms are
// different cells, even with the same Name and Key.
type Algorithm int

const (
	// GCRA is the generic cell rate algorithm. It restores a quota evenly: one
	// request each time that a part of 1/Limit of the Window has passed.
	GCRA Algorithm = iota
	// FixedWindow restores the whole quota at the end of a window. A window
	// begins with the first request that is counted after the last window has
	// ended, and lasts a Window. Or it follows the calendar of Policy.Ends. So
	// up to twice the Limit passes within one Window: at the end of a window,
	// and at the begin of the next. What is owed at the end of a window is used
	// in the window that follows directly, and no later. A Refund gives back
	// only within the window of its Debit. A window that would end later than a
	// window from now is cut: the clock was set back, or the Policy has
	// changed.
	FixedWindow
	// SlidingLog keeps the time of each request. No Window, wherever it begins,
	// has more requests than the Limit, and debts. The Limit is at most 64. A
	// Refund removes the requests of its Debit.
	SlidingLog
)

// String returns the name of the algorithm in Go.
func (a Algorithm) String() string {
	switch a {
	case GCRA:
		return "GCRA"
	case FixedWindow:
		return "FixedWindow"
	case SlidingLog:
		return "SlidingLog"
	}
	return "Algorithm(" + strconv.Itoa(int(a)) + ")"
}

// fault says what is wrong with a cell, or nothing.
func (c *Cell) fault() error {
	p := &c.Policy
	switch {
	case p.Algorithm < GCRA || p.Algorithm > SlidingLog:
		return wrongCell("Policy.Algorithm", "is an algorithm that a MemoryStore does not know; write GCRA, FixedWindow or SlidingLog")
	case p.Window < 1 || p.Window > maxPeriod:
		return wrongCell("Policy.Window", "must be above 0 and at most 366 days")
	case p.Limit < 1 || p.Limit > int64(p.Window):
		return wrongCell("Policy.Limit", "must be at least 1, and at most one request for each nanosecond of the Window")
	case p.Algorithm == SlidingLog && p.Limit > maxLog:
		return wrongCell("Policy.Limit", "must be at most 64 for a SlidingLog")
	case p.Algorithm == FixedWindow && p.Limit > maxWindowLimit:
		return wrongCell("Policy.Limit", "must be at most 16000000000 for a FixedWindow")
	case p.Algorithm == GCRA && (p.Burst < 1 || p.Burst > p.Limit && p.Burst > int64(maxPeriod)/unit(p)):
		return wrongCell("Policy.Burst", "must be at least 1, and small enough to be restored within 366 days")
	case p.Algorithm != FixedWindow && len(p.Ends) > 0:
		return wrongCell("Policy.Ends", "are for a FixedWindow; leave them out")
	case c.Cost < 0:
		return wrongCell("Cost", "must not be negative; call Refund to give requests back")
	}
	return nil
}

func wrongCell(field, reason string) error {
	return &bulwark.ConfigError{Field: "ratelimit.Cell." + field, Reason: reason}
}
