package bulwark

import (
	"net/http"
	"strings"
)

// targetFits reports whether every reader understands the target of a request
// in the same way (RFC 9112 section 3.2). Such a target is a path, an absolute
// URL of the very Host, "*" for OPTIONS, or the target of CONNECT.
//
// The path of an HTTP/2 request does not have an authority (RFC 9113 section
// 8.3.1). If it has one, net/http puts it into URL.Host. Code that builds links
// or forwards requests would use it from there.
//
// A path that http.StripPrefix has shortened outside need not begin with a
// slash.
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
