package ratelimit

// debit is what a request has taken from one key.
type debit struct {
	hash   uint64
	amount int64
	until  int64 // of the key, with this debit in it
}

// verdict is what a limit says to one request.
type verdict struct {
	quota     *quota
	exceeded  bool
	remaining int64
	reset     int64  // nanoseconds until more remains
	wait      int64  // nanoseconds until the same request would pass, where exceeded
	hash      uint64 // of the key
	debits    [2]debit
}

// debit takes cost from a key and, where there is one, from the wide key around
// it: from both or from neither.
func (t *table) debit(q *quota, cost int64, hash, wideHash uint64) verdict {
	now := t.now()
	v := verdict{quota: q, hash: hash}
	if wideHash == 0 {
		v.take(t, q, cost, hash, now, 0)
		return v
	}
	// The wide key is read first, so that a refusal for its sake writes
	// nothing.
	if level := t.level(wideHash, now); q.wide.wait(level, cost) > 0 {
		v.describe(q.wide, level, cost, true)
		v.describe(q, t.level(hash, now), cost, true)
		return v
	}
	v.take(t, q, cost, hash, now, 0)
	if v.exceeded {
		return v
	}
	if v.take(t, q.wide, cost, wideHash, now, 1); v.exceeded {
		v.refund(t) // somebody else took the last of it meanwhile
	}
	return v
}

// take counts against one key.
func (v *verdict) take(t *table, q *quota, cost int64, hash uint64, now int64, index int) {
	amount := cost * q.unit
	until, ok := t.take(hash, now, amount, q.full)
	v.describe(q, until-now, cost, !ok)
	if ok {
		v.debits[index] = debit{hash: hash, amount: amount, until: until}
	}
}

// describe notes the state of one key. Of several the tightest is told, and the
// longest wait.
func (v *verdict) describe(q *quota, level, cost int64, exceeded bool) {
	first := v.remaining == 0 && v.reset == 0
	if remaining := q.remaining(level); first || remaining < v.remaining {
		v.remaining, v.reset = remaining, q.reset(level)
	} else if remaining == v.remaining {
		v.reset = max(v.reset, q.reset(level))
	}
	if exceeded {
		v.exceeded = true
		v.wait = max(v.wait, q.wait(level, cost))
	}
}

// refund gives back what the request has taken.
func (v *verdict) refund(t *table) { giveBack(t, &v.debits) }

func giveBack(t *table, debits *[2]debit) {
	now := t.now()
	for _, d := range debits {
		if d.amount > 0 {
			t.giveBack(d.hash, now, d.amount, d.until)
		}
	}
	*debits = [2]debit{}
}
