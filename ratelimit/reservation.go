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
	// Limit is how many requests the window has. It is 0 where the rate is
	// unlimited; the other fields say nothing then.
	Limit int
	// Remaining is how many requests pass at once now.
	Remaining int
	// Reset is how long it takes until Remaining grows; 0 where nothing is
	// used.
	Reset time.Duration
	// RetryAfter is how long it takes until the same request passes; 0 where it
	// did.
	RetryAfter time.Duration
	// Exceeded is whether the request is past the limit. In a dry run that is
	// not an error.
	Exceeded bool
}

// A Reservation is what [Middleware.Take] has counted. It stays counted unless
// it is refunded. All methods accept a nil receiver, and are safe for
// concurrent use.
type Reservation struct {
	mu     sync.Mutex
	ctx    context.Context // of Take, for another store
	charge charge
}

// Commit keeps what was counted: a Refund afterwards does nothing.
func (r *Reservation) Commit() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.charge.keys = 0
}

// Refund gives back what was counted, once, less what has been restored since
// by the passing of time.
func (r *Reservation) Refund() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.charge
	r.charge.keys = 0 // also where the store panics: nobody knows what it has given back
	c.giveBack(r.ctx)
}

// Take counts one request against a key that only a handler knows, at the
// default rate: a login limits by the account that is to be logged into, after
// the body has been checked. Count before checking the password and refund what
// succeeded, or guesses that run at once are not counted:
//
//	reservation, _, err := perAccount.Take(r.Context(), account)
//	if err != nil {
//		bulwark.Deny(w, r, err)
//		return
//	}
//	… check the password …
//	reservation.Refund() // it was right
//
// The key is the strings together, in their order; normalise them first, so
// that "Alice@example.com" and "alice@example.com" are one account. Such keys
// are apart from those of requests. The error is a *[bulwark.Problem]: 429
// "ratelimit.exceeded" past the limit and 400 "ratelimit.key" where a string is
// empty or missing. A limit by account alone lets anybody lock an account's
// owner out: give it a rate well above that of a limit by account and address
// beside it, which is TakeFor.
func (m *Middleware) Take(ctx context.Context, key ...string) (*Reservation, Result, error) {
	if m.made() && len(key) == 0 {
		return nil, Result{}, m.unkeyed()
	}
	return m.takeFor(ctx, netip.Addr{}, key)
}

// TakeFor is Take for a key of which the client's address is a part:
//
//	reservation, _, err := perLogin.TakeFor(r.Context(), bulwark.ClientIP(r), account)
//
// It counts the address as [ByIP] does: an IPv4 address, or the /64 of an IPv6
// one and the /48 around it, which has 16 times the rate. It takes from both or
// from neither, and the Reservation gives back to both. So a site with 65,536
// networks has no more guesses than 16 hosts. The strings may be left out: the
// key is the address alone then. An address that is not valid is 400
// "ratelimit.client_address".
func (m *Middleware) TakeFor(ctx context.Context, addr netip.Addr, key ...string) (*Reservation, Result, error) {
	if addr = nat64.Client(addr); m.made() && !addr.IsValid() {
		return nil, Result{}, m.unknownAddress()
	}
	return m.takeFor(ctx, addr, key)
}

// takeFor takes from a key and, where addr is an IPv6 address, from the wider
// key.
func (m *Middleware) takeFor(ctx context.Context, addr netip.Addr, key []string) (*Reservation, Result, error) {
	if !m.made() {
		return nil, Result{}, m.unready()
	}
	if slices.Contains(key, "") {
		return nil, Result{}, m.unkeyed()
	}
	if m.rate.unlimited {
		return &Reservation{}, Result{}, nil
	}
	c := charge{limit: m, quota: m.rate}
	var room [256]byte
	c.add(&m.rate.narrow, &m.rate.gcra, 1, appendTaken(room[:0], addr, narrowBits, key))
	if addr.Is6() {
		c.add(&m.rate.wide, &m.rate.wideGCRA, 1, appendTaken(room[:0], addr, wideBits, key))
	}
	ok, err := c.take(ctx)
	// Only the context is known here; what it knows of the request is reported.
	request := func() *http.Request { return (&http.Request{Method: "_OTHER"}).WithContext(ctx) }
	switch {
	case err != nil && m.dryRun:
		m.reportFault(request(), m.unavailable(err))
		return &Reservation{}, Result{}, nil
	case err != nil:
		return nil, Result{}, m.unavailable(err)
	case !ok && !m.dryRun:
		return nil, c.result(), refusal([]charge{c})
	case !ok:
		m.reportDry(request(), &c)
		return &Reservation{}, c.result(), nil
	}
	return &Reservation{ctx: ctx, charge: c}, c.result(), nil
}

func (c *charge) result() Result {
	s := &c.standing
	return Result{Limit: int(c.quota.narrow.Limit), Remaining: int(s.Remaining), Reset: s.Reset, RetryAfter: s.Wait, Exceeded: s.Exceeded}
}
