package ratelimit

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/member"
)

// quotaExceeded is the type of the answer
// (draft-ietf-httpapi-ratelimit-headers-11 section 5.1). The draft also defines
// the member violated-policies.
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// outageWait is the Retry-After if the store has failed.
const outageWait = 5 * time.Second

// refusal is the answer to a request past some of the limits, or nil. It is the
// outermost limit's, and has the longest wait.
func refusal(charges []charge, r *http.Request) error {
	var p *bulwark.Problem
	var violated *member.List
	for i := range charges {
		c := &charges[i]
		if !c.standing.Exceeded || c.limit.dryRun {
			continue
		}
		list, wait := c.violated()
		switch {
		case p == nil: // a copy: the prepared one is that of all requests
			p = new(bulwark.Problem)
			*p, violated = *c.quota.refusal, list
			if list != c.quota.refused {
				member.Attach(p, list)
			}
		default:
			violated = joinLists(violated, list)
			member.Attach(p, violated)
		}
		if c.byAddr && p.Err == nil {
			p.Err = unproxied(r)
		}
		p.RetryAfter = max(p.RetryAfter, wait)
	}
	if p == nil {
		return nil
	}
	return p
}

// prepareRefusal prepares the refusal of the limit with that name.
func (q *quota) prepareRefusal(name string) {
	q.refused = &q.spans[0].violated
	q.refusal = &bulwark.Problem{
		Type: quotaExceeded, Title: "Request cannot be satisfied as assigned quota has been exceeded",
		Status: http.StatusTooManyRequests, Code: "ratelimit.exceeded",
		Detail: "Too many requests. Try again after the number of seconds in Retry-After.",
		Log:    bulwark.ProblemLog{Rule: name, Event: bulwark.ExcessRateLimitExceeded},
	}
	member.Attach(q.refusal, q.refused)
}

// joinLists returns a list of both, without changing either: they may be those
// of the limits.
func joinLists(a, b *member.List) *member.List {
	if a == nil {
		return b
	}
	return &member.List{Name: a.Name, Values: slices.Concat(a.Values, b.Values)}
}

// violated are the names of the windows that have refused, and how long they
// have the client wait. The draft asks that Retry-After is not before t
// (section 6). A request that costs one waits exactly as long, a dearer one
// longer.
func (c *charge) violated() (all *member.List, wait time.Duration) {
	spans := c.quota.spans
	if len(spans) == 1 && c.cells == nil { // nearly always
		return &spans[0].violated, max(c.standing.Wait, c.standing.Reset)
	}
	wait = c.standing.Wait
	for i := range spans {
		if s := c.of(i); s.Exceeded {
			all, wait = joinLists(all, &spans[i].violated), max(wait, s.Wait, s.Reset)
		}
	}
	if all == nil { // a store that refuses, and does not say which
		all = &spans[c.tight].violated
	}
	return all, wait
}

// unproxied returns an error if the address of the client is the address of the
// connection, and a private one: it may be the address of a proxy, and all of
// its clients then share one quota.
func unproxied(r *http.Request) error {
	client := bulwark.ClientIP(r)
	if !client.IsPrivate() && !client.IsLoopback() && !client.IsLinkLocalUnicast() {
		return nil
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || peer.Addr().Unmap().WithZone("") != client {
		return nil
	}
	return errUnproxied
}

// unavailable is the answer if the store does not say how a quota stands. That
// is an outage of the service, and not a fault of the caller.
func (m *Middleware) unavailable(err error) *bulwark.Problem {
	p := m.problem(http.StatusServiceUnavailable, "ratelimit.unavailable", "Try again after the number of seconds in Retry-After.")
	p.RetryAfter = outageWait
	p.Err = fmt.Errorf("Config.Store failed, so the request is refused: %w", err)
	return p
}

func (m *Middleware) problem(status int, code, detail string) *bulwark.Problem {
	return &bulwark.Problem{Status: status, Code: code, Detail: detail, Log: bulwark.ProblemLog{Rule: m.name}}
}

// unkeyed is the answer to a request with an empty key.
func (m *Middleware) unkeyed(why error) *bulwark.Problem {
	p := m.problem(http.StatusBadRequest, "ratelimit.key", "The request lacks a value by which requests are counted.")
	p.Err = why
	return p
}

func (m *Middleware) unknownAddress(why error) *bulwark.Problem {
	p := m.problem(http.StatusBadRequest, "ratelimit.client_address", "The address of the client could not be determined.")
	p.Err = why
	return p
}

// unaffordable is the answer to a request whose cost is out of bounds.
func (m *Middleware) unaffordable(why error) *bulwark.Problem {
	p := m.problem(http.StatusBadRequest, "ratelimit.cost", "The request asks for more than the quota allows at once.")
	p.Err = why
	return p
}

// What the log says beside a reason: which field of the Config, or which call,
// changes it.
var (
	errNoAddress     = errors.New("bulwark.ClientIP has no address for the request; behind a Unix socket set Edge.TrustUnixSocket and Edge.ForwardedHeader, or change Config.Key")
	errUnproxied     = errors.New("the address is that of a private network: if it is a proxy's, name it in bulwark.Edge.TrustedProxies, or all clients of the proxy share one quota")
	errBadAddress    = errors.New("the address given to TakeFor or ResetFor is not valid; give it bulwark.ClientIP(r), and behind a Unix socket set Edge.TrustUnixSocket")
	errEmptyKey      = errors.New("a KeyFunc in Config.Key returned an empty text; return a text for each request, or put the limit inside the layer that knows the value")
	errNoSubject     = errors.New("Config.Key has ByPrincipal, and the Subject of the principal is empty; the authenticator must set it")
	errEmptyTaken    = errors.New("a key given to Take or TakeFor, or to TakeN, Reset or ResetFor, is empty or missing; refuse the request before the call if it lacks the value")
	errTakenTooSmall = errors.New("the cost given to TakeN is below 1; give it at least 1, and do not call it for a request that costs nothing")
	errTakenTooLarge = errors.New("the cost given to TakeN is above the burst of the rate; take less, or raise the burst in Config.Rate")
	errCostTooSmall  = errors.New("Config.Cost returned a cost below 1; return 1 for a request that counts once")
	errCostTooLarge  = errors.New("Config.Cost returned a cost above the burst of the caller's rate; return less, or raise the burst in Config.Rate, Config.Tiers or Config.Anonymous")
	errDryRun        = errors.New("Config.DryRun is true, so the limit counts and reports, and refuses nothing")
	errTooLong       = errors.New("the request ran for longer than Concurrency.Timeout")
	errUnseen        = errors.New("Config.Count is Failures, which counts an answer that the limit does not see; write the status before the handler returns, as docs/routers.md shows")
)

// errorAttr is err as [bulwark.Deny] puts it into an event.
func errorAttr(err error) slog.Attr { return slog.String("error", err.Error()) }
