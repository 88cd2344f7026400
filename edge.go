package bulwark

import (
	"errors"
	"fmt"
	"net"
	"net/http"
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

// An EdgeLayer is a compiled [Edge]. It is made by [NewEdge]; a zero or nil
// EdgeLayer refuses every request with 500 "edge.unconfigured". It is safe for
// concurrent use.
type EdgeLayer struct {
	hosts     map[string]bool
	anyHost   bool
	baseURL   string
	proxies   []netip.Prefix
	header    string
	responder Responder
	made      bool // by NewEdge
}

// Build returns e.
func (e *EdgeLayer) Build() (Layer, error) { return e, nil }

// Kind returns [KindEdge].
func (e *EdgeLayer) Kind() Kind { return KindEdge }

// Wrap settles how each request reached the service before next sees it, or
// refuses the request.
func (e *EdgeLayer) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := e.Check(r)
		w.Header()["X-Request-Id"] = []string{RequestID(r.Context())}
		if err != nil {
			Deny(w, r, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Check settles how r reached the service, and returns the request that tells
// so, for [ClientIP], [RequestID] and the layers inside. The error is the
// refusal of r, for [Deny].
func (e *EdgeLayer) Check(r *http.Request) (*http.Request, error) {
	r, s := Enter(r)
	if e == nil || !e.made {
		return r, &ConfigError{Field: "edge", Reason: "was made without NewEdge; check the error of NewEdge"}
	}
	return r, e.settle(r, s)
}

// settle records in s how r reached the service, or says why it is refused.
func (e *EdgeLayer) settle(r *http.Request, s *Scope) error {
	s.shared.mu.Lock()
	edged, client := s.shared.arrival.edged, s.shared.arrival.clientIP
	s.shared.mu.Unlock()
	if !edged {
		var err error
		if client, err = e.arrive(r, s.shared); err != nil {
			return err
		}
	}
	if !client.IsValid() {
		return &Problem{Status: http.StatusBadRequest, Code: "edge.client_address",
			Detail: "The address of the client could not be determined."}
	}
	if !e.serves(r.Host) {
		return &Problem{Status: http.StatusMisdirectedRequest, Code: "edge.misdirected",
			Detail: "This server does not answer for the host in the request."}
	}
	return nil
}

// arrive settles client, TLS and id, once: a sub-request that a handler sends
// with its own context has come the way of the request around it, whatever its
// header says.
func (e *EdgeLayer) arrive(r *http.Request, rec *record) (netip.Addr, error) {
	client := peer(r)
	secure := r.TLS != nil
	requestID := ""
	var fault error
	if client.IsValid() && e.trusts(client) {
		secure = secure || allHTTPS(r.Header["X-Forwarded-Proto"])
		if ids := r.Header["X-Request-Id"]; len(ids) == 1 && wellFormedID(ids[0]) {
			requestID = ids[0]
		}
		client, fault = e.behindProxies(r, client)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	a := &rec.arrival
	if fault == nil {
		a.clientIP = client
	}
	a.secure, a.baseURL, a.edged = secure, e.baseURL, true
	if requestID != "" {
		a.requestID = requestID
	}
	if e.responder != nil {
		rec.responder = e.responder
	}
	return client, fault
}

// serves reports whether the Host is one of ours, with its port or without.
func (e *EdgeLayer) serves(host string) bool {
	if e.anyHost || e.hosts[host] {
		return true
	}
	host = strings.ToLower(host)
	name := host
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		name = host[:i]
		for _, digit := range []byte(host[i+1:]) {
			if digit < '0' || digit > '9' {
				return false
			}
		}
	}
	return e.hosts[host] || e.hosts[name]
}

func (e *EdgeLayer) trusts(addr netip.Addr) bool {
	for _, prefix := range e.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
