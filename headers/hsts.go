package headers

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bulwark-go/bulwark/internal/fault"
)

const year = 365 * 24 * time.Hour

// HSTS is Strict-Transport-Security (RFC 6797). A browser that has seen the
// header uses https for the host, even if a link says http. The header is sent
// over TLS only, because browsers ignore it over plain http. A request has TLS
// if the client has reached this server by TLS, or if a trusted proxy reports
// TLS (see [bulwark.Edge]). The zero value is one year with all subdomains.
type HSTS struct {
	// MaxAge is how long browsers remember the header, in whole seconds.
	// Default: one year. At least 1 second.
	MaxAge time.Duration
	// Preload allows browsers to put the host into their built-in list of hosts
	// that use https only. It takes months to leave the list. Preload requires
	// a MaxAge of at least one year, and subdomains. Default: false.
	Preload bool
	// ExceptLoopback does not send the header to clients that ask for
	// localhost, a name under localhost, or a loopback address. A browser would
	// apply the header to every other program on the same machine, on every
	// port. Set it for programs that people also run on their own machine. Do
	// not set it behind a proxy that rewrites Host to such a name. Default:
	// false.
	ExceptLoopback bool
	// InsecureExcludeSubDomains leaves subdomains out. An attacker on the path
	// can then serve a page of a subdomain over plain http, and that page can
	// set cookies for the domain. Default: false.
	InsecureExcludeSubDomains bool
	// InsecureWithdraw sends max-age=0, which makes browsers forget the header.
	// Default: false.
	InsecureWithdraw bool
}

// compile checks the fields and returns the value.
func (h HSTS) compile(faults *fault.List) string {
	if h.InsecureWithdraw {
		if h.MaxAge != 0 || h.Preload {
			faults.Add("HSTS.InsecureWithdraw", "", "contradicts MaxAge and Preload; remove those, or remove InsecureWithdraw")
		}
		return "max-age=0"
	}
	if h.MaxAge == 0 {
		h.MaxAge = year
	}
	if h.MaxAge < time.Second || h.MaxAge%time.Second != 0 {
		faults.Add("HSTS.MaxAge", h.MaxAge.String(), "must be a whole number of seconds, and at least 1; write for example 365 * 24 * time.Hour")
	}
	value := "max-age=" + strconv.FormatInt(int64(h.MaxAge/time.Second), 10)
	if !h.InsecureExcludeSubDomains {
		value += "; includeSubDomains"
	}
	if !h.Preload {
		return value
	}
	if h.MaxAge < year {
		faults.Add("HSTS.MaxAge", h.MaxAge.String(), "must be at least one year, 8760h, for Preload; leave MaxAge or Preload out")
	}
	if h.InsecureExcludeSubDomains {
		faults.Add("HSTS.Preload", "", "requires subdomains; remove InsecureExcludeSubDomains")
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
