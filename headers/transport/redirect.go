package transport

import (
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// RedirectHandler returns a handler for plain HTTP that sends clients to the
// same path and query over https, with 308, so that method and body stay (RFC
// 9110 section 15.4.9). Each host is where to send clients that ask for it: a
// name, or a name and the port of the TLS listener, such as "api.example.com"
// or "localhost:8443". A request for any other host is refused with 421
// "transport.misdirected": its Host is the client's word, and a redirect built
// on it can be cached and served to others.
//
// It is for a listener of its own. A request that has come over TLS, directly
// or through a trusted proxy of [bulwark.Edge], is refused with 421 as well: a
// redirect would send it to where it came from. Where one listener, or one
// proxy, serves http and https, put [HTTPSOnly] into the chain.
//
// It is for pages that people open. What a client sends before the redirect has
// been sent in the clear. Only HSTS keeps it from doing so again. An API must
// refuse plain http: a client that is redirected goes on sending its token in
// the clear, and nobody notices. See HTTPSOnly.
func RedirectHandler(hosts ...string) (http.Handler, error) {
	faults := fault.In("transport")
	targets := redirectTo(hosts, "RedirectHandler", faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return targets, nil
}

// redirect maps the name that a client asks for to where it is sent.
type redirect map[string]string

// redirectTo checks the hosts of a field.
func redirectTo(hosts []string, field string, faults *fault.List) redirect {
	targets := make(redirect, len(hosts))
	if len(hosts) == 0 {
		faults.Add(field, "", "needs the hosts under which the service answers")
	}
	for i, host := range hosts {
		target := strings.ToLower(host)
		name := hostname(target)
		if reason := hostFault(name, target[len(name):]); reason != "" {
			faults.AddAt(field, i, host, reason)
			continue
		}
		if _, taken := targets[name]; taken {
			faults.AddAt(field, i, host, "names a host that the list has already")
			continue
		}
		targets[name] = target
	}
	return targets
}

func (targets redirect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, scope := bulwark.Enter(r)
	target, ok := targets[hostname(strings.ToLower(r.Host))]
	if !ok || scope.Secure() {
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMisdirectedRequest, Code: "transport.misdirected",
			Detail: "This server does not answer for the scheme and host in the request."})
		return
	}
	// Scheme, host and user of an absolute request target (RFC 9112 section
	// 3.2.2) are also the client's word; "*" and the target of CONNECT are not
	// paths.
	to := url.URL{Scheme: "https", Host: target, Path: "/"}
	if strings.HasPrefix(r.URL.Path, "/") {
		to.Path, to.RawPath, to.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	}
	w.Header()["Location"] = []string{to.String()}
	w.WriteHeader(http.StatusPermanentRedirect)
}

// hostname cuts the port off a host; IPv6 addresses keep their brackets.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// hostFault says what is wrong with a host of which port is the part from the
// colon on.
func hostFault(name, port string) string {
	if port != "" {
		if n, err := strconv.ParseUint(port[1:], 10, 16); err != nil || n == 0 || port[1] == '0' || port[1] == '+' {
			return "has no port between 1 and 65535 after the colon"
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "is no IPv6 address in brackets"
		}
		return ""
	}
	if name == "" || len(name) > 253 || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return "is no host name; write it without scheme, path or trailing dot"
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "is no host name; write it without scheme, path or wildcard, international names in their xn-- form"
		}
	}
	return ""
}
