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
// it: from each in every window of the rate.
type charge struct {
	limit  *Middleware
	quota  *quota
	byAddr bool     // the keys are made of an address
	keys   int      // 0 where nothing is counted, 1, or 2
	count  int      // of the debits
	few    [4]debit // in a MemoryStore: of the narrow key, then of the wide key
	many   []debit  // in place of few, where it is too small
	cells  []Cell   // in another store, in the same order

	standing Standing // of all of them together: the tightest, and the longest wait
	tight    int      // the window that is the tightest
	known    bool     // the standing is
}

// add adds a key, which it does not keep: it need not be allocated.
func (c *charge) add(cost int64, key []byte) {
	wide := c.keys > 0
	c.keys++
	t := c.limit.table
	if t == nil {
		own := bytes.Clone(key)
		for i := range c.quota.spans {
			p, network := c.quota.spans[i].now()
			if wide {
				p = network
			}
			c.cells = append(c.cells, Cell{Policy: *p, Key: own, Cost: cost})
		}
		return
	}
	hash := t.keyHash(key)
	if n := len(c.quota.spans); 2*n > len(c.few) && c.many == nil {
		c.many = make([]debit, 2*n)
	}
	at := c.count
	c.count += len(c.quota.spans)
	debits := c.debits()[at:]
	for i := range c.quota.spans {
		s, d := &c.quota.spans[i], &debits[i]
		d.hash, d.cost = max(1, s.nameHash^hash), cost
		s.aim(d, wide)
	}
}

// debits are what is taken in a MemoryStore.
func (c *charge) debits() []debit {
	if c.many != nil {
		return c.many[:c.count]
	}
	return c.few[:c.count]
}

// look notes how the keys stand, and reports whether there is room. It only
// reads, and knows nothing of another store: to look there is a trip of its
// own.
func (c *charge) look() (room bool) {
	if c.keys == 0 || c.limit.table == nil {
		return true
	}
	t := c.limit.table
	room = t.look(c.debits(), t.now())
	c.describe()
	return room
}

// take takes from both keys or from neither.
func (c *charge) take(ctx context.Context) (ok bool, err error) {
	switch {
	case c.keys == 0:
		return true, nil
	case c.limit.table != nil:
		ok = c.limit.table.debit(c.debits())
	default:
		if ok, err = c.limit.store.Debit(ctx, c.cells); err != nil {
			return false, err
		}
		for i := range c.cells { // no refund exceeds this, whatever a store says
			cell := &c.cells[i]
			cell.Taken = min(max(cell.Taken, 0), cell.Cost)
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
		t.giveBack(c.debits(), t.now())
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
		return c.debits()[0].requests()
	}
	return c.cells[0].Taken
}

// describe sums up how the keys stand.
func (c *charge) describe() {
	c.known = true
	if c.count == 1 { // nearly always
		c.few[0].stands(&c.standing)
		return
	}
	for i := range c.quota.spans {
		s := c.of(i)
		if i == 0 {
			c.standing, c.tight = s, 0
			continue
		}
		if s.tighter(&c.standing) {
			c.tight = i
		}
		c.standing.join(s)
	}
}

// of is how both keys stand together in a window.
func (c *charge) of(span int) Standing {
	n := len(c.quota.spans)
	if c.cells != nil {
		s := c.cells[span].standing()
		if len(c.cells) > n {
			s.join(c.cells[n+span].standing())
		}
		return s
	}
	s := c.debits()[span].standing()
	if len(c.debits()) > n {
		s.join(c.debits()[n+span].standing())
	}
	return s
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

// tighter reports whether s has less room than another.
func (s *Standing) tighter(other *Standing) bool {
	return s.Remaining < other.Remaining || s.Remaining == other.Remaining && s.Reset > other.Reset
}

// join makes s the standing of both.
func (s *Standing) join(other Standing) {
	if other.tighter(s) {
		s.Remaining, s.Reset = other.Remaining, other.Reset
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
	if cost > who.quota.burst {
		return m.unaffordable(errCostTooLarge)
	}
	var room [256]byte
	key, ok := m.appendKey(room[:0], r, &who, narrowBits)
	if !ok {
		return m.unkeyed(m.emptyPart(&who))
	}
	c.add(cost, key)
	if who.addr.Is6() {
		if key, ok = m.appendKey(room[:0], r, &who, wideBits); ok {
			c.add(cost, key)
		}
	}
	return nil
}
