package cors

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// A Config says which origins may read answers, and how their pages may ask.
// The zero Config is refused: without an origin there is nothing to allow, and
// nothing to add to what browsers refuse anyway.
type Config struct {
	// Origins are the origins that may read answers, as browsers send them:
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
	//	http://app.example.com         refused with Credentials: whoever is on
	//	                               the path can be that origin
	//
	// Within https://*.amazonaws.com there are public suffixes, such as
	// s3.amazonaws.com. The wildcard matches neither them nor what is under
	// them, such as https://x.s3.amazonaws.com; list such origins exactly.
	//
	// [Origins] makes a list of an environment variable. Required.
	Origins []string
	// Methods are the methods of actual requests, in upper case. CONNECT, TRACE
	// and TRACK are refused, because no browser sends them. GET brings HEAD
	// with it. Default: GET, HEAD and POST.
	Methods []string
	// Headers are the request headers that pages may set beyond those that are
	// always safe. A JSON API wants Content-Type, and Authorization where it
	// takes tokens. Each is a name; * is refused, and so are headers that only
	// the browser sets, such as Cookie, Connection and Sec-Fetch-Site. Default:
	// none.
	Headers []string
	// Expose are the response headers that pages may read beyond the usual
	// ones, or * alone, without Credentials. Set-Cookie is refused, because no
	// page can read it. Default: none.
	Expose []string
	// Credentials allows requests with cookies and client certificates.
	// Default: false.
	Credentials bool
	// MaxAge is how long a browser may remember a preflight, in whole seconds.
	// A negative second, -time.Second, forbids it to remember any. Default:
	// what the browser does by itself, which is 5 seconds. At most 24 hours.
	MaxAge time.Duration
	// DenyRefused answers actual requests from refused origins with 403, in
	// place of an answer that the page cannot read. It protects what reading
	// alone changes. A service that has pages of its own also needs an
	// [bulwark.Edge], because its own pages send their origin too: the host
	// that Edge has accepted is the service itself. Another of its Hosts is
	// not: name it among the Origins where its pages call this one. Default:
	// false.
	DenyRefused bool
	// DryRun reports what would be refused and passes it on to the next
	// handler. It allows nothing more: such an answer has no CORS headers of
	// this layer. Default: false.
	DryRun bool
	// Debug is about a preflight from an allowed origin that asks for a method
	// or header that is not allowed. The answer is then the list of those that
	// are, so that the console of the browser names the culprit. The browser
	// refuses the request as before. Default: false.
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
		faults.Add("MaxAge", c.MaxAge.String(), "must be whole seconds from -1s to 24h, which is the most that browsers accept; write for example time.Hour")
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	m.protocol = newProtocol(c, m.origins, methods)
	m.allowMethods = strings.Join(methods, ", ")
	m.allowHeaders = strings.Join(c.Headers, ", ")
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
		return "must be the name of a method; name them all"
	case !token.Is(method):
		return "is no method (RFC 9110 section 9.1)"
	case method != strings.ToUpper(method):
		return "must be in upper case: methods are case-sensitive, and browsers send patch as it is written"
	case method == "CONNECT", method == "TRACE", method == "TRACK":
		return "is a method that browsers never send (Fetch, forbidden method)"
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
