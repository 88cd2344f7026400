package cors

import (
	"net/http"
	"strings"
)

// The headers of the protocol (Fetch, HTTP responses).
const (
	allowOrigin      = "Access-Control-Allow-Origin"
	allowCredentials = "Access-Control-Allow-Credentials"
	allowMethods     = "Access-Control-Allow-Methods"
	allowHeaders     = "Access-Control-Allow-Headers"
	exposeHeaders    = "Access-Control-Expose-Headers"
	maxAge           = "Access-Control-Max-Age"
	requestMethod    = "Access-Control-Request-Method"
	requestHeaders   = "Access-Control-Request-Headers"
)

var responseHeaders = [...]string{allowOrigin, allowCredentials, allowMethods, allowHeaders, exposeHeaders, maxAge}

// explain answers an allowed origin with the methods and headers that are
// allowed.
func (m *Middleware) explain(h http.Header, origin string) {
	if m.origins.any {
		origin = "*"
	}
	h[allowOrigin] = []string{origin}
	h[allowMethods] = []string{m.allowMethods}
	if m.allowHeaders != "" {
		h[allowHeaders] = []string{m.allowHeaders}
	}
	if m.credentials {
		h[allowCredentials] = []string{"true"}
	}
}

// withdraw forgets what a layer outside has granted. Where the layer serves the
// request without having called it, the hook of its answer does that.
func withdraw(h http.Header) {
	if _, ok := h[allowOrigin]; ok {
		forget(h)
	}
}

// forget takes back every permission.
func forget(h http.Header) {
	for _, name := range responseHeaders {
		delete(h, name)
	}
}

// misspelt takes back the permissions that a handler has written to the map
// past the methods of http.Header, and reports whether there were any.
func misspelt(h http.Header) (found bool) {
	const prefix = "Access-Control-"
	for name := range h {
		if len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) && http.CanonicalHeaderKey(name) != name {
			delete(h, name)
			found = true
		}
	}
	return found
}

// vary adds to Vary, in a slice that belongs to this response alone.
func vary(h http.Header, names string) {
	if values, ok := h["Vary"]; ok {
		h["Vary"] = append(values[:len(values):len(values)], names)
		return
	}
	h["Vary"] = []string{names}
}

// own puts the values that rs/cors shares between all preflights into slices of
// this response. Otherwise code that changes one of them would change the
// values of all responses (rs/cors issue 198). Origin, method and headers are
// slices of the request, which ends here.
func (m *Middleware) own(h http.Header) {
	values := [...]string{"", "*", "true", m.maxAge}
	ownVary(h, values[0:1:1])
	if m.origins.any {
		h[allowOrigin] = values[1:2:2]
	}
	if m.credentials {
		h[allowCredentials] = values[2:3:3]
	}
	if m.maxAge != "" {
		h[maxAge] = values[3:4:4]
	}
}

// ownVary does so for Vary. With more than one line it has been appended to,
// and is of this response already.
func ownVary(h http.Header, room []string) {
	if vary := h["Vary"]; len(vary) == 1 {
		room[0] = vary[0]
		h["Vary"] = room
	}
}
