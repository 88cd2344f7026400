package introspection

import (
	"time"

	"github.com/bulwark-go/bulwark/auth/internal/cache"
)

const (
	maxRefusals = 1024
	// failureTime is how long a token is not asked about again whose answer was
	// of no use: such an answer may be for this token only, and no sign of an
	// outage.
	failureTime = 5 * time.Second
)

// memory holds what is known about tokens. It is safe for concurrent use.
type memory struct {
	answers  *cache.Cache[*answer] // about good tokens; those that have run out serve in an outage
	others   *cache.Cache[other]   // apart, for anybody can make up bad tokens
	fresh    time.Duration
	inactive time.Duration
	outage   time.Duration
}

// other is an outcome other than an answer, and until when it holds.
type other struct {
	outcome outcome
	end     time.Time
}

func newMemory(c Config) *memory {
	m := &memory{
		answers: cache.New[*answer](c.Cache.Max), others: cache.New[other](maxRefusals),
		fresh: c.Cache.Lifetime, inactive: c.Cache.InactiveLifetime, outage: c.InsecureOnOutage,
	}
	if c.Cache.Lifetime < 0 {
		m.answers = cache.New[*answer](0)
	}
	return m
}

// known returns what is known at the time, and false where the endpoint must be
// asked.
func (m *memory) known(k cache.Key, now time.Time) (outcome, bool) {
	if a := m.answers.Get(k); a != nil && a.live(now, m.fresh) {
		return outcome{answer: a}, true
	}
	if o := m.others.Get(k); !cache.Passed(now, o.end) {
		return o.outcome, true
	}
	return outcome{}, false
}

// last returns the last good answer, where it may still be used while there is
// no other, or nil.
func (m *memory) last(k cache.Key, now time.Time) *answer {
	if a := m.answers.Get(k); a != nil && a.live(now, m.fresh+m.outage) {
		return a
	}
	return nil
}

// keep remembers what has come of a question.
func (m *memory) keep(k cache.Key, o outcome, now time.Time) {
	switch {
	case o.answer != nil:
		m.answers.Put(k, o.answer, o.answer.bytes)
	case o.refusal != nil:
		m.answers.Drop(k) // an outage must not bring it back
		m.others.Put(k, other{o, now.Add(m.inactive)}, 0)
	case o.failure.token:
		m.others.Put(k, other{o, o.failure.retryAt}, 0)
	}
}

// live reports whether the answer may be used for so long after the question,
// and never after the end of its token.
func (a *answer) live(now time.Time, most time.Duration) bool {
	return !cache.Passed(now, a.asked.Add(most)) && (a.principal.ExpiresAt.IsZero() || !cache.Passed(now, a.principal.ExpiresAt))
}
