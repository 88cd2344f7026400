package authz

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/response"
)

// Deferred lets every verified caller in, as [Authenticated] does, and keeps
// the answer of the handler back. It is for a handler that can load its object
// only late, such as a handler that finds the id in the body:
//
//	mux.Handle("POST /search", authz.Deferred(), search)
//
// The first byte of the answer waits until [Resource.Check] has returned a
// grant. The check must be made with the policy of the route, for the caller of
// the route, and with the request of the route. One check is enough, of any
// resource and action. A check in a sub-request, such as a part of a batch,
// opens the sub-request and not the request around it. A part that is a shallow
// copy of the request, with its context, is told apart by its method, its host
// and its path: the path of the request must not end with the path of the part.
//
// Before the check, the handler can refuse with [bulwark.Deny]. The refusal is
// sent without the header fields that the handler has set. Everything else is
// 500 "authz.unchecked" in place of the answer of the handler, with an event:
//
//   - a status, a body or a flush, also of http.Error, http.Redirect and the
//     timeout of an [http.TimeoutHandler];
//   - an informational response, such as 103 Early Hints;
//   - a hijacked connection;
//   - the return of the handler, which would be an empty 200.
//
// A handler that then panics with [http.ErrAbortHandler], as a proxy does whose
// answer cannot be written, does not abort the 500.
//
// Nothing that the handler has written or set in the header leaves the service
// then. An exception are the RateLimit fields of a limit on the route. What the
// handler writes after the refusal is dropped, and the write returns an error.
// The layers of the route are kept back with the handler.
//
// Deferred works for [Mux.Handle], [Mux.Mount], [New] and [Guard], alone or
// inside [All]. Inside [Any] it is refused at registration, because the callers
// of the other rules would not be checked. [Middleware.Check] does not see the
// answer and so refuses every request. [Mux.Routes] shows the route as weak.
//
// Prefer [HandleObject], which checks before the handler runs.
func Deferred() Rule { return Rule{kind: kindDeferred} }

// weakDeferred is what Mux.Routes says about a deferred check.
const weakDeferred = "the handler checks late"

// deferredInAny says what is wrong with Deferred inside Any.
const deferredInAny = "has Deferred inside Any, which would leave the callers of the other rules unchecked; use Deferred alone or inside All"

// hasDeferred reports whether a part of a check is deferred.
func hasDeferred(parts []check) bool {
	for i := range parts {
		if parts[i].deferred {
			return true
		}
	}
	return false
}

// A lateCheck is what a Resource.Check must fit to open an answer.
type lateCheck struct {
	policy             *Policy
	caller             *bulwark.Principal
	scope              *bulwark.Scope
	method, host, path string
}

// serveLate serves r with next, whose answer waits for a check. It is for a
// caller who has passed the rule.
func (g *gate) serveLate(next http.Handler, w http.ResponseWriter, r *http.Request, rule string, caller *bulwark.Principal) {
	r, s := bulwark.Enter(r)
	w, watch := response.Of(w)
	hold := &response.Hold{Of: s, By: &lateCheck{g.policy, caller, s, r.Method, r.Host, r.URL.Path}, Around: response.Held(r.Context())}
	hold.Refuse = func() {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusInternalServerError, Code: "authz.unchecked",
			Log: bulwark.ProblemLog{Rule: rule}, Err: errUnchecked})
	}
	watch.HeldBack(hold, func() {
		next.ServeHTTP(w, r.WithContext(response.WithHold(r.Context(), hold)))
	})
}

// opened opens the answers that wait for the check that has just been passed.
func opened(r *http.Request, policy *Policy, caller *bulwark.Principal) {
	hold := response.Held(r.Context())
	if hold == nil {
		return
	}
	_, s := bulwark.Enter(r)
	for ; hold != nil; hold = hold.Around {
		if late, ok := hold.By.(*lateCheck); ok && late.policy == policy && late.caller == caller && late.isOf(r, s) {
			hold.Open()
		}
	}
}

// isOf reports whether r, whose scope is s, is the request that waits. A part
// of a batch may be a shallow copy, with the scope of the batch. Its method and
// its path tell it apart: a path may lose its beginning, as by
// [http.StripPrefix], and not become another path.
func (late *lateCheck) isOf(r *http.Request, s *bulwark.Scope) bool {
	if !s.Same(late.scope) {
		return false
	}
	return r.URL == nil || r.Method == late.method && r.Host == late.host && r.URL.Path != "" && strings.HasSuffix(late.path, r.URL.Path)
}

var (
	errUnchecked = errors.New("the handler of a Deferred rule answered without a grant of Resource.Check; before the first write, call Check with the request of the route, on a resource with the policy of the route, and answer each error with bulwark.Deny")
	errLateCheck = &bulwark.ConfigError{Field: "authz.Config.Rule", Value: "deferred",
		Reason: "has Deferred, and Check does not see the answer that has to wait; use Wrap, or another rule"}
)
