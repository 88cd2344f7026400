package headers

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
)

const year = 365 * 24 * time.Hour

// HSTS is Strict-Transport-Security (RFC 6797): a browser that has seen it uses
// https for the host, whatever a link says. It is sent over TLS only: the
// client reached this server by TLS, or a trusted proxy says so (see
// [bulwark.Edge]). Elsewhere browsers ignore it. The zero value is one year
// with all subdomains.
type HSTS struct {
	// MaxAge is how long browsers remember it, in whole seconds. Default: one
	// year. At least a second.
	MaxAge time.Duration
	// Preload consents to the list that browsers are built with. That list is
	// easy to enter and slow to leave. Preload demands at least a year, and
	// subdomains. Default: false.
	Preload bool
	// ExceptLoopback does not send it to clients that ask for localhost, a name
	// under it, or a loopback address: a browser would remember it for whatever
	// else runs there, on every port. Set it for programs that people also run
	// on their own machine, and not behind a proxy that rewrites Host to such a
	// name. Default: false.
	ExceptLoopback bool
	// InsecureExcludeSubDomains leaves subdomains out. Whoever is on the path
	// can serve a page of a subdomain over plain http, which sets cookies for
	// the domain. Default: false.
	InsecureExcludeSubDomains bool
	// InsecureWithdraw sends max-age=0, which makes browsers forget it.
	// Default: false.
	InsecureWithdraw bool
}

// compile checks the fields and returns the value.
func (h HSTS) compile(faults *fault.List) string {
	if h.InsecureWithdraw {
		if h.MaxAge != 0 || h.Preload {
			faults.Add("HSTS.InsecureWithdraw", "", "contradicts MaxAge and Preload")
		}
		return "max-age=0"
	}
	if h.MaxAge == 0 {
		h.MaxAge = year
	}
	if h.MaxAge < time.Second || h.MaxAge%time.Second != 0 {
		faults.Add("HSTS.MaxAge", h.MaxAge.String(), "must be a whole number of seconds and more than zero")
	}
	value := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if !h.InsecureExcludeSubDomains {
		value += "; includeSubDomains"
	}
	if !h.Preload {
		return value
	}
	if h.MaxAge < year {
		faults.Add("HSTS.MaxAge", h.MaxAge.String(), "must be at least a year, 8760h, for Preload")
	}
	if h.InsecureExcludeSubDomains {
		faults.Add("HSTS.Preload", "", "demands subdomains; drop InsecureExcludeSubDomains")
	}
	return value + "; preload"
}

// loopback reports whether the host of a request is this very machine.
func loopback(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	host = strings.TrimSuffix(host, ".")
	const local = "localhost" // and all names under it (RFC 6761 section 6.3)
	if at := len(host) - len(local); at >= 0 && strings.EqualFold(host[at:], local) && (at == 0 || host[at-1] == '.') {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}
