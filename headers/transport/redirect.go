package transport

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/bulwark-go/bulwark"
	"github.com/bulwark-go/bulwark/internal/fault"
)

// RedirectHandler returns a handler for a listener of plain http. It sends
// clients to the same path and query over https with 308, so that method and
// body stay (RFC 9110 section 15.4.9):
//
//	redirect, err := transport.RedirectHandler("app.example.com")
//	…
//	err = transport.Serve(ctx, plain, transport.Server(redirect))
//
// Each host is a name under which clients ask for the service, or a name with
// the port of the TLS listener, such as "localhost:8443". A request for any
// other host is refused with 421 "transport.misdirected": the client chooses
// its Host header, and a redirect to that host could be cached and served to
// others.
//
// A request that has come over TLS is also refused with 421, because a redirect
// would send the client to the same URL again. If one listener, or one proxy,
// serves http and https, put [HTTPSOnly] into the chain instead.
//
// RedirectHandler is for pages that people open. Everything that a client sends
// before the redirect is in the clear, and only HSTS prevents it the next time.
// An API must refuse plain http: see HTTPSOnly.API.
func RedirectHandler(hosts ...string) (http.Handler, error) {
	faults := fault.In("transport")
	if len(hosts) == 0 {
		faults.Add("RedirectHandler", "", needsHosts)
	}
	l := redirectTo(hosts, "transport.RedirectHandler", "RedirectHandler", faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

// redirect maps the name that a client asks for to the host of the redirect.
type redirect struct {
	targets map[string]string
	unknown error // of a host that is not in the map
}

const needsHosts = "needs the hosts under which the service answers, such as app.example.com"

// redirectTo checks the hosts of a field. The log names the field by its path.
func redirectTo(hosts []string, path, field string, faults *fault.List) *redirect {
	l := &redirect{targets: make(map[string]string, len(hosts))}
	for i, host := range hosts {
		if strings.Contains(host, "://") {
			faults.AddAt(field, i, host, "has a scheme; write the host alone, such as app.example.com")
			continue
		}
		target := strings.ToLower(host)
		name := hostname(target)
		if reason := hostFault(name, target[len(name):]); reason != "" {
			faults.AddAt(field, i, host, reason)
			continue
		}
		if _, taken := l.targets[name]; taken {
			faults.AddAt(field, i, host, "is in the list twice; remove one")
			continue
		}
		l.targets[name] = target
	}
	l.unknown = fmt.Errorf("the host of the request is not one of %s (%s)", path, strings.Join(hosts, ", "))
	return l
}

var errRedirectTLS = errors.New("the request came over TLS, and transport.RedirectHandler is for plain http alone; " +
	"if one listener serves both, put transport.HTTPSOnly into the chain")

func (l *redirect) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, scope := bulwark.Enter(r)
	target, ok := l.targets[hostname(strings.ToLower(r.Host))]
	if !ok || scope.Secure() {
		cause := l.unknown
		if ok {
			cause = errRedirectTLS
		}
		bulwark.Deny(w, r, &bulwark.Problem{Status: http.StatusMisdirectedRequest, Code: "transport.misdirected",
			Detail: "This server does not answer for the scheme and host in the request.", Err: cause})
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
			return "has no valid port after the colon; write 1 to 65535"
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		if addr, err := netip.ParseAddr(inner); !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
			return "is not an IPv6 address in brackets; write for example [2001:db8::1]"
		}
		return ""
	}
	if name == "" || len(name) > 253 || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return "is not a host name; write it without scheme, path and trailing dot"
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "is not a host name; write it without scheme, path and wildcard, and an international name in its xn-- form"
		}
	}
	return ""
}
