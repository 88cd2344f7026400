package bulwark

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// hosts are the names and addresses that an [Edge] answers for.
type hosts struct {
	any         bool
	exact       map[string]bool // in lower case, with the port where it counts
	under       map[string]bool // what follows the asterisk, such as ".example.com"
	healthPaths []string
	healthNets  []netip.Prefix
}

// compile takes over the hosts of e, and calls wrong for each mistake in them.
func (h *hosts) compile(e Edge, wrong func(field, value, reason string)) {
	h.any = e.InsecureAnyHost
	if len(e.Hosts) == 0 && !e.InsecureAnyHost {
		wrong("Hosts", "", "is empty; name the hosts of the service, such as api.example.com, or set InsecureAnyHost if a proxy checks the host")
	}
	h.exact, h.under = make(map[string]bool, len(e.Hosts)), map[string]bool{}
	for i, host := range e.Hosts {
		if reason := hostFault(host); reason != "" {
			wrong(fmt.Sprintf("Hosts[%d]", i), host, reason)
			continue
		}
		host = strings.ToLower(host)
		if rest, wild := strings.CutPrefix(host, "*"); wild {
			h.under[rest] = true
			continue
		}
		h.exact[host] = true
	}
	h.healthPaths, h.healthNets = slices.Clone(e.HealthPaths), slices.Clone(e.HealthHosts)
	for i, path := range e.HealthPaths {
		if u, err := url.ParseRequestURI(path); err != nil || !strings.HasPrefix(path, "/") || u.EscapedPath() != path {
			wrong(fmt.Sprintf("HealthPaths[%d]", i), path, "is not the escaped path of a URL, such as /health")
		}
	}
	for i, prefix := range e.HealthHosts {
		if reason := networkFault(prefix); reason != "" {
			wrong(fmt.Sprintf("HealthHosts[%d]", i), textOfNetwork(prefix), reason)
		}
	}
	if len(e.HealthHosts) > 0 && len(e.HealthPaths) == 0 {
		wrong("HealthHosts", "", "has no effect without HealthPaths; also set HealthPaths, such as /health")
	}
}

// hostFault says what is wrong with an entry of Hosts.
func hostFault(host string) string {
	name, ok := withoutPort(host)
	if !ok || strings.HasPrefix(name, "[") != strings.Contains(name, ":") {
		return "is not a host; write api.example.com, api.example.com:8443 with a port from 1 to 65535, or an IPv6 address in brackets"
	}
	rest, wild := strings.CutPrefix(name, "*.")
	if wild && rest != "localhost" && !strings.Contains(strings.Trim(rest, "."), ".") {
		return "matches every name of a top-level domain; also name the domain, such as *.example.com"
	}
	if rest == "" || strings.ContainsAny(rest, "/@?#* ") || strings.HasSuffix(rest, ".") || wild && strings.HasPrefix(rest, ".") {
		return "is not a host name; write api.example.com or *.example.com, without scheme, path and trailing dot"
	}
	for i := range len(rest) {
		if rest[i] <= ' ' || rest[i] >= 0x7f {
			return "is not printable ASCII; write an international name in its xn-- form"
		}
	}
	return ""
}

// serve reports whether one of the names of the service is the Host of r; with
// its port or without. A Host without a port has the default port of the scheme
// that r came by (RFC 9110 section 4.2.3).
func (h *hosts) serve(r *http.Request, secure bool) bool {
	if h.any || h.exact[r.Host] {
		return true
	}
	host := strings.ToLower(r.Host)
	name, ok := withoutPort(host)
	if !ok {
		return false
	}
	if h.exact[host] || h.exact[name] {
		return true
	}
	if host == name && host != "" {
		host += defaultPort(secure)
	}
	i := strings.IndexByte(host, '.')
	return h.exact[host] || len(h.under) > 0 && isLabel(host[:max(i, 0)]) && (h.under[host[i:]] || h.under[name[i:]])
}

// defaultPort is the port that clients leave out.
func defaultPort(secure bool) string {
	if secure {
		return ":443"
	}
	return ":80"
}

// probed reports whether r is a health check that passes without one of the
// names of the service: by address, or without a Host as HTTP/1.0 allows.
func (h *hosts) probed(r *http.Request) bool {
	if len(h.healthPaths) == 0 || r.Method != http.MethodGet && r.Method != http.MethodHead ||
		r.URL.Host != "" || !slices.Contains(h.healthPaths, r.URL.EscapedPath()) {
		return false
	}
	if r.Host == "" {
		return true
	}
	name, ok := withoutPort(r.Host)
	if !ok || strings.HasPrefix(name, "[") != strings.Contains(name, ":") {
		return false
	}
	addr, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil && addr.Zone() == "" && within(h.healthNets, addr.Unmap())
}

// isLabel reports whether text is one label of a host name. The underscore is
// not a letter of RFC 952, and is common.
func isLabel(text string) bool {
	for _, c := range []byte(text) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return text != ""
}

// withoutPort returns a host without its port. It returns false if a colon is
// not followed by a port from 1 to 65535.
func withoutPort(host string) (name string, ok bool) {
	i := strings.LastIndexByte(host, ':')
	if i <= strings.LastIndexByte(host, ']') {
		return host, host != ""
	}
	port, digits := 0, host[i+1:]
	if len(digits) == 0 || len(digits) > 5 || digits[0] == '0' {
		return "", false
	}
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return "", false
		}
		port = 10*port + int(digit-'0')
	}
	return host[:i], i > 0 && port <= 65535
}

// within reports whether one of the networks has the address.
func within(networks []netip.Prefix, addr netip.Addr) bool {
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// origin returns the origin (RFC 6454 section 6.1) of a scheme and a host. The
// default port of the scheme is left out.
func origin(secure bool, host string) string {
	if host == "" {
		return ""
	}
	host = strings.TrimSuffix(host, defaultPort(secure))
	if secure {
		return "https://" + host
	}
	return "http://" + host
}
