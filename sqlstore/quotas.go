package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark/ratelimit"
)

// quotas implements [ratelimit.PartialStore]. A row grants nothing, so it has
// no MAC.
type quotas struct{ *Store }

// maxCells bounds the cells of a call. A limit has at most four windows, and
// each has at most two cells.
const maxCells = 16

// errRefused undoes a transaction in which a cell has no room.
var errRefused = errors.New("refused")

// Algorithms implements [ratelimit.PartialStore].
func (s quotas) Algorithms() []ratelimit.Algorithm {
	return []ratelimit.Algorithm{ratelimit.FixedWindow}
}

// MinWindow implements [ratelimit.PartialStore].
func (s quotas) MinWindow() time.Duration { return s.config.MinWindow }

// Debit implements [ratelimit.Store]. If a cell has no room, it is one round
// trip, and writes nothing. One cell with room is two round trips: the second
// compares and swaps. Several cells, or a cell that others debit at the same
// moment, are locked.
func (s quotas) Debit(ctx context.Context, cells []ratelimit.Cell) (ok bool, err error) {
	windows, err := s.windows(cells)
	if err != nil || len(cells) == 0 {
		return err == nil, err
	}
	err = s.call(ctx, "debit quotas", func(ctx context.Context, in seat) error {
		now, err := s.look(ctx, in, windows)
		if err != nil {
			return err
		}
		if ok, err = decide(windows, now); err != nil {
			return err
		}
		if !ok || !slices.ContainsFunc(windows, (*window).takes) {
			return s.shorten(ctx, in, windows)
		}
		if len(windows) == 1 {
			// What PostgreSQL has undone because of another call is tried again
			// below, where calls wait for each other.
			if done, err := s.swap(ctx, in, windows[0]); err != nil && !undone(err) || done {
				return err
			}
		}
		err = s.transaction(ctx, func(ctx context.Context, in seat) error {
			ok, err = s.debit(ctx, in, windows)
			return err
		})
		if errors.Is(err, errRefused) {
			return nil
		}
		return err
	})
	if err != nil {
		return false, err
	}
	for _, w := range windows {
		w.cell.Taken, w.cell.Standing = w.taken, w.standing
	}
	return ok, nil
}

// look reads the cells and the time of the database, and locks nothing.
func (s quotas) look(ctx context.Context, in seat, windows []*window) (now int64, err error) {
	digests := make([]any, len(windows))
	for i, w := range windows {
		digests[i], w.held, w.known = w.digest[:], tally{}, false
	}
	err = in.each(ctx, func(rows *sql.Rows) error {
		var d []byte
		var ends, used sql.NullInt64
		if err := rows.Scan(&now, &d, &ends, &used); err != nil {
			return err
		}
		for _, w := range windows {
			if bytes.Equal(w.digest[:], d) {
				w.held, w.known = tally{ends.Int64, used.Int64}, true
			}
		}
		return nil
	}, &s.sql.quotaGets[len(windows)-1], digests...)
	return s.micro(now), err
}

// micro is the time of the database in microseconds. The clock of SQLite has
// milliseconds only. But all processes with a file of SQLite are on one machine
// and have one clock, so that this process reads it.
func (s quotas) micro(now int64) int64 {
	if s.config.Dialect == SQLite {
		return time.Now().UnixMicro() + s.shift
	}
	return now
}

// shorten writes the cells whose window ends earlier than before, because the
// policy has changed or the clock was set back. Otherwise the end would move on
// with each call.
func (s quotas) shorten(ctx context.Context, in seat, windows []*window) error {
	for _, w := range windows {
		if w.cut {
			if _, err := s.swap(ctx, in, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// swap writes the cell if it is as it was read.
func (s quotas) swap(ctx context.Context, in seat, w *window) (bool, error) {
	before := w.held
	if !w.known {
		before = tally{-1, -1}
	}
	swapped, err := in.exec(ctx, &s.sql.quotaSwap, w.digest[:], w.next.ends, w.next.used, w.expires(), before.ends, before.used)
	return swapped > 0, err
}

// debit locks the cells, in the order of their digests so that two calls never
// wait for each other in a circle, and decides again.
func (s quotas) debit(ctx context.Context, in seat, windows []*window) (ok bool, err error) {
	var now int64
	ordered := slices.SortedFunc(slices.Values(windows), func(a, b *window) int { return bytes.Compare(a.digest[:], b.digest[:]) })
	for _, w := range ordered {
		err := in.each(ctx, func(rows *sql.Rows) error { return rows.Scan(&w.held.ends, &w.held.used, &now) }, &s.sql.quotaHold, w.digest[:])
		if err != nil {
			return false, err
		}
	}
	if ok, err = decide(windows, s.micro(now)); err != nil {
		return false, err
	}
	if !ok {
		return false, errRefused
	}
	for _, w := range ordered {
		if _, err := in.exec(ctx, &s.sql.quotaSet, w.digest[:], w.next.ends, w.next.used, w.expires()); err != nil {
			return false, err
		}
	}
	return true, nil
}

// Refund implements [ratelimit.Store]. It gives back within the window that the
// requests were taken from.
func (s quotas) Refund(ctx context.Context, cells []ratelimit.Cell) error {
	windows, err := s.windows(cells)
	if err != nil {
		return err
	}
	return s.call(ctx, "refund quotas", func(ctx context.Context, in seat) error {
		for _, w := range windows {
			if back := min(w.cell.Taken, w.cell.Cost); back > 0 {
				if _, err := in.exec(ctx, &s.sql.quotaRefund, w.digest[:], back, w.cell.Standing.Mark); err != nil {
					return err
				}
			}
			w.cell.Taken = 0 // at once, so that no cell is given back twice
		}
		return nil
	})
}

// Reset implements [ratelimit.Store].
func (s quotas) Reset(ctx context.Context, cells []ratelimit.Cell) error {
	windows, err := s.windows(cells)
	if err != nil {
		return err
	}
	return s.call(ctx, "reset quotas", func(ctx context.Context, in seat) error {
		for _, w := range windows {
			if _, err := in.exec(ctx, &s.sql.quotaReset, w.digest[:]); err != nil {
				return err
			}
		}
		return nil
	})
}
