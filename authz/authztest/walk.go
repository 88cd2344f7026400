package authztest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
	"github.com/bulwark-go/bulwark/authz/internal/witness"
)

// A Walk says with which callers, values and bodies [Fields] sends its
// requests. A pattern is written as in [Golden], such as "GET
// /documents/{id}".
type Walk struct {
	// Callers are the callers, by the names that the file shows, such as
	// "alice, owner". A nil Principal is an anonymous caller. Take an owner of
	// the objects, a stranger, and a caller of each role. A caller needs
	// whatever the rules ask for, such as scopes. Required.
	Callers map[string]*bulwark.Principal
	// Values returns the path values of a route, by the names of its wildcards.
	// Fields calls it before each request, so that it can make the object anew
	// that an earlier request has changed or deleted. Default: none. It is
	// required if a route has wildcards.
	Values func(route authz.Route) map[string]string
	// Bodies are the JSON bodies of the requests, by pattern. Default: no body.
	Bodies map[string]string
	// Prepare changes a request of a caller before Fields sends it. It can for
	// example set the query. Default: the request is not changed.
	Prepare func(r *http.Request, caller string)
	// Known are the patterns of handlers that may answer with fields of a
	// registered type around [authz.Write], each with the reason. The file
	// shows the reason. Default: none.
	Known map[string]string
	// Skip are the patterns to which Fields does not send requests, each with
	// the reason. The file shows the reason. Default: none.
	Skip map[string]string
}

// walkTimeout bounds one request. A handler that streams is stopped earlier, at
// its first Flush.
const walkTimeout = 10 * time.Second

// name returns the pattern of a route.
func name(route authz.Route) string { return route.Method + " " + route.Pattern }

// callers returns the names of the callers, sorted.
func (walk *Walk) callers() []string { return slices.Sorted(maps.Keys(walk.Callers)) }

// check fails the test for what is wrong with the walk, and reports whether the
// walk can begin.
func (walk *Walk) check(t testing.TB, routes []authz.Route) bool {
	t.Helper()
	if len(walk.Callers) == 0 {
		t.Fatalf("Fields was given no callers; set Walk.Callers")
		return false
	}
	for _, who := range walk.callers() {
		if strings.ContainsAny(who, "|\r\n") || strings.TrimSpace(who) != who || who == "" {
			t.Fatalf("the name of the caller %q does not fit a line of the file; write a name without | and line breaks", who)
			return false
		}
	}
	known := map[string]bool{}
	for _, route := range routes {
		known[name(route)] = true
	}
	for _, given := range []struct {
		field    string
		patterns map[string]string
		reasons  bool
	}{{"Bodies", walk.Bodies, false}, {"Known", walk.Known, true}, {"Skip", walk.Skip, true}} {
		for _, pattern := range slices.Sorted(maps.Keys(given.patterns)) {
			if !known[pattern] {
				t.Errorf("Walk.%s names %q, and the Mux has no such route; write the pattern as Routes does", given.field, pattern)
			}
			if reason := given.patterns[pattern]; given.reasons && (strings.TrimSpace(reason) == "" || strings.ContainsAny(reason, "|\r\n")) {
				t.Errorf("Walk.%s has no reason for %q, or one with a | or a line break; write the reason on one line", given.field, pattern)
			}
		}
	}
	return true
}

// A visit is the answer to one request.
type visit struct {
	status  int
	problem bool // the Content-Type says so
	body    []byte
	sent    [][]byte // by authz.Write and authz.WriteList
}

// visit sends one request. It returns false, and fails the test, if the walk
// lacks a path value.
func (walk *Walk) visit(t testing.TB, mux *authz.Mux, route authz.Route, who string) (visit, bool) {
	t.Helper()
	var values map[string]string
	if walk.Values != nil {
		values = walk.Values(route)
	}
	host, path, missing := fill(route.Pattern, func(wildcard string) string { return values[wildcard] })
	if missing != "" {
		t.Errorf("%s: there is no value for {%s}; let Walk.Values return one", name(route), missing)
		return visit{}, false
	}
	body := walk.Bodies[name(route)]
	r := httptest.NewRequest(route.Method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if host != "" {
		r.Host = host
	}
	if walk.Prepare != nil {
		walk.Prepare(r, who)
	}
	ctx, record, stop := witness.Watch(r.Context())
	defer stop()
	w, ctx, done := newRecorder(ctx)
	defer done()
	mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(ctx, walk.Callers[who])))
	media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	problem := strings.EqualFold(strings.TrimSpace(media), "application/problem+json")
	return visit{w.Code, problem, w.Body.Bytes(), record.Bodies()}, true
}

// fill makes a host and a path of a pattern. If a wildcard has an empty value,
// fill returns its name.
func fill(pattern string, value func(wildcard string) string) (host, path, missing string) {
	host, rest, _ := strings.Cut(pattern, "/")
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		wildcard := strings.Trim(segment, "{}")
		if wildcard == "$" {
			segments[i] = ""
			continue
		}
		wildcard, whole := strings.CutSuffix(wildcard, "...")
		text := value(wildcard)
		if text == "" {
			return "", "", wildcard
		}
		segments[i] = url.PathEscape(text)
		if whole {
			segments[i] = strings.ReplaceAll(segments[i], "%2F", "/")
		}
	}
	return host, "/" + strings.Join(segments, "/"), ""
}
