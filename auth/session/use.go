package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
	"github.com/bulwark-go/bulwark/auth/internal/later"
	"github.com/bulwark-go/bulwark/auth/internal/store"
)

// usedEvery is how often the use of a session is written at most. If Idle is
// short, the use is written more often.
const usedEvery = time.Minute

// sample is how often the use of a session is written.
func sample(idle time.Duration) time.Duration {
	if idle == 0 {
		return usedEvery
	}
	return min(usedEvery, idle/8)
}

// used records that r has used the session. A POST may be a refresh, which is
// not a use, although browsers send the access token along.
func (s *Sessions) used(r *http.Request, held Session) error {
	if !s.due(held) {
		return nil
	}
	if r.Method != http.MethodPost {
		return s.use(r.Context(), held)
	}
	later.Do(r, func(ctx context.Context) {
		_ = s.use(ctx, held) // a session that has ended meanwhile needs no record
	})
	return nil
}

// due reports whether a use of the session is to be written.
func (s *Sessions) due(held Session) bool {
	return held.ReadAt.Sub(held.UsedAt) >= s.sample && time.Now().UnixNano() >= s.restUntil.Load()
}

// use records that a request has used the session. If the store cannot record
// it, the request is accepted and the failure is reported: the session only
// ends earlier. After a failure, no use is recorded for a few seconds.
func (s *Sessions) use(ctx context.Context, held Session) error {
	switch err := s.touch(ctx, held.ID); {
	case err == nil, ctx.Err() != nil: // a client that hangs up makes no outage
		return nil
	case errors.Is(err, auth.ErrNotFound):
		return auth.Invalid("revoked", s.causes.ended)
	default:
		s.restUntil.Store(time.Now().Add(storeRetry).UnixNano())
		err = fmt.Errorf("session.Config.Store cannot record the use of a session, which may end early: %w", err)
		s.report(ctx, bulwark.Event{Name: bulwark.SysUnavailable, Level: slog.LevelError, Reason: "store_unavailable",
			Attrs: [4]slog.Attr{slog.String("error", err.Error())}})
		return nil
	}
}

func (s *Sessions) touch(ctx context.Context, id string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, store.Time)
	defer cancel()
	defer store.Guard(&err)
	return s.store.Touch(ctx, id, s.sample)
}
