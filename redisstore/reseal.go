package redisstore

import (
	"context"
	"errors"

	"github.com/bulwark-go/bulwark/auth"
)

// Reseal writes each session and each API key again whose MAC is under a former
// key of Config.Secrets, and returns their number. Their content stays as it
// is, and their Version grows. When Reseal has returned nil, the former keys
// can be removed from the Secrets of all processes, if each of them writes
// under the newest key.
//
// Reseal looks at all rows, one page at a time, and may take minutes. It ends
// with ctx. The calls of requests go on meanwhile. A row that another call
// changes at the same moment is not written, because that call writes it.
func (s *Store) Reseal(ctx context.Context) (rows int, err error) {
	if err := s.made(); err != nil {
		return 0, err
	}
	err = s.sessions.rows.formers(ctx, "session", func(now int64, id, text string) error {
		held, err := s.sessions.open(id, text, now)
		if err == nil {
			err = s.sessions.Update(ctx, held)
		}
		return resealed(&rows, err)
	})
	if err != nil {
		return rows, err
	}
	err = s.keys.rows.formers(ctx, "API key", func(_ int64, id, text string) error {
		rec, err := s.keys.open(id, text)
		if err == nil {
			err = s.keys.Update(ctx, rec)
		}
		return resealed(&rows, err)
	})
	return rows, err
}

// resealed counts a row that was written. A row that is gone or that somebody
// else has written needs nothing.
func resealed(rows *int, err error) error {
	switch {
	case err == nil:
		*rows++
	case errors.Is(err, auth.ErrNotFound), errors.Is(err, auth.ErrConflict):
		return nil
	}
	return err
}

// formers calls each for the rows whose MAC is under a former key.
func (t *table) formers(ctx context.Context, what string, each func(now int64, id, text string) error) error {
	for after := ""; ; {
		p, err := t.page(ctx, t.ids(), after)
		if err != nil {
			return err
		}
		for i, id := range p.ids {
			r, err := t.open(what, id, p.content[i])
			if err == nil && r.former {
				err = each(p.now, id, p.content[i])
			}
			if err != nil {
				return err
			}
		}
		if p.looked < pageStep {
			return nil
		}
		after = p.last
	}
}
