package cors

import (
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// A Config says which origins may read answers, and what their pages may send.
// New refuses the zero Config, because without an origin the layer would allow
// nothing. A service that no other origin may read needs no cors layer.
type Config struct {
	// Origins are the origins that may read answers, as browsers send them. To
	// allow one origin with cookies:
	//
	//	Origins:     []string{"https://app.example.com"},
	//	Credentials: true,
	//
	// An entry is allowed or refused in this way:
	//
	//	https://app.example.com        allowed
	//	https://app.example.com:8443   allowed
	//	https://*.example.com          allowed: every subdomain, at any depth
	//	http://localhost:3000          allowed
	//	*                              allowed alone and without Credentials;
	//	                               answers then do not vary by Origin
	//	https://app.example.com/       refused, as are path, query and user
	//	https://app.example.com:443    refused: browsers leave the port out
	//	https://App.example.com        refused: write lower case, and xn--
	//	null                           refused: every sandboxed frame has it
	//	https://*example.com           refused: matches evilexample.com
	//	https://*.co.uk                refused, as is every public suffix
	//	https://*.amazonaws.com        allowed, see below
	//	http://app.example.com         refused with Credentials: an attacker on
	//	                               the path can be that origin
	//
	// Under amazonaws.com there are public suffixes, such as s3.amazonaws.com.
	// The wildcard https://*.amazonaws.com does not match a public suffix, or a
	// name under a public suffix, such as https://x.s3.amazonaws.com. List such
	// origins exactly.
	//
	// [Origins] makes the list from the text of an environment variable.
	// Required.
	Origins []string
	// Methods are the methods of actual requests, in upper case. GET also
	// allows HEAD. CONNECT, TRACE and TRACK are refused, because browsers do
	// not send them. Default: GET, HEAD and POST.
	Methods []string
	// Headers are the request headers that pages may set, beside the few that
	// are always allowed. A JSON API needs Content-Type, and Authorization if
	// it takes tokens. The name * is refused. Headers that only the browser
	// sets are refused as well, such as Cookie, Connection and Sec-Fetch-Site.
	// Default: none.
	Headers []string
	// Expose are the response headers that pages may read, beside the few that
	// are always allowed. The name * is allowed alone and without Credentials.
	// Set-Cookie is refused, because pages cannot read it. Default: none.
	Expose []string
	// Credentials allows requests with cookies and client certificates. A page
	// that sets an Authorization header itself does not need it. Default:
	// false.
	Credentials bool
	// MaxAge is how long a browser may remember the answer to a preflight, in
	// whole seconds. A negative second, -time.Second, forbids remembering.
	// Default: 0, which sends no header; browsers then remember for 5 seconds.
	// At most 24 hours.
	MaxAge time.Duration
	// DenyRefused answers actual requests from refused origins with 403.
	// Without it the handler runs, and the page cannot read the answer. Set it
	// if a request can have an effect that must not happen. Pages of the
	// service itself also send their origin. A service with such pages needs a
	// [bulwark.Edge]: the origin of the service is the host that Edge has
	// accepted for the request. Each other host of Edge.Hosts is another
	// origin. Add it to Origins if its pages call this host. Default: false.
	DenyRefused bool
	// DryRun reports requests that would be refused, and passes them on to the
	// next handler. It does not allow more: such an answer has no CORS headers
	// of this layer. Default: false.
	DryRun bool
	// Debug helps to find a missing entry of Methods or Headers. If an allowed
	// origin asks for a method or header that is not allowed, the answer to its
	// preflight lists the allowed methods and headers. The console of the
	// browser then names the missing entry. The browser still refuses the
	// request. Default: false.
	Debug bool
}

// Build is New, for a Chain.
func (c Config) Build() (bulwark.Layer, error) {
	m, err := New(c)
	if err != nil {
		return nil, err
	}
	return m, nil
}

// New checks the Config and returns the layer. Every mistake is reported at
// once, each as a [*bulwark.ConfigError].
func New(c Config) (*Middleware, error) {
	m := &Middleware{denyRefused: c.DenyRefused, dryRun: c.DryRun, debug: c.Debug}
	faults := fault.In("cors")
	m.origins = compileOrigins(c, faults)
	methods := compileMethods(c.Methods, faults)
	m.methods = methods
	checkHeaders(c, faults)
	if c.MaxAge < -time.Second || c.MaxAge > 24*time.Hour || c.MaxAge%time.Second != 0 {
		faults.Add("MaxAge", c.MaxAge.String(), "must be whole seconds, from -1s to 24h; write for example time.Hour")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	m.protocol = newProtocol(c, m.origins, methods)
	m.allowMethods = strings.Join(methods, ", ")
	m.headers = slices.Clone(c.Headers)
	m.allowHeaders = strings.Join(m.headers, ", ")
	m.wanted = newWanted(m.allowMethods, m.allowHeaders)
	m.credentials = c.Credentials
	m.exposed = exposed(c.Expose)
	if c.MaxAge != 0 {
		m.maxAge = strconv.Itoa(max(seconds(c.MaxAge), 0))
	}
	if c.DryRun {
		slog.Default().Warn("security layer in dry run: it refuses nothing", "layer", "cors")
	}
	return m, nil
}

// compileMethods returns the methods to allow.
func compileMethods(methods []string, faults *fault.List) []string {
	if len(methods) == 0 {
		return []string{"GET", "HEAD", "POST"}
	}
	var list []string
	seen := map[string]bool{}
	add := func(method string) {
		if !seen[method] {
			seen[method] = true
			list = append(list, method)
		}
	}
	for i, method := range methods {
		if reason := methodFault(method); reason != "" {
			faults.AddAt("Methods", i, method, reason)
			continue
		}
		add(method)
		if method == "GET" {
			add("HEAD") // the same but for the body (RFC 9110 section 9.3.2)
		}
	}
	return list
}

func methodFault(method string) string {
	switch {
	case strings.Contains(method, "*"):
		return "must be the name of a method; write each method, such as GET"
	case !token.Is(method):
		return "is not a method (RFC 9110 section 9.1); write one method in each string, such as PUT"
	case method != strings.ToUpper(method):
		return "must be in upper case, because methods are case-sensitive; write " + strings.ToUpper(method)
	case method == "CONNECT", method == "TRACE", method == "TRACK":
		return "is a method that browsers never send (Fetch, forbidden method); leave it out"
	}
	return ""
}

// seconds is the unit of Access-Control-Max-Age.
func seconds(d time.Duration) int { return int(d / time.Second) }

// exposed is the list of names in their usual spelling.
func exposed(names []string) string {
	var list []string
	for _, name := range names {
		list = append(list, http.CanonicalHeaderKey(name))
	}
	return strings.Join(list, ", ")
}
