package ratelimit

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/bulwark-go/bulwark/internal/nat64"
)

// A Result is the state of a key after a request was counted against it.
type Result struct {
	// Limit is how many requests the rate allows in a window. If the rate is
	// unlimited, Limit is 0, and the other fields have no meaning.
	Limit int
	// Remaining is how many requests pass at once now.
	Remaining int
	// Reset is how long it takes until Remaining grows. It is 0 if the whole
	// quota is there.
	Reset time.Duration
	// RetryAfter is how long it takes until the same request passes. It is 0 if
	// the request passed.
	RetryAfter time.Duration
	// Exceeded reports whether the request is over the limit. In a dry run an
	// exceeded limit is not an error.
	Exceeded bool
}

// A Reservation is what [Middleware.Take], [Middleware.TakeN] or
// [Middleware.TakeFor] has counted. It stays counted, unless
// [Reservation.Refund] or [Reservation.Settle] is called. Only the first call
// of Commit, Refund and Settle has an effect. All methods accept a nil receiver
// and are safe for concurrent use.
type Reservation struct {
	limit *Middleware
	cost  int64

	mu      sync.Mutex
	decided bool

	receipts []receipt // of a MemoryStore
	few      [2]receipt
	remote   *remote // of another store
}

// A receipt is what a debit of a table leaves behind: what giveBack needs.
type receipt struct {
	hash         uint64
	until, taken int64
}

// remote is what was taken in a store that is not a MemoryStore.
type remote struct {
	ctx   context.Context // of Take
	cells []Cell
}

// reserve is the reservation of what c has taken.
func (c *charge) reserve(ctx context.Context, cost int64) *Reservation {
	if c.limit.table == nil {
		both := &struct {
			r Reservation
			remote
		}{Reservation{limit: c.limit, cost: cost}, remote{ctx, c.cells}}
		both.r.remote = &both.remote
		return &both.r
	}
	r := &Reservation{limit: c.limit, cost: cost}
	debits := c.debits()
	if r.receipts = r.few[:]; len(debits) > len(r.few) {
		r.receipts = make([]receipt, len(debits))
	}
	r.receipts = r.receipts[:len(debits)]
	for i := range debits {
		d := &debits[i]
		r.receipts[i] = receipt{d.hash, d.until, d.taken}
	}
	return r
}

// Commit keeps all that was taken. A Refund or Settle after it does nothing.
func (r *Reservation) Commit() {
	if r != nil {
		r.decide()
	}
}

// Refund gives all that was taken back to the quota, once. The part that time
// has restored since is not given back again. If the Store fails, the request
// stays counted.
func (r *Reservation) Refund() {
	if r != nil {
		_ = r.correct(0)
	}
}

// decide returns true to the first caller only, so that two calls at once do
// not give back twice, and no call waits for the store of another. It is
// decided even if the store panics: nobody knows what it has given back.
func (r *Reservation) decide() (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first = !r.decided
	r.decided = true
	return first
}

// Take counts one request for a key that only the handler knows, at the default
// rate. A login, for example, counts by the account in the body.
//
// If Take came after the check of the password, guesses that run at once would
// all pass. Therefore call Take before the check, and Refund after a success:
//
//	reservation, _, err := perAccount.Take(r.Context(), account)
//	if err != nil {
//		bulwark.Deny(w, r, err)
//		return
//	}
//	if !rightPassword {
//		… // answer 401; the request stays counted
//		return
//	}
//	reservation.Refund()
//
// The key consists of all the strings, in their order. Normalise them first, so
// that "Alice@example.com" and "alice@example.com" are one account. These keys
// are separate from the keys of requests that Wrap counts.
//
// The error is a *[bulwark.Problem] for [bulwark.Deny]:
//
//   - 429 "ratelimit.exceeded" over the limit;
//   - 400 "ratelimit.key" if a string is empty, or if there is no string;
//   - 503 "ratelimit.unavailable" if the Store failed.
//
// With a limit by account alone, anybody can lock the owner of an account out.
// Give such a limit a rate well above the rate of a limit by account and
// address, which uses [Middleware.TakeFor].
func (m *Middleware) Take(ctx context.Context, key ...string) (*Reservation, Result, error) {
	if m.made() && len(key) == 0 {
		return nil, Result{}, m.unkeyed(errEmptyTaken)
	}
	return m.takeFor(ctx, netip.Addr{}, 1, key)
}

// TakeFor is [Middleware.Take] for a key that includes the address of the
// client:
//
//	taken, _, err := perLogin.TakeFor(ctx, bulwark.ClientIP(r), account)
//
// It counts the address as [ByIP] does. An IPv6 address is counted by its /64
// network, and also by the /48 network around it, which has 16 times the rate.
// So a site with 65,536 networks has no more guesses than 16 hosts. Both
// networks count the request or neither does, and Refund gives back to both.
//
// Without strings the key is the address alone. An address that is not valid is
// 400 "ratelimit.client_address".
func (m *Middleware) TakeFor(ctx context.Context, addr netip.Addr, key ...string) (*Reservation, Result, error) {
	if addr = nat64.Client(addr); m.made() && !addr.IsValid() {
		return nil, Result{}, m.unknownAddress(errBadAddress)
	}
	return m.takeFor(ctx, addr, 1, key)
}

// takeFor takes from a key and, if addr is an IPv6 address, from the wider key.
func (m *Middleware) takeFor(ctx context.Context, addr netip.Addr, cost int64, key []string) (*Reservation, Result, error) {
	if !m.made() {
		return nil, Result{}, m.unready()
	}
	if slices.Contains(key, "") {
		return nil, Result{}, m.unkeyed(errEmptyTaken)
	}
	if cost < 1 {
		return nil, Result{}, m.unaffordable(errTakenTooSmall)
	}
	if m.rate.unlimited {
		return &Reservation{}, Result{}, nil
	}
	if cost > m.rate.burst {
		return nil, Result{}, m.unaffordable(errTakenTooLarge)
	}
	var charges [1]charge
	c := &charges[0]
	c.limit, c.quota = m, m.rate
	var room [256]byte
	c.add(cost, appendTaken(room[:0], addr, narrowBits, key))
	if addr.Is6() {
		c.add(cost, appendTaken(room[:0], addr, wideBits, key))
	}
	ok, err := c.take(ctx)
	switch {
	case err != nil && m.dryRun:
		m.reportFault(carrier(ctx), m.unavailable(err))
		return &Reservation{}, Result{}, nil
	case err != nil:
		return nil, Result{}, m.unavailable(err)
	case !ok && !m.dryRun:
		return nil, c.result(), refusal(charges[:], nil)
	case !ok:
		m.reportDry(carrier(ctx), c)
		return &Reservation{}, c.result(), nil
	}
	return c.reserve(ctx, cost), c.result(), nil
}

// carrier is a request that only carries a context: Take knows no more, and
// what the context knows of the request is reported.
func carrier(ctx context.Context) *http.Request {
	return (&http.Request{Method: "_OTHER"}).WithContext(ctx)
}

// takenKeys are the keys that Take and TakeFor count by, from the narrowest to
// the widest.
func takenKeys(addr netip.Addr, key []string) [][]byte {
	keys := [][]byte{appendTaken(nil, addr, narrowBits, key)}
	if addr.Is6() {
		keys = append(keys, appendTaken(nil, addr, wideBits, key))
	}
	return keys
}

func (c *charge) result() Result {
	s := &c.standing
	return Result{Limit: int(c.quota.spans[c.tight].narrow.Limit), Remaining: int(s.Remaining), Reset: s.Reset, RetryAfter: s.Wait, Exceeded: s.Exceeded}
}
