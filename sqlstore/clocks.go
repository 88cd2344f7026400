package sqlstore

import (
	"context"
	"database/sql"
	"time"
)

// apart is how far two clocks may differ without being apart, in microseconds.
const apart = int64(time.Second / time.Microsecond)

// compareClocks reads the clock of the database, for endHere.
func (s *Store) compareClocks(ctx context.Context) error {
	return s.call(ctx, "read the clock of the database", func(ctx context.Context, in seat) error {
		here := s.here().UnixMicro()
		return in.each(ctx, func(rows *sql.Rows) error {
			var now int64
			err := rows.Scan(&now)
			s.compare(now, here)
			return err
		}, &s.sql.now)
	})
}

// compare notes how far the clock of the database is ahead of this process.
func (s *Store) compare(now, here int64) {
	ahead := now - here
	if ahead < apart {
		ahead = 0
	}
	s.ahead.Store(ahead)
}

// endHere is the end by the clock of the database of what refuses somebody
// until a time by the clock of this process. A process whose clock is behind
// means a later time than it says. The clocks were compared when the Store was
// made, and with each session, key and mark that it has read.
func (s *Store) endHere(end int64) int64 {
	if end <= s.here().UnixMicro() {
		return end // it has ended, by this process
	}
	return min(end+s.ahead.Load(), never)
}
