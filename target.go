package bulwark

import (
	"net/http"
	"strings"
)

// targetFits reports whether the target of a request is one that every reader
// of it takes for the same (RFC 9112 section 3.2): a path, an absolute URL of
// the very Host, "*" for OPTIONS, or what CONNECT asks for.
//
// The path of an HTTP/2 request has no authority (RFC 9113 section 8.3.1), and
// net/http would put one that it has into URL.Host, where whoever builds links
// or forwards requests finds it.
//
// What http.StripPrefix has left of a path outside need not begin with a slash.
func targetFits(r *http.Request) bool {
	u := r.URL
	switch {
	case u == nil, u.Opaque != "", u.User != nil, u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https":
		return false
	case r.Method == http.MethodConnect && u.Path == "":
		return u.Host == "" || strings.EqualFold(u.Host, r.Host)
	case u.Host != "" && (r.ProtoMajor >= 2 || !strings.EqualFold(u.Host, r.Host)):
		return false
	case u.Scheme != "" && u.Host == "":
		return false
	case u.Path == "*":
		return r.Method == http.MethodOptions && u.Host == ""
	case u.Path == "" && u.Host != "":
		return true
	}
	return strings.HasPrefix(u.Path, "/") || strings.HasPrefix(r.RequestURI, "/")
}
