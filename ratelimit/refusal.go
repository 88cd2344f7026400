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

// refusal is the answer to a request past the limit.
func (m *Middleware) refusal(v *verdict) *bulwark.Problem {
	p := m.problem(http.StatusTooManyRequests, "ratelimit.exceeded", "Wait for as many seconds as Retry-After says.")
	p.Type = quotaExceeded
	p.Title = "Request cannot be satisfied as assigned quota has been exceeded"
	p.Extensions = map[string]any{"violated-policies": []string{m.name}}
	// The draft asks that Retry-After is not before t (section 6). A request
	// that costs one waits exactly as long, a dearer one longer.
	p.RetryAfter = time.Duration(max(v.wait, v.reset))
	p.Log.Event = bulwark.ExcessRateLimitExceeded
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
