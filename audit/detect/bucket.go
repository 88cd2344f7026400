package detect

// fill puts n into the bucket of an actor and returns how many are in it, and
// how many of them the actor has put there itself. The bucket holds no more
// than the threshold.
func (t *table) fill(h *head, n, now uint32) (count, own int) {
	n = min(n, uint32(t.threshold))
	for _, until := range [...]*uint32{&h.last, &h.own} {
		*until = now + min(t.left(*until, now)+n*t.period, t.full())
	}
	return t.level(h.last, now), t.level(h.own, now)
}

// full is the content of a full bucket, in ticks.
func (t *table) full() uint32 { return uint32(t.threshold) * t.period }

// left is the content of a bucket that is empty at that time, in ticks. Nothing
// is more than full: the clock of ticks has turned since.
func (t *table) left(until, now uint32) uint32 {
	if left := until - now; left <= t.full() {
		return left
	}
	return 0
}

// level is how many are in a bucket that is empty at that time. A part counts
// as one: what has leaked since the first of five at once makes no difference.
func (t *table) level(until, now uint32) int {
	return int((t.left(until, now) + t.period - 1) / t.period)
}
