package cors

import (
	"log/slog"
	"net/http"

	"github.com/bulwark-go/bulwark"
)

// The codes of refusals.
const (
	codeOrigin    = "cors.origin"
	codeMethod    = "cors.method"
	codeHeader    = "cors.header"
	codeAmbiguous = "cors.ambiguous"
)

// refusal says why the protocol did not allow a request. It looks at no more of
// it than New has bounded: what is neither origin nor method is a header.
func (m *Middleware) refusal(origin, method string, preflight bool) *bulwark.Problem {
	p := &bulwark.Problem{Status: http.StatusForbidden, Log: bulwark.ProblemLog{Event: bulwark.MaliciousCORS, Attrs: []slog.Attr{slog.String("origin", origin[:min(len(origin), maxOrigin)])}}}
	switch {
	case !m.origins.allows(origin):
		p.Code = codeOrigin
		p.Detail = "Pages of this origin may not use this service."
	case !m.lists(method) || !preflight:
		p.Code = codeMethod
		p.Detail = "Pages of other origins may not use this method."
	default:
		p.Code = codeHeader
		p.Detail = "Pages of other origins may not set one of the headers that Access-Control-Request-Headers lists."
	}
	return p
}

// ambiguous refuses what different readers would understand differently: which
// of two lines counts, and rs/cors would answer with both (Fetch has one of
// each).
func ambiguous() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: codeAmbiguous, Log: bulwark.ProblemLog{Event: bulwark.MaliciousCORS},
		Detail: "Send each of Origin and Access-Control-Request-Method once."}
}

// refuse denies a request, or, in a dry run, reports it and passes it on.
func (m *Middleware) refuse(w http.ResponseWriter, r *http.Request, problem *bulwark.Problem, next http.Handler) {
	if m.dryRun {
		m.report(r, problem)
		next.ServeHTTP(w, r)
		return
	}
	bulwark.Deny(w, r, problem)
}

// report records a refusal that is not answered as one.
func (m *Middleware) report(r *http.Request, problem *bulwark.Problem) {
	e := bulwark.Event{Name: problem.Log.Event, Reason: problem.Code}
	n := copy(e.Attrs[:], problem.Log.Attrs)
	if m.dryRun {
		e.Attrs[n] = slog.Bool("dry_run", true)
	}
	bulwark.Report(r, e)
}

// safelisted methods pass a preflight that does not list them (Fetch,
// CORS-preflight fetch, step 7), so that explaining would be allowing.
func safelisted(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
}
