package session

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/auth"
)

// An access token tells in its id which generation of the session it belongs
// to: "7.MZXW6YTB…". Whoever shows it has got the answer of the refresh that
// made it.
func newTokenID(generation int) string { return strconv.Itoa(generation) + "." + rand.Text() }

// generationOf is the inverse of newTokenID. It does not allocate.
func generationOf(tokenID string) (generation int, ok bool) {
	digits, _, found := strings.Cut(tokenID, ".")
	generation, err := strconv.Atoi(digits)
	return generation, found && err == nil
}

// storeTries bounds how often a change is tried again that others came before.
const storeTries = 8

// witness records that the newest access token of the session has been shown:
// the refresh token before it is then good for nothing any more. It writes once
// in a generation at most, and only while that decides about a lost answer.
// What cannot be recorded is refused, or a thief with the token before it would
// be let in.
func (s *Sessions) witness(ctx context.Context, held Session, p *bulwark.Principal) error {
	generation, ok := generationOf(p.TokenID)
	for range storeTries {
		first := held.Generation == 0 // nothing was used up before it
		if !ok || first || held.Generation != generation || held.Shown || sinceRotation(held) >= s.lostAnswer {
			return nil
		}
		held.Shown = true
		switch err := s.store.Update(ctx, held); {
		case err == nil:
			return nil
		case errors.Is(err, auth.ErrNotFound):
			return auth.Invalid("revoked", err)
		case !errors.Is(err, auth.ErrConflict):
			return auth.Unavailable("store_unavailable", err, storeRetry)
		}
		var err error
		if held, err = s.live(ctx, p); err != nil {
			return err
		}
	}
	return auth.Unavailable("store_unavailable", auth.ErrConflict, storeRetry)
}
