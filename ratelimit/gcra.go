package ratelimit

// gcra is a [Policy] in the time of the generic cell rate algorithm. The state
// of a key is one time: until when its past requests have it occupied. A
// request occupies one unit more, from now or from that time, if it is later.
// The request passes if the key is then not occupied for longer than full.
// Times are nanoseconds. A level is for how long a key is still occupied.
type gcra struct {
	burst int64 // requests at once
	unit  int64 // that one request occupies, rounded up
	full  int64 // that burst requests occupy
}

func newGCRA(p *Policy) gcra {
	u := unit(p)
	return gcra{burst: p.Burst, unit: u, full: u * p.Burst}
}

// unit is the Limit-th part of the Window.
func unit(p *Policy) int64 { return (int64(p.Window) + p.Limit - 1) / p.Limit }

// most is the highest level there is. Debts end there, and so does what a key
// had occupied under a slower policy, or before the clock went back.
func (g *gcra) most() int64 { return 2 * g.full }

// amount is how long a cost occupies.
func (g *gcra) amount(cost int64) int64 { return g.unit * min(cost, 2*g.burst) }

// remaining is how many requests of cost one pass now.
func (g *gcra) remaining(level int64) int64 {
	return max(0, (g.full-level)/g.unit)
}

// reset is how long it takes until remaining grows, and 0 when all is there.
func (g *gcra) reset(level, remaining int64) int64 {
	missing := g.burst - remaining
	if missing <= 0 {
		return 0
	}
	return level - (missing-1)*g.unit
}

// wait is how long it takes until a request of that cost passes.
func (g *gcra) wait(level, cost int64) int64 {
	return max(0, level+g.amount(cost)-g.full)
}
