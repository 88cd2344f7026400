package authztest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// Issuer is the issuer of the callers that [Matrix] makes. The subject of such
// a caller is the name of its role.
const Issuer = "authztest"

// Matrix sends a request to each route of mux, as each role and as an anonymous
// caller. It fails the test if the answer differs from [authz.Mux.Routes]:
//
//   - An anonymous caller must get 401 on a route that is not public.
//   - A role that is not listed for a route must get 403. On a route for an
//     object it may also get 404.
//   - A role that is listed must not get 401 or 403. On a route for an object,
//     and on a route of [authz.Deferred], it may get 403, because the object
//     may belong to somebody else. On a route that makes an object it may get
//     403 if its reach is neither "own" nor "all", because the new object may
//     be outside the reach. On a route that asks an engine it may get 403,
//     because the engine may deny.
//   - No caller may get 500 "authz.unchecked", which means that the handler of
//     an authz.Deferred answers without a check.
//   - Every caller must get 405 for a method that no route of the path has.
//
// A handler may verify a credential of its own, such as a refresh cookie. Name
// the pattern of such a route in verifying: then a caller whom the rule lets in
// may also get 401 or 403.
//
// Give Matrix every role of the policy, such as the keys of
// [authz.PolicyConfig.Roles]. A role that the policy does not have is a caller
// without grants, so that a misspelt role is not noticed.
//
// The callers have a session, and all scopes that the rule of the route asks
// for. Their login is fresh, and has the first authentication context class of
// the rule. Every path value is "authztest", and bodies are empty.
//
// The handlers run, so use a service with stores that the test may write to.
// Each request has a deadline of 10 seconds, and ends at the first Flush of the
// handler.
func Matrix(t testing.TB, mux *authz.Mux, roles []string, verifying ...string) {
	t.Helper()
	if len(roles) == 0 {
		t.Fatalf("Matrix was given no roles; give it the roles of the policy")
		return
	}
	routes := mux.Routes()
	if len(routes) == 0 {
		t.Fatalf("the Mux has no routes; register them before Matrix")
		return
	}
	for _, pattern := range verifying {
		if !slices.ContainsFunc(routes, func(route authz.Route) bool { return name(route) == pattern }) {
			t.Errorf("Matrix was given %q, and the Mux has no such route; write the pattern as Routes does", pattern)
		}
	}
	for _, route := range routes {
		own := slices.Contains(verifying, name(route))
		for _, role := range append([]string{""}, roles...) {
			w := send(mux, route, route.Method, role)
			if fault := cmp.Or(unchecked(w), judge(route, role, own, w.Code)); fault != "" {
				who := "role " + role
				if role == "" {
					who = "an anonymous caller"
				}
				t.Errorf("%s %s as %s: %s (rule: %s)", route.Method, route.Pattern, who, fault, route.Rule)
			}
		}
		if status := send(mux, route, "BULWARK", roles[0]).Code; status != http.StatusMethodNotAllowed {
			t.Errorf("%s with an unknown method: %d, want 405", route.Pattern, status)
		}
	}
}

// judge says what is wrong with a status, if anything. The handler of an own
// route verifies a credential itself.
func judge(route authz.Route, role string, own bool, status int) string {
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	// Where objects are concerned the role is only the first half of the
	// answer.
	objects := strings.HasPrefix(route.Rule, "object ") || isDeferred(route)
	objects = objects || strings.HasPrefix(route.Rule, "create ") && elsewhere(route, role)
	// An engine may refuse a caller whom the rest of the rule lets in.
	asks := strings.Contains(route.Weak, "an engine decides")
	admitted := route.Admits(role)
	switch {
	case role == "" && !admitted && status != http.StatusUnauthorized:
		return answer(status) + ", want 401"
	case role != "" && !admitted && status != http.StatusForbidden && !(objects && status == http.StatusNotFound):
		return answer(status) + ", want 403"
	case admitted && refused && !own && !((objects || asks) && status == http.StatusForbidden):
		return answer(status) + ", but Mux.Routes says that the caller may pass"
	}
	return ""
}

// elsewhere reports whether a role reaches neither every object nor the objects
// that its caller owns, so that the caller may not make each object.
func elsewhere(route authz.Route, role string) bool {
	for _, able := range route.Roles {
		i := strings.LastIndex(able, " (")
		if i < 0 || able[:i] != role {
			continue
		}
		reaches := strings.Split(able[i+2:len(able)-1], "+")
		return !slices.Contains(reaches, "all") && !slices.Contains(reaches, "own")
	}
	return false
}

// isDeferred reports whether the handler of the route checks an object late.
func isDeferred(route authz.Route) bool {
	return strings.HasPrefix(route.Rule, "deferred") || strings.HasSuffix(route.Weak, "the handler checks late")
}

// unchecked says that the handler of a Deferred route has forgotten its check.
func unchecked(w *httptest.ResponseRecorder) string {
	if w.Code == http.StatusInternalServerError && strings.Contains(w.Body.String(), `"authz.unchecked"`) {
		return "500 authz.unchecked, so the handler answers without Resource.Check"
	}
	return ""
}

func answer(status int) string { return strconv.Itoa(status) + " " + http.StatusText(status) }

// send returns the answer to one request.
func send(mux *authz.Mux, route authz.Route, method, role string) *httptest.ResponseRecorder {
	host, path, _ := fill(route.Pattern, func(string) string { return "authztest" })
	r := httptest.NewRequest(method, path, nil)
	if host != "" {
		r.Host = host
	}
	var caller *bulwark.Principal
	if role != "" {
		caller = &bulwark.Principal{Issuer: Issuer, Subject: role, Method: "authztest", SessionID: "authztest", Roles: []string{role},
			Scopes: slices.Clone(route.Scopes), ACR: strings.Join(route.ACR[:min(1, len(route.ACR))], ""), AuthTime: time.Now(), Factors: map[string]time.Time{}}
		for _, factor := range route.Factors {
			caller.Factors[factor] = time.Now()
		}
	}
	w, ctx, done := newRecorder(r.Context())
	defer done()
	mux.ServeHTTP(w, r.WithContext(bulwark.WithPrincipal(ctx, caller)))
	return w.ResponseRecorder
}
