package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/auth"
)

// A room bounds the rows of a table. Counting all rows at each Create would
// cost more than the Create. So a process counts, and then lets a part of the
// free room pass without counting. The fuller the table is, the more often it
// counts. Of a large table it counts a sample: digests are spread evenly, so
// that the rows of 1/n of all digests are 1/n of the rows. The sample is chosen
// at random each time, so that nobody can choose ids outside of it.
type room struct {
	table  string
	most   int
	slices int // a power of two: 1/slices of the rows is counted

	mu    sync.Mutex
	left  int       // pass without counting
	until time.Time // and not later
}

const (
	sample    = 16384            // rows to count, at most about
	maxSlices = 1 << 16          // which two bytes of a digest tell
	fresh     = 10 * time.Second // how long a count is good
	share     = 16               // the part of the free room that passes without counting
)

func roomsOf(c Config) map[string]*room {
	rooms := make(map[string]*room)
	for table, most := range map[string]int{"sessions": c.MaxSessions, "keys": c.MaxKeys, "revocations": c.MaxRevocations, "marks": c.MaxRevocations, "replays": c.MaxReplays} {
		r := &room{table: table, most: most, slices: 1}
		for most/r.slices > sample && r.slices < maxSlices {
			r.slices *= 2
		}
		rooms[table] = r
	}
	return rooms
}

// pass reports whether a row may be added without counting.
func (r *room) pass() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left < 1 || time.Now().After(r.until) {
		return false
	}
	r.left--
	return true
}

// grant notes how much room is free.
func (r *room) grant(free int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left, r.until = free/share, time.Now().Add(fresh)
}

// slice returns the bounds of the digests to count.
func (r *room) slice() (low, high []byte) {
	end := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff} // after each digest
	if r.slices == 1 {
		return []byte{}, end
	}
	var random [2]byte
	rand.Read(random[:]) // never fails
	width := maxSlices / r.slices
	first := int(binary.BigEndian.Uint16(random[:])) / width * width
	low = binary.BigEndian.AppendUint16(nil, uint16(first))
	if first+width < maxSlices {
		end = binary.BigEndian.AppendUint16(nil, uint16(first+width))
	}
	return low, end
}

// count returns how many rows there are, and how many of them are of the
// client.
func (s *Store) count(ctx context.Context, in seat, r *room, client ...any) (all, own int, err error) {
	low, high := r.slice()
	args := []any{low, high}
	if refuses(r.table) {
		args = append(args, s.here().UnixMicro())
	}
	err = in.each(ctx, func(rows *sql.Rows) error { return rows.Scan(&all, &own) }, s.sql.counts[r.table], append(args, client...)...)
	return all * r.slices, own * r.slices, err
}

// bound returns auth.ErrFull if the transaction has added a row for which there
// is no room.
func (s *Store) bound(ctx context.Context, in seat, table string) error {
	if s.rooms[table].pass() {
		return nil
	}
	return s.measure(ctx, in, table)
}

// measure counts. It is the last step of a transaction, because it locks out
// others that count.
func (s *Store) measure(ctx context.Context, in seat, table string) error {
	r := s.rooms[table]
	if err := s.alone(ctx, in, s.lockOf("room", table)); err != nil {
		return err
	}
	n, _, err := s.count(ctx, in, r)
	switch {
	case err != nil:
		return err
	case n > r.most:
		return auth.ErrFull
	}
	r.grant(r.most - n)
	return nil
}

// lockOf names a lock by a digest. Two things with one name only wait for each
// other.
func (s *Store) lockOf(kind string, texts ...string) int64 {
	d := digestOf("lock", append([]string{s.config.Schema, s.config.Prefix, kind}, texts...)...)
	return int64(binary.BigEndian.Uint64(d[:8]))
}

// alone waits until no other transaction has the lock. In SQLite there is one
// writer.
func (s *Store) alone(ctx context.Context, in seat, lock int64) error {
	if s.config.Dialect == SQLite {
		return nil
	}
	_, err := in.exec(ctx, &s.sql.lock, lock)
	return err
}

// beside waits until no other transaction has the lock alone.
func (s *Store) beside(ctx context.Context, in seat, lock int64) error {
	if s.config.Dialect == SQLite {
		return nil
	}
	_, err := in.exec(ctx, &s.sql.lockShared, lock)
	return err
}
