// Package address checks the URLs of whoever vouches for callers.
package address

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxBytes bounds a URL: a server may have written it.
const maxBytes = 2048

// Fault says what is wrong with the URL of a service that decides who calls,
// empty where nothing is. It must be https; loopback may do without TLS, for
// development. The risk is what somebody on the way could do.
func Fault(text, risk string) string {
	if len(text) > maxBytes {
		return "is longer than 2048 bytes"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "": // a dialer takes ":443" for this machine
		return "must be an absolute https URL"
	case u.User != nil || strings.Contains(text, "#"):
		return "must have neither user nor fragment"
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return "must be https; " + risk
}

// isLoopback reports whether a host name is this machine.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// WithoutUser keeps a password out of an error. What has an @ may have one,
// wherever a parser sees it.
func WithoutUser(text string) string {
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}
