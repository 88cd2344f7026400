package authztest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/authz"
)

// Issuer is the issuer of the callers that [Matrix] makes. The subject of each
// is its role.
const Issuer = "authztest"

// Matrix sends a request as each role, and as an anonymous caller, to each
// route of mux, and fails where the answer is not what [authz.Mux.Routes] says:
//
//   - an anonymous caller is 401 wherever the route is not public;
//   - a role that is not listed is 403, or 404 where it may see such objects;
//   - a role that is listed is neither 401 nor 403, unless the object is not
//     within its reach;
//   - a method that no route of the path has is 405, for everybody.
//
// The callers have every scope and a fresh login of every class that the rules
// ask for. Path values are "authztest" and bodies are empty.
//
// The handlers run. Give it a service with stores that may be written to.
func Matrix(t testing.TB, mux *authz.Mux, roles []string) {
	t.Helper()
	if len(roles) == 0 {
		t.Fatalf("Matrix needs the roles to try")
		return
	}
	routes := mux.Routes()
	if len(routes) == 0 {
		t.Fatalf("the Mux has no routes")
		return
	}
	for _, route := range routes {
		for _, role := range append([]string{""}, roles...) {
			if fault := judge(route, role, send(mux, route, route.Method, role)); fault != "" {
				who := "role " + role
				if role == "" {
					who = "an anonymous caller"
				}
				t.Errorf("%s %s as %s: %s (rule: %s)", route.Method, route.Pattern, who, fault, route.Rule)
			}
		}
		if status := send(mux, route, "BULWARK", roles[0]); status != http.StatusMethodNotAllowed {
			t.Errorf("%s with an unknown method: %d, want 405", route.Pattern, status)
		}
	}
}

// judge says what is wrong with a status, if anything.
func judge(route authz.Route, role string, status int) string {
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	// Where objects are concerned the role is only the first half of the
	// answer.
	objects := strings.HasPrefix(route.Rule, "object ")
	admitted := route.Admits(role)
	switch {
	case role == "" && !admitted && status != http.StatusUnauthorized:
		return http.StatusText(status) + " where 401 is due"
	case role != "" && !admitted && status != http.StatusForbidden && !(objects && status == http.StatusNotFound):
		return http.StatusText(status) + " where 403 is due"
	case admitted && refused && !(objects && status == http.StatusForbidden):
		return http.StatusText(status) + ", but the routes say that it may pass"
	}
	return ""
}

// send returns the status of one request.
func send(mux *authz.Mux, route authz.Route, method, role string) int {
	host, path := sample(route.Pattern)
	r := httptest.NewRequest(method, path, nil)
	if host != "" {
		r.Host = host
	}
	var caller *bulwark.Principal
	if role != "" {
		caller = &bulwark.Principal{Issuer: Issuer, Subject: role, Method: "authztest", Roles: []string{role},
			Scopes: slices.Clone(route.Scopes), ACR: strings.Join(route.ACR[:min(1, len(route.ACR))], ""), AuthTime: time.Now()}
	}
	r = r.WithContext(bulwark.WithPrincipal(r.Context(), caller))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Code
}

// sample makes a path of a pattern.
func sample(pattern string) (host, path string) {
	host, rest, _ := strings.Cut(pattern, "/")
	segments := strings.Split(rest, "/")
	for i, segment := range segments {
		switch {
		case segment == "{$}":
			segments[i] = ""
		case strings.HasPrefix(segment, "{"):
			segments[i] = "authztest"
		}
	}
	return host, "/" + strings.Join(segments, "/")
}
