package ratelimit

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// A charge is what one limit takes for one request. It takes from the key of
// the caller and, for an IPv6 address, also from the key of the network around
// it.
type charge struct {
	limit  *Middleware
	quota  *quota
	byAddr bool     // the keys are made of an address
	keys   int      // 0 where nothing is counted, 1, or 2
	debits [2]debit // in a MemoryStore
	cells  []Cell   // in another store

	standing Standing // of both keys together: the tightest, and the longest wait
	known    bool     // the standing is
}

// add adds a key, which it does not keep: it need not be allocated.
func (c *charge) add(p *Policy, g *gcra, cost int64, key []byte) {
	if m := c.limit; m.table != nil {
		d := &c.debits[c.keys]
		d.gcra, d.hash, d.cost = *g, m.table.hash(m.nameHash, key), cost
	} else {
		c.cells = append(c.cells, Cell{Policy: *p, Key: bytes.Clone(key), Cost: cost})
	}
	c.keys++
}

// look notes how the keys stand, and reports whether there is room. It only
// reads, and knows nothing of another store: to look there is a trip of its
// own.
func (c *charge) look() (room bool) {
	if c.keys == 0 || c.limit.table == nil {
		return true
	}
	t := c.limit.table
	room = t.look(c.debits[:c.keys], t.now())
	c.describe()
	return room
}

// take takes from both keys or from neither.
func (c *charge) take(ctx context.Context) (ok bool, err error) {
	switch {
	case c.keys == 0:
		return true, nil
	case c.limit.table != nil:
		ok = c.limit.table.debit(c.debits[:c.keys])
	default:
		if ok, err = c.limit.store.Debit(ctx, c.cells); err != nil {
			return false, err
		}
	}
	c.describe()
	c.standing.Exceeded = !ok // a store that does not say so of a cell has refused all the same
	return ok, nil
}

// refundTime bounds what a request that has ended waits for.
const refundTime = 5 * time.Second

// giveBack gives back what was taken, once. What cannot be given back stays
// counted.
func (c *charge) giveBack(ctx context.Context) {
	if c.keys == 0 {
		return
	}
	if t := c.limit.table; t != nil {
		t.giveBack(c.debits[:c.keys], t.now())
		return
	}
	// The client may have gone meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refundTime)
	defer cancel()
	_ = c.limit.store.Refund(ctx, c.cells)
}

// undo gives back for the sake of another limit that refuses, and notes how the
// keys stand then.
func (c *charge) undo(ctx context.Context) {
	if c.keys == 0 || !c.known || c.standing.Exceeded {
		return
	}
	before := c.taken()
	c.giveBack(ctx)
	if c.limit.table != nil {
		c.look()
		return
	}
	for i := range c.cells {
		c.cells[i].Standing.Remaining += before
	}
	c.describe()
}

// taken is how many requests are counted in each of the keys. There must be a
// key.
func (c *charge) taken() int64 {
	if c.limit.table != nil {
		return c.debits[0].requests()
	}
	return c.cells[0].Taken
}

// describe sums up how the keys stand.
func (c *charge) describe() {
	c.known = true
	for i := range c.keys {
		var s Standing
		if c.cells != nil {
			s = c.cells[i].standing()
		} else {
			s = c.debits[i].standing()
		}
		if i == 0 {
			c.standing = s
			continue
		}
		c.standing.join(s)
	}
}

// standing is how the store says that the cell stands, within what can be:
// header fields have no room for more.
func (c *Cell) standing() Standing {
	s := c.Standing
	s.Remaining = min(max(s.Remaining, 0), c.Policy.Burst)
	s.Reset = min(max(s.Reset, 0), 2*maxPeriod)
	s.Wait = min(max(s.Wait, 0), 2*maxPeriod)
	return s
}

// join makes s the standing of both.
func (s *Standing) join(other Standing) {
	switch {
	case other.Remaining < s.Remaining:
		s.Remaining, s.Reset = other.Remaining, other.Reset
	case other.Remaining == s.Remaining:
		s.Reset = max(s.Reset, other.Reset)
	}
	s.Exceeded = s.Exceeded || other.Exceeded
	s.Wait = max(s.Wait, other.Wait)
}

// charge finds out what a request takes from the limit, or why it is refused.
// It allocates nothing for keys of up to 256 bytes in a MemoryStore.
func (m *Middleware) charge(c *charge, r *http.Request, scope *bulwark.Scope) error {
	if m.exempts(r) {
		c.limit, c.quota = m, m.rate
		return nil
	}
	who, err := m.identify(r, scope)
	c.limit, c.quota, c.byAddr = m, who.quota, who.addr.IsValid()
	if err != nil || who.quota.unlimited {
		return err
	}
	cost := int64(1)
	if m.cost != nil {
		cost = int64(m.cost(r))
	}
	if cost < 1 {
		return m.unaffordable(errCostTooSmall)
	}
	if cost > who.quota.narrow.Burst {
		return m.unaffordable(errCostTooLarge)
	}
	var room [256]byte
	key, ok := m.appendKey(room[:0], r, &who, narrowBits)
	if !ok {
		return m.unkeyed(m.emptyPart(&who))
	}
	c.add(&who.quota.narrow, &who.quota.gcra, cost, key)
	if who.addr.Is6() {
		if key, ok = m.appendKey(room[:0], r, &who, wideBits); ok {
			c.add(&who.quota.wide, &who.quota.wideGCRA, cost, key)
		}
	}
	return nil
}
