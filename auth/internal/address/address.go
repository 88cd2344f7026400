// Package address checks the URLs of issuers and of other services that decide
// who calls.
package address

import (
	"net/netip"
	"net/url"
	"strings"
)

// maxBytes bounds a URL, because a server may have written it.
const maxBytes = 2048

// Fault says what is wrong with a URL, or returns "". The URL must be https.
// For development, http is allowed to loopback. The risk says what an attacker
// on the network could do without https.
func Fault(text, risk string) string { return FaultIn(text, risk, false) }

// FaultIn is Fault. If mesh is true, http is allowed to every host, because
// something else protects the network.
func FaultIn(text, risk string, mesh bool) string {
	if len(text) > maxBytes {
		return "is longer than 2048 bytes; write a shorter URL"
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "": // a dialer takes ":443" for this machine
		return "must be an absolute https URL, such as https://issuer.example"
	case u.User != nil || strings.Contains(text, "#"):
		return "must have neither user nor fragment"
	case u.Scheme == "https" || u.Scheme == "http" && (mesh || isLoopback(u.Hostname())):
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

// WithoutUser keeps a password out of an error. It returns "" for each text
// with an @, because the text may hold a password, wherever a parser finds it.
func WithoutUser(text string) string {
	if strings.Contains(text, "@") {
		return ""
	}
	return text
}
