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

// newTokenID returns the id of an access token. It names the generation of the
// session: "7.MZXW6YTB…". A client that shows the token has received the answer
// of the refresh that made it.
func newTokenID(generation int) string { return strconv.Itoa(generation) + "." + rand.Text() }

// generationOf is the inverse of newTokenID. It does not allocate.
func generationOf(tokenID string) (generation int, ok bool) {
	digits, _, found := strings.Cut(tokenID, ".")
	generation, err := strconv.Atoi(digits)
	return generation, found && err == nil
}

// storeTries bounds how often a change is tried if other changes come first.
const storeTries = 8

// witness records that the newest access token of the session has been used.
// Then the refresh token before it gets no successor as a lost answer. witness
// writes at most once for each generation, and only while a lost answer is
// possible. If it cannot write, the request is refused. Otherwise an attacker
// with the earlier refresh token could get the successor.
func (s *Sessions) witness(ctx context.Context, held Session, p *bulwark.Principal) error {
	generation, ok := generationOf(p.TokenID)
	for range storeTries {
		first := held.Generation == 0 // there is no earlier refresh token
		if !ok || first || held.Generation != generation || held.Shown || sinceRotation(held) >= s.lostAnswer {
			return nil
		}
		held.Shown = true
		switch err := s.store.Update(ctx, held); {
		case err == nil:
			return nil
		case errors.Is(err, auth.ErrNotFound):
			return auth.Invalid("revoked", s.causes.ended)
		case !errors.Is(err, auth.ErrConflict):
			return storeAway(err)
		}
		var err error
		if held, err = s.live(ctx, p); err != nil {
			return err
		}
	}
	return storeAway(auth.ErrConflict)
}
