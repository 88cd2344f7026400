package authz

import (
	"errors"
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// methods returns the methods that serve resources. In a pattern GET also
// stands for HEAD.
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// methodFault says what is wrong with the method of a pattern.
func methodFault(method string) string {
	switch {
	case method == "":
		return "has no method, so that it would accept TRACE and FOO; write one in front, such as GET"
	case method == http.MethodConnect:
		return "is for CONNECT, whose paths are not cleaned; serve CONNECT in a proxy outside the Mux"
	case method == http.MethodTrace:
		return "is for TRACE, which answers with the caller's credentials (RFC 9110 section 9.3.8); remove the route"
	case method != strings.ToUpper(method):
		return "has a method in lower case, which no client sends (RFC 9110 section 9.1); write it in capitals"
	}
	return ""
}

// allowed keeps the methods that would be served. ServeMux also counts methods
// for which it would redirect.
func allowed(methods []string, r *http.Request, reaches func(*http.Request) bool) (served []string) {
	for _, method := range methods {
		probe := *r
		probe.Method = method
		if reaches(&probe) {
			served = append(served, method)
		}
	}
	return served
}

// unmatched is the answer to a request that no route serves: 405 if another
// method would be served (RFC 9110 section 15.5.6), else 404 with the cause
// why.
func unmatched(methods []string, why error) *bulwark.Problem {
	if len(methods) == 0 {
		return &bulwark.Problem{Status: http.StatusNotFound, Code: "authz.no_route", Detail: "There is nothing at this path.", Err: why}
	}
	return &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "authz.method_not_allowed",
		Detail: "This path is served with other methods; see Allow.", Err: errMethod,
		Header: http.Header{"Allow": {strings.Join(methods, ", ")}}}
}

// What the log says about a request that no route serves.
var (
	errNoPattern = errors.New("no registered pattern matches the host and the path; register one, such as with Mux.Handle")
	errRedirect  = errors.New("a ServeMux would redirect this path, to clean it or to add a slash, and authz does not redirect; register the path as it is requested, or request it as it is registered")
	errMethod    = errors.New("no registered pattern has this method for the path; register one, such as with Mux.Handle")
)
