package cors

import (
	"strings"

	"github.com/bulwark-go/bulwark/internal/fault"
	"github.com/bulwark-go/bulwark/internal/token"
)

// forbiddenRequest are the headers that only the browser itself sets (Fetch,
// forbidden request-header), in lower case. Those whose names begin with proxy-
// or sec- are such too.
var forbiddenRequest = map[string]bool{
	"accept-charset": true, "accept-encoding": true,
	"access-control-request-headers": true, "access-control-request-method": true, "access-control-request-private-network": true,
	"connection": true, "content-length": true, "cookie": true, "cookie2": true, "date": true, "dnt": true, "expect": true, "host": true,
	"keep-alive": true, "origin": true, "referer": true, "set-cookie": true, "te": true, "trailer": true, "transfer-encoding": true,
	"upgrade": true, "via": true,
}

// checkHeaders checks the names of Headers and Expose.
func checkHeaders(c Config, faults *fault.List) {
	for i, name := range c.Headers {
		if reason := requestHeaderFault(name); reason != "" {
			faults.AddAt("Headers", i, name, reason)
		}
	}
	for i, name := range c.Expose {
		if reason := exposeFault(c, name); reason != "" {
			faults.AddAt("Expose", i, name, reason)
		}
	}
}

func requestHeaderFault(name string) string {
	lower := strings.ToLower(name)
	switch {
	case name == "*":
		return "would allow every header; write the names of those that pages may set"
	case strings.Contains(name, "*"):
		return "has a *, which has no meaning in a name; write each name"
	case !token.Is(name):
		return "is not a header name (RFC 9110 section 5.1); write one name in each string, such as Content-Type"
	case forbiddenRequest[lower], strings.HasPrefix(lower, "proxy-"), strings.HasPrefix(lower, "sec-"):
		return "is a header that pages can never set (Fetch, forbidden request-header); leave it out"
	}
	return ""
}

func exposeFault(c Config, name string) string {
	switch {
	case name == "*" && c.Credentials:
		return "has no meaning together with Credentials (Fetch, CORS protocol and credentials); write each name"
	case name == "*" && len(c.Expose) > 1:
		return "includes the other names; write it alone"
	case name == "*":
		return ""
	case strings.Contains(name, "*"):
		return "has a *, which has no meaning in a name; write each name"
	case !token.Is(name):
		return "is not a header name (RFC 9110 section 5.1); write one name in each string, such as Content-Type"
	case strings.EqualFold(name, "Set-Cookie"), strings.EqualFold(name, "Set-Cookie2"):
		return "is a header that pages can never read (Fetch, forbidden response-header name); leave it out"
	}
	return ""
}
