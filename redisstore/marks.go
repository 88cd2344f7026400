package redisstore

import (
	"context"
	"strconv"

	"github.com/bulwark-go/bulwark/auth"
)

// Marks are names that count until a time, in one slot: the logins that have
// ended at a provider, the owners whose keys are revoked, and revocations. The
// key of Redis for the ends is a sorted set, and that of the seconds a hash.
//
// Marks have no MAC. Somebody who writes to Redis can delete a mark, which no
// MAC shows. A mark that such a person adds opens nothing.
type marks struct {
	store         *Store
	tag           string
	ends, seconds string
	max           string
}

func (s *Store) newMarks(kind string, max int) *marks {
	tag := s.tag(kind)
	return &marks{store: s, tag: tag, ends: tag + "marks", seconds: tag + "until", max: strconv.Itoa(max)}
}

var (
	stepMark       = stepOf(0, "mark", "marks")
	stepSweepMarks = stepOf(0, "sweep_marks", "marks")
)

// set lets the name count until ends, with a second time. Both are
// microseconds. second may be empty.
func (m *marks) set(ctx context.Context, name string, ends int64, second string) error {
	reply, late, err := m.store.write(ctx, stepMark, []string{m.ends, m.seconds}, []string{m.tag, name, decimal(ends), second, m.max})
	if err != nil {
		return full(err)
	}
	switch word, _, err := answer(reply); {
	case err != nil:
		return err
	case word == "ok":
		return late
	case word == "full":
		return auth.ErrFull
	}
	return errReply
}
