package authz

import (
	"net/http"
	"strings"
)

// canonicalHost returns a Host as patterns name it: in lower case and without
// the dot of the root, which is the same name (RFC 9110 section 4.2.3).
// ServeMux compares the exact text. Without this function the route for any
// host, with its rule, would serve "Admin.example.com".
func canonicalHost(host string) string {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name, port = host[:i], host[i:]
	}
	if bare := strings.TrimRight(name, "."); bare != name {
		host = bare + port
	}
	return strings.ToLower(host) // host itself, unless something changes
}

// serveAs serves a copy of r that asks for the host by its canonical name. The
// pattern is passed back as ServeMux would have set it.
func serveAs(host string, h http.Handler, w http.ResponseWriter, r *http.Request) {
	named := *r
	named.Host = host
	defer func() { r.Pattern = named.Pattern }()
	h.ServeHTTP(w, &named)
}
