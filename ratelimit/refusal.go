package ratelimit

import (
	"net/http"
	"time"

	"github.com/bulwark-go/bulwark"
)

// quotaExceeded is the type of the answer
// (draft-ietf-httpapi-ratelimit-headers-10 section 5.1), which defines the
// member violated-policies as well.
const quotaExceeded = "https://iana.org/assignments/http-problem-types#quota-exceeded"

// outageWait is the Retry-After where the store has failed.
const outageWait = 5 * time.Second

// refusal is the answer to a request past some of the limits, or nil. It is the
// outermost limit's, and has the longest wait.
func refusal(charges []charge) error {
	var p *bulwark.Problem
	var violated []string
	for i := range charges {
		c := &charges[i]
		if !c.standing.Exceeded || c.limit.dryRun {
			continue
		}
		if p == nil {
			p = c.limit.problem(http.StatusTooManyRequests, "ratelimit.exceeded", "Wait for as many seconds as Retry-After says.")
		}
		violated = append(violated, c.limit.name)
		// The draft asks that Retry-After is not before t (section 6). A
		// request that costs one waits exactly as long, a dearer one longer.
		p.RetryAfter = max(p.RetryAfter, c.standing.Wait, c.standing.Reset)
	}
	if p == nil {
		return nil
	}
	p.Type = quotaExceeded
	p.Title = "Request cannot be satisfied as assigned quota has been exceeded"
	p.Extensions = map[string]any{"violated-policies": violated}
	p.Log.Event = bulwark.ExcessRateLimitExceeded
	return p
}

// unavailable is the answer where the store does not say how a quota stands: it
// is our outage, and not the caller's fault.
func (m *Middleware) unavailable(err error) *bulwark.Problem {
	p := m.problem(http.StatusServiceUnavailable, "ratelimit.unavailable", "Try again after as many seconds as Retry-After says.")
	p.RetryAfter = outageWait
	p.Err = err
	return p
}

func (m *Middleware) problem(status int, code, detail string) *bulwark.Problem {
	return &bulwark.Problem{Status: status, Code: code, Detail: detail, Log: bulwark.ProblemLog{Rule: m.name}}
}

// unkeyed is the answer to what does not say whose quota it uses.
func (m *Middleware) unkeyed() *bulwark.Problem {
	return m.problem(http.StatusBadRequest, "ratelimit.key", "The request does not say whose quota it uses.")
}

func (m *Middleware) unknownAddress() *bulwark.Problem {
	return m.problem(http.StatusBadRequest, "ratelimit.client_address", "The address of the client could not be determined.")
}
