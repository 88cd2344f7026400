package ratelimit

import "time"

// A debit is what a request takes from one key of a table.
type debit struct {
	gcra           // of a GCRA
	policy *Policy // of the other algorithms
	hash   uint64
	cost   int64
	debt   bool

	taken    int64 // nanoseconds of a GCRA, else requests
	until    int64 // the Mark: what giveBack has to find
	level    int64 // of a GCRA after the call
	exceeded bool

	// Of the other algorithms after the call: how many requests have room, and
	// how long it takes until more have, and until the cost has.
	left, more, due int64
}

// of names the key of the debit and its policy.
func (d *debit) of(p *Policy, hash uint64) {
	d.hash = hash
	if p.Algorithm == GCRA {
		d.gcra = newGCRA(p)
		return
	}
	d.policy = p
}

// took notes what was taken.
func (d *debit) took(now, until, amount int64) bool {
	d.until, d.taken, d.level = until, amount, until-now
	return true
}

// requests is how many requests were taken.
func (d *debit) requests() int64 {
	if d.policy != nil {
		return d.taken
	}
	return d.taken / d.unit
}

// standing says how the key stands.
func (d *debit) standing() (s Standing) {
	d.stands(&s)
	return s
}

// stands writes into s how the key stands.
func (d *debit) stands(s *Standing) {
	s.Exceeded, s.Mark, s.Wait = d.exceeded, d.until, 0
	if d.policy != nil {
		s.Remaining, s.Reset = d.left, time.Duration(d.more)
		if d.exceeded {
			s.Wait = time.Duration(max(1, d.due))
		}
		return
	}
	s.Remaining = d.remaining(d.level)
	s.Reset = time.Duration(d.reset(d.level, s.Remaining))
	if d.exceeded {
		s.Wait = time.Duration(max(1, d.wait(d.level, d.cost)))
	}
}

// debit takes from all keys or from none.
func (t *table) debit(debits []debit) bool {
	now := t.now()
	// Several keys are looked at first, so that a refusal writes nothing: what
	// is written for a fresh key may take the place of another.
	if len(debits) > 1 && !t.look(debits, now) {
		return false
	}
	return t.takeAll(debits, now)
}

// look notes how the keys stand and whether each has room. It only reads.
func (t *table) look(debits []debit, now int64) (room bool) {
	room = true
	for i := range debits {
		d := &debits[i]
		t.lookAt(d, now)
		room = room && !d.exceeded
	}
	return room
}

func (t *table) lookAt(d *debit, now int64) {
	switch {
	case d.policy == nil:
		d.level = t.level(d.hash, now, d.most())
		d.exceeded = !d.debt && d.cost > 0 && d.wait(d.level, d.cost) > 0
	case d.policy.Algorithm == FixedWindow:
		t.windowed().look(d, t.moment(now))
	default:
		t.logged().look(d, now)
	}
}

// takeAll takes from all keys. Where somebody else has taken the last of one
// since it was looked at, what was taken from the others goes back.
func (t *table) takeAll(debits []debit, now int64) bool {
	for i := range debits {
		d := &debits[i]
		if d.cost == 0 {
			t.lookAt(d, now)
			continue
		}
		if t.takeFrom(d, now) {
			continue
		}
		if i > 0 {
			t.giveBack(debits[:i], now)
			t.look(debits[:i], now)
		}
		d.exceeded = true
		return false
	}
	return true
}

func (t *table) takeFrom(d *debit, now int64) bool {
	switch {
	case d.policy == nil:
		return t.take(d, now)
	case d.policy.Algorithm == FixedWindow:
		return t.windowed().take(d, t.moment(now), &t.evictions)
	}
	return t.logged().take(d, now, &t.evictions)
}

// giveBack gives back what the debits have taken, once.
func (t *table) giveBack(debits []debit, now int64) {
	for i := range debits {
		d := &debits[i]
		switch {
		case d.policy == nil:
			t.shorten(d.hash, now, d.taken, d.until)
		case d.policy.Algorithm == FixedWindow:
			t.windowed().giveBack(d, t.moment(now))
		default:
			t.logged().giveBack(d)
		}
		d.taken = 0
	}
}

// reset makes the quota of a key whole.
func (t *table) reset(d *debit, now int64) {
	switch {
	case d.policy == nil:
		t.free(d.hash, now)
	case d.policy.Algorithm == FixedWindow:
		if w := t.windows.Load(); w != nil {
			w.free(d.hash)
		}
	default:
		if l := t.logs.Load(); l != nil {
			l.free(d.hash)
		}
	}
}
