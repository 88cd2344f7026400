// Package field knows the header fields that have a meaning of their own, so
// that a credential in them would be logged, forwarded, or taken for something
// else.
package field

import (
	"net/http"
	"slices"
	"strings"
)

// Reserved reports whether a field has a meaning in HTTP, in browsers or
// between proxies. The case of the name does not matter. Of the fields that
// begin with X-Forwarded-, only those that describe the request are reserved.
func Reserved(name string) bool {
	name = http.CanonicalHeaderKey(name)
	for _, prefix := range [...]string{"Accept", "Access-Control-", "Cf-Connecting-", "Content-", "Cookie", "If-", "Proxy-", "Sec-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains(names, name)
}

var names = []string{
	"Authorization", "Cache-Control", "Client-Cert", "Client-Cert-Chain", "Connection", "Date", "Dpop", "Expect", "Fly-Client-Ip", "Forwarded",
	"From", "Host", "Keep-Alive", "Max-Forwards", "Origin", "Pragma", "Prefer", "Priority", "Range", "Referer", "Set-Cookie", "Te", "Traceparent",
	"Tracestate", "Trailer", "Transfer-Encoding", "True-Client-Ip", "Upgrade", "User-Agent", "Via", "X-Forwarded-For", "X-Forwarded-Host",
	"X-Forwarded-Port", "X-Forwarded-Proto", "X-Http-Method-Override", "X-Real-Ip", "X-Request-Id",
}
