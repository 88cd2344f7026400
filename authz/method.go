package authz

import (
	"net/http"
	"strings"

	"github.com/bulwark-go/bulwark"
)

// methods are those that serve resources. In a pattern
// GET also stands for HEAD.
func methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// methodFault says what is wrong with the method of a pattern.
func methodFault(method string) string {
	switch {
	case method == "":
		return "has no method, so that it would accept TRACE and FOO; write one in front, such as GET"
	case method == http.MethodConnect:
		return "is for CONNECT, whose paths are not cleaned; a Mux is no proxy"
	case method == http.MethodTrace:
		return "is for TRACE, which answers with the caller's credentials (RFC 9110 section 9.3.8)"
	case method != strings.ToUpper(method):
		return "has a method in lower case, which no client sends; methods are case-sensitive (RFC 9110 section 9.1)"
	}
	return ""
}

// allowed keeps those methods that would indeed be served: ServeMux also counts
// methods for which it would redirect.
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

// unmatched is the answer to a request that no route serves: 405 where another
// method would be served (RFC 9110 section 15.5.6), else 404.
func unmatched(methods []string) *bulwark.Problem {
	if len(methods) == 0 {
		return &bulwark.Problem{Status: http.StatusNotFound, Code: "authz.no_route", Detail: "There is nothing at this path."}
	}
	return &bulwark.Problem{Status: http.StatusMethodNotAllowed, Code: "authz.method_not_allowed",
		Detail: "This path is served with other methods; see Allow.",
		Header: http.Header{"Allow": {strings.Join(methods, ", ")}}}
}
