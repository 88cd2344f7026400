package cors

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/token"
)

// The codes of refusals.
const (
	codeOrigin    = "cors.origin"
	codeMethod    = "cors.method"
	codeHeader    = "cors.header"
	codeAmbiguous = "cors.ambiguous"
)

// maxAsked bounds the method and the header name that an event names.
const maxAsked = 64

// asked is what a page asked for, for the log alone. A client has written the
// text, so that only a short token is shown.
func asked(key, text string) []slog.Attr {
	if len(text) > maxAsked || !token.Is(text) {
		return nil
	}
	return []slog.Attr{slog.String(key, text)}
}

// unlisted returns the first name of Access-Control-Request-Headers that is not
// in Config.Headers, or nothing. It reads 64 names at most.
func (m *Middleware) unlisted(lines []string) string {
	left := 64
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			if left--; left < 0 {
				return ""
			}
			name = strings.Trim(name, " \t")
			same := func(listed string) bool { return strings.EqualFold(listed, name) }
			if name != "" && !slices.ContainsFunc(m.headers, same) {
				return name
			}
		}
	}
	return ""
}

// wanted has what the log says about each refusal: what was wanted, and the
// field that changes it.
type wanted struct{ origin, method, header error }

func newWanted(methods, headers string) wanted {
	return wanted{
		origin: errors.New("the origin is not in cors.Config.Origins; an entry must be exactly what the browser sends"),
		method: fmt.Errorf("the method is not in cors.Config.Methods (%s)", methods),
		header: fmt.Errorf("a header of Access-Control-Request-Headers is not in cors.Config.Headers (%s)", cmp.Or(headers, "none")),
	}
}

var errNoEdge = errors.New("the origin is not in cors.Config.Origins; it is the origin of the service itself, if the Host of the request is right: put bulwark.Edge with Hosts around cors, which checks it")

var errAmbiguous = errors.New("one line each of Origin and Access-Control-Request-Method was wanted; no field of cors.Config allows two")

// refusal says why the protocol did not allow a request. If neither the origin
// nor the method is the reason, a header is.
func (m *Middleware) refusal(r *http.Request, origin, method string, preflight bool) *bulwark.Problem {
	p := &bulwark.Problem{Status: http.StatusForbidden, Log: bulwark.ProblemLog{Event: bulwark.MaliciousCORS, Attrs: []slog.Attr{slog.String("origin", origin[:min(len(origin), maxOrigin)])}}}
	switch {
	case !m.origins.allows(origin):
		p.Code, p.Err = codeOrigin, m.wanted.origin
		p.Detail = "Pages of this origin may not use this service."
	case !m.lists(method) || !preflight:
		p.Code, p.Err = codeMethod, m.wanted.method
		p.Log.Attrs = append(p.Log.Attrs, asked("requestMethod", method)...)
		p.Detail = "Pages of other origins may not use this method."
	default:
		p.Code, p.Err = codeHeader, m.wanted.header
		p.Log.Attrs = append(p.Log.Attrs, asked("requestHeader", m.unlisted(r.Header[requestHeaders]))...)
		p.Detail = "Pages of other origins may not set one of the headers that Access-Control-Request-Headers lists."
	}
	return p
}

// ambiguous refuses a request with two lines of a header of which Fetch has
// one. Programs differ in which line they read, and rs/cors would answer with
// both.
func ambiguous() *bulwark.Problem {
	return &bulwark.Problem{Status: http.StatusBadRequest, Code: codeAmbiguous, Err: errAmbiguous, Log: bulwark.ProblemLog{Event: bulwark.MaliciousCORS},
		Detail: "Send Origin and Access-Control-Request-Method once each."}
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
	e.Attrs[n] = slog.String("error", problem.Err.Error())
	if m.dryRun {
		e.Attrs[n+1] = slog.Bool("dry_run", true)
	}
	bulwark.Report(r, e)
}

// safelisted methods pass a preflight that does not list them (Fetch,
// CORS-preflight fetch, step 7). To explain a refusal of such a method would
// allow it.
func safelisted(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
}
