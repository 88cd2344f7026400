package session

import (
	"time"
)

// The rules for a refresh token that has been used before. It may be innocent:
// a browser whose tabs refresh at once shows one, and so does a client whose
// answer was lost. It also shows up if an attacker has a copy of the token.
const (
	// atOnce is how long after its rotation a used token does not count,
	// because tabs refresh in step each time.
	atOnce = time.Second
	// maxGraceRun is the number of generations in a row, given out again later
	// than atOnce, that revokes the session. Clients lose an answer now and
	// then. An attacker with a copy of the cookie, who follows each refresh of
	// the owner, needs another answer each time.
	maxGraceRun = 3
)

// A verdict is the decision about a refresh token and its session.
type verdict struct {
	how     outcome
	cause   error        // of a refusal, for the log
	changed bool         // store next before giving anything out
	next    Session      // by Update
	newest  refreshToken // the successor of the token
}

// A shown is a refresh token that a client has shown.
type shown struct {
	token refreshToken
	key   *storeKey // that has made the token
	kind  string    // of the place that the token came in
}

type outcome string

const (
	rotated    outcome = "rotation"
	concurrent outcome = "concurrent"  // again, within a second
	graced     outcome = "grace"       // again, within the grace
	lost       outcome = "lost_answer" // again, and nobody has used the answer
	unknown    outcome = "unknown"
	expired    outcome = "expired"
	idled      outcome = "idle"     // nobody has used the session
	reused     outcome = "reuse"    // again, and no rule allows it
	overused   outcome = "overused" // again, too many generations in a row
)

// judge decides about a refresh token of the session, and changes nothing. A
// token with a good MAC was once the newest token of the session. It must also
// fit the row: somebody who can write to the store, but has no key, must not
// make a row for an old token.
func (s *Sessions) judge(held Session, by shown, now time.Time) verdict {
	key, token := by.key, &by.token
	if held.StoreKey != key.name || held.ID != token.id() || held.Issuer != s.issuer || held.Kind != by.kind || !key.sealed(&held) {
		return verdict{how: unknown}
	}
	newest := key.successor(token)
	age := held.Generation - int(token.generation)
	switch {
	case age < 0,
		age == 0 && key.hash(token) != held.Hash,
		age == 1 && key.hash(&newest) != held.Hash:
		return verdict{how: unknown}
	case held.ExpiresAt.Sub(now) < time.Second:
		return verdict{how: expired, cause: s.causes.session}
	case s.isIdle(&held):
		return verdict{how: idled, cause: s.causes.idle}
	case age == 0:
		return s.rotate(held, key, newest)
	case age == 1:
		found := s.again(held)
		found.newest = newest
		return found
	}
	return verdict{how: reused, cause: errOld}
}

// rotate replaces the newest token.
func (s *Sessions) rotate(held Session, key *storeKey, newest refreshToken) verdict {
	if held.Generation >= s.maxRefreshes {
		return verdict{how: expired, cause: s.causes.refreshes}
	}
	next := held
	next.Hash = key.hash(&newest)
	next.Generation++
	if !held.GraceUsed {
		next.GraceRun = 0
	}
	next.GraceUsed, next.Shown = false, false
	return verdict{how: rotated, changed: true, next: next, newest: newest}
}

// again decides whether the token before the newest gets the newest token once
// more.
func (s *Sessions) again(held Session) verdict {
	how := graced
	switch since := sinceRotation(held); {
	case since < atOnce:
		return verdict{how: concurrent}
	case since < s.grace:
	case since < s.lostAnswer && !held.Shown:
		how = lost
	default:
		return verdict{how: reused, cause: s.causes.reuse}
	}
	if held.GraceUsed {
		return verdict{how: how}
	}
	next := held
	next.GraceUsed = true
	next.GraceRun++
	if next.GraceRun >= maxGraceRun {
		return verdict{how: overused, cause: s.causes.overused}
	}
	return verdict{how: how, changed: true, next: next}
}

// sinceRotation is how long ago the newest token was made, by the clock of the
// store. It is the absolute value, so that a clock that was set back does not
// make a used token acceptable again.
func sinceRotation(held Session) time.Duration { return held.ReadAt.Sub(held.RefreshedAt).Abs() }
