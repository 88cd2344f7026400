package bulwark

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// An Edge says how the service meets the network. As a layer it stands just
// inside audit and outside everything else, and settles once per request which
// host was asked for, who the client is, whether it came over TLS, and the id
// of the request. Nothing else in this module reads a forwarding header.
//
// The zero Edge is refused: Hosts must be named.
type Edge struct {
	// Hosts are the names under which the service answers, such as
	// "api.example.com" or "[::1]". Without a port a name matches any port;
	// with one it matches that port only. Case does not matter. A request for
	// another host is refused with 421 "edge.misdirected" (RFC 9110 section
	// 7.4): it comes from DNS rebinding or wants to poison links.
	Hosts []string
	// InsecureAnyHost accepts every Host, for services whose proxy checks it.
	InsecureAnyHost bool
	// BaseURL is the public URL of the service, such as
	// "https://api.example.com": scheme and host, no path. Origin checks, links and
	// DPoP proofs use it in place of the Host header. Optional, but for DPoP.
	BaseURL string
	// TrustedProxies are the networks whose word on the client is taken. The
	// zero value trusts nobody: the client is the peer.
	TrustedProxies []netip.Prefix
	// ForwardedHeader is the one header in which the trusted proxies name the
	// client: "X-Forwarded-For" or "Forwarded" (RFC 7239). Required together
	// with TrustedProxies, and an error without.
	ForwardedHeader string
	// Responder renders refusals in place of the standard body. Optional.
	Responder Responder
}

// Build is [NewEdge], for a Chain.
func (e Edge) Build() (Layer, error) {
	layer, err := NewEdge(e)
	if err != nil {
		return nil, err
	}
	return layer, nil
}

// NewEdge returns the layer that e describes. The error joins a *[ConfigError]
// for everything that is wrong.
func NewEdge(e Edge) (*EdgeLayer, error) {
	layer := &EdgeLayer{proxies: slices.Clone(e.TrustedProxies), header: e.ForwardedHeader, anyHost: e.InsecureAnyHost, responder: e.Responder}
	var errs []error
	wrong := func(field, value, reason string) {
		errs = append(errs, &ConfigError{Field: "edge." + field, Value: value, Reason: reason})
	}
	if len(e.Hosts) == 0 && !e.InsecureAnyHost {
		wrong("Hosts", "", "is empty; name the hosts under which the service answers")
	}
	layer.hosts = make(map[string]bool, len(e.Hosts))
	for i, host := range e.Hosts {
		if reason := hostFault(host); reason != "" {
			wrong(fmt.Sprintf("Hosts[%d]", i), host, reason)
			continue
		}
		layer.hosts[strings.ToLower(host)] = true
	}
	if reason := baseFault(e.BaseURL); reason != "" {
		wrong("BaseURL", "", reason) // it may hold a password
	}
	layer.baseURL = strings.ToLower(e.BaseURL)
	for i, prefix := range e.TrustedProxies {
		switch {
		case !prefix.IsValid():
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), "", "is not a network; use netip.MustParsePrefix")
		case prefix.Addr().Is4In6():
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), prefix.String(), "is IPv4 written as IPv6, which no address here is; write it as IPv4")
		case prefix.Bits() == 0:
			wrong(fmt.Sprintf("TrustedProxies[%d]", i), prefix.String(), "trusts everybody, so that any client chooses its own address; name the proxies' networks")
		}
	}
	switch {
	case e.ForwardedHeader == "" && len(e.TrustedProxies) > 0:
		wrong("ForwardedHeader", "", `is empty; name the one header that the proxies set, "X-Forwarded-For" or "Forwarded"`)
	case e.ForwardedHeader != "" && len(e.TrustedProxies) == 0:
		wrong("ForwardedHeader", e.ForwardedHeader, "is read from trusted proxies only; set TrustedProxies too")
	case e.ForwardedHeader != "" && e.ForwardedHeader != "X-Forwarded-For" && e.ForwardedHeader != "Forwarded":
		wrong("ForwardedHeader", e.ForwardedHeader, `must be "X-Forwarded-For" or "Forwarded"`)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	layer.made = true
	return layer, nil
}

// hostFault says what is wrong with an entry of Hosts.
func hostFault(host string) string {
	name, port := host, ""
	if !strings.HasSuffix(host, "]") && strings.Contains(host, ":") {
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil || port == "" {
			return "is no host; write name, name:port, or an IPv6 address in brackets"
		}
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return "has a port that is no number"
		}
	}
	if name == "" || strings.ContainsAny(name, "/@?#* ") || strings.HasSuffix(name, ".") {
		return "is no host name; write it without scheme, path, wildcard or trailing dot"
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return "is not ASCII; write an international name in its xn-- form"
		}
	}
	return ""
}

// baseFault says what is wrong with a BaseURL.
func baseFault(base string) string {
	if base == "" {
		return ""
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return "must be an http or https URL such as https://api.example.com"
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "must be scheme and host only, without path, trailing slash, query or user"
	}
	return ""
}
