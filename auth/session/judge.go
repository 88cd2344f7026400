package session

import (
	"time"
)

// The rule by which a refresh token is judged that has been used before. A
// browser whose tabs refresh at once, and a client whose answer was lost, show
// one innocently. So does the owner of a token that somebody else has a copy
// of.
const (
	// atOnce is how long after the rotation that used it a token counts for
	// nothing: tabs refresh in step, each time.
	atOnce = time.Second
	// maxGraceRun is how many generations in a row may be given out again
	// later than that. Clients lose an answer now and then. Somebody with a
	// copy of the cookie, who follows each refresh of its owner, needs another
	// answer each time.
	maxGraceRun = 3
)

// A verdict says what a refresh token is worth, and what becomes of its
// session.
type verdict struct {
	how     outcome
	changed bool    // next is to be stored before anything is given out
	next    Session // by Update
}

type outcome string

const (
	rotated    outcome = "rotation"
	concurrent outcome = "concurrent"  // again, within a second
	graced     outcome = "grace"       // again, within the grace
	lost       outcome = "lost_answer" // again, and nobody has shown what was answered
	unknown    outcome = "unknown"
	expired    outcome = "expired"
	reused     outcome = "reuse"    // again, and nothing excuses that
	overused   outcome = "overused" // again, too many generations in a row
)

// judge decides about a refresh token presented for the session, and changes
// nothing. A token whose MAC is good was once the newest of the session. It has
// to fit the row all the same: who can write to the store, but has no key, must
// not make a row that an old token fits.
func (s *Sessions) judge(held Session, token refreshToken, now time.Time) verdict {
	key := s.keyNamed(held.StoreKey)
	if key == nil || !key.made(token) || held.Issuer != s.issuer || held.Kind != cookieKind {
		return verdict{how: unknown}
	}
	age := held.Generation - int(token.generation)
	switch {
	case age < 0,
		age == 0 && key.hash(token, held) != held.Hash,
		age == 1 && key.hash(key.successor(token), held) != held.Hash:
		return verdict{how: unknown}
	case held.ExpiresAt.Sub(now) < time.Second:
		return verdict{how: expired}
	case age == 0:
		return s.rotate(held, key, token)
	case age == 1:
		return s.again(held)
	}
	return verdict{how: reused}
}

// rotate replaces the newest token.
func (s *Sessions) rotate(held Session, key *storeKey, token refreshToken) verdict {
	if held.Generation >= s.maxRefreshes {
		return verdict{how: expired}
	}
	next := held
	next.Hash = key.hash(key.successor(token), held)
	next.Generation++
	if !held.GraceUsed {
		next.GraceRun = 0
	}
	next.GraceUsed, next.Shown = false, false
	return verdict{how: rotated, changed: true, next: next}
}

// again gives the newest token out once more, to whoever has the one before it,
// where that is excusable.
func (s *Sessions) again(held Session) verdict {
	how := graced
	switch since := sinceRotation(held); {
	case since < atOnce:
		return verdict{how: concurrent}
	case since < s.grace:
	case since < s.lostAnswer && !held.Shown:
		how = lost
	default:
		return verdict{how: reused}
	}
	if held.GraceUsed {
		return verdict{how: how}
	}
	next := held
	next.GraceUsed = true
	next.GraceRun++
	if next.GraceRun >= maxGraceRun {
		return verdict{how: overused}
	}
	return verdict{how: how, changed: true, next: next}
}

// sinceRotation is how long ago the newest token was made, by the one clock of
// the store. A clock that was set back is as bad as one that was set forward:
// it must not make a used token good again.
func sinceRotation(held Session) time.Duration { return held.ReadAt.Sub(held.RefreshedAt).Abs() }
