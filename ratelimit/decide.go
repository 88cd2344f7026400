package ratelimit

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/bulwark-go/bulwark"
)

// caller is whose quota a request uses, and which.
type caller struct {
	principal *bulwark.Principal
	addr      netip.Addr
	quota     *quota
	space     byte
}

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

// decide counts a request, or says why it cannot. It allocates nothing for keys of
// up to 256 bytes.
func (m *Middleware) decide(r *http.Request, scope *bulwark.Scope) (verdict, error) {
	c, err := m.identify(r, scope)
	if err != nil || c.quota.unlimited {
		return verdict{quota: c.quota}, err
	}
	cost := int64(1)
	if m.cost != nil {
		cost = int64(m.cost(r))
	}
	if cost < 1 || cost > c.quota.burst {
		return verdict{}, m.problem(http.StatusBadRequest, "ratelimit.cost", "The request asks for more than the quota allows at once.")
	}
	var room [256]byte
	key, ok := m.appendKey(room[:0], r, &c, 64)
	if !ok {
		return verdict{}, m.problem(http.StatusBadRequest, "ratelimit.key", "The request does not say whose quota it uses.")
	}
	hash, wideHash := m.table.hash(key), uint64(0)
	if c.addr.Is6() {
		if key, ok = m.appendKey(room[:0], r, &c, 48); ok {
			wideHash = m.table.hash(key)
		}
	}
	return m.table.debit(c.quota, cost, hash, wideHash), nil
}

// identify finds the caller and its quota.
func (m *Middleware) identify(r *http.Request, scope *bulwark.Scope) (caller, error) {
	c := caller{quota: m.rate}
	if m.byPrincipal {
		p, ok := bulwark.PrincipalFrom(r.Context())
		switch {
		case ok:
			c.principal, c.quota = p, m.tier(p.Tier)
		case scope.Settled():
			c.space, c.quota = spaceAnonymous, m.anonymous
		default:
			return c, &bulwark.ConfigError{Field: "ratelimit(" + m.name + ").Key",
				Reason: "needs a principal, and no auth layer has seen the request; put the limit inside auth"}
		}
	}
	if c.quota.unlimited || !m.byIP && c.space != spaceAnonymous {
		return c, nil
	}
	if c.addr = scope.ClientIP(); !c.addr.IsValid() {
		return c, m.problem(http.StatusBadRequest, "ratelimit.client_address", "The address of the client could not be determined.")
	}
	return c, nil
}

// tier is the quota of a principal's tier.
func (m *Middleware) tier(name string) *quota {
	if q, ok := m.tiers[name]; ok {
		return q
	}
	return m.rate
}

// debit takes cost from a key and, where there is one, from the wide key around it:
// from both or from neither.
func (t *table) debit(q *quota, cost int64, hash, wideHash uint64) verdict {
	now := t.now()
	v := verdict{quota: q, hash: hash}
	if wideHash == 0 {
		v.take(t, q, cost, hash, now, 0)
		return v
	}
	// The wide key is read first, so that a refusal for its sake writes nothing.
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

// quotaExceeded is the type of the answer (draft-ietf-httpapi-ratelimit-headers-10
// section 5.1), which defines the member violated-policies as well.
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// refusal is the answer to a request past the limit.
func (m *Middleware) refusal(v *verdict) *bulwark.Problem {
	p := m.problem(http.StatusTooManyRequests, "ratelimit.exceeded", "Wait for as many seconds as Retry-After says.")
	p.Type = quotaExceeded
	p.Title = "Request cannot be satisfied as assigned quota has been exceeded"
	p.Extensions = map[string]any{"violated-policies": []string{m.name}}
	// The draft asks that Retry-After is not before t (section 6). A request that
	// costs one waits exactly as long, a dearer one longer.
	p.RetryAfter = time.Duration(max(v.wait, v.reset))
	p.Event = bulwark.ExcessRateLimitExceeded
	return p
}

func (m *Middleware) problem(status int, code, detail string) *bulwark.Problem {
	return &bulwark.Problem{Status: status, Code: code, Detail: detail, Rule: m.name}
}
