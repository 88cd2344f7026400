package ratelimit

import "time"

// A debit is what a request takes from one key of a table.
type debit struct {
	gcra
	hash uint64
	cost int64
	debt bool

	taken    int64 // nanoseconds
	until    int64 // of the key, with this debit in it
	level    int64 // of the key, after the call
	exceeded bool
}

// took notes what was taken.
func (d *debit) took(now, until, amount int64) bool {
	d.until, d.taken, d.level = until, amount, until-now
	return true
}

// standing says how the key stands.
func (d *debit) standing() Standing {
	remaining := d.remaining(d.level)
	s := Standing{Exceeded: d.exceeded, Remaining: remaining, Reset: time.Duration(d.reset(d.level, remaining)), Mark: d.until}
	if d.exceeded {
		s.Wait = time.Duration(max(1, d.wait(d.level, d.cost)))
	}
	return s
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
		d.level = min(t.level(d.hash, now), d.most())
		d.exceeded = !d.debt && d.cost > 0 && d.wait(d.level, d.cost) > 0
		room = room && !d.exceeded
	}
	return room
}

// takeAll takes from all keys. Where somebody else has taken the last of one
// since it was looked at, what was taken from the others goes back.
func (t *table) takeAll(debits []debit, now int64) bool {
	for i := range debits {
		d := &debits[i]
		if d.cost == 0 {
			d.level = min(t.level(d.hash, now), d.most())
			continue
		}
		if t.take(d, now) {
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

// giveBack gives back what the debits have taken, once.
func (t *table) giveBack(debits []debit, now int64) {
	for i := range debits {
		d := &debits[i]
		t.shorten(d.hash, now, d.taken, d.until)
		d.taken = 0
	}
}
