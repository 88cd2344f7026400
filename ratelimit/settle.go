package ratelimit

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/bulwark-go/bulwark"
)

// TakeN is [Middleware.Take] for a request that counts for cost requests at
// once. The unit of the Rate is then whatever cost counts: tokens, bytes or
// rows. With Rate "100000/day" and a cost in tokens, a key has 100,000 tokens a
// day.
//
// If the exact cost is known only afterwards, take an estimate before the work,
// and correct it with [Reservation.Settle] after the work:
//
//	reservation, _, err := tokens.TakeN(r.Context(), 1000, tenant)
//	if err != nil {
//		bulwark.Deny(w, r, err)
//		return
//	}
//	used, err := complete(r) // asks the model
//	reservation.Settle(used)
//
// A high estimate refuses requests that would have fitted. A low estimate lets
// requests that run at once use more than the quota together, and the key then
// owes the difference.
//
// A cost below 1 or above the burst of the Rate is 400 "ratelimit.cost". The
// other errors are those of Take.
func (m *Middleware) TakeN(ctx context.Context, cost int, key ...string) (*Reservation, Result, error) {
	if m.made() && len(key) == 0 {
		return nil, Result{}, m.unkeyed(errEmptyTaken)
	}
	return m.takeFor(ctx, netip.Addr{}, int64(cost), key)
}

// Settle corrects what was taken to the actual cost, once. If the actual cost
// is lower, the difference is given back to the quota. If it is higher, the
// difference is taken, even if the quota has no room for it: the next requests
// of the key then wait longer. A key owes at most one whole quota beyond the
// burst. Settle(0) is Refund.
//
// Settle does not end with the context of Take, because the client may have
// left meanwhile. It waits for the Store for at most 5 seconds.
//
// An actual cost below 0 is a [*bulwark.ConfigError], and changes nothing. If
// the Store fails, the error is a *[bulwark.Problem], and the estimate stays
// counted. Give both errors to [bulwark.Deny], which also reports them if the
// answer has begun.
func (r *Reservation) Settle(actual int) error {
	if r == nil {
		return nil
	}
	if actual < 0 {
		return &bulwark.ConfigError{Field: "ratelimit.Reservation.Settle",
			Reason: "needs an actual cost of at least 0; call Refund if nothing was used"}
	}
	if err := r.correct(int64(actual)); err != nil {
		return r.limit.unsettled(err)
	}
	return nil
}

// correct makes the actual cost of what was taken.
func (r *Reservation) correct(actual int64) error {
	if !r.decide() || actual == r.cost {
		return nil
	}
	switch {
	case r.remote != nil:
		return r.correctCells(r.remote.cells, actual)
	case len(r.receipts) > 0:
		r.correctDebits(actual)
	}
	return nil
}

// correctDebits corrects what was taken in a MemoryStore.
func (r *Reservation) correctDebits(actual int64) {
	t, spans := r.limit.table, r.limit.rate.spans
	var few [4]debit
	debits := few[:]
	if len(r.receipts) > len(few) {
		debits = make([]debit, len(r.receipts))
	}
	debits = debits[:len(r.receipts)]
	for i := range debits {
		d, from, s := &debits[i], &r.receipts[i], &spans[i%len(spans)]
		s.aim(d, i >= len(spans))
		d.hash, d.until = from.hash, from.until
		if actual > r.cost {
			// A key never owes more than this.
			d.cost, d.debt = min(actual-r.cost, 2*s.wide.Burst), true
			continue
		}
		most := r.cost - actual
		if d.policy == nil {
			most = d.amount(most)
		}
		d.taken = min(from.taken, most)
	}
	if actual > r.cost {
		t.debit(debits)
		return
	}
	t.giveBack(debits, t.now())
}

// correctCells corrects what was taken in another store.
func (r *Reservation) correctCells(cells []Cell, actual int64) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.remote.ctx), refundTime)
	defer cancel()
	if actual < r.cost {
		for i := range cells {
			cells[i].Taken = min(max(cells[i].Taken, 0), r.cost-actual)
		}
		return r.limit.store.Refund(ctx, cells)
	}
	for i := range cells {
		c := &cells[i]
		// A cell never owes more than this, and a store need not multiply more.
		c.Cost, c.Debt, c.Taken = min(actual-r.cost, 2*c.Policy.Burst), true, 0
	}
	_, err := r.limit.store.Debit(ctx, cells)
	return err
}

// unsettled is the error of Settle if the store has failed.
func (m *Middleware) unsettled(err error) *bulwark.Problem {
	p := m.problem(http.StatusServiceUnavailable, "ratelimit.unavailable", "Try again after the number of seconds in Retry-After.")
	p.RetryAfter = outageWait
	p.Err = fmt.Errorf("Config.Store failed, so Settle has not corrected the cost: %w", err)
	return p
}
